# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import scripted
from minewatch.lab.simulator.loss import MAX_LOSSES, MIN_TIMEOUT_NS, fates
from minewatch.lab.simulator.routes import GAP_NS, routes
from minewatch.lab.simulator.segments import segments
from minewatch.lab.simulator.units import DATA, RST, SYN, SYN_ACK, units
from scripted import SEED, Talk


def of(*talks, seed=SEED):
    said = scripted.script(*talks)
    way = routes(said, seed)
    all_units = units(said, way)
    cut = segments(all_units, way)
    return fates(cut, all_units, way), all_units.kind[cut.unit], cut


def test_nothing_is_lost_where_nothing_is_to_be():
    fate, _, cut = of(Talk([(0.1, False, 90_000)]))
    assert not fate.losses.any()
    assert np.array_equal(fate.arrival_delay_ns, cut.delay_ns)
    assert fate.transmissions.arrives.all()
    assert not fate.transmissions.is_retransmission.any()


def test_the_share_is_lost():
    fate, kind, _ = of(Talk([(0.1, False, 20_000_000)], loss=0.1))
    losses = fate.losses[kind == DATA]
    assert (losses > 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (losses > 1).mean() == pytest.approx(0.01, abs=0.004)
    assert losses.max() <= MAX_LOSSES


def test_what_leaves_home_is_seen_each_time_and_what_comes_only_once():
    fate, kind, cut = of(Talk([(0.1, False, 2_000_000)], loss=0.1, close=0))
    seen = np.bincount(fate.transmissions.segment, minlength=len(cut))
    assert np.array_equal(seen, fate.losses + 1)
    assert fate.transmissions.is_retransmission.sum() == fate.losses.sum()
    assert fate.transmissions.arrives.sum() == len(cut)
    fate, kind, cut = of(Talk([(0.1, True, 2_000_000)], loss=0.1, close=0))
    is_data = kind == DATA
    seen = np.bincount(fate.transmissions.segment, minlength=len(cut))
    assert (seen[is_data] == 1).all()
    assert fate.losses[is_data].sum() > 0


def test_three_later_segments_bring_it_back_after_a_round_trip_else_the_timer_does():
    fate, kind, cut = of(Talk([(0.1, False, 5_000_000)], loss=0.05, rtt_s=0.02))
    once = np.flatnonzero((kind == DATA) & (fate.losses == 1))
    wait = (fate.arrival_delay_ns - cut.delay_ns)[once]
    fast = wait < MIN_TIMEOUT_NS
    assert fast.mean() > 0.9
    assert wait[fast].min() >= 20_000_000 + 3 * GAP_NS
    alone, kind, _ = of(*[Talk([(0.1, False, 10)], loss=0.3, rtt_s=0.02) for _ in range(50)])
    once = (kind == DATA) & (alone.losses == 1)
    assert once.sum() > 3
    assert (alone.arrival_delay_ns[once] == 20_000_000 + MIN_TIMEOUT_NS).all()


@pytest.mark.parametrize("home", [True, False])
def test_the_handshake_waits_a_second_and_reset_is_never_lost(home):
    fate, kind, _ = of(*[Talk(loss=0.4, close=3, home=home) for _ in range(60)])
    assert not fate.losses[kind == RST].any()
    assert not fate.losses[kind == (SYN_ACK if home else SYN)].any()
    lost = fate.losses[kind == (SYN if home else SYN_ACK)]
    assert lost.any()
    waits = fate.arrival_delay_ns[kind == (SYN if home else SYN_ACK)]
    assert np.array_equal(waits, ((1 << lost) - 1) * 10**9)
