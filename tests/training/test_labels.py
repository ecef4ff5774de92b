# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.testing import conversations
from minewatch.training.labels import (
    ALL_COLUMNS,
    ATTRIBUTES,
    COLUMNS,
    MAX_ATTRIBUTE,
    MAX_CELL,
    read_labels,
)
from minewatch.training.rules import mapped_network

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
        ("a.pcap\tx\tnormal\t10.0.0.1/8", r"address '10\.0\.0\.1/8': .*host bits.*; an address"),
        ("a.pcap\tx\x1b[2J\tnormal\t", "source: at most 200 printable"),
        ("a.pcap\tx\tnormal\t\t65536", "port '65536'"),
        ("a.pcap\tx\tnormal\t\t\u0663", "port"),
        (f"a.pcap\tx\tnormal\t\t{'9' * 4000}", "port"),
        ("a" * (MAX_CELL + 1), r":2: a cell of more than"),
        ("a.pcap\tx\0\tnormal", r":2: a cell of more than"),
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


FULL = "\t".join(ALL_COLUMNS)


def test_attributes_of_each_conversation(write):
    (capture,) = read_labels(
        write(
            "a.pcap\tlab\tmining\t203.0.113.9\t3333\t6\t\t10.0.0.1\tmining\tDOGE\trx/0"
            "\tcryptonote\ttcp\tpool-1\tminer-1\tpadding+jitter\tweb-1",
            "a.pcap\tlab\tnormal\t\t\t\t\t10.0.0.2\tpostgresql-idle",
            "a.pcap\tlab\tskip\t\t22",
            header=FULL,
        )
    )
    low = 0xFFFF_CB00_7109
    frame = conversations(
        4,
        destination_address_low=[low, low, low, low + 1],
        source_address_low=[0xFFFF_0A00_0001, 0xFFFF_0A00_0002, 0xFFFF_0A00_0003, 7],
        destination_transport_port=[3333, 3333, 22, 443],
    ).frame
    told = capture.attributes(frame)
    assert told.columns == ["label", "source", *ATTRIBUTES, "is_initiator_labelled"]
    assert told["label"].to_list() == ["mining", "normal", "skip", None]
    assert told["source"].to_list() == ["lab", "lab", "lab", None]
    assert told.row(0) == (
        *("mining", "lab", "mining", "DOGE", "rx/0", "cryptonote", "tcp", "pool-1", "miner-1"),
        *("padding+jitter", "web-1", False),
    )
    assert told["service"].to_list() == ["mining", "postgresql-idle", None, None]
    assert told["pool"].null_count() == 3
    labels, sources = capture.label(frame)
    assert (labels.tolist(), sources) == ([1, 0, -1, -1], ["lab", "lab", "lab", ""])


@pytest.mark.parametrize("text", ["x" * (MAX_ATTRIBUTE + 1), "a\x1b[2J"])
def test_an_attribute_is_short_and_printable(write, text):
    with pytest.raises(ConfigError, match=r":2: host: at most 200 printable"):
        read_labels(write(f"a.pcap\tx\tnormal\t{text}", header="capture\tsource\tlabel\thost"))


def test_a_peer_that_is_no_address_is_refused(write):
    with pytest.raises(ConfigError, match=r":2: .*web-1"):
        read_labels(write("a.pcap\tx\tnormal\tweb-1", header="capture\tsource\tlabel\tpeer"))
