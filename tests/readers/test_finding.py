# SPDX-License-Identifier: Apache-2.0
"""Finding inputs and telling their kinds; of remote stores see `test_listing.py` too."""

import gzip
import os
import sys
import threading

import fsspec
import pytest
import zstandard

import packets as p
from made_up_logs import MadeUpFormat, MadeUpFormatWithSideLogs, log
from minewatch.readers import finding
from minewatch.readers.finding import find, find_inputs
from minewatch.readers.formats import HEAD_OCTETS
from minewatch.readers.source import Input, open_input, read_fully
from object_store import serving

CAPTURE = p.pcap([p.tcp_frame()])


@pytest.fixture
def tree(tmp_path):
    """Captures and other files, some of them packed, in folders."""
    files = {
        "b.pcap": CAPTURE,
        "a.pcap": CAPTURE,
        "deep/er/c.pcapng": p.pcapng([p.tcp_frame()]),
        "deep/d.bin": gzip.compress(CAPTURE),
        "deep/e.zst": zstandard.compress(CAPTURE),
        "deep/notes.pcap": b"not a capture, in spite of its name",
        "deep/text.gz": gzip.compress(b"text"),
        "deep/broken.gz": b"\x1f\x8b",
        "deep/empty": b"",
    }
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.mkfifo(tmp_path / "deep" / "pipe")
    (tmp_path / "deep" / "dangling").symlink_to(tmp_path / "nowhere")
    return tmp_path


def names(inputs, root):
    return [os.path.relpath(i.name, root) for i in inputs]


def test_files_in_the_order_given(tree):
    inputs, errors = find_inputs([str(tree / "b.pcap"), str(tree / "a.pcap")])
    assert errors == []
    assert inputs == [
        Input(str(tree / "b.pcap"), str(tree / "b.pcap"), len(CAPTURE)),
        Input(str(tree / "a.pcap"), str(tree / "a.pcap"), len(CAPTURE)),
    ]


def test_a_folder_stands_for_the_captures_below_it(tree):
    inputs, (error,) = find_inputs([str(tree)])
    assert str(error).startswith(f"{tree}/deep/broken.gz: cannot be unpacked: ")
    assert names(inputs, tree) == [
        "a.pcap",
        "b.pcap",
        "deep/d.bin",
        "deep/e.zst",
        "deep/er/c.pcapng",
    ]


def test_patterns(tree):
    inputs, errors = find_inputs([str(tree / "*.pcap"), str(tree / "**/*.pcapng")])
    assert errors == []
    assert names(inputs, tree) == ["a.pcap", "b.pcap", "deep/er/c.pcapng"]
    _, (error,) = find_inputs([str(tree / "*.cap")])
    assert str(error) == f"{tree}/*.cap: the pattern matches no file"


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    path = tmp_path / "a[1].pcap"
    path.write_bytes(CAPTURE)
    inputs, errors = find_inputs([str(path)])
    assert (names(inputs, tmp_path), errors) == (["a[1].pcap"], [])


def test_standard_input():
    assert find_inputs(["-"]) == ([Input("standard input", "-", None)], [])


def test_a_capture_named_twice_is_read_once(tree):
    inputs, errors = find_inputs([str(tree / "a.pcap"), str(tree / "*.pcap"), str(tree / "a.pcap")])
    assert (names(inputs, tree), errors) == (["a.pcap", "b.pcap"], [])


def test_a_pipe_has_no_size(tree):
    (found,), _ = find_inputs([str(tree / "deep" / "pipe")])
    assert found.octets is None


def test_errors_do_not_stop_the_others(tree):
    empty = tree / "none"
    empty.mkdir()
    arguments = [str(tree / "missing"), str(tree / "a.pcap"), str(empty), "\0", "x" * 5000, ""]
    inputs, errors = find_inputs(arguments)
    assert names(inputs, tree) == ["a.pcap"]
    assert [str(error) for error in errors] == [
        f"{tree}/missing: no such file; check the name, or give a folder or a pattern",
        f"{empty}: no capture in this folder; name a file, or a folder with pcap or pcapng",
        "\0: cannot be read: embedded null byte",
        f"{'x' * 5000}: cannot be read: File name too long",
        "'': an empty name; check what was to stand there",
    ]


# Flow logs

FORMATS = (MadeUpFormatWithSideLogs(), MadeUpFormat("other", b"#other"))


@pytest.fixture
def logs(tmp_path):
    """Flow logs as stores of clouds lay them out, a capture, and what lies about."""
    day = "AWSLogs/123/vpcflowlogs/eu-west-1/2026/11/28"
    files = {
        f"{day}/b.log.gz": gzip.compress(log()),
        f"{day}/a.log.gz": gzip.compress(log()),
        f"{day}/_SUCCESS": log(),
        f"{day}/.a.log.gz.crc": log(),
        f"{day}/a.crc": log(),
        f"{day}/.hidden.pcap": CAPTURE,
        f"{day}/empty.log": b"",
        "other/c.zst": zstandard.compress(log(magic=b"#other")),
        "other/side.log": b"#side of made-up\n",
        "plan.json": b"{}",
        "notes.txt": b"to whom it may concern",
        "trace.pcap": CAPTURE,
    }
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def kinds(inputs, root):
    return {os.path.relpath(one.name, root): one.format for one in inputs}


