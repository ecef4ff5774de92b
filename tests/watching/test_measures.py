# SPDX-License-Identifier: Apache-2.0
from dataclasses import dataclass, field

from minewatch.readers.capture import CaptureCounters
from minewatch.watching.checkpoint import CheckpointFolder
from minewatch.watching.measures import measures_of
from packets import START
from watched import batches, capture, mining, new_watch, web


def values(*arguments):
    return {(one.name, *one.labels.values()): one.value for one in measures_of(*arguments)}


def test_before_the_first_packet_all_is_zero_and_there_is_no_time():
    found = values(new_watch(), CaptureCounters())
    assert found["packets",] == found["evicted_biflows", "silent"] == 0
    assert ("data_timestamp_seconds",) not in found
    assert ("checkpoints",) not in found


def test_a_watch_tells_what_it_did(tmp_path):
    path = capture(tmp_path / "a.pcap", mining(0, 8), web(3))
    watch = new_watch()
    for batch in batches(path):
        for _ in watch.feed(batch):
            pass
    found = values(watch, CaptureCounters())
    assert found["packets",] == watch.counters.packets > 20
    assert found["biflows",] == found["open_biflows",] == 2
    assert found["biflow_room",] == 4_000_000
    assert found["looks",] >= 3
    assert START / 1e9 < found["data_timestamp_seconds",] < START / 1e9 + 200
    watch.finish()
    kept = CheckpointFolder(tmp_path / "kept")
    kept.save(watch, wait=True)
    found = values(watch, CaptureCounters(), kept)
    kept.close()
    assert found["conversations", "passed"] == 1
    assert found["open_biflows",] == 0
    assert found["checkpoints",] == 1


def test_interfaces_tell_what_the_kernel_dropped():
    @dataclass
    class Interface:
        received: int = 90
        dropped: int = 10

    @dataclass
    class Live(CaptureCounters):
        interfaces: dict = field(default_factory=lambda: {"eth0": Interface()})

    found = values(new_watch(), Live())
    assert found["received_packets", "eth0"] == 90
    assert found["dropped_packets", "eth0"] == 10
