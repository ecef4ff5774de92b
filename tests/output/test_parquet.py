# SPDX-License-Identifier: Apache-2.0
import threading

import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.output.parquet import ParquetStream

SCHEMA = {"a": pl.Int64(), "b": pl.String()}


def table(n):
    return pl.DataFrame({"a": [n, n + 1], "b": ["x", None]}, schema=SCHEMA)


def threads():
    return [t for t in threading.enumerate() if t.name == "minewatch-parquet"]


def test_tables_stand_in_the_file_in_order(tmp_path):
    path = tmp_path / "a.parquet"
    with Destination(str(path)) as destination:
        stream = ParquetStream(destination, SCHEMA)
        for n in range(0, 40, 2):
            stream.write(table(n))
        stream.close()
    found = pl.read_parquet(path)
    assert dict(found.schema) == SCHEMA
    assert found["a"].to_list() == list(range(40))
    assert not threads()


def test_no_tables_are_a_file_too(tmp_path):
    with Destination(str(tmp_path / "a.parquet")) as destination:
        ParquetStream(destination, SCHEMA).close()
    assert pl.read_parquet(tmp_path / "a.parquet").schema == SCHEMA


def test_an_interrupt_ends_the_thread_and_leaves_nothing(tmp_path):
    def write():
        with Destination(str(tmp_path / "a.parquet")) as destination:
            stream = ParquetStream(destination, SCHEMA)
            for n in range(100):
                stream.write(table(n))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert not threads()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told():
    def write():
        with Destination("/dev/full") as destination:
            stream = ParquetStream(destination, SCHEMA)
            stream.write(table(0))
            stream.close()

    with pytest.raises(ConfigError, match=r"-o /dev/full: .*No space left"):
        write()
    assert not threads()


def test_standard_output_is_refused():
    with pytest.raises(ConfigError, match="Parquet needs a file"):
        ParquetStream(Destination(None), SCHEMA)
