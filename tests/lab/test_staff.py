# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import pytest

from minewatch.lab import staff
from minewatch.lab.plan import write_plan

STAGE = """
import json, sys, time
from pathlib import Path
from minewatch.lab import network, sandbox, staff
from minewatch.lab.plan import read_plan
from minewatch.lab.processes import Processes

plan = read_plan(Path(sys.argv[1]))
sandbox.enter({})
network.build(plan.hosts)
for name in ("logs", "hosts"):
    (sandbox.WORK / name).mkdir()
processes = Processes(sandbox.WORK / "logs")

def names():
    return [program.name for program in processes._running]
"""


def test_every_service_has_an_empty_folder_of_its_own(small_plan, tmp_path):
    folders = staff.service_folders(small_plan, tmp_path / "services")
    assert list(folders) == ["web", "names", "way"]
    assert all(folder.is_dir() and not any(folder.iterdir()) for folder in folders.values())
    assert len(set(folders.values())) == 3


@pytest.mark.namespace
def test_servers_listen_when_they_are_started(inside, small_plan, tmp_path):
    write_plan(small_plan, tmp_path / "plan.json")
    said = inside(
        STAGE
        + """
folders = staff.service_folders(plan, sandbox.WORK / "services")
staff.start_servers(processes, plan, folders)
web = next(program for program in processes._running if "web" in program.name)
print(json.dumps([names(), web.is_listening(80), web.is_listening(81)]))
""",
        str(tmp_path / "plan.json"),
    )
    running, is_80, is_81 = json.loads(said)
    assert {"web on server-1", "names on client-1", "way on proxy-1"} <= set(running)
    assert (is_80, is_81) == (True, False)


@pytest.mark.namespace
def test_pools_listen_before_miners_start(inside, small_plan, tmp_path):
    """And who has nothing to do gets no process."""
    write_plan(small_plan, tmp_path / "plan.json")
    said = inside(
        STAGE
        + """
started = staff.start_hosts(processes, plan, Path(sys.argv[1]), sandbox.WORK / "hosts")
pool = next(program for program in started if program.name == "host pool-1")
print(json.dumps([[p.name for p in started], pool.is_listening(3333), pool.is_listening(443)]))
processes.stop(started)
print(sorted(path.name for path in (sandbox.WORK / "hosts").iterdir()))
""",
        str(tmp_path / "plan.json"),
    )
    started, counted = said.splitlines()
    assert json.loads(started) == [
        ["host pool-1", "host proxy-1", "host server-1", "host client-1"],
        True,
        True,
    ]
    assert "pool-1.json" in counted


@pytest.mark.namespace
def test_a_users_xmrig_is_started_on_its_server(inside, small_plan, tmp_path):
    miners = (replace(small_plan.miners[0], program="xmrig"), small_plan.miners[1])
    write_plan(replace(small_plan, miners=miners), tmp_path / "plan.json")
    program = tmp_path / "xmrig"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\nexec sleep 1000\n')
    program.chmod(0o755)
    said = inside(
        STAGE
        + """
staff.start_xmrig(processes, plan, Path(sys.argv[2]))
while not Path(sys.argv[3]).exists() or not Path(sys.argv[3]).read_text():
    processes.check()
    time.sleep(0.02)
print(names())
""",
        str(tmp_path / "plan.json"),
        str(program),
        str(tmp_path / "said"),
    )
    assert said == "['miner-1 on server-1']\n"
    assert (tmp_path / "said").read_text().startswith("-o 203.0.113.1:3333 -u 4A ")


@pytest.mark.namespace
def test_a_server_that_does_not_start_is_told(inside, small_plan, tmp_path):
    write_plan(small_plan, tmp_path / "plan.json")
    said = inside(
        STAGE
        + """
import socket
with network.inside("server-1"):
    taken = socket.create_server(("", 80))
folders = staff.service_folders(plan, sandbox.WORK / "services")
try:
    staff.start_servers(processes, plan, folders)
    while True:  # nginx tries for two seconds
        processes.check()
        time.sleep(0.05)
except Exception as error:
    print(type(error).__name__, error)
""",
        str(tmp_path / "plan.json"),
    )
    assert said.startswith("MinewatchError web on server-1 ended early with status 1: ")
    assert "Address already in use" in said
