# SPDX-License-Identifier: Apache-2.0
import io
import os
import tempfile
from contextlib import closing
from datetime import UTC, datetime

import polars as pl
import pytest

from minewatch.address import halves_of
from minewatch.errors import SourceError
from minewatch.readers.flowlogs import aws_parquet
from minewatch.readers.flowlogs.aws_parquet import open_parquet
from minewatch.readers.flowlogs.observers import observation_point
from minewatch.readers.flowlogs.table import record_frame
from minewatch.readers.flowlogs.table_parquet import ParquetTableSource
from minewatch.records import Names, new_records

ROWS = pl.DataFrame(
    {
        "version": [2, 2, 2],
        "account_id": ["1", "1", "1"],
        "interface_id": ["eni-1", "eni-2", "eni-3"],
        "srcaddr": ["10.0.0.1", "-", "2001:db8::1"],
        "dstaddr": ["10.0.0.2", "-", "2001:db8::2"],
        "srcport": [443, None, 7],
        "dstport": [50000, None, 8],
        "protocol": [6, None, 17],
        "packets": [10, None, 1],
        "bytes": [840, None, 60],
        "start": [1439387263, 1439387263, 1439387265],
        "end": [1439387264, 1439387264, 1439387265],
        "action": ["ACCEPT", "-", "REJECT"],
        "log_status": ["OK", "NODATA", "OK"],
    }
)


def parquet(frame):
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def read(data, path="-", strict=False):
    with closing(open_parquet("a.parquet", path, io.BytesIO(data), strict=strict)) as source:
        records = [record for block in source.read() for record in block.copy()]
    counters = source.counters
    assert counters.rows_seen == counters.rows_accounted
    assert counters.rows_parsed == len(records)
    return records, counters


def ports(frame):
    return [int(record["source_transport_port"]) for record in read(parquet(frame))[0]]


def test_rows():
    (first, second), counters = read(parquet(ROWS))
    assert int(first["source_address_low"]) == halves_of("10.0.0.1")[1]
    assert first["source_transport_port"] == 443
    assert first["octet_delta_count"] == 840
    assert first["flow_start_nanoseconds"] == 1439387263 * 10**9
    assert first["observation_point"] == observation_point("eni-1")
    assert (int(second["source_address_high"]), int(second["source_address_low"])) == halves_of(
        "2001:db8::1"
    )
    assert second["firewall_event"] == 3
    assert counters.ignored == {"NODATA": 1}


def test_a_table_of_minewatch_is_read_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    records = new_records(3)
    records["flow_start_nanoseconds"] = records["flow_end_nanoseconds"] = 10**18
    own = record_frame(records, Names())
    for path in ("-", str(tmp_path / "own.parquet")):
        data = parquet(own)
        if path != "-":
            (tmp_path / "own.parquet").write_bytes(data)
            data = b"not looked at"
        source = open_parquet("own", path, io.BytesIO(data), strict=False)
        assert isinstance(source, ParquetTableSource)
        assert sum(map(len, source.read())) == 3
        source.close()
    assert os.listdir(tmp_path) == ["own.parquet"]


def test_what_cannot_be_used_is_closed():
    stream = io.BytesIO(parquet(ROWS.drop("start")))
    with pytest.raises(SourceError):
        open_parquet("a", "-", stream, strict=False)
    assert stream.closed


@pytest.mark.parametrize(
    "column",
    [
        pl.col("srcport").cast(pl.String),
        pl.col("srcport").cast(pl.Float64),
        pl.col("srcport").cast(pl.String).cast(pl.Binary),
        pl.col("srcport").cast(pl.UInt16),
        pl.col("log_status").cast(pl.Categorical),
        pl.col("log_status").replace("OK", None),
        (pl.col("start") * 1000).cast(pl.Datetime("ms", "UTC")),
        pl.col("start").cast(pl.Float64),
    ],
)
def test_columns_of_other_types(column):
    assert ports(ROWS.with_columns(column)) == [443, 7]


def test_a_date_is_a_time():
    when = pl.lit(datetime(2015, 8, 12, 13, 47, 43, tzinfo=UTC)).alias("start")
    record = read(parquet(ROWS.head(1).with_columns(when)))[0][0]
    assert record["flow_start_nanoseconds"] == 1439387263 * 10**9


def test_names_with_hyphens_and_columns_that_nobody_knows():
    renamed = ROWS.rename({"interface_id": "interface-id", "log_status": "log-status"})
    record = read(parquet(renamed.with_columns(year=2015, other=pl.lit([1]))))[0][0]
    assert record["observation_point"] == observation_point("eni-1")


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pl.lit(65536).alias("srcport"), "srcport is out of range"),
        (pl.lit(1.5).alias("srcport"), "srcport is no number"),
        (pl.lit("1 2\n3").alias("srcport"), "srcport is no number"),
        (pl.lit("\0" * 1000).alias("srcaddr"), "srcaddr is no address"),
        (pl.lit("srcaddr").alias("srcaddr"), "srcaddr is no address"),
        (pl.lit("").alias("srcaddr"), "srcaddr is unknown"),
        (pl.lit(-1).alias("bytes"), "bytes is out of range"),
    ],
)
def test_faulty_rows_are_told_by_number(column, reason):
    usual = ROWS.with_columns(pl.col(column.meta.output_name()).cast(pl.String))
    changed = ROWS.head(1).with_columns(column.cast(pl.String))
    _, counters = read(parquet(pl.concat([usual, changed])))
    assert counters.faulty == {reason: 1}
    assert counters.examples[0].startswith(f"a.parquet: row 4: {reason}; ")


def test_a_list_is_no_value():
    _, counters = read(parquet(ROWS.head(1).with_columns(srcport=pl.lit([1]))))
    assert counters.faulty == {"srcport is no number": 1}


def test_many_rows_in_batches(monkeypatch):
    monkeypatch.setattr(aws_parquet, "_BATCH_ROWS", 100)
    monkeypatch.setattr(aws_parquet, "_CHUNK_OCTETS", 1 << 12)
    many = pl.concat([ROWS.head(1)] * 1000).with_columns(srcport=pl.int_range(1000))
    assert ports(many) == list(range(1000))


def test_a_log_without_rows():
    assert ports(ROWS.head(0)) == []


def test_strict_stops_at_the_first():
    wrong = ROWS.with_columns(dstport=pl.Series([1, None, 65536]))
    with pytest.raises(SourceError, match=r"a\.parquet: row 3: dstport is out of range"):
        read(parquet(wrong), strict=True)


def test_a_column_is_missing():
    with pytest.raises(SourceError, match=r"a\.parquet: no column dstaddr, start; create the flow"):
        read(parquet(ROWS.drop("dstaddr", "start")))


@pytest.mark.parametrize("cut", [4, 100, -4, -8])
def test_what_is_no_parquet(cut):
    with pytest.raises(SourceError, match=r"a\.parquet: cannot be read as Parquet: .*copy it"):
        read(parquet(ROWS)[:cut])


def test_damage_within():
    data = bytearray(parquet(ROWS))
    data[4:400] = bytes(396)
    with pytest.raises(SourceError, match=r"a\.parquet: cannot be read as Parquet"):
        read(bytes(data))
