# SPDX-License-Identifier: Apache-2.0
"""What may mine: entries with an owner, a reason and an end, and how a conversation meets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from minewatch.address import Network
from minewatch.allow.ranges import NamedRanges

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a conversation, as entries ask for them."""

    near: tuple[int, int]
    """Halves of the watched side's address."""
    far: tuple[int, int]
    far_port: int
    names: tuple[str, ...] = ()
    """Names of the far end, from DNS answers and the TLS handshake, in lower case."""
    tags: tuple[str, ...] = ()
    """Tags of the near end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One allowance. What it names must all hold: each key more makes it narrower.

    Parameters
    ----------
    owner : who answers for it.
    reason : why it is allowed.
    expires_ns : first moment at which it does not hold any more.
    expires : the same as the file has it, in ISO 8601.
    place : file and line.
    host : halves of the watched host's address; None for any.
    network : networks of the watched host; None for any.
    tag : tag of the watched host; None for any.
    pool_address : halves of the far end's address; None for any.
    pool_name : name of the far end, which names below it meet too; None for any.
    pool_port : port of the far end; None for any.
    """

    owner: str
    reason: str
    expires_ns: int
    expires: str
    place: str
    host: tuple[int, int] | None = None
    network: NamedRanges | None = None
    tag: str | None = None
    pool_address: tuple[int, int] | None = None
    pool_name: str | None = None
    pool_port: int | None = None

    def is_met(self, ends: Ends) -> bool:
        """Return whether a conversation is what the entry is about, at whatever time.

        Parameters
        ----------
        ends : of the conversation.
        """
        return (
            (self.host is None or self.host == ends.near)
            and (self.network is None or bool(self.network.names(*ends.near)))
            and (self.tag is None or self.tag in ends.tags)
            and (self.pool_address is None or self.pool_address == ends.far)
            and (self.pool_name is None or any(map(self._is_below, ends.names)))
            and (self.pool_port is None or self.pool_port == ends.far_port)
        )

    def _is_below(self, name: str) -> bool:
        return name == self.pool_name or name.endswith(f".{self.pool_name}")

    def holds(self, time_ns: int) -> bool:
        """Return whether the entry has not expired at a moment of the data.

        Parameters
        ----------
        time_ns : when the conversation ended: what goes on after the end is not allowed.
        """
        return time_ns < self.expires_ns


@dataclass(frozen=True, slots=True)
class Known:
    """What the user knows of the network.

    Parameters
    ----------
    entries : what may mine, in the order of the file.
    tags : networks of the watched side by tag.
    transit : VPNs, proxies and NATs by name.
    """

    entries: Sequence[Entry] = ()
    tags: NamedRanges = NamedRanges({})  # noqa: RUF009 - never changed
    transit: NamedRanges = NamedRanges({})  # noqa: RUF009 - never changed

    def allowance(self, ends: Ends, time_ns: int) -> Entry | None:
        """Return the entry that a conversation meets, None if it meets none.

        The first that holds; if all that it meets have expired, the one that expired last.

        Parameters
        ----------
        ends : of the conversation.
        time_ns : when it ended.
        """
        met = [entry for entry in self.entries if entry.is_met(ends)]
        for entry in met:
            if entry.holds(time_ns):
                return entry
        return max(met, key=lambda entry: entry.expires_ns, default=None)


def end_of_day(date: datetime) -> int:
    """Return the first nanosecond after a day, UTC: an entry holds on the day that it names.

    Parameters
    ----------
    date : any moment of the day, in UTC.

    Examples
    --------
    >>> end_of_day(datetime(1970, 1, 2, 12, tzinfo=UTC)) == 2 * 86_400 * 10**9
    True
    """
    midnight = date.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (int(midnight.timestamp()) + 86_400) * _NS


def ranges_of(networks: Iterable[Network]) -> NamedRanges:
    """Return networks without names of their own.

    Parameters
    ----------
    networks : any.
    """
    return NamedRanges({"": networks})
