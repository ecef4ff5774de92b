# SPDX-License-Identifier: Apache-2.0
"""Which kind an input is, told by its first octets, and what reads a flow log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final, cast

from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import ConfigError, SourceError
from minewatch.readers.source import (
    CAPTURE,
    Input,
    Opened,
    is_capture_magic,
    open_counted,
    reason_of,
)
from minewatch.readers.unpack import Counted, UnpackError
from minewatch.readers.urls import is_url
from minewatch.records import Names, RecordArray, RecordCounters

__all__ = [
    "CAPTURE",
    "HEAD_OCTETS",
    "beside_of",
    "check_name",
    "format_of",
    "kind_of",
    "of_no_kind",
    "open_flows",
]

HEAD_OCTETS: Final = 1 << 16
"""What a format may look at; a line of a log is shorter."""
_SHOWN_OCTETS: Final = 48


def format_of(head: bytes, formats: Sequence[FlowFormat]) -> FlowFormat | None:
    """Return the first format that recognises an input, None if none does.

    Parameters
    ----------
    head : the first ``HEAD_OCTETS`` of the unpacked input.
    formats : which there are.
    """
    return next((one for one in formats if one.recognises(head)), None)


def kind_of(head: bytes, formats: Sequence[FlowFormat]) -> str | None:
    """Return the name of an input's format, ``CAPTURE``, or None if it is neither.

    Flow formats are asked first: an export of flows may come as a capture of its datagrams.

    Parameters
    ----------
    head : the first ``HEAD_OCTETS`` of the unpacked input.
    formats : which there are.

    Examples
    --------
    >>> kind_of(bytes.fromhex("0a0d0d0a1c000000"), [])
    'capture'
    """
    found = format_of(head, formats)
    if found is not None:
        return found.name
    return CAPTURE if is_capture_magic(head) else None


def beside_of(path: str, head: bytes, formats: Sequence[FlowFormat]) -> str | None:
    """Return the name of the format that reads this file together with another one.

    A format may have a method ``is_beside(path, head)`` for that: Zeek's ``ssl.log`` belongs to
    ``conn.log``.

    Parameters
    ----------
    path : where it lies.
    head : its first octets, unpacked.
    formats : which there are.
    """
    for one in formats:
        is_beside: Callable[[str, bytes], bool] | None = getattr(one, "is_beside", None)
        if is_beside is not None and is_beside(path, head):
            return one.name
    return None


def check_name(name: str, formats: Sequence[FlowFormat]) -> None:
    """Refuse a value of ``--input-format`` that is no format.

    Parameters
    ----------
    name : the value.
    formats : which there are.

    Raises
    ------
    ConfigError : it is none.

    Examples
    --------
    >>> check_name("capture", [])
    """
    known = _names(formats)
    if name not in known:
        raise ConfigError(f"--input-format {name!r}: not known; one of {', '.join(known)}")


def of_no_kind(name: str, head: bytes, formats: Sequence[FlowFormat]) -> SourceError:
    """Return the error for an input that nobody recognises.

    Parameters
    ----------
    name : what the user called it.
    head : its first octets, unpacked.
    formats : which there are.

    Examples
    --------
    >>> str(of_no_kind("a.txt", b"hello", []))
    "a.txt: of no known kind: it begins with 'hello'; if you know better, say so with
    --input-format (one of capture)"
    """
    if not head:
        return SourceError(name, "the file is empty; capture or export again")
    return SourceError(
        name,
        f"of no known kind: it begins with {_shown(head)}; if you know better, say so with "
        f"--input-format (one of {', '.join(_names(formats))})",
    )


def open_flows(
    source: Input, formats: Sequence[FlowFormat], forced: str | None, strict: bool
) -> FlowSource:
    """Open a flow log with the format that it is of.

    ``counters.octets_read`` of what is returned are octets of the file, packed as they are; reading
    raises ``SourceError`` and nothing else.

    Parameters
    ----------
    source : the log; its ``format`` counts if it is one of flows.
    formats : which there are.
    forced : the name of the format, whatever it looks like; None to tell by its head.
    strict : the first fault is an error.

    Raises
    ------
    SourceError : it cannot be opened, is of no known kind or a capture, or nothing can be used.
    """
    name = forced or (source.format if source.format != CAPTURE else None)
    opened = open_counted(source)
    try:
        found = next((one for one in formats if one.name == name), None)
        if found is None:
            found = _recognised(source, opened, formats)
        # Nothing on this machine lies beside a URL, and it may hold a secret.
        path = source.name if is_url(source.path) else source.path
        flows = found.open(source.name, path, cast(BinaryIO, opened.stream), strict=strict)
    except (UnpackError, OSError) as error:
        opened.close()
        raise _as_source_error(source.name, error) from error
    except BaseException:
        opened.close()
        raise
    return _Guarded(flows, opened.packed if opened.is_packed else None)


def _recognised(source: Input, opened: Opened, formats: Sequence[FlowFormat]) -> FlowFormat:
    head = opened.peek(HEAD_OCTETS)
    found = format_of(head, formats)
    if found is not None:
        return found
    if is_capture_magic(head):
        raise SourceError(source.name, "a capture, and no flow log; name one")
    raise of_no_kind(source.name, head, formats)


class _Guarded:
    """A source that tells octets of its file, and of which no error but ``SourceError`` comes.

    Parameters
    ----------
    flows : what reads the log.
    packed : its file, if that is packed: the reader knows how much it read of any other.
    """

    def __init__(self, flows: FlowSource, packed: Counted | None) -> None:
        self._flows = flows
        self._packed = packed

    @property
    def name(self) -> str:
        return self._flows.name

    @property
    def counters(self) -> RecordCounters:
        return self._flows.counters

    @property
    def names(self) -> Names:
        return self._flows.names

    def read(self) -> Iterator[RecordArray]:
        try:
            for block in self._flows.read():
                self._count()
                yield block
        except (UnpackError, OSError) as error:
            raise _as_source_error(self.name, error) from error
        finally:
            self._count()

    def close(self) -> None:
        self._flows.close()

    def _count(self) -> None:
        if self._packed is not None:
            self.counters.octets_read = self._packed.octets


def _as_source_error(name: str, error: UnpackError | OSError) -> SourceError:
    if isinstance(error, UnpackError):
        return SourceError(name, f"cannot be unpacked: {error}; unpack it by hand")
    return SourceError(name, f"cannot be read: {reason_of(error)}")


def _names(formats: Sequence[FlowFormat]) -> list[str]:
    return [CAPTURE, *(one.name for one in formats)]


def _shown(head: bytes) -> str:
    """The first octets as text, or in hexadecimal if they are none."""
    text = head[:_SHOWN_OCTETS].decode("ascii", "replace")
    if all(c.isprintable() or c in "\t\r\n" for c in text.replace("\ufffd", "\0")):
        return repr(text)
    return f"the octets {head[: _SHOWN_OCTETS // 4].hex(' ')}"
