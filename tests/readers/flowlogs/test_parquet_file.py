# SPDX-License-Identifier: Apache-2.0
import io
import os
import tempfile

import polars as pl
import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.parquet_file import ParquetFile
from minewatch.readers.unpack import UnpackError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where copies are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def parquet():
    file = io.BytesIO()
    pl.DataFrame({"a": [1, 2]}).write_parquet(file)
    return file.getvalue()


def test_it_is_read_where_it_lies(folder):
    path = folder / "a*.parquet"  # no pattern
    path.write_bytes(parquet())
    stream = io.BytesIO(b"not looked at")
    file = ParquetFile("a", str(path), stream)
    assert file.path == str(path)
    assert file.octets == path.stat().st_size
    assert file.schema.names() == ["a"]
    assert file.table.collect().height == 2
    file.close()
    assert stream.closed
    assert path.exists()


def test_a_stream_is_copied_and_the_copy_deleted(folder):
    (folder / "a.gz").write_bytes(b"packed")
    file = ParquetFile("a", str(folder / "a.gz"), io.BytesIO(parquet()))
    assert len(os.listdir(folder)) == 2
    assert file.table.collect().height == 2
    file.close()
    file.close()
    assert os.listdir(folder) == ["a.gz"]


@pytest.mark.parametrize("data", [b"", b"PAR1", parquet()[:-4], parquet()[:20], b"PAR1" * 1000])
def test_what_is_damaged(folder, data):
    stream = io.BytesIO(data)
    with pytest.raises(SourceError, match=r"a: cannot be read as Parquet: .+; copy it again"):
        ParquetFile("a", "-", stream)
    assert stream.closed
    assert os.listdir(folder) == []


class Broken(io.RawIOBase):
    def read(self, size=-1):
        raise UnpackError("bad octets")


def test_a_stream_that_cannot_be_unpacked(folder):
    with pytest.raises(SourceError, match="a: cannot be read as Parquet: bad octets; copy it"):
        ParquetFile("a", "-", Broken())
    assert os.listdir(folder) == []


def test_a_copy_has_a_largest_size(folder):
    stream = io.BytesIO(parquet())
    with pytest.raises(SourceError, match="a: more than 100 octets; unpack it and name the file"):
        ParquetFile("a", "-", stream, max_octets=100)
    assert stream.closed
    assert os.listdir(folder) == []
