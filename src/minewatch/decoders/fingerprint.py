# SPDX-License-Identifier: Apache-2.0
"""JA3 and JA4: names for the program behind a TLS ClientHello."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

SNI, GROUPS, POINT_FORMATS, SIGNATURES, ALPN, VERSIONS = 0, 10, 11, 13, 16, 43
"""Numbers of the TLS extensions that count here."""

_JA4_VERSIONS = {
    0x0304: "13",
    0x0303: "12",
    0x0302: "11",
    0x0301: "10",
    0x0300: "s3",
    0x0002: "s2",
}


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The members of a ClientHello that fingerprints and columns use.

    Parameters
    ----------
    version : the legacy version number.
    ciphers : cipher suites, in order.
    extensions : numbers of the extensions, in order.
    groups : supported groups (elliptic curves), in order.
    point_formats : formats of curve points.
    signatures : signature algorithms, in order.
    versions : the ``supported_versions`` extension.
    alpn : offered application protocols, in order.
    sni : the name asked for, None if there is none.
    """

    version: int
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    groups: tuple[int, ...] = ()
    point_formats: tuple[int, ...] = ()
    signatures: tuple[int, ...] = ()
    versions: tuple[int, ...] = ()
    alpn: tuple[bytes, ...] = ()
    sni: bytes | None = None


def is_grease(number: int) -> bool:
    """Return whether a number is one of RFC 8701's, sent to be ignored.

    Examples
    --------
    >>> is_grease(0x7A7A), is_grease(0x1301)
    (True, False)
    """
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def ja3(hello: ClientHello) -> str:
    """Return the JA3 digest: MD5 over version, ciphers, extensions, groups and point formats.

    Examples
    --------
    >>> ciphers = (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4)
    >>> ja3(ClientHello(769, ciphers, (0, 10, 11), (23, 24, 25), (0,)))
    'ada70206e40642a3e4461f35503241d5'
    """
    lists = (hello.ciphers, hello.extensions, hello.groups, hello.point_formats)
    fields = [str(hello.version)]
    fields += ["-".join(str(n) for n in numbers if not is_grease(n)) for numbers in lists]
    return hashlib.md5(",".join(fields).encode(), usedforsecurity=False).hexdigest()


def ja4(hello: ClientHello) -> str:
    """Return the JA4 fingerprint of a hello over TCP.

    ``t``, version, whether a name is asked for, counts of ciphers and extensions, ends of the
    first application protocol; then digests of the sorted ciphers, and of the sorted extensions
    with the signature algorithms in their order.

    References
    ----------
    .. [1] FoxIO, "JA4: TLS client fingerprinting", github.com/FoxIO-LLC/ja4 (BSD 3-Clause).

    Examples
    --------
    >>> ja4(ClientHello(0x0303, (0x1301, 0x1302), (0, 43), versions=(0x0304,), sni=b"a"))
    't13d020200_62ed6f6ca7ad_b9a491fefe05'
    """
    ciphers = [number for number in hello.ciphers if not is_grease(number)]
    extensions = [number for number in hello.extensions if not is_grease(number)]
    versions = [number for number in hello.versions if not is_grease(number)]
    version = _JA4_VERSIONS.get(max(versions, default=hello.version), "00")
    name = "d" if SNI in extensions else "i"
    counts = f"{min(len(ciphers), 99):02d}{min(len(extensions), 99):02d}"
    described = _sorted_hex(number for number in extensions if number not in (SNI, ALPN))
    signatures = ",".join(f"{n:04x}" for n in hello.signatures if not is_grease(n))
    if signatures:
        described += f"_{signatures}"
    head = f"t{version}{name}{counts}{_alpn_ends(hello.alpn)}"
    return f"{head}_{_digest(_sorted_hex(ciphers))}_{_digest(described if extensions else '')}"


def _sorted_hex(numbers: object) -> str:
    return ",".join(sorted(f"{number:04x}" for number in numbers))  # type: ignore[attr-defined]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def _alpn_ends(protocols: tuple[bytes, ...]) -> str:
    first = protocols[0] if protocols else b""
    if not first:
        return "00"
    ends = first[:1] + first[-1:]
    if ends.isalnum():
        return ends.decode("ascii")
    digits = first.hex()
    return digits[0] + digits[-1]
