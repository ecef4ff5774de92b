# SPDX-License-Identifier: Apache-2.0
"""Conversations and verdicts as records of the public contract."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl

from minewatch import gate
from minewatch.address import with_text
from minewatch.allow.marking import COLUMNS as KNOWN
from minewatch.output.community import community_ids
from minewatch.output.contract import NAMES
from minewatch.schema import SAMPLING
from minewatch.types import Evidence, Verdict

MAX_ALGORITHM: Final = 64
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S%.6fZ"
_COUNTS: Final = (
    "packet_delta_count",
    "reverse_packet_delta_count",
    "octet_delta_count",
    "reverse_octet_delta_count",
)
IDENTITY_NAMES: Final = (
    *("algorithm", "algorithm_source", "dialect", "pool_family", "payout_coin"),
)
"""Fields that ``minewatch.identify`` fills."""
_READ: Final = {"algorithm": "stratum_algorithm", "dialect": "stratum_dialect"}
_ENDPOINTS: Final = (
    "source_address",
    "source_transport_port",
    "destination_address",
    "destination_transport_port",
    "protocol_identifier",
)


def printable(text: str) -> str:
    r"""Return text from the wire without what could act on a terminal.

    Parameters
    ----------
    text : anything, such as a server's name or a miner's login.

    Examples
    --------
    >>> printable("xmrig\x1b[2J")
    'xmrig?[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)


def capture_name(name: str) -> str:
    """Return the name of an input as text that can be written: bytes that are no UTF-8 replaced.

    Parameters
    ----------
    name : as the operating system gave it.
    """
    return os.fsencode(name).decode("utf-8", "replace")


def facts(frame: pl.DataFrame, capture: str) -> pl.DataFrame:
    """Return the fields of the contract that need no verdict, times as ``Datetime`` in UTC.

    Parameters
    ----------
    frame : conversations, with the columns of decoders or without.
    capture : name of the input.
    """
    times = {
        short: pl.from_epoch(f"{short}_nanoseconds", "ns")
        .dt.cast_time_unit("us")
        .dt.replace_time_zone("UTC")
        for short in ("flow_start", "flow_end")
    }
    ids = community_ids(frame)
    return with_text(frame).select(
        *_ENDPOINTS,
        *(time.alias(name) for name, time in times.items()),
        *_COUNTS,
        _sampling(frame),
        *(_identity(frame, name) for name in IDENTITY_NAMES),
        ids,
        pl.lit(capture_name(capture)).alias("capture"),
        *(_known(frame, name, dtype) for name, dtype in KNOWN.items()),
    )


def _sampling(frame: pl.DataFrame) -> pl.Expr:
    """How many packets a counted one stands for; 1 in captures, which count all."""
    known = pl.col(SAMPLING) if SAMPLING in frame.columns else pl.lit(1, pl.Int64)
    return known.alias(SAMPLING)


def _identity(frame: pl.DataFrame, name: str) -> pl.Expr:
    """What ``identify`` said; in a table that it did not see, what the decoder read."""
    for column in (name, _READ.get(name)):
        if column in frame.columns:
            return pl.col(column).alias(name)
    return pl.lit(None, pl.String).alias(name)


def _known(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Expr:
    """What the user said of the ends; in a table that ``with_known`` did not see, nothing."""
    if name in frame.columns:
        return pl.col(name)
    return pl.lit([] if isinstance(dtype, pl.List) else None, dtype).alias(name)


def with_time_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table of ``facts`` with both times as RFC 3339 text.

    Parameters
    ----------
    frame : a table of ``facts``, and perhaps more.
    """
    return frame.with_columns(pl.col("flow_start", "flow_end").dt.strftime(_TIME_FORMAT))


def records(
    frame: pl.DataFrame, verdicts: Sequence[Verdict], capture: str
) -> Iterator[dict[str, Any]]:
    """Yield one record of the contract for each conversation, keys in the contract's order.

    Parameters
    ----------
    frame : conversations.
    verdicts : one for each row.
    capture : name of the input.
    """
    rows = with_time_text(facts(frame, capture)).iter_rows(named=True)
    for row, verdict in zip(rows, verdicts, strict=True):
        for name in IDENTITY_NAMES:
            if row[name] is not None:
                row[name] = printable(row[name][:MAX_ALGORITHM])
        row |= {
            "mining_probability": verdict.mining_probability,
            "label": verdict.label,
            "detectors": {name: _finite(p) for name, p in verdict.detectors.items()},
            "evidence": [_evidence(item) for item in verdict.evidence],
        }
        yield {name: row[name] for name in NAMES}


def _evidence(item: Evidence) -> dict[str, Any]:
    value = item.value
    return {
        "feature": item.feature,
        "value": printable(value) if isinstance(value, str) else _finite(value),
        "unit": item.unit,
        "contribution": round(item.contribution, 4),
        "text": printable(item.text),
        "normal_low": _finite(item.normal_low),
        "normal_high": _finite(item.normal_high),
    }


def _finite(value: float | None) -> float | None:
    """Return None for what JSON has no number for."""
    return value if value is not None and math.isfinite(value) else None


def gated_records(
    gated: pl.DataFrame, prior: float, detectors: Sequence[str], capture: str
) -> pl.DataFrame:
    """Return the records of conversations that the gate stopped, as one nested table.

    It says what ``scanning.gated_verdict`` says, for many at a time.

    Parameters
    ----------
    gated : conversations with ``gate_reason``.
    prior : the base rate.
    detectors : names of all detectors; none of them was asked.
    capture : name of the input.
    """
    reason = pl.col("gate_reason")
    sentences = {name: f"Not scored: {text}." for name, text in gate.REASONS.items()}
    evidence = pl.struct(
        pl.lit("gate").alias("feature"),
        reason.alias("value"),
        pl.lit("text").alias("unit"),
        pl.lit(0.0).alias("contribution"),
        reason.replace_strict(sentences, return_dtype=pl.String).alias("text"),
        pl.lit(None, pl.Float64).alias("normal_low"),
        pl.lit(None, pl.Float64).alias("normal_high"),
    )
    not_asked = pl.struct(pl.lit(None, pl.Float64).alias(name) for name in detectors)
    table = facts(gated, capture).with_columns(
        gated.get_column("gate_reason"),
        mining_probability=pl.lit(prior),
        label=pl.lit("normal"),
        detectors=not_asked,
    )
    return table.with_columns(evidence=pl.concat_list(evidence)).select(NAMES)
