# SPDX-License-Identifier: Apache-2.0
import errno
import gzip
import io
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import fsspec
import pytest

from minewatch.errors import SourceError
from minewatch.readers import remote
from minewatch.readers.capture import CaptureSource
from minewatch.readers.listing import find_objects
from minewatch.readers.source import Input, open_counted, open_input, read_fully
from object_store import KEY, SECRET, refuse_from_now_on, serving

DATA = bytes(range(256)) * 40_000


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_an_object_is_a_file(memory):
    memory.pipe("/b/a", DATA)
    with remote.open_url("memory://b/a") as file:
        assert file.seekable()
        assert file.seek(-3, io.SEEK_END) == len(DATA) - 3 == file.tell()
        assert file.read() == DATA[-3:]
        file.seek(0)
        assert read_fully(file, 1000) == DATA[:1000]
    assert file.closed


def test_an_object_is_unpacked_and_counted(memory):
    packed = gzip.compress(DATA)
    memory.pipe("/b/a", packed)
    with open_counted(Input("a", "memory://b/a", None)) as opened:
        assert opened.peek(100) == DATA[:100]
        assert read_fully(opened.stream, len(DATA) + 1) == DATA
        assert opened.packed.octets == len(packed)


def test_a_name_does_not_lead_to_another_file_system():
    """Between colons fsspec names other file systems, where it takes a URL apart by itself."""
    key = "x::memory:"
    with serving({"flows": {key: b"an object"}}):
        (url, size), *others = find_objects("s3://flows").objects
        assert (url, size, others) == (f"s3://flows/{key}", 9, [])
        with remote.open_url(url) as file:
            assert file.read() == b"an object"
        assert remote.starts([url], [9]) == [b"an object"]


def test_starts_of_many(memory):
    for name in "abc":
        memory.pipe(f"/b/{name}", name.encode() * 100)
    memory.pipe("/b/empty", b"")
    urls = [f"memory://b/{name}" for name in ("a", "empty", "gone", "c")]
    a, empty, gone, c = remote.starts(urls, [3, 0, 3, 3])
    assert (a, empty, c) == (b"aaa", b"", b"ccc")
    assert str(gone) == (
        "memory://b/gone: cannot be read: no such bucket, folder or object; check the name"
    )
    assert remote.starts([], []) == []


def test_without_the_libraries(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(SourceError) as caught:
        remote.connect("s3://flows/a")
    assert str(caught.value) == (
        "s3://flows/a: s3:// needs libraries that are not here: pip install 'minewatch[cloud]'"
    )
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(SourceError, match=r"gs:// needs libraries .* 'minewatch\[cloud\]'"):
        remote.connect("gs://flows/a")


def test_a_scheme_that_nobody_knows():
    with pytest.raises(SourceError, match="gopher://x/y: cannot be read: Protocol not known"):
        remote.connect("gopher://x/y")


class Failing:
    size = 3

    def __init__(self, error):
        self.error = error

    def read(self, size):
        raise self.error

    def seekable(self):
        return True

    def seek(self, offset, whence):
        raise self.error

    def close(self):
        pass


@pytest.mark.parametrize("error", [TimeoutError(), OSError("no route"), KeyError("x"), EOFError()])
def test_an_error_while_reading_is_no_damage_of_what_is_packed(memory, monkeypatch, error):
    memory.pipe("/b/a", b"")
    monkeypatch.setattr(type(memory), "open", lambda *_, **__: Failing(error))
    file = remote.open_url("memory://b/a")
    for action in (lambda: file.read(1), lambda: file.seek(0)):
        with pytest.raises(OSError, match=r".") as caught:
            action()
        assert caught.value.errno == errno.EREMOTEIO
    with pytest.raises(SourceError, match="a: cannot be read: "):
        open_input(Input("a", "memory://b/a", None))


def test_a_capture_in_a_store(memory, mining_capture):
    memory.pipe("/b/a.pcap", gzip.compress(mining_capture))
    source = CaptureSource(Input("a", "memory://b/a.pcap", None))
    source.close()
    assert source.counters.octets_read == 24


@pytest.fixture
def mining_capture():
    import packets as p

    return p.pcap([p.tcp_frame()])


def test_a_store_of_the_s3_kind():
    packed = gzip.compress(DATA)
    with serving({"flows": {"a.gz": packed, "plain": DATA}}) as address:
        with open_counted(Input("a", "s3://flows/a.gz", None)) as opened:
            assert read_fully(opened.stream, len(DATA) + 1) == DATA
            assert opened.packed.octets == len(packed)
        with remote.open_url("s3://flows/plain") as file:
            assert file.seekable()
            file.seek(-5, io.SEEK_END)
            assert file.read() == DATA[-5:]
        part, gone = remote.starts(["s3://flows/plain", "s3://flows/gone"], [9, 9])
        assert part == DATA[:9]
        assert "no such bucket, folder or object" in str(gone)
        for url in ("s3://flows/gone", "s3://gone/a"):
            with pytest.raises(SourceError, match="no such bucket, folder or object"):
                remote.open_url(url)
        refuse_from_now_on(address)
        (error,) = remote.starts(["s3://flows/plain"], [9])
        assert str(error) == (
            "s3://flows/plain: cannot be read: access is denied; check the credentials in the "
            "environment, and their rights"
        )
        assert KEY not in str(error)
        assert SECRET not in str(error)


def test_a_server_of_the_s3_kind_that_is_not_there(monkeypatch):
    with serving({}) as address:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        with pytest.raises(SourceError) as caught:
            remote.open_url("s3://flows/a")
    assert address
    assert str(caught.value).startswith("s3://flows/a: cannot be read: Could not connect")


class Web(BaseHTTPRequestHandler):
    """A web server that gives no parts, and no size."""

    def do_GET(self):
        if "sig=right" not in self.path:
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(gzip.compress(DATA))

    def do_HEAD(self):
        self.send_response(200 if "sig=right" in self.path else 403)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    server = HTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_server_that_gives_no_parts(web):
    with open_counted(Input("a", f"{web}/a?sig=right", None)) as opened:
        assert not opened.packed.seekable()
        assert opened.peek(10) == DATA[:10]
        assert read_fully(opened.stream, len(DATA) + 1) == DATA


def test_no_secret_in_what_a_library_says_is_told():
    def ask():
        raise ValueError("400, url='https://logs.example/a?sig=secret&x=1'")

    with pytest.raises(SourceError) as caught:
        remote.asked(ask, "https://me:secret@logs.example/a?sig=secret")
    assert str(caught.value) == (
        "https://logs.example/a: cannot be read: 400, url='https://logs.example/a'"
    )


def test_no_secret_of_a_url_is_told(web):
    with pytest.raises(SourceError) as caught:
        read_fully(remote.open_url(f"{web}/a?sig=wrong-secret"), 10)
    assert str(caught.value).startswith(f"{web}/a: cannot be read: ")
    assert "secret" not in str(caught.value)
