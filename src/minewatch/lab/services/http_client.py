# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client of a few lines: one connection, one request after the other."""

from __future__ import annotations

import asyncio
import ssl

from minewatch.lab.services.actor import close

_MOST_OCTETS = 1 << 30
_CHUNK = 1 << 16

BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
)
PROBE = "User-Agent: kube-probe/1.31\r\nAccept: */*\r\n"


class Connection:
    """A kept-alive connection to a web server."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = headers

    async def get(self, host: str, path: str) -> int:
        """Fetch a page and return its length [octets].

        Raises
        ------
        OSError : the connection broke, or the answer is not one that nginx gives to a GET.
        EOFError : the server closed the connection.
        """
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{self._headers}\r\n"
        self._writer.write(request.encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _content_length(head)
        left = length
        while left:
            left -= len(await self._reader.readexactly(min(left, _CHUNK)))
        return length

    async def close(self) -> None:
        await close(self._writer)


async def connect(
    address: str, port: int, headers: str = BROWSER, tls_name: str = ""
) -> Connection:
    """Open a connection, over TLS if there is a name to ask for."""
    reader, writer = await asyncio.open_connection(
        address,
        port,
        ssl=_browser_context() if tls_name else None,
        server_hostname=tls_name or None,
    )
    return Connection(reader, writer, headers)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
            if length <= _MOST_OCTETS:
                return length
    raise ConnectionError(f"not an answer of known length: {head[:80]!r}")


def _browser_context() -> ssl.SSLContext:
    """Trust the lab's certificates, as a browser trusts public ones."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
