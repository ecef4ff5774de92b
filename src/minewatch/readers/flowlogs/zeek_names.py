# SPDX-License-Identifier: Apache-2.0
"""Names from the logs that Zeek writes beside ``conn.log``: ``ssl.log`` and ``dns.log``.

``ssl.log`` has the name that a client asked for, joined by ``uid``; of ``MAX_UIDS`` connections.
``dns.log`` has the addresses that were given for a name; where an answer goes through aliases, the
name that was asked for counts. Both are read before ``conn.log``, once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.delimited import Lines
from minewatch.readers.flowlogs.json_documents import JsonDocuments
from minewatch.readers.flowlogs.json_rows import JsonRows
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.server_names import server_places
from minewatch.readers.flowlogs.text_blocks import TextBlocks
from minewatch.readers.flowlogs.zeek_heads import JSON, zeek_log
from minewatch.readers.flowlogs.zeek_tsv import ZeekTsv
from minewatch.readers.source import Input, UnpackError, open_input
from minewatch.readers.unpack import with_head
from minewatch.records import UNKNOWN, Names, RecordCounters
from minewatch.types import Int64Array

MAX_UIDS: Final = 1 << 21
"""Connections whose TLS name is kept; 12 octets each."""
HEAD_OCTETS: Final = 1 << 16
_PACKED: Final = (".gz", ".zst", ".bz2", ".xz")
_CONN: Final = re.compile(r"(?<![A-Za-z])conn(?![A-Za-z])")
_SSL: Final[dict[str, Any]] = {"uid": str, "server_name": str}
_DNS: Final[dict[str, Any]] = {"query": str, "answers": list[str]}
_SEED: Final = int.from_bytes(os.urandom(8), "little")
"""New in every process, so that nobody can write uids that are taken for each other."""


class ZeekNames:
    """What the logs beside one ``conn.log`` tell of names.

    Parameters
    ----------
    path : of ``conn.log``; nothing lies beside ``-``.
    names : where the names go.
    counters : where damage is told.
    strict : the first fault raises SourceError.
    """

    def __init__(self, path: str, names: Names, counters: RecordCounters, *, strict: bool) -> None:
        self._path = path
        self._names = names
        self._counters = counters
        self._strict = strict
        self._known = KnownNames(names)
        self._keys: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self._values: npt.NDArray[np.int32] = np.empty(0, np.int32)

    def read(self) -> None:
        """Read both logs, where they are.

        Raises
        ------
        SourceError : strict, and one is damaged.
        """
        keys: list[npt.NDArray[np.uint64]] = []
        values: list[npt.NDArray[np.int32]] = []
        left = MAX_UIDS
        for lines in self._rows("ssl", _SSL, ("uid",)):
            frame = lines.frame.drop_nulls()
            keys.append(_hashes(frame["uid"][:left]))
            values.append(server_places(frame["server_name"][:left], self._known))
            left -= frame.height
            if left < 0:
                self._note("ssl", f"more than {MAX_UIDS} connections; later ones have no name")
                break
        if keys:
            self._keys, first = np.unique(np.concatenate(keys), return_index=True)
            self._values = np.concatenate(values)[first]
        for lines in self._rows("dns", _DNS, ("query", "answers")):
            for query, given in lines.frame.drop_nulls().iter_rows():
                for text in given:
                    self._known.answer(text, query)
        note = self._known.note()
        if note is not None:
            self._counters.notes.append(note)

    def server_names(self, uids: pl.Series) -> npt.NDArray[np.int32]:
        """Return for each connection the place of its name in ``Names.servers``; UNKNOWN.

        Parameters
        ----------
        uids : of connections; null where there is none.
        """
        if not len(self._keys):
            return np.full(len(uids), UNKNOWN, np.int32)
        wanted = _hashes(uids)
        at: Int64Array = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        is_known = (self._keys[at] == wanted) & uids.is_not_null().to_numpy()
        return np.where(is_known, self._values[at], UNKNOWN).astype(np.int32)

    def _rows(self, log: str, fields: dict[str, Any], needed: tuple[str, ...]) -> Iterator[Lines]:
        path = beside(self._path, log)
        if path is None:
            return
        counters = RecordCounters()
        try:
            stream = open_input(Input(path, path, None))
            try:
                head, whole = with_head(cast(BinaryIO, stream), HEAD_OCTETS)
                yield from _read(path, log, whole, head, fields, needed, counters, self._strict)
            finally:
                stream.close()
        except (UnpackError, OSError) as error:
            counters.notes.append(f"cannot be read: {error}")
        except SourceError as error:
            if self._strict:
                raise
            counters.notes.append(f"cannot be used: {error}")
        self._tell(log, path, counters)

    def _tell(self, log: str, path: str, counters: RecordCounters) -> None:
        for note in counters.notes:
            self._note(log, f"{path}: {note}")
        if counters.faulty:
            n = counters.faulty.total()
            self._note(log, f"{n} rows could not be used; {counters.examples[0]}")

    def _note(self, log: str, text: str) -> None:
        self._counters.notes.append(f"names of {log}.log: {text}")


def beside(path: str, log: str) -> str | None:
    """Return where the other log of the same hour lies, None if it does not.

    Parameters
    ----------
    path : of ``conn.log``, whatever stands around ``conn``.
    log : ``ssl`` or ``dns``.

    Examples
    --------
    >>> beside("-", "ssl") is None
    True
    """
    folder, name = os.path.split(path)
    found = list(_CONN.finditer(name))
    if not found:
        return None
    other = f"{name[: found[-1].start()]}{log}{name[found[-1].end() :]}"
    plain = other
    for suffix in _PACKED:
        plain = plain.removesuffix(suffix)
    for candidate in (other, plain, *(plain + suffix for suffix in _PACKED)):
        at = Path(folder, candidate)
        try:
            if at.is_file():
                return str(at)
        except (OSError, ValueError):
            return None
    return None


def _read(
    path: str,
    log: str,
    stream: BinaryIO,
    head: bytes,
    fields: dict[str, Any],
    needed: tuple[str, ...],
    counters: RecordCounters,
    strict: bool,
) -> Iterator[Lines]:
    kind = zeek_log(head)
    if kind is None or kind.path not in (log, ""):
        raise SourceError(path, f"no {log}.log of Zeek; names from it are not used")
    if kind.encoding == JSON:
        documents = JsonDocuments(path, stream, counters, strict=strict)
        yield from JsonRows(documents, counters, fields, strict=strict).read()
        return
    blocks = TextBlocks(path, stream, counters, strict=strict)
    rows = ZeekTsv(path, log, blocks, list(fields), needed, counters, strict=strict)
    for lines in rows.read():
        frame = lines.frame
        if "answers" in fields:
            frame = frame.with_columns(pl.col("answers").str.split(rows.set_separator))
        yield Lines(frame, lines.numbers)


def _hashes(uids: pl.Series) -> npt.NDArray[np.uint64]:
    hashes: npt.NDArray[np.uint64] = uids.hash(_SEED).to_numpy()
    return hashes
