# SPDX-License-Identifier: Apache-2.0
"""How many false alarms somebody bears: ``1/host-month`` and its like."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from minewatch.errors import ConfigError

CONVERSATIONS: Final = 100_000
"""False alarms are counted per so many benign conversations."""
PER_CONVERSATIONS: Final = f"{CONVERSATIONS}-conversations"
DAYS: Final = MappingProxyType({"host-day": 1.0, "host-week": 7.0, "host-month": 30.0})
"""Days of each unit."""
_FORMS: Final = (
    f"write N/host-day, N/host-week, N/host-month or N/{PER_CONVERSATIONS}, such as 1/host-month"
)
_FORM: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)/([a-z0-9-]+)")


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of false alarms, and in what.

    Parameters
    ----------
    alarms : how many.
    unit : a key of ``DAYS``, or ``PER_CONVERSATIONS``.
    """

    alarms: float
    unit: str

    def per_100000(self, per_host_day: float) -> float:
        """Return the false alarms per 100,000 benign conversations.

        Parameters
        ----------
        per_host_day : benign conversations of a host in a day.

        Examples
        --------
        >>> Budget(3.0, "host-month").per_100000(1000.0)
        10.0
        """
        if self.unit == PER_CONVERSATIONS:
            return self.alarms
        return self.alarms * CONVERSATIONS / (DAYS[self.unit] * per_host_day)

    def in_its_unit(self, per_100000: float, per_host_day: float) -> str:
        """Return a rate in the unit of this budget, as text, never less than it is.

        Parameters
        ----------
        per_100000 : false alarms per 100,000 benign conversations.
        per_host_day : benign conversations of a host in a day.

        Examples
        --------
        >>> Budget(1.0, "host-month").in_its_unit(3.0001, 1000.0)
        '0.91/host-month'
        """
        rate = per_100000
        if self.unit != PER_CONVERSATIONS:
            rate = per_100000 * DAYS[self.unit] * per_host_day / CONVERSATIONS
        return f"{rounded_up(rate)}/{self.unit}"


def parse_budget(text: str) -> Budget:
    """Return what ``--budget`` says.

    Parameters
    ----------
    text : such as ``1/host-month``.

    Raises
    ------
    ConfigError : it has no known form, or is 0.

    Examples
    --------
    >>> parse_budget("0.5/host-week")
    Budget(alarms=0.5, unit='host-week')
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or match[2] not in (*DAYS, PER_CONVERSATIONS):
        raise ConfigError(f"--budget {text[:80]}: {_FORMS}")
    alarms = float(match[1])
    if alarms <= 0:
        raise ConfigError(f"--budget {text}: none at all cannot be promised; {_FORMS}")
    return Budget(alarms, match[2])


def rounded_up(rate: float) -> str:
    """Return a rate with two significant digits, rounded up, so that no less is promised.

    Parameters
    ----------
    rate : above 0.

    Examples
    --------
    >>> rounded_up(1.234), rounded_up(0.0301), rounded_up(12_345.0), rounded_up(2.0)
    ('1.3', '0.031', '13,000', '2')
    """
    digits = math.floor(math.log10(rate)) - 1
    whole = math.ceil(rate / 10**digits - 1e-9)
    text = f"{whole * 10**digits:,.{max(-digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
