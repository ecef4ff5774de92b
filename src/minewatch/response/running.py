# SPDX-License-Identifier: Apache-2.0
"""Running the system's programs: fixed arguments, no shell, a time limit, a clean environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Final

from minewatch.errors import ResponseError

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Not the user's: what runs as root must not come from a folder that others write to."""
SECONDS: Final = 10
MAX_QUOTED: Final = 300
PACKAGES: Final = {
    "nft": "nftables",
    "ip": "iproute2",
    "ovs-ofctl": "openvswitch-switch",
    "ovs-vsctl": "openvswitch-switch",
}
"""Debian's package of each program."""


def run(argv: Sequence[str], told: str = "") -> str:
    """Return what a program writes to standard output.

    Parameters
    ----------
    argv : its name, without a folder, and its arguments.
    told : written to its standard input.

    Raises
    ------
    ResponseError : it is not there, does not end in time, or says that it failed.
    """
    name = argv[0]
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        package = PACKAGES.get(name, name)
        raise ResponseError(f"{name} is not installed: apt-get install {package}")
    environment = {"PATH": SYSTEM_PATH, "LC_ALL": "C"}
    environment |= {k: v for k, v in os.environ.items() if k in ("OVS_RUNDIR", "OVS_DBDIR")}
    try:
        done = subprocess.run(
            [path, *argv[1:]],
            input=told,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            cwd="/",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ResponseError(f"{name} did not end within {SECONDS} s") from error
    except OSError as error:
        raise ResponseError(f"{name} cannot be started: {error.strerror}") from error
    if done.returncode:
        said = " ".join(done.stderr.split())[:MAX_QUOTED] or f"status {done.returncode}"
        raise ResponseError(f"{name}: {said}")
    return done.stdout
