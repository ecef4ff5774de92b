# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.features import arrivals
from minewatch.features.arrivals import arrivals_of, together
from minewatch.types import PacketSeries
from pushing import START_NS, blocks, pushing

JOBS = blocks(1, 12)


def test_pushes_are_what_the_server_says_unasked():
    found = arrivals_of(pushing(JOBS))
    assert (found.time_ns == START_NS + np.rint(JOBS * 1e9)).all()
    assert found.stops.tolist() == [12]
    assert found.row.tolist() == [0]
    assert hex(int(found.host[0, 1])) == "0xffff0a000001"
    assert hex(int(found.far[0, 1])) == "0xffffc6336401"


def test_a_burst_is_one_event():
    burst = np.sort(np.r_[JOBS, JOBS[5] + np.array([0.3, 0.6, 1.4])])
    assert (
        arrivals_of(pushing(burst)).time_ns.tolist() == arrivals_of(pushing(JOBS)).time_ns.tolist()
    )


def test_whose_side_is_home_tells_the_host():
    given = pushing(JOBS)
    given.frame = given.frame.with_columns(is_source_home=False)
    found = arrivals_of(given)
    assert hex(int(found.far[0, 1])) == "0xffff0a000001"
    assert hex(int(found.host[0, 1])) == "0xffffc6336401"


@pytest.mark.parametrize(
    "given",
    [
        pushing(JOBS[: arrivals.MIN_PUSHES - 1]),
        pushing(JOBS, asks_s=None),  # a subscriber that only listens
        pushing(np.arange(0.0, 200.0, 1.5), asks_s=30.0),  # a ticker
    ],
    ids=["few", "one-sided", "fast"],
)
def test_what_does_not_look_like_a_trickle_is_left_out(given):
    assert len(arrivals_of(given)) == 0


def test_without_an_address_there_is_no_host():
    given = pushing(JOBS, JOBS)
    low = pl.Series("source_address_low", [None, 5], pl.UInt64)
    given.frame = given.frame.with_columns(low)
    assert arrivals_of(given).row.tolist() == [1]


def test_of_a_long_conversation_two_spans_are_known():
    given = pushing(np.arange(5.0, 1000.0, 20.0))
    packets = given.packets[1]
    n = 10
    gone = np.r_[np.arange(n), np.arange(len(packets.time_ns) - 60, len(packets.time_ns))]
    given.packets = {
        1: PacketSeries(
            packets.time_ns[gone], packets.payload_octets[gone], packets.from_initiator[gone], n
        )
    }
    kept = given.packets[1].time_ns
    assert arrivals_of(given).seen_ns[0].tolist() == [kept[0], kept[9], kept[10], kept[-1]]


def test_only_so_many_pushes_are_kept_and_nothing_is_known_before_them(monkeypatch):
    monkeypatch.setattr(arrivals, "MAX_PUSHES", 10)
    found = arrivals_of(pushing(JOBS))
    assert (found.time_ns == START_NS + np.rint(JOBS[2:] * 1e9)).all()
    assert found.seen_ns[0, :3].tolist() == [found.time_ns[0]] * 3


def test_conversations_are_told_from_older_views_of_themselves():
    young, old = arrivals_of(pushing(JOBS, JOBS + 7)), arrivals_of(pushing(JOBS[:10]))
    assert len(old.without(young)) == 0
    assert young.without(old).row.tolist() == [1]
    assert len(old.without(arrivals_of(pushing(JOBS, hosts=[9])))) == 1


def test_the_newest_fit_into_memory():
    given = arrivals_of(pushing(JOBS, JOBS[:9], JOBS + 50, hosts=[1, 2, 3]))
    assert given.newest(24).row.tolist() == [0, 2]
    assert given.newest(12).row.tolist() == [2]
    assert len(given.newest(0)) == 0
    assert (given.forgotten().row == -1).all()


def test_together_is_one_after_the_other():
    first, second = arrivals_of(pushing(JOBS)), arrivals_of(pushing(JOBS[:9], hosts=[2]))
    both = together(first, second)
    assert both.stops.tolist() == [12, 21]
    assert (both.time_ns == np.r_[first.time_ns, second.time_ns]).all()
    assert both.owner.tolist() == [0] * 12 + [1] * 9
