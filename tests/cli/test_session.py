# SPDX-License-Identifier: Apache-2.0
import io
import sys

import pytest

from made_up_logs import MadeUpFormat, log
from minewatch.cli.session import InputGroup, Session
from minewatch.errors import ConfigError, SourceError
from minewatch.readers.formats import open_flows
from minewatch.readers.source import Input

FORMATS = (MadeUpFormat(), MadeUpFormat("other", b"#other"))


def test_every_good_input_is_run_and_every_bad_one_counted(mining_pcap, benign_pcap, capsys):
    session = Session.of(["gone", str(mining_pcap), str(benign_pcap)], quiet=True)
    seen = []

    def action(source):
        seen.append(source.path)
        if source.path == str(mining_pcap):
            raise SourceError(source.name, "damaged; capture again")

    session.run(action)
    assert seen == [str(mining_pcap), str(benign_pcap)]
    assert session.n_failed == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("minewatch: gone: no such file")
    assert second == f"minewatch: {mining_pcap}: damaged; capture again"


def test_an_input_is_never_overwritten(run, mining_pcap, tmp_path):
    before = mining_pcap.read_bytes()
    link = tmp_path / "link.pcap"
    link.symlink_to(mining_pcap)
    for command in ("scan", "meter"):
        result = run(command, mining_pcap, "-o", link)
        assert result.exit_code == 2
        assert result.stderr == (
            f"minewatch: -o {link}: this is one of the inputs; name another file\n"
        )
    assert mining_pcap.read_bytes() == before


def test_a_pipe_may_be_an_output(run, mining_pcap):
    assert run("meter", mining_pcap, "-o", "/dev/null").exit_code == 0


# Flow logs


@pytest.fixture
def logs(tmp_path):
    """Logs of two formats, one that is refused, and a file of no kind."""
    (tmp_path / "deep").mkdir()
    for name, data in {
        "a.log": log(2),
        "b.log": b"#made-up\nrefuse\n",
        "deep/c.log": log(3),
        "other.log": log(1, b"#other"),
        "labels.tsv": b"x",
    }.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_logs_of_one_format_are_handed_over_together(logs, mining_pcap):
    session = Session.of([str(logs), str(mining_pcap)], True, FORMATS)
    assert [
        (group.name, group.format, [one.name for one in group.inputs]) for group in session.groups()
    ] == [
        (
            f"{logs} (3 files)",
            "made-up",
            [f"{logs}/{name}" for name in ("a.log", "b.log", "deep/c.log")],
        ),
        (f"{logs}/other.log", "other", [f"{logs}/other.log"]),
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["s3://flows/x/a.gz", "s3://flows/x/y/b.gz"], "s3://flows/x (2 files)"),
        (["s3://flows/a", "gs://flows/a"], "made-up (2 files)"),
        (["a", "b"], "made-up (2 files)"),
        (["/logs/one/a", "/logs/other/a"], "/logs (2 files)"),
        (["standard input", "x/a"], "made-up (2 files)"),
        (["x/a"], "x/a"),
    ],
)
def test_the_name_of_a_group(names, expected):
    inputs = [Input(name, name, 1, "made-up") for name in names]
    assert [group.name for group in Session(inputs, quiet=True).groups()] == [expected]


def test_a_capture_is_no_group_and_a_log_is_no_capture(logs, mining_pcap):
    session = Session.of([str(logs / "a.log"), str(mining_pcap)], True, FORMATS)
    captures, groups = [], []
    session.run(captures.append)
    session.run_flows(groups.append)
    assert [one.name for one in captures] == [str(mining_pcap)]
    assert [group.name for group in groups] == [str(logs / "a.log")]


def test_a_bad_file_of_a_group_is_reported_and_the_others_are_read(logs, capsys):
    session = Session.of([str(logs), "gone"], False, FORMATS)
    rows = []

    def action(group: InputGroup) -> None:
        for one in group.inputs:
            try:
                rows.extend(len(block) for block in open_flows(one, FORMATS, None, False).read())
            except SourceError as error:
                session.fail(error)

    session.run_flows(action)
    assert rows == [2, 3, 1]
    assert session.n_failed == 2
    assert capsys.readouterr().err.splitlines() == [
        "minewatch: gone: no such file; check the name, or give a folder or a pattern",
        f"minewatch: {logs}: one file of no known kind was passed over: labels.tsv",
        f"minewatch: {logs}/b.log: refused; write something else",
    ]


def test_a_group_that_cannot_be_read_does_not_stop_the_next(logs, capsys):
    session = Session.of([str(logs)], True, FORMATS)
    seen = []

    def action(group):
        seen.append(group.format)
        raise SourceError(group.name, "no")

    session.run_flows(action)
    assert (seen, session.n_failed) == (["made-up", "other"], 2)
    assert capsys.readouterr().err.splitlines() == [
        f"minewatch: {logs} (3 files): no",
        f"minewatch: {logs}/other.log: no",
    ]


def test_a_forced_format(logs):
    session = Session.of([str(logs / "labels.tsv")], True, FORMATS, "other")
    assert [group.format for group in session.groups()] == ["other"]
    with pytest.raises(ConfigError, match="--input-format 'x': not known; one of capture, made-up"):
        Session.of([str(logs)], True, FORMATS, "x")


def test_no_bar_is_shown_for_nothing(monkeypatch, logs):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    session = Session.of([str(logs / "a.log")], False, FORMATS)
    session.run(pytest.fail)
    assert sys.stderr.getvalue() == ""


def test_progress_goes_on_with_each_log(monkeypatch, logs):
    session = Session.of([str(logs / "a.log"), str(logs / "deep/c.log")], True, FORMATS)
    begun = []
    monkeypatch.setattr(session.progress, "begin", lambda one, of: begun.append((one.name, of)))
    (group,) = session.groups()
    opened = list(session.opened(group))
    assert begun == [(flows.name, flows.counters) for flows in opened]
    assert len(begun) == 2


def test_a_log_that_cannot_be_opened_is_reported_and_the_next_one_is(logs, capsys):
    session = Session.of([str(logs / "a.log"), str(logs / "deep/c.log")], True, FORMATS)
    (group,) = session.groups()
    (logs / "a.log").unlink()
    assert [sum(map(len, flows.read())) for flows in session.opened(group)] == [3]
    assert session.n_failed == 1
    expected = f"minewatch: {logs}/a.log: cannot be opened: No such file or directory\n"
    assert capsys.readouterr().err == expected
    with pytest.raises(SourceError, match="cannot be opened"):
        list(session.opened(group, strict=True))
