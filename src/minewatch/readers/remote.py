# SPDX-License-Identifier: Apache-2.0
"""Inputs by URL: object stores and whatever else fsspec knows; read as they come, never copied.

Credentials are those that the libraries find in their usual places: the environment, their
configuration files, the machine's role. Nothing here keeps or prints them.
"""

from __future__ import annotations

import errno
import fnmatch
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from glob import has_magic
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from minewatch.errors import SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_OBJECTS: Final = 100_000
"""Objects and folders that one URL may make us look through."""
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL_IN_TEXT: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_NAMES_CONTAINER: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Azure writes ``abfss://container@account/``: what stands before the @ is no secret."""
_SHOWN_REASON: Final = 200
_BLOCK_OCTETS: Final = 4 << 20
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects that a URL stands for, in order."""

    objects: list[tuple[str, int | None]]
    """URL and size, if that is known."""
    is_folder: bool
    """They lie below what was named; it is no object and no pattern."""


def is_url(text: str) -> bool:
    """Return whether an argument is a URL, and no file.

    Parameters
    ----------
    text : the argument.

    Examples
    --------
    >>> is_url("s3://bucket/logs/"), is_url("logs/a.gz")
    (True, False)
    """
    return _URL.match(text) is not None


def local_path(argument: str) -> str | None:
    """Return the path of a file on this machine, None if the argument is a URL elsewhere.

    Parameters
    ----------
    argument : a path or a URL; ``file://`` is of this machine (RFC 8089).

    Examples
    --------
    >>> local_path("file:///var/log/a%20b.gz")
    '/var/log/a b.gz'
    >>> local_path("gs://bucket/a.gz") is None
    True
    """
    if not is_url(argument):
        return argument
    parts = urlsplit(argument)
    if parts.scheme != "file":
        return None
    if parts.netloc not in ("", "localhost"):
        raise SourceError(argument, "a file of another machine; write file:///path")
    return unquote(parts.path)


def printable_url(url: str) -> str:
    """Return a URL without what may be secret: user, password and query.

    Parameters
    ----------
    url : as the user gave it, or a library.

    Examples
    --------
    >>> printable_url("https://me:secret@logs.example/a.gz?X-Amz-Signature=0123")
    'https://logs.example/a.gz'
    >>> printable_url("abfss://flows@account.dfs.core.windows.net/a.json")
    'abfss://flows@account.dfs.core.windows.net/a.json'
    """
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    user, at, place = host.rpartition("@")
    if at and (scheme.lower() not in _NAMES_CONTAINER or ":" in user):
        host = place
    return f"{scheme}://{host}{slash}{path}"


def find(url: str) -> Listing:
    """Return the objects that a URL stands for: itself, those below it or those that match.

    Parameters
    ----------
    url : of an object, a folder (prefix), or a pattern.

    Raises
    ------
    SourceError : there are none, or the store does not let us look.
    """
    system, path = _connect(url)

    def look() -> Listing:
        search = _Search(system)
        # A query may hold a question mark; only a store of objects has patterns.
        if has_magic(path) and not url.startswith("http"):
            found, is_folder = search.matching(path), False
        else:
            info = system.info(path)
            is_folder = info["type"] == "directory"
            found = list(search.below(path)) if is_folder else [info]
        url_of = _namer(url, path)
        return Listing(sorted((url_of(one["name"]), one.get("size")) for one in found), is_folder)

    listing = _asked(look, url)
    if not listing.objects:
        what = "no object below it" if listing.is_folder else "the pattern matches no object"
        raise SourceError(printable_url(url), f"{what}; check the name")
    return listing


def open_url(url: str) -> io.RawIOBase:
    """Open an object for reading; it is fetched block by block.

    Parameters
    ----------
    url : of the object.

    Raises
    ------
    SourceError : there is none, or the store does not let us read.
    """
    system, path = _connect(url)
    return _Object(_asked(lambda: system.open(path, "rb", block_size=_BLOCK_OCTETS), url))


def _connect(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it. Nothing is sent yet."""
    scheme = url.partition("://")[0]
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


