# SPDX-License-Identifier: Apache-2.0
"""Three weak indicators joined after Dempster and Shafer, as DeCrypto does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from minewatch.detectors.dempster_shafer import Mass, certain, combined, supporting
from minewatch.detectors.learnt import MAX_EVIDENCE, LearntDetector
from minewatch.features.matrix import is_complete
from minewatch.features.volume import VolumeFeatures
from minewatch.models.model_file import Model, scored_base_rate
from minewatch.odds import from_log_odds, log_odds, logit
from minewatch.types import BoolArray, Conversations, Evidence, Scores

CURRENCIES: Final = ("btc", "eth", "xmr", "rvn")
"""Short names of currencies; they count with a dot or a dash at one side [2]_."""
KEYWORDS: Final = ("pool", "mine", "mining", "monero", "nicehash")
"""Words that count anywhere in a name: the first three are DeCrypto's [2]_, two are ours, because
moneroocean.stream and nicehash.com hold none of the three."""

THRESHOLD_WITH_NAME: Final = 0.03
"""DeCrypto's threshold of the joint probability, where the client asked for a name [2]_."""
THRESHOLD_WITHOUT_NAME: Final = 0.99
"""DeCrypto's threshold of the model's probability, where it did not [2]_."""
WORD: Final = 1 - THRESHOLD_WITH_NAME / (1 - THRESHOLD_WITH_NAME) / (
    THRESHOLD_WITHOUT_NAME / (1 - THRESHOLD_WITHOUT_NAME)
)
"""Mass of one kind of word, 0.9997: with it, 0.03 of the model decides what 0.99 does alone."""
DIALOGUE: Final = 0.999999
"""Mass of a dialect of mining read in the clear: it decides alone, as it does there."""
CERTAIN: Final = 1e-9


