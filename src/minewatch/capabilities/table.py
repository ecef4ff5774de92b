# SPDX-License-Identifier: Apache-2.0
"""The capability table: what each input tells, who works on it, what was found there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from minewatch.capabilities.example import example
from minewatch.capabilities.inputs import CONNECTION, INPUTS, PACKET, InputEntry
from minewatch.capabilities.readiness import ready_after
from minewatch.capabilities.recall import Measurement, Measurements
from minewatch.contracts import Detector
from minewatch.exporting.settings import ExportSettings
from minewatch.training.corpus.views import InputKind

LONG_S: Final = 1800
"""Of mining that lasts longer is told how much was found."""
COST: Final = "one"
"""At one false alarm among all normal conversations of the real sources."""
LABEL: Final = "label"
NOT_MEASURED: Final = "not measured"
NO_ROW_YET: Final = "no row yet"
_MOMENTS_S: Final = (600, 1800, 3600, 0)


@dataclass(frozen=True, slots=True)
class Capability:
    """One input with everything that is known of it."""

    entry: InputEntry
    ready_after_s: Mapping[str, int | None]
    """By detector; 0 when the conversation has ended, None for never."""
    blind_to: tuple[str, ...]
    measured: tuple[Measurement, ...]

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield a head and a text for each thing that is known, for a person."""
        tells = self.entry.tells
        way = "both directions" if tells.both_directions else "one direction"
        yield "a row is of", f"one {tells.unit}, {way}; {tells.shortest_interval}"
        yield "tells", f"payload: {yes(tells.payload)}; names: {tells.names}"
        yield "counts", f"packets: {yes(tells.packet_counts)}, {tells.sampling}"
        yield "TCP flags", tells.tcp_flags
        yield "delay", tells.delay
        ready = {n: seconds(s) for n, s in self.ready_after_s.items() if s is not None}
        yield "detectors", ", ".join(f"{n} (after {text})" for n, text in ready.items()) or "none"
        yield "cannot tell", "; ".join(self.blind_to) or "nothing that packets tell"
        if self.entry.note:
            yield "note", self.entry.note
        if not self.measured:
            yield "recall", NOT_MEASURED
        for of in self.measured:
            moments = (0,) if tells.unit == CONNECTION else (LONG_S, 0)
            told = "; ".join(f"{_after(s)} {_text(of, COST, s)}" for s in moments)
            yield "recall", f"{of.title}, at one false alarm in {of.normal:,}: {told}"

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        entry = self.entry
        return {
            "name": entry.name,
            "title": entry.title,
            "input_formats": list(entry.formats),
            "tells": asdict(entry.tells),
            "ready_after_s": dict(self.ready_after_s),
            "cannot_tell": list(self.blind_to),
            "note": entry.note,
            "recall": {one.name: _recall_data(one) for one in self.measured},
        }


def capabilities(
    detectors: Sequence[Detector],
    measurements: Measurements,
    entries: Sequence[InputEntry] = INPUTS,
) -> list[Capability]:
    """Return the table.

    Parameters
    ----------
    detectors : who is asked.
    measurements : of the benchmark.
    entries : the inputs.
    """
    miners = example()
    known: dict[tuple[object, str, bool], Mapping[str, int | None]] = {}
    found = []
    for entry in entries:
        # Inputs that show the same are asked about once.
        key = (entry.shown, entry.tells.unit, entry.tells.names_servers)
        if key not in known:
            known[key] = ready_after(entry, detectors, miners)
        measured = (measurements.inputs.get(name) for name in entry.measured)
        found.append(
            Capability(
                entry,
                known[key],
                tuple(blind_to(entry)),
                tuple(one for one in measured if one is not None),
            )
        )
    return found


def blind_to(entry: InputEntry) -> Iterator[str]:
    """Yield what an input cannot tell, by what it does not hold.

    Parameters
    ----------
    entry : the input.
    """
    tells = entry.tells
    is_sampled = isinstance(entry.shown, ExportSettings) and entry.shown.sampling > 1
    if not tells.payload:
        yield "what is said: login, wallet, coin and pool software"
    if not tells.names_servers:
        yield "the name of the pool"
    if entry.shown is InputKind.FIRST_30:
        yield "what comes after the first packets, but for totals"
    elif tells.unit != PACKET or is_sampled:
        yield "who speaks first and when: messages, their gaps and common moments"
    if tells.unit == CONNECTION:
        yield "anything before the connection ends, and how steady it was"
    if is_sampled:
        yield "conversations of few packets, which sampling leaves out or distorts"


