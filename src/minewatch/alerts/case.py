# SPDX-License-Identifier: Apache-2.0
"""One host and one pool over time: its conversations, what was told of it, and the alert."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from minewatch.alert import Alert, Change, Severity
from minewatch.alerts.advice import next_steps
from minewatch.alerts.finding import Finding, Pair, Recent
from minewatch.alerts.severity import severity_of

HOUR_NS: Final = 3600 * 1_000_000_000
"""An alert ends when its conversations were over for so long; what begins later is another one."""
MOST_IDS: Final = 16
"""Community ids that an alert names."""
MOST_TEXTS: Final = 8
"""Open conversations whose evidence is kept: the strongest, of which one is shown."""
_CASE_OCTETS: Final = 16_000
_TEXT_OCTETS: Final = 14_000
_OPEN_OCTETS: Final = 1_000
"""What a case, the texts of a conversation and the rest of it took in memory, measured on the
demonstration's capture."""
NEVER: Final = -(1 << 63)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """What makes an alert worth telling again when it changes."""

    severity: Severity
    is_standing: bool
    kinds: tuple[str, ...]
    """Of evidence that were told so far: one more is news, one less is none."""
    steps: int
    """Bits of the largest number of conversations: told at 1, 2, 4, 8 and so on."""
    allowed_by: str | None
    is_over: bool


@dataclass(slots=True)
class Ended:
    """What is kept of conversations on which the last word is that they are mining."""

    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    kinds: tuple[str, ...] = ()
    has_proof: bool = False
    strongest: Finding | None = None
    latest: list[Recent] = field(default_factory=list)
    """At most ``MOST_IDS``, the latest last."""

    def add(self, found: Finding) -> None:
        """Take in one more.

        Parameters
        ----------
        found : it is final, and mining.
        """
        self.first_ns = min(self.first_ns, found.start_ns) if self.count else found.start_ns
        self.last_ns = max(self.last_ns, found.end_ns) if self.count else found.end_ns
        self.count += 1
        self.kinds = tuple(sorted({*self.kinds, *found.kinds}))
        self.has_proof |= found.has_proof
        if self.strongest is None or found.strength > self.strongest.strength:
            self.strongest = found
        self.latest = sorted([*self.latest, found.recency])[-MOST_IDS:]


