# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.testing import conversations
from minewatch.training.labels import COLUMNS, mapped_network, read_labels

HEADER = "\t".join(COLUMNS)


@pytest.fixture
def write(tmp_path):
    def write(*lines, header=HEADER):
        path = tmp_path / "labels.tsv"
        path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
        return path

    return write


def test_the_first_row_that_matches_labels(write):
    path = write(
        "a.pcap\tlab\tmining\t198.51.100.1\t3333\t6\tMIT",
        "b.pcap\tweb\tnormal",
        "a.pcap\tlab\tskip\t10.0.0.0/8\t22",
        "# a comment",
        "a.pcap\tlab\tnormal",
    )
    first, second = read_labels(path)
    assert (first.path, first.name, first.licence) == (path.parent / "a.pcap", "a.pcap", "MIT")
    given = conversations(
        5,
        destination_transport_port=[3333, 3333, 22, 443, 443],
        source_transport_port=[40_000, 40_000, 40_000, 22, 3333],
        protocol_identifier=[6, 17, 6, 6, 6],
    )
    labels, sources = first.label(given.frame)
    # UDP; port 22 of the other endpoint; port 22 of the address; port 3333 of the other endpoint
    assert labels.tolist() == [1, 0, 0, -1, 0]
    assert sources == ["lab"] * 5
    assert second.label(given.frame)[0].tolist() == [0] * 5


def test_what_no_row_matches_is_skipped(write):
    (capture,) = read_labels(write("a.pcap\tlab\tmining\t\t3333"))
    labels, sources = capture.label(conversations(1).frame)
    assert (labels.tolist(), sources) == ([-1], [""])


def test_columns_may_be_left_out_and_reordered(write):
    (capture,) = read_labels(write("mining\ta.pcap\tx", header="label\tcapture\tsource"))
    assert capture.rules[0].label == 1


def test_an_absolute_path_stays_one(write):
    assert read_labels(write("/data/a.pcap\tx\tnormal"))[0].path.as_posix() == "/data/a.pcap"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.pcap\tx\tbenign", r"labels\.tsv:2: label 'benign'"),
        ("\tx\tnormal", "capture is empty"),
        ("a.pcap\t\tnormal", "source is empty"),
        ("a.pcap\tx\tnormal\t10.0.0.300", r":2: .*10\.0\.0\.300"),
        ("a.pcap\tx\tnormal\t10.0.0.1/8", "host bits"),
        ("a.pcap\tx\tnormal\t\t65536", "port '65536'"),
        ("a.pcap\tx\tnormal\t\t-1", "port '-1'"),
        ("a.pcap\tx\tnormal\t\t\ttcp", "protocol 'tcp'"),
        ("a.pcap\tx\tnormal\t\t\t\t\textra", "8 cells"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(write, line, message):
    with pytest.raises(ConfigError, match=message):
        read_labels(write(line))


@pytest.mark.parametrize("header", ["capture\tlabel", f"{HEADER}\tweight", f"{HEADER}\tlabel"])
def test_wrong_columns_are_refused(write, header):
    with pytest.raises(ConfigError, match="the columns are"):
        read_labels(write(header=header))


def test_an_empty_or_missing_or_binary_file_is_refused(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, message in (("empty", "empty"), ("gone", "cannot be read"), ("binary", "as text")):
        with pytest.raises(ConfigError, match=message):
            read_labels(tmp_path / name)


def test_networks_of_both_families():
    assert str(mapped_network("2001:db8::/32")) == "2001:db8::/32"
    assert mapped_network("0.0.0.0/0").prefixlen == 96