def test_a_folder_stands_for_captures_and_logs(logs):
    found = find([str(logs)], FORMATS)
    day = "AWSLogs/123/vpcflowlogs/eu-west-1/2026/11/28"
    assert found.errors == []
    assert list(kinds(found.inputs, logs).items()) == [
        (f"{day}/.hidden.pcap", "capture"),
        (f"{day}/a.log.gz", "made-up"),
        (f"{day}/b.log.gz", "made-up"),
        ("other/c.zst", "other"),
        ("trace.pcap", "capture"),
    ]
    assert found.notes == [f"{logs}: 2 files of no known kind were passed over, notes.txt first"]
    assert all(one.octets == os.path.getsize(one.path) for one in found.inputs)
    assert all(one.opened is None for one in found.inputs)


def test_what_is_named_twice_is_read_once(logs):
    first = logs / "other" / "c.zst"
    (logs / "latest.zst").symlink_to(first)
    os.mkfifo(logs / "pipe")
    found = find([str(first), str(logs / "other" / "*.zst"), f"file://{first}"], FORMATS)
    assert kinds(found.inputs, logs) == {"other/c.zst": "other"}
    assert found.notes == [f"{first} and 1 more: named more than once; each is read once"]
    found = find([str(logs / "latest.zst"), str(logs / "other")], FORMATS)
    assert (kinds(found.inputs, logs), found.errors) == ({"latest.zst": "other"}, [])
    assert found.notes == [f"{first}: named more than once; it is read once"]
    found = find(["-", "-", str(logs / "pipe"), str(logs / "pipe")], FORMATS, "other")
    assert [one.path for one in found.inputs] == ["-", str(logs / "pipe")]


def test_one_file_that_is_passed_over(tmp_path):
    (tmp_path / "a").write_bytes(log())
    (tmp_path / "b").write_bytes(b"{}")
    found = find([str(tmp_path)], FORMATS)
    assert found.notes == [f"{tmp_path}: one file of no known kind was passed over: b"]


def test_without_formats_only_captures_are_found(logs):
    inputs, errors = find_inputs([str(logs)])
    assert errors == []
    assert set(kinds(inputs, logs).values()) == {"capture"}
    assert len(inputs) == 2


def test_a_head_is_all_that_is_read(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(log(100_000)))
    format = MadeUpFormat()
    find([str(tmp_path)], [format])
    assert [len(head) for head in format.seen] == [HEAD_OCTETS]


def test_a_named_file_of_no_kind_is_an_error(logs):
    found = find([str(logs / "notes.txt"), str(logs / "trace.pcap")], FORMATS)
    assert kinds(found.inputs, logs) == {"trace.pcap": "capture"}
    (error,) = found.errors
    assert str(error) == (
        f"{logs}/notes.txt: of no known kind: it begins with 'to whom it may concern'; if you know "
        "better, say so with --input-format (one of capture, made-up, other)"
    )


def test_a_named_file_that_is_empty_damaged_or_cannot_be_read(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8b")
    found = find([str(tmp_path / name) for name in ("empty", "broken.gz", "none")], FORMATS)
    assert found.inputs == []
    assert [
        str(error).removeprefix(f"{tmp_path}/").partition(": ")[::2] for error in found.errors
    ] == [
        ("empty", "the file is empty; capture or export again"),
        (
            "broken.gz",
            "cannot be unpacked: Compressed file ended before the end-of-stream marker "
            "was reached; unpack it by hand",
        ),
        ("none", "no such file; check the name, or give a folder or a pattern"),
    ]


def test_a_folder_without_any(tmp_path):
    (tmp_path / "notes").write_bytes(b"x")
    found = find([str(tmp_path)], FORMATS)
    assert [str(error) for error in found.errors] == [
        f"{tmp_path}: no capture and no flow log in this folder; name a file, or say --input-format"
    ]
    assert found.notes == []


def test_a_folder_that_may_be_listed_and_not_entered(tmp_path, monkeypatch):
    """The tests may run as root, who may enter everything."""
    real = finding.Path.stat

    def stat(self, **options):
        if self.name == "b":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, **options)

    for name in "abc":
        (tmp_path / name).write_bytes(log())
    monkeypatch.setattr(finding.Path, "stat", stat)
    for argument in (tmp_path, tmp_path / "[a-c]"):
        found = find([str(argument), str(tmp_path / "a")], FORMATS)
        assert str(tmp_path / "a") in [one.path for one in found.inputs]
        (error,) = found.errors
        assert str(error).endswith(": cannot be read: Permission denied")


