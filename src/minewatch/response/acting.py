# SPDX-License-Identifier: Apache-2.0
"""Carries alerts to a responder, by the policy, all of it in the audit log; dry by default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

from minewatch.alert import Alert, Block
from minewatch.contracts import Responder
from minewatch.errors import ResponseError
from minewatch.response.audit import AuditLog
from minewatch.response.book import NS, Active, Book
from minewatch.response.entries import Action, Deed
from minewatch.response.policy import Policy

DRY: Final = "dry run: nothing was done"


@runtime_checkable
class Covering(Protocol):
    """A responder that can say what of a block it really closes."""

    def covers(self, block: Block) -> str:
        """Return a text that is the same for blocks that are one and the same to it."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """A responder that can say whether a block of its own is there."""

    def is_in_force(self, block: Block) -> bool:
        """Return whether it is."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alert or block."""

    action: Action
    block: Block
    reason: str
    steps: tuple[str, ...] = ()


class Response:
    """Cuts off, lets back, and remembers.

    Parameters
    ----------
    responder : who does it.
    policy : who decides.
    log : where everything is written.
    user : who asks.
    dry_run : plan only.
    """

    def __init__(
        self,
        responder: Responder,
        policy: Policy,
        log: AuditLog,
        user: str,
        *,
        dry_run: bool = True,
    ) -> None:
        self._responder = responder
        self._policy = policy
        self._log = log
        self._user = user
        self._dry_run = dry_run
        self.book = Book(log)

    def use(self, policy: Policy) -> None:
        """Decide by another policy from now on.

        Parameters
        ----------
        policy : who decides.
        """
        self._policy = policy

    def consider(
        self, alerts: Iterable[Alert], now_ns: int, *, even_if_let_back: bool = False
    ) -> list[Outcome]:
        """Cut off, plan or refuse for each alert that has nothing in force yet.

        A responder that fails is told of in the outcome and in the log, and the next alert follows.
        Whom somebody let back to a pool stays so, by whatever alert it is told of again.

        Parameters
        ----------
        alerts : any.
        now_ns : the time.
        even_if_let_back : somebody asks for exactly these alerts.

        Raises
        ------
        ResponseError : the audit log cannot be written; nothing is done without it.
        """
        self.book.refresh()
        outcomes = []
        for alert in alerts:
            outcome = self._one(alert, now_ns, even_if_let_back)
            if outcome is not None:
                outcomes.append(outcome)
                self.book.refresh()
        return outcomes

    def expire(self, now_ns: int) -> list[Outcome]:
        """Take back the blocks whose time is over.

        Parameters
        ----------
        now_ns : the time.

        Raises
        ------
        ResponseError : the audit log cannot be written.
        """
        self.book.refresh()
        over = [one for one in self._own() if one.until_ns <= now_ns]
        return [self._take_back(one, now_ns, Action.EXPIRED, "its time was over") for one in over]

    def renew(self, now_ns: int) -> list[Outcome]:
        """Make anew, for the rest of their time, the blocks that are gone before it is over.

        A firewall that is loaded anew, or a restart of the machine, takes them away.

        Parameters
        ----------
        now_ns : the time.

        Raises
        ------
        ResponseError : the audit log cannot be written, or the responder does not answer.
        """
        if self._dry_run or not isinstance(self._responder, Checkable):
            return []
        self.book.refresh()
        outcomes = []
        for one in self._own():
            seconds = (one.until_ns - now_ns) // NS
            if one.is_sure and seconds > 0 and not self._responder.is_in_force(one.block):
                rest = replace(one.block, seconds=min(seconds, one.block.seconds))
                outcomes.append(self._apply(rest, (), now_ns, Action.RENEWED))
        return outcomes

    def undo(self, alert_id: str | None, now_ns: int, reason: str) -> list[Outcome]:
        """Take back the block of an alert, or all.

        Parameters
        ----------
        alert_id : the alert; None for all.
        now_ns : the time.
        reason : why, for the log.

        Raises
        ------
        ResponseError : the audit log cannot be written.
        """
        self.book.refresh()
        wanted = [one for one in self._own() if alert_id in (None, one.block.alert_id)]
        return [self._take_back(one, now_ns, Action.UNDONE, reason) for one in wanted]

    def _one(self, alert: Alert, now_ns: int, even_if_let_back: bool) -> Outcome | None:
        name = self._responder.name
        # One that was begun, and of which a crash told no end, is done again: that changes nothing
        # if it is in force.
        is_active = any(
            one.responder == name and one.is_sure for one in self.book.of_alert(alert.id)
        )
        try:
            block = self._policy.block_of(alert)
        except ValueError:  # no port: an alert that speaks of no connection
            return None
        if is_active:
            return None
        reason = self._policy.refusal(alert, now_ns)
        if reason is None and not even_if_let_back:
            why = self.book.let_back(block)
            reason = None if why is None else f"somebody let it back: {why}"
        if reason is None and not self._dry_run:
            reason = self._policy.exhaustion(self.book, now_ns)
        steps: tuple[str, ...] = ()
        if reason is None:
            try:
                steps = tuple(self._responder.plan(block))
            except ResponseError as error:
                reason = str(error)
        if reason is not None:
            if self.book.was_told(Action.REFUSED, alert.id, reason):
                return None
            return self._tell(now_ns, Outcome(Action.REFUSED, block, reason))
        if self._dry_run:
            if self.book.was_told(Action.PLANNED, alert.id, name):
                return None
            return self._tell(now_ns, Outcome(Action.PLANNED, block, DRY, steps))
        return self._apply(block, steps, now_ns)

    def _apply(
        self,
        block: Block,
        steps: tuple[str, ...],
        now_ns: int,
        action: Action = Action.APPLYING,
    ) -> Outcome:
        reason = f"for {block.seconds} s"
        begun = self._tell(now_ns, Outcome(action, block, reason, steps))
        try:
            self._responder.apply(block)
        except ResponseError as error:
            return self._tell(now_ns, Outcome(Action.FAILED, block, str(error)))
        if action is Action.RENEWED:
            return begun
        return self._tell(now_ns, Outcome(Action.APPLIED, block, reason, steps))

    def _take_back(self, one: Active, now_ns: int, action: Action, reason: str) -> Outcome:
        block = one.block
        kept_by = self._kept_by(one)
        try:
            if kept_by is None:
                self._responder.undo(block)
            else:
                reason = f"{reason}; stays closed for alert {kept_by}"
        except ResponseError as error:
            return self._tell(now_ns, Outcome(Action.NOT_UNDONE, block, str(error)))
        outcome = self._tell(now_ns, Outcome(action, block, reason))
        self.book.refresh()
        return outcome

    def _kept_by(self, one: Active) -> str | None:
        """The alert whose block closes the same and is in force still."""
        wanted = self._covered(one.block)
        for other in self._own():
            if other.block.alert_id != one.block.alert_id and self._covered(other.block) == wanted:
                return other.block.alert_id
        return None

    def _covered(self, block: Block) -> str:
        if isinstance(self._responder, Covering):
            return self._responder.covers(block)
        return f"{block.host} {block.pool} {block.pool_port}"

    def _own(self) -> list[Active]:
        return [one for one in self.book.active() if one.responder == self._responder.name]

    def _tell(self, now_ns: int, outcome: Outcome) -> Outcome:
        deed = Deed(
            now_ns,
            outcome.action,
            self._responder.name,
            self._user,
            outcome.block,
            outcome.reason,
            outcome.steps,
        )
        self._log.append(deed)
        return outcome
