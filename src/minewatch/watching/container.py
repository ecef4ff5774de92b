# SPDX-License-Identifier: Apache-2.0
"""A file of JSON and arrays that is whole or refused, and cannot run code.

It holds: a line that tells format and version; the length of the head, eight octets; the head, JSON
that describes the arrays; the arrays, as they lie in memory; SHA-256 of all before.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from minewatch.errors import SourceError

_MAGIC: Final = b"minewatch checkpoint %d\n"
_DIGEST_OCTETS: Final = 32
_KINDS: Final = frozenset({"<i8", "|u1"})


def write_whole(path: Path, version: int, head: Any, arrays: Mapping[str, np.ndarray]) -> int:
    """Write a file so that it is there whole, or as it was before; return its octets.

    Parameters
    ----------
    path : of the file.
    version : of what it holds.
    head : values of JSON.
    arrays : by name, of int64 or uint8.

    Raises
    ------
    OSError : it cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(number, "wb") as file:
            _write(file, version, head, arrays)
            file.flush()
            os.fsync(file.fileno())
            octets = file.tell()
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return octets


def sync_folder(folder: Path) -> None:
    """Let names that were made, changed or removed in a folder survive a loss of power.

    Parameters
    ----------
    folder : any.
    """
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _write(file: BinaryIO, version: int, head: Any, arrays: Mapping[str, np.ndarray]) -> None:
    digest = hashlib.sha256()

    def put(octets: bytes | memoryview) -> None:
        digest.update(octets)
        file.write(octets)

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    described = [[name, one.dtype.str, list(one.shape)] for name, one in contiguous.items()]
    if any(kind not in _KINDS for _, kind, _ in described):
        raise ValueError("an array that is neither int64 nor uint8")
    text = json.dumps({"head": head, "arrays": described}).encode()
    put(_MAGIC % version)
    put(len(text).to_bytes(8, "little"))
    put(text)
    for array in contiguous.values():
        put(array.reshape(-1).view(np.uint8).data)
    file.write(digest.digest())


def read_whole(path: Path, version: int) -> tuple[Any, dict[str, np.ndarray]]:
    """Return head and arrays of a file.

    Parameters
    ----------
    path : of the file.
    version : that it must have.

    Raises
    ------
    SourceError : it cannot be read, is damaged, or of another version.
    """
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise SourceError(str(path), f"cannot be read: {error.strerror}") from error
    magic = _MAGIC % version
    if not octets.startswith(magic):
        raise SourceError(str(path), _other_version(octets, version))
    body = memoryview(octets)[: max(0, len(octets) - _DIGEST_OCTETS)]
    if hashlib.sha256(body).digest() != octets[-_DIGEST_OCTETS:]:
        raise SourceError(str(path), "is damaged: its checksum does not fit; remove it")
    try:
        return _parsed(body[len(magic) :])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise SourceError(str(path), f"is no checkpoint: {error}; remove it") from error


def _other_version(octets: bytes, version: int) -> str:
    words = octets[:64].split(b"\n")[0].split()
    if words[:2] == [b"minewatch", b"checkpoint"] and len(words) == 3 and words[2].isdigit():
        return (
            f"is a checkpoint of version {int(words[2])}, and this minewatch reads version "
            f"{version}: go on with the minewatch that wrote it, or name an empty folder"
        )
    return "is no checkpoint; name another folder"


def _parsed(body: memoryview) -> tuple[Any, dict[str, np.ndarray]]:
    length = int.from_bytes(body[:8], "little")
    described = json.loads(bytes(body[8 : 8 + length]))
    arrays, at = {}, 8 + length
    for name, kind, shape in described["arrays"]:
        if kind not in _KINDS or any(not isinstance(n, int) or n < 0 for n in shape):
            raise ValueError(f"array {name!r} of impossible kind or shape")
        octets = math.prod(shape) * np.dtype(kind).itemsize
        if octets > len(body) - at:
            raise ValueError(f"array {name!r} is longer than the file")
        arrays[name] = np.frombuffer(body[at : at + octets], np.dtype(kind)).reshape(shape)
        at += octets
    if at != len(body):
        raise ValueError("octets after the last array")
    return described["head"], arrays
