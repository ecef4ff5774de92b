# SPDX-License-Identifier: Apache-2.0
"""What libraries are told by the environment, before any of them is imported."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from minewatch.errors import ConfigError

KERNELS: Final = Path(__file__).parents[1] / "metering"
_CURE: Final = "set NUMBA_CACHE_DIR to a folder for compiled code that only this user can write"


def prepare(environment: MutableMapping[str, str]) -> None:
    """Set what is not set yet.

    ONNX Runtime from 1.32 on sends usage data to its maker unless told otherwise; minewatch opens
    no connection. NumPy's linear algebra, which nothing here uses, would start a thread for each
    processor. Numba does not start where it has no folder to keep compiled kernels in.

    Parameters
    ----------
    environment : of this process.

    Raises
    ------
    ConfigError : there is no safe folder for compiled kernels.
    """
    environment.setdefault("ORT_DISABLE_TELEMETRY", "1")
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    if "NUMBA_CACHE_DIR" not in environment and not _has_cache_folder(environment):
        environment["NUMBA_CACHE_DIR"] = private_folder(_temporary())


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError as error:
        raise ConfigError(f"no temporary folder can be written; {_CURE}") from error


def _has_cache_folder(environment: MutableMapping[str, str]) -> bool:
    """Return whether one of the folders that numba tries by itself can be written."""
    home = Path(os.path.expanduser("~"))  # HOME, else of the user's account
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return any(_can_write(folder) for folder in (KERNELS / "__pycache__", cache / "numba"))


def _can_write(folder: Path) -> bool:
    """Return whether the folder can be written, or made."""
    # Not Path.exists, which raises where a folder above may not be entered.
    while not os.path.exists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def private_folder(parent: str) -> str:
    """Return a folder of this user alone, for this run and later ones.

    Parameters
    ----------
    parent : a folder that everybody may write to.

    Raises
    ------
    ConfigError : somebody else holds the name; who can write there can make us run code.
    """
    path = Path(parent) / f"minewatch-{os.geteuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; {_CURE}") from error
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_ours or found.st_mode & 0o077:
        raise ConfigError(f"{path}: not a folder of this user alone; {_CURE}")
    return str(path)
