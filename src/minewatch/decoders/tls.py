# SPDX-License-Identifier: Apache-2.0
"""The ``tls`` decoder: what a TLS handshake tells before it is encrypted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from minewatch.decoders import fingerprint
from minewatch.decoders.certificate import certificate_names
from minewatch.decoders.fingerprint import ClientHello, is_grease, ja3, ja4
from minewatch.decoders.stream import reassemble
from minewatch.decoders.text import printable
from minewatch.schema import KIND_TLS, Column
from minewatch.types import Payload

_HANDSHAKE = 22
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = 1, 2, 11
_MAX_HANDSHAKE_OCTETS = 32 * 1024
_MAX_MESSAGES = 16
_MAX_RECORD = 2**14 + 2048
_VERSIONS = {
    0x0304: "TLS 1.3",
    0x0303: "TLS 1.2",
    0x0302: "TLS 1.1",
    0x0301: "TLS 1.0",
    0x0300: "SSL 3.0",
}


class TlsDecoder:
    """Name, version, application protocol, fingerprints and certificate of a TLS conversation.

    The hello may span segments and records. From TLS 1.3 on the certificate is encrypted, and so
    is the name where the client encrypts its hello.

    Blind spots: a handshake that came before the capture; QUIC; TLS behind a proxy's greeting or
    STARTTLS. Nothing is verified: names are what the two sides say.

    Notes
    -----
    Cost: below 100 microseconds a handshake; about 1 microsecond where there is none.

    References
    ----------
    .. [1] RFC 8446, RFC 5246; RFC 8701 (GREASE).
    .. [2] Althouse, Atkinson, Atkins, "JA3", Salesforce, 2017.
    .. [3] FoxIO, "JA4: TLS client fingerprinting", 2023.
    """

    name = "tls"
    kinds = KIND_TLS
    columns = (
        Column("tls_is_client_hello_seen", pl.Boolean(), "-", "Whether a ClientHello was read."),
        Column(
            "tls_version",
            pl.String(),
            "-",
            "Negotiated where the server's hello was seen, else the highest offered: `TLS 1.3`.",
        ),
        Column("tls_sni", pl.String(), "-", "Name that the client asked for; null if none."),
        Column(
            "tls_alpn",
            pl.String(),
            "-",
            "Application protocol: the server's choice, else the client's offers, by commas.",
        ),
        Column("tls_ja3", pl.String(), "-", "JA3 digest of the ClientHello; programs share it."),
        Column("tls_ja4", pl.String(), "-", "JA4 of the ClientHello; programs share it."),
        Column("tls_certificate_subject", pl.String(), "-", "`CN=..., O=...`; null in TLS 1.3."),
        Column("tls_certificate_issuer", pl.String(), "-", "`CN=..., O=...`; null in TLS 1.3."),
        Column(
            "tls_is_self_signed",
            pl.Boolean(),
            "-",
            "Whether subject and issuer are equal (the signature is not checked); null in TLS 1.3.",
        ),
    )

    def decode(self, payload: Payload) -> Mapping[str, object] | None:
        """Return the ``tls_*`` values of one conversation, None if no hello was seen."""
        if payload.protocol != 6 or not _may_be_tls(payload):
            return None
        found: dict[int, bytes] = {}
        for from_initiator in (True, False):
            for chunk in reassemble(payload.segments, from_initiator=from_initiator):
                for kind, body in _handshake_messages(chunk.data):
                    found.setdefault(kind, body)
        client = _client_hello(found.get(_CLIENT_HELLO, b""))
        server = _server_hello(found.get(_SERVER_HELLO, b""))
        if client is None and server is None:
            return None
        row = dict.fromkeys(column.name for column in self.columns)
        return {**row, **_described(client, server), **_certified(found.get(_CERTIFICATE, b""))}


@dataclass(frozen=True, slots=True)
class _ServerHello:
    version: int
    alpn: bytes | None


def _may_be_tls(payload: Payload) -> bool:
    return any(
        segment.data[:1] == b"\x16" and segment.data[1:2] in (b"\x03", b"")
        for segment in payload.segments
    )


def _described(client: ClientHello | None, server: _ServerHello | None) -> dict[str, object]:
    row: dict[str, object] = {"tls_is_client_hello_seen": client is not None}
    version = 0
    protocols: tuple[bytes, ...] = ()
    if client is not None:
        version = max((n for n in client.versions if not is_grease(n)), default=client.version)
        protocols = client.alpn[:8]
        row["tls_sni"] = printable((client.sni or b"").decode("latin-1").lower(), 255)
        row["tls_ja3"], row["tls_ja4"] = ja3(client), ja4(client)
    if server is not None:
        version = server.version
        protocols = (server.alpn,) if server.alpn else protocols
    # Drafts of TLS 1.3 are numbered 0x7f00 and up.
    row["tls_version"] = "TLS 1.3" if version >> 8 == 0x7F else _VERSIONS.get(version)
    row["tls_alpn"] = printable(b",".join(protocols).decode("latin-1"), 64)
    return row


def _certified(message: bytes) -> dict[str, object]:
    """Read the first certificate of a Certificate message of TLS 1.2 and before."""
    names = certificate_names(_Reader(message[3:]).vector(3))
    if names is None:
        return {}
    return {
        "tls_certificate_subject": names.subject,
        "tls_certificate_issuer": names.issuer,
        "tls_is_self_signed": names.is_self_issued,
    }


def _handshake_messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of the handshake messages in the clear; the last one may be cut."""
    joined = _handshake_octets(data)
    position = 0
    for _ in range(_MAX_MESSAGES):
        if position + 4 > len(joined):
            return
        length = int.from_bytes(joined[position + 1 : position + 4], "big")
        yield joined[position], joined[position + 4 : position + 4 + length]
        position += 4 + length


