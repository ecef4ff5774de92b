# SPDX-License-Identifier: Apache-2.0
"""How a watch goes: how often it looks, and how much memory it may take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from minewatch.alerts.grouping import MOST_OCTETS
from minewatch.errors import ConfigError
from minewatch.metering import state as st
from minewatch.metering.state import MeteringOptions

AGES_S: Final = (30, 55, 120, 170, 300, 600, 1800, 3600)
"""Ages of a conversation at which it is judged; the last one comes round again and again.

It is judged up to a tick later: so that an alert is told within one and within three minutes, the
ages before are earlier. At 180 s a fifth of the miners over TLS were told of just too late.
"""
SUSPECT_FROM: Final = 0.05
"""Probability from which a conversation is kept when others must go: 25 times the base rate."""
LEAST_MEMORY_MIB: Final = 64
_MIB: Final = 1 << 20
_ROW_OCTETS: Final = 8 * (st.ROW_WORDS + 5)
"""A row, its place in the list of free ones, and four in the index."""
_CHUNK_OCTETS: Final = 8 * (st.SERIES_WORDS + 1)
_RING_OCTETS: Final = 8 * (2 * st.LATEST_PACKETS + 1)
_RECORD_OCTETS: Final = 2 * 8 * st.RECORD_WORDS
"""Twice, because the table of records is copied when it grows."""
_SHARES: Final = {
    "rows": 0.25,
    "chunks": 0.2,
    "rings": 0.15,
    "payload": 0.15,
    "records": 0.15,
    "alerts": 0.1,
}


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a watch goes.

    Parameters
    ----------
    tick_s : the data is looked at this often [s].
    ages_s : ages at which an open conversation is judged, rising; the last one comes again.
    suspect_from : probability from which a conversation is the last to be given up.
    most_records : interval records of open conversations that are kept; None for two million.
    most_alert_octets : memory of all alerts together, about.
    """

    tick_s: float = 5.0
    ages_s: tuple[float, ...] = AGES_S
    suspect_from: float = SUSPECT_FROM
    most_records: int | None = None
    most_alert_octets: int = MOST_OCTETS

    def __post_init__(self) -> None:
        """Refuse values that would make no sense."""
        if not 0.001 <= self.tick_s <= 3600:
            raise ValueError(f"tick_s {self.tick_s}: 0.001 to 3600")
        if not self.ages_s or list(self.ages_s) != sorted({a for a in self.ages_s if a > 0}):
            raise ValueError("ages_s must rise, and begin above 0")


def with_memory(
    metering: MeteringOptions, options: WatchOptions, memory_mib: int
) -> tuple[MeteringOptions, WatchOptions]:
    """Return the options of a watch whose state takes so much memory at most.

    The program itself and its models take some 400 MiB more, and a checkpoint, while it is written,
    a copy of what is in use.

    Parameters
    ----------
    metering : time-outs; its limits are replaced.
    options : its limit is replaced.
    memory_mib : of what is known of the traffic.

    Raises
    ------
    ConfigError : too little.

    Examples
    --------
    >>> metering, options = with_memory(MeteringOptions(), WatchOptions(), 1024)
    >>> metering.max_biflows, metering.payload_limit_octets >> 20, options.most_records
    (745654, 153, 314572)
    """
    if memory_mib < LEAST_MEMORY_MIB:
        raise ConfigError(f"--memory {memory_mib}: {LEAST_MEMORY_MIB} MiB or more")
    octets = {name: share * memory_mib * _MIB for name, share in _SHARES.items()}
    limited = replace(
        metering,
        max_biflows=min(metering.max_biflows, int(octets["rows"] / _ROW_OCTETS)),
        max_chunks=min(metering.max_chunks, int(octets["chunks"] / _CHUNK_OCTETS)),
        max_rings=min(metering.max_rings, int(octets["rings"] / _RING_OCTETS)),
        payload_limit_octets=int(octets["payload"]),
    )
    return limited, replace(
        options,
        most_records=int(octets["records"] / _RECORD_OCTETS),
        most_alert_octets=int(octets["alerts"]),
    )
