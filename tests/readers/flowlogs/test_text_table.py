# SPDX-License-Identifier: Apache-2.0
"""Tables of text with a line of names."""

import io

import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.columns import whole_numbers
from minewatch.readers.flowlogs.server_names import server_places
from minewatch.readers.flowlogs.text_table import TextTableSource, header_of
from minewatch.records import new_records

COLUMNS = {"port": ("port", "dport"), "host": ("host",)}


def records(frame, faults, known):
    made = new_records(frame.height)
    made["source_transport_port"] = whole_numbers(frame["port"], faults, "port", 99, missing=0)
    made["server_name"] = server_places(frame["host"], known)
    return made


def read(text, *, strict=False):
    source = TextTableSource(
        "a.csv", io.BytesIO(text.encode()), COLUMNS, ("port",), records, strict=strict
    )
    blocks = [block.copy() for block in source.read()]
    source.close()
    assert source.counters.rows_accounted == source.counters.rows_seen
    return [row for block in blocks for row in block["source_transport_port"].tolist()], source


@pytest.mark.parametrize(
    "text",
    [
        "port,host\n5,a\n6,b\n",
        "host\tDPort\na\t5\nb\t6\n",
        '"x";"port";"host"\n0;5;a\n"0;1";6;"b"\n',
        "\n \n port , host\r\n5,a\r\n\r\n6,b",
        "\ufeffport,host\n5,a\n6,b\n",
        "port,x,x,port,host\n5,,,9,a\n6,,,9,b\n",
    ],
)
def test_names_and_separators(text):
    ports, source = read(text)
    assert ports == [5, 6]
    assert source.names.servers == ["a", "b"]
    assert not source.counters.faulty


def test_the_place_of_a_fault():
    ports, source = read("\nport,host\n5,a\nx,b\n7\n100,c\n8,d\n")
    assert ports == [5, 8]
    places = [one.split("; ")[0] for one in source.counters.examples]
    assert places == [
        "a.csv:5: 1 column in a line",
        "a.csv:4: port is no number",
        "a.csv:6: port is out of range",
    ]
    assert source.counters.ignored == {"header": 1, "empty line": 1}
    with pytest.raises(SourceError, match=r"a\.csv:4: port is no number"):
        read("\nport,host\n5,a\nx,b\n", strict=True)


def test_a_header_that_comes_again():
    ports, source = read("port,host\n5,a\nport,host\n\nx,b\n6,b\n")
    assert ports == [5, 6]
    assert source.counters.ignored == {"header": 2, "empty line": 1}
    assert source.counters.examples[0].startswith("a.csv:5: ")
    assert list(read("port,host\n5,a\nport,host\n6,b\n")[1].counters.ignored) == ["header"]


@pytest.mark.parametrize("text", ["", "\n\n \n"])
def test_nothing(text):
    with pytest.raises(SourceError, match=r"a\.csv: it holds nothing; export it again"):
        read(text)


def test_a_column_that_is_missing():
    with pytest.raises(SourceError, match=r"a\.csv: column port is missing; export with"):
        read("host,other\na,b\n")


def test_header_of():
    assert header_of(b"") == ()
    assert header_of(b"\xff,a\n") == ()
    assert header_of(b"a\tb,c\td\n1") == ("a", "b,c", "d")
