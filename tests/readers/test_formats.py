# SPDX-License-Identifier: Apache-2.0
import gzip
import os

import pytest

import packets as p
from made_up_logs import MadeUpFormat, MadeUpFormatWithSideLogs, log
from minewatch.errors import ConfigError, SourceError
from minewatch.readers import formats
from minewatch.readers.formats import (
    CAPTURE,
    HEAD_OCTETS,
    beside_of,
    check_name,
    format_of,
    kind_of,
    of_no_kind,
    open_flows,
)
from minewatch.readers.source import Input

FIRST = MadeUpFormat("first")
SECOND = MadeUpFormat("second")
OTHER = MadeUpFormat("other", b"#other")


def written(tmp_path, data, format=CAPTURE):
    path = tmp_path / "a.log"
    path.write_bytes(data)
    return Input("a.log", str(path), len(data), format)


def records_of(source):
    return sum(len(block) for block in source.read())


def test_the_first_of_two_wins():
    assert format_of(log(), [OTHER, FIRST, SECOND]) is FIRST
    assert format_of(log(), [SECOND, FIRST]) is SECOND
    assert format_of(b"x", [FIRST, OTHER]) is None


def test_flows_are_asked_for_before_captures():
    """An exporter's datagrams may come as a capture."""
    capture = p.pcap([p.tcp_frame()])
    exports = MadeUpFormat("netflow", capture[:4])
    assert kind_of(capture, [FIRST, exports]) == "netflow"
    assert kind_of(capture, [FIRST]) == CAPTURE
    assert kind_of(b"PK", [FIRST]) is None
    assert kind_of(b"", [FIRST]) is None


def test_what_lies_beside():
    side = b"#side of made-up\n"
    assert beside_of("a", side, [FIRST]) is None
    assert beside_of("a", side, [FIRST, MadeUpFormatWithSideLogs("zeek")]) == "zeek"
    assert beside_of("a", log(), [MadeUpFormatWithSideLogs("zeek")]) is None


def test_names():
    check_name("capture", [FIRST])
    check_name("first", [FIRST])
    with pytest.raises(ConfigError) as caught:
        check_name("frist", [FIRST, OTHER])
    assert str(caught.value) == "--input-format 'frist': not known; one of capture, first, other"


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (b"a,b\r\n1,2\r\n", r"'a,b\r\n1,2\r\n'"),
        (b"x" * 1000, f"'{'x' * 48}'"),
        (b"PK\x03\x04" + bytes(100), "the octets 50 4b 03 04 00 00 00 00 00 00 00 00"),
        ("grüße".encode(), "the octets 67 72 c3 bc c3 9f 65"),
        (b"\x1b[2Jhi", "the octets 1b 5b 32 4a 68 69"),
    ],
)
def test_what_is_of_no_kind_is_shown(head, shown):
    assert str(of_no_kind("a", head, [FIRST])) == (
        f"a: of no known kind: it begins with {shown}; if you know better, say so with "
        "--input-format (one of capture, first)"
    )


@pytest.mark.parametrize("packer", [bytes, gzip.compress])
def test_a_log_is_opened_with_its_format(tmp_path, packer):
    data = packer(log(100_000))
    source = open_flows(written(tmp_path, data), [OTHER, FIRST], None, False)
    assert source.name == "a.log"
    assert records_of(source) == 100_000 == source.counters.rows_parsed
    assert source.counters.octets_read == len(data)
    assert source.names.servers == []
    source.close()


def test_octets_on_disk_are_told_while_it_is_read(tmp_path):
    data = gzip.compress(os.urandom(500_000).hex().encode())
    source = open_flows(written(tmp_path, data), [FIRST], "first", False)
    told = [source.counters.octets_read for _ in source.read()]
    assert 0 < told[0] < told[len(told) // 2] < len(data) == told[-1]
    source.close()


def test_what_was_found_before_is_not_looked_at_again(tmp_path):
    seen = MadeUpFormat("first")
    source = open_flows(written(tmp_path, log(), "first"), [OTHER, seen], None, False)
    assert records_of(source) == 3
    assert seen.seen == []
    source.close()


def test_a_format_that_is_forced(tmp_path):
    source = open_flows(written(tmp_path, b"1\n2\n", "other"), [OTHER, FIRST], "first", False)
    assert records_of(source) == 2
    source.close()


def test_strict_is_passed_on(tmp_path, monkeypatch):
    got = []
    real = FIRST.open

    def opening(name, path, stream, *, strict):
        got.append((name, path, strict))
        return real(name, path, stream, strict=strict)

    monkeypatch.setattr(FIRST, "open", opening)
    one = written(tmp_path, log())
    open_flows(one, [FIRST], None, True).close()
    open_flows(one, [FIRST], None, False).close()
    assert got == [("a.log", one.path, True), ("a.log", one.path, False)]


def test_what_is_no_log(tmp_path):
    before = set(os.listdir("/proc/self/fd"))
    for data, reason in {
        b"hello": "a.log: of no known kind: it begins with 'hello'",
        b"": "a.log: the file is empty; capture or export again",
        p.pcap([p.tcp_frame()]): "a.log: a capture, and no flow log",
        b"\x1f\x8b": "a.log: cannot be unpacked: ",
    }.items():
        with pytest.raises(SourceError, match=reason):
            open_flows(written(tmp_path, data), [FIRST], None, False)
    with pytest.raises(SourceError, match="gone: cannot be opened: No such file"):
        open_flows(Input("gone", str(tmp_path / "gone"), None), [FIRST], None, False)
    assert set(os.listdir("/proc/self/fd")) == before


class Refusing(MadeUpFormat):
    """Opens nothing."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def open(self, name, path, stream, *, strict):
        raise self.error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SourceError("a.log", "no; other"), "a.log: no; other"),
        (OSError(5, "Input/output error"), "a.log: cannot be read: Input/output error"),
        (formats.UnpackError("cut"), "a.log: cannot be unpacked: cut; unpack it by hand"),
    ],
)
def test_a_log_that_is_refused_is_closed(tmp_path, error, text):
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(SourceError) as caught:
        open_flows(written(tmp_path, log()), [Refusing(error)], None, False)
    assert str(caught.value) == text
    assert set(os.listdir("/proc/self/fd")) == before


def test_damage_that_a_reader_forgets_is_an_error_of_the_source(tmp_path):
    data = gzip.compress(os.urandom(200_000).hex().encode())[:-9]
    source = open_flows(written(tmp_path, data), [FIRST], "first", False)
    with pytest.raises(SourceError, match=r"a\.log: cannot be unpacked: Compressed file ended"):
        records_of(source)
    assert source.counters.octets_read == len(data)
    source.close()


def test_a_url_gives_no_secret_and_no_path(monkeypatch):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/b/a", log())
    got = []
    format = MadeUpFormat()
    real = format.open

    def opening(name, path, stream, *, strict):
        got.append(path)
        return real(name, path, stream, strict=strict)

    monkeypatch.setattr(format, "open", opening)
    source = open_flows(Input("shown", "memory://b/a", None), [format], None, False)
    assert records_of(source) == 3
    assert got == ["shown"]
    source.close()
    memory.rm("/b", recursive=True)


def test_heads_are_long_enough_for_a_line():
    assert HEAD_OCTETS == 65_536
