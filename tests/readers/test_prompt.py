# SPDX-License-Identifier: Apache-2.0
import gzip
import os
import threading

import pytest

from minewatch.errors import SourceError
from minewatch.readers.prompt import Prompt, open_prompt
from minewatch.readers.source import Input


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def given(path, *parts):
    """Write to a pipe what is asked for, part by part; the next when the one before was read."""
    may_go_on = threading.Semaphore(1)

    def write():
        with open(path, "wb", buffering=0) as file:
            for part in parts:
                may_go_on.acquire()
                file.write(part)
            may_go_on.acquire()

    thread = threading.Thread(target=write)
    thread.start()
    return thread, may_go_on


def test_what_has_come_is_read_without_waiting_for_more(fifo):
    thread, may_go_on = given(fifo, b"magic and more", b"the rest")
    stream = open_prompt(Input("pipe", str(fifo), None))
    assert isinstance(stream, Prompt)
    room = bytearray(1 << 19)
    seen = b""
    while seen != b"magic and more":
        seen += room[: stream.readinto(room)]
    may_go_on.release()
    assert room[: stream.readinto(room)] == b"the rest"
    may_go_on.release()
    assert stream.readinto(room) == 0
    thread.join()
    stream.close()
    assert stream.closed


def test_files_are_read_as_ever(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100_000)
    with open_prompt(Input("a", str(path), None)) as stream:
        assert len(stream.read(200_000)) == 100_000
    path.write_bytes(gzip.compress(b"packed"))
    with open_prompt(Input("a", str(path), None)) as stream:
        assert stream.read() == b"packed"


def test_what_is_not_there_is_an_error():
    with pytest.raises(SourceError, match="cannot be opened"):
        open_prompt(Input("a", "/nothing", None))
