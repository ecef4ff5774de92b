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
MAX_SILENCE_NS: Final = 600 * 10**9
"""An open flow has a tuple each five minutes: after twice that, those between are missing."""
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


class OpenFlows:
    """When each open flow was last seen; Azure begins a new log each hour, and flows go on.

    Examples
    --------
    >>> flows = OpenFlows()
    >>> flows.see("a", 1000), flows.see("a", 1300), flows.end("a", 1400), flows.end("a", 1500)
    (1000, 1000, 1300, 1500)
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def see(self, flow: str, time_ns: int) -> int:
        """Return when a flow was last seen, and remember that it was seen now.

        Parameters
        ----------
        flow : what tells it from others.
        time_ns : now; returned if it was not seen before, or only long before.
        """
        start = self.end(flow, time_ns)
        if len(self._last) >= MAX_OPEN_FLOWS:
            del self._last[next(iter(self._last))]
        self._last[flow] = time_ns
        return start

    def end(self, flow: str, time_ns: int) -> int:
        """Return when a flow was last seen, and forget it; parameters as those of ``see``."""
        last = self._last.pop(flow, time_ns)
        return last if time_ns - MAX_SILENCE_NS <= last <= time_ns else time_ns


class AzureTuples:
    """Makes rows of tuples.

    Parameters
    ----------
    packer : where rows are added.
    unit_ns : nanoseconds of one in the times of the log.
    open_flows : those of the logs that were read before.
    """

    def __init__(self, packer: RowPacker, unit_ns: int, open_flows: OpenFlows) -> None:
        self._packer = packer
        self._unit_ns = unit_ns
        self._open_flows = open_flows
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
            self._open_flows.see(_key(one, observer), time)
            return BEGIN
        start = time
        if one.state == "C":
            start = self._open_flows.see(_key(one, observer), time)
        elif one.state == "E":
            start = self._open_flows.end(_key(one, observer), time)
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