def test_a_format_that_is_forced(logs):
    day = logs / "AWSLogs/123/vpcflowlogs/eu-west-1/2026/11/28"
    found = find([str(logs / "notes.txt"), str(logs / "trace.pcap")], FORMATS, forced="other")
    assert kinds(found.inputs, logs) == {"notes.txt": "other", "trace.pcap": "other"}
    found = find([str(logs)], FORMATS, forced="other")
    assert set(kinds(found.inputs, day)) >= {"a.log.gz", "../../../../../../../notes.txt"}
    assert "empty.log" not in kinds(found.inputs, day)
    assert set(kinds(found.inputs, logs).values()) == {"other", "capture"}
    found = find([str(logs)], FORMATS, forced="capture")
    assert sorted(os.path.basename(one.path) for one in found.inputs) == [
        ".hidden.pcap",
        "trace.pcap",
    ]


def test_a_log_that_belongs_to_another_one(logs):
    side = str(logs / "other" / "side.log")
    (error,) = find([side], FORMATS).errors
    assert str(error) == (
        f"{side}: tells of no flows by itself; name the log of made-up in the same folder that it "
        "belongs to"
    )
    (logs / "other" / "main.log").write_bytes(log())
    found = find([side, str(logs / "other" / "main.log")], FORMATS)
    assert kinds(found.inputs, logs) == {"other/main.log": "made-up"}
    assert found.errors == []


def test_a_pipe_stays_open(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(log()),))
    writer.start()
    (one,) = find([str(path)], FORMATS).inputs
    writer.join()
    assert (one.format, one.octets) == ("made-up", None)
    with open_input(one) as stream:
        assert read_fully(stream, 1 << 20) == log()


def test_a_pipe_of_no_kind_is_closed(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"hello",))
    writer.start()
    (error,) = find([str(path)], FORMATS).errors
    writer.join()
    assert "it begins with 'hello'" in str(error)


def test_standard_input_is_looked_at(monkeypatch):
    read_end, write_end = os.pipe()
    os.write(write_end, log())
    os.close(write_end)
    with open(read_end, "rb") as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        (one,) = find(["-"], FORMATS).inputs
        assert (one.name, one.format) == ("standard input", "made-up")
        with open_input(one) as stream:
            assert read_fully(stream, 1 << 20) == log()


# URLs


def test_a_url_of_a_file_is_the_file(logs):
    url = f"file://{logs}/notes%2Etxt"
    found = find([url, f"file://{logs}/other", f"file://{logs}/*.pcap"], FORMATS)
    assert kinds(found.inputs, logs) == {"other/c.zst": "other", "trace.pcap": "capture"}
    (error,) = found.errors
    assert str(error).startswith(f"{logs}/notes.txt: of no known kind")


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_objects_of_a_store(memory):
    memory.pipe("/b/2026/a.gz", gzip.compress(log()))
    memory.pipe("/b/2026/t.pcap", CAPTURE)
    memory.pipe("/b/2026/_SUCCESS", b"")
    memory.pipe("/b/2026/notes", b"x")
    memory.pipe("/b/2026/broken.gz", b"\x1f\x8b")
    found = find(["memory://b"], FORMATS)
    assert found.inputs == [
        Input("memory://b/2026/a.gz", "memory://b/2026/a.gz", len(gzip.compress(log())), "made-up"),
        Input("memory://b/2026/t.pcap", "memory://b/2026/t.pcap", len(CAPTURE), "capture"),
    ]
    assert found.notes == ["memory://b: one file of no known kind was passed over: 2026/notes"]
    (error,) = found.errors
    assert str(error).startswith("memory://b/2026/broken.gz: cannot be unpacked: ")
    with open_input(found.inputs[0]) as stream:
        assert read_fully(stream, 1 << 20) == log()


def test_objects_that_are_named_must_be_known(memory):
    memory.pipe("/b/a", log())
    memory.pipe("/b/notes", b"x")
    found = find(["memory://b/*"], FORMATS)
    assert [one.path for one in found.inputs] == ["memory://b/a"]
    assert str(found.errors[0]).startswith("memory://b/notes: of no known kind")
    found = find(["memory://b/n*"], FORMATS, forced="other")
    assert [(one.path, one.format) for one in found.inputs] == [("memory://b/notes", "other")]
    found = find(["memory://b/a", "memory://b"], FORMATS)
    assert [one.path for one in found.inputs] == ["memory://b/a"]
    assert "memory://b/a: named more than once; it is read once" in found.notes


def test_a_bucket_as_a_cloud_fills_it():
    day = "AWSLogs/123/vpcflowlogs/eu-west-1/2026/11/28"
    objects = {f"{day}/{name}.log.gz": gzip.compress(log()) for name in "cab"}
    with serving({"flows": {**objects, f"{day}/": b"", "other/x": b"x", f"{day}/empty": b""}}):
        found = find(["s3://flows"], FORMATS)
        assert found.errors == []
        assert [one.name for one in found.inputs] == [
            f"s3://flows/{day}/{name}.log.gz" for name in "abc"
        ]
        assert {one.format for one in found.inputs} == {"made-up"}
        assert found.notes == ["s3://flows: one file of no known kind was passed over: other/x"]
        with open_input(found.inputs[0]) as stream:
            assert read_fully(stream, 1 << 20) == log()
        assert finding.find(["s3://flows/AWSLogs/*/vpcflowlogs/**/a*"], FORMATS).inputs == [
            found.inputs[0]
        ]
