# SPDX-License-Identifier: Apache-2.0
"""What minewatch writes, it reads: every kind of file, of the meter and of the collector."""

import io

import numpy as np
import polars as pl
import pytest

import packets as p
from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import SourceError
from minewatch.output.destination import Destination
from minewatch.output.flows import FORMATS, FlowWriter
from minewatch.pipeline import PipelineOptions, meter_capture, open_capture
from minewatch.readers.flowlogs.table import TableFormat, record_frame
from minewatch.readers.source import Input, open_counted
from minewatch.records import Names, new_records
from minewatch.testing import conversations

FORMAT = TableFormat()


def read(octets, *, path="-", strict=True):
    assert FORMAT.recognises(octets)
    source = FORMAT.open("a", path, io.BytesIO(octets), strict=strict)
    assert isinstance(source, FlowSource)
    blocks = [block.copy() for block in source.read()]
    source.close()
    assert source.counters.rows_accounted == source.counters.rows_seen
    return np.concatenate(blocks) if blocks else new_records(0), source


def as_octets(frame, kind):
    buffer = io.BytesIO()
    {"parquet": frame.write_parquet, "csv": frame.write_csv, "jsonl": frame.write_ndjson}[kind](
        buffer
    )
    return buffer.getvalue()


@pytest.fixture(scope="module")
def metered(tmp_path_factory):
    """What the meter writes of one capture, by format; and how many rows."""
    folder = tmp_path_factory.mktemp("metered")
    capture = folder / "a.pcap"
    frames = [p.tcp_frame(flags=2), p.tcp_frame(flags=16), p.tcp_frame(sport=9, flags=24)]
    capture.write_bytes(p.pcap(frames))
    options = PipelineOptions()
    written = {}
    for kind in FORMATS:
        path = folder / f"a.{kind}"
        n = 0
        with Destination(str(path)) as destination:
            writer = FlowWriter(destination, kind, with_capture=kind != "csv")
            source, process = open_capture(Input("a.pcap", str(capture), None), options)
            for output in meter_capture(source, process, options):
                writer.write(output.flows, "a.pcap")
                n += output.flows.height
            writer.finish()
        written[kind] = path.read_bytes()
    return written, n


@pytest.mark.parametrize("kind", FORMATS)
def test_flows_of_the_meter(metered, kind):
    written, n = metered
    records, source = read(written[kind])
    assert len(records) == n == 2
    assert (np.sort(records["is_source_initiator"]) == [-1, 1]).all()
    assert records["packet_delta_count"].sum() + records["reverse_packet_delta_count"].sum() == 3
    assert source.counters.sampling == {1: 2}


@pytest.mark.parametrize("kind", FORMATS)
def test_flows_that_the_meter_made_of_sampled_logs_stay_estimates(tmp_path, kind):
    path = tmp_path / "a"
    flows = conversations(3, packet_delta_count=500).frame
    sampling = pl.Series("sampling_packet_interval", [1, 100, 1000])
    with Destination(str(path)) as destination:
        writer = FlowWriter(destination, kind, with_capture=False, with_sampling=True)
        writer.write(flows.with_columns(sampling), "a.log")
        writer.finish()
    records, source = read(path.read_bytes())
    assert records["sampling_packet_interval"].tolist() == [1, 100, 1000]
    assert records["is_scaled"].tolist() == [0, 1, 1]
    assert records["packet_delta_count"].tolist() == [500] * 3
    assert source.counters.sampling == {1: 1, 100: 1, 1000: 1}


def test_flows_of_the_meter_are_the_same_in_every_kind_of_file(metered):
    written, _ = metered
    first, *others = (read(written[kind])[0] for kind in FORMATS)
    assert all((records == first).all() for records in others)


@pytest.mark.parametrize("kind", FORMATS)
def test_records_of_the_collector(kind):
    made = new_records(3)
    made["octet_delta_count"] = [1, -1, 1 << 61]
    made["server_name"] = [1, -1, 0]
    made["firewall_event"] = [0, 3, 0]
    made["sampling_packet_interval"] = [1, 100, 100]
    frame = record_frame(made, Names(servers=["a,b", "pool.example"]))
    records, source = read(as_octets(frame, kind))
    assert source.names.servers == ["pool.example", "a,b"]
    assert source.counters.sampling == {1: 1, 100: 2}
    made["server_name"] = [0, -1, 1]
    assert (records == made).all()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_place_of_a_fault(kind):
    frame = record_frame(new_records(2), Names()).with_columns(protocol_identifier=300)
    octets = as_octets(frame, kind)
    _, source = read(octets, strict=False)
    line = 2 if kind == "csv" else 1
    assert source.counters.examples[0].startswith(f"a:{line}: protocol_identifier is out of range")
    with pytest.raises(SourceError, match=f"a:{line}: protocol_identifier"):
        read(octets)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_that_is_missing(kind):
    frame = record_frame(new_records(2), Names()).drop("vlan_id")
    with pytest.raises(SourceError, match="a: column vlan_id is missing"):
        read(as_octets(frame, kind))


def test_parquet_is_told_by_its_footer(tmp_path):
    noise = np.random.default_rng(5).integers(0, 60_000, 50_000)
    made = new_records(len(noise))
    made["source_transport_port"] = noise
    path = tmp_path / "a.parquet"
    frame = record_frame(made, Names())
    for columns, is_ours in ((frame.columns, True), (["source_transport_port"], False)):
        frame.select(columns).write_parquet(path)
        opened = open_counted(Input("a", str(path), None))
        assert FORMAT.recognises(opened.peek(1000)) is is_ours
        opened.close()
        assert not FORMAT.recognises(path.read_bytes()[:1000])


def test_it_offers_what_the_contract_asks():
    assert isinstance(FORMAT, FlowFormat)
    assert (FORMAT.name, FORMAT.title) == ("minewatch", "Tables of minewatch")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"a,b\n1,2\n",
        b'{"source_address":"10.0.0.1"}\n',
        b"\xff\xfe",
        b"source_address,flow_start_nanoseconds\n",
    ],
)
def test_what_is_no_table_of_minewatch(head):
    assert not FORMAT.recognises(head)
