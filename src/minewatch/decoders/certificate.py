# SPDX-License-Identifier: Apache-2.0
"""Who an X.509 certificate names: a bounded walk over its DER, without any check of it."""

from __future__ import annotations

from typing import NamedTuple

from minewatch.decoders.text import printable

_SEQUENCE, _EXPLICIT_ZERO = 0x30, 0xA0
_NAMES = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O"}
_MAX_ITEMS = 64


class CertificateNames(NamedTuple):
    """Subject and issuer as text (``CN=..., O=...``), and whether they are the same octets."""

    subject: str | None
    issuer: str | None
    is_self_issued: bool


def certificate_names(der: bytes) -> CertificateNames | None:
    """Return the names in a certificate, None if it is not one or lacks its beginning.

    Equal subject and issuer mean self-signed in practice; the signature is not checked.
    """
    outer = _items(der)
    inner = _items(outer[0][1]) if outer and outer[0][0] == _SEQUENCE else []
    fields = _items(inner[0][1]) if inner and inner[0][0] == _SEQUENCE else []
    if fields and fields[0][0] == _EXPLICIT_ZERO:  # the version, absent in X.509v1
        fields = fields[1:]
    if len(fields) < 5 or fields[2][0] != _SEQUENCE or fields[4][0] != _SEQUENCE:
        return None
    issuer, subject = fields[2][1], fields[4][1]
    return CertificateNames(_name(subject), _name(issuer), issuer == subject)


def _name(der: bytes) -> str | None:
    """Return common name and organisation of a distinguished name."""
    found = {}
    for _, relative in _items(der):
        for _, attribute in _items(relative):
            parts = _items(attribute)
            if len(parts) == 2 and (label := _NAMES.get(parts[0][1])):
                found[label] = printable(parts[1][1].decode("utf-8", "replace"), 64)
    texts = [f"{label}={found[label]}" for label in ("CN", "O") if found.get(label)]
    return ", ".join(texts) or None


def _items(der: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of the items that stand next to each other; a cut one is the last."""
    found: list[tuple[int, bytes]] = []
    position = 0
    while position + 2 <= len(der) and len(found) < _MAX_ITEMS:
        tag, length = der[position], der[position + 1]
        position += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                break
            length = int.from_bytes(der[position : position + count], "big")
            position += count
        found.append((tag, der[position : position + length]))
        position += length
    return found
