# SPDX-License-Identifier: Apache-2.0
"""Folders that appear whole or not at all, and the hashes of what is in them."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from minewatch.datasets.card import StoredFile
from minewatch.datasets.tables import first_line
from minewatch.errors import ConfigError, SourceError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder under another name, and rename it to ``path`` if nothing was raised.

    Parameters
    ----------
    path : must not exist, or be an empty folder.

    Raises
    ------
    ConfigError : it exists, or cannot be made or written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f"--out {path}: exists; name a new folder, or remove this one")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"--out {path}: {path.parent} is no folder; make it first")
    part = path.absolute().with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir()
        yield part
        if path.exists():
            path.rmdir()
        part.rename(path)
    except OSError as error:
        raise ConfigError(
            f"--out {path}: {error.strerror or error}; nothing was written"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_table(table: pl.LazyFrame, path: Path) -> None:
    """Write a lazy table as Parquet without holding it in memory.

    Parameters
    ----------
    table : what to write.
    path : the file.

    Raises
    ------
    ConfigError : it cannot be written.
    """
    try:
        table.sink_parquet(path, compression="zstd", maintain_order=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise ConfigError(f"{path.name}: {first_line(error)}; nothing was written") from error


def stored_file(path: Path, rows: int | None = None) -> StoredFile:
    """Return what a card says of a file.

    Parameters
    ----------
    path : the file.
    rows : of a table.
    """
    return StoredFile(path.name, path.stat().st_size, sha256_of(path), rows)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Parameters
    ----------
    path : the file.

    Raises
    ------
    SourceError : it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(str(path), f"cannot be read: {error.strerror or error}") from error
