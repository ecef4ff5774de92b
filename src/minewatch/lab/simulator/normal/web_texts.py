# SPDX-License-Identifier: Apache-2.0
"""HTTP requests and heads of replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from minewatch.lab.simulator.script import IntArray
from minewatch.lab.simulator.texts import Texts

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/123.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    "curl/8.5.0",
    "python-requests/2.31.0",
)
_PATHS = ("/", "/index.html", "/css/site.css", "/js/app.3f9a.js", "/img/logo.svg", "/search?q=tea")
_BODY = (
    '{"id":%d,"user":"user%04d","action":"list","filter":{"state":"open","limit":50},'
    '"trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}'
)


def requests(names: Sequence[str], method: Literal["GET", "POST", "APT"] = "GET") -> list[bytes]:
    """Return requests to some servers, as browsers, programs or a package manager write them."""
    if method == "GET":
        return [
            (
                f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {agent}\r\n"
                "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en\r\n"
                "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n"
            ).encode()
            for path in _PATHS
            for agent in _AGENTS
            for name in names[:3]
        ]
    if method == "POST":
        bodies = [_BODY % (i, i * 37 % 9973) for i in range(1, 4000, 97)]
        return [
            (
                f"POST /v1/query HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {agent}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
            for name in names
            for body in bodies
            for agent in _AGENTS[3:]
        ]
    packages = "openssl curl libc6 linux-image-amd64 python3.11 tzdata ca-certificates".split()
    return [
        (
            f"GET /debian/pool/main/{package[0]}/{package}_{i}.0-1_amd64.deb HTTP/1.1\r\n"
            f"Host: {name}\r\nUser-Agent: Debian APT-HTTP/1.3 (2.6.1)\r\n\r\n"
        ).encode()
        for name in names
        for package in packages
        for i in (1, 3, 12)
    ]


def heads(texts: Texts, bodies: IntArray, kind: bytes = b"text/html") -> IntArray:
    """Return numbers of replies' heads that tell the lengths of their bodies.

    Parameters
    ----------
    texts : where the heads are put.
    bodies : lengths [octets], shape (m,); of 0 the head says 304.
    kind : content type.
    """
    lengths, inverse = np.unique(bodies, return_inverse=True)
    fixed = (
        b"Server: nginx\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: " + kind + b"\r\n"
    )
    numbers = [
        texts.add(
            (b"HTTP/1.1 200 OK\r\n" if length else b"HTTP/1.1 304 Not Modified\r\n")
            + fixed
            + b"Connection: keep-alive\r\nContent-Length: %d\r\n\r\n" % length
        )
        for length in lengths
    ]
    return np.array(numbers, np.int64)[inverse]
