# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.metering import text_records as words
from minewatch.readers.flowlogs.aws_fields import (
    DEFAULT_FIELDS,
    KNOWN_FIELDS,
    is_header,
    layout_of,
    layout_without_header,
    names_of,
    resembles_a_log,
)

HEADER = " ".join(DEFAULT_FIELDS)
LINE = "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 {}"


@pytest.mark.parametrize(
    "line",
    [
        HEADER,
        HEADER.replace("-", "_"),
        " ".join(f"${{{name}}}" for name in DEFAULT_FIELDS),
        "srcaddr dstaddr",
        "version srcaddr a-field-that-aws-will-add",
        " ".join(sorted(KNOWN_FIELDS)),
    ],
)
def test_header(line):
    assert is_header(line)
    assert names_of(line)[0] in KNOWN_FIELDS


@pytest.mark.parametrize(
    "line",
    [
        "",
        "version",
        LINE.format("ACCEPT OK"),
        "start of the end",
        "srcaddr dstaddr one two",
        "srcaddr " * 257,
    ],
)
def test_no_header(line):
    assert not is_header(line)


def test_the_places_of_fields():
    layout = layout_of(DEFAULT_FIELDS)
    assert layout.missing == ()
    assert layout.words[words.FIELDS] == 14
    assert layout.words[words.SOURCE] == 3
    assert layout.words[words.STATUS] == 13
    assert layout.words[words.OBSERVERS] == 2
    assert layout.words[words.OBSERVERS + 1] == 1
    assert layout.words[words.OBSERVERS + 2] == -1
    for absent in (words.PACKET_SOURCE, words.FLAGS, words.VERSION, words.ATTACHMENT):
        assert layout.words[absent] == -1


def test_the_first_of_two_fields_of_one_name_counts():
    layout = layout_of([*DEFAULT_FIELDS, "srcaddr"])
    assert layout.words[words.SOURCE] == 3


def test_a_transit_gateway_is_observed_at_its_attachments():
    layout = layout_of([*DEFAULT_FIELDS, "tgw-attachment-id", "tgw-id"])
    assert layout.words[words.OBSERVERS] == 15
    assert layout.words[words.ATTACHMENT] == 14
    assert layout.words[words.OBSERVERS + 1] == -1
    assert layout.words[words.TELLS_ACK] == 1


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        (DEFAULT_FIELDS, ()),
        ("pkt-srcaddr pkt-dstaddr srcport dstport protocol start end".split(), ()),
        ([f for f in DEFAULT_FIELDS if f != "dstaddr"], ("dstaddr",)),
        ([f for f in DEFAULT_FIELDS if f not in {"start", "protocol"}], ("protocol", "start")),
    ],
)
def test_what_is_missing(fields, missing):
    assert layout_of(fields).missing == missing


def test_the_default_order_needs_no_header():
    for end in ("ACCEPT OK", "- NODATA", "REJECT OK"):
        layout = layout_without_header(LINE.format(end))
        assert layout is not None
        assert layout.fields == tuple(DEFAULT_FIELDS)
        assert layout.words[words.VERSION] == 0


def test_an_export_of_cloudwatch_has_a_time_before_each_line():
    layout = layout_without_header(f"2014-12-14T04:06:50.000Z {LINE.format('ACCEPT OK')}")
    assert layout is not None
    assert layout.words[words.FIELDS] == 15
    assert layout.words[words.SOURCE] == 4
    assert layout.words[words.VERSION] == 1


@pytest.mark.parametrize(
    "line",
    [
        "",
        LINE.format("ACCEPT"),
        LINE.format("ACCEPT OK vpc-1"),
        LINE.format("OK ACCEPT"),
        LINE.format("ACCEPT OK").replace("2 ", "3 ", 1),
        f"yesterday {LINE.format('ACCEPT OK')}",
    ],
)
def test_another_order_cannot_be_known(line):
    assert layout_without_header(line) is None


def test_what_resembles_a_log():
    assert resembles_a_log(f"3{LINE.format('ACCEPT OK vpc-1 ingress')[1:]}")
    assert resembles_a_log("3 1 - - - - - 1755592533 1755592558 12 SKIPDATA")
    assert not resembles_a_log('{"status": "OK", "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}')
    assert not resembles_a_log(LINE.format("ACCEPT FINE"))
