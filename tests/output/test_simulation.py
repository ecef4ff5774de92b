# SPDX-License-Identifier: Apache-2.0
import threading

import numpy as np
import polars as pl
import pytest

import scripted
from minewatch.errors import ConfigError
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.pcap import EngineOptions, packetize
from minewatch.metering.state import MeteringOptions
from minewatch.output.simulation import FLOWS_NAME, PCAP_NAME, write_simulation
from scripted import SEED, Talk

OPTIONS = EngineOptions(SEED, 200, 60.0)
SAID = scripted.script(
    Talk([(0.1, False, 300), (0.2, True, 9000)], seconds=2.0),
    Talk([(0.1, True, 77)], home=False, seconds=5.0, loss=0.2),
    Talk(close=s.REFUSED),
    Talk([(0.0, False, 41), (0.1, True, 90)], protocol=s.UDP, ports=(5353, 53)),
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_flow_records_count_the_packets_that_were_made(tmp_path):
    written = write_simulation([SAID], tmp_path, OPTIONS, "both")
    assert names(tmp_path) == [FLOWS_NAME, PCAP_NAME]
    assert written.paths == [tmp_path / PCAP_NAME, tmp_path / FLOWS_NAME]
    packets = packetize(SAID, SEED)
    assert written.packets_metered == written.totals.packets == len(packets)
    flows = pl.read_parquet(tmp_path / FLOWS_NAME)
    assert flows.height == written.flow_records == 4
    for row, conversation in enumerate(SAID.conversations.initiator_port.tolist()):
        mine = packets.conversation == row
        flow = flows.filter(pl.col("source_transport_port") == conversation).row(0, named=True)
        assert flow["packet_delta_count"] == (mine & ~packets.is_reply).sum()
        assert flow["reverse_packet_delta_count"] == (mine & packets.is_reply).sum()
        assert flow["flow_start_nanoseconds"] == packets.time_ns[mine].min()


def test_flows_alone_are_the_same_flows(tmp_path):
    for name in ("both", "flows", "pcap"):
        (tmp_path / name).mkdir()
        write_simulation([SAID], tmp_path / name, OPTIONS, name)
    assert names(tmp_path / "flows") == [FLOWS_NAME]
    assert names(tmp_path / "pcap") == [PCAP_NAME]
    both = pl.read_parquet(tmp_path / "both" / FLOWS_NAME)
    assert both.equals(pl.read_parquet(tmp_path / "flows" / FLOWS_NAME))
    captures = [(tmp_path / name / PCAP_NAME).read_bytes() for name in ("both", "pcap")]
    assert captures[0] == captures[1]


def test_the_interval_of_the_records_can_be_chosen(tmp_path):
    options = MeteringOptions(interval_s=1.0, keep_packets=False)
    assert write_simulation([SAID], tmp_path, OPTIONS, "flows", metering=options).flow_records > 4


def test_progress_counts_conversations_then_octets(tmp_path):
    made, octets = [], []
    write_simulation(
        [SAID, SAID],
        tmp_path,
        OPTIONS,
        on_made=lambda totals: made.append(totals.conversations),
        on_written=octets.append,
    )
    assert made == [4, 8]
    assert sum(octets) == (tmp_path / PCAP_NAME).stat().st_size - 24


def failing():
    yield SAID
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("format", ["pcap", "flows", "both"])
def test_a_full_disk_leaves_nothing(tmp_path, format):
    with pytest.raises(ConfigError, match="No space left on device; nothing was written"):
        write_simulation(failing(), tmp_path, OPTIONS, format)
    assert names(tmp_path) == []


@pytest.mark.parametrize("format", ["pcap", "flows", "both"])
def test_an_interrupt_while_writing_leaves_nothing(tmp_path, format):
    def interrupt(octets):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        write_simulation([SAID], tmp_path, OPTIONS, format, on_written=interrupt)
    assert names(tmp_path) == []
    assert threading.active_count() == before


def test_a_metering_process_that_fails_does_not_wait_for_its_writer(tmp_path):
    """More than a pipe holds must not block the writer once nobody reads."""
    big = scripted.script(*[Talk([(0.1, False, 500_000)]) for _ in range(4)])
    bad = MeteringOptions(interval_s=60.0, keep_packets=False)
    object.__setattr__(bad, "interval_s", float("nan"))
    with pytest.raises(ValueError, match="float NaN"):
        write_simulation([big], tmp_path, EngineOptions(SEED), "flows", metering=bad)
    assert names(tmp_path) == []


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--format csv: one of pcap, flows, both"):
        write_simulation([SAID], tmp_path, OPTIONS, "csv")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="gone: No such file or directory"):
        write_simulation([SAID], tmp_path / "gone", OPTIONS)
    assert np.array(names(tmp_path)).size == 0
