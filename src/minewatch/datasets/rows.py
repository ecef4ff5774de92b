# SPDX-License-Identifier: Apache-2.0
"""What ``minewatch label`` writes: a row a conversation, what was read and what was built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from minewatch.address import with_text
from minewatch.allow.marking import COLUMNS as KNOWN
from minewatch.datasets.agreement import FAILURES
from minewatch.datasets.labelling import INSPECTION, VERDICTS
from minewatch.decoders import StratumDecoder, TlsDecoder
from minewatch.output.records import IDENTITY_NAMES, capture_name, facts, printable, with_time_text
from minewatch.output.terminal import endpoint, protocol_name
from minewatch.schema import CONVERSATION, polars_schema
from minewatch.training.labels import ATTRIBUTES

READ: Final = {
    "inspection": "inspection",
    "dialect": "stratum_dialect",
    "state": "stratum_state",
    "algorithm": "stratum_algorithm",
    "coin": "stratum_coin_hint",
    "agent": "stratum_agent",
    "login": "stratum_login",
    "jobs": "stratum_jobs",
    "shares": "stratum_submits",
    "server_name": "tls_sni",
    "evidence": "inspection_evidence",
}
"""Written columns about what was read, and where they come from."""
BUILT: Final = ("label", "source", *ATTRIBUTES)
"""Columns of the labels file; written with the prefix ``built_``."""
_NUMBERS: Final = ("jobs", "shares")
_DECODED: Final = (*StratumDecoder.columns, *TlsDecoder.columns)


def written_schema(with_labels: bool) -> dict[str, pl.DataType]:
    """Return the columns of ``written_rows``.

    Parameters
    ----------
    with_labels : whether there are labels by construction.
    """
    empty = pl.DataFrame(schema=polars_schema((*CONVERSATION, *_DECODED, *INSPECTION)))
    labels = {name: pl.String() for name in (*BUILT, "outcome")}
    built = pl.DataFrame(schema=labels) if with_labels else None
    return dict(written_rows(empty, "", built).schema)


def written_rows(
    inspected: pl.DataFrame, capture: str, built: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the rows to write of inspected conversations.

    Parameters
    ----------
    inspected : conversations with the columns of ``labelling.inspect_capture``.
    capture : name of the input.
    built : their ``LabelledCapture.attributes`` with ``outcome``, in the same order; None if there
        are no labels by construction.
    """
    # What the user knows of the network is asked in a scan alone.
    columns = [facts(inspected, capture).drop(*IDENTITY_NAMES, *KNOWN)]
    texts = [name for name in READ if name not in _NUMBERS]
    read = inspected.select(pl.col(where).alias(name) for name, where in READ.items())
    columns.append(read.with_columns(_printable(read[name]) for name in texts))
    if built is not None:
        columns.append(
            built.select(*(pl.col(name).alias(f"built_{name}") for name in BUILT), "outcome")
        )
    return with_time_text(pl.concat(columns, how="horizontal"))


def _printable(column: pl.Series) -> pl.Series:
    """Return text from the wire without what could act on a terminal; most of it is clean."""
    if column.drop_nulls().str.contains(r"[^[:print:]]").any():
        return column.map_elements(printable, return_dtype=pl.String)
    return column


def mining_lines(inspected: pl.DataFrame) -> Iterator[str]:
    """Yield a line for each conversation in which mining was read, or signs of it.

    Parameters
    ----------
    inspected : conversations with the columns of ``labelling.inspect_capture``.
    """
    shown = with_text(inspected.filter(pl.col("stratum_dialect").is_not_null()))
    for row in shown.iter_rows(named=True):
        yield f"{row['inspection']}  {_ends(row)}  {row['stratum_dialect']}: {_evidence(row)}"


def difference_lines(inspected: pl.DataFrame, capture: str, built: pl.DataFrame) -> Iterator[str]:
    """Yield a line for each conversation of which inspection and labels do not agree.

    Parameters
    ----------
    inspected : conversations with the columns of ``labelling.inspect_capture``.
    capture : name of the input.
    built : their ``LabelledCapture.attributes`` with ``outcome``, in the same order.
    """
    is_wrong = built["outcome"].is_in(FAILURES)
    told = built.filter(is_wrong).iter_rows(named=True)
    shown = with_text(inspected.filter(is_wrong)).iter_rows(named=True)
    for row, label in zip(shown, told, strict=True):
        names = (label["label"], label["dialect"], label["transport"], label["service"])
        built_as = " ".join(name for name in names if name) or "-"
        place = f"{printable(capture_name(capture))}: {_ends(row)}"
        yield f"{label['outcome']}  {place}  built as {built_as}; read: {_evidence(row)}"


def _ends(row: Mapping[str, Any]) -> str:
    protocol = row["protocol_identifier"]
    ends = (
        endpoint(row[f"{side}_address"], row[f"{side}_transport_port"], protocol)
        for side in ("source", "destination")
    )
    return " -> ".join(ends) + ("" if protocol == 6 else f" {protocol_name(protocol)}")


def _evidence(row: Mapping[str, Any]) -> str:
    return printable(row["inspection_evidence"])


def verdict_counts(inspected: pl.DataFrame) -> Counter[tuple[str, str]]:
    """Return how many conversations had each verdict and dialect, which is empty if none was read.

    Parameters
    ----------
    inspected : conversations with ``inspection`` and ``stratum_dialect``.
    """
    counts = inspected.group_by("inspection", pl.col("stratum_dialect").fill_null("")).len()
    return Counter({(verdict, dialect): count for verdict, dialect, count in counts.iter_rows()})


def summary_lines(counts: Mapping[tuple[str, str], int]) -> list[str]:
    """Return verdicts and dialects with their numbers as lines of text, mining first.

    Parameters
    ----------
    counts : of ``verdict_counts``.

    Examples
    --------
    >>> summary_lines({("normal", ""): 1200, ("mining", "kawpow"): 1})
    ['    1  mining: kawpow', '1,200  normal']
    """
    width = max((len(f"{count:,}") for count in counts.values()), default=0)
    ordered = sorted(counts.items(), key=lambda item: (VERDICTS.index(item[0][0]), item[0]))
    return [
        f"{count:>{width},}  {verdict}" + (f": {dialect}" if dialect else "")
        for (verdict, dialect), count in ordered
    ]
