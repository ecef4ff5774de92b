# SPDX-License-Identifier: Apache-2.0
"""One line of a checkup: what was looked at, how it is, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Parameters
    ----------
    subject : what was looked at, in a word or two.
    level : how bad it is.
    text : what was seen.
    cure : what to do about it; empty where nothing has to be done.

    Raises
    ------
    ValueError : something is bad, and nobody says how to mend it.
    """

    subject: str
    level: Level
    text: str
    cure: str = ""

    def __post_init__(self) -> None:
        """Refuse a complaint without a cure."""
        if self.level is not Level.OK and not self.cure:
            raise ValueError(f"{self.subject}: {self.text}: no cure")

    def as_data(self) -> dict[str, str]:
        """Return it for JSON."""
        return {name: str(value) for name, value in asdict(self).items()}

    def line(self) -> str:
        """Return it for a person.

        Examples
        --------
        >>> Finding("clock", Level.WARN, "not synchronised", "start chrony").line()
        'warn  clock: not synchronised: start chrony'
        """
        cure = f": {self.cure}" if self.cure else ""
        return f"{self.level:<4}  {self.subject}: {self.text}{cure}"


def status_of(findings: Iterable[Finding]) -> int:
    """Return the exit status: 0 if all is well, 1 with warnings, 2 if something fails.

    Parameters
    ----------
    findings : all of a checkup.
    """
    levels = {finding.level for finding in findings}
    if Level.FAIL in levels:
        return 2
    return 1 if Level.WARN in levels else 0
