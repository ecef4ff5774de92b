# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.datasets import tables
from minewatch.errors import SourceError

SCHEMA = {"a": pl.Int64(), "b": pl.String()}


@pytest.fixture
def write(tmp_path):
    def write(frame):
        frame.write_parquet(tmp_path / "t.parquet")
        return tmp_path / "t.parquet"

    return write


def test_columns_are_documented_once_each():
    columns = (*tables.conversation_columns(), *tables.PACKET_COLUMNS[1:])
    assert len({column.name for column in columns}) == len(columns)
    assert all(column.description for column in columns)
    left = {c.name for c in tables.conversation_columns(with_addresses=False)}
    assert {c.name for c in tables.conversation_columns()} - left == set(tables.ADDRESSES)
    assert len(tables.ADDRESSES) == 4


def test_columns_may_come_in_any_order(write):
    path = write(pl.DataFrame({"b": ["x"], "a": [1]}))
    assert tables.read_table(tables.scan_table(path, SCHEMA), path).rows() == [(1, "x")]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": [1]}, "b is missing"),
        ({"a": [1.5], "b": ["x"]}, "a is Float64 instead of Int64"),
        ({"a": [1], "b": ["x"], "c\x1b[2J": [0]}, r"'c\\x1b\[2J' is unknown"),
        ({"a": [{"\x1b[2J": 1}], "b": ["x"]}, r"a is Struct\(.* instead of Int64"),
        ({f"c{i}": [1] for i in range(9)}, "and 8 more"),
    ],
)
def test_other_columns_are_named(write, frame, message):
    with pytest.raises(SourceError, match=message) as caught:
        tables.scan_table(write(pl.DataFrame(frame)), SCHEMA)
    assert str(caught.value).isprintable()


def test_too_many_rows_are_not_read(write):
    path = write(pl.DataFrame({"a": range(11), "b": [None] * 11}, SCHEMA))
    with pytest.raises(SourceError, match="claims 11 rows; at most 10"):
        tables.scan_table(path, SCHEMA, most=10)


def test_no_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(SourceError, match="no such file"):
        tables.scan_table(path, SCHEMA)
    for octets in (b"", b"PAR1", b"PAR1" + b"\xff" * 200 + b"PAR1", b"x" * 10_000):
        path.write_bytes(octets)
        with pytest.raises(SourceError, match="not a Parquet file"):
            tables.scan_table(path, SCHEMA)


def test_a_name_with_a_pattern_in_it_is_one_file(tmp_path, write):
    path = write(pl.DataFrame({"a": [1], "b": ["x"]}))
    odd = path.rename(tmp_path / "t[*].parquet")
    assert tables.scan_table(odd, SCHEMA).collect().height == 1
    with pytest.raises(SourceError, match="no such file"):
        tables.scan_table(tmp_path / "*.parquet", SCHEMA)


def test_damage_behind_the_schema_is_an_error_of_ours(write):
    path = write(pl.DataFrame({"a": range(50_000), "b": ["text"] * 50_000}))
    octets = bytearray(path.read_bytes())
    octets[100:20_000] = b"\xff" * 19_900
    path.write_bytes(octets)
    with pytest.raises(SourceError, match="damaged"):
        tables.read_table(tables.scan_table(path, SCHEMA), path)
