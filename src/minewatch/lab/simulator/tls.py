# SPDX-License-Identifier: Apache-2.0
"""TLS handshakes: hellos as OpenSSL writes them, the rest of the flights in their real sizes.

A hello is taken once from Python's ssl through memory, without a socket; what is random in it is
drawn anew for each conversation. Servers' flights are put together here: ServerHello, and in
TLS 1.2 the certificate in the clear; the encrypted rest is filler. Sizes were compared with
XMRig 6.26 and OpenSSL 3: hello 297 octets, server's flight 1,343, tickets 510.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np

from minewatch.lab.simulator.certificate import certificate_message
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.script import ByteArray, IntArray
from minewatch.lab.simulator.tls_records import TLS12, TLS13
from minewatch.lab.tls import Version, miner_context

Client: TypeAlias = Literal["miner", "browser", "http2", "library", "old"]
"""Whose hello: an OpenSSL miner's; padded with ALPN; HTTP/2 only; a library's; few ciphers."""

CLIENTS: Final[tuple[Client, ...]] = ("browser", "http2", "library", "old")

FINISHED_OCTETS: Final = 80
"""The client's last flight in TLS 1.3: ChangeCipherSpec and Finished (SHA-384)."""
TICKETS_OCTETS: Final = 510
"""Two NewSessionTicket records of OpenSSL."""
TICKET_OCTETS: Final = 242
"""TLS 1.2: NewSessionTicket, ChangeCipherSpec and Finished."""
KEY_EXCHANGE_OCTETS: Final = 93
"""TLS 1.2: ClientKeyExchange (X25519), ChangeCipherSpec and Finished."""

_RANDOM = slice(11, 43)
_SESSION = slice(44, 76)
_KEY_SHARE = b"\x00\x1d\x00\x20"
_FLIGHT13_OCTETS: Final = 23 + 35 + 74
"""Behind the header of EncryptedExtensions: its body, what frames the certificates, Finished."""
_VERIFY: Final = {"rsa": 286, "ecdsa": 101}


@lru_cache(maxsize=512)
def client_hello(client: Client, version: Version, name: str | None) -> bytes:
    """Return a ClientHello in its record, random once and for all.

    Parameters
    ----------
    client : whose.
    version : the newest that it offers.
    name : server name; None for none.
    """
    context = _context(client, version)
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@lru_cache(maxsize=32)
def _context(client: Client, version: Version) -> ssl.SSLContext:
    context = miner_context(version)
    if client == "browser":
        context.options |= ssl.OP_ALL
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    elif client == "http2":
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        context.set_alpn_protocols(["h2"])
    elif client == "library":
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM")
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    elif client == "old":
        context.set_ciphers("ECDHE+AES:RSA+AES")
    return context


def renewed(hello: bytes, n: int, rng: Rng) -> ByteArray:
    """Return `n` hellos with random, session number and key share of their own, shape (n, octets).

    Parameters
    ----------
    hello : a ClientHello in its record.
    n : how many.
    rng : source of what is random.
    """
    made = np.tile(np.frombuffer(hello, np.uint8), (n, 1))
    made[:, _RANDOM] = rng.integers(0, 256, (n, 32), np.uint8)
    if hello[43] == 32:
        made[:, _SESSION] = rng.integers(0, 256, (n, 32), np.uint8)
    at = hello.find(_KEY_SHARE, 76)
    if at >= 0:
        made[:, at + 4 : at + 36] = rng.integers(0, 256, (n, 32), np.uint8)
    return made


@dataclass(frozen=True, slots=True)
class ServerFlight:
    """The server's answer to a hello."""

    content: bytes
    """Its beginning."""
    octets: int
    """Its whole length."""


def server_flight(
    version: int, subject: str, certificates: int, rng: Rng, *, is_self_signed: bool
) -> ServerFlight:
    """Return what a server answers.

    Parameters
    ----------
    version : ``TLS12`` or ``TLS13``.
    subject : its name, in the certificate.
    certificates : length of its chain [octets].
    rng : source of keys.
    is_self_signed : whether the certificate is its own issuer.
    """
    if version == TLS13:
        verify = _VERIFY["rsa" if rng.random() < 0.7 else "ecdsa"]
        content = _server_hello13(rng) + b"\x14\x03\x03\x00\x01\x01" + b"\x17\x03\x03\x00\x17"
        return ServerFlight(content, len(content) + _FLIGHT13_OCTETS + certificates + verify)
    key = b"\x03\x00\x1d\x20" + rng.bytes(32) + b"\x08\x04\x01\x00" + rng.bytes(256)
    content = b"".join(
        _handshake_record(message)
        for message in (
            _server_hello12(rng),
            certificate_message(subject, certificates, rng, is_self_signed=is_self_signed),
            b"\x0c" + len(key).to_bytes(3, "big") + key,
            b"\x0e\x00\x00\x00",
        )
    )
    return ServerFlight(content, len(content))


def _server_hello13(rng: Rng) -> bytes:
    extensions = b"\x00\x2b\x00\x02\x03\x04\x00\x33\x00\x24" + _KEY_SHARE + rng.bytes(32)
    body = b"\x03\x03" + rng.bytes(32) + b"\x20" + rng.bytes(32) + b"\x13\x02\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    return _handshake_record(b"\x02" + len(body).to_bytes(3, "big") + body)


def _server_hello12(rng: Rng) -> bytes:
    # Renegotiation info, point formats, session ticket, extended master secret.
    extensions = bytes.fromhex("ff01000100000b00040300010200230000" + "00170000")
    body = b"\x03\x03" + rng.bytes(32) + b"\x00" + b"\xc0\x30\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    return b"\x02" + len(body).to_bytes(3, "big") + body


def _handshake_record(message: bytes) -> bytes:
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


def second_flight(version: int) -> tuple[int, int]:
    """Return lengths of the client's second flight and of the server's answer to it."""
    if version == TLS12:
        return KEY_EXCHANGE_OCTETS, TICKET_OCTETS
    return FINISHED_OCTETS, TICKETS_OCTETS


def versions(rng: Rng, n: int, newer: float) -> IntArray:
    """Return TLS versions of `n` conversations, a share `newer` of them 1.3."""
    return np.where(rng.random(n) < newer, TLS13, TLS12)
