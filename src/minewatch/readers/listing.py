# SPDX-License-Identifier: Apache-2.0
"""What a URL stands for in a remote store: an object, those of a folder, or those that match."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from glob import has_magic
from typing import Any, Final

from minewatch.errors import SourceError
from minewatch.readers.remote import asked, connect
from minewatch.readers.urls import is_url, is_web, printable_url

MAX_OBJECTS: Final = 100_000
"""Objects and folders that one URL may make us look through."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects that a URL stands for, in order."""

    objects: list[tuple[str, int | None]]
    """URL and size, if that is known."""
    is_folder: bool
    """They lie below what was named; it is no object and no pattern."""


def find_objects(url: str) -> Listing:
    """Return the objects that a URL stands for: itself, those below it or those that match.

    Parameters
    ----------
    url : of an object, a folder (prefix), or a pattern.

    Raises
    ------
    SourceError : there are none, or the store does not let us look.
    """
    system, path = connect(url)

    def look() -> Listing:
        search = _Search(system, url)
        # A query may hold a question mark; only a store of objects has patterns.
        if has_magic(path) and not is_web(url):
            found, is_folder = search.matching(path), False
        else:
            info = system.info(path)
            is_folder = info["type"] == "directory"
            found = list(search.below(path)) if is_folder else [info]
        url_of = _namer(url, path)
        objects = [(url_of(one["name"]), one.get("size")) for one in found]
        return Listing(sorted(objects, key=lambda one: one[0]), is_folder)

    listing = asked(look, url)
    if not listing.objects:
        what = "no object below it" if listing.is_folder else "the pattern matches no object"
        raise SourceError(printable_url(url), f"{what}; check the name")
    return listing


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
    url : what the user named.
    """

    def __init__(self, system: Any, url: str) -> None:
        self._system = system
        self._url = url
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
            below = {one["name"] for one in matches if one["type"] == "directory"}
            folders = folders | below if part == "**" else below
            if place == len(parts) - 1:
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
                raise SourceError(
                    printable_url(self._url),
                    f"more than {MAX_OBJECTS:,} objects; name a narrower folder, or a pattern",
                )
            if one["name"].rstrip("/").strip("/") != folder.strip("/"):
                yield one | {"name": one["name"].rstrip("/")}


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]
