# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.exporting.zeek_states import conn_state

FIN, SYN, RST, ACK = 1, 2, 4, 16


def state(sent, answered, *, protocol=6, packets=(1, 1)):
    frame = pl.DataFrame(
        {
            "tcp_control_bits": [sent],
            "reverse_tcp_control_bits": [answered],
            "packet_delta_count": [packets[0]],
            "reverse_packet_delta_count": [packets[1]],
            "protocol_identifier": [protocol],
        }
    )
    return frame.select(conn_state()).item()


# As Zeek's documentation describes each state.
@pytest.mark.parametrize(
    ("sent", "answered", "expected"),
    [
        (SYN | ACK, SYN | ACK, "S1"),
        (SYN | ACK | FIN, SYN | ACK | FIN, "SF"),
        (SYN, RST | ACK, "REJ"),
        (SYN | ACK | FIN, SYN | ACK, "S2"),
        (SYN | ACK, SYN | ACK | FIN, "S3"),
        (SYN | ACK | RST, SYN | ACK, "RSTO"),
        (SYN | ACK, SYN | ACK | RST, "RSTR"),
        (ACK, ACK, "OTH"),
        (ACK, SYN | ACK | FIN, "SHR"),
        (SYN, ACK, "OTH"),
    ],
)
def test_flags_tell_the_state(sent, answered, expected):
    assert state(sent, answered) == expected


@pytest.mark.parametrize(
    ("sent", "expected"), [(SYN, "S0"), (SYN | RST, "RSTOS0"), (SYN | FIN, "SH")]
)
def test_without_an_answer(sent, expected):
    assert state(sent, 0, packets=(1, 0)) == expected


@pytest.mark.parametrize(("packets", "expected"), [((1, 1), "SF"), ((1, 0), "S0"), ((0, 1), "SHR")])
def test_udp_is_told_by_who_sent(packets, expected):
    assert state(-1, -1, protocol=17, packets=packets) == expected


def test_other_protocols_have_none():
    assert state(-1, -1, protocol=1) == "OTH"
