# SPDX-License-Identifier: Apache-2.0
"""Alerts as lines for people: one for each telling, and what to do first below a new one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from minewatch.alert import Alert, Change
from minewatch.alerts.forms.clean import moment
from minewatch.alerts.forms.wording import sentences
from minewatch.output.records import printable

_ID_CHARACTERS: Final = 12


def alert_lines(alert: Alert) -> Iterator[str]:
    """Yield what a person reads of an alert.

    Parameters
    ----------
    alert : as it is told.

    Examples
    --------
    >>> from minewatch.alert import Severity
    >>> alert = Alert("0123456789abcdef", 2, Change.ENDED, "10.0.0.5", "203.0.113.9", 443, 6,
    ...     Severity.HIGH, 0.97, 0, 0, 0, 1, (), {}, (), "eth0")
    >>> list(alert_lines(alert))[0][:76]
    '1970-01-01T00:00:00.000000Z ended HIGH 0123456789ab 10.0.0.5 no longer mines'
    """
    head = f"{moment(alert.updated_ns)} {alert.change} {alert.severity.upper()}"
    yield printable(f"{head} {alert.id[:_ID_CHARACTERS]} {sentences(alert)}")
    if alert.change is Change.NEW:
        for step in alert.next_steps[:1]:
            yield printable(f"    {step}")