def _handshake_octets(data: bytes) -> bytes:
    """Join the handshake records up to the first record of another kind."""
    joined = b""
    position = 0
    while position + 5 <= len(data) and len(joined) < _MAX_HANDSHAKE_OCTETS:
        length = int.from_bytes(data[position + 3 : position + 5], "big")
        if data[position] != _HANDSHAKE or data[position + 1] != 3 or not length <= _MAX_RECORD:
            break
        joined += data[position + 5 : position + 5 + length]
        position += 5 + length
    return joined


class _Reader:
    """Reads numbers and vectors; past the end everything is empty, and ``is_short`` tells so."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._is_short = False

    def take(self, count: int) -> bytes:
        part = self._data[self._position : self._position + count]
        self._is_short = self._is_short or len(part) < count
        self._position += count
        return part

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def vector(self, octets: int) -> bytes:
        return self.take(self.number(octets))

    def is_empty(self) -> bool:
        return self._position >= len(self._data)

    def is_short(self) -> bool:
        return self._is_short


def _client_hello(body: bytes) -> ClientHello | None:
    """Return the hello; None if its end is missing: half a hello has another fingerprint."""
    reader = _Reader(body)
    version = reader.number(2)
    reader.take(32)
    reader.vector(1)
    ciphers = _numbers(reader.vector(2))
    reader.vector(1)
    if version >> 8 != 3 or reader.is_short() or not ciphers:
        return None
    extensions = _extensions(reader)
    if reader.is_short():
        return None
    by_number = dict(reversed(extensions))  # of a repeated one the first
    return ClientHello(
        version,
        ciphers,
        tuple(number for number, _ in extensions),
        groups=_numbers(_Reader(by_number.get(fingerprint.GROUPS, b"")).vector(2)),
        point_formats=tuple(_Reader(by_number.get(fingerprint.POINT_FORMATS, b"")).vector(1)),
        signatures=_numbers(_Reader(by_number.get(fingerprint.SIGNATURES, b"")).vector(2)),
        versions=_numbers(_Reader(by_number.get(fingerprint.VERSIONS, b"")).vector(1)),
        alpn=_protocols(by_number.get(fingerprint.ALPN, b"")),
        sni=_server_name(by_number.get(fingerprint.SNI, b"")),
    )


def _server_hello(body: bytes) -> _ServerHello | None:
    reader = _Reader(body)
    version = reader.number(2)
    reader.take(32)
    reader.vector(1)
    reader.take(3)
    if reader.is_short() or (version >> 8 != 3 and version >> 8 != 0x7F):
        return None
    by_number = dict(_extensions(reader))
    chosen = by_number.get(fingerprint.VERSIONS, b"")
    alpn = _protocols(by_number.get(fingerprint.ALPN, b""))
    if len(chosen) == 2:
        version = int.from_bytes(chosen, "big")
    return _ServerHello(version, alpn[0] if alpn else None)


def _extensions(reader: _Reader) -> list[tuple[int, bytes]]:
    if reader.is_empty():
        return []
    block = _Reader(reader.vector(2))
    found = []
    while not block.is_empty():
        number, body = block.number(2), block.vector(2)
        if block.is_short():
            break
        found.append((number, body))
    return found


def _numbers(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data) - 1, 2))


def _protocols(data: bytes) -> tuple[bytes, ...]:
    reader = _Reader(_Reader(data).vector(2))
    found = []
    while not reader.is_empty():
        found.append(reader.vector(1))
    return tuple(found)


def _server_name(data: bytes) -> bytes | None:
    reader = _Reader(_Reader(data).vector(2))
    if reader.number(1) != 0:  # 0: a host's name, the only kind there is
        return None
    return reader.vector(2) or None
