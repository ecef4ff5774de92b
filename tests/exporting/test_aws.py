# SPDX-License-Identifier: Apache-2.0
from exported_talk import OTHER_HOME, TALK, ends, log_of, packets
from minewatch.exporting import settings as s
from minewatch.exporting.aws import AwsText

# The table "Available fields" of the Amazon VPC User Guide, versions 2 to 5 in its order.
DOCUMENTED = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start"
    " end action log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr"
    " region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service"
    " flow-direction traffic-path"
)
EXACT = s.aws(600, capture_delay_s=0)


def lines(told, version=5):
    writer = AwsText(version)
    text = writer.head() + writer.rows(told) + writer.end()
    head, *rows = text.decode().splitlines()
    return [dict(zip(head.split(" "), row.split(" "), strict=True)) for row in rows]


def test_fields_stand_in_the_documented_order():
    assert AwsText(5).head().decode() == DOCUMENTED + "\n"
    assert AwsText(2).head().decode() == DOCUMENTED.partition(" vpc-id")[0] + "\n"


def test_a_conversation_is_two_lines_of_text():
    told = log_of(TALK, ends(), EXACT)
    interface = lines(told)[0]["interface-id"]
    known = "- - -"
    assert AwsText(5).rows(told).decode().splitlines() == [
        f"5 - {interface} 203.0.113.7 10.0.0.5 3333 40000 6 3 740 100 185 ACCEPT OK {known}"
        " 18 IPv4 203.0.113.7 10.0.0.5 - - - - - - ingress -",
        f"5 - {interface} 10.0.0.5 203.0.113.7 40000 3333 6 3 340 100 119 ACCEPT OK {known}"
        " 2 IPv4 10.0.0.5 203.0.113.7 - - - - - - egress -",
    ]
    assert AwsText(2).rows(told).decode().splitlines()[1] == (
        f"2 - {interface} 10.0.0.5 203.0.113.7 40000 3333 6 3 340 100 119 ACCEPT OK"
    )


def test_each_host_at_home_has_an_interface():
    both = ends(responder=OTHER_HOME, homes=(True, True))
    rows = lines(log_of(TALK, both, EXACT))
    seen = {(row["interface-id"], row["srcaddr"], row["flow-direction"]) for row in rows}
    assert len(seen) == 4
    for address in ("10.0.0.5", "10.0.0.6"):
        sent = {i for i, source, way in seen if source == address and way == "egress"}
        received = {i for i, source, way in seen if source != address and way == "ingress"}
        assert sent == received
    assert len({i for i, _, _ in seen}) == 2
    assert all(len(i) == 21 and i.startswith("eni-") for i, _, _ in seen)


def test_what_is_not_tcp_has_no_flags_and_icmp_no_ports():
    ping = packets((1, 84, True, 0), (2, 84, False, 0))
    rows = lines(log_of(ping, ends(protocol=1, ports=(0, 8 * 256)), EXACT))
    assert [(row["tcp-flags"], row["srcport"], row["dstport"]) for row in rows] == [
        ("0", "0", "0"),
        ("0", "0", "0"),
    ]


def test_ipv6_is_said_to_be():
    high = 0x2001_0DB8 << 32
    both = ends(initiator=(high, 2), responder=(high, 1))
    (row,) = lines(log_of(packets((1, 84, True, 2)), both, EXACT))
    assert (row["dstaddr"], row["type"]) == ("2001:db8::1", "IPv6")


def test_no_records_are_no_lines():
    assert AwsText(5).rows(log_of(packets(), ends(), EXACT)) == b""
