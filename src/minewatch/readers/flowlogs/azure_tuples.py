# SPDX-License-Identifier: Apache-2.0
"""Flow tuples of Azure: one line of text for the begin, each five minutes and the end of a flow.

Counts of a continuing (C) or ending (E) flow are those since its previous tuple (Microsoft,
"Virtual network flow logs", "Log tuple and bandwidth calculation"), so each becomes a record from
the time of that tuple on, if it was seen; a begin (B) has no counts and only gives that time.
Packets that were denied (D) are not counted: what a log writes as 0 there is unknown. The source is
who opened the flow. Octets are those of packets with their headers, as Microsoft puts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from minewatch.readers.flowlogs.json_values import (
    MAX_PORT,
    RowError,
    address,
    epoch_time,
    protocol_number,
    shown,
    whole_number,
)
from minewatch.readers.flowlogs.row_packing import RowPacker
from minewatch.records import DENIED, UNKNOWN

MAX_OPEN_FLOWS: Final = 1 << 17
"""Flows of which the end is still to come; those that were silent for longest are forgotten."""
BEGIN: Final = "begin of a flow: no counts"
_MILLISECOND: Final = 10**6
_SECOND: Final = 10**9
_FIRST_MILLISECONDS: Final = 10**11
"""More cannot be seconds (year 5138), less cannot be milliseconds of Azure (March 1973)."""
_TIME_CHARACTERS: Final = 20
_ACTIVE_TIMEOUT: Final = 2
_STATES: Final = frozenset("BCED")


@dataclass(frozen=True, slots=True)
class FlowTuple:
    """The fields of a tuple, whichever log it is of."""

    time: str
    flow: Sequence[str]
    """Addresses, ports and protocol."""
    direction: str
    state: str
    """``B``, ``C``, ``E``, ``D`` for denied, or nothing if the log keeps no state."""
    counts: Sequence[str]
    """Packets and octets sent, packets and octets received; none if the log keeps none."""


class AzureTuples:
    """Makes rows of tuples, and remembers when it last saw each open flow.

    Parameters
    ----------
    packer : where rows are added.
    unit_ns : nanoseconds of one in the times of the log.
    """

    def __init__(self, packer: RowPacker, unit_ns: int) -> None:
        self._packer = packer
        self._unit_ns = unit_ns
        self._last_seen: dict[str, int] = {}
        self.repaired_unit: str | None = None
        """What was put right in the time of the last tuple."""

    def take(self, one: FlowTuple, observer: int) -> str | None:
        """Add the row of a tuple, or return why it has none.

        Parameters
        ----------
        one : the tuple.
        observer : number of the interface that saw it.

        Raises
        ------
        RowError : it cannot be used; nothing was added or remembered.
        """
        if one.state and one.state not in _STATES:
            raise RowError(
                "state of a flow is not known", f"B, C, E or D; found {shown(one.state)}"
            )
        if one.direction not in ("I", "O"):
            raise RowError("direction is not known", f"I or O; found {shown(one.direction)}")
        time = self._time(one.time)
        source, destination = address(one.flow[0]), address(one.flow[1])
        ports = (
            whole_number(one.flow[2], "source port", MAX_PORT, 0),
            whole_number(one.flow[3], "destination port", MAX_PORT, 0),
        )
        protocol = protocol_number(one.flow[4], "protocol")
        counts = _counts(one)
        if one.state == "B":
            self._remember(_key(one, observer), time)
            return BEGIN
        start = time
        if one.state in ("C", "E"):
            start = self._start(_key(one, observer), time, one.state == "E")
        self._packer.add(
            source=source,
            destination=destination,
            ports=ports,
            protocol=protocol,
            times=(start, time),
            packets=(counts[0], counts[2]),
            octets=(counts[1], counts[3]),
            end_reason=_ACTIVE_TIMEOUT if one.state == "C" else 0,
            firewall_event=DENIED if one.state == "D" else 0,
            is_source_initiator=1,
            observer=observer,
        )
        return None

    def _time(self, text: str) -> int:
        """Return nanoseconds; a log of the other unit is read in that one."""
        self.repaired_unit = None
        unit = self._unit_ns
        if text.isascii() and text.isdigit() and len(text) <= _TIME_CHARACTERS:
            is_milliseconds = int(text) >= _FIRST_MILLISECONDS
            if is_milliseconds and unit == _SECOND:
                unit, self.repaired_unit = _MILLISECOND, "times in milliseconds"
            elif not is_milliseconds and unit == _MILLISECOND:
                unit, self.repaired_unit = _SECOND, "times in seconds"
        return epoch_time(text, "time", unit)

    def _start(self, key: str, time: int, is_end: bool) -> int:
        last = self._last_seen.pop(key, time)
        if not is_end:
            self._remember(key, time)
        return min(last, time)

    def _remember(self, key: str, time: int) -> None:
        self._last_seen.pop(key, None)
        if len(self._last_seen) >= MAX_OPEN_FLOWS:
            del self._last_seen[next(iter(self._last_seen))]
        self._last_seen[key] = time


def _key(one: FlowTuple, observer: int) -> str:
    return f"{observer},{','.join(one.flow)}"


def _counts(one: FlowTuple) -> tuple[int, int, int, int]:
    """Return packets and octets sent, then those received."""
    names = ("packets sent", "bytes sent", "packets received", "bytes received")
    counts = [whole_number(text, name) for text, name in zip(one.counts, names, strict=False)]
    if one.state == "D":
        counts = [count or UNKNOWN for count in counts]
    sent, sent_octets, received, received_octets = counts or [UNKNOWN] * 4
    return sent, sent_octets, received, received_octets