def _namer(url: str, path: str) -> Callable[[str], str]:
    """Return what makes a URL of a name in a listing.

    ``path`` is what the file system made of ``url``: most often its end.
    """
    plain = url.rstrip("/")
    if plain.endswith(path):
        start = plain[: len(plain) - len(path)]
        return lambda name: name if is_url(name) else start + name
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    return lambda name: f"{scheme}://{host}/{name.lstrip('/').partition('/')[2]}"


class _Search:
    """Looks through a file system, and not for ever.

    Parameters
    ----------
    system : of fsspec.
    """

    def __init__(self, system: Any) -> None:
        self._system = system
        self._seen = 0

    def below(self, folder: str) -> Iterator[dict[str, Any]]:
        """Yield the objects below a folder, at any depth."""
        for one in self._everything_below(folder):
            if one["type"] != "directory":
                yield one

    def matching(self, pattern: str) -> list[dict[str, Any]]:
        """Return the objects that match; only folders that may hold one are listed."""
        parts = pattern.split("/")
        first = next(place for place, part in enumerate(parts) if has_magic(part))
        folders = {"/".join(parts[:first])}
        found: dict[str, dict[str, Any]] = {}
        for place, part in enumerate(parts[first:], first):
            matches = [one for folder in sorted(folders) for one in self._step(folder, part)]
            is_last = place == len(parts) - 1
            if part == "**" and not is_last:
                folders |= {one["name"] for one in matches if one["type"] == "directory"}
            else:
                folders = {one["name"] for one in matches if one["type"] == "directory"}
            if is_last:
                found = {one["name"]: one for one in matches if one["type"] != "directory"}
        return list(found.values())

    def _step(self, folder: str, part: str) -> Iterator[dict[str, Any]]:
        """Yield what in a folder matches one part of a pattern."""
        if part == "**":
            yield from self._everything_below(folder)
            return
        for one in self._list(folder):
            if fnmatch.fnmatchcase(_last_part(one["name"]), part):
                yield one

    def _everything_below(self, folder: str) -> Iterator[dict[str, Any]]:
        waiting = [folder]
        while waiting:
            for one in self._list(waiting.pop()):
                yield one
                if one["type"] == "directory":
                    waiting.append(one["name"])

    def _list(self, folder: str) -> Iterator[dict[str, Any]]:
        """Yield what lies in a folder, but for the empty objects that stand for the folder.

        Raises
        ------
        SourceError : more was seen than anybody can want to read in one run.
        """
        for one in self._system.ls(folder, detail=True):
            self._seen += 1
            if self._seen > MAX_OBJECTS:
                raise _TooManyError
            if one["name"].rstrip("/").strip("/") != folder.strip("/"):
                yield one | {"name": one["name"].rstrip("/")}


class _TooManyError(Exception):
    """A listing does not end."""


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def _asked(request: Callable[[], _Result], url: str) -> _Result:
    """Return what a request gives; whatever a library raises becomes a SourceError."""
    try:
        return request()
    except SourceError:
        raise
    except Exception as error:
        raise _source_error(url, error) from error


def _source_error(url: str, error: Exception) -> SourceError:
    return SourceError(printable_url(url), _reason(error))


def _reason(error: Exception) -> str:
    """Why a request failed, with a cure where there is one, and without secrets."""
    if isinstance(error, _TooManyError):
        return f"more than {MAX_OBJECTS:,} objects; name a narrower folder, or a pattern"
    if isinstance(error, FileNotFoundError):
        return "no such bucket, folder or object; check the name"
    if isinstance(error, PermissionError):
        return "access is denied; check the credentials in the environment, and their rights"
    text = " ".join(str(error).split()) or type(error).__name__
    text = _URL_IN_TEXT.sub(lambda match: printable_url(match[0]), text)
    return f"cannot be read: {text[:_SHOWN_REASON]}"


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
        return bool(self._file.seekable())

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
