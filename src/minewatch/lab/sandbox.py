# SPDX-License-Identifier: Apache-2.0
"""A world that ends with its maker: processes, mounts and networks of one lab.

::

    minewatch lab run
      `- setpriv --pdeathsig KILL  unshare --kill-child=KILL     dies when the command dies
           `- python -m minewatch.lab.inside                     process 1 of a namespace: when it
                `- switch, tcpdump, servers, miners              dies, all of these die

Its network namespace has no wire to the outside. ``/run`` is a file system of its own, so named
network namespaces are private, and they vanish with the last process.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from minewatch.errors import ConfigError

WORK: Final = Path("/run/lab")
"""Where programs inside keep their files; it is memory, and private."""

PROGRAMS: Final = {"setpriv": "util-linux", "unshare": "util-linux", "ip": "iproute2"}
"""What a sandbox needs, and the Debian package of each."""

SBIN: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers are installed; not on every user's path."""

_UNSHARE: Final = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--net", "--mount-proc"),
    *("--propagation", "private", "--"),
)
_MOUNT_FLAGS: Final = {"bind": 0x1000, "nosuid": 2, "nodev": 4}
_TRIAL_S: Final = 20


def require() -> None:
    """Check that a sandbox can be made here.

    Raises
    ------
    ConfigError : not root, or the kernel or a container refuses; the text says what is needed.
    """
    if sys.platform != "linux":
        raise ConfigError(f"the lab needs Linux network namespaces; this is {sys.platform}")
    if os.geteuid() != 0:
        raise ConfigError("the lab needs root, to make namespaces: run it with sudo")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise ConfigError(
            "/dev/net/tun is not there or may not be opened: modprobe tun, or in a container "
            "--device /dev/net/tun"
        )
    mounted = "mount -t tmpfs none /run && mkdir /run/netns && ip netns add trial"
    done = subprocess.run(
        [*_UNSHARE, "sh", "-c", mounted],
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=_TRIAL_S,
    )
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"status {done.returncode}"
        raise ConfigError(
            f"namespaces cannot be made: {said}; the lab needs CAP_SYS_ADMIN and CAP_NET_ADMIN "
            "(docker run --privileged)"
        )


def environment() -> dict[str, str]:
    """Return this process's environment with the folders of servers on the path."""
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path += [folder for folder in SBIN if folder not in path]
    return {**os.environ, "PATH": os.pathsep.join(path)}


def start(module: str, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Run a Python module as process 1 of a new sandbox.

    It is killed, and all that it started, when the calling thread ends, whatever ends it. Its
    standard input is a pipe: what runs inside takes the end of it for the wish to stop.

    Parameters
    ----------
    module : its dotted name.
    arguments : of the module.
    """
    return subprocess.Popen(
        [*_UNSHARE, sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Root shall not run a random.py that lies in the user's folder, which `-m` searches first.
        env={**environment(), "PYTHONPATH": _python_path(), "PYTHONSAFEPATH": "1"},
        # Ctrl-C reaches the command alone, which then stops the lab in order.
        start_new_session=True,
    )


def enter(names: Mapping[str, str]) -> None:
    """Make the file system private; called once, by process 1 of the sandbox.

    Parameters
    ----------
    names : host names and their addresses, all that can be resolved inside.

    Raises
    ------
    ConfigError : called elsewhere, or a mount is refused.
    """
    if os.getpid() != 1:
        raise ConfigError("only process 1 of a sandbox may change mounts")
    originals = {name: os.path.realpath(f"/etc/{name}") for name in ("hosts", "resolv.conf")}
    _mount("none", "/run", "tmpfs", _MOUNT_FLAGS["nosuid"] | _MOUNT_FLAGS["nodev"], "mode=755")
    for folder in (Path("/run/netns"), WORK):
        folder.mkdir()
    hosts = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in names.items())]
    for name, lines in (("hosts", hosts), ("resolv.conf", ["nameserver 127.0.0.1"])):
        _replace(Path(originals[name]), WORK / f"etc-{name}", "\n".join(lines) + "\n")


def _replace(path: Path, ours: Path, text: str) -> None:
    """Put a file of ours in the place of one of the system's."""
    if path.is_relative_to("/run"):  # a link led there; it is ours already
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    elif path.exists():
        ours.write_text(text, encoding="ascii")
        _mount(str(ours), str(path), "", _MOUNT_FLAGS["bind"], "")


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (source.encode(), target.encode(), kind.encode() or None, flags, options.encode())
    if libc.mount(arguments[0], arguments[1], arguments[2], ctypes.c_ulong(flags), arguments[4]):
        raise ConfigError(f"cannot mount {target}: {os.strerror(ctypes.get_errno())}")


def _python_path() -> str:
    """Return where this package lies, for interpreters in which it is not installed."""
    ours = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [ours, os.environ.get("PYTHONPATH", "")]))
