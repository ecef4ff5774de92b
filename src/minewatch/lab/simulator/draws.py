# SPDX-License-Identifier: Apache-2.0
"""Random numbers that hang on what they are for, not on the order in which they are asked for.

Each is a hash of a key (of the conversation), a purpose and a counter. So a conversation becomes
the same packets alone and among a million others, in whatever batches the work is done.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.script import Conversations, FloatArray, IntArray

KeyArray: TypeAlias = npt.NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_ONE: Final = np.uint64(1)


class Purpose(IntEnum):
    """What a number is drawn for; each purpose has its own stream."""

    SEQUENCE = 1
    CLOCK = 2
    IDENTIFICATION = 3
    REACTION = 4
    LOSS = 5
    JITTER = 6
    JITTER_ANGLE = 7
    CLOSE = 8
    CLOSE_DELAY = 9
    FILLER = 10
    HOST = 11
    HOPS = 12
    LOST_ANSWER = 13


def mix(values: KeyArray) -> KeyArray:
    """Return a hash of each value (the finaliser of splitmix64).

    Parameters
    ----------
    values : whatever is to be hashed.
    """
    mixed = values + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def chain(seed: int, *columns: npt.NDArray[np.generic]) -> KeyArray:
    """Return one key a row, a hash of the seed and of the row's values.

    Parameters
    ----------
    seed : of the whole run.
    columns : integers, all of one length.

    Examples
    --------
    >>> import numpy as np
    >>> one, other = chain(7, np.array([1, 1]), np.array([5, 6]))
    >>> bool(one == other)
    False
    """
    keys = np.full(len(columns[0]), seed & 0xFFFF_FFFF_FFFF_FFFF, np.uint64)
    for column in columns:
        keys = mix(keys ^ mix(column.astype(np.uint64)))
    return keys


def conversation_keys(conversations: Conversations, seed: int) -> KeyArray:
    """Return the key of each conversation: a hash of its addresses, ports and start.

    Parameters
    ----------
    conversations : the rows.
    seed : of the whole run.
    """
    return chain(
        seed,
        conversations.protocol,
        conversations.initiator_address,
        conversations.initiator_port,
        conversations.responder_address,
        conversations.responder_port,
        conversations.start_s.view(np.int64),
    )


def bits(keys: KeyArray, purpose: Purpose, counter: IntArray | None = None) -> KeyArray:
    """Return 64 random bits a row.

    Parameters
    ----------
    keys : one a row.
    purpose : what they are for.
    counter : which of several for the same purpose.
    """
    stream = mix(np.full(1, int(purpose), np.uint64))
    mixed = keys ^ stream
    if counter is not None:
        mixed = mix(mixed) + counter.astype(np.uint64) * _GOLDEN
    return mix(mixed)


def uniform(keys: KeyArray, purpose: Purpose, counter: IntArray | None = None) -> FloatArray:
    """Return a number between 0 and 1, neither of them, a row.

    Parameters
    ----------
    keys : one a row.
    purpose : what they are for.
    counter : which of several for the same purpose.
    """
    high = bits(keys, purpose, counter) >> np.uint64(11)
    return (high.astype(np.float64) + 0.5) * 2.0**-53


def half_normal(keys: KeyArray, counter: IntArray) -> FloatArray:
    """Return how far a standard normal number lies from 0, a row.

    Parameters
    ----------
    keys : one a row.
    counter : which of several.
    """
    radius = np.sqrt(-2.0 * np.log(uniform(keys, Purpose.JITTER, counter)))
    angle = uniform(keys, Purpose.JITTER_ANGLE, counter) * (2.0 * np.pi)
    result: FloatArray = np.abs(radius * np.cos(angle))
    return result
