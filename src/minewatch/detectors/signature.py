# SPDX-License-Identifier: Apache-2.0
"""The ``signature`` detector: what the Stratum decoder read, as a probability with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from minewatch.detectors.fusion import BASE_RATE
from minewatch.detectors.latest import Latest
from minewatch.odds import logit
from minewatch.schema import KIND_JSON, KIND_JSON_RPC, KIND_NOISE, KIND_TLS, KIND_WEBSOCKET
from minewatch.types import Conversations, Evidence, FloatArray, Scores

ACCEPTED = 0.999
"""A share was accepted: work was done and paid."""
JOB_TAKEN = 0.998
"""A pool gave a job to a miner that had asked; no share seen yet."""
ANSWERED = 0.95
"""A miner was answered as only a pool answers, without a job in the kept octets."""
JOBS_PUSHED = 0.99
"""Two jobs or more, the miner unheard: the capture has one direction or began late."""
JOB_PUSHED = 0.97
"""One job, the miner unheard."""
SHARES_SENT = 0.95
"""Shares without an answer: the pool was not heard."""
ATTEMPT = 0.8
"""A miner's first words without a pool's answer: mining was meant, and may not have begun."""
WORK_POLLED = 0.7
"""getwork answered: hardly anything but old miners still asks so."""
TEMPLATE_POLLED = 0.4
"""A node gave templates: a solo miner asks so, and so does every pool's own server."""
POLL_UNANSWERED = 0.2
"""Work was asked of a node that gave none."""
SIZES_FIT = 0.7
"""Stratum V2 by sizes: handshake, jobs and shares fit."""
HANDSHAKE_FITS = 0.3
"""Stratum V2 by sizes: only the handshake fits."""
READ_NOT_MINING = 0.0005
"""JSON was read in the clear, and no dialect: four times less likely than the base rate."""

# What the decoder reads without a key, and what hides the rest. HTTP without a call in JSON is not
# kept, so nothing is said of it: behind its head there may be a tunnel.
_CLEAR_KINDS = KIND_JSON | KIND_JSON_RPC
_VEILED_KINDS = KIND_TLS | KIND_WEBSOCKET | KIND_NOISE

_REQUIRED = (
    "stratum_dialect",
    "stratum_state",
    "stratum_requests",
    "stratum_jobs",
    "stratum_submits",
    "stratum_results_ok",
)

_TITLES = {
    "cryptonote": "CryptoNote Stratum",
    "bitcoin": "Bitcoin-style Stratum",
    "kawpow": "KawPow Stratum",
    "zcash": "Zcash Stratum",
    "eth-stratum": "Ethash Stratum",
    "ethereumstratum1": "EthereumStratum/1",
    "ethereumstratum2": "EthereumStratum/2",
    "eth-proxy": "eth-proxy",
    "eth-getwork": "Ethash getwork over HTTP",
    "getwork": "getwork over HTTP",
    "getblocktemplate": "getblocktemplate over HTTP",
    "coinhive": "browser miner's web socket",
    "stratum-v2": "Stratum V2, told by sizes only",
}


