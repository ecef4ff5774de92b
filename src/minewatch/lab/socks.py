# SPDX-License-Identifier: Apache-2.0
"""The client's half of SOCKS5 (RFC 1928): no authentication, CONNECT, IPv4 and names."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

VERSION = 5
_NO_AUTHENTICATION = 0
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_BOUND_OCTETS = {_IPV4: 4, _IPV6: 16}
REPLIES = (
    "succeeded",
    "general failure",
    "not allowed",
    "network unreachable",
    "host unreachable",
    "connection refused",
    "TTL expired",
    "command not supported",
    "address type not supported",
)
"""What the reply codes mean (RFC 1928, section 6)."""


def request(host: str, port: int) -> bytes:
    """Return the CONNECT request for a host by IPv4 address or name.

    Examples
    --------
    >>> request("203.0.113.1", 443).hex()
    '05010001cb00710101bb'
    >>> request("a.example", 80).hex()
    '0501000309612e6578616d706c650050'
    """
    try:
        target = bytes([_IPV4]) + ipaddress.IPv4Address(host).packed
    except ipaddress.AddressValueError:
        name = host.encode("idna")
        if not 0 < len(name) < 256:
            raise ValueError(f"a name must have 1 to 255 octets, not {len(name)}") from None
        target = bytes([_NAME, len(name)]) + name
    return bytes([VERSION, _CONNECT, 0]) + target + port.to_bytes(2, "big")


async def ask(sock: socket.socket, host: str, port: int) -> None:
    """Ask the server at the other end of a connected, non-blocking socket for a connection.

    Raises
    ------
    ConnectionError : it refuses, does not reach the host, or does not speak SOCKS5.
    """
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, bytes([VERSION, 1, _NO_AUTHENTICATION]))
    if await _read(sock, 2) != bytes([VERSION, _NO_AUTHENTICATION]):
        raise ConnectionError("SOCKS5: the server wants authentication, or is none")
    await loop.sock_sendall(sock, request(host, port))
    version, reply, _, kind = await _read(sock, 4)
    if version != VERSION or reply:
        said = REPLIES[reply] if reply < len(REPLIES) else str(reply)
        raise ConnectionError(f"SOCKS5: {host}:{port}: {said}")
    length = (await _read(sock, 1))[0] if kind == _NAME else _BOUND_OCTETS.get(kind, 0)
    await _read(sock, length + 2)


async def _read(sock: socket.socket, octets: int) -> bytes:
    """Return exactly so many octets: what follows belongs to the pool."""
    loop = asyncio.get_running_loop()
    got = b""
    while len(got) < octets:
        piece = await loop.sock_recv(sock, octets - len(got))
        if not piece:
            raise ConnectionError("SOCKS5: the server hung up")
        got += piece
    return got
