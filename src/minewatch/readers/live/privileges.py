# SPDX-License-Identifier: Apache-2.0
"""Giving up every privilege, for good: capabilities(7), prctl(2).

What reads strangers' packets shall be able to do as little as possible. Nothing heavy is imported
here: see ``opening.py``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import struct
from pathlib import Path
from typing import Final

from minewatch.errors import ConfigError

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 24, 38, 47
_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x2008_0522
_CAPSET_HEAD: Final = struct.Struct("@Ii")
_NO_CAPABILITIES: Final = bytes(24)
_MOST_CAPABILITIES: Final = 64
_SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_TASKS: Final = Path("/proc/self/task")


def drop_privileges(user: str | None = None) -> None:
    """Give up all capabilities, and the right ever to get any by running a program.

    Called in the one thread that is there, when interfaces are open.

    Parameters
    ----------
    user : become this user, with its groups; needs root.

    Raises
    ------
    ConfigError : there is no such user, it is refused, or a thread keeps a capability.

    Notes
    -----
    Root without capabilities still owns root's files: ``user`` is the better half of it.
    """
    account = None if user is None else _account(user)
    libc = ctypes.CDLL(None, use_errno=True)
    for number in range(_MOST_CAPABILITIES):
        # Refused without CAP_SETPCAP, and beyond the last one; no_new_privs holds all the same.
        libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    if account is not None:
        _become(account)
    libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    head = ctypes.create_string_buffer(_CAPSET_HEAD.pack(_CAPABILITY_VERSION_3, 0))
    if libc.capset(head, ctypes.create_string_buffer(_NO_CAPABILITIES, len(_NO_CAPABILITIES))):
        raise ConfigError(f"capabilities cannot be dropped: {os.strerror(ctypes.get_errno())}")
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise ConfigError(f"privileges cannot be dropped: {os.strerror(ctypes.get_errno())}")
    if kept := threads_with_capabilities():
        raise ConfigError(
            f"{len(kept)} threads keep capabilities ({', '.join(kept)}): interfaces must be opened "
            "before libraries start threads"
        )


def threads_with_capabilities() -> list[str]:
    """Return the names of this process's threads that have any capability, or could get one."""
    kept = []
    for task in sorted(_TASKS.iterdir()):
        try:
            status = (task / "status").read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESRCH):  # it has just ended
                continue
            raise ConfigError(f"{task}: {error.strerror}; /proc must be there") from error
        lines = dict(line.partition(":")[::2] for line in status.splitlines())
        if any(int(lines.get(name, "0"), 16) for name in _SETS):
            kept.append(lines["Name"].strip())
    return kept


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigError(f"no such user: {user}; useradd --system {user} makes one") from error


def _become(account: pwd.struct_passwd) -> None:
    name, uid, gid = account.pw_name, account.pw_uid, account.pw_gid
    if os.getresuid() == (uid, uid, uid) and os.getresgid() == (gid, gid, gid):
        return
    try:
        os.initgroups(name, gid)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except PermissionError as error:
        raise ConfigError(f"only root can become {name}: start as root, or as {name}") from error