@dataclass(slots=True)
class Case:
    """What an alert is made from.

    Parameters
    ----------
    id : of the alert.
    pair : what it is about.
    ended : conversations on which the last word is spoken.
    open : conversations that are labelled mining, on which it is not, by flow_id.
    doubted : the last one that turned out not to be mining.
    before : what was told before a restart, as long as nothing else is known.
    told : what was told last; None before the first time.
    told_ns : when.
    told_last_ns : when its conversations had been seen last then.
    told_print : of the alert as it was told, to see at the end whether anything is different.
    revision : how often it was told.
    """

    id: str
    pair: Pair
    ended: Ended = field(default_factory=Ended)
    open: dict[int, Finding] = field(default_factory=dict)
    doubted: Finding | None = None
    before: Alert | None = None
    told: Told | None = None
    told_ns: int = NEVER
    told_last_ns: int = NEVER
    told_print: str = ""
    revision: int = 0

    def take(self, found: Finding) -> None:
        """Take in what was found of a conversation.

        Parameters
        ----------
        found : of this pair.
        """
        self.before = None
        self.open.pop(found.flow_id, None)
        if not found.is_mining:
            self.doubted = found
        elif found.is_final:
            self.ended.add(found)
        else:
            self.open[found.flow_id] = self._kept(found)

    def _kept(self, found: Finding) -> Finding:
        """Leave out the texts of the weakest, where many have some."""
        told = [one for one in self.open.values() if one.evidence]
        if len(told) < MOST_TEXTS:
            return found
        weakest = min(told, key=lambda one: one.strength)
        if found.strength < weakest.strength:
            return found.without_text()
        self.open[weakest.flow_id] = weakest.without_text()
        return found

    @property
    def octets(self) -> int:
        """Return how much memory it takes, about."""
        n = len(self.open)
        return _CASE_OCTETS + _TEXT_OCTETS * min(n, MOST_TEXTS) + _OPEN_OCTETS * n

    @property
    def conversations(self) -> int:
        """Return how many conversations are labelled mining."""
        return self.ended.count + len(self.open)

    @property
    def is_standing(self) -> bool:
        """Return whether any is."""
        return self.conversations > 0 or (self.before is not None and self.before.conversations > 0)

    @property
    def is_known(self) -> bool:
        """Return whether anything was found since a restart that lost what was before."""
        return self.conversations > 0 or self.doubted is not None

    @property
    def first_ns(self) -> int:
        """Return when the first conversation began."""
        starts = [one.start_ns for one in self.open.values()]
        if self.ended.count:
            starts.append(self.ended.first_ns)
        if not starts:
            return self.doubted.start_ns if self.doubted else _known(self.before).first_seen_ns
        return min(starts)

    @property
    def last_ns(self) -> int:
        """Return when the last one was seen last."""
        ends = [one.end_ns for one in self.open.values()]
        if self.ended.count:
            ends.append(self.ended.last_ns)
        if not ends:
            return self.doubted.end_ns if self.doubted else _known(self.before).last_seen_ns
        return max(ends)

    def is_over(self, now_ns: int) -> bool:
        """Return whether its conversations are over for an hour.

        Parameters
        ----------
        now_ns : the data's time.
        """
        has_ended = all(one.has_ended for one in self.open.values())
        return has_ended and now_ns - self.last_ns >= HOUR_NS

    def _mining(self) -> Iterator[Finding]:
        """Yield the conversations of which anything is kept."""
        yield from self.open.values()
        if self.ended.strongest is not None:
            yield self.ended.strongest

    def state(self, now_ns: int) -> Told:
        """Return what there is to tell.

        Parameters
        ----------
        now_ns : the data's time.
        """
        is_over = self.is_over(now_ns)
        if not self.is_known:
            told = _known(self.told)
            return Told(
                told.severity, told.is_standing, told.kinds, told.steps, told.allowed_by, is_over
            )
        kinds = {*self.ended.kinds, *(kind for one in self.open.values() for kind in one.kinds)}
        proof = self.ended.has_proof or any(one.has_proof for one in self.open.values())
        allowed_by = self._allowed_by()
        severity = severity_of(
            kinds,
            self.last_ns - self.first_ns,
            has_proof=proof,
            is_standing=self.is_standing,
            is_allowed=allowed_by is not None,
        )
        known = set() if self.told is None else set(self.told.kinds)
        steps = max(self.conversations.bit_length(), 0 if self.told is None else self.told.steps)
        return Told(
            severity, self.is_standing, tuple(sorted(known | kinds)), steps, allowed_by, is_over
        )

    def _latest(self) -> list[Recent]:
        """The latest conversations, the latest last."""
        return sorted([*self.ended.latest, *(one.recency for one in self.open.values())])

    def _allowed_by(self) -> str | None:
        """The allowance of the latest conversation: what went before has gone."""
        latest = self._latest()
        return (latest[-1].allowed_by or None) if latest else None

    def alert(self, source: str, now_ns: int, change: Change) -> Alert:
        """Return the alert as it stands.

        Parameters
        ----------
        source : what is watched.
        now_ns : the data's time.
        change : why it is told.
        """
        shown = max(self._mining(), key=_legibility, default=self.doubted)
        if shown is None:
            before = _known(self.before)
            return replace(before, revision=self.revision, change=change, updated_ns=now_ns)
        state = self.state(now_ns)
        host, pool, _, protocol = self.pair
        return Alert(
            id=self.id,
            revision=self.revision,
            change=change,
            host=host,
            pool=pool,
            pool_port=shown.pool_port,
            protocol_identifier=protocol,
            severity=state.severity,
            mining_probability=max(
                (one.probability for one in self._mining()), default=shown.probability
            ),
            first_seen_ns=self.first_ns,
            last_seen_ns=self.last_ns,
            updated_ns=now_ns,
            conversations=self.conversations,
            community_ids=tuple(
                one.community_id for one in self._latest()[-MOST_IDS:] if one.community_id
            ),
            detectors=dict(shown.detectors),
            evidence=shown.evidence,
            source=source,
            pool_name=shown.pool_name,
            identity=dict(shown.identity),
            tags=shown.tags,
            allowed_by=state.allowed_by,
            disproof=shown.disproof,
            next_steps=next_steps(
                host,
                pool,
                shown.pool_port,
                is_allowed=state.allowed_by is not None,
                is_standing=state.is_standing,
            ),
        )


def _legibility(found: Finding) -> tuple[bool, tuple[float, int, str]]:
    """Sort what can be shown: the strongest last, among those whose evidence is kept."""
    return (bool(found.evidence), found.strength)


def _known(value: T | None) -> T:
    """Return what must be there."""
    if value is None:
        raise AssertionError("a case without a conversation, and nothing told")
    return value
