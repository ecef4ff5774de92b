# SPDX-License-Identifier: Apache-2.0
"""Finding inputs: files, folders, patterns, standard input, URLs; and which kind each is."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from minewatch.contracts import FlowFormat
from minewatch.errors import SourceError
from minewatch.readers.formats import HEAD_OCTETS, beside_of, kind_of, of_no_kind
from minewatch.readers.heads import Head, head_of, heads_of_objects
from minewatch.readers.listing import find_objects
from minewatch.readers.source import CAPTURE, STDIN, Input, is_capture_magic, reason_of
from minewatch.readers.urls import is_url, local_path, printable_url

_MAGIC_OCTETS: Final = 4


@dataclass(slots=True)
class Found:
    """What arguments stand for."""

    inputs: list[Input] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    """One for each argument that names nothing, and for each file that cannot be read."""
    notes: list[str] = field(default_factory=list)
    """What was passed over in a folder, and what was named twice, one line each."""


def find_inputs(arguments: Sequence[str]) -> tuple[list[Input], list[SourceError]]:
    """Return the captures that the arguments name, and an error for each that names none.

    A folder stands for every capture below it, a pattern for every file that it matches.
    """
    found = find(arguments, ())
    return found.inputs, found.errors


def find(
    arguments: Sequence[str], formats: Sequence[FlowFormat], forced: str | None = None
) -> Found:
    """Return what the arguments name, each with its format.

    A folder stands for every capture and flow log below it, a pattern for every file that it
    matches. What is named more than once, by whatever path, counts once. With formats to tell
    apart, each file's head is read; a pipe is opened for that and stays so. Without, a file that is
    named is taken for a capture, unseen.

    Parameters
    ----------
    arguments : files, folders, patterns, URLs and ``-``.
    formats : kinds of flow logs that there are.
    forced : the format that all inputs are of; nothing is looked at.
    """
    search = _Search(formats, forced)
    for argument in arguments:
        try:
            search.add(argument)
        except SourceError as error:
            search.found.errors.append(error)
        except OSError as error:
            search.found.errors.append(_unreadable(argument, error))
    search.settle()
    return search.found


class _Search:
    """The inputs found so far.

    Parameters
    ----------
    formats : kinds of flow logs that there are.
    forced : the format that all inputs are of.
    """

    def __init__(self, formats: Sequence[FlowFormat], forced: str | None) -> None:
        self.found = Found()
        self._formats = formats
        self._forced = forced
        self._beside: list[tuple[Input, str]] = []
        self._seen: set[str] = set()
        self._repeated: list[str] = []

    def add(self, argument: str) -> None:
        """Add what an argument stands for.

        Raises
        ------
        SourceError : nothing.
        """
        if argument == STDIN:
            self._add_files([Input("standard input", STDIN, None)])
            return
        path = local_path(argument)
        if path is None:
            self._add_remote(argument)
        elif os.path.isdir(path):
            self._add_folder(path)
        else:
            self._add_files(_expand(path))

    def settle(self) -> None:
        """Tell of files named twice, complain of those that belong to one that is not there."""
        if self._repeated:
            self.found.notes.append(_told_of_repeated(self._repeated))
        folders = {(_folder_of(one.path), one.format) for one in self.found.inputs}
        for one, format in self._beside:
            if (_folder_of(one.path), format) not in folders:
                self.found.errors.append(
                    SourceError(
                        one.name,
                        f"tells of no flows by itself; name the log of {format} in the same "
                        "folder that it belongs to",
                    )
                )

    def _add_remote(self, url: str) -> None:
        listing = find_objects(url)
        objects = (Input(printable_url(one), one, size) for one, size in listing.objects)
        inputs = list(self._not_yet_seen(objects))
        if listing.is_folder:
            self._sift(printable_url(url), heads_of_objects(inputs, HEAD_OCTETS))
        elif self._is_blind:
            self._add_blindly(inputs)
        else:
            for one, head in heads_of_objects(inputs, HEAD_OCTETS):
                self._add_named(one, head)

    def _add_files(self, inputs: Sequence[Input]) -> None:
        """Add files and pipes that the user names."""
        inputs = list(self._not_yet_seen(inputs))
        if self._is_blind:
            self._add_blindly(inputs)
            return
        for one in inputs:
            self._add_named(*head_of(one, HEAD_OCTETS))

    def _not_yet_seen(self, inputs: Iterable[Input]) -> Iterator[Input]:
        """Yield those inputs that were not named before: counts of one would add up."""
        for one in inputs:
            place = one.path
            if place != STDIN and not is_url(place):
                place = os.path.realpath(place)
            if place in self._seen:
                self._repeated.append(one.name)
            else:
                self._seen.add(place)
                yield one

    @property
    def _is_blind(self) -> bool:
        """Whether what is named is taken for what the user says, or for a capture."""
        return self._forced is not None or not self._formats

    def _add_blindly(self, inputs: Iterable[Input]) -> None:
        format = self._forced or CAPTURE
        self.found.inputs.extend(replace(one, format=format) for one in inputs)

    def _add_named(self, source: Input, head: bytes | SourceError) -> None:
        """Add an input that must be of a known kind, because the user names it."""
        if isinstance(head, SourceError):
            self.found.errors.append(head)
        elif (beside := beside_of(source.path, head, self._formats)) is not None:
            self._beside.append((source, beside))
        elif (kind := kind_of(head, self._formats)) is not None:
            self.found.inputs.append(replace(source, format=kind))
        else:
            self.found.errors.append(of_no_kind(source.name, head, self._formats))
            if source.opened is not None:
                source.opened.close()

    def _add_folder(self, folder: str) -> None:
        """Add what lies below a folder, and an error for all that could not be looked at."""

        def unreadable(error: OSError) -> None:
            self.found.errors.append(_unreadable(str(error.filename), error))

        paths: list[Path] = []
        for parent, _, names in os.walk(folder, onerror=unreadable):
            paths.extend(Path(parent, name) for name in names)
        files = self._not_yet_seen(self._files(sorted(paths)))
        self._sift(folder, (head_of(one, self._head_octets(one)) for one in files))

    def _files(self, paths: Iterable[Path]) -> Iterator[Input]:
        """Yield those that are files; a folder may be read and what lies in it may not."""
        for path in paths:
            try:
                if path.is_file():
                    yield _as_input(path)
            except OSError as error:
                self.found.errors.append(_unreadable(str(path), error))

    def _head_octets(self, source: Input) -> int:
        return _MAGIC_OCTETS if self._is_capture_or_nothing(source) else HEAD_OCTETS

    def _is_capture_or_nothing(self, source: Input) -> bool:
        """Whether a file of a folder can be no flow log."""
        return not self._formats or self._forced == CAPTURE or _is_aside(source.path)

    def _sift(self, folder: str, heads: Iterable[Head]) -> None:
        """Add those files of a folder that are inputs.

        Raises
        ------
        SourceError : there are none, and nothing else is wrong.
        """
        before = self._n_told
        passed_over: list[str] = []
        for one, head in heads:
            if isinstance(head, SourceError):
                self.found.errors.append(head)
            elif kind := self._kind_in_folder(one, head):
                self.found.inputs.append(replace(one, format=kind))
            elif kind is None:
                passed_over.append(one.name)
        if self._n_told == before:
            raise SourceError(folder, self._nothing_here())
        if passed_over and self._formats:
            self.found.notes.append(_told(folder, passed_over))

    @property
    def _n_told(self) -> int:
        """How many files something was said of."""
        return len(self.found.inputs) + len(self.found.errors) + len(self._repeated)

    def _kind_in_folder(self, source: Input, head: bytes) -> str | None:
        """Return the kind of a file, empty if it is to be passed over silently, None if unknown."""
        if self._is_capture_or_nothing(source):
            unknown = "" if _is_aside(source.path) else None
            return CAPTURE if is_capture_magic(head) else unknown
        if not head or beside_of(source.path, head, self._formats) is not None:
            return ""
        return self._forced or kind_of(head, self._formats)

    def _nothing_here(self) -> str:
        if not self._formats:
            return "no capture in this folder; name a file, or a folder with pcap or pcapng"
        return "no capture and no flow log in this folder; name a file, or say --input-format"


def _expand(argument: str) -> list[Input]:
    if not argument:
        raise SourceError("''", "an empty name; check what was to stand there")
    try:
        return [_as_input(Path(argument))]
    except FileNotFoundError:
        return _expand_pattern(argument)
    except (OSError, ValueError) as error:
        raise _unreadable(argument, error) from error


def _expand_pattern(argument: str) -> list[Input]:
    if not glob.has_magic(argument):
        raise SourceError(argument, "no such file; check the name, or give a folder or a pattern")
    paths = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]
    files = [path for path in paths if path.is_file()]
    if not files:
        raise SourceError(argument, "the pattern matches no file")
    return [_as_input(path) for path in files]


def _as_input(path: Path) -> Input:
    state = path.stat()
    return Input(str(path), str(path), state.st_size if stat.S_ISREG(state.st_mode) else None)


def _unreadable(name: str, error: Exception) -> SourceError:
    return SourceError(name, f"cannot be read: {reason_of(error)}")


def _is_aside(path: str) -> bool:
    """Return whether a file is hidden, or a mark that some program left beside its data."""
    name = path.rpartition("/")[2]
    return name.startswith((".", "_")) or name.endswith(".crc")


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _told(folder: str, passed_over: Sequence[str]) -> str:
    first = passed_over[0].removeprefix(folder).lstrip("/")
    if len(passed_over) == 1:
        return f"{folder}: one file of no known kind was passed over: {first}"
    return f"{folder}: {len(passed_over):,} files of no known kind were passed over, {first} first"


def _told_of_repeated(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]}: named more than once; it is read once"
    return f"{names[0]} and {len(names) - 1:,} more: named more than once; each is read once"
