# SPDX-License-Identifier: Apache-2.0
"""What is known of one observation domain."""

import pytest

from minewatch.readers.netflow.domain import Domain, Gathered, Sent, Sequence
from minewatch.readers.netflow.plans import Plan
from minewatch.readers.netflow.templates import DecoderLimits, Field, Template, Usage


def domain():
    return Domain("192.0.2.9", ("IPFIX", 10), "7", DecoderLimits(), Usage())


@pytest.mark.parametrize(
    ("numbers", "step", "missing"),
    [
        ((0, 30, 60), 30, [0, 0, 0]),
        ((5, 35, 95), 30, [0, 0, 30]),
        ((2**32 - 30, 0, 30), 30, [0, 0, 0]),
        ((2**32 - 30, 60), 30, [0, 60]),
        ((0, 60, 30, 90), 30, [0, 30, -30, 0]),  # one comes late
        ((9_000_000, 0, 30), 30, [0, 0, 0]),  # the exporter began anew
    ],
)
def test_sequence_numbers(numbers, step, missing):
    sequence = Sequence()
    assert [sequence.follow(number, step) for number in numbers] == missing


def followed(*datagrams):
    sequence = Sequence()
    return [sequence.follow(*one) for one in datagrams]


def test_an_exporter_that_counts_the_datagram_itself():
    """As softflowd 1.1 sends IPFIX: 24, 32 and 12 records, one of options before them."""
    first = (24, 25, 1)
    assert followed(first, (56, 32), (68, 12), (69, 2, 1)) == [0, 0, 0, 0]
    # 7 are lost, then 32 come late.
    assert followed(first, (56, 32), (75, 12), (56, 32), (80, 5)) == [0, 0, 7, -32, 0]
    assert followed(first, (56, 32), (99, None), (104, 5)) == [0, 0, 0, 0]


def test_the_first_number_that_tells_how_is_counted_decides():
    # 1 and 2 records, of which 1 is lost between: as if the second counted itself.
    assert followed((0, 5), (5, 1), (6, 3), (9, 1), (11, 2)) == [0, 0, 0, 0, 1]


def test_after_a_datagram_that_nobody_can_count_the_next_is_taken_as_it_is():
    sequence = Sequence()
    assert sequence.follow(0, 10) == 0
    assert sequence.follow(10, None) == 0
    assert sequence.follow(500, 10) == 0
    assert sequence.follow(515, 10) == 5


def test_what_is_lost_never_falls_below_nothing():
    one = domain()
    one.follow(100, 10)
    one.follow(110, 10)
    one.follow(100, 10)
    assert (one.statistics.lost, one.statistics.gaps, one.statistics.datagrams) == (0, 0, 3)
    one.follow(140, 10)
    one.follow(120, 10)
    assert (one.statistics.lost, one.statistics.gaps) == (10, 1)


def test_vendors_and_intervals_are_noted_in_bounds():
    statistics = domain().statistics
    statistics.note_vendors([0, 29305, 6871, *range(100_000, 100_100)])
    statistics.note_sampling(range(1, 100))
    assert "CERT" in statistics.vendors
    assert (len(statistics.vendors), len(statistics.sampling)) == (64, 64)


def test_records_of_many_sets_are_one_piece_of_work():
    plan = Plan(Template(256, (Field(8, 4), Field(12, 4))), out_may_be_reverse=False)
    gathered = Gathered(
        plan, [bytes(16), bytes(8)], [2, 1], [Sent("a", 5, 6, 0), Sent("b", 7, 8, 0)]
    )
    work = domain().work_of(gathered)
    assert len(work.rows) == len(work.records) == 3
    assert work.export_ns.tolist() == [5, 5, 7]
    assert work.uptime_ms.tolist() == [6, 6, 8]
    assert work.starts.tolist() == [0, 2]
