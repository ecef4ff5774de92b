# SPDX-License-Identifier: Apache-2.0
import ssl

import pytest

from minewatch.lab import tls


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return tls.self_signed_certificate(tmp_path_factory.mktemp("tls"), "pool.example")


def first_flight(context: ssl.SSLContext, server_hostname: str | None = None) -> bytes:
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=server_hostname)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_miner_names_no_server_and_pads_nothing():
    hello = first_flight(tls.miner_context())
    named = first_flight(tls.miner_context(), "pool.example")
    assert hello[:2] == b"\x16\x03"
    assert len(hello) < 400
    # The name, 9 octets of length and type around it, and nothing else.
    assert len(named) - len(hello) == len("pool.example") + 9
    assert b"pool.example" not in hello


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_both_sides_agree_on_the_newest_version(certificate, newest):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = tls.server_context(certificate).wrap_bio(to_server, to_client, server_side=True)
    client = tls.miner_context(newest).wrap_bio(to_client, to_server)
    for side in (client, server, client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert server.version() == client.version() == f"TLSv{newest}"


def test_the_certificate_is_an_rsa_2048_pair(certificate):
    assert certificate.certificate.name == "pool.example.crt"
    der = ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text())
    assert 700 < len(der) < 900
    tls.server_context(certificate)
