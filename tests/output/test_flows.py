# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.output.flows import FORMATS, FlowWriter, written_schema
from minewatch.schema import FLOW, polars_schema
from minewatch.testing import conversations

READ = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}


def flows(n):
    return conversations(n).frame.select(list(polars_schema(FLOW)))


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_holds_every_row_and_column(tmp_path, format):
    path = tmp_path / "flows"
    with Destination(str(path)) as destination:
        writer = FlowWriter(destination, format, with_capture=True)
        writer.write(flows(3), "a.pcap")
        writer.write(flows(2), "b.pcap")
        writer.finish()
    found = READ[format](path)
    assert found.columns == list(written_schema(with_capture=True))
    assert found["capture"].to_list() == ["a.pcap"] * 3 + ["b.pcap"] * 2
    assert found["source_address"].unique().to_list() == ["10.0.0.1"]
    assert found["flow_start_nanoseconds"][0] == 1_600_000_000_000_000_000


@pytest.mark.parametrize("format", FORMATS)
def test_sampling_is_told_where_flow_logs_are_among_the_inputs(tmp_path, format):
    path = tmp_path / "flows"
    with Destination(str(path)) as destination:
        writer = FlowWriter(destination, format, with_capture=False, with_sampling=True)
        writer.write(flows(2), "a.pcap")
        writer.write(flows(1).with_columns(sampling_packet_interval=pl.lit(100, pl.Int64)), "b.log")
        writer.finish()
    found = READ[format](path)
    assert found.columns == list(written_schema(with_capture=False, with_sampling=True))
    assert found["sampling_packet_interval"].to_list() == [1, 1, 100]


def test_the_written_columns_are_those_of_the_schema_with_addresses_as_text():
    names = list(written_schema(with_capture=False))
    expected = [c.name for c in FLOW if not c.name.endswith("_address_low")]
    assert names == [name.removesuffix("_high") for name in expected]


def test_an_unknown_format_is_refused():
    with pytest.raises(ConfigError, match="--format eve: one of parquet, csv, jsonl"):
        FlowWriter(Destination(None), "eve", with_capture=False)
