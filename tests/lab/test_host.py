# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from random import Random

import pytest

from lab_play import ADDRESS, HASTY, miner_of, open_pool, plan_of, pool_of, running, until
from minewatch.errors import ConfigError
from minewatch.lab import host
from minewatch.lab.host import HostPlay
from minewatch.lab.miner import MinerClient
from minewatch.lab.plan import Service, write_plan

PROGRAM = [sys.executable, "-W", "error", "-m", "minewatch.lab.host"]


@contextlib.contextmanager
def playing(folder, plan, name):
    """Run one host's process; kill it if the test does not end it."""
    path = folder / "plan.json"
    if not path.exists():
        write_plan(plan, path)
    argv = [*PROGRAM, str(path), name, "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def end(process, how=signal.SIGTERM):
    """End a process and return its status and what it said."""
    process.send_signal(how)
    _, said = process.communicate(timeout=20)
    return process.returncode, said


def wait_for(is_done, process, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_done():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def accepts(port):
    """Return whether something listens on a port."""
    with socket.socket() as asking:
        return asking.connect_ex((ADDRESS, port)) == 0


def test_a_process_plays_a_pool_and_counts(tmp_path):
    pool = pool_of(transport="tls1.3")
    plan = plan_of((pool,), (miner_of(),))
    client = MinerClient(plan.miners[0], plan, Random(1), habits=HASTY)

    async def mine():
        async with running(client) as task:
            await until(lambda: client.accepted >= 3, task)

    with playing(tmp_path, plan, "there") as there:
        wait_for(lambda: accepts(pool.port), there)
        asyncio.run(mine())
        assert end(there) == (0, "")
    served = json.loads((tmp_path / "there.json").read_text())
    assert served.keys() == {"pool-1"}
    assert served["pool-1"]["accepted"] >= client.accepted
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.json", "there.json"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_process_plays_a_miner_and_counts(tmp_path, how):
    pool = pool_of()

    async def serve(here):
        async with open_pool(pool) as server:
            await until(lambda: server.accepted >= 3 or here.poll() is not None, seconds=20)
            assert await asyncio.to_thread(end, here, how) == (0, "")
            return server.counts()

    with playing(tmp_path, plan_of((pool,), (miner_of(start_s=0.5),)), "here") as here:
        served = asyncio.run(serve(here))
    mined = json.loads((tmp_path / "here.json").read_text())
    assert mined.keys() == {"miner-1"}
    assert served["accepted"] >= mined["miner-1"]["accepted"] > 0
    assert mined["miner-1"]["connections"] == served["connections"] == 1


def test_a_failed_actor_ends_the_process_and_is_named(tmp_path):
    plan = plan_of((pool_of("klingon"),), ())
    with playing(tmp_path, plan, "there") as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said.startswith("there: pool-1: ConfigError: pool pool-1: no dialect 'klingon'")
    assert said.count("\n") == 1
    assert json.loads((tmp_path / "there.json").read_text()) == {}


def test_a_port_in_use_is_named(tmp_path, capsys):
    pool = pool_of()
    plan = plan_of((pool, replace(pool, name="pool-2")), ())
    write_plan(plan, tmp_path / "plan.json")
    arguments = [str(tmp_path / "plan.json"), "there", "--folder", str(tmp_path)]
    assert host.main(arguments) == 1
    assert "there: pool-2: OSError" in capsys.readouterr().err
    assert (tmp_path / "there.json").exists()


def play(plan, name, is_done):
    """Play a host in this process until a condition on its counts holds; return the counts."""

    async def run():
        actors = HostPlay(plan, name)
        task = asyncio.create_task(actors.run())
        try:
            async with asyncio.timeout(20):
                while not is_done(actors.counts()):
                    if task.done():
                        task.result()
                    await asyncio.sleep(0.02)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return actors.counts()

    return asyncio.run(run())


def test_one_host_can_do_everything():
    pools = (pool_of(), pool_of(name="front", upstream="pool-1"))
    pools = tuple(replace(pool, host="here") for pool in pools)
    miners = (
        miner_of(),
        miner_of("front", name="miner-2"),
        miner_of(name="miner-3", program="xmrig"),
    )
    plan = plan_of(pools, miners)
    names = {"pool-1", "front", "miner-1", "miner-2"}
    counts = play(
        plan,
        "here",
        lambda counts: (
            counts.keys() == names and min(each["accepted"] for each in counts.values()) >= 2
        ),
    )
    assert counts["pool-1"]["connections"] == 2
    assert counts["front"]["upstreams"] == 1


def test_a_miner_that_stops_leaves_the_others_alone():
    plan = plan_of((pool_of(),), (miner_of(stop_s=0.2), miner_of(name="miner-2")))
    plan = replace(plan, pools=(replace(plan.pools[0], host="here"),))
    counts = play(plan, "here", lambda counts: counts.get("miner-2", {}).get("accepted", 0) >= 30)
    assert counts["miner-1"]["accepted"] < counts["miner-2"]["accepted"]


def test_an_unknown_kind_of_service_is_named(tmp_path, capsys):
    plan = plan_of((), (), (Service("s-1", "teleport", "here", 1),))
    write_plan(plan, tmp_path / "plan.json")
    assert host.main([str(tmp_path / "plan.json"), "here", "--folder", str(tmp_path)]) == 1
    assert "here: s-1: ConfigError: no kind of service 'teleport'" in capsys.readouterr().err


def test_an_unknown_host_is_named():
    with pytest.raises(ConfigError, match="no host 'nowhere' in the plan; there are here, there"):
        HostPlay(plan_of((), ()), "nowhere")


def test_a_plan_that_is_none_is_an_error(tmp_path, capsys):
    (tmp_path / "plan.json").write_text("{}")
    assert host.main([str(tmp_path / "plan.json"), "here", "--folder", str(tmp_path)]) == 1
    assert "not a plan of a lab" in capsys.readouterr().err


def test_actors_have_luck_of_their_own():
    one, two = HostPlay(plan_of((), ()), "here"), HostPlay(plan_of((), ()), "there")
    assert one._rng("a").random() == Random("7 here a").random()
    assert len({play._rng(name).random() for play in (one, two) for name in "ab"}) == 4
