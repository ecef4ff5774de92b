# SPDX-License-Identifier: Apache-2.0
"""Where messages end, and what is none."""

import pytest

import packets as p
from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    flow_sample,
    ipfix,
    ipfix_flows,
    raw_header,
    sflow,
    v5,
    v5_record,
    v9,
    v9_flows,
)
from minewatch.readers.netflow.messages import looks_like_messages, message_octets

SAMPLE = flow_sample(raw_header(p.ether(p.ipv4(p.A, p.B, 17, p.udp(1, 2)))))
MESSAGES = {
    "v5": v5(v5_record(), v5_record()),
    "v9": v9_flows(PLAIN, PLAIN_VALUES),
    "ipfix": ipfix_flows(PLAIN, PLAIN_VALUES),
    "empty ipfix": ipfix() + b"\0" * 4,
    "sflow": sflow(SAMPLE, SAMPLE),
    "sflow of ipv6": sflow(SAMPLE, agent="2001:db8::1"),
}


@pytest.mark.parametrize("name", ["v5", "v9", "ipfix", "sflow", "sflow of ipv6"])
@pytest.mark.parametrize("after", ["v5", "v9", "ipfix"])
def test_a_message_ends_where_the_next_begins(name, after):
    data = MESSAGES[name] + MESSAGES[after]
    assert message_octets(memoryview(data)) == len(MESSAGES[name])


@pytest.mark.parametrize("name", ["v5", "ipfix", "sflow"])
def test_a_cut_message_is_longer_than_what_is_there(name):
    cut = memoryview(MESSAGES[name])[:-3]
    assert message_octets(cut) > len(cut)


def test_an_ipfix_message_may_be_empty():
    assert message_octets(memoryview(MESSAGES["empty ipfix"])) == 16


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\5\0\1",
        b"\0\7" + bytes(60),
        v5(v5_record(), n=0),
        v5(v5_record(), n=31),
        v5(v5_record())[:12] + b"\xff\xff\xff\xff" + bytes(100),
        v9() + bytes(8),
        v9(b"\0\2\0\x08" + bytes(4)),
        ipfix(octets=15) + bytes(8),
        ipfix(b"\0\7\0\x08" + bytes(4)),
        ipfix(b"\0\2\0\x40" + bytes(4)),
        sflow(SAMPLE, n=5000),
        b"\0\0\0\4" + bytes(60),
        b"\0\0\0\5\0\0\0\3" + bytes(60),
        sflow(b"\0\0\0\x09\0\0\0\4" + bytes(4)),
        sflow(b"\0\0\0\1\xff\xff\xff\xff" + bytes(4)),
        b"date,source\n10.0.0.1,10.0.0.2\n",
    ],
    ids=range(17),
)
def test_what_is_no_message(data):
    assert message_octets(memoryview(data)) == 0
    assert not looks_like_messages(data)


def test_a_file_of_messages_is_recognised_by_all_of_its_head():
    whole = b"".join(MESSAGES[name] for name in ("v5", "v9", "ipfix", "sflow"))
    assert looks_like_messages(whole)
    assert looks_like_messages(whole[:-50])
    assert looks_like_messages(whole + bytes(300))
    assert not looks_like_messages(whole + b"and now for something else")
