# SPDX-License-Identifier: Apache-2.0
"""JA4 against examples of its authors, JA3 against those of its own."""

import pytest

from minewatch.decoders.fingerprint import ClientHello, is_grease, ja3, ja4


def numbers(text):
    return tuple(int(part, 16) for part in text.split(","))


# From badcurveball.pcap in FoxIO's tests, in the order of the wire.
FIREFOX = ClientHello(
    0x0303,
    numbers("1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035,000a"),
    numbers("0000,0017,ff01,000a,000b,0023,0010,0005,000d,0012,0033,002d,002b,001b,0015"),
    signatures=numbers("0403,0804,0401,0503,0805,0501,0806,0601,0201"),
    versions=(0x0304, 0x0303),
    alpn=(b"h2", b"http/1.1"),
    sni=b"bad.curveballtest.com",
)


def changed(**members):
    return ClientHello(**{name: getattr(FIREFOX, name) for name in FIREFOX.__slots__} | members)


def test_ja4_of_its_authors():
    assert ja4(FIREFOX) == "t13d1615h2_46e7e9700bed_45f260be83e2"


def test_grease_changes_neither():
    greased = changed(
        ciphers=(0x5A5A, *FIREFOX.ciphers),
        extensions=(0x7A7A, *FIREFOX.extensions, 0xEAEA),
        versions=(0xFAFA, *FIREFOX.versions),
        signatures=(0x0A0A, *FIREFOX.signatures),
        groups=(0x1A1A,),
    )
    assert ja4(greased) == ja4(FIREFOX)
    assert ja3(greased) == ja3(FIREFOX)


@pytest.mark.parametrize(
    ("members", "head"),
    [
        ({"alpn": ()}, "t13d161500"),
        ({"alpn": (b"http/1.1",)}, "t13d1615h1"),
        ({"alpn": (b"\xab\xcd",)}, "t13d1615ad"),
        ({"alpn": (b"0",)}, "t13d161500"),
        ({"versions": ()}, "t12d1615h2"),
        ({"versions": (), "version": 0x0301}, "t10d1615h2"),
        ({"versions": (), "version": 0x0999}, "t00d1615h2"),
        ({"extensions": FIREFOX.extensions[1:]}, "t13i1614h2"),
        ({"ciphers": tuple(range(200))}, "t13d9915h2"),
    ],
)
def test_the_readable_part_of_ja4(members, head):
    assert ja4(changed(**members)).split("_")[0] == head


def test_empty_lists_in_ja4():
    assert ja4(ClientHello(0x0303, (), ())) == "t12i000000_000000000000_000000000000"
    only = changed(signatures=())
    assert ja4(only) != ja4(FIREFOX)


def test_ja3_of_its_authors():
    hello = ClientHello(769, (4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99), ())
    assert ja3(hello) == "de350869b8c85de67a350c8d186f11e6"


def test_grease_numbers():
    assert sum(map(is_grease, range(65536))) == 16


def test_ja4_counts_no_further_than_99():
    many = changed(extensions=tuple(range(150)), ciphers=tuple(range(120)))
    assert ja4(many).startswith("t13d9999h2_")
