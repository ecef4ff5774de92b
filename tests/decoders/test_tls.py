# SPDX-License-Identifier: Apache-2.0
"""The hello is real: of OpenSSL, once fixed in octets and once made on the spot."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.contracts import Decoder
from minewatch.decoders.tls import TlsDecoder

# OpenSSL 1.1.1 for pool.example; padding of 207 octets follows. JA3 as tshark 4.0.17 gives it.
HELLO = bytes.fromhex(
    "1603010200010001fc0303c5ca62061eedeb6962064171a47f54e3059171c93b6454b87463f5daa94abe2520a375"
    "7eb49e95471186aff6c3480fd41e6dcac11b89c85f03c4e758f358fa772b0024130213031301c02cc030c02bc02f"
    "cca9cca8c024c028c023c027009f009e006b006700ff0100018f00000011000f00000c706f6f6c2e6578616d706c"
    "65000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000010000e000c02"
    "683208687474702f312e310016000000170000000d002a0028040305030603080708080809080a080b0804080508"
    "06040105010601030303010302040205020602002b00050403040303002d00020101003300260024001d00208352"
    "92652fa161a3f57bdf79593c450b1983032d78c03438c314172fa893a14e001500cf"
) + bytes(207)
JA3 = "304734bb1c086c3453b387400cf83f11"
JA4 = "t13d1812h2_85036bcba153_d41ae481755e"

DECODER = TlsDecoder()


def handshake(kind, body):
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


def extension(number, body):
    return number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def server_hello(*extensions, version=0x0303):
    block = b"".join(extensions)
    body = version.to_bytes(2, "big") + bytes(32) + b"\x00" + b"\xc0\x2b\x00"
    return handshake(2, body + len(block).to_bytes(2, "big") + block)


def certificate(der):
    entry = len(der).to_bytes(3, "big") + der
    return handshake(11, len(entry).to_bytes(3, "big") + entry)


def fresh_hello(name, **settings):
    context = ssl.create_default_context()
    for setting, value in settings.items():
        setattr(context, setting, value)
    context.set_alpn_protocols(["h2"])
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_it_is_a_decoder():
    assert isinstance(DECODER, Decoder)


def test_the_hello_of_a_known_client(build):
    assert DECODER.decode(build.talk((">", HELLO))) == {
        "tls_is_client_hello_seen": True,
        "tls_version": "TLS 1.3",
        "tls_sni": "pool.example",
        "tls_alpn": "h2,http/1.1",
        "tls_ja3": JA3,
        "tls_ja4": JA4,
        "tls_certificate_subject": None,
        "tls_certificate_issuer": None,
        "tls_is_self_signed": None,
    }


def test_a_hello_made_now(build):
    row = DECODER.decode(build.talk((">", fresh_hello("Pool.Example"))))
    assert row["tls_sni"] == "pool.example"
    assert row["tls_version"] == "TLS 1.3"
    assert row["tls_ja4"].startswith("t13d")


def test_the_highest_version_offered_is_the_hellos_own_without_the_extension(build):
    hello = fresh_hello("a.example", maximum_version=ssl.TLSVersion.TLSv1_2)
    assert DECODER.decode(build.talk((">", hello)))["tls_version"] == "TLS 1.2"


@pytest.mark.parametrize("cut", range(1, len(HELLO), 5))
def test_the_hello_may_span_segments(build, cut):
    row = DECODER.decode(build.talk((">", HELLO), cuts=frozenset({cut})))
    assert row["tls_ja3"] == JA3


def test_the_hello_may_span_records(build):
    body = HELLO[5:]
    parts = [body[:100], body[100:101], body[101:]]
    records = b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in parts)
    assert DECODER.decode(build.talk((">", records)))["tls_ja3"] == JA3


def test_half_a_hello_has_no_fingerprint(build):
    assert DECODER.decode(build.talk((">", HELLO[:200]))) is None


@pytest.mark.parametrize(
    ("server", "version"),
    [
        (server_hello(), "TLS 1.2"),
        (server_hello(version=0x0301), "TLS 1.0"),
        (server_hello(extension(43, b"\x03\x04")), "TLS 1.3"),
        (server_hello(extension(43, b"\x7f\x1c")), "TLS 1.3"),
    ],
)
def test_the_server_decides_the_version(build, server, version):
    row = DECODER.decode(build.talk((">", HELLO), ("<", server)))
    assert row["tls_version"] == version
    assert row["tls_is_client_hello_seen"]


def test_the_server_decides_the_protocol(build):
    alpn = extension(16, b"\x00\x09\x08http/1.1")
    row = DECODER.decode(build.talk((">", HELLO), ("<", server_hello(alpn))))
    assert row["tls_alpn"] == "http/1.1"


def test_only_the_server_was_heard(build):
    row = DECODER.decode(build.talk(("<", server_hello())))
    assert row["tls_is_client_hello_seen"] is False
    assert row["tls_version"] == "TLS 1.2"
    assert row["tls_ja3"] is None


def test_the_certificate_of_old_tls(build):
    name = bytes.fromhex("310f300d06035504030c06") + b"a.pool"
    names = b"\x30" + bytes([len(name)]) + name
    tbs = b"\x02\x01\x01" + b"\x30\x00" + names + b"\x30\x00" + names
    der = b"\x30\x81" + bytes([len(tbs) + 3]) + b"\x30\x81" + bytes([len(tbs)]) + tbs
    row = DECODER.decode(build.talk((">", HELLO), ("<", server_hello() + certificate(der))))
    assert row["tls_certificate_subject"] == "CN=a.pool"
    assert row["tls_is_self_signed"] is True


def test_the_initiator_may_be_the_server(build):
    row = DECODER.decode(build.talk((">", HELLO), ("<", server_hello()), flip=True))
    assert row["tls_sni"] == "pool.example"


def test_names_are_made_fit_for_a_terminal(build):
    hello = HELLO.replace(b"pool.example", b"po\x1b[2J\r\nxyzw")
    assert DECODER.decode(build.talk((">", hello)))["tls_sni"] == "po?[2j??xyzw"


def test_other_protocols_are_not_tls(build):
    for said in (
        b'{"id":1}\n',
        b"\x16\x03",
        b"\x16\x03\x01\x00\x05hello",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ):
        assert DECODER.decode(build.talk((">", said))) is None
    udp = build.talk((">", HELLO))
    assert DECODER.decode(type(udp)(17, udp.segments)) is None


@given(st.binary(max_size=120), st.integers(0, len(HELLO)))
def test_never_raises(build, noise, place):
    for data in (
        b"\x16\x03\x01" + noise,
        HELLO[:place] + noise + HELLO[place:],
        HELLO[:place] + noise[:1] + HELLO[place + 1 :],
        server_hello(noise) + certificate(noise),
    ):
        row = DECODER.decode(build.talk((">", data), ("<", data)))
        assert row is None or list(row) == [column.name for column in DECODER.columns]


def test_of_a_repeated_extension_the_first_counts(build):
    second = extension(0, b"\x00\x0e\x00\x00\x0bevil.exampl")
    body = HELLO[9:]
    at = 34 + 1 + body[34]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    size = int.from_bytes(body[at : at + 2], "big") + len(second)
    body = body[:at] + size.to_bytes(2, "big") + body[at + 2 :] + second
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello
    assert DECODER.decode(build.talk((">", record)))["tls_sni"] == "pool.example"
