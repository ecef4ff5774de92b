# SPDX-License-Identifier: Apache-2.0
"""Where output goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, cast

from minewatch.errors import ConfigError

STDOUT: Final = "-"


class Destination:
    """An open output; as a context manager it keeps the file only if nothing was raised.

    A file is written under another name in its own folder and renamed at the end. What exists
    and is no file (a pipe, ``/dev/null``) is written to directly.

    Parameters
    ----------
    path : where the output goes; None or ``-`` for standard output.
    option : what the user named it with, for errors.

    Raises
    ------
    ConfigError : the file cannot be made.
    """

    def __init__(self, path: str | None, option: str = "-o") -> None:
        self._option = option
        self.is_stdout = path is None or path == STDOUT
        self.before_discard: Callable[[], None] | None = None
        self._final: Path | None = None
        if path is None or path == STDOUT:
            self.name = "standard output"
            self.path = ""
            self._stream: BinaryIO = sys.stdout.buffer
            return
        self.name = path
        target = Path(os.path.realpath(path))
        try:
            self.path = self._open_beside(target)
            self._stream = cast(BinaryIO, open(self.path, "wb"))  # noqa: SIM115  closed by __exit__
        except OSError as error:
            reason = error.strerror or str(error)
            cure = "give a file in a folder that exists and may be written to"
            raise ConfigError(f"{option} {path}: {reason}; {cure}") from error

    def _open_beside(self, target: Path) -> str:
        """Return the path to write to: the target itself unless it is a file."""
        if target.exists():
            mode = target.stat().st_mode
            if not stat.S_ISREG(mode):
                return str(target)
            if not os.access(target, os.W_OK):
                raise PermissionError(13, "it may not be written to")
        self._final = target
        return str(target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part"))

    def __enter__(self) -> Destination:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.discard()
        else:
            self._finish()

    def _finish(self) -> None:
        """Close and rename; a full disk may refuse only now what was written before."""
        try:
            self._stream.flush()
            if not self.is_stdout:
                self._stream.close()
            if self._final is not None:
                if self._final.exists():
                    shutil.copymode(self._final, self.path)
                os.replace(self.path, self._final)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.discard()
            raise self._refused(error) from error

    def write(self, octets: bytes) -> None:
        """Write octets.

        Raises
        ------
        ConfigError : they cannot be written, as when the disk is full.
        BrokenPipeError : nobody reads standard output any longer.
        """
        try:
            self._stream.write(octets)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> ConfigError:
        reason = error.strerror or error
        if self._final is not None:
            return ConfigError(f"{self._option} {self.name}: {reason}; nothing was written")
        where = self.name if self.is_stdout else f"{self._option} {self.name}"
        return ConfigError(f"{where}: {reason}; what was written is not whole")

    def discard(self) -> None:
        """Remove what was written so far."""
        if self.before_discard is not None:
            self.before_discard()
        if self.is_stdout:
            return
        with contextlib.suppress(OSError):  # the disk is full; the file goes anyway
            self._stream.close()
        if self._final is not None:
            Path(self.path).unlink(missing_ok=True)
