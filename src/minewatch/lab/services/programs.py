# SPDX-License-Identifier: Apache-2.0
"""Where the real programs lie."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from minewatch.errors import ConfigError

_POSTGRESQL = Path("/usr/lib/postgresql")
_FURTHER = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where daemons lie on Debian; not on the path of an ordinary user."""


def find_program(name: str) -> str | None:
    """Return the full path of a program, or None if there is none.

    PostgreSQL's own folder is looked at too, for Debian keeps its server off the path; the newest
    version is taken.
    """
    places = (*os.get_exec_path(), *_FURTHER, *_postgresql_folders())
    return shutil.which(name, path=os.pathsep.join(places))


def need_program(name: str) -> str:
    """Return the full path of a program.

    Raises
    ------
    ConfigError : there is none.
    """
    if (found := find_program(name)) is None:
        raise ConfigError(f"{name}: no such program: install its Debian package")
    return found


def run_program(argv: Sequence[str | Path], text: str = "") -> None:
    """Run a program to its end, with ``text`` to read.

    Raises
    ------
    ConfigError : it is not there, or fails; the text is what it said.
    """
    done = subprocess.run(
        [need_program(str(argv[0])), *argv[1:]],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(f"{argv[0]}: status {done.returncode}: {done.stderr.strip()}")


def _postgresql_folders() -> list[str]:
    def version(folder: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", folder.parent.name)]

    return [str(folder) for folder in sorted(_POSTGRESQL.glob("*/bin"), key=version, reverse=True)]
