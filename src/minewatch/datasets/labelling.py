# SPDX-License-Identifier: Apache-2.0
"""Labels by deep packet inspection: what the decoders read of every conversation of a capture.

Short conversations are inspected too, which a scan's gate would stop. What cannot be read is called
so: an inspection that sees nothing of mining inside TLS has not seen that there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import polars as pl

from minewatch.contracts import Decoder
from minewatch.decoders import StratumDecoder, TlsDecoder
from minewatch.detectors.signature import SignatureDetector
from minewatch.pipeline import CaptureReport, PipelineOptions, conversations
from minewatch.readers.source import Input
from minewatch.scanning import ScanReport, decode
from minewatch.schema import (
    KIND_DNS,
    KIND_HTTP,
    KIND_JSON,
    KIND_JSON_RPC,
    KIND_TLS,
    KIND_WEBSOCKET,
    Column,
)
from minewatch.types import Conversations

MINING: Final = "mining"
UNCLEAR: Final = "unclear"
ENCRYPTED: Final = "encrypted"
NORMAL: Final = "normal"
VERDICTS: Final = (MINING, UNCLEAR, ENCRYPTED, NORMAL)
THRESHOLD: Final = 0.5
"""Probability of the signature from which a dialect that was read counts as mining."""

INSPECTION: Final = (
    Column(
        "inspection",
        pl.String(),
        "-",
        "mining: a dialect was read; unclear: signs of one that have other explanations; "
        "encrypted: a TLS handshake, and what follows cannot be read; normal: nothing began like "
        "a mining protocol.",
    ),
    Column("inspection_evidence", pl.String(), "-", "What was seen, in a sentence."),
)


@dataclass(frozen=True, slots=True)
class InspectionOptions:
    """How to inspect.

    Parameters
    ----------
    pipeline : how inputs become conversations; its gate is left out.
    decoders : what reads payload; the columns of ``stratum`` must be among theirs.
    """

    pipeline: PipelineOptions = field(default_factory=PipelineOptions)
    decoders: Sequence[Decoder] = field(default_factory=lambda: (StratumDecoder(), TlsDecoder()))


def inspect_capture(
    source: Input, options: InspectionOptions
) -> tuple[ScanReport[CaptureReport], Iterator[Conversations]]:
    """Open a capture; return its report, complete when all are used up, and its conversations.

    Parameters
    ----------
    source : the capture.
    options : how to inspect.

    Returns
    -------
    The report, and conversations in the columns of ``schema.CONVERSATION``, of the decoders and of
    ``INSPECTION``, with their packets.

    Raises
    ------
    SourceError : it cannot be opened, or is no capture.
    """
    capture, chunks = conversations(source, replace(options.pipeline, with_gate=False))
    report = ScanReport(capture)
    return report, (_inspected(chunk.passed, options, report) for chunk in chunks)


def _inspected(
    given: Conversations, options: InspectionOptions, report: ScanReport[CaptureReport]
) -> Conversations:
    everyone = np.ones(len(given), np.bool_)
    decoded = decode(given, options.decoders, everyone, report)
    detector = SignatureDetector()
    probability = pl.Series("probability", detector.score(decoded).probability)
    frame = decoded.frame.with_columns(_verdict(probability))
    is_read = frame["stratum_dialect"].is_not_null()
    sentences = [detector.explain(decoded, row)[0].text for row in is_read.arg_true().to_list()]
    evidence = frame.select(_evidence()).to_series()
    evidence = evidence.scatter(is_read.arg_true(), pl.Series(sentences, dtype=pl.String))
    report.scored += len(given)
    report.mining += int((frame["inspection"] == MINING).sum())
    return replace(decoded, frame=frame.with_columns(evidence))


def _verdict(probability: pl.Series) -> pl.Expr:
    is_tls = (pl.col("payload_kinds") & KIND_TLS) != 0
    is_read = pl.col("stratum_dialect").is_not_null()
    return (
        pl.when(is_read & (probability >= THRESHOLD))
        .then(pl.lit(MINING))
        .when(is_read)
        .then(pl.lit(UNCLEAR))
        .when(is_tls)
        .then(pl.lit(ENCRYPTED))
        .otherwise(pl.lit(NORMAL))
        .alias("inspection")
    )


def _evidence() -> pl.Expr:
    """Return what was seen of a conversation in which no dialect was read."""
    kinds = pl.col("payload_kinds")
    has_payload = (pl.col("payload_octet_count") + pl.col("reverse_payload_octet_count")) > 0
    version = pl.coalesce("tls_version", pl.lit("TLS"))
    name = pl.concat_str(pl.lit(" to "), "tls_sni")
    tls = pl.concat_str(version, name, pl.lit(": what follows is encrypted."), ignore_nulls=True)
    return (
        pl.when((kinds & KIND_TLS) != 0)
        .then(tls)
        .when((kinds & KIND_DNS) != 0)
        .then(pl.lit("DNS."))
        .when((kinds & KIND_WEBSOCKET) != 0)
        .then(pl.lit("A web socket without a message of mining."))
        .when((kinds & (KIND_JSON | KIND_JSON_RPC)) != 0)
        .then(pl.lit("JSON was read in the clear and speaks no dialect of mining."))
        .when((kinds & KIND_HTTP) != 0)
        .then(pl.lit("HTTP without a call in JSON."))
        .when(has_payload)
        .then(pl.lit("Payload that begins like no mining protocol; a tunnel in it is not seen."))
        .otherwise(pl.lit("No payload."))
        .alias("inspection_evidence")
    )