class SignatureDetector:
    """Probability of mining from what the ``stratum`` decoder read.

    Certain where both sides were heard, lower where only one was. A conversation that was read in
    the clear and speaks no dialect of mining gets less than the base rate; one that was not read
    gets NaN: no payload kept, encrypted, or from a flow log.

    Blind spots: mining inside TLS or another tunnel, compressed web sockets, payload that was not
    kept or captured, dialects that are not known. A pool's server that asks its own node for
    templates looks like a solo miner, and the other way round: both get a middling probability.

    Notes
    -----
    Each state has one probability, a constant of this module with its reason. They were set by
    judgement from what each state proves, and checked on captures: no false alarm at 0.5 in 2,400
    captures without mining.

    Examples
    --------
    >>> frame = pl.DataFrame({"stratum_dialect": ["cryptonote", None],
    ...     "stratum_state": ["session", None], "stratum_requests": [3, None],
    ...     "stratum_jobs": [2, None], "stratum_submits": [1, None],
    ...     "stratum_results_ok": [1, None]})
    >>> SignatureDetector().score(Conversations(frame)).probability
    array([0.999,   nan])
    """

    name = "signature"
    requires = _REQUIRED
    uses = requires

    def __init__(self) -> None:
        self._latest = Latest(_probabilities)

    def score(self, conversations: Conversations) -> Scores:
        """Return the probability for each row, NaN where nothing was read."""
        return Scores(self.name, _probabilities(conversations.frame))

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return the reasons for one row, the decisive one first; none where it is NaN."""
        probability = float(self._latest.of(conversations.frame)[row])
        if math.isnan(probability):
            return []
        values = conversations.frame.row(row, named=True)
        contribution = logit(probability) - logit(BASE_RATE)
        state = values["stratum_state"]
        if state is None:
            text = "JSON was read in the clear and speaks no dialect of mining."
            return [Evidence("payload_kinds", "json", "text", contribution, text)]
        return [
            Evidence("stratum_state", state, "text", contribution, _sentence(values)),
            *_notes(values),
        ]


def _probabilities(frame: pl.DataFrame) -> FloatArray:
    if any(column not in frame.columns for column in _REQUIRED):
        return np.full(frame.height, np.nan)
    probability = frame.select(_probability(frame)).to_series().fill_null(math.nan)
    return probability.to_numpy().astype(np.float64)


def _probability(frame: pl.DataFrame) -> pl.Expr:
    state, dialect = pl.col("stratum_state"), pl.col("stratum_dialect")
    jobs, accepted = pl.col("stratum_jobs"), pl.col("stratum_results_ok")
    is_session, is_poll = state == "session", state == "poll"
    is_sizes = dialect == "stratum-v2"
    choice = (
        pl.when(is_sizes & is_session)
        .then(pl.lit(SIZES_FIT))
        .when(is_sizes)
        .then(pl.lit(HANDSHAKE_FITS))
        .when(is_session & (accepted > 0))
        .then(pl.lit(ACCEPTED))
        .when(is_session & (jobs > 0))
        .then(pl.lit(JOB_TAKEN))
        .when(is_session)
        .then(pl.lit(ANSWERED))
        .when(state == "jobs-only")
        .then(pl.when(jobs > 1).then(pl.lit(JOBS_PUSHED)).otherwise(pl.lit(JOB_PUSHED)))
        .when(state == "attempt")
        .then(
            pl.when(pl.col("stratum_submits") > 0)
            .then(pl.lit(SHARES_SENT))
            .otherwise(pl.lit(ATTEMPT))
        )
        .when(is_poll & (jobs == 0))
        .then(pl.lit(POLL_UNANSWERED))
        .when(is_poll & (dialect == "getwork"))
        .then(pl.lit(WORK_POLLED))
        .when(is_poll)
        .then(pl.lit(TEMPLATE_POLLED))
    )
    if "payload_kinds" in frame.columns:
        kinds = pl.col("payload_kinds").cast(pl.Int64)
        is_clear = ((kinds & _CLEAR_KINDS) != 0) & ((kinds & _VEILED_KINDS) == 0)
        choice = choice.when(dialect.is_null() & is_clear).then(pl.lit(READ_NOT_MINING))
    return choice.otherwise(pl.lit(None, dtype=pl.Float64)).alias("probability")


def _sentence(values: Mapping[str, object]) -> str:
    """Return what was seen, in one sentence."""
    dialect, state = str(values["stratum_dialect"]), values["stratum_state"]
    title = _TITLES.get(dialect, _clean(dialect))
    if dialect == "stratum-v2":
        return f"Sizes of the first packets fit the handshake{_ladder(values)} ({title})."
    if state == "poll":
        return (
            f"Work was asked of a node {_times(values['stratum_requests'])} and given "
            f"{_times(values['stratum_jobs'])}: a solo miner, or a pool's server at its own node; "
            f"the wire does not tell which ({title})."
        )
    who = _who(values)
    parts = {
        "session": f"{who}, {_reply(values)}",
        "jobs-only": "A pool pushed jobs; the miner's side was not captured",
        "attempt": f"{who}; no pool's answer was seen, an attempt",
    }
    return f"{parts.get(str(state), who)}; {_work(values)} ({title})."


def _who(values: Mapping[str, object]) -> str:
    login, agent = values.get("stratum_login"), values.get("stratum_agent")
    text = f"Login as {_clean(login)}" if login else "A miner"
    return f"{text} by {_clean(agent)}" if agent else text


def _reply(values: Mapping[str, object]) -> str:
    algorithm = values.get("stratum_algorithm")
    if not values["stratum_jobs"]:
        return "answered as only a pool does"
    return f"answered with a job ({_clean(algorithm)})" if algorithm else "answered with a job"


def _work(values: Mapping[str, object]) -> str:
    shares = _number(values["stratum_submits"])
    accepted = _number(values["stratum_results_ok"])
    texts = [_counted(_number(values["stratum_jobs"]), "job") + " pushed"]
    texts.append(
        _counted(accepted, "share") + " accepted"
        if accepted
        else _counted(shares, "share") + " sent"
    )
    refused = _number(values.get("stratum_results_error"))
    return ", ".join(texts) + (f", {refused} refused" if refused else "")


def _ladder(values: Mapping[str, object]) -> str:
    jobs, shares = _number(values["stratum_jobs"]), _number(values["stratum_submits"])
    return f", {_counted(jobs, 'job')} and {_counted(shares, 'share')}" if jobs or shares else ""


def _notes(values: Mapping[str, object]) -> list[Evidence]:
    notes = []
    if coin := values.get("stratum_coin_hint"):
        text = (
            f"The miner asks to be paid in {_clean(coin)}; the chain that it mines may be another."
        )
        notes.append(Evidence("stratum_coin_hint", _clean(coin), "text", 0.0, text))
    if values.get("stratum_is_miner_initiator") is False:
        text = "The miner is the responder here: the capture began after the connection did."
        notes.append(Evidence("stratum_is_miner_initiator", "false", "text", 0.0, text))
    return notes


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _times(value: object) -> str:
    return _counted(_number(value), "time")


def _clean(value: object) -> str:
    """Keep what the wire said from acting on a terminal, whoever filled the table."""
    return "".join(c if c.isprintable() else "?" for c in str(value)[:128])
