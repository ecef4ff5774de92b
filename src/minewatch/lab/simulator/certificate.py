# SPDX-License-Identifier: Apache-2.0
"""Certificate messages of TLS 1.2 of any size: right names, and random keys and signatures."""

from __future__ import annotations

from minewatch.lab.simulator.laws import Rng

_SEQUENCE, _SET, _INTEGER, _BITS, _UTF8, _TIME, _OID = 0x30, 0x31, 2, 3, 12, 23, 6
_COMMON_NAME, _ORGANISATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_SHA256_RSA = bytes.fromhex("2a864886f70d01010b")
_RSA = bytes.fromhex("2a864886f70d010101")
LEAST_OCTETS = 700
"""Smallest certificate that is made."""
LINK_OCTETS = 1700
"""A chain has one certificate for about so many octets."""


def certificate_message(subject: str, octets: int, rng: Rng, *, is_self_signed: bool) -> bytes:
    """Return a Certificate handshake message of nearly `octets`, with its header.

    Parameters
    ----------
    subject : common name of the first certificate.
    octets : length of the whole chain; certificates are at least ``LEAST_OCTETS``.
    rng : source of keys, numbers and signatures.
    is_self_signed : one certificate, issued by its subject.
    """
    links = 1 if is_self_signed else max(1, round(octets / LINK_OCTETS))
    issuers = [subject, "R11", "ISRG Root X1", "DST Root CA X3"]
    chain = b""
    for link in range(links):
        name = issuers[min(link, 3)]
        issuer = name if is_self_signed else issuers[min(link + 1, 3)]
        made = _certificate(name, issuer, max(octets // links, LEAST_OCTETS), rng)
        chain += len(made).to_bytes(3, "big") + made
    body = len(chain).to_bytes(3, "big") + chain
    return b"\x0b" + len(body).to_bytes(3, "big") + body


def _certificate(subject: str, issuer: str, octets: int, rng: Rng) -> bytes:
    extensions = b""
    for _ in range(2):  # the second time with what is missing
        algorithm = _item(_SEQUENCE, _item(_OID, _SHA256_RSA), b"\x05\x00")
        inner = _item(
            _SEQUENCE,
            b"\xa0\x03\x02\x01\x02",
            _item(_INTEGER, b"\x03" + rng.bytes(15)),
            algorithm,
            _name(issuer, is_authority=issuer != subject),
            _item(_SEQUENCE, _item(_TIME, b"240101000000Z"), _item(_TIME, b"340101000000Z")),
            _name(subject, is_authority=False),
            _item(
                _SEQUENCE,
                _item(_SEQUENCE, _item(_OID, _RSA), b"\x05\x00"),
                _item(_BITS, b"\x00", rng.bytes(270)),
            ),
            extensions,
        )
        whole = _item(_SEQUENCE, inner, algorithm, _item(_BITS, b"\x00", rng.bytes(256)))
        if not extensions:
            # A subject key identifier as long as it takes.
            filler = _item(4, rng.bytes(max(octets - len(whole) - 24, 4)))
            extensions = _item(
                0xA3, _item(_SEQUENCE, _item(_SEQUENCE, b"\x06\x03\x55\x1d\x0e", filler))
            )
    return whole


def _name(common: str, *, is_authority: bool) -> bytes:
    parts = [(_ORGANISATION, "Let's Encrypt")] if is_authority else []
    parts.append((_COMMON_NAME, common))
    return _item(
        _SEQUENCE,
        *(
            _item(_SET, _item(_SEQUENCE, _item(_OID, kind), _item(_UTF8, text.encode())))
            for kind, text in parts
        ),
    )


def _item(tag: int, *contents: bytes) -> bytes:
    """Return one DER item."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
