# SPDX-License-Identifier: Apache-2.0
import ast
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from minewatch.errors import ConfigError
from minewatch.readers.live import privileges
from minewatch.readers.live.privileges import drop_privileges

SOURCE = str(Path(privileges.__file__).parents[3])
NONE = "0" * 16
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have privileges")

STATUS = """
def shown():
    wanted = "CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Uid Gid Groups".split()
    lines = [line.split(":") for line in open("/proc/self/status").read().splitlines()]
    return {name: value.split() for name, value in lines if name in wanted}
"""


def run(code, *, prefix=()):
    """Run code in a process of its own: what it gives up is gone for good."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", STATUS + code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


DROP = "from minewatch.readers.live.privileges import drop_privileges\n"


@needs_root
def test_root_keeps_nothing():
    status = ast.literal_eval(run(DROP + "drop_privileges()\nprint(shown())"))
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert status[name] == [NONE], name
    assert status["NoNewPrivs"] == ["1"]
    assert status["Uid"] == ["0"] * 4


@needs_root
def test_a_program_that_is_started_gets_none_either():
    code = (
        DROP + "drop_privileges()\nimport subprocess\n"
        "print(subprocess.run(['grep', 'CapEff', '/proc/self/status'], capture_output=True,"
        " text=True, check=True).stdout)"
    )
    assert run(code).split() == ["CapEff:", NONE]


@needs_root
def test_another_user_is_become_with_its_groups():
    account = pwd.getpwnam("nobody")
    status = ast.literal_eval(run(DROP + "drop_privileges('nobody')\nprint(shown())"))
    assert status["Uid"] == [str(account.pw_uid)] * 4
    assert status["Gid"] == [str(account.pw_gid)] * 4
    assert status["Groups"] == [str(account.pw_gid)]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert status[name] == [NONE], name
    code = DROP + (
        "drop_privileges('nobody')\nimport os\n"
        "try:\n    os.setuid(0)\nexcept PermissionError:\n    print('never again')"
    )
    assert run(code) == "never again"


@needs_root
def test_a_service_with_one_ambient_capability_keeps_none():
    """As systemd starts it: a user without privileges, and CAP_NET_RAW."""
    prefix = (
        *("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"),
        *("--inh-caps", "+net_raw", "--ambient-caps", "+net_raw", "--"),
    )
    before, after = map(
        ast.literal_eval,
        run(DROP + "print(shown())\ndrop_privileges()\nprint(shown())", prefix=prefix).split("\n"),
    )
    assert before["CapEff"] == before["CapAmb"] == ["0000000000002000"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert after[name] == [NONE], name
    assert after["NoNewPrivs"] == ["1"]


@needs_root
@pytest.mark.namespace
def test_an_interface_that_is_open_stays_so(wires):
    code = (
        "from minewatch.readers.live.opening import open_rings\n"
        "from minewatch.readers.live.settings import LiveSettings\n" + DROP + "import socket\n"
        "rings = open_rings(LiveSettings(('lo',), filter='udp'))\n"
        "drop_privileges()\n"
        "try:\n    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)\n"
        "except PermissionError:\n    print('no other one')\n"
        "from minewatch.readers.live.source import LiveSource\n"
        "from minewatch.types import PacketBatch\n"
        "source, batch = LiveSource(rings), PacketBatch()\n"
        "one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "one.bind(('127.0.0.1', 0))\none.sendto(b'x', one.getsockname())\n"
        "source.stop()\n"
        "while source.read(batch):\n    source.parse(batch)\n    print(batch.n_packets)\n"
        "from minewatch.readers.live.privileges import threads_with_capabilities\n"
        "import os\nprint(threads_with_capabilities(), len(os.listdir('/proc/self/task')) > 1)\n"
    )
    wires.check()
    assert run(code) == "no other one\n1\n[] True"


@needs_root
def test_a_thread_that_keeps_them_is_told():
    code = DROP + (
        "import threading\nended = threading.Event()\n"
        "threading.Thread(target=ended.wait).start()\n"
        "try:\n    drop_privileges()\nexcept Exception as error:\n"
        "    print(type(error).__name__, error)\nended.set()"
    )
    said = run(code)
    assert said.startswith("ConfigError 1 threads keep capabilities (python")
    assert said.endswith("interfaces must be opened before libraries start threads")


def test_a_user_that_is_not_there():
    with pytest.raises(ConfigError, match="no such user: nobody-at-all; useradd --system"):
        drop_privileges("nobody-at-all")


@needs_root
def test_only_root_becomes_another():
    code = DROP + "try:\n    drop_privileges('root')\nexcept Exception as error:\n    print(error)"
    said = run(code, prefix=("setpriv", "--reuid", "nobody", "--clear-groups", "--"))
    assert said == "only root can become root: start as root, or as root"
