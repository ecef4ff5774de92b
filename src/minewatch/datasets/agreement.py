# SPDX-License-Identifier: Apache-2.0
"""Inspection against construction: whether the decoders read what is known to be there.

The labels file says what a conversation is because somebody built it so. The inspection says what
was read. A difference is a defect of one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

import polars as pl

from minewatch.datasets.labelling import ENCRYPTED, MINING, NORMAL

RIGHT: Final = "right"
WRONG: Final = "wrong"
MISSED: Final = "missed"
HIDDEN: Final = "hidden"
TOO_SHORT: Final = "too short"
FALSE: Final = "called mining"
UNLABELLED: Final = "not labelled"
SKIPPED: Final = "skipped"

OUTCOMES: Final = {
    RIGHT: "mining decoded as its dialect, or normal and not called mining",
    HIDDEN: "mining that is encrypted, so that it cannot be read: expected",
    TOO_SHORT: "mining of which the capture has no message of both sides, or no job",
    WRONG: "mining decoded as another dialect, or readable though its label says encrypted",
    MISSED: "mining in the clear that was not decoded",
    FALSE: "normal, and called mining",
    UNLABELLED: "no rule of the labels file matches, or only that for what is unknown",
    SKIPPED: "the labels file says skip",
}
FAILURES: Final = (WRONG, MISSED, FALSE, UNLABELLED)
UNKNOWN_SERVICE: Final = "unknown"
"""Service of the rule with which a run's labels skip what its plan does not explain."""

_KEYS: Final = ("label", "dialect", "transport", "service", "outcome")
_NONE: Final = "-"
_Naming: TypeAlias = Callable[[tuple[str, ...]], tuple[str, ...]]


def decoded_names() -> dict[str, str]:
    """Return what the ``stratum`` decoder calls each dialect of the lab.

    Examples
    --------
    >>> decoded_names()["cryptonote-p2pool"]
    'cryptonote'
    """
    from minewatch.lab.dialects import DIALECTS

    return {name: dialect.decoded_as for name, dialect in DIALECTS.items()}


def outcomes(
    inspected: pl.DataFrame, attributes: pl.DataFrame, names: Mapping[str, str]
) -> pl.Series:
    """Return one of ``OUTCOMES`` for each conversation.

    Parameters
    ----------
    inspected : conversations with the columns of ``labelling.inspect_capture``.
    attributes : ``LabelledCapture.attributes`` of the same rows.
    names : what the decoder calls each dialect of a label; others are called as they are.

    Notes
    -----
    A label without dialect is met by any dialect. A label without transport may turn out to be
    encrypted; one that says ``tcp`` may not, unless the evasion is an SSH tunnel, or the dialect is
    Stratum V2 and the evasion changes the sizes by which it is known. Dialects of the family
    ``mining.*`` begin alike, so before the first job another member of it is too short a look, and
    no mistake.
    """
    table = pl.concat(
        [
            inspected.select(
                "payload_packet_count",
                "reverse_payload_packet_count",
                "stratum_dialect",
                "stratum_jobs",
                "inspection",
            ),
            attributes.select("label", "dialect", "transport", "evasion", "service"),
        ],
        how="horizontal",
    )
    return table.select(_outcome(names)).to_series()


def _outcome(names: Mapping[str, str]) -> pl.Expr:
    label, transport = pl.col("label"), pl.col("transport").fill_null("")
    wanted = pl.col("dialect").replace(dict(names))
    decoded = pl.col("stratum_dialect")
    evasions = pl.col("evasion").fill_null("").str.split("+")
    says_hidden = transport.str.starts_with("tls") | evasions.list.contains("ssh")
    # Stratum V2 is encrypted and known by the sizes of its first packets, which these change.
    is_resized = (wanted == "stratum-v2").fill_null(value=False) & pl.any_horizontal(
        evasions.list.contains(name) for name in ("socks5", "websocket", "padding")
    )
    may_hide = is_resized | ((transport == "") & (pl.col("inspection") == ENCRYPTED))
    spoken = pl.min_horizontal("payload_packet_count", "reverse_payload_packet_count")
    is_right = decoded.is_not_null() & (wanted.is_null() | (wanted == decoded))
    has_job = pl.col("stratum_jobs").fill_null(0) > 0
    mining = (
        pl.when(says_hidden)
        .then(pl.when(decoded.is_null()).then(pl.lit(HIDDEN)).otherwise(pl.lit(WRONG)))
        .when(is_right)
        .then(pl.lit(RIGHT))
        .when(may_hide)
        .then(pl.lit(HIDDEN))
        .when(spoken < _least_messages(wanted, evasions))
        .then(pl.lit(TOO_SHORT))
        .when(decoded.is_null())
        .then(pl.lit(MISSED))
        .when(has_job)
        .then(pl.lit(WRONG))
        .otherwise(pl.lit(TOO_SHORT))
    )
    is_false = pl.col("inspection") == MINING
    is_unknown = (label == "skip") & (pl.col("service") == UNKNOWN_SERVICE)
    return (
        pl.when(label.is_null() | is_unknown)
        .then(pl.lit(UNLABELLED))
        .when(label == "skip")
        .then(pl.lit(SKIPPED))
        .when(label == MINING)
        .then(mining)
        .otherwise(pl.when(is_false).then(pl.lit(FALSE)).otherwise(pl.lit(RIGHT)))
        .alias("outcome")
    )


