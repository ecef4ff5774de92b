# SPDX-License-Identifier: Apache-2.0
"""One alert for each host and pool: raised once, updated when it changes, ended when it is over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from minewatch.alert import Alert, Change
from minewatch.alerts.case import HOUR_NS, NEVER, Case, Told
from minewatch.alerts.finding import Finding, Pair
from minewatch.alerts.ids import id_of
from minewatch.types import Verdict

RETAINED_NS: Final = 24 * HOUR_NS
"""How long an alert that is over is remembered: a conversation that belongs to it may be labelled
hours after it began."""
MOST_OCTETS: Final = 256 << 20
"""Memory of all alerts together, about; with more, those that were seen last longest ago are
forgotten."""
MOST_OPEN: Final = 256
"""Conversations of one alert that are followed at the same time; of more only the last word is
taken in, so that who opens connections by the thousand costs little."""


class AlertBook:
    """Groups findings into alerts, and says which of them are to be told.

    Parameters
    ----------
    source : what is watched.
    most_octets : memory of all alerts together, about.

    Notes
    -----
    A conversation belongs to the alert of its pair whose conversations it follows within an hour.
    ``tell`` gives an alert when it is new; when its severity, label, kinds of evidence or allowance
    changed, or its conversations have become twice as many; when an hour of the data passed in
    which it went on; and when it is over.
    """

    def __init__(self, source: str, most_octets: int = MOST_OCTETS) -> None:
        self.source = source
        self.most_octets = most_octets
        self.forgotten = 0
        """Alerts that were forgotten because there were too many."""
        self._cases: dict[Pair, list[Case]] = {}
        self._of_flow: dict[int, Case] = {}

    @property
    def cases(self) -> Iterator[Case]:
        """Yield every case that is remembered."""
        for cases in self._cases.values():
            yield from cases

    def of_pair(self, pair: Pair) -> Sequence[Case]:
        """Return the cases of a host and a pool.

        Parameters
        ----------
        pair : of which they are.
        """
        return self._cases.get(pair, ())

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
        flow_id : of one that may be judged again.
        case : one of ``cases``.
        """
        self._of_flow[flow_id] = case

    def follows(self, flow_id: int) -> bool:
        """Return whether a conversation was labelled mining once, and may be judged again.

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
            if len(case.open) >= MOST_OPEN and not found.is_final:
                return
        case.take(found)
        if found.is_final:
            self._of_flow.pop(found.flow_id, None)
        else:
            self._of_flow[found.flow_id] = case

    def dismiss(self, verdict: Verdict, *, has_ended: bool, is_final: bool) -> None:
        """Let a conversation that was labelled mining be none, because the gate stopped it.

        Parameters
        ----------
        verdict : on one that ``follows``, with the reason as its evidence.
        has_ended : it will have no more packets.
        is_final : this is the last word on it.
        """
        flow_id = verdict.flow_id
        case = self._of_flow[flow_id]
        known = case.open.get(flow_id, case.doubted)
        if known is not None and known.flow_id == flow_id:
            case.take(known.against(verdict, has_ended=has_ended, is_final=is_final))
        if is_final:
            del self._of_flow[flow_id]

    def _case_for(self, found: Finding) -> Case:
        cases = self._cases.setdefault(found.pair, [])
        for case in cases:
            goes_on = any(not one.has_ended for one in case.open.values())
            is_near = goes_on or found.start_ns < case.last_ns + HOUR_NS
            if is_near and case.first_ns - HOUR_NS < found.end_ns:
                return case
        case = Case(id_of(found), found.pair)
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
        gone = {id(case) for case in self.cases if self._is_gone(case, now_ns)}
        gone |= self._too_many([case for case in self.cases if id(case) not in gone])
        if not gone:
            return
        self._of_flow = {n: case for n, case in self._of_flow.items() if id(case) not in gone}
        left = [case for case in self.cases if id(case) not in gone]
        self._cases = {}
        for case in left:
            self.put(case)

    def _too_many(self, cases: list[Case]) -> set[int]:
        """The ids of objects among ``cases`` for which there is no room."""
        too_much = sum(case.octets for case in cases) - self.most_octets
        chosen: set[int] = set()
        if too_much > 0:
            for case in sorted(cases, key=lambda one: one.last_ns):
                chosen.add(id(case))
                too_much -= case.octets
                if too_much <= 0:
                    break
        self.forgotten += len(chosen)
        return chosen

    @staticmethod
    def _is_gone(case: Case, now_ns: int) -> bool:
        if not case.is_over(now_ns):
            return False
        if case.told is None:
            return not case.is_standing
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
