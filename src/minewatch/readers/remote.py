# SPDX-License-Identifier: Apache-2.0
"""Inputs by URL: object stores and whatever else fsspec knows; read as they come, never copied.

Credentials are those that the libraries find in their usual places: the environment, their
configuration files, the machine's role. Nothing here keeps or prints them.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from minewatch.errors import SourceError
from minewatch.readers.urls import printable_url, without_secrets

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SHOWN_REASON: Final = 200
_BLOCK_OCTETS: Final = 4 << 20
_Result = TypeVar("_Result")


def open_url(url: str) -> io.RawIOBase:
    """Open an object for reading; it is fetched block by block.

    Parameters
    ----------
    url : of the object.

    Raises
    ------
    SourceError : there is none, or the store does not let us read.
    """
    system, path = connect(url)
    return _Object(asked(lambda: system.open(path, "rb", block_size=_BLOCK_OCTETS), url))


def starts(urls: Sequence[str], sizes: Sequence[int]) -> list[bytes | SourceError]:
    """Return the first octets of objects, or why they cannot be had; all are asked for at once.

    Parameters
    ----------
    urls : of objects of one store.
    sizes : octets wanted of each; no object is shorter.
    """
    answers: dict[str, bytes | SourceError] = {}
    # Stores refuse to give a range of nothing.
    wanted = {url: size for url, size in zip(urls, sizes, strict=True) if size > 0}
    if wanted:
        first = next(iter(wanted))
        system, _ = connect(first)
        paths = [system._strip_protocol(url) for url in wanted]
        ends = list(wanted.values())
        parts = asked(lambda: system.cat_ranges(paths, [0] * len(paths), ends), first)
        for url, part in zip(wanted, parts, strict=True):
            answers[url] = _source_error(url, part) if isinstance(part, Exception) else bytes(part)
    return [answers.get(url, b"") for url in urls]


def connect(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it.

    Nothing of the path is asked for yet; a library may look for credentials where it runs.
    """
    scheme, _, place = url.partition("://")
    if not place.strip("/"):
        raise SourceError(printable_url(url), f"name what to read: {scheme}://bucket/folder")
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(scheme.lower())
        # Not ``url_to_fs``: a name with "::" in it would chain to another file system.
        arguments = kind._get_kwargs_from_urls(url)
        return kind(**arguments), kind._strip_protocol(url)
    except ImportError as error:
        raise SourceError(
            printable_url(url),
            f"{scheme}:// needs libraries that are not here: pip install 'minewatch[cloud]'",
        ) from error
    except Exception as error:
        raise _source_error(url, error) from error


def asked(request: Callable[[], _Result], url: str) -> _Result:
    """Return what a request gives; whatever a library raises becomes a SourceError."""
    try:
        return request()
    except SourceError:
        raise
    except Exception as error:
        raise _source_error(url, error) from error


def _source_error(url: str, error: Exception) -> SourceError:
    return SourceError(printable_url(url), f"cannot be read: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Why a request failed, with a cure where there is one, and without secrets."""
    if isinstance(error, FileNotFoundError):
        return "no such bucket, folder or object; check the name"
    if isinstance(error, PermissionError):
        return "access is denied; check the credentials in the environment, and their rights"
    text = " ".join(str(error).split()) or type(error).__name__
    return without_secrets(text)[:_SHOWN_REASON]


class _Object(io.RawIOBase):
    """An object that is open; its library's errors become those of a file.

    Parameters
    ----------
    file : of fsspec.
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        # A web server that gives no size gives no parts either, though the library says so.
        return bool(self._file.seekable()) and getattr(self._file, "size", 0) is not None

    def readinto(self, room: WriteableBuffer) -> int:
        view = memoryview(room).cast("B")
        part = self._safely(lambda: self._file.read(len(view)))
        view[: len(part)] = part
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return int(self._safely(lambda: self._file.seek(offset, whence)))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _safely(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:
            # With a number: without one it would be taken for a damage of what is packed.
            raise OSError(errno.EREMOTEIO, _reason(error)) from error
