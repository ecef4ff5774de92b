# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.decoders.tls import TlsDecoder
from minewatch.lab.simulator.tls import (
    CLIENTS,
    Client,
    client_hello,
    renewed,
    second_flight,
    server_flight,
    versions,
)
from minewatch.lab.simulator.tls_records import TLS12, TLS13
from minewatch.lab.tls import Version
from minewatch.types import Payload, Segment


def decode(hello: bytes, flight: bytes = b"") -> dict[str, object]:
    segments = [Segment(0, True, 1, len(hello), hello), Segment(1, False, 1, len(flight), flight)]
    return dict(TlsDecoder().decode(Payload(6, segments[: 1 + bool(flight)])) or {})


def test_a_miners_hello_is_xmrigs():
    """297 octets on the wire of XMRig 6.26, and no server name."""
    hello = client_hello("miner", "1.3", None)
    assert len(hello) == 297
    assert decode(hello)["tls_sni"] is None


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_hellos_name_the_server(client: Client, version: Version):
    row = decode(client_hello(client, version, "www.example"))
    assert row["tls_sni"] == "www.example"
    assert row["tls_version"] == f"TLS {version}"


def test_clients_have_fingerprints_of_their_own():
    rows = [decode(client_hello(client, "1.3", None)) for client in ("miner", *CLIENTS)]
    assert len({row["tls_ja4"] for row in rows}) == 5


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_renewed_hellos_differ_only_in_what_is_random(version: Version):
    hello = client_hello("miner", version, None)
    made = renewed(hello, 50, np.random.default_rng(1))
    first, second = made[0].tobytes(), made[1].tobytes()
    assert first != second
    assert decode(first)["tls_ja3"] == decode(second)["tls_ja3"] == decode(hello)["tls_ja3"]
    changed = (made != made[0]).any(axis=0).sum()
    assert changed == (96 if version == "1.3" else 32)


def test_the_flight_of_tls13_is_as_long_as_measured():
    """With its certificate of 787 octets the lab's XMRig pool sent 1,343."""
    rng = np.random.default_rng(0)
    lengths = {server_flight(TLS13, "a", 787, rng, is_self_signed=True).octets for _ in range(20)}
    assert lengths == {1343, 1343 - 185}


def test_flights_are_read_by_our_own_decoder():
    rng = np.random.default_rng(1)
    hello = client_hello("miner", "1.3", None)
    old = server_flight(TLS12, "pool.example", 1000, rng, is_self_signed=True)
    assert old.octets == len(old.content)
    row = decode(client_hello("miner", "1.2", None), old.content)
    assert row["tls_version"] == "TLS 1.2"
    assert row["tls_certificate_subject"] == "CN=pool.example"
    assert row["tls_is_self_signed"] is True
    new = server_flight(TLS13, "pool.example", 1000, rng, is_self_signed=True)
    row = decode(hello, new.content)
    assert row["tls_version"] == "TLS 1.3"
    assert row["tls_certificate_subject"] is None


def test_versions_follow_their_share():
    drawn = versions(np.random.default_rng(1), 4000, 0.75)
    assert (drawn == TLS13).mean() == pytest.approx(0.75, abs=0.03)
    assert second_flight(TLS12) == (93, 242)
    assert second_flight(TLS13) == (80, 510)
