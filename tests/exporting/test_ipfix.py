# SPDX-License-Identifier: Apache-2.0
import shutil
import struct
import subprocess

import polars as pl
import pytest

from exported_talk import TALK, ends, log_of, packets
from minewatch.exporting import settings as s
from minewatch.exporting.ipfix import MAX_RECORDS, IpfixFile

IPV6 = {"initiator": (0x2001_0DB8 << 32, 2), "responder": (0x2001_0DB8 << 32, 1)}


def messages(octets):
    """Split a file into messages; return each one's export time, sequence number and sets."""
    found = []
    while octets:
        version, length, time_s, sequence, domain = struct.unpack(">HHIII", octets[:16])
        assert (version, domain) == (10, 1)
        body, octets = octets[16:length], octets[length:]
        sets = []
        while body:
            number, size = struct.unpack(">HH", body[:4])
            sets.append((number, body[4:size]))
            body = body[size:]
        found.append((time_s, sequence, sets))
    return found


def written(*parts, sampling=1):
    writer = IpfixFile(sampling)
    return writer.head() + b"".join(writer.rows(part) for part in parts) + writer.end()


def test_templates_come_first_and_once():
    told = log_of(TALK, ends(), s.ipfix())
    first, *data = messages(written(told, told))
    (template_set,) = first[2]
    assert template_set[0] == 2
    fields = [(152, 8), (153, 8), (2, 8), (1, 8), (8, 4), (12, 4), (7, 2), (11, 2), (6, 2), (4, 1)]
    fields.append((136, 1))
    ipv4 = struct.pack(">HH", 256, 11) + b"".join(struct.pack(">HH", *field) for field in fields)
    assert template_set[1].startswith(ipv4)
    ipv6 = template_set[1][len(ipv4) :]
    assert ipv6 == ipv4.replace(
        struct.pack(">HHHH", 8, 4, 12, 4), struct.pack(">HHHH", 27, 16, 28, 16)
    ).replace(struct.pack(">HH", 256, 11), struct.pack(">HH", 257, 11))
    assert all(number == 256 for _, _, sets in data for number, _ in sets)


def test_a_record_is_packed_as_its_template_says():
    (_, sequence, ((number, data),)) = messages(written(log_of(TALK, ends(), s.ipfix())))[1]
    assert (sequence, number, len(data)) == (0, 256, 5 * 48)
    expected = struct.pack(
        ">QQQQ4s4sHHHBB", 100_250, 100_750, 2, 100, bytes([10, 0, 0, 5]), bytes([203, 0, 113, 7]),
        40000, 3333, 0x12, 6, 1,
    )  # fmt: skip
    assert data.startswith(expected)


def test_sampling_is_told_in_the_scope_of_the_domain():
    first = messages(written(log_of(TALK, ends(), s.ipfix()), sampling=100))[0]
    assert [number for number, _ in first[2]] == [2, 3, 258]
    fields = ((149, 4), (304, 2), (305, 4), (306, 4))
    option = struct.pack(">HHH", 258, 4, 1) + b"".join(struct.pack(">HH", *f) for f in fields)
    assert first[2][1][1] == option
    assert first[2][2][1] == struct.pack(">IHII", 1, 4, 1, 99)


def test_sequence_numbers_count_the_data_records_before():
    many = pl.concat(packets((c / 100, 40, True, 2), conversation=c) for c in range(1, 1301))
    both = pl.concat(ends(c, **(IPV6 if c > 1200 else {})) for c in range(1, 1301))
    found = messages(written(log_of(many, both, s.ipfix()), sampling=3))
    lengths = {256: 48, 257: 72}
    numbers = [(sets[-1][0], len(sets[-1][1]) // lengths[sets[-1][0]]) for _, _, sets in found[1:]]
    assert numbers == [(256, MAX_RECORDS), (256, MAX_RECORDS), (256, 176), (257, 100)]
    # The record of the options template is a data record too.
    assert [sequence for _, sequence, _ in found] == [0, 1, 513, 1025, 1201]


def test_an_export_is_not_before_what_it_tells_of():
    told = log_of(TALK, ends(), s.ipfix())
    for time_s, _, _ in messages(written(told)):
        assert time_s >= 115


def test_what_has_no_flags_has_none_in_the_file():
    told = log_of(packets((1, 90, True, 0)), ends(protocol=17), s.ipfix())
    assert told["tcp_control_bits"].to_list() == [-1]
    (_, _, ((_, data),)) = messages(written(told))[1]
    assert struct.unpack(">HBB", data[44:48]) == (0, 17, 1)


def test_a_file_without_records_has_its_templates():
    assert [sets[0][0] for _, _, sets in messages(written())] == [2]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_same(tmp_path):
    path = tmp_path / "a.ipfix"
    both = pl.concat([ends(), ends(2, protocol=17, **IPV6)])
    talk = pl.concat([TALK, packets((300, 90, True, 0), conversation=2)])
    path.write_bytes(written(log_of(talk, both, s.ipfix(sampling=1)), sampling=7))
    fields = ("srcaddr", "dstaddrv6", "packets", "octets", "srcport", "tcpflags")
    names = [arg for field in fields for arg in ("-e", f"cflow.{field}")]
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "aggregator=,", *names]
    command += ["-e", "cflow.sampling_packet_space", "-e", "_ws.malformed"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    templates, ipv4, ipv6 = (line.split("\t") for line in done.stdout.splitlines())
    assert ipv4[0] == "10.0.0.5,203.0.113.7,10.0.0.5,203.0.113.7,203.0.113.7"
    assert ipv4[2:5] == ["2,1,1,1,1", "100,60,240,540,140", "40000,3333,40000,3333,3333"]
    assert ipv6[1:5] == ["2001:db8::1", "1", "90", "40000"]
    assert templates[6] == "6"
    assert [line[7] for line in (templates, ipv4, ipv6)] == ["", "", ""]
