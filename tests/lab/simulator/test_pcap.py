# SPDX-License-Identifier: Apache-2.0
import io
import shutil
import subprocess
from collections import Counter, defaultdict

import dpkt
import numpy as np
import pytest
from hypothesis import given, settings

import scripted
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.batches import parts
from minewatch.lab.simulator.payload import Source
from minewatch.lab.simulator.pcap import (
    EngineOptions,
    Totals,
    packetize,
    script_records,
    spooled,
    write_pcap,
)
from minewatch.lab.simulator.routes import routes
from scripted import SEED, Talk

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
CLOSES = (s.CLOSE_NONE, s.CLOSE_INITIATOR, s.CLOSE_RESPONDER, s.RESET_INITIATOR)


def population(rng, n=60, **options):
    """Conversations of every kind, some with long messages."""
    talks = []
    for i in range(n):
        rtt = float(rng.choice([0.0003, 0.02, 0.15]))
        times = rtt + np.cumsum(rng.exponential(3.0, 12) * (rng.random(12) < 0.7))
        octets = np.where(rng.random(12) < 0.1, 120_000, rng.integers(1, 900, 12))
        said = [
            (float(t), bool(r), int(o))
            for t, r, o in zip(times, rng.random(12) < 0.5, octets, strict=True)
        ]
        close = int(rng.choice([*CLOSES, s.REFUSED, s.UNANSWERED]))
        talks.append(
            Talk(
                said if close < s.REFUSED else [],
                start_s=scripted.START_S + i,
                seconds=float(times[-1]) + 100.0,
                home=bool(rng.random() < 0.6),
                rtt_s=rtt,
                jitter_s=0.002,
                keepalive_s=60.0,
                timestamps=bool(rng.random() < 0.7),
                close=close,
                ports=(40_000, int(rng.choice([3333, 5555]))),
                **options,
            )
        )
    return scripted.script(*talks)


