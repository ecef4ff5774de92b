# SPDX-License-Identifier: Apache-2.0
import polars as pl

from minewatch.output.destination import Destination
from minewatch.output.flat import CsvWriter, ParquetWriter, flat_schema, flat_table
from minewatch.output.records import records
from minewatch.testing import conversations

DETECTORS = ["signature", "intel"]


def test_detectors_become_columns_and_evidence_text(verdict):
    schema = flat_schema(DETECTORS)
    table = flat_table(records(conversations().frame, [verdict()], "a.pcap"), schema)
    assert dict(table.schema) == schema
    row = table.row(0, named=True)
    assert (row["detector_signature"], row["detector_intel"]) == (0.999, None)
    assert row["evidence"] == "A login was answered with a job. Packets?[2J ratio. A remark."
    assert f"{row['flow_start']:%Y-%m-%d %H:%M:%S.%f %Z}" == "2020-09-13 12:26:40.000000 UTC"


def test_csv_and_parquet_agree(tmp_path, verdict):
    gated = conversations(2).frame.with_columns(gate_reason=pl.lit("one-way"))
    for name, kind in (("a.csv", CsvWriter), ("a.parquet", ParquetWriter)):
        with Destination(str(tmp_path / name)) as destination:
            writer = kind(destination, DETECTORS, 0.002)
            writer.write(conversations().frame, [verdict()], "a.pcap")
            writer.write_gated(gated, "b.pcap")
            writer.finish()
    table = pl.read_parquet(tmp_path / "a.parquet")
    read = pl.read_csv(tmp_path / "a.csv", schema_overrides={"flow_start": pl.String})
    assert dict(table.schema) == flat_schema(DETECTORS)
    assert read.columns == table.columns
    assert read.height == table.height == 3
    for name in ("mining_probability", "evidence", "capture", "community_id", "label"):
        assert read[name].to_list() == table[name].to_list()
    assert read["flow_start"][0] == "2020-09-13T12:26:40.000000Z"
    assert table["evidence"][2].startswith("Not scored: payload in one direction")


def test_csv_of_nothing_is_a_header(tmp_path):
    with Destination(str(tmp_path / "a.csv")) as destination:
        writer = CsvWriter(destination, DETECTORS, 0.002)
        writer.finish()
    assert (tmp_path / "a.csv").read_text() == ",".join(flat_schema(DETECTORS)) + "\n"


def test_what_the_user_said_becomes_text(tmp_path, verdict, with_known):
    frame = with_known(conversations().frame)
    gated = with_known(frame, allowed_by=None).with_columns(gate_reason=pl.lit("one-way"))
    with Destination(str(tmp_path / "a.parquet")) as destination:
        writer = ParquetWriter(destination, DETECTORS, 0.002)
        writer.write(frame, [verdict()], "a.pcap")
        writer.write_gated(gated, "a.pcap")
        writer.finish()
    table = pl.read_parquet(tmp_path / "a.parquet")
    assert table["tags"].to_list() == ["lab; transit"] * 2
    assert table["transit"].to_list() == ["office VPN"] * 2
    assert table["allowed_by"].to_list() == ["ops, until 2027-01-31: a course (a.toml:3)", None]
    assert table["expired_allowance"].to_list() == [None, None]
