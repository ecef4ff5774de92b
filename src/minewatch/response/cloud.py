# SPDX-License-Identifier: Apache-2.0
"""Plans for the filters of clouds: commands for a person to read and run, never run by minewatch.

Names of accounts, networks and groups are not in an alert: a plan takes them from variables of the
shell, whose names it tells in its first lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from minewatch.alert import Block
from minewatch.errors import ResponseError
from minewatch.response.ends import Ends, ends_of

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,30}")
ID_CHARACTERS: Final = 12
"""Of the alert's id, in names that a cloud shall keep."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A word of a command that the user's shell knows."""

    name: str

    def __post_init__(self) -> None:
        """Refuse what a shell would not take for a variable."""
        if not _VARIABLE.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no variable")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cloud's plan says of one block."""

    variables: Mapping[str, str]
    """Names, and what to set them to."""
    remarks: Sequence[str]
    """What it does not do, and what else it hits."""
    commands: Sequence[Sequence[str | Variable]]
    undo: Sequence[Sequence[str | Variable]]


class CloudPlanner:
    """Prints the plan of one filter of one cloud.

    Parameters
    ----------
    name : short, unique.
    make : the plan for two ends and a label for what it makes.
    """

    def __init__(self, name: str, make: Callable[[Ends, str], Plan]) -> None:
        self.name = name
        self._make = make

    def plan(self, block: Block) -> Sequence[str]:
        """Return remarks, commands, and how to take them back.

        Parameters
        ----------
        block : what to cut off.
        """
        plan = self._make(ends_of(block), label_of(block))
        return [
            *(f"# set {name}: {meaning}" for name, meaning in plan.variables.items()),
            *(f"# {' '.join(remark.split())}" for remark in plan.remarks),
            *map(command_line, plan.commands),
            f"# after {block.seconds} s take it back:",
            *map(command_line, plan.undo),
        ]

    def apply(self, block: Block) -> None:
        """Refuse: a cloud's filter is a person's to change.

        Parameters
        ----------
        block : any.

        Raises
        ------
        ResponseError : always.
        """
        raise ResponseError(f"{self.name}: only a plan; run its commands by hand")

    def undo(self, block: Block) -> None:
        """Refuse, as ``apply`` does.

        Parameters
        ----------
        block : any.

        Raises
        ------
        ResponseError : always.
        """
        raise ResponseError(f"{self.name}: only a plan; run its last commands by hand")


def label_of(block: Block) -> str:
    """Return a name for what a block makes: letters, digits and dashes only.

    Parameters
    ----------
    block : any.
    """
    letters = re.sub(r"[^a-z0-9]", "", block.alert_id.lower())[:ID_CHARACTERS]
    return f"minewatch-{letters or 'block'}"


def command_line(words: Sequence[str | Variable]) -> str:
    r"""Return a command as a shell reads it: each word quoted where it must be.

    Parameters
    ----------
    words : texts, taken as they are, and variables.

    Examples
    --------
    >>> command_line(["echo", "a b", "$(reboot)", Variable("VPC")])
    'echo \'a b\' \'$(reboot)\' "$VPC"'
    """
    return " ".join(
        f'"${word.name}"' if isinstance(word, Variable) else shlex.quote(word) for word in words
    )
