# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from minewatch.decoders import stream
from minewatch.decoders.stream import reassemble
from minewatch.types import Segment

WORDS = b"the quick brown fox jumps over the lazy dog"


def segment(position, data, *, time_ns=0, length=None, isn=2**32 - 10, forward=True):
    length = len(data) if length is None else length
    return Segment(time_ns, forward, (isn + position) % 2**32, length, data)


def texts(segments, forward=True):
    return [chunk.data for chunk in reassemble(segments, from_initiator=forward)]


@given(
    cuts=st.sets(st.integers(1, len(WORDS) - 1)),
    order=st.randoms(use_true_random=False),
    isn=st.integers(0, 2**32 - 1),
)
def test_any_order_gives_the_same_octets(cuts, order, isn):
    ends = [0, *sorted(cuts), len(WORDS)]
    first, *rest = [segment(a, WORDS[a:b], isn=isn) for a, b in pairwise(ends)]
    order.shuffle(rest)
    assert texts([first, *rest]) == [WORDS]


@given(st.lists(st.tuples(st.integers(0, 42), st.integers(1, 43)), max_size=30))
def test_retransmissions_and_overlaps_count_once(parts):
    again = [segment(a, WORDS[a : a + n]) for a, n in parts]
    assert texts([segment(0, WORDS), *again]) == [WORDS]
    assert b"".join(texts([segment(0, WORDS[:1]), *again, segment(0, WORDS)])) == WORDS


def test_what_comes_before_the_first_segment_is_put_before_it():
    assert texts([segment(4, b"quick "), segment(0, b"the ")]) == [b"the quick "]


def test_a_hole_splits():
    chunks = reassemble([segment(0, b"ab"), segment(5, b"f")], from_initiator=True)
    assert [(chunk.data, chunk.is_cut) for chunk in chunks] == [(b"ab", True), (b"f", False)]


def test_a_cut_packet_ends_its_chunk_and_its_repetition_adds_nothing():
    cut = segment(0, b"ab", length=5)
    chunks = reassemble([cut, cut, segment(5, b"f"), cut], from_initiator=True)
    assert [(chunk.data, chunk.is_cut) for chunk in chunks] == [(b"ab", True), (b"f", False)]


def test_directions_are_apart_and_the_origin_is_known():
    segments = [
        segment(0, b"ab", time_ns=5),
        segment(0, b"xy", time_ns=6, forward=False),
        segment(2, b"cd", time_ns=7),
    ]
    (chunk,) = reassemble(segments, from_initiator=True)
    assert [chunk.origin(i) for i in range(4)] == [(5, 0), (5, 0), (7, 2), (7, 2)]
    assert texts(segments, forward=False) == [b"xy"]


def test_nothing_gives_nothing():
    assert texts([]) == []
    assert texts([segment(0, b"", length=9)]) == []


def test_octets_are_bounded(monkeypatch):
    monkeypatch.setattr(stream, "MAX_STREAM_OCTETS", 10)
    assert texts([segment(0, b"a" * 8), segment(8, b"b" * 8), segment(16, b"c")]) == [b"aaaaaaaabb"]


@given(
    st.lists(
        st.builds(
            Segment,
            st.integers(0, 9),
            st.booleans(),
            st.integers(0, 2**32 - 1),
            st.integers(0, 100),
            st.binary(max_size=60),
        ),
        max_size=30,
    )
)
def test_hostile_numbers_never_raise(segments):
    for forward in (True, False):
        chunks = reassemble(segments, from_initiator=forward)
        sent = sum(len(s.data) for s in segments if s.from_initiator == forward)
        assert sum(len(chunk.data) for chunk in chunks) <= sent
