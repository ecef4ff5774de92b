# SPDX-License-Identifier: Apache-2.0
"""Which blocks are in force, by what the audit log tells."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from minewatch.alert import Block
from minewatch.response.audit import AuditLog
from minewatch.response.entries import Action, Entry

NS: Final = 1_000_000_000
HOUR_NS: Final = 3_600 * NS
MAX_TOLD: Final = 100_000
"""Refusals and plans remembered, the latest; of older ones one is told again if it comes again."""


@dataclass(frozen=True, slots=True)
class Active:
    """A block that is, or may be, in force."""

    block: Block
    responder: str
    since_ns: int
    is_sure: bool = True
    """Somebody wrote down that it was done; else it is being done, or a crash came between."""

    @property
    def until_ns(self) -> int:
        """When it ends."""
        return self.since_ns + self.block.seconds * NS


class Book:
    """The blocks of one audit log; other processes may write to it too.

    Parameters
    ----------
    log : the log.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._offset = 0
        self._active: dict[tuple[str, str], Active] = {}
        self._applied_ns: list[int] = []
        self._told: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._let_back: dict[tuple[str, str, int], str] = {}

    def refresh(self) -> None:
        """Read what was written since.

        Raises
        ------
        ResponseError : the log cannot be read.
        """
        for offset, entry in self._log.read(self._offset):
            self._offset = offset
            self._take(entry)

    def active(self) -> list[Active]:
        """Return the blocks in force, those that are over too until somebody took them back."""
        return list(self._active.values())

    def of_alert(self, alert_id: str) -> list[Active]:
        """Return the blocks of one alert.

        Parameters
        ----------
        alert_id : its id.
        """
        return [one for one in self._active.values() if one.block.alert_id == alert_id]

    def let_back(self, block: Block) -> str | None:
        """Return why somebody let a host back to a pool; None if nobody did since.

        Of whatever alert: what reconnects has another one after a while, and is the same service.

        Parameters
        ----------
        block : of the host and the pool.
        """
        return self._let_back.get(_ends(block))

    def applied_since(self, time_ns: int) -> int:
        """Return how many blocks were begun from a moment on.

        Parameters
        ----------
        time_ns : the moment.
        """
        self._applied_ns = [one for one in self._applied_ns if one >= time_ns]
        return len(self._applied_ns)

    def was_told(self, action: Action, alert_id: str, text: str) -> bool:
        """Return whether the log tells this already: each refusal and plan is told once.

        Parameters
        ----------
        action : planned or refused.
        alert_id : of the alert.
        text : the reason of a refusal, the responder of a plan.
        """
        return (action.value, alert_id, text) in self._told

    def _note(self, action: Action, alert_id: str, text: str) -> None:
        told = (action.value, alert_id, text)
        self._told[told] = None
        self._told.move_to_end(told)
        while len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)

    def _take(self, entry: Entry) -> None:
        deed = entry.deed
        if deed.block is None:
            return
        key = (deed.block.alert_id, deed.responder)
        match deed.action:
            case Action.APPLYING:
                active = Active(deed.block, deed.responder, deed.time_ns, is_sure=False)
                self._active[key] = active
                self._applied_ns.append(deed.time_ns)
                self._let_back.pop(_ends(deed.block), None)
            case Action.APPLIED if key in self._active:
                self._active[key] = replace(self._active[key], is_sure=True)
            case Action.FAILED | Action.EXPIRED:
                self._active.pop(key, None)
            case Action.UNDONE:
                self._active.pop(key, None)
                self._let_back[_ends(deed.block)] = deed.reason
            case Action.REFUSED:
                self._note(deed.action, deed.block.alert_id, deed.reason)
            case Action.PLANNED:
                self._note(deed.action, deed.block.alert_id, deed.responder)
            case _:
                pass


def _ends(block: Block) -> tuple[str, str, int]:
    return block.host, block.pool, block.pool_port
