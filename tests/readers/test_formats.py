# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packets as p
from made_up_logs import MadeUpFormat, MadeUpFormatWithSideLogs, log
from minewatch import registry
from minewatch.errors import ConfigError, SourceError
from minewatch.readers import formats
from minewatch.readers.formats import (
    CAPTURE,
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


def test_octets_are_told_of_a_log_that_cannot_be_read_to_its_end(tmp_path):
    data = gzip.compress(log() + b"refuse\n")
    source = open_flows(written(tmp_path, data), [FIRST], None, False)
    with pytest.raises(SourceError, match="refused"):
        records_of(source)
    assert source.counters.octets_read == len(data)
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


# Formats that are built in

FLOW = ["1542110379,10.0.0.5,203.0.113.9,59932,3333,T,O,A,E,1,66,1,66"]
NSG = {
    "time": "2026-11-28T12:00:35Z",
    "category": "NetworkSecurityGroupFlowEvent",
    "properties": {
        "Version": 2,
        "flows": [{"rule": "r", "flows": [{"mac": "000D3AF87856", "flowTuples": FLOW}]}],
    },
}
VNET = {
    "time": "2026-11-28T12:00:52Z",
    "flowLogVersion": 4,
    "macAddress": "00224871C205",
    "category": "FlowLogFlowEvent",
    "flowRecords": {"flows": [{"aclID": "a", "flowGroups": [{"rule": "r", "flowTuples": FLOW}]}]},
}
GCP = {
    "insertId": "a",
    "jsonPayload": {
        "bytes_sent": "1776",
        "connection": {"src_ip": "10.0.0.5", "dest_ip": "203.0.113.9", "protocol": 6},
        "reporter": "SRC",
        "start_time": "2026-06-14T03:45:37.18Z",
        "end_time": "2026-06-14T03:45:37.3Z",
        "packets_sent": "7",
    },
    "logName": "projects/p/logs/compute.googleapis.com%2Fvpc_flows",
}
ZEEK = {
    "ts": 1547188415.8,
    "uid": "C1",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": 38339,
    "id.resp_h": "203.0.113.9",
    "id.resp_p": 3333,
    "proto": "tcp",
    "conn_state": "SF",
}
EVE = {
    "timestamp": "2026-06-06T15:59:46.457984+0200",
    "flow_id": 1,
    "event_type": "flow",
    "src_ip": "10.0.0.5",
    "dest_ip": "203.0.113.9",
    "proto": "TCP",
    "flow": {"pkts_toserver": 1, "bytes_toserver": 60},
}
JOY = {
    "sa": "10.0.0.5",
    "da": "203.0.113.9",
    "pr": 6,
    "sp": 4242,
    "dp": 3333,
    "bytes_out": 5,
    "num_pkts_out": 2,
    "time_start": 1547188415.8,
    "time_end": 1547188416.8,
}
NETFLOW_5 = bytes.fromhex("00050001") + bytes(4) + (1_700_000_000).to_bytes(4, "big") + bytes(60)
EXPORT = p.Frame(p.ether(p.ipv4("10.0.0.1", "10.0.0.2", 17, p.udp(2055, 2055, NETFLOW_5))))


def line(document):
    return json.dumps(document).encode() + b"\n"


HEADS = {
    "aws": b"2 123456789010 eni-1 10.0.0.5 203.0.113.9 41022 3333 6 9 4249 1418530010 1418530070 "
    b"ACCEPT OK\n",
    "aws with a header": b"version account-id interface-id srcaddr dstaddr srcport dstport\n",
    "azure-nsg": line({"records": [NSG]}),
    "azure-nsg a line": line(NSG),
    "azure-vnet": line({"records": [VNET]}),
    "azure-vnet a line": line(VNET),
    "gcp": line(GCP),
    "zeek": b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\n",
    "zeek as JSON": line(ZEEK),
    "suricata": line(EVE),
    "argus": b"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,"
    b"TotBytes,SrcBytes,SrcPkts,Label\n",
    "joy": line(JOY),
    "nfstream": b"id,src_ip,src_port,dst_ip,dst_port,protocol,bidirectional_packets,"
    b"bidirectional_bytes\n",
    "netflow": NETFLOW_5,
    "netflow in a capture": p.pcap([EXPORT]),
    "nfcapd": bytes.fromhex("0ca50100") + bytes(200),
}
OF_NO_FORMAT = {
    "capture": p.pcap([p.tcp_frame()]),
    "capture in the next generation": p.pcapng([p.tcp_frame()]),
    "empty": b"",
    "text": b"# Flow logs\n\nA text about version, srcaddr and src_ip.\n",
    "JSON": b'{"records": []}',
    "JSON Lines": b'{"time": "2026-11-28", "message": "hello"}\n',
    "CSV": b"indicator,type,port\n203.0.113.9,ip,3333\n",
    "times of blocks": b"1603311580,2213431\n1603311600,2213432\n",
    "archive": b"PK\x03\x04" + bytes(100),
}
BUILT_IN = [kind() for kind in registry.FLOW_FORMATS]


@pytest.mark.parametrize("name", HEADS)
def test_each_input_is_recognised_by_its_format_and_by_no_other(name):
    wanted = name.split()[0]
    assert [one.name for one in BUILT_IN if one.recognises(HEADS[name])] == [wanted]
    assert kind_of(HEADS[name], BUILT_IN) == wanted
    assert beside_of("conn.log", HEADS[name], BUILT_IN) is None


@pytest.mark.parametrize("name", OF_NO_FORMAT)
def test_what_no_format_recognises(name):
    assert [one.name for one in BUILT_IN if one.recognises(OF_NO_FORMAT[name])] == []


def test_the_names_of_formats_are_different_and_none_is_of_a_capture():
    names = [one.name for one in BUILT_IN]
    assert len({*names, CAPTURE}) == len(names) + 1


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda head, start, end, noise: head[:start] + noise + head[end:],
            st.sampled_from([*HEADS.values(), *OF_NO_FORMAT.values()]),
            st.integers(0, 300),
            st.integers(0, 400),
            st.binary(max_size=8),
        ),
    )
)
def test_no_head_is_too_strange_to_be_looked_at(head):
    for one in BUILT_IN:
        assert one.recognises(head) in (True, False)
    beside_of("x", head, BUILT_IN)
