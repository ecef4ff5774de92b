# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import scripted
from minewatch.lab.simulator import payload
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.pcap import packetize
from minewatch.lab.simulator.routes import routes
from packets import checksum
from scripted import SEED, Talk

SOURCE = payload.Source(np.arange(5000, dtype=np.uint8), 1)


@given(st.integers(0, len(SOURCE.octets) - 3000), st.integers(0, 3000))
def test_sums_are_those_of_the_octets(start, octets):
    data = SOURCE.octets[start : start + octets].tobytes()
    total = int(SOURCE.sums(np.array([start]), np.array([octets]))[0])
    assert (~checksum(data) & 0xFFFF) % payload.ONES == total


@given(st.integers(0, 9), st.integers(0, 9))
def test_two_pieces_make_one_sum(content, filler):
    at = SOURCE.blob_start + 7
    pieces = payload.Pieces(*(np.array([x]) for x in (at, content, 300, filler)))
    data = SOURCE.octets[at : at + content].tobytes() + SOURCE.octets[300 : 300 + filler].tobytes()
    assert pieces.sums(SOURCE)[0] == (~checksum(data) & 0xFFFF) % payload.ONES


def test_cut_pieces_lose_the_filler_first():
    some = payload.Pieces(*(np.array([x, x]) for x in (0, 30, 0, 20)))
    cut = some.cut(np.array([40, 10]))
    assert cut.content_octets.tolist() == [30, 10]
    assert cut.filler_octets.tolist() == [10, 0]


def test_segments_carry_their_part_of_content_and_filler():
    said = scripted.script(Talk([(0.1, False, b"x" * 2000), (0.2, True, 4000)]))
    said.messages.octets[0] = 5000
    way = routes(said, SEED)
    packets = packetize(said, SEED)
    source = payload.Source(said.blob, SEED)
    some = payload.pieces(packets, said, way, source)
    rows = np.flatnonzero(packets.message == 0)
    assert some.content_octets[rows].tolist() == [1448, 552, 0, 0]
    assert some.filler_octets[rows].tolist() == [0, 896, 1448, 656]
    start = some.filler_start[rows[1:]]
    assert np.diff(start).tolist() == [896, 1448]  # goes on where it was


def test_filler_is_printable_or_random_as_asked():
    text = SOURCE.octets[SOURCE.filler_start(np.array([s.FILL_TEXT]), np.array([0]))[0] :][:9999]
    assert (text >= 0x20).all()
    assert (text < 0x7F).all()
    noise = SOURCE.octets[SOURCE.filler_start(np.array([s.FILL_RANDOM]), np.array([0]))[0] :]
    assert len(np.unique(noise[:9999])) == 256


def test_rows_are_copied_whatever_their_length(rng):
    source = rng.integers(0, 256, 10_000).astype(np.uint8)
    octets = rng.integers(0, 40, 200)
    start = rng.integers(0, 9_900, 200)
    to = np.cumsum(octets) - octets
    into = np.zeros(octets.sum(), np.uint8)
    payload.copy_rows(into, to, source, start, octets)
    wanted = b"".join(source[a : a + n].tobytes() for a, n in zip(start, octets, strict=True))
    assert into.tobytes() == wanted
