# SPDX-License-Identifier: Apache-2.0
"""Whether an alert is reason enough to cut a host off, and whether that would hit anybody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from minewatch.alert import Alert, Block, Change, Severity
from minewatch.errors import ConfigError, ResponseError
from minewatch.response.book import HOUR_NS, NS, Book
from minewatch.response.ends import address_of, carried_by, ends_of
from minewatch.response.networks import Reasons

KINDS: Final[Mapping[str, str]] = {
    "signature": "payload",
    "intel": "list",
    "rhythm": "shape",
    "sequence": "shape",
    "one-class": "shape",
    "flowstats": "shape",
    "block-clock": "blocks",
    "synchrony": "blocks",
}
"""What each detector looks at. Detectors of one kind see the same thing, and agree for one reason.
Systems of others (baselines) are no kind: they are shown, and count for nothing."""
PROOF: Final = 0.95
"""From this probability on the payload was read as a miner's and a pool's words (``signature``)."""
SPEAKS_FOR: Final = 0.5
"""From this probability on a detector says mining."""
KINDS_NEEDED: Final = 2
TRANSIT: Final = "transit"
"""Tag of a VPN, a proxy or a NAT: to cut it off hits everybody behind it."""
MAX_SECONDS: Final = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be cut off.

    Parameters
    ----------
    seconds : length of a block.
    per_hour : blocks that may be begun within an hour.
    at_once : blocks in force at most.

    Raises
    ------
    ConfigError : a value outside its domain.
    """

    seconds: int = 3_600
    per_hour: int = 10
    at_once: int = 50

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        if not 0 < self.seconds <= MAX_SECONDS:
            raise ConfigError(f"block of {self.seconds} s: 1 to {MAX_SECONDS:,}")
        if self.per_hour < 1 or self.at_once < 1:
            raise ConfigError("limits of blocks: 1 or more per hour, and at once")


@dataclass(frozen=True, slots=True)
class Policy:
    """Decides about alerts.

    Parameters
    ----------
    protected : networks that must not be cut off, whatever speaks for it.
    limits : how much may be cut off.
    allowance : who allows a host to mine, by alert and time; None if nobody does.
    max_age_s : alerts that were told longer ago are too old to act on; None for no limit.
    """

    protected: Sequence[Reasons] = ()
    limits: Limits = field(default_factory=Limits)
    allowance: Callable[[Alert, int], str | None] | None = None
    max_age_s: int | None = None

    def block_of(self, alert: Alert) -> Block:
        """Return the block that an alert asks for.

        Parameters
        ----------
        alert : any.

        Raises
        ------
        ValueError : no block can be made of it.
        """
        return Block(
            alert.id,
            alert.host,
            alert.pool,
            alert.pool_port,
            alert.protocol_identifier,
            self.limits.seconds,
        )

    def refusal(self, alert: Alert, now_ns: int) -> str | None:
        """Return why a host is not to be cut off for what an alert says; None if it may be.

        Parameters
        ----------
        alert : any.
        now_ns : the time.
        """
        if alert.change is Change.ENDED:
            return "it has ended: there is nothing to cut off"
        if self.max_age_s is not None and now_ns - alert.updated_ns > self.max_age_s * NS:
            return f"too old: it was told more than {self.max_age_s:,} s ago, and may be over"
        allowed_by = alert.allowed_by
        if allowed_by is None and self.allowance is not None:
            allowed_by = self.allowance(alert, now_ns)
        if allowed_by is not None:
            return f"it is let alone: {allowed_by}"
        if TRANSIT in alert.tags:
            return "a VPN, a proxy or a NAT is one of the ends: everybody behind it would be hit"
        return weakness(alert) or self._protection(alert)

    def exhaustion(self, book: Book, now_ns: int) -> str | None:
        """Return which limit is reached; None if one more block may be made.

        Parameters
        ----------
        book : the blocks so far.
        now_ns : the time.
        """
        limits = self.limits
        if len(book.active()) >= limits.at_once:
            return f"{limits.at_once} blocks are in force, and no more may be"
        if book.applied_since(now_ns - HOUR_NS) >= limits.per_hour:
            return f"{limits.per_hour} blocks were begun within an hour, and no more may be"
        return None

    def _protection(self, alert: Alert) -> str | None:
        try:
            pool = address_of(alert.pool)
            ends_of(self.block_of(alert))
        except (ResponseError, ValueError) as error:
            return str(error)
        for address in (pool, carried_by(pool)):
            for reasons in self.protected:
                if address is not None and (reason := reasons.of(address)) is not None:
                    return f"{address} {reason}"
        return None


def weakness(alert: Alert) -> str | None:
    """Return what an alert lacks to cut a host off for it; None if nothing.

    Parameters
    ----------
    alert : any.
    """
    for_it: dict[str, float] = {}
    for name, probability in alert.detectors.items():
        kind = KINDS.get(name)
        # Not ready is None, or NaN, which is at least as high as nothing.
        if kind is not None and probability is not None and probability >= SPEAKS_FOR:
            for_it[kind] = max(probability, for_it.get(kind, 0.0))
    if for_it.get("payload", 0.0) >= PROOF or alert.severity is Severity.HIGH:
        return None
    if len(for_it) >= KINDS_NEEDED:
        return None
    seen = f"only its {next(iter(for_it))}" if for_it else "no detector alone"
    return (
        f"too weak: {seen} speaks for mining; needed is payload that was read, two kinds of "
        "evidence, or severity high"
    )
