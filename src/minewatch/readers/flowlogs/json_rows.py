# SPDX-License-Identifier: Apache-2.0
"""JSON documents of one kind as columns, many at a time.

This is for logs that are written as columns too (Zeek's, tables of minewatch): one set of rules
then holds for all ways of writing them. Documents that must each be looked at by themselves, as
their members depend on what they tell of, become records one by one (``json_source``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import polars as pl

from minewatch.readers.flowlogs.delimited import Lines
from minewatch.readers.flowlogs.json_documents import JsonDocuments
from minewatch.records import RecordCounters

ROWS: Final = 1 << 16
"""Documents of one block, at most."""
BLOCK_OCTETS: Final = 1 << 25
"""Octets of documents that make a block though they are few: long ones must not add up."""
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]
"""A number that fits the columns of tables."""
_DTYPES: Final[Mapping[object, pl.DataType]] = {
    str: pl.String(),
    float: pl.Float64(),
    Whole: pl.Int64(),
    bool: pl.Boolean(),
    list[str]: pl.List(pl.String),
    float | str: pl.Float64(),
}


class JsonRows:
    r"""The documents of one log as blocks of columns.

    Parameters
    ----------
    documents : of the log.
    counters : where documents of another kind are counted.
    fields : type by member; a member that is absent or null is null.
    strict : the first fault raises SourceError.
    prepare : changes a document's values in place before they become a row; ``ValueError`` tells
        that one is no good.

    Examples
    --------
    >>> import io
    >>> counters = RecordCounters()
    >>> log = io.BytesIO(b'{"id.a": 1}\n{"id.a": "x"}')
    >>> rows = JsonRows(JsonDocuments("a.log", log, counters, strict=False), counters,
    ...     {"id.a": Whole}, strict=False)
    >>> [lines.frame.to_dicts() for lines in rows.read()]
    [[{'id.a': 1}]]
    >>> counters.faulty
    Counter({'not the JSON that is expected': 1})
    """

    def __init__(
        self,
        documents: JsonDocuments,
        counters: RecordCounters,
        fields: Mapping[str, Any],
        *,
        strict: bool,
        prepare: Callable[[Any], None] | None = None,
    ) -> None:
        self._documents = documents
        self._counters = counters
        self._strict = strict
        self._prepare = prepare
        self._attributes = {name: attribute(name) for name in fields}
        self._schema = {name: _DTYPES.get(type_, pl.String()) for name, type_ in fields.items()}
        self._decoder = msgspec.json.Decoder(_struct(fields))

    def read(self) -> Iterator[Lines]:
        """Yield the documents in blocks, each row with its number.

        Raises
        ------
        SourceError : strict, and a document is not as expected.
        """
        rows: list[Any] = []
        numbers: list[int] = []
        held = 0
        for number, octets in self._documents.read():
            row = self._row(number, octets)
            if row is not None:
                rows.append(row)
                numbers.append(number)
                held += len(octets)
            if len(rows) == ROWS or held >= BLOCK_OCTETS:
                yield self._lines(rows, numbers)
                rows, numbers, held = [], [], 0
        if rows:
            yield self._lines(rows, numbers)

    def _row(self, number: int, octets: bytes) -> Any:
        try:
            row = self._decoder.decode(octets)
            if self._prepare is not None:
                self._prepare(row)
        # Nesting without end is met by RecursionError; ValueError is also that of a bad text.
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
            self._counters.rows_seen += 1
            self._counters.fault(
                "not the JSON that is expected",
                self._documents.place(number),
                f"look at it: {' '.join(str(error).split())[:200]}",
                strict=self._strict,
            )
            return None
        return row

    def _lines(self, rows: list[Any], numbers: list[int]) -> Lines:
        columns = {
            name: pl.Series(
                name, [getattr(row, attribute) for row in rows], self._schema[name], strict=False
            )
            for name, attribute in self._attributes.items()
        }
        return Lines(pl.DataFrame(columns), np.array(numbers, np.int64))


def attribute(name: str) -> str:
    """Return the name of the attribute that holds a member.

    Parameters
    ----------
    name : of the member.

    Examples
    --------
    >>> attribute("id.orig_h")
    'm_id_orig_h'
    """
    return "m_" + "".join(c if c.isalnum() else "_" for c in name)


def _struct(fields: Mapping[str, Any]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        "Row",
        [(attribute(name), type_ | None, None) for name, type_ in fields.items()],
        rename={attribute(name): name for name in fields},
        gc=False,
    )
