# SPDX-License-Identifier: Apache-2.0
import io
import os
import tempfile

import polars as pl
import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.parquet_file import ParquetFile, is_parquet
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


def test_batches_are_bounded_and_metadata_is_told():
    octets = io.BytesIO()
    pl.DataFrame({"a": range(1050), "b": 0}).write_parquet(octets, metadata={"who": "me"})
    file = ParquetFile("a", "-", io.BytesIO(octets.getvalue()))
    assert file.metadata["who"] == "me"
    parts = list(file.batches(file.table.select("a"), 100))
    file.close()
    assert max(part.height for part in parts) <= 100
    assert pl.concat(parts)["a"].to_list() == list(range(1050))


def test_a_damage_that_is_met_late():
    octets = bytearray(parquet())
    octets[4:40] = bytes(36)
    file = ParquetFile("a", "-", io.BytesIO(bytes(octets)))
    with pytest.raises(SourceError, match="a: cannot be read as Parquet: "):
        list(file.batches(file.table, 100))
    file.close()


def test_is_parquet(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"PAR1")
    assert is_parquet(str(path))
    path.write_bytes(b"PA")
    assert not is_parquet(str(path))
    assert not is_parquet(str(tmp_path))
    assert not is_parquet("\0")
    assert not is_parquet("s3://bucket/a")
