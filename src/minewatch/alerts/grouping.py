# SPDX-License-Identifier: Apache-2.0
"""One alert for each host and pool: raised once, updated when it changes, ended when it is over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import msgspec

from minewatch.alert import Alert, Change, alert_id
from minewatch.alerts.case import HOUR_NS, NEVER, Case, Told
from minewatch.alerts.finding import Finding, Pair

RETAINED_NS: Final = 24 * HOUR_NS
"""How long an alert that is over is remembered: a conversation that belongs to it may be labelled
hours after it began."""
MOST_CASES: Final = 50_000
"""Alerts at the same time; with more, those that were seen last longest ago are forgotten."""


class AlertBook:
    """Groups findings into alerts, and says which of them are to be told.

    Parameters
    ----------
    source : what is watched.

    Notes
    -----
    A conversation belongs to the alert of its pair whose conversations it follows within an hour.
    The alert's id is that of the conversation that raised it. ``tell`` gives an alert when it is
    new; when its severity, label, kinds of evidence or allowance changed, or its conversations have
    become twice as many; when an hour of the data passed in which it went on; and when it is over.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.forgotten = 0
        """Alerts that were forgotten because there were too many."""
        self._cases: dict[Pair, list[Case]] = {}
        self._of_flow: dict[int, Case] = {}

    @property
    def cases(self) -> Iterator[Case]:
        """Yield every case that is remembered."""
        for cases in self._cases.values():
            yield from cases

    def put(self, case: Case) -> None:
        """Take in a case that was made elsewhere.

        Parameters
        ----------
        case : of which nothing is known here.
        """
        self._cases.setdefault(case.pair, []).append(case)

    def flows(self) -> Iterator[tuple[int, Case]]:
        """Yield the conversations that ``follows``, and the case of each."""
        yield from self._of_flow.items()

    def put_flow(self, flow_id: int, case: Case) -> None:
        """Let a conversation be of a case.

        Parameters
        ----------
        flow_id : of one that is not over.
        case : one of ``cases``.
        """
        self._of_flow[flow_id] = case

    def follows(self, flow_id: int) -> bool:
        """Return whether a conversation that is not over was labelled mining once.

        Parameters
        ----------
        flow_id : of the conversation.
        """
        return flow_id in self._of_flow

    def add(self, found: Finding) -> None:
        """Take in what was found of a conversation.

        Parameters
        ----------
        found : of one that is labelled mining, or was once.
        """
        case = self._of_flow.get(found.flow_id)
        if case is None:
            if not found.is_mining:
                return
            case = self._case_for(found)
        case.take(found)
        if found.is_over:
            self._of_flow.pop(found.flow_id, None)
        else:
            self._of_flow[found.flow_id] = case

    def dismiss(self, flow_id: int, *, is_over: bool) -> None:
        """Let a conversation that was labelled mining be none, because the gate stopped it.

        Parameters
        ----------
        flow_id : of one that ``follows``.
        is_over : it has ended.
        """
        case = self._of_flow[flow_id]
        known = case.open.get(flow_id, case.doubted)
        if known is not None and known.flow_id == flow_id:
            case.take(replace(known, is_mining=False, is_over=is_over))
        if is_over:
            del self._of_flow[flow_id]

    def _case_for(self, found: Finding) -> Case:
        cases = self._cases.setdefault(found.pair, [])
        for case in cases:
            is_near = bool(case.open) or found.start_ns < case.last_ns + HOUR_NS
            if is_near and case.first_ns - HOUR_NS < found.end_ns:
                return case
        case_id = alert_id(found.host, found.pool, found.pool_port, found.start_ns)
        case = Case(case_id, found.pair, found.pool_port)
        cases.append(case)
        return case

    def tell(self, now_ns: int) -> list[Alert]:
        """Return the alerts that are to be told, the earliest first.

        Parameters
        ----------
        now_ns : the data's time.
        """
        self._forget(now_ns)
        alerts = []
        for case in self.cases:
            state = case.state(now_ns)
            if now_ns > case.told_ns and _is_news(case, state, now_ns):
                alerts.append(self._told(case, state, now_ns))
        return sorted(alerts, key=lambda one: (one.first_seen_ns, one.id))

    def settle(self, now_ns: int) -> list[Alert]:
        """Return the alerts of which anything is different from what was told, because all is over.

        Parameters
        ----------
        now_ns : the data's time.
        """
        alerts = []
        for case in self.cases:
            if case.is_known and case.told_print != _print(case.alert("", 0, Change.NEW)):
                if case.told is None and not case.is_standing:
                    continue
                alerts.append(self._told(case, case.state(now_ns), now_ns))
        return sorted(alerts, key=lambda one: (one.first_seen_ns, one.id))

    def alerts(self, now_ns: int) -> list[Alert]:
        """Return every alert that stands, as it stands, the earliest first; nothing counts as told.

        Parameters
        ----------
        now_ns : the data's time.
        """
        found = [
            replace(case.alert(self.source, now_ns, Change.NEW), revision=1)
            for case in self.cases
            if case.is_standing
        ]
        return sorted(found, key=lambda one: (one.first_seen_ns, one.id))

    def set_back(self, now_ns: int) -> None:
        """Go on telling, because the clock that stamps packets was set back.

        Parameters
        ----------
        now_ns : the time after that.
        """
        for case in self.cases:
            case.told_ns = min(case.told_ns, now_ns - 1)

    def _told(self, case: Case, state: Told, now_ns: int) -> Alert:
        change = Change.UPDATED
        if case.told is None:
            change, state = Change.NEW, replace(state, is_over=False)
        elif state.is_over and not case.told.is_over:
            change = Change.ENDED
        case.revision += 1
        alert = case.alert(self.source, now_ns, change)
        case.told, case.told_ns, case.told_last_ns = state, now_ns, case.last_ns
        case.told_print = _print(alert)
        return alert

    def _forget(self, now_ns: int) -> None:
        """Forget what is over for a day, what was never told and is none, and what is too many."""
        too_many = sum(len(cases) for cases in self._cases.values()) - MOST_CASES
        gone = [case for case in self.cases if self._is_gone(case, now_ns)]
        if too_many > len(gone):
            oldest = sorted(self.cases, key=lambda one: one.last_ns)[:too_many]
            self.forgotten += len(oldest)
            gone = oldest
        for case in gone:
            for flow_id in [number for number, one in self._of_flow.items() if one is case]:
                del self._of_flow[flow_id]
            self._cases[case.pair] = [one for one in self._cases[case.pair] if one is not case]
            if not self._cases[case.pair]:
                del self._cases[case.pair]

    @staticmethod
    def _is_gone(case: Case, now_ns: int) -> bool:
        if case.open:
            return False
        if case.told is None:
            return not case.is_standing and case.is_over(now_ns)
        return case.told.is_over and now_ns - case.last_ns >= RETAINED_NS


def _is_news(case: Case, state: Told, now_ns: int) -> bool:
    if case.told is None:
        return state.is_standing
    if state != case.told:
        return True
    has_gone_on = not state.is_over and case.last_ns > case.told_last_ns
    return has_gone_on and now_ns - case.told_ns >= HOUR_NS


def as_found(alert: Alert) -> Alert:
    """Return an alert without how often, when and why it was told: what two runs have in common.

    Parameters
    ----------
    alert : any telling of it.
    """
    return replace(alert, revision=0, change=Change.NEW, updated_ns=0, source="")


def _print(alert: Alert) -> str:
    """Return a fingerprint of what an alert says."""
    text = json.dumps(msgspec.to_builtins(as_found(alert)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def grouped(findings: Iterable[Finding], source: str) -> list[Alert]:
    """Return the alerts of conversations that are all over, the earliest first.

    Parameters
    ----------
    findings : the last word on each conversation that is labelled mining, in any order.
    source : what they were found in.
    """
    book = AlertBook(source)
    latest = NEVER
    for found in sorted(findings, key=lambda one: (one.start_ns, one.recency)):
        book.add(found)
        latest = max(latest, found.end_ns)
    return book.alerts(latest)
