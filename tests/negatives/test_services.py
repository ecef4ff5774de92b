# SPDX-License-Identifier: Apache-2.0
"""Services that talk for hours: sessions of the simulator, all of which must stay normal."""

import pytest

from minewatch.lab.simulator.normal import KINDS
from negative_check import (
    assert_stays_normal,
    beats,
    chances,
    ordered,
    seen_of,
    simulated,
    spoken,
)

LONG = [kind.service for kind in KINDS if kind.is_long_lived and kind.protocol == 6]
# Scrapes and watches fill captures; sessions of people and polls are over before an hour is.
FEW = {"prometheus": 5, "kubernetes-watch": 5}
SHORT = ("ssh-interactive", "ssh-tunnel", "ssh-tunnel-out", "long-poll")


@pytest.mark.parametrize("service", LONG)
def test_long_lived_service_stays_normal(service, tmp_path):
    n = FEW.get(service, 16)
    made = simulated(service, n=n, hours=8.0)
    assert_stays_normal(tmp_path, made, min(8, n), 0 if service in SHORT else 2)


def test_vpn_keepalive_over_udp_is_not_even_scored(tmp_path):
    assert seen_of(tmp_path, simulated("vpn")) == []


def tls_records(rng, *lengths):
    """Return application data of TLS 1.3, records of the given plain lengths."""
    return b"".join(
        b"\x17\x03\x03%b%b" % ((n + 17).to_bytes(2, "big"), rng.bytes(n + 17)) for n in lengths
    )


def hello(rng):
    """Return the first messages of a TLS handshake, as far as their records go."""
    client = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.bytes(505)
    server = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + rng.bytes(116)
    return [
        (0.2, False, client),
        (0.3, True, server + tls_records(rng, int(rng.integers(1800, 3600)))),
        (0.4, False, tls_records(rng, 53)),
    ]


def dns_over_tls(rng, length):
    """A resolver's upstream: bursts of padded questions (RFC 8467), answers of 468 or more."""
    said = hello(rng)
    for at in chances(rng, length, float(rng.uniform(20, 90))):
        for _ in range(int(rng.geometric(0.4))):
            at += float(rng.exponential(0.15))
            said.append((at, False, tls_records(rng, 130)))
            lag = float(rng.choice([0.03, 0.2]))
            said.append((at + lag, True, tls_records(rng, 470 * int(rng.choice([1, 1, 1, 2])))))
    return ordered(said)


def test_dns_over_tls_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(dns_over_tls, 853))


def vpn_over_tcp(rng, length):
    """OpenVPN over TCP, idle: a ping of 16 octets in its frame every 10 s, both ways."""
    said = hello(rng)
    for way, shift in ((False, 0.0), (True, 3.1)):
        for at in beats(rng, length, 10.0, 0.05):
            said.append((at + shift, way, b"\x00\x28\x30" + rng.bytes(39)))
    for at in chances(rng, length, 1500):
        for _ in range(6):
            at += float(rng.exponential(0.1))
            said.append((at, bool(rng.random() < 0.5), int(rng.integers(90, 1300))))
    return ordered(said)


def test_vpn_keepalive_over_tcp_stays_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(vpn_over_tcp, 443))


ROWS = (
    b'{"id":1,"method":"mining.subscribe","params":["cgminer/4.10.0"]}',
    b'{"params":["bf","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000",'
    b'"01000000010000","072f736c7573682f",[],"00000002","1c2ac4af","504e86b9",false],'
    b'"id":null,"method":"mining.notify"}',
    b'{"id":4,"method":"mining.submit","params":["slush.miner1","bf","00000001","504e86ed",'
    b'"b2957c02"]}',
    b"stratum+tcp://pool.example:3333 -u wallet.rig -p x --algo rx/0",
)


def database_rows(rng, length):
    """PostgreSQL: a client that reads and writes rows in which somebody keeps Stratum messages."""
    said = [
        (0.2, False, b"\x00\x00\x00\x29\x00\x03\x00\x00user\x00app\x00database\x00ioc\x00\x00"),
        (0.3, True, b"R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I"),
    ]
    for at in chances(rng, length, float(rng.uniform(20, 60))):
        sql = b"SELECT body FROM sample WHERE id=%d\x00" % rng.integers(1, 10**6)
        if rng.random() < 0.3:
            sql = b"INSERT INTO sample(body) VALUES ('%b')\x00" % ROWS[int(rng.integers(0, 4))]
        said.append((at, False, b"Q" + (len(sql) + 4).to_bytes(4, "big") + sql))
        rows = b""
        for i in rng.integers(0, len(ROWS), int(rng.integers(1, 12))):
            row = b"\x00\x01" + len(ROWS[i]).to_bytes(4, "big") + ROWS[i]
            rows += b"D" + (len(row) + 4).to_bytes(4, "big") + row
        done = b"C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I"
        said.append((at + float(rng.exponential(0.01)) + 0.001, True, rows + done))
    return ordered(said)


def test_database_rows_that_contain_stratum_methods_stay_normal(tmp_path):
    assert_stays_normal(tmp_path, spoken(database_rows, 5432))


def test_a_log_shipper_of_mining_messages_stays_normal(tmp_path):
    """JSON lines, a new connection's first words, each with a pool's message as a text within."""

    def shipper(rng, length):
        said = []
        for at in chances(rng, length, 12.0):
            body = ROWS[int(rng.integers(0, 4))].replace(b'"', b'\\"')
            line = b'{"ts":%d,"level":"info","msg":"%b"}\n' % (int(at * 1000), body)
            said += [(at, False, line), (at + 0.02, True, b'{"ack":%d}\n' % int(at * 1000))]
        return ordered(said)

    assert_stays_normal(tmp_path, spoken(shipper, 5170))
