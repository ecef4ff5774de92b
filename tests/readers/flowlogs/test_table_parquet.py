# SPDX-License-Identifier: Apache-2.0
"""Parquet of minewatch, from a file and from a stream."""

import gzip
import io
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

import minewatch.readers.flowlogs.table_parquet as module
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.parquet_file import ParquetFile
from minewatch.readers.flowlogs.table_columns import VERSION_KEY, record_frame
from minewatch.readers.flowlogs.table_parquet import ParquetTableSource
from minewatch.readers.source import Input, open_input
from minewatch.records import Names, new_records


def frame_of(n):
    made = new_records(n)
    made["source_transport_port"] = np.arange(n) % 65_536
    made["server_name"][: n // 2] = 0
    return record_frame(made, Names(servers=["pool.example"]))


def octets_of(frame, version="1"):
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={VERSION_KEY: version} if version else None)
    return buffer.getvalue()


def from_stream(octets, *, strict=False):
    file = ParquetFile("a.parquet", "-", io.BytesIO(octets))
    return ParquetTableSource(file, strict=strict)


def ports(source):
    blocks = [block["source_transport_port"].tolist() for block in source.read()]
    source.close()
    assert source.counters.rows_accounted == source.counters.rows_seen
    return [port for block in blocks for port in block]


def test_from_a_stream_and_from_a_file(tmp_path):
    octets = octets_of(frame_of(10))
    source = from_stream(octets)
    assert ports(source) == list(range(10))
    assert source.names.servers == ["pool.example"]
    path = tmp_path / "a.parquet"
    path.write_bytes(octets)
    source = ParquetTableSource(ParquetFile("a", str(path), io.BytesIO()), strict=True)
    assert ports(source) == list(range(10))
    assert source.counters.octets_read == len(octets)


def test_a_packed_file_is_unpacked_first(tmp_path):
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(gzip.compress(octets_of(frame_of(3))))
    stream = open_input(Input("a", str(path), None))
    assert ports(ParquetTableSource(ParquetFile("a", str(path), stream), strict=True)) == [0, 1, 2]
    path.write_bytes(path.read_bytes()[:-40])
    stream = open_input(Input("a", str(path), None))
    with pytest.raises(SourceError, match=r"a: cannot be read as Parquet: .*, it may be cut"):
        ParquetFile("a", str(path), stream)


def test_blocks_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 100)
    source = from_stream(octets_of(frame_of(1050)))
    sizes = [len(block) for block in source.read()]
    source.close()
    assert sum(sizes) == 1050
    assert max(sizes) <= 100


def test_the_place_of_a_fault(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 3)
    frame = frame_of(10).with_columns(
        destination_address=pl.Series(["10.0.0.1"] * 7 + ["x"] + ["::1"] * 2)
    )
    source = from_stream(octets_of(frame))
    assert ports(source) == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    assert source.counters.examples[0].startswith("a.parquet: row 8: destination_address is no ")
    with pytest.raises(SourceError, match=r"a\.parquet: row 8: "):
        ports(from_stream(octets_of(frame), strict=True))


def test_a_table_without_version_is_of_the_first():
    assert ports(from_stream(octets_of(frame_of(2), version=None))) == [0, 1]


def test_another_version():
    with pytest.raises(SourceError, match="records of version '2', and '1' is read"):
        from_stream(octets_of(frame_of(2), version="2"))


def test_a_column_that_is_missing_or_of_another_type():
    with pytest.raises(SourceError, match=r"a\.parquet: column vlan_id is missing"):
        from_stream(octets_of(frame_of(2).drop("vlan_id")))
    for values in ([[1], [2]], [b"1", b"2"], [datetime(2023, 1, 1, tzinfo=UTC)] * 2):
        frame = frame_of(2).with_columns(pl.Series("vlan_id", values))
        with pytest.raises(SourceError, match="column vlan_id is of type"):
            from_stream(octets_of(frame))


def test_an_empty_table():
    assert ports(from_stream(octets_of(frame_of(0)))) == []


def test_damage_anywhere_is_a_source_error_or_none():
    octets = octets_of(frame_of(50))
    refused = 0
    for at in range(0, len(octets), 37):
        broken = octets[:at] + bytes([octets[at] ^ 0x5A]) + octets[at + 1 :]
        try:
            ports(from_stream(broken))
        except SourceError:
            refused += 1
    assert refused > 10
    for end in (0, 4, 11, len(octets) // 2, len(octets) - 1):
        with pytest.raises(SourceError, match="cannot be read as Parquet"):
            from_stream(octets[:end])


def test_what_cannot_be_used_is_closed():
    stream = io.BytesIO(octets_of(frame_of(2).drop("vlan_id")))
    with pytest.raises(SourceError):
        ParquetTableSource(ParquetFile("a", "-", stream), strict=False)
    assert stream.closed
