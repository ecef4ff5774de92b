# SPDX-License-Identifier: Apache-2.0
"""Names from the logs beside conn.log."""

import gzip

import polars as pl
import pytest

import minewatch.readers.flowlogs.zeek_names as module
import zeek_logs as z
from minewatch.address import halves_of
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.zeek_names import ZeekNames, beside
from minewatch.records import Names, RecordCounters

SSL = ["ts", "uid", "server_name"]
DNS = ["ts", "uid", "query", "answers"]


def ssl(*rows):
    lines = (z.line(SSL, {}, ts="1.5", uid=uid, server_name=name) for uid, name in rows)
    return z.header("ssl", SSL) + "".join(lines)


def dns(*rows):
    lines = (z.line(DNS, {}, ts="1.5", query=query, answers=given) for query, given in rows)
    return z.header("dns", DNS) + "".join(lines)


def names_beside(folder, conn="conn.log", *, strict=False, **files):
    for name, text in files.items():
        data = text.encode() if isinstance(text, str) else text
        (folder / name.replace("__", ".")).write_bytes(data)
    names, counters = Names(), RecordCounters()
    found = ZeekNames(str(folder / conn), names, counters, strict=strict)
    found.read()
    return found, names, counters


@pytest.mark.parametrize(
    ("conn", "other"),
    [
        ("conn.log", "ssl.log"),
        ("conn.log.gz", "ssl.log.gz"),
        ("conn.log.gz", "ssl.log"),
        ("conn.log", "ssl.log.zst"),
        ("conn.10:00:00-11:00:00.log.gz", "ssl.10:00:00-11:00:00.log.gz"),
        ("conn_20261128.log", "ssl_20261128.log"),
        ("foo_conn.log", "foo_ssl.log"),
        ("conn-a_conn.log", "conn-a_ssl.log"),
    ],
)
def test_where_the_other_log_lies(tmp_path, conn, other):
    (tmp_path / other).touch()
    assert beside(str(tmp_path / conn), "ssl") == str(tmp_path / other)


@pytest.mark.parametrize("path", ["-", "connect.log", "flows.log", "conn.log", "a\0/conn.log", ""])
def test_nothing_lies_there(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sslect.log").touch()
    assert beside(path, "ssl") is None


def test_names_of_tls_by_connection(tmp_path):
    text = ssl(("C1", "pool.example"), ("C2", None), ("C3", "pool.example"), ("C4", "b.example"))
    found, names, counters = names_beside(tmp_path, ssl__log=text)
    assert names.servers == ["pool.example", "b.example"]
    uids = pl.Series(["C3", "C2", None, "C4", "C1", "C9"])
    assert found.server_names(uids).tolist() == [0, -1, -1, 1, 0, -1]
    assert counters.notes == []
    assert counters.rows_seen == 0


def test_the_first_name_of_a_connection_counts(tmp_path):
    found, names, _ = names_beside(tmp_path, ssl__log=ssl(("C1", "a"), ("C1", "b")))
    assert names.servers[found.server_names(pl.Series(["C1"]))[0]] == "a"


def test_no_log_of_tls(tmp_path):
    found, _, counters = names_beside(tmp_path)
    assert found.server_names(pl.Series(["C1"])).tolist() == [-1]
    assert counters.notes == []


def test_addresses_have_the_name_that_was_asked_for(tmp_path):
    text = dns(
        ("pool.example", "alias.cdn.example,203.0.113.7,2001:db8::7"),
        ("other.example", "203.0.113.7,198.51.100.1"),
        ("nothing.example", None),
        (None, "198.51.100.9"),
    )
    _, names, _ = names_beside(tmp_path, dns__log=text)
    assert names.answers == {
        halves_of("203.0.113.7"): "pool.example",
        halves_of("2001:db8::7"): "pool.example",
        halves_of("198.51.100.1"): "other.example",
    }


def test_both_logs_as_json_and_packed(tmp_path):
    tls = '{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1","established":true,"server_name":"a"}\n'
    asked = (
        '{"ts":1.5,"id.orig_h":"10.0.0.1","trans_id":1,"query":"b","answers":["c","10.0.0.2"]}\n'
        '{"ts":1.5,"id.orig_h":"10.0.0.1","trans_id":2,"query":"d"}\n'
    )
    found, names, counters = names_beside(
        tmp_path,
        "conn.log.gz",
        ssl__log__gz=gzip.compress(tls.encode()),
        dns__log__gz=gzip.compress(asked.encode()),
    )
    assert (names.servers, names.answers) == (["a"], {halves_of("10.0.0.2"): "b"})
    assert found.server_names(pl.Series(["C1"])).tolist() == [0]
    assert counters.notes == []


def test_damaged_rows_are_told_in_a_note_and_are_no_rows_of_conn(tmp_path):
    text = ssl(("C1", "a")) + "1.5\tC2\n1.5\n"
    _, names, counters = names_beside(tmp_path, ssl__log=text)
    assert names.servers == ["a"]
    assert counters.rows_seen == counters.rows_accounted == 0
    (note,) = counters.notes
    assert note.startswith(f"names of ssl.log: 2 rows could not be used; {tmp_path}/ssl.log:10: ")
    with pytest.raises(SourceError, match=r"ssl\.log:10: 2 columns"):
        names_beside(tmp_path, strict=True)


def test_a_packed_log_that_is_cut(tmp_path):
    packed = gzip.compress(ssl(*((f"C{n}", f"{n}.example") for n in range(2000))).encode())
    _, names, counters = names_beside(tmp_path, ssl__log__gz=packed[: len(packed) // 2])
    assert 0 < len(names.servers) < 2000
    assert "cannot be unpacked any further" in counters.notes[0]


def test_a_file_of_that_name_that_is_something_else(tmp_path):
    _, names, counters = names_beside(tmp_path, ssl__log="hello\n", dns__log=ssl(("C1", "a")))
    assert (names.servers, names.answers) == ([], {})
    assert len(counters.notes) == 2
    assert "no ssl.log of Zeek" in counters.notes[0]
    with pytest.raises(SourceError, match=r"no ssl\.log of Zeek"):
        names_beside(tmp_path, strict=True)


def test_connections_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_UIDS", 2)
    text = ssl(("C1", "a"), ("C2", "b"), ("C3", "c"))
    found, names, counters = names_beside(tmp_path, ssl__log=text)
    assert names.servers == ["a", "b"]
    assert found.server_names(pl.Series(["C3"])).tolist() == [-1]
    assert counters.notes == ["names of ssl.log: more than 2 connections; later ones have no name"]
    _, _, counters = names_beside(tmp_path, ssl__log=ssl(("C1", "a"), ("C2", "b")))
    assert counters.notes == []
