# SPDX-License-Identifier: Apache-2.0
"""The first octets of inputs, unpacked: enough to tell what they are, and no more is read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias, cast

from minewatch.errors import SourceError
from minewatch.readers import remote
from minewatch.readers.source import PARQUET_MAGIC, Input, Opened, open_counted, reason_of
from minewatch.readers.unpack import Counted, UnpackError, unpack
from minewatch.readers.urls import is_web

Head: TypeAlias = tuple[Input, bytes | SourceError]
"""An input, still open if it is a pipe, and its first octets or why there are none."""
_AT_ONCE: Final = 64
"""Objects that are asked for together: a store answers late, but many at a time."""


def head_of(source: Input, size: int) -> Head:
    """Return the first octets of an input.

    Parameters
    ----------
    source : the input.
    size : octets.
    """
    try:
        opened = open_counted(source)
    except SourceError as error:
        return source, error
    keep = False
    try:
        head = opened.peek(size)
        keep = not opened.packed.seekable()
    except (UnpackError, OSError) as error:
        return source, _as_source_error(source, error)
    finally:
        if not keep:
            opened.close()
    return (replace(source, opened=opened) if keep else source), head


def heads_of_objects(sources: Sequence[Input], size: int) -> Iterator[Head]:
    """Yield the first octets of each object of a remote store, many of them asked for at once.

    Parameters
    ----------
    sources : the objects; their paths are URLs of one store.
    size : octets of each.
    """
    if any(is_web(one.path) for one in sources):
        yield from (head_of(one, size) for one in sources)
        return
    for start in range(0, len(sources), _AT_ONCE):
        batch = sources[start : start + _AT_ONCE]
        sizes = [size if one.octets is None else min(size, one.octets) for one in batch]
        parts = remote.starts([one.path for one in batch], sizes)
        for one, part in zip(batch, parts, strict=True):
            yield (one, part) if isinstance(part, SourceError) else _unpacked(one, part, size)


def _unpacked(source: Input, part: bytes, size: int) -> Head:
    """Unpack the start of an object; if it is too short for that, read as much as it takes."""
    if len(part) == size and part.startswith(PARQUET_MAGIC):
        return head_of(source, size)  # it says at its end what it is
    packed = Counted(cast(io.RawIOBase, io.BytesIO(part)))
    with Opened(unpack(packed), packed) as opened:
        try:
            return source, opened.peek(size)
        except (UnpackError, OSError) as error:
            if len(part) < size:
                return source, _as_source_error(source, error)
    return head_of(source, size)


def _as_source_error(source: Input, error: UnpackError | OSError) -> SourceError:
    if isinstance(error, UnpackError):
        return SourceError(source.name, f"cannot be unpacked: {error}; unpack it by hand")
    return SourceError(source.name, f"cannot be read: {reason_of(error)}")
