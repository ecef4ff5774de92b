# SPDX-License-Identifier: Apache-2.0
import bz2
import gzip
import os
import random

import fsspec
import pytest

from minewatch.errors import SourceError
from minewatch.readers import heads, remote
from minewatch.readers.heads import head_of, heads_of_objects
from minewatch.readers.source import Input

DATA = random.Random(9).randbytes(400_000)


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(DATA))
    one = Input("a", str(path), None)
    assert head_of(one, 1000) == (one, DATA[:1000])
    path.write_bytes(b"")
    assert head_of(one, 1000) == (one, b"")


def test_a_file_that_cannot_be_read(tmp_path):
    one = Input("a", str(tmp_path), None)
    source, error = head_of(one, 10)
    assert source is one
    assert isinstance(error, SourceError)
    assert str(error) == "a: cannot be opened: Is a directory"


def test_no_file_stays_open(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(DATA)
    before = set(os.listdir("/proc/self/fd"))
    head_of(Input("a", str(path), None), 10)
    assert set(os.listdir("/proc/self/fd")) == before


def put(memory, objects):
    for name, data in objects.items():
        memory.pipe(f"/b/{name}", data)
    return [Input(name, f"memory://b/{name}", len(data)) for name, data in objects.items()]


def test_objects_are_asked_for_together(memory, monkeypatch):
    sizes = []
    real = remote.starts

    def starts(urls, wanted):
        sizes.append(len(urls))
        return real(urls, wanted)

    monkeypatch.setattr(heads.remote, "starts", starts)
    inputs = put(memory, {f"{n:03}": gzip.compress(b"%d" % n) for n in range(150)})
    assert [(one.name, head) for one, head in heads_of_objects(inputs, 100)] == [
        (f"{n:03}", b"%d" % n) for n in range(150)
    ]
    assert sizes == [64, 64, 22]


def test_an_object_whose_start_tells_nothing_is_read_on(memory):
    """Bzip2 needs all of its first block."""
    inputs = put(memory, {"a": bz2.compress(DATA), "b": bz2.compress(b"b")})
    assert [head for _, head in heads_of_objects(inputs, 1000)] == [DATA[:1000], b"b"]


def test_an_object_of_parquet_is_looked_at_from_its_end_too(memory):
    footer = b"the schema"
    data = b"PAR1" + DATA + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    inputs = put(memory, {"a": data, "short": b"PAR1" + data[-30:]})
    long, short = (head for _, head in heads_of_objects(inputs, 1000))
    assert long == data[:1000] + data[-18:]
    assert footer in short


def test_objects_that_are_empty_damaged_or_gone(memory):
    inputs = put(memory, {"empty": b"", "broken": b"\x1f\x8b"})
    inputs.append(Input("gone", "memory://b/gone", 5))
    (_, empty), (_, broken), (_, gone) = heads_of_objects(inputs, 1000)
    assert empty == b""
    assert str(broken).startswith("broken: cannot be unpacked: ")
    assert "no such bucket, folder or object" in str(gone)
