# SPDX-License-Identifier: Apache-2.0
"""The ``intel`` detector: names and addresses from lists, the user's and a small one that ships.

A list is evidence and never a verdict: entries outlive pools, and addresses of a content delivery
network serve thousands of innocents. The list that ships holds names only, with little weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from minewatch.detectors.fusion import BASE_RATE
from minewatch.detectors.indicators import HALF_LIFE_DAYS, NS_PER_DAY, Indicator, Indicators
from minewatch.odds import logit
from minewatch.types import Conversations, Evidence, Scores

MAX_PROBABILITY = 0.3
"""What the best entry can give: lists are stale and shared (falcosecurity/rules#62)."""

EXACT, OTHER_PORT, ANY_PORT, SUBDOMAIN, WEB_SITE = 1.0, 0.4, 0.6, 0.8, 0.2
"""How well a conversation meets an entry: in full, at another port, without one, below a name, at
a name that begins with ``www.``: pools have web sites, and reading one is no mining."""

_MAX_LABELS = 16
_ENDS = ("destination", "source")
_NAMES = ("tls_sni", "destination_name")
_TIME = "flow_start_nanoseconds"


@dataclass(frozen=True, slots=True)
class _Match:
    indicator: Indicator
    column: str
    fit: float


class IntelDetector:
    """Whether an address or name of the conversation stands in a list.

    A weak probability, at most ``MAX_PROBABILITY``, lower for an old or doubtful entry, another
    port, or a name that only lies below a listed one. NaN without a list, and NaN for a
    conversation that is not in it: that a list does not know a pool says nothing (most ports and
    half of the pools of real malware are in none).

    Assumes that names come from the capture itself (SNI, DNS answers) and that an entry's date is
    honest. Blind spots: pools that no list has, private proxies, pools behind an address that is
    shared with innocents, and names hidden from the capture (TLS without SNI, DNS over HTTPS).
    Confuses a visit to a pool's web site with mining at it, but for names that begin with ``www.``.

    Parameters
    ----------
    indicators : the lists, from `load_lists`; None for no list.

    Notes
    -----
    Cost: two joins for a table, and one look-up for each different name. With a list, every TLS
    handshake is read and every responder named, which without one is done for findings only.

    References
    ----------
    .. [1] falcosecurity/rules#62 (an address of a content delivery network on a list of pools).
    .. [2] AdamYoung71/mining-pool-domain-intel (1,230 endpoints of pools on 650 ports; of its
       entries a quarter was confirmed).
    """

    name = "intel"
    requires = (
        "source_address_high",
        "source_address_low",
        "destination_address_high",
        "destination_address_low",
        "source_transport_port",
        "destination_transport_port",
    )

    def __init__(self, indicators: Indicators | None = None) -> None:
        self.indicators = indicators or Indicators()
        self.uses: tuple[str, ...] = _NAMES if len(self.indicators) else ()

    def score(self, conversations: Conversations) -> Scores:
        """Return the probability for each row, NaN where no entry matches."""
        frame = conversations.frame
        probability = np.full(frame.height, np.nan)
        if len(self.indicators) and all(name in frame.columns for name in self.requires):
            for row in self._candidates(frame):
                match, weight = self._best(frame, row)
                if match is not None:
                    probability[row] = _probability(weight)
        return Scores(self.name, probability)

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return the best entry for one row, or nothing."""
        frame = conversations.frame
        if not all(name in frame.columns for name in self.requires):
            return []
        match, weight = self._best(frame, row)
        if match is None:
            return []
        contribution = logit(_probability(weight)) - logit(BASE_RATE)
        value = match.indicator.value[:128]
        now = frame.item(row, _TIME) if _TIME in frame.columns else None
        return [Evidence(match.column, value, "text", contribution, _sentence(match, now))]

    def _candidates(self, frame: pl.DataFrame) -> list[int]:
        """Return the rows where an address or a name may be in the list: few, found in bulk."""
        listed = pl.DataFrame(
            list(self.indicators.addresses), schema=["high", "low"], orient="row"
        ).cast(pl.UInt64)
        numbered = frame.with_row_index("_row")
        rows: set[int] = set()
        for end in _ENDS:
            keys = [f"{end}_address_high", f"{end}_address_low"]
            hits = numbered.join(listed, left_on=keys, right_on=["high", "low"], how="semi")
            rows.update(hits["_row"].to_list())
        for column in self._name_columns(frame):
            unique = frame[column].drop_nulls().unique().to_list()
            known = [name for name in unique if any(self._entries(name))]
            hits = numbered.filter(pl.col(column).is_in(known))
            rows.update(hits["_row"].to_list())
        return sorted(rows)

    def _best(self, frame: pl.DataFrame, row: int) -> tuple[_Match | None, float]:
        values = frame.row(row, named=True)
        now_ns = values.get(_TIME)
        best, most = None, -1.0
        for match in self._matches(values, self._name_columns(frame)):
            weight = match.fit * match.indicator.weight(now_ns)
            if weight > most:
                best, most = match, weight
        return best, most

    def _matches(self, values: Mapping[str, object], names: Iterable[str]) -> Iterator[_Match]:
        for end in _ENDS:
            high, low = values[f"{end}_address_high"], values[f"{end}_address_low"]
            if isinstance(high, int) and isinstance(low, int):
                port = values[f"{end}_transport_port"]
                for entry in self.indicators.addresses.get((high, low), ()):
                    yield _Match(entry, f"{end}_address", _port_fit(entry.port, port))
        for column in names:
            for entry, fit in self._entries(values[column]):
                yield _Match(entry, column, fit)

    def _entries(self, name: object) -> Iterator[tuple[Indicator, float]]:
        """Yield the entries for a name and for the names above it."""
        if not isinstance(name, str):
            return
        labels = name.lower().strip(".").split(".")[-_MAX_LABELS:]
        for i in range(max(len(labels) - 1, 1)):
            for entry in self.indicators.names.get(".".join(labels[i:]), ()):
                if labels[0] == "www":
                    yield entry, WEB_SITE
                else:
                    yield entry, SUBDOMAIN if i else EXACT

    @staticmethod
    def _name_columns(frame: pl.DataFrame) -> list[str]:
        return [name for name in _NAMES if name in frame.columns]


def _port_fit(listed: int, port: object) -> float:
    if not listed:
        return ANY_PORT
    return EXACT if listed == port else OTHER_PORT


def _probability(weight: float) -> float:
    """Return the probability that the best entry gives, by its weight in [0, 1]."""
    return BASE_RATE + (MAX_PROBABILITY - BASE_RATE) * weight


def _age(entry: Indicator, now_ns: int | None) -> str:
    """Say how old the entry was when the conversation began, and what that leaves of it."""
    if entry.date_ns is None:
        return "the entry has no date"
    date = f"{datetime.fromtimestamp(entry.date_ns // 10**9, UTC):%Y-%m-%d}"
    if now_ns is None:
        return f"the entry is of {date}"
    if now_ns <= entry.date_ns:
        return f"the entry is of {date}, after the conversation"
    days = (now_ns - entry.date_ns) // NS_PER_DAY
    kept = 0.5 ** (days / HALF_LIFE_DAYS)
    return f"the entry is of {date}, {days:,} days old, and counts {kept:.0%}"


def _sentence(match: _Match, now_ns: int | None) -> str:
    entry = match.indicator
    where = f"{entry.value}:{entry.port}" if entry.port else entry.value
    text = (
        f"{match.column} meets {where}, listed by {entry.source or 'the list'} as "
        f"{entry.label or 'unspecified'} ({entry.place}); {_age(entry, now_ns)}. Addresses and "
        "names are reused and shared by content delivery networks: a hint, never a reason to block."
    )
    return "".join(c if c.isprintable() else "?" for c in text[:512])
