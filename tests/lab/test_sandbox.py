# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minewatch.errors import ConfigError
from minewatch.lab import sandbox

pytestmark = pytest.mark.namespace

ENTER = "from minewatch.lab import sandbox\nsandbox.enter({'pool-1.lab.example': '203.0.113.1'})\n"


def namespaces() -> str:
    return subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout


def children_of(pid: int) -> list[int]:
    """Return all descendants of a process, as seen from here."""
    found = []
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        found += [child, *children_of(child)]
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_inside_is_process_1_alone_and_without_a_wire(inside):
    code = "import os, socket\nprint(os.getpid(), [name for _, name in socket.if_nameindex()])\n"
    assert inside(ENTER + code) == "1 ['lo']\n"


def test_names_are_those_of_the_plan_only(inside):
    code = """
import socket
print(socket.gethostbyname("pool-1.lab.example"), socket.gethostbyname("localhost"))
print(open("/etc/hosts").read().count("\\n"), open("/etc/resolv.conf").read())
"""
    assert inside(ENTER + code) == "203.0.113.1 127.0.0.1\n2 nameserver 127.0.0.1\n\n"


def test_nothing_made_inside_is_seen_outside(inside):
    before = namespaces(), Path("/etc/hosts").read_text()
    code = """
import subprocess
subprocess.run(["ip", "netns", "add", "quiet"], check=True)
print(subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout, sandbox.WORK.exists())
"""
    assert inside(ENTER + code) == "quiet\n True\n"
    assert (namespaces(), Path("/etc/hosts").read_text()) == before
    assert not sandbox.WORK.exists()


def test_root_runs_no_code_that_lies_in_the_users_folder(inside, tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "shlex.py").write_text("raise SystemExit('not the library')")
    monkeypatch.chdir(folder)
    code = """
import shlex, subprocess, sys
print(shlex.join(["a b"]))
again = [sys.executable, "-m", "shlex"]
print(subprocess.run(again, input="a b", text=True, capture_output=True).returncode)
"""
    assert inside(code) == "'a b'\n0\n"


def test_the_mounts_of_this_machine_cannot_be_changed_by_mistake():
    with pytest.raises(ConfigError, match="only process 1"):
        sandbox.enter({})


def test_standard_input_ends_when_the_starter_closes_it(start_inside):
    process = start_inside(
        "import sys\nprint('ready', flush=True)\nsys.stdin.read()\nprint('end')\n"
    )
    assert process.stdout.readline() == "ready\n"
    process.stdin.close()
    assert process.stdout.read() == "end\n"
    assert process.wait(20) == 0
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_everything_dies_with_the_starter(tmp_path, start_inside, number):
    """The starter is killed; a daemon of the sandbox, in a session of its own, is gone too."""
    before = namespaces()
    start_inside("").communicate()  # makes the module's folder known; the code is written below
    (tmp_path / "modules" / "trial.py").write_text(
        ENTER + "import subprocess, time\n"
        "subprocess.run(['ip', 'netns', 'add', 'left'], check=True)\n"
        "subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "far = ['ip', 'netns', 'exec', 'left', 'sleep', '1001']\n"
        "subprocess.Popen(far, start_new_session=True)\n"
        "print('ready', flush=True)\ntime.sleep(1000)\n"
    )
    starter = (
        "import sys, time\nfrom minewatch.lab import sandbox\n"
        "process = sandbox.start('trial', [])\n"
        "print(process.stdout.readline(), end='', flush=True)\ntime.sleep(1000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'modules'}{os.pathsep}{sandbox_source()}"},
    ) as outer:
        assert outer.stdout.readline() == "ready\n"
        # unshare, process 1, two programs
        wait_until(lambda: len(children_of(outer.pid)) == 4)
        inner = children_of(outer.pid)
        outer.send_signal(number)
        outer.wait(20)
    wait_until(lambda: not any(map(is_alive, inner)))
    assert namespaces() == before


def sandbox_source() -> str:
    return str(Path(sandbox.__file__).parents[2])


def test_root_is_asked_for():
    code = "from minewatch.lab import sandbox\nsandbox.require()\n"
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": sandbox_source(), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert "the lab needs root, to make namespaces: run it with sudo" in done.stderr


def test_a_refusal_of_the_kernel_is_told():
    """Root without the capability to make namespaces, as in a plain container."""
    code = (
        "from minewatch.lab import sandbox\n"
        "try:\n    sandbox.require()\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-sys_admin", "--", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": sandbox_source()},
    )
    assert done.stdout.startswith("ConfigError namespaces cannot be made: unshare: ")
    assert "CAP_SYS_ADMIN" in done.stdout


def test_here_it_works():
    sandbox.require()


def test_servers_are_found_off_the_path(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    assert sandbox.environment()["PATH"].split(":") == ["/usr/bin", *sandbox.SBIN]
