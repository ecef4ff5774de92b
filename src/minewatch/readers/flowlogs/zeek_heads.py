# SPDX-License-Identifier: Apache-2.0
"""Which log of Zeek an input is, told by what it begins with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

CONN: Final = "conn"
OTHER: Final = "other"
"""A log whose name nothing tells, but not ``conn``."""
TSV: Final = "tsv"
JSON: Final = "json"
_HEADER: Final = re.compile(rb"\s*#(?:separator|fields|path)[^\w\n]")
_PATH: Final = re.compile(rb"^#path[^\w\n]+(\w+)", re.MULTILINE)
_JSON_PATH: Final = re.compile(rb'"_path"\s*:\s*"(\w+)"')
_JSON_MEMBER: Final = re.compile(rb'"([\w.]+)"\s*:')
_FIRST_LINE: Final = re.compile(rb"\s*\[?\s*(\{[^\r\n]*)")
_OF_ZEEK: Final = frozenset({b"id.orig_h", b"_path"})
# Members by which a log is told whose documents do not name it, and which others lack.
_MEMBERS: Final = (
    (b"conn_state", CONN),
    (b"qclass_name", "dns"),
    (b"trans_id", "dns"),
    (b"cipher", "ssl"),
    (b"established", "ssl"),
)


@dataclass(frozen=True, slots=True)
class ZeekLog:
    """What a log of Zeek was found to be."""

    path: str
    """Its name: ``conn``, ``ssl``; empty if nothing tells."""
    encoding: str
    """``TSV`` or ``JSON``."""


def zeek_log(head: bytes) -> ZeekLog | None:
    r"""Return which log an input is that begins so, None if it is none of Zeek.

    Parameters
    ----------
    head : first octets, unpacked.

    Examples
    --------
    >>> zeek_log(b"#separator \\x09\n#path\tssl\n")
    ZeekLog(path='ssl', encoding='tsv')
    >>> zeek_log(b'{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1","conn_state":"SF"}\n')
    ZeekLog(path='conn', encoding='json')
    >>> zeek_log(b'{"event_type":"flow"}\n') is None
    True
    """
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _HEADER.match(head):
        path = _PATH.search(head)
        return ZeekLog(path[1].decode("ascii", "replace") if path else "", TSV)
    line = _FIRST_LINE.match(head)
    if line is None:
        return None
    members = set(_JSON_MEMBER.findall(line[1]))
    if b"ts" not in members or not members & _OF_ZEEK:
        return None
    named = _JSON_PATH.search(line[1])
    if named:
        return ZeekLog(named[1].decode("ascii", "replace"), JSON)
    unnamed = "" if b"proto" in members else OTHER
    return ZeekLog(next((path for member, path in _MEMBERS if member in members), unnamed), JSON)