def _least_messages(dialect: pl.Expr, evasions: pl.Expr) -> pl.Expr:
    """Return how many payload packets each side sends until mining can be told.

    A web socket and Stratum V2 shake hands first, SOCKS5 twice.
    """
    greets = dialect.is_in(["coinhive", "stratum-v2"]).fill_null(value=False)
    greets = greets | evasions.list.contains("websocket")
    return 1 + greets.cast(pl.Int64) + 2 * evasions.list.contains("socks5").cast(pl.Int64)


class Agreement:
    """Sums of outcomes, by dialect and transport for mining, by service for normal traffic.

    Examples
    --------
    >>> frame = pl.DataFrame({"label": ["mining", "normal"], "dialect": ["kawpow", None],
    ...     "transport": ["tcp", None], "service": ["mining", "redis"],
    ...     "outcome": ["right", "right"]})
    >>> agreement = Agreement()
    >>> agreement.add(frame)
    >>> agreement.conversations, agreement.failures
    (2, 0)
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def add(self, frame: pl.DataFrame) -> None:
        """Add conversations with their labels and ``outcome``."""
        counted = frame.group_by(pl.col(_KEYS).fill_null(_NONE)).len()
        for *key, count in counted.iter_rows():
            self.counts[tuple(key)] += count

    @property
    def conversations(self) -> int:
        """Return how many conversations there were."""
        return self.counts.total()

    @property
    def failures(self) -> int:
        """Return how many conversations show that something is wrong."""
        return sum(count for key, count in self.counts.items() if key[-1] in FAILURES)

    def as_mapping(self) -> dict[str, dict[str, int]]:
        """Return the outcomes by label, for a data card."""
        found: dict[str, dict[str, int]] = {}
        for (label, *_, outcome), count in sorted(self.counts.items()):
            row = found.setdefault(label, {})
            row[outcome] = row.get(outcome, 0) + count
        return found

    def lines(self) -> Iterator[str]:
        """Yield the agreement as a text of two tables and what is wrong."""
        columns = (RIGHT, HIDDEN, TOO_SHORT, WRONG, MISSED)
        rows = self._rows(MINING, lambda key: (key[1], key[2]), columns)
        if rows:
            yield from _table(("mining: dialect", "transport", "all", *columns), rows, 2)
            yield ""
        rows = self._rows(NORMAL, lambda key: (key[3],), (FALSE,))
        if rows:
            yield from _table(("normal: service", "all", FALSE), rows, 1)
            yield ""
        yield from self._rest()

    def _rest(self) -> Iterator[str]:
        for outcome in (UNLABELLED, SKIPPED):
            count = sum(n for key, n in self.counts.items() if key[-1] == outcome)
            if count:
                yield f"{count:,} {outcome}: {OUTCOMES[outcome]}"
        verdict = "agree" if not self.failures else "do not agree"
        yield (
            f"inspection and labels {verdict}: {self.failures:,} of "
            f"{self.conversations:,} conversations differ"
        )

    def _rows(self, label: str, name: _Naming, columns: tuple[str, ...]) -> list[list[str]]:
        """Return table rows of a label: the names, the sum, and the count of each outcome."""
        found: dict[tuple[str, ...], Counter[str]] = {}
        for key, count in self.counts.items():
            if key[0] == label:
                found.setdefault(name(key), Counter())[key[-1]] += count
        return [
            [*names, f"{row.total():,}", *(f"{row[column]:,}" for column in columns)]
            for names, row in sorted(found.items())
        ]


def _table(head: tuple[str, ...], rows: list[list[str]], n_names: int) -> Iterator[str]:
    """Yield lines of fixed width: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in ([*head], *rows):
        cells = [
            cell.ljust(width) if at < n_names else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
