# SPDX-License-Identifier: Apache-2.0
"""An alert book as plain values of JSON, and back; and what was told since it was saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from minewatch.alert import Alert
from minewatch.alerts.case import Case, Told
from minewatch.alerts.finding import Pair
from minewatch.alerts.grouping import MOST_OCTETS, AlertBook


@dataclass(frozen=True, slots=True)
class Telling:
    """An alert that was told, with what is needed to go on from there.

    Parameters
    ----------
    alert : as it was told.
    pair : what it is about.
    told : what makes it worth telling again.
    told_print : its fingerprint.
    """

    alert: Alert
    pair: Pair
    told: Told
    told_print: str


@dataclass(frozen=True, slots=True)
class _Saved:
    source: str
    cases: list[Case]
    flows: list[tuple[int, int]]
    """flow_id, and which of the cases it belongs to."""
    forgotten: int


def save_book(book: AlertBook) -> Any:
    """Return a book as values of JSON.

    Parameters
    ----------
    book : any.
    """
    cases = list(book.cases)
    number = {id(case): i for i, case in enumerate(cases)}
    flows = [(flow_id, number[id(case)]) for flow_id, case in book.flows()]
    return msgspec.to_builtins(_Saved(book.source, cases, flows, book.forgotten), str_keys=True)


def load_book(value: Any, most_octets: int = MOST_OCTETS) -> AlertBook:
    """Return the book that was saved.

    Parameters
    ----------
    value : what ``save_book`` returned.
    most_octets : memory of all alerts together from now on, about.

    Raises
    ------
    ValueError : it is no such thing.
    """
    try:
        saved = msgspec.convert(value, _Saved, str_keys=True)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    book = AlertBook(saved.source, most_octets)
    book.forgotten = saved.forgotten
    for case in saved.cases:
        book.put(case)
    for flow_id, number in saved.flows:
        if not 0 <= number < len(saved.cases):
            raise ValueError(f"a conversation of case {number}, which is not there")
        book.put_flow(flow_id, saved.cases[number])
    return book


def tellings_of(book: AlertBook, alerts: Iterable[Alert]) -> list[Any]:
    """Return alerts that were told just now, as values of JSON.

    Parameters
    ----------
    book : which told them.
    alerts : what it told.
    """
    by_id = {case.id: case for case in book.cases}
    tellings = []
    for alert in alerts:
        case = by_id[alert.id]
        if case.told is None:
            raise ValueError(f"alert {alert.id} was not told")
        tellings.append(Telling(alert, case.pair, case.told, case.told_print))
    return [msgspec.to_builtins(telling) for telling in tellings]


def telling_of(value: Any) -> Telling:
    """Return what was told, from values of JSON.

    Parameters
    ----------
    value : one of those of ``tellings_of``.

    Raises
    ------
    ValueError : it is no such thing.
    """
    try:
        return msgspec.convert(value, Telling)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def catch_up(book: AlertBook, telling: Telling) -> None:
    """Let a book know that it told an alert, after it was saved and before it was lost.

    Parameters
    ----------
    book : as it was saved.
    telling : in the order in which they were told.
    """
    alert = telling.alert
    case = next((one for one in book.of_pair(telling.pair) if one.id == alert.id), None)
    if case is None:
        case = Case(alert.id, telling.pair)
        book.put(case)
    if alert.revision <= case.revision:
        return
    if not case.is_known:
        case.before = alert
    case.revision = alert.revision
    case.told, case.told_print = telling.told, telling.told_print
    case.told_ns, case.told_last_ns = alert.updated_ns, alert.last_seen_ns
