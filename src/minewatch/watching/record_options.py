# SPDX-License-Identifier: Apache-2.0
"""How a watch of flow records goes: how often it looks, and how much memory it may take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from minewatch.alerts.grouping import MOST_OCTETS
from minewatch.errors import ConfigError
from minewatch.metering.held_records import ROW_WORDS
from minewatch.records import RECORD
from minewatch.watching.options import LEAST_MEMORY_MIB, SUSPECT_FROM

_MIB: Final = 1 << 20
_RECORD_OCTETS: Final = RECORD.itemsize + 8
"""A record, and its place in a chain."""
_ROW_OCTETS: Final = 8 * (ROW_WORDS + 4)
"""A biflow, and its places in the index, of which half at least are empty."""
_SHARES: Final = {"records": 0.55, "rows": 0.2, "alerts": 0.05}
"""The rest is for what is looked at."""


@dataclass(frozen=True, slots=True)
class RecordWatchOptions:
    """How a watch of flow records goes.

    Parameters
    ----------
    tick_s : the records are looked at this often [s].
    settle_s : how long to wait for the other direction's record, which comes by itself [s].
    grace_s : how long after the time-out a silent conversation is waited for [s].
    growth : a conversation is looked at again when it has become so many times as old.
    longest_pause_s : and after so long in any case [s].
    suspect_from : probability from which a conversation is the last to be given up.
    most_records : room.
    most_biflows : room.
    most_of_one : records of one biflow; of more, the older half is summed up.
    least_records : before a conversation is taken to be over, so many others must have come:
        records of hours may come in any order, and one that claims to be of next year ends nothing.
    most_alert_octets : memory of all alerts together, about.
    has_own_clock : somebody else tells the time, and records do not.
    """

    tick_s: float = 30.0
    settle_s: float = 10.0
    grace_s: float = 600.0
    growth: float = 1.3
    longest_pause_s: float = 3600.0
    suspect_from: float = SUSPECT_FROM
    most_records: int = 1 << 20
    most_biflows: int = 1 << 18
    most_of_one: int = 1 << 14
    least_records: int = 4096
    most_alert_octets: int = MOST_OCTETS
    has_own_clock: bool = False

    def __post_init__(self) -> None:
        """Refuse values that would make no sense."""
        if not 0.001 <= self.tick_s <= 3600:
            raise ValueError(f"tick_s {self.tick_s}: 0.001 to 3600")
        if not 1 <= self.growth <= 10:
            raise ValueError(f"growth {self.growth}: 1 to 10")
        if not 8 <= self.most_of_one <= self.most_records:
            raise ValueError(f"most_of_one {self.most_of_one}: 8 to most_records")


def with_record_memory(options: RecordWatchOptions, memory_mib: int) -> RecordWatchOptions:
    """Return the options of a watch whose state takes so much memory at most.

    The program itself and its models take some 400 MiB more.

    Parameters
    ----------
    options : their limits are replaced.
    memory_mib : of what is known of the traffic.

    Raises
    ------
    ConfigError : too little.

    Examples
    --------
    >>> options = with_record_memory(RecordWatchOptions(), 1024)
    >>> options.most_records, options.most_biflows
    (4342338, 1342177)
    """
    if memory_mib < LEAST_MEMORY_MIB:
        raise ConfigError(f"--memory {memory_mib}: {LEAST_MEMORY_MIB} MiB or more")
    octets = {name: share * memory_mib * _MIB for name, share in _SHARES.items()}
    return replace(
        options,
        most_records=int(octets["records"] / _RECORD_OCTETS),
        most_biflows=int(octets["rows"] / _ROW_OCTETS),
        most_alert_octets=int(octets["alerts"]),
    )
