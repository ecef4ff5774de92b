# SPDX-License-Identifier: Apache-2.0
"""Keeps kernels that were compiled from older sources from being run.

Numba compares a cached kernel with the file that it stands in, and not with the files of the
kernels and constants that were compiled into it. After an upgrade that changed ``link.py`` but not
``decode.py`` the old link layers would go on to be decoded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parents[1]
_CONSTANTS: Final = ("types.py", "schema.py", "records.py", "metering/state.py")
"""What kernels take numbers from, besides each other."""
_STAMP: Final = "minewatch-kernels.sha256"


def kernel_sources() -> list[Path]:
    """Return the files whose kernels and constants are compiled into each other."""
    paths = sorted((_PACKAGE / "metering").glob("*.py"))
    kernels = [path for path in paths if b"@numba." in path.read_bytes()]
    return [*(_PACKAGE / name for name in _CONSTANTS), *kernels]


def forget_stale_kernels(folder: Path, sources: Sequence[Path]) -> bool:
    """Delete the compiled kernels in ``folder`` unless they are of these very sources.

    Parameters
    ----------
    folder : where numba keeps them; nothing happens where it cannot be written.
    sources : all files that they were compiled from.
    """
    stamp = folder / _STAMP
    with contextlib.suppress(OSError):
        digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
        if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
            return False
        for path in folder.glob("*.nb[ci]"):
            path.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        fresh = stamp.with_suffix(f".{os.getpid()}")
        fresh.write_text(digest, encoding="ascii")
        fresh.replace(stamp)
        return True
    return False
