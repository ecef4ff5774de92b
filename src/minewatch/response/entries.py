# SPDX-License-Identifier: Apache-2.0
"""One line of the audit log: what was done to whom, when, by whom, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from minewatch.alert import Block

MAX_LINE_OCTETS: Final = 1 << 16
MAX_TEXT: Final = 1_000
"""Characters, of which JSON makes twelve octets each at most."""
MAX_STEPS_OCTETS: Final = 24_000
MAX_STEPS: Final = 40


class Action(StrEnum):
    """What an entry tells."""

    PLANNED = "planned"
    """Nothing was done: a dry run, or a plan that a person carries out."""
    REFUSED = "refused"
    """The policy said no."""
    APPLYING = "applying"
    """Written before anything is done, so that a crash leaves no block that nobody knows of."""
    APPLIED = "applied"
    RENEWED = "renewed"
    """It was gone before its time, as after a restart of the machine, and is made anew."""
    FAILED = "failed"
    """The responder could not do it, and left nothing behind."""
    UNDONE = "undone"
    EXPIRED = "expired"
    """Its time was over, and it was taken back."""
    NOT_UNDONE = "not-undone"
    """It could not be taken back; it is tried again."""
    RECOVERED = "recovered"
    """The line before was cut off while it was written."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What an entry tells, before it has its place in the log.

    Parameters
    ----------
    time_ns : when.
    action : what.
    responder : name of who did it, empty if nobody.
    user : who asked for it.
    block : what it is about; None for ``Action.RECOVERED``.
    reason : why, in a sentence.
    steps : commands or settings of the plan.
    """

    time_ns: int
    action: Action
    responder: str
    user: str
    block: Block | None
    reason: str
    steps: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed with its place in the log."""

    number: int
    """Counts from 1."""
    previous: str
    """SHA-256 of the octets of the line before, in hexadecimal; zeros for the first."""
    deed: Deed


def line_of(entry: Entry) -> bytes:
    """Return an entry as a line of JSON, the line's end left out.

    Parameters
    ----------
    entry : any; long texts are cut.
    """
    deed = entry.deed
    data: dict[str, Any] = {
        "number": entry.number,
        "previous": entry.previous,
        "time_ns": deed.time_ns,
        "action": deed.action.value,
        "responder": deed.responder[:MAX_TEXT],
        "user": deed.user[:MAX_TEXT],
        "reason": deed.reason[:MAX_TEXT],
    }
    if deed.block is not None:
        names = ("alert_id", "host", "pool", "pool_port", "protocol_identifier", "seconds")
        data |= {name: getattr(deed.block, name) for name in names}
    if deed.steps:
        data["steps"] = _within(deed.steps, MAX_STEPS_OCTETS)
    return json.dumps(data, separators=(",", ":")).encode("ascii")


def _within(steps: Sequence[str], octets: int) -> list[str]:
    """As many steps as fit, with a word for the others."""
    kept: list[str] = []
    for step in steps[:MAX_STEPS]:
        octets -= len(json.dumps(step)) + 1
        if octets < 0:
            break
        kept.append(step)
    left_out = len(steps) - len(kept)
    return [*kept, f"({left_out} more)"] if left_out else kept


def entry_of(line: bytes) -> Entry:
    """Return what a line says.

    Parameters
    ----------
    line : without its end.

    Raises
    ------
    ValueError : it is no entry.
    """
    if len(line) > MAX_LINE_OCTETS:
        raise ValueError(f"longer than {MAX_LINE_OCTETS:,} octets")
    try:
        data = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    number, time_ns = _integer(data, "number"), _integer(data, "time_ns")
    block = None
    if "alert_id" in data:
        block = Block(
            _text(data, "alert_id"),
            _text(data, "host"),
            _text(data, "pool"),
            _integer(data, "pool_port"),
            _integer(data, "protocol_identifier"),
            _integer(data, "seconds"),
        )
    steps = data.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise ValueError("steps is no list of texts")
    deed = Deed(
        time_ns,
        Action(_text(data, "action")),
        _text(data, "responder"),
        _text(data, "user"),
        block,
        _text(data, "reason"),
        tuple(steps),
    )
    return Entry(number, _text(data, "previous"), deed)


def _integer(data: dict[str, Any], name: str) -> int:
    value = data.get(name)
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{name} is no count")
    return value


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value
