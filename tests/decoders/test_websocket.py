# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.decoders import websocket
from minewatch.decoders.websocket import websocket_messages


def messages(data, position=0):
    return [octets for _, octets in websocket_messages(data, position)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 4000, 65_535])
@pytest.mark.parametrize("mask", [b"", b"\x01\xff\x80\x00"])
def test_lengths_and_masks(build, size, mask):
    data = bytes(i % 251 for i in range(size))
    expected = data[: websocket.MAX_MESSAGE_OCTETS]
    assert messages(build.frame(data, mask) + build.frame(b"end")) == [expected, b"end"]


def test_sixty_four_bits_of_length():
    assert messages(b"\x81\x7f" + (2).to_bytes(8, "big") + b"ab") == [b"ab"]
    assert messages(b"\x81\x7f" + b"\xff" * 8 + b"ab") == [b"ab"]


def test_fragments_are_joined_and_control_frames_may_come_between(build):
    data = build.frame(b"ab", code=0x01) + build.frame(b"", code=0x89)
    data += build.frame(b"cd", code=0x00) + build.frame(b"ef", code=0x80)
    assert messages(data) == [b"abcdef"]


def test_compressed_messages_are_passed_over(build):
    data = build.frame(b"??", code=0xC1) + build.frame(b"ab")
    assert messages(data) == [b"ab"]


def test_where_a_message_begins(build):
    data = b"head" + build.frame(b"ab") + build.frame(b"cd")
    assert [place for place, _ in websocket_messages(data, 4)] == [4, 8]


def test_what_is_no_frame_ends_the_reading(build):
    assert messages(build.frame(b"ab") + b"\x83\x00" + build.frame(b"cd")) == [b"ab"]


def test_frames_are_bounded(build):
    assert len(messages(build.frame(b"a") * 1000)) == websocket.MAX_FRAMES
    endless = build.frame(b"x" * 9000, code=0x01) + build.frame(b"x" * 9000, code=0x00) * 50
    (joined,) = messages(endless + build.frame(b"", code=0x80))
    assert len(joined) == websocket.MAX_MESSAGE_OCTETS


@given(st.binary(max_size=300))
def test_never_raises(data):
    assert all(len(octets) <= len(data) for octets in messages(data))
