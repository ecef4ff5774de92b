# SPDX-License-Identifier: Apache-2.0
"""What became of the packets of watched interfaces; nothing is left uncounted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from minewatch.readers.capture import CaptureCounters
from minewatch.readers.live.blocks import InterfaceCounters


@dataclass(slots=True)
class LiveCounters(CaptureCounters):
    """The counters of a capture, and those of each interface.

    What the rings received is ``packets_seen`` and the loopback's duplicates.
    """

    interfaces: Mapping[str, InterfaceCounters] = field(default_factory=dict)
    """By name."""

    @property
    def packets_dropped(self) -> int:
        """Packets that the kernel dropped because they were not read in time."""
        return sum(one.dropped for one in self.interfaces.values())


def notes_on(name: str, counters: InterfaceCounters) -> list[str]:
    """Return what somebody should know of an interface that was watched.

    Parameters
    ----------
    name : of the interface.
    counters : of it.

    Examples
    --------
    >>> notes_on("eth0", InterfaceCounters(received=90, dropped=10, freezes=1))
    ['eth0: the kernel dropped 10 of 100 packets, because they were not read in time; a bigger ring
    or a filter helps']
    """
    notes = []
    if counters.dropped:
        passed = counters.received + counters.dropped
        notes.append(
            f"{name}: the kernel dropped {counters.dropped} of {passed} packets, because they were "
            "not read in time; a bigger ring or a filter helps"
        )
    if counters.coalesced:
        notes.append(
            f"{name}: {counters.coalesced} of {counters.received} frames hold several packets, "
            "joined by offload: sizes and counts differ from the wire's; "
            f"ethtool -K {name} gro off lro off tso off gso off ends that"
        )
    if counters.downs:
        notes.append(f"{name}: went down {counters.downs} times")
    return notes
