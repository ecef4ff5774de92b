# SPDX-License-Identifier: Apache-2.0
"""Whether there is room for checkpoints, spooled alerts and the audit log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from minewatch.cli.checkup.finding import Finding, Level

LITTLE: Final = 1 << 30
TOO_LITTLE: Final = 64 << 20
_MIB: Final = 1 << 20


def check_room(folder: Path, *, is_named: bool = True) -> list[Finding]:
    """Return whether a folder can be written, and how much fits.

    Parameters
    ----------
    folder : for what is kept; it may not be there yet.
    is_named : the user named it; else watching does well without.
    """
    subject = str(folder)
    unusable = Level.FAIL if is_named else Level.WARN
    there = folder
    while not os.path.exists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return [Finding(subject, unusable, f"{there} is no folder", "name another --checkpoint")]
    if not os.access(there, os.W_OK | os.X_OK):
        cure = f"install -d -o USER -m 750 {folder}, or name another --checkpoint"
        return [Finding(subject, unusable, "it cannot be written by this user", cure)]
    try:
        found = os.statvfs(there)
    except OSError as error:
        cure = "name another --checkpoint"
        return [Finding(subject, unusable, f"cannot be asked ({error.strerror})", cure)]
    free = found.f_bavail * found.f_frsize
    text = f"{free // _MIB:,} MiB are free"
    cure = "make room, or name another --checkpoint: alerts wait there until sinks take them"
    if free < TOO_LITTLE:
        return [Finding(subject, unusable, text, cure)]
    if free < LITTLE:
        return [Finding(subject, Level.WARN, text, cure)]
    missing = "" if there == folder else ", and it will be made"
    return [Finding(subject, Level.OK, text + missing)]
