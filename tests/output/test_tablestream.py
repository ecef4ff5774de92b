# SPDX-License-Identifier: Apache-2.0
import json

import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.output.tablestream import FORMATS, TableStream

SCHEMA = {"a": pl.Int64(), "b": pl.String()}
TABLES = (
    pl.DataFrame({"b": ["x", "y,z"], "a": [1, 2]}, {"b": pl.String, "a": pl.Int32}),
    pl.DataFrame({"a": [3], "b": [None], "c": [0]}, {"a": pl.Int64, "b": pl.String, "c": pl.Int8}),
)


def written(path, format, tables):
    with Destination(str(path)) as destination:
        stream = TableStream(destination, format, SCHEMA)
        for table in tables:
            stream.write(table)
        stream.finish()
    return path


@pytest.mark.parametrize("format", FORMATS)
def test_tables_follow_each_other_under_one_schema(tmp_path, format):
    path = written(tmp_path / "t", format, TABLES)
    if format == "parquet":
        rows = pl.read_parquet(path).rows()
    elif format == "jsonl":
        rows = [tuple(json.loads(line).values()) for line in path.read_text().splitlines()]
    else:
        separator = {"csv": ",", "tsv": "\t"}[format]
        rows = pl.read_csv(path, separator=separator).rows()
    assert rows == [(1, "x"), (2, "y,z"), (3, None)]


@pytest.mark.parametrize(("format", "text"), [("csv", "a,b\n"), ("tsv", "a\tb\n"), ("jsonl", "")])
def test_nothing_has_a_header_all_the_same(tmp_path, format, text):
    assert written(tmp_path / "t", format, []).read_text() == text


def test_parquet_of_nothing_has_the_schema(tmp_path):
    assert dict(pl.read_parquet(written(tmp_path / "t", "parquet", [])).schema) == SCHEMA


def test_parquet_needs_a_file():
    with pytest.raises(ConfigError, match="Parquet needs a file"), Destination(None) as stdout:
        TableStream(stdout, "parquet", SCHEMA)
