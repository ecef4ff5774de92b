# SPDX-License-Identifier: Apache-2.0
import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading

import pytest
import zstandard

import packets as p
from metered import read_file
from minewatch.errors import SourceError
from minewatch.readers import capture
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input
from minewatch.types import BATCH_OCTETS, BATCH_PACKETS, MAX_RECORD_OCTETS, PacketBatch
from packets import NS, START, Frame, ether, ipv4, tcp_frame

# Times in whole microseconds, so that every format can hold them.
FRAMES = [
    tcp_frame(time_s=0, flags=p.SYN),
    tcp_frame(time_s=0.25, payload=b'{"id":1}\n', flags=p.PSH | p.ACK, sequence=5),
    tcp_frame(time_s=0.000_001, source=p.B, destination=p.A, payload=b"odd"),
    Frame(ether(b"\0\1" + bytes(26), 0x0806), START + 3 * NS),
    tcp_frame(time_s=4, payload=b"last"),
]
EXPECTED = [
    (START, p.SYN, b""),
    (START + NS // 4, p.PSH | p.ACK, b'{"id":1}\n'),
    (START + 1000, p.ACK, b"odd"),
    (START + 4 * NS, p.ACK, b"last"),
]


def shown(rows):
    return [(row["time"], row["tcp_flags"], row["payload"]) for row in rows]


def write(tmp_path, data, name="a.pcap"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


VARIANTS = {
    f"{name}, {order}": p.pcap(FRAMES, order=order, **options)
    for order in "<>"
    for name, options in {
        "micro": {},
        "nano": {"nano": True},
        "kuznetzov": {"kuznetzov": True},
        "checksum length above the link type": {"link": 0x2400_0001},
    }.items()
} | {f"pcapng, {order}": p.pcapng(FRAMES, order=order) for order in "<>"}


@pytest.mark.parametrize("name", VARIANTS)
def test_formats(tmp_path, name):
    data = VARIANTS[name]
    rows, source = read_file(write(tmp_path, data))
    assert shown(rows) == EXPECTED
    counters = source.counters
    assert counters.packets_seen == 5
    assert {k: v for k, v in counters.by_outcome().items() if v} == {"metered": 4, "not_ip": 1}
    assert (counters.octets_read, counters.octets_skipped) == (len(data), 0)
    assert counters.notes == []


def test_nanoseconds_are_kept(tmp_path):
    frame = tcp_frame(time_s=0.123_456_789)
    rows, _ = read_file(write(tmp_path, p.pcap([frame], nano=True)))
    assert rows[0]["time"] == START + 123_456_789


@pytest.mark.parametrize("decapsulate", [True, False])
def test_tunnels_are_unwrapped_if_wanted(tmp_path, decapsulate):
    inner = tcp_frame().data
    outer = ether(ipv4("192.0.2.1", "192.0.2.2", 17, p.udp(1, 4789, p.vxlan(inner))))
    rows, _ = read_file(write(tmp_path, p.pcap([Frame(outer)])), decapsulate=decapsulate)
    assert rows[0]["source"] == (p.A if decapsulate else "192.0.2.1")


# Compression and pipes


PACKERS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip, two members": lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:]),
    "zstd": zstandard.compress,
    "zstd, two frames": lambda data: zstandard.compress(data[:99]) + zstandard.compress(data[99:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("write_capture", [p.pcap, p.pcapng])
def test_compression_is_told_by_the_first_octets(tmp_path, packer, write_capture):
    data = write_capture(FRAMES)
    rows, source = read_file(write(tmp_path, PACKERS[packer](data), "a.bin"))
    assert shown(rows) == EXPECTED
    assert source.counters.octets_read == len(data)
    assert source.counters.notes == []


@pytest.mark.parametrize("packer", PACKERS)
def test_a_named_pipe(tmp_path, packer):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = PACKERS[packer](p.pcap(FRAMES))

    def feed():
        with path.open("wb", buffering=0) as pipe:
            for start, end in ((0, 1), (1, 5), (5, 20), (20, len(data))):
                pipe.write(data[start:end])

    thread = threading.Thread(target=feed)
    thread.start()
    rows, source = read_file(path)
    thread.join()
    assert shown(rows) == EXPECTED
    assert source.counters.notes == []


READ_STDIN = """
import sys
from minewatch.readers.capture import CaptureSource
from minewatch.readers.finding import find_inputs
from minewatch.types import PacketBatch
(source,), errors = find_inputs(["-"])
reader, batch, n = CaptureSource(source), PacketBatch(), 0
while reader.fill(batch):
    n += batch.n_packets
reader.close()
print(reader.name, n, reader.counters.notes)
"""


@pytest.mark.parametrize("packer", ["plain", "gzip", "zstd"])
def test_standard_input(packer):
    given = PACKERS[packer](p.pcap(FRAMES))
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ_STDIN],
        input=given,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (result.stdout, result.stderr) == (b"standard input 4 []\n", b"")


def test_no_file_is_left_open(tmp_path):
    """With warnings as errors, one that is would fail the test."""
    before = len(os.listdir("/proc/self/fd"))
    for name, pack in PACKERS.items():
        read_file(write(tmp_path, pack(p.pcap(FRAMES)), name))
        with pytest.raises(SourceError):
            read_file(write(tmp_path, pack(b"no capture"), name))
        assert len(os.listdir("/proc/self/fd")) == before, name


# Cut captures


@pytest.mark.parametrize("kuznetzov", [False, True])
def test_a_pcap_cut_anywhere_gives_what_lies_before(tmp_path, kuznetzov):
    data = p.pcap(FRAMES, kuznetzov=kuznetzov)
    head = 24 if kuznetzov else 16
    ends = [24]
    for frame in FRAMES:
        ends.append(ends[-1] + head + len(frame.data))
    is_ip = [True, True, True, False, True]
    for cut in range(24, len(data) + 1):
        rows, source = read_file(write(tmp_path, data[:cut]))
        whole = sum(end <= cut for end in ends) - 1
        assert shown(rows) == EXPECTED[: sum(is_ip[:whole])], cut
        assert source.counters.packets_seen == whole
        left = cut - ends[whole]
        assert source.counters.octets_skipped == left
        assert source.counters.octets_read == cut
        assert source.counters.notes == _cut_note(ends[whole], left)


def _cut_note(offset, left):
    if left == 0:
        return []
    return [
        f"offset {offset}: the capture is cut within a record; {left} octets from there on are "
        "not used, everything before is"
    ]


@pytest.mark.parametrize("order", "<>")
def test_a_pcapng_cut_anywhere_gives_what_lies_before(tmp_path, order):
    skipped = list(p.skipped_blocks(order).values())
    blocks = [p.section(order), p.interface(order=order), *skipped[:2]]
    packet_ends = []
    for frame, other in zip(FRAMES, [*skipped, b""], strict=False):
        blocks += [p.enhanced(frame, order=order), other]
        packet_ends.append(sum(map(len, blocks[:-1])))
    blocks += [p.section(order), p.interface(order=order)]
    data = b"".join(blocks)
    ends = [0]
    for block in blocks:
        ends.append(ends[-1] + len(block))
    is_ip = [True, True, True, False, True]
    for cut in range(4, len(data) + 1):
        rows, source = read_file(write(tmp_path, data[:cut]))
        packets = sum(end <= cut for end in packet_ends)
        assert shown(rows) == EXPECTED[: sum(is_ip[:packets])], cut
        assert source.counters.packets_seen == packets
        whole = max(end for end in ends if end <= cut)
        assert source.counters.octets_skipped == cut - whole, cut
        assert source.counters.notes == _cut_note(whole, cut - whole), cut


@pytest.mark.parametrize("packer", ["gzip", "bzip2", "xz", "zstd"])
def test_a_cut_in_compression_gives_what_could_be_unpacked(tmp_path, packer):
    frames = [tcp_frame(time_s=i, payload=os.urandom(1000)) for i in range(3000)]
    data = PACKERS[packer](p.pcap(frames))
    rows, source = read_file(write(tmp_path, data[: len(data) // 2]))
    assert 0 < len(rows) < 3000
    assert [row["payload"] for row in rows] == [f.data[54:] for f in frames[: len(rows)]]
    assert source.counters.notes
    # What the unpacker holds back is at most a block of bzip2 (900 kB).
    assert len(rows) > (400 if packer == "bzip2" else 1300)


def test_a_short_gzip_that_is_cut_gives_its_packets(tmp_path):
    data = gzip.compress(p.pcap(FRAMES))
    rows, source = read_file(write(tmp_path, data[:-4]))
    assert shown(rows) == EXPECTED
    assert source.counters.notes == [
        "cannot be unpacked any further: Compressed file ended before the end-of-stream marker "
        "was reached"
    ]


def test_a_gzip_with_a_wrong_checksum_gives_its_packets_and_a_note(tmp_path):
    data = bytearray(gzip.compress(p.pcap(FRAMES)))
    data[-8] ^= 0xFF
    rows, source = read_file(write(tmp_path, bytes(data)))
    assert shown(rows) == EXPECTED
    (note,) = source.counters.notes
    assert note.startswith("cannot be unpacked any further: CRC check failed")


def test_a_read_error_in_mid_capture_gives_what_lies_before(tmp_path, monkeypatch):
    path = write(tmp_path, p.pcap(FRAMES))
    source = CaptureSource(Input("a.pcap", str(path), None))
    real, calls = source._stream.readinto, []

    class Failing:
        def readinto(self, room):
            calls.append(1)
            if len(calls) > 1:
                raise OSError(5, "Input/output error")
            return real(room[:100])

        def read(self, size):
            raise OSError(5, "Input/output error")

    stream = source._stream
    monkeypatch.setattr(source, "_stream", Failing())
    batch, n = PacketBatch(), 0
    while source.fill(batch):
        n += batch.n_packets
    stream.close()
    assert n == 1
    assert source.counters.notes[0] == "cannot be read any further: Input/output error"
    assert source.counters.notes[1].startswith("offset 94: the capture is cut")


# Damage


@pytest.mark.parametrize("order", "<>")
def test_a_record_of_impossible_length(tmp_path, order):
    good = p.pcap(FRAMES[:2], order=order)
    bad = bytearray(p.pcap(FRAMES[2:], order=order)[24:])
    bad[8:12] = b"\x7f\xff\xff\xff"
    data = good + bytes(bad)
    rows, source = read_file(write(tmp_path, data))
    assert shown(rows) == EXPECTED[:2]
    assert source.counters.octets_skipped == len(bad)
    assert source.counters.notes == [
        f"offset {len(good)}: a record of impossible length; {len(bad)} octets from there on are "
        "not used, everything before is"
    ]


def test_the_rest_of_a_long_damaged_capture_is_counted(tmp_path):
    good = p.pcap(FRAMES[:2])
    bad = b"\xff" * (3 * BATCH_OCTETS)
    rows, source = read_file(write(tmp_path, good + bad))
    assert shown(rows) == EXPECTED[:2]
    assert source.counters.octets_skipped == len(bad)
    assert f"{len(bad)} octets from there on are not used" in source.counters.notes[0]


@pytest.mark.parametrize("write_capture", [p.pcap, p.pcapng])
def test_a_record_longer_than_a_block_is_read(tmp_path, write_capture):
    long = b"x" * (BATCH_OCTETS + 100_000)
    data = write_capture([FRAMES[0], Frame(long), FRAMES[1]])
    rows, source = read_file(write(tmp_path, data))
    assert shown(rows) == EXPECTED[:2]
    assert source.counters.packets_seen == 3
    assert source.counters.notes == []


@pytest.mark.parametrize(
    ("write_capture", "head", "why"),
    [
        (p.pcap, 16, "a record of impossible length"),
        (p.pcapng, 28, "a packet block that contradicts itself"),
    ],
)
def test_a_record_longer_than_the_limit_is_damage(tmp_path, write_capture, head, why):
    long = b"x" * (MAX_RECORD_OCTETS + 4)
    data = write_capture([FRAMES[0], Frame(long), FRAMES[1]])
    start = data.index(long) - head
    rows, source = read_file(write(tmp_path, data))
    assert shown(rows) == EXPECTED[:1]
    (note,) = source.counters.notes
    assert note.startswith(f"offset {start}: {why}")
    assert source.counters.octets_skipped == len(data) - start


@pytest.mark.parametrize("write_capture", [p.pcap, p.pcapng])
def test_captures_of_many_batches(tmp_path, write_capture):
    """More packets than a batch has rows, more octets than it has room, records across both."""
    frames = [tcp_frame(time_s=i / 1000, payload=b"x" * (i % 91)) for i in range(40_000)]
    data = write_capture(frames)
    assert len(data) > 4 * BATCH_OCTETS
    rows, source = read_file(write(tmp_path, data))
    assert [row["time"] for row in rows] == [frame.time_ns for frame in frames]
    assert [row["payload_octets"] for row in rows] == [i % 91 for i in range(40_000)]
    assert source.counters.octets_read == len(data)
    assert source.counters.notes == []


def test_a_batch_of_the_shortest_records(tmp_path):
    """Empty records: a buffer full of octets holds more of them than a batch has rows."""
    n = 2 * BATCH_PACKETS + 5
    path = write(tmp_path, p.pcap([Frame(b"")] * n + [FRAMES[0]]))
    rows, source = read_file(path)
    assert len(rows) == 1
    assert source.counters.packets_seen == n + 1
    assert source.counters.by_outcome()["truncated"] == n


def test_progress_is_the_octets_read(tmp_path):
    data = p.pcap([Frame(bytes(1000))] * 2000)
    source = CaptureSource(Input("a", str(write(tmp_path, data)), len(data)))
    batch = PacketBatch()
    batch.octets_read = -1
    while source.fill(batch):
        assert batch.octets_read > 0
    source.close()
    assert source.counters.octets_read == len(data)


# What is refused


def error_of(path):
    with pytest.raises(SourceError) as caught:
        read_file(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def test_an_empty_file(tmp_path):
    assert error_of(write(tmp_path, b"")) == "the file is empty; capture again"
    assert error_of(write(tmp_path, gzip.compress(b""))) == "the file is empty; capture again"


@pytest.mark.parametrize("data", [b"PK\3\4zip", b"\xd4\xc3", b"{}", b"\x0a\x0d\x0d\x0b" * 9])
def test_not_a_capture(tmp_path, data):
    assert error_of(write(tmp_path, data)) == (
        "offset 0: not a capture: it begins neither like pcap nor like pcapng; "
        "save it as one of these"
    )


@pytest.mark.parametrize("length", [4, 10, 23])
def test_a_header_that_is_cut(tmp_path, length):
    assert error_of(write(tmp_path, p.pcap([])[:length])) == (
        f"offset {length}: the file ends within its header; capture again"
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("gzip", b"\x1f\x8b\x08\x00 damaged"),
        ("gzip method", b"\x1f\x8b\x63\x00 damaged"),
        ("gzip cut", gzip.compress(p.pcap(FRAMES))[:12]),
        ("zstd", b"\x28\xb5\x2f\xfd damaged, damaged, damaged"),
        ("bzip2 cut", bz2.compress(p.pcap(FRAMES))[:20]),
        ("bzip2", b"BZh9 damaged, damaged"),
        ("xz", b"\xfd7zXZ\x00 damaged, damaged"),
    ],
)
def test_damaged_compression(tmp_path, name, data):
    text = error_of(write(tmp_path, data))
    assert text.startswith("cannot be unpacked: ")
    assert text.endswith("; unpack it by hand to see how far it goes")


def test_a_zstd_window_that_would_take_all_memory(tmp_path):
    big = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=28, compression_level=1)
    )
    stream = io.BytesIO()
    with big.stream_writer(stream, closefd=False) as writer:
        writer.write(p.pcap(FRAMES))
    assert "cannot be unpacked: " in error_of(write(tmp_path, stream.getvalue()))


def test_a_missing_file(tmp_path):
    assert error_of(tmp_path / "none") == "cannot be opened: No such file or directory"


def test_a_folder(tmp_path):
    assert error_of(tmp_path) == "cannot be opened: Is a directory"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (p.pcap(FRAMES, link=127), "offset 20: link type 127 of all 5 packets is not known; "),
        (p.pcapng(FRAMES, link=127), "link type 127 of all 5 packets is not known; "),
        (
            p.pcapng(FRAMES[:1], link=127) + p.pcapng(FRAMES[:1], link=105),
            "link type 105, 127 of all 2 packets is not known; ",
        ),
    ],
)
def test_only_unknown_link_types(tmp_path, data, expected):
    cure = "capture on an Ethernet, cooked (SLL), raw IP, loopback or PPP interface"
    assert error_of(write(tmp_path, data)) == expected + cure


def test_one_unknown_link_type_among_others_is_counted(tmp_path):
    data = p.pcapng(FRAMES) + p.pcapng(FRAMES, link=127)
    rows, source = read_file(write(tmp_path, data))
    assert shown(rows) == EXPECTED
    assert source.counters.by_outcome()["unknown_link_type"] == 5


def test_a_capture_without_packets_is_no_error(tmp_path):
    for data in (p.pcap([]), p.pcap([], link=127), p.pcapng([]), p.section()):
        rows, source = read_file(write(tmp_path, data))
        assert (rows, source.counters.packets_seen, source.counters.notes) == ([], 0, [])


def test_the_seed_of_the_hash_is_new_in_every_process():
    code = "from minewatch.readers.capture import HASH_SEED; print(HASH_SEED)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    seeds = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env=env
        ).stdout
        for _ in range(2)
    }
    assert len(seeds) == 2
    assert -(2**63) <= capture.HASH_SEED < 2**63