def tshark(path, *options):
    command = ["tshark", "-n", "-r", str(path), "-o", "tcp.desegment_tcp_streams:FALSE", *options]
    for protocol in ("ip", "tcp", "udp"):
        command += ["-o", f"{protocol}.check_checksum:TRUE"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def expert(path):
    """Frames of what tshark remarks on, by its words."""
    fields = ("-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message")
    found = Counter()
    for line in tshark(path, "-Y", "_ws.expert", *fields):
        for message in line.split("\t")[1].split(","):
            found[message.split(" (")[0].split(":")[0]] += 1
    return found


@needs_tshark
def test_tshark_finds_nothing_wrong_without_loss(rng, tmp_path):
    said = population(rng)
    packets = packetize(said, SEED)
    remarks = expert(scripted.write(tmp_path / "a.pcap", said))
    syns = int((packets.is_retransmission).sum())
    allowed = {
        "Connection establish request",
        "Connection establish acknowledge",
        "Connection finish",
        "Connection reset",
        "This frame initiates the connection closing",
        "This frame undergoes the connection closing",
        "TCP keep-alive segment",
        "ACK to a TCP keep-alive segment",
        "This frame is a",  # a suspected retransmission: the SYN that nobody answers
    }
    assert set(remarks) <= allowed
    assert remarks["This frame is a"] == syns > 0
    assert remarks["TCP keep-alive segment"] == remarks["ACK to a TCP keep-alive segment"] > 0


@needs_tshark
def test_tshark_finds_the_retransmissions_that_were_made(rng, tmp_path):
    said = population(rng, loss=0.04)
    packets = packetize(said, SEED)
    path = scripted.write(tmp_path / "a.pcap", said)
    again = (
        "tcp.analysis.retransmission or tcp.analysis.fast_retransmission or "
        "tcp.analysis.spurious_retransmission or tcp.analysis.out_of_order"
    )
    found = {int(n) - 1 for n in tshark(path, "-Y", again, "-T", "fields", "-e", "frame.number")}
    made = set(np.flatnonzero(packets.is_retransmission).tolist())
    assert len(made) > 30
    assert made <= found
    # The others were lost before the capture could see them: they come late, behind a hole.
    home = packets.is_reply ^ said.conversations.is_initiator_home[packets.conversation]
    assert not any(home[n] for n in found - made)
    bad = "tcp.checksum.status == 0 or ip.checksum.status == 0 or _ws.malformed"
    assert tshark(path, "-Y", f"{bad} or tcp.analysis.ack_lost_segment") == []


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_dpkt_puts_the_messages_together_again(rng, tmp_path, loss):
    said = population(rng, 30, loss=loss)
    path = scripted.write(tmp_path / "a.pcap", said)
    octets = defaultdict(dict)
    with path.open("rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(data).data
            key = (ip.src, ip.data.sport, ip.data.dport)
            stream = octets[key]
            start = stream.setdefault("first", ip.data.seq)
            if ip.data.data:
                at = (ip.data.seq - start - 1) % 2**32
                assert stream.get(at, ip.data.data) == ip.data.data
                stream[at] = ip.data.data
    way, c, source = routes(said, SEED), said.conversations, Source(said.blob, SEED)
    for row in range(len(c.start_s)):
        for is_reply in (False, True):
            m = said.messages
            mine = np.flatnonzero((m.conversation == row) & (m.is_reply == is_reply))
            wanted = b"".join(scripted.payload_of(said, way, source, int(i)) for i in mine)
            address = (c.initiator_address, c.responder_address)[is_reply][row]
            ports = [int(c.initiator_port[row]), int(c.responder_port[row])]
            key = (int(address).to_bytes(4, "big"), *(ports[::-1] if is_reply else ports))
            stream = octets[key]
            found = b"".join(stream[at] for at in sorted(k for k in stream if k != "first"))
            assert found == wanted


def drained(tmp_path, batches, **options):
    file = io.BytesIO()
    chosen = EngineOptions(SEED, **options)
    with spooled(batches, tmp_path, chosen) as (totals, made):
        write_pcap(made, [file], chosen.snaplen)
    assert list(tmp_path.iterdir()) == []
    return totals, file.getvalue()


@given(scripted.talks(loss=True))
@settings(max_examples=10, deadline=None)
def test_batches_make_no_difference(tmp_path_factory, talks):
    talks.sort(key=lambda talk: talk.start_s)
    said = scripted.script(*talks)
    folder = tmp_path_factory.mktemp("spool")
    totals, whole = drained(folder, [said])
    for expected_s in (100.0, 1000.0):
        assert drained(folder, parts(said, 1), expected_s=expected_s) == (totals, whole)
    assert (
        drained(folder, [said], snaplen=96)[1] != whole
        or totals.octets == 0
        or (max(said.messages.octets, default=0) < 40)
    )


def test_sums_are_of_what_was_written(rng, tmp_path):
    said = population(rng, 20)
    totals, octets = drained(tmp_path, [said], snaplen=100)
    read = list(dpkt.pcap.Reader(io.BytesIO(octets)))
    assert totals.packets == len(read) == len(packetize(said, SEED))
    assert (totals.conversations, totals.messages) == (20, len(said.messages.octets))
    assert totals.captured_octets == len(octets) - 24
    assert max(len(frame) for _, frame in read) == 100
    lengths = np.concatenate([some.octets for some in script_records(said, EngineOptions(SEED))])
    assert totals.octets == lengths.sum() - 16 * len(read)
    times = [float(time) for time, _ in read]
    assert times == sorted(times)
    ends = (totals.first_ns / 1e9, totals.last_ns / 1e9)
    assert ends == pytest.approx((times[0], times[-1]), rel=1e-15, abs=1e-6)


def test_progress_is_told_and_nothing_is_left_after_an_error(rng, tmp_path):
    seen = []
    said = population(rng, 5)

    def batches():
        yield said
        raise RuntimeError("no more")

    def remember(totals: Totals):
        seen.append(totals.conversations)

    with (
        pytest.raises(RuntimeError, match="no more"),
        spooled(batches(), tmp_path, EngineOptions(SEED), remember),
    ):
        raise AssertionError("it began to write")
    assert seen == [5]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"snaplen": 95}, {"snaplen": 262_145}, {"expected_s": 0.0}])
def test_silly_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        EngineOptions(**options)


def test_a_bad_script_is_refused_by_name(tmp_path):
    said = scripted.script(Talk([(0.1, False, 5)]))
    said.messages.conversation[0] = 3
    with pytest.raises(ValueError, match="message 0: conversation"):
        drained(tmp_path, [said])
