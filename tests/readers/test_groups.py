# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.readers.groups import groups_of
from minewatch.readers.source import Input


def test_logs_of_one_format_are_a_group_and_captures_are_none():
    names = [("x/a.log", "aws"), ("a.pcap", "capture"), ("conn.log", "zeek"), ("x/b.log", "aws")]
    inputs = [Input(name, name, 1, format) for name, format in names]
    assert [
        (group.name, group.format, [one.name for one in group.inputs])
        for group in groups_of(inputs)
    ] == [
        ("x (2 files)", "aws", ["x/a.log", "x/b.log"]),
        ("conn.log", "zeek", ["conn.log"]),
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["s3://flows/x/a.gz", "s3://flows/x/y/b.gz"], "s3://flows/x (2 files)"),
        (["s3://flows/a", "gs://flows/a"], "aws (2 files)"),
        (["a", "b"], "aws (2 files)"),
        (["/logs/one/a", "/logs/other/a"], "/logs (2 files)"),
        (["standard input", "x/a"], "aws (2 files)"),
        (["x/a"], "x/a"),
    ],
)
def test_the_name_of_a_group(names, expected):
    inputs = [Input(name, name, 1, "aws") for name in names]
    assert [group.name for group in groups_of(inputs)] == [expected]
