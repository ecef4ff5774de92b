# SPDX-License-Identifier: Apache-2.0
import os
import signal
import socket
import sys
import time

import pytest

from minewatch.errors import MinewatchError
from minewatch.lab.processes import Processes


@pytest.fixture
def processes(tmp_path):
    made = Processes(tmp_path)
    yield made
    made.stop(list(made._running), signal.SIGKILL)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_for_end(program):
    deadline = time.monotonic() + 20
    while not program.has_ended():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_early_end_is_told_with_the_last_words(processes):
    program = processes.start("the oracle", python("import sys; sys.exit('no more to say')"))
    wait_for_end(program)
    with pytest.raises(
        MinewatchError, match="the oracle ended early with status 1: no more to say"
    ):
        processes.check()
    processes.check()  # it is told once


def test_a_killed_program_is_told(processes):
    program = processes.start("sleeper", ["sleep", "100"])
    program.process.kill()
    wait_for_end(program)
    with pytest.raises(MinewatchError, match="sleeper ended early with signal 9: no message"):
        processes.check()


def test_some_may_end(processes):
    program = processes.start("visitor", ["true"], may_end=True)
    wait_for_end(program)
    processes.check()


def test_only_the_last_words_are_quoted(processes):
    program = processes.start("chatter", python("print('x' * 10**6); print('end'); exit(3)"))
    wait_for_end(program)
    with pytest.raises(MinewatchError) as caught:
        processes.check()
    assert len(str(caught.value)) < 700
    assert str(caught.value).endswith(" end")


def test_it_waits_until_a_port_is_open(processes):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code = (
        "import socket, time; time.sleep(0.3)\n"
        f"s = socket.create_server(('127.0.0.1', {port})); time.sleep(100)"
    )
    program = processes.start("server", python(code))
    processes.wait_for_ports([(program, port)], 20)
    socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(MinewatchError, match=r"server does not listen on port 1 after 0 s"):
        processes.wait_for_ports([(program, 1)], 0.2)


def test_waiting_for_a_port_ends_when_the_program_does(processes):
    program = processes.start("server", python("exit('address in use')"))
    with pytest.raises(MinewatchError, match="address in use"):
        processes.wait_for_ports([(program, 1)], 20)


def test_stopping_is_gentle_first(processes, tmp_path):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye')))\n"
        "print('ready', flush=True); time.sleep(100)"
    )
    gentle = processes.start("gentle", python(code))
    stubborn = processes.start("stubborn", python(code.replace("sys.exit(print('bye'))", "None")))
    while "ready" not in gentle.said() or "ready" not in stubborn.said():
        time.sleep(0.01)
    began = time.monotonic()
    processes.stop([gentle, stubborn], seconds=0.5)
    assert 0.4 < time.monotonic() - began < 5
    assert gentle.said() == "ready bye"
    assert stubborn.process.returncode == -signal.SIGKILL


def test_children_are_stopped_with_their_parent(processes):
    program = processes.start("family", ["sh", "-c", "sleep 1000 & echo $!; wait"])
    while not program.said():
        time.sleep(0.01)
    child = int(program.said())
    processes.stop([program])
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{child}/exe") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{child}/exe")


def test_a_program_is_told_what_it_is_for(processes, tmp_path):
    read, write = os.pipe()
    code = f"import os, sys; os.write({write}, sys.stdin.readline().encode())"
    program = processes.start(
        "listener", python(code), files=[write], told="wiring\n", may_end=True
    )
    os.close(write)
    assert os.read(read, 100) == b"wiring\n"
    os.close(read)
    wait_for_end(program)
    assert program.log.name == "001-listener.log"


@pytest.mark.namespace
def test_orphans_are_buried(inside):
    """Process 1 gets the children of those who die before them."""
    said = inside("""
        import subprocess, sys, time
        from pathlib import Path
        from minewatch.lab import sandbox
        from minewatch.lab.processes import Processes
        sandbox.enter({})
        processes = Processes(sandbox.WORK)
        own = processes.start("own", ["sh", "-c", "sleep 0.1 & exit 5"])
        def zombies():
            stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat")]
            return [stat.rpartition(")")[2].split()[0] for stat in stats].count("Z")
        deadline = time.monotonic() + 20
        while zombies() < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        before = zombies()
        try:
            processes.check()
        except Exception as error:
            print(error)
        processes.check()
        print(before, zombies())
    """)
    assert said == "own ended early with status 5: no message\n2 0\n"


@pytest.mark.namespace
def test_a_program_runs_in_its_hosts_namespace(inside):
    said = inside("""
        import subprocess, time
        from minewatch.lab import network, sandbox
        from minewatch.lab.plan import Host
        from minewatch.lab.processes import Processes
        sandbox.enter({})
        network.build([Host("a", "server", "10.86.1.1")])
        processes = Processes(sandbox.WORK)
        program = processes.start("cards", ["ls", "/sys/class/net"], host="a", may_end=True)
        program.process.wait()
        print(program.said())
    """)
    assert said == "eth0 lo\n"
