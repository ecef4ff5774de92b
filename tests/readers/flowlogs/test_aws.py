# SPDX-License-Identifier: Apache-2.0
import io

import polars as pl
import pytest

from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import ConfigError, SourceError
from minewatch.readers.flowlogs.aws import AwsFormat
from minewatch.readers.unpack import UnpackError

LINE = b"2 1 eni-1 10.0.0.1 192.0.2.7 1 443 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
HEADER = b"interface-id srcaddr dstaddr srcport dstport protocol start end\n"


def parquet():
    fields = HEADER.decode().split()
    values = ["eni-1", "10.0.0.1", "10.0.0.2", "1", "2", "6", "1418530010", "1418530070"]
    file = io.BytesIO()
    pl.DataFrame([values], schema=fields, orient="row").write_parquet(file)
    return file.getvalue()


def test_it_is_a_format():
    one = AwsFormat()
    assert isinstance(one, FlowFormat)
    assert (one.name, one.title) == ("aws", "AWS VPC Flow Logs")


@pytest.mark.parametrize(
    "head",
    [
        LINE,
        HEADER,
        b"\xef\xbb\xbf" + HEADER,
        b"\r\n" + LINE,
        b"5" + LINE[1:],  # of an order that cannot be known: opening it says so
        b"PAR1",
        parquet(),
        b"2014-12-14T04:06:50.000Z " + LINE,
    ],
)
def test_it_recognises(head):
    assert AwsFormat().recognises(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n",
        b"\xd4\xc3\xb2\xa1",
        b"PAR1 \x15\x04 source_address flow_start_nanoseconds",
        bytes(4096),
        b'{"records":[{"time":"2018-11-13T12:00:35Z"}]}',
        b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\n",
        b"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State\n",
        b"1.0\t10.0.0.1\t10.0.0.2\tOK\n",
        b"Received 84 packets OK from 10.0.0.1 and 10.0.0.2\n",
    ],
)
def test_it_does_not_recognise(head):
    assert not AwsFormat().recognises(head)


@pytest.mark.parametrize("data", [LINE, HEADER + b"eni-1 ::1 ::2 1 2 6 1418530010 1418530070"])
def test_text(data):
    source = AwsFormat().open("a.log", "-", io.BytesIO(data), strict=True)
    assert isinstance(source, FlowSource)
    assert source.name == "a.log"
    assert source.names.servers == []
    assert sum(map(len, source.read())) == 1
    source.close()


def test_parquet():
    stream = io.BytesIO(parquet())
    source = AwsFormat().open("a.parquet", "-", stream, strict=True)
    assert isinstance(source, FlowSource)
    assert source.names.servers == []
    assert sum(map(len, source.read())) == 1
    source.close()
    assert stream.closed


@pytest.mark.parametrize("data", [b"", b"hello", b"srcaddr dstaddr\n", parquet()[:-5]])
def test_what_cannot_be_used_is_closed(data):
    stream = io.BytesIO(data)
    with pytest.raises(SourceError, match=r"a\.log: "):
        AwsFormat().open("a.log", "-", stream, strict=False)
    assert stream.closed


class Broken(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, room):
        raise UnpackError("bad octets")


def test_a_stream_that_is_damaged_at_its_start():
    with pytest.raises(UnpackError, match="bad octets"):  # told with the name by open_flows
        AwsFormat().open("a.log", "-", Broken(), strict=False)


def test_fields_that_the_user_gives_are_those_of_a_log_without_a_header():
    fields = "srcaddr dstaddr srcport dstport protocol packets bytes start end"
    line = b"10.0.0.1 192.0.2.7 40000 3333 6 9 900 1700000000 1700000059\n"
    given = AwsFormat(fields)
    assert given.recognises(line)
    assert not AwsFormat().recognises(line)
    (records,) = given.open("a.log", "-", io.BytesIO(line), strict=True).read()
    assert records["packet_delta_count"].tolist() == [9]
    assert records["destination_transport_port"].tolist() == [3333]


def test_a_header_line_outranks_them():
    text = (
        b"srcaddr dstaddr srcport dstport protocol bytes packets start end\n"
        b"10.0.0.1 192.0.2.7 40000 3333 6 900 9 1700000000 1700000059\n"
    )
    given = AwsFormat("srcaddr dstaddr srcport dstport protocol packets bytes start end")
    (records,) = given.open("a.log", "-", io.BytesIO(text), strict=True).read()
    assert records["packet_delta_count"].tolist() == [9]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ("srcaddr dstaddr srcport dstport protocol start", "end missing"),
        ("srcaddr dstaddr source-port", "source-port is no field"),
        ("", "missing"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields, what):
    with pytest.raises(ConfigError, match=what):
        AwsFormat(fields)
