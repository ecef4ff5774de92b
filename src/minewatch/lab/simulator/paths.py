# SPDX-License-Identifier: Apache-2.0
"""The networks between the ends of conversations: one drawn path a conversation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

import numpy as np

from minewatch.lab.simulator.distributions import parameter
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.script import BoolArray, FloatArray, IntArray

Realm: TypeAlias = Literal["internet", "cloud"]
"""Where the far end is: anywhere, or in the same region of the same cloud."""


@dataclass(slots=True)
class Paths:
    """When conversations start and what lies between their ends, one row each, shape (n,)."""

    start_s: FloatArray
    """Seconds since 1970."""
    is_initiator_home: BoolArray
    """True if packets are captured at the initiator."""
    rtt_s: FloatArray
    jitter_s: FloatArray
    loss: FloatArray
    mss: IntArray
    has_timestamps: BoolArray
    ack_delay_s: FloatArray
    keepalive_s: FloatArray
    rate: FloatArray
    """What the slowest link carries [octets/s]."""

    def __len__(self) -> int:
        return len(self.start_s)

    def take(self, rows: IntArray) -> Paths:
        """Return some of the rows."""
        return Paths(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def draw_paths(rng: Rng, start_s: FloatArray, realm: Realm, *, is_initiator_home: bool) -> Paths:
    """Draw a path for each conversation.

    Parameters
    ----------
    rng : source of chance.
    start_s : when each conversation starts, seconds since 1970.
    realm : where the far ends are.
    is_initiator_home : True if the watched server opens the conversations.
    """
    n = len(start_s)
    rtt = parameter(f"rtt_{realm}").draw(rng, n)
    is_far = realm == "internet"
    return Paths(
        start_s=np.asarray(start_s, np.float64),
        is_initiator_home=np.full(n, is_initiator_home),
        rtt_s=rtt,
        jitter_s=rtt * parameter("jitter_share").draw(rng, n),
        loss=parameter(f"loss_{realm}").draw(rng, n),
        mss=parameter(f"mss_{realm}").whole(rng, n),
        has_timestamps=(
            parameter("timestamps_internet").draw(rng, n) > 0 if is_far else np.ones(n, np.bool_)
        ),
        # Whoever opens a conversation may be any system; servers are Linux.
        ack_delay_s=(
            np.where(is_initiator_home, 0.04, parameter("ack_delay_internet").draw(rng, n))
            if is_far
            else np.full(n, 0.04)
        ),
        keepalive_s=parameter("tcp_keepalive").draw(rng, n),
        rate=parameter("rate").draw(rng, n),
    )