def seconds(value: int | None) -> str:
    """Return a moment for a person.

    Examples
    --------
    >>> seconds(60), seconds(1800), seconds(0), seconds(None)
    ('1 min', '30 min', 'its end', '-')
    """
    if value is None:
        return "-"
    return f"{value // 60} min" if value else "its end"


def yes(value: bool) -> str:
    """Return a truth as a word.

    Examples
    --------
    >>> yes(True)
    'yes'
    """
    return "yes" if value else "no"


TELL_HEADS: Final = (
    *("input", "payload", "a row is of", "both directions", "packet counts", "TCP flags"),
    *("names", "sampling", "shortest interval", "delay"),
)


def tell_rows(found: Sequence[Capability]) -> list[tuple[str, ...]]:
    """Return what each input tells, in the columns of ``TELL_HEADS``.

    Parameters
    ----------
    found : the table.
    """
    rows: list[tuple[str, ...]] = []
    for one in found:
        tells = one.entry.tells
        rows.append(
            (
                *(one.entry.title, yes(tells.payload), tells.unit, yes(tells.both_directions)),
                *(yes(tells.packet_counts), tells.tcp_flags, tells.names, tells.sampling),
                *(tells.shortest_interval, tells.delay),
            )
        )
    return rows


def ready_rows(found: Sequence[Capability]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return after how long each detector speaks: heads, and a row an input.

    Parameters
    ----------
    found : the table.
    """
    names = tuple(found[0].ready_after_s) if found else ()
    rows = [(one.entry.title, *(seconds(one.ready_after_s[n]) for n in names)) for one in found]
    return ("input", *names), rows


RECALL_HEADS: Final = (
    *("input", "measured as", "seen 10 min", "seen 30 min", "seen 60 min", "its end"),
    *("its end, labelled mining", "from", "false alarms then"),
)


def recall_rows(found: Sequence[Capability]) -> list[tuple[str, ...]]:
    """Return what was found of mining that lasts over half an hour, columns of ``RECALL_HEADS``.

    Parameters
    ----------
    found : the table.
    """
    rows = []
    for one in found:
        if not one.measured:
            nothing = (NOT_MEASURED,) * (len(RECALL_HEADS) - 2)
            rows.append((one.entry.title, "-", *nothing))
        is_late = one.entry.tells.unit == CONNECTION
        rows += [(one.entry.title, m.title, *_recall_cells(m, is_late)) for m in one.measured]
    return rows


def _recall_cells(of: Measurement, is_late: bool) -> Iterator[str]:
    """Yield what was found at each moment; where a row comes late, only at the end."""
    for seen_s in _MOMENTS_S:
        yield NO_ROW_YET if is_late and seen_s else _text(of, COST, seen_s)
    yield _text(of, LABEL, 0)
    yield f"{of.label_threshold:.3g}"
    alarms = of.false_alarms.get(LABEL)
    yield NOT_MEASURED if alarms is None else f"{alarms} of {of.normal:,}"


def _after(seen_s: int) -> str:
    return f"after {seconds(seen_s)}" if seen_s else "at its end"


def _text(of: Measurement, cost: str, seen_s: int) -> str:
    lasting_s = max(LONG_S, seen_s)
    found = of.recalls.get((cost, seen_s, lasting_s))
    return found.text if found is not None else NOT_MEASURED


def _recall_data(of: Measurement) -> dict[str, Any]:
    return {
        "title": of.title,
        "normal": of.normal,
        "normal_scored": of.normal_scored,
        "label_threshold": of.label_threshold,
        "false_alarms": dict(of.false_alarms),
        "recalls": [
            {"cost": cost, "seen_s": seen_s, "lasting_s": lasting_s, **asdict(one)}
            for (cost, seen_s, lasting_s), one in of.recalls.items()
        ],
    }