class WeakIndicatorsDetector(LearntDetector):
    """A dialect of mining in the payload, words in the name that TLS asks for, and a model.

    DeCrypto calls a flow mining at once if its payload meets a regular expression for Stratum.
    Else, if the client asked for a name, it joins the model's probability with a score of the name
    (0, 0.5 or 1: half for a currency, half for a word) and compares with 0.03; if not, the model
    must reach 0.99 by itself. Two thresholds are no probability, so this detector says the same in
    masses: each kind of word supports mining with ``WORD``, which moves log-odds by as much as its
    two thresholds are apart; a name without any supports normal as much; a dialect that our
    decoder read supports mining with ``DIALOGUE``, and the model is not asked then. Dempster's
    rule joins them, and the pignistic probability, which holds where half is mining because masses
    know no prior, is carried to the base rate in the model's card. DeCrypto's thresholds are then
    one, 0.17 at a base rate of 0.002.

    Ours are: the decoder in place of the expression (in their later version in C++ it looks for
    ``"(jsonrpc|method|worker)":`` and others, which any JSON-RPC meets); a random forest (theirs is
    a pickle that we do not load) over its twelve features, seven of them of the whole conversation
    instead of its first 30 packets.

    Assumes that name and traffic are independent evidence. Blind spots: TLS without a name, which
    is how XMRig asks, leaves the model alone, and so does any other tunnel; a name that its owner
    chose clears a miner; ``mine`` and ``pool`` occur in jasmine and carpool; heartbeats and queues
    for the model.

    Parameters
    ----------
    models : one loaded model; None for the one that ships.

    Raises
    ------
    ModelError : the model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Not ready (NaN) where the model is not and no dialect was read: a name alone is no evidence.
    Cost: 60 trees, and one search in each different name; 5 microseconds a conversation, beside the
    decoders, which must read every TLS handshake. One thread; rows never affect each other.

    References
    ----------
    .. [1] R. Plny, K. Hynek, T. Cejka, "DeCrypto: Finding Cryptocurrency Miners on ISP Networks",
       NordSec 2022.
    .. [2] plnyrich/DeCrypto, detector/src: MetaClassifier.py, TlsSniCryptoDetector.py,
       DSTCombinator.py (words, thresholds, order of the indicators).
    """

    name = "weak-indicators"
    parts = ("weak-indicators",)
    feature_sets = (VolumeFeatures(),)
    uses = ("stratum_dialect", "tls_sni")

    def __init__(self, models: Sequence[Model] | None = None) -> None:
        super().__init__(models)
        card = self.models[0].card
        self._base = logit(scored_base_rate(card.base_rate, card.pass_share))

    def score(self, conversations: Conversations) -> Scores:
        """Return the joint probability at the base rate of the model, NaN where not ready."""
        if not is_complete(conversations.frame, self.requires):
            return Scores(self.name, np.full(len(conversations), np.nan))
        dialogue, name, model = self._masses(conversations)
        joint = combined([dialogue, name, model]).log_odds()
        is_ready = (dialogue.mining > 0) | (model.either == 0)
        probability = from_log_odds(joint + self._base)
        return Scores(self.name, np.where(is_ready, probability, np.nan))

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return what each indicator adds, the strongest first; the model's features among them.

        A contribution is the change of joint log-odds by the indicator alone.
        """
        if not is_complete(conversations.frame, self.requires):
            return []
        alone = conversations.frame.slice(row, 1)
        dialect, name = (_text(alone, column) for column in self.uses)
        if dialect:
            weight = logit((1 + DIALOGUE) / 2)
            text = f"The payload speaks {dialect}, a dialect of mining: that decides alone."
            return [Evidence("stratum_dialect", dialect, "text", weight, text)]
        if not any(
            one.is_ready(one.values(conversations)[row : row + 1])[0] for one in self._inputs
        ):
            return []
        found = [*super().explain(conversations, row)]
        if name:
            words = words_in(name)
            weight = (len(words) or -1) * -float(np.log1p(-WORD))
            said = (
                f"which holds {' and '.join(words)}" if words else "in which no word is of mining"
            )
            text = f"The client asked for {name}, {said}."
            found.append(Evidence("tls_sni", name, "text", weight, text))
        return sorted(found, key=lambda item: -abs(item.contribution))[:MAX_EVIDENCE]

    def _masses(self, conversations: Conversations) -> tuple[Mass, Mass, Mass]:
        """What dialect, name and model say; only the dialect where there is one."""
        frame = conversations.frame
        is_dialogue = _column(frame, "stratum_dialect").is_not_null().to_numpy()
        learnt = super().score(conversations).probability
        at_half = from_log_odds(log_odds(learnt, CERTAIN) - self._base)
        model = certain(np.where(is_dialogue, np.nan, at_half))
        dialogue = supporting(np.where(is_dialogue, DIALOGUE, 0.0), np.zeros(len(frame)))
        return dialogue, _name_mass(_column(frame, "tls_sni"), ~is_dialogue), model


def words_in(name: str) -> list[str]:
    """Return the first word of each kind, currencies and keywords, that a name holds.

    Parameters
    ----------
    name : of a server, any case.

    Examples
    --------
    >>> words_in("XMR-eu1.nanopool.org"), words_in("ethics.example"), words_in("carpool.example")
    (['xmr', 'pool'], [], ['pool'])
    """
    lower = name.lower()
    currencies = [
        word
        for word in CURRENCIES
        if any(sign + word in lower or word + sign in lower for sign in ".-")
    ]
    keywords = [word for word in KEYWORDS if word in lower]
    return currencies[:1] + keywords[:1]


def _name_mass(names: pl.Series, is_asked: BoolArray) -> Mass:
    """One support for each kind of word; for normal where there is a name and no word."""
    kinds = {name: len(words_in(name)) for name in names.drop_nulls().unique().to_list()}
    n_kinds = np.array([kinds.get(name, -1) for name in names.to_list()], np.int64)
    n_kinds[~is_asked] = -1
    mining = np.select([n_kinds == 1, n_kinds == 2], [WORD, 1 - (1 - WORD) ** 2], 0.0)
    return supporting(mining, np.where(n_kinds == 0, WORD, 0.0))


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a decoder's column, nulls if the input has none; an empty name is none."""
    if name not in frame.columns:
        return pl.Series(name, [None] * frame.height, pl.String)
    return frame.select(pl.when(pl.col(name) != "").then(pl.col(name))).to_series()


def _text(alone: pl.DataFrame, name: str) -> str:
    """Return what the wire said, kept from acting on a terminal; empty if nothing."""
    value = _column(alone, name)[0]
    return "".join(c if c.isprintable() else "?" for c in str(value or "")[:128])
