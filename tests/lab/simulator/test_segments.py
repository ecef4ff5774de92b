# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import scripted
from minewatch.lab.simulator.routes import GAP_NS, routes
from minewatch.lab.simulator.segments import flight_delays, segments
from minewatch.lab.simulator.units import units
from scripted import SEED, Talk


def of(*talks):
    said = scripted.script(*talks)
    way = routes(said, SEED)
    return segments(units(said, way), way)


def test_messages_are_cut_at_the_segment_size():
    cut = of(Talk([(0.1, False, 3000), (0.2, True, 1448)]), Talk([(0.1, False, 3000)], mss=1000))
    assert cut.octets[cut.octets > 0].tolist() == [1448, 1448, 104, 1448, 988, 988, 988, 36]
    assert cut.number[cut.octets > 0].tolist() == [0, 1, 2, 0, 0, 1, 2, 3]


def test_syn_and_fin_take_a_number_and_reset_takes_none():
    assert of(Talk()).length.tolist() == [1, 1, 1, 1]
    assert of(Talk(close=3)).length.tolist() == [1, 1, 0]


@pytest.mark.parametrize("rtt_s", [0.0, 0.0002, 0.03, 0.3])
def test_flights_grow_and_never_overtake(rtt_s):
    n = 50_000
    delay = flight_delays(np.arange(n), np.full(n, int(rtt_s * 1e9)))
    gaps = np.diff(delay)
    assert gaps.min() == GAP_NS
    starts = np.concatenate(([0], np.flatnonzero(gaps > GAP_NS) + 1))
    sizes = np.diff(starts)[:6].tolist()
    assert sizes == [10, 20, 40, 80, 160, 320][: len(sizes)]
    # Never more than the window in a round trip.
    window = 2560 if rtt_s > 0.03 else n
    assert (np.searchsorted(delay, delay + int(rtt_s * 1e9)) - np.arange(n)).max() <= window


def test_a_long_download_is_as_fast_as_the_wire():
    n = 100_000
    delay = flight_delays(np.arange(n), np.full(n, 5_000_000))
    assert delay[-1] < n * GAP_NS + 40_000_000
