# SPDX-License-Identifier: Apache-2.0
"""Conversations whose servers push at given moments, for tests of what compares moments."""

import numpy as np

from minewatch.testing import conversations
from minewatch.types import PacketSeries

START_NS = 1_600_000_000 * 10**9
HOST = 0xFFFF_0A00_0000
FAR = 0xFFFF_C633_6400


def pushing(*pushes_s, hosts=None, fars=None, asks_s=45.0, start_ns=START_NS):
    """Return one conversation a list of pushes [s after the start], each at a host of its own.

    Clients ask every ``asks_s`` seconds (None: never) and are answered at once, but for moments so
    near to a push that it would be taken for an answer.
    """
    n = len(pushes_s)
    hosts, fars = hosts or range(1, n + 1), fars or [1] * n
    ends = [float(max(np.max(one, initial=0.0), 1.0)) for one in map(np.asarray, pushes_s)]
    given = conversations(
        n,
        source_address_low=[HOST + host for host in hosts],
        destination_address_low=[FAR + far for far in fars],
        flow_start_nanoseconds=start_ns,
        flow_end_nanoseconds=[start_ns + int((end + 1) * 1e9) for end in ends],
    )
    given.packets = {
        row + 1: _talk(np.asarray(one, float), ends[row], asks_s, start_ns)
        for row, one in enumerate(pushes_s)
    }
    return given


def _talk(pushes_s, end_s, asks_s, start_ns):
    begin_s = min(pushes_s, default=0.0)
    asked = np.empty(0) if asks_s is None else np.arange(begin_s + 3.3, end_s, asks_s)
    if len(asked) and len(pushes_s):
        asked = asked[(np.abs(asked[:, None] - pushes_s) > 2.0).all(axis=1)]
    times = np.concatenate([pushes_s, asked, asked + 0.05])
    sent = np.repeat([False, True, False], [len(pushes_s), len(asked), len(asked)])
    order = np.argsort(times, kind="stable")
    n = len(times)
    return PacketSeries(
        start_ns + np.rint(times[order] * 1e9).astype(np.int64), np.full(n, 120), sent[order], n
    )


def blocks(seed, n=40, mean_s=60.0):
    """Return moments of chance: a chain's blocks [s]."""
    return np.cumsum(np.random.default_rng(seed).exponential(mean_s, n))


def heard(moments_s, seed, late_s=0.4):
    """Return the moments as one more host heard of them."""
    return np.asarray(moments_s) + np.random.default_rng(seed).uniform(0.0, late_s, len(moments_s))
