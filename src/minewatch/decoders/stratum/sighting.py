# SPDX-License-Identifier: Apache-2.0
"""What one message is, in the words of mining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from minewatch.decoders.jsonlines import JsonMessage


class Role(StrEnum):
    """The part a message plays."""

    SUBSCRIBE = "subscribe"
    AUTHORIZE = "authorize"
    LOGIN = "login"
    SUBMIT = "submit"
    HASHRATE = "hashrate"
    UPKEEP = "upkeep"
    """What only a miner asks, but that proves little: keepalive, extranonce, capabilities."""
    POLL = "poll"
    """A request for work: a miner's, or a pool's to its own node."""

    GREETING = "greeting"
    """The pool's answer to a subscription."""
    SETTING = "setting"
    """Difficulty, target, extranonce, a message for the operator."""
    ALIVE = "alive"
    """The pool's answer to a keepalive."""
    JOB = "job"
    MISFIT = "misfit"
    """A mining method's name on something that is built differently."""


POOL_ROLES = frozenset({Role.GREETING, Role.SETTING, Role.ALIVE, Role.JOB})
"""What only a pool sends."""

GENERIC, HINT, CERTAIN = 0, 1, 2
"""How much a message says about its dialect."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One message that a grammar recognised.

    Parameters
    ----------
    role : the part it plays.
    dialect : whose grammar it fits.
    rank : how much it says about the dialect: ``GENERIC``, ``HINT`` or ``CERTAIN``.
    is_weak : True if other protocols might say the same.
    algorithm : the hash function, where the message tells.
    coin : the coin to be paid in, where the message tells.
    agent : the miner's program, where the message tells.
    login : wallet or account, where the message tells.
    """

    role: Role
    dialect: str
    rank: int = GENERIC
    is_weak: bool = False
    algorithm: str | None = None
    coin: str | None = None
    agent: str | None = None
    login: str | None = None


Grammar: TypeAlias = Callable[[JsonMessage, Any], Sighting | None]
"""From a message and its ``params`` (or ``result``) to what it is; None: not of this dialect."""


def text_or_none(value: object) -> str | None:
    """Return ``value`` if it is text that says something."""
    return value if isinstance(value, str) and value else None
