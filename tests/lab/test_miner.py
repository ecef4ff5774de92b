# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import itertools
import json
import statistics
import time
from dataclasses import replace
from random import Random

import pytest

from lab_play import (
    ADDRESS,
    HASTY,
    free_port,
    listening,
    listening_program,
    mine_until,
    miner_of,
    open_pool,
    plan_of,
    pool_of,
    running,
    say_nothing,
    until,
)
from minewatch.errors import ConfigError
from minewatch.lab.miner import Habits, MinerClient
from minewatch.lab.plan import Service
from minewatch.lab.transport import connect


def client_of(miner, *pools, services=(), habits=HASTY):
    return MinerClient(miner, plan_of(pools, (miner,), services), Random(2), habits=habits)


@contextlib.asynccontextmanager
async def relay(port, heard):
    """Listen, write down what the miner says and pass everything on to a pool."""

    async def pump(source, target, notes):
        while True:
            for octets in await source.receive():
                notes.append((time.monotonic(), octets))
                target.send([octets])

    async def handle(near):
        far = await connect(ADDRESS, port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pump(near, far, heard))
                group.create_task(pump(far, near, []))
        except* ConnectionError:
            pass
        finally:
            await far.close()

    async with listening(handle) as listener:
        yield listener


def overhear(is_done, pool, miner, habits=HASTY):
    """Return what a miner writes until it is done, write by write, with the time."""
    heard = []

    async def run():
        async with open_pool(pool) as server, relay(server.port, heard) as between:
            port = between.port
            client = client_of(miner, pool_of(pool.dialect, port), habits=habits)
            async with running(client) as task:
                await until(lambda: is_done(client), task)

    asyncio.run(run())
    return heard


def submits(heard):
    lines = b"".join(octets for _, octets in heard).splitlines()
    return [line for line in lines if b'"submit"' in line]


def test_one_message_is_one_write():
    heard = overhear(lambda client: client.accepted >= 5, pool_of(), miner_of(hash_rate=200_000.0))
    assert len(heard) >= 6
    assert all(octets.count(b"\n") == 1 and octets.endswith(b"\n") for _, octets in heard)
    assert b'"login"' in heard[0][1]


def test_padded_messages_are_accepted_and_differ_in_size():
    miner = miner_of(evasions=("padding",))
    heard = overhear(lambda client: client.accepted >= 15, pool_of(reject_ratio=0.0), miner)
    sizes = [len(line) for line in submits(heard)]
    assert max(sizes) - min(sizes) > 100
    plain = submits(overhear(lambda client: client.accepted >= 15, pool_of(), miner_of()))
    assert max(map(len, plain)) - min(map(len, plain)) < 10
    for line in submits(heard):
        json.loads(line)


def test_shares_come_at_the_rate_of_the_hashes():
    heard = overhear(
        lambda client: client.accepted >= 60,
        pool_of(block_mean_s=1e6),
        miner_of(hash_rate=800_000.0),
    )
    times = [when for when, octets in heard if b'"submit"' in octets]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    # 40 a second; 60 exponential gaps scatter by 13 %.
    assert statistics.fmean(gaps) == pytest.approx(1 / 40, rel=0.5)


def test_held_back_shares_are_submitted_all_the_same():
    mined, served = mine_until(
        lambda client, server: client.accepted >= 20,
        pool_of(block_mean_s=1e6),
        miner_of(evasions=("jitter",)),
    )
    assert served["rejected"] == mined["rejected"] == 0


def test_shares_are_held_back_for_a_random_time():
    """Found 40 times a second and held for up to 4 s, the tenth goes out late; else in 0.25 s."""

    def tenth_s(*evasions):
        heard = overhear(
            lambda client: client.accepted >= 10,
            pool_of(block_mean_s=1e6, reject_ratio=0.0),
            miner_of(hash_rate=800_000.0, evasions=evasions),
            replace(HASTY, jitter_s=4.0),
        )
        return [when for when, octets in heard if b'"submit"' in octets][9] - heard[0][0]

    assert tenth_s() < 0.7 < tenth_s("jitter")


def test_a_hopping_miner_serves_all_its_pools():
    async def run():
        pools = tuple(pool_of(name=f"pool-{number}") for number in range(3))
        miner = miner_of(*(pool.name for pool in pools), evasions=("hopping",), hop_mean_s=0.2)
        async with open_pool(pools[0]) as a, open_pool(pools[1]) as b, open_pool(pools[2]) as c:
            client = client_of(miner, *pools)
            async with running(client) as task:
                await until(lambda: min(each.accepted for each in (a, b, c)) >= 2, task)
            assert client.connections >= 3
            assert client.connections == a.connections + b.connections + c.connections

    asyncio.run(run())


def test_a_miner_that_does_not_hop_stays():
    async def run():
        pools = (pool_of(name="pool-1"), pool_of(name="pool-2"))
        miner = miner_of("pool-1", "pool-2", hop_mean_s=0.05)
        async with open_pool(pools[0]) as one, open_pool(pools[1]) as two:
            async with running(client_of(miner, *pools)) as task:
                await until(lambda: one.accepted >= 20, task)
            assert (one.connections, two.connections) == (1, 0)

    asyncio.run(run())


def test_the_next_pool_is_taken_when_one_is_gone():
    async def run():
        gone, there = pool_of(name="pool-1"), pool_of(name="pool-2")
        client = client_of(miner_of("pool-1", "pool-2"), gone, there)
        async with open_pool(there) as server, running(client) as task:
            await until(lambda: server.accepted >= 2, task)

    asyncio.run(run())


def test_the_miner_gives_up_where_nobody_listens():
    pool = pool_of()
    with pytest.raises(ConnectionError, match=f"pool pool-1 .*{pool.port}.*after 3 attempts"):
        asyncio.run(client_of(miner_of(), pool).run())


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no job"),
        (b"", "hung up"),
        (b'{"id":1,"jsonrpc":"2.0","error":{"code":-1,"message":"banned"}}\n', "banned"),
        (b'{"id":1,"result":{"id":"w","job":{}}}\n', "no job"),
    ],
)
def test_a_bad_pool_is_left(reply, reason):
    async def answer_once(connection):
        await connection.receive()
        connection.send([reply])

    async def run():
        async with listening(answer_once) as listener:
            pool = pool_of(port=listener.port)
            with pytest.raises(ConnectionError, match=reason):
                await client_of(miner_of(), pool).run()

    asyncio.run(run())


def test_a_pool_that_sends_no_job_is_left():
    async def run():
        habits = Habits(attempts=1, pause_s=0.0, response_timeout_s=0.1)
        async with listening(say_nothing) as listener:
            pool = pool_of(port=listener.port)
            with pytest.raises(ConnectionError, match="the pool sends no job"):
                await client_of(miner_of(), pool, habits=habits).run()

    asyncio.run(run())


def test_a_silent_miner_gives_signs_of_life():
    heard = []

    async def run():
        habits = Habits(attempts=1, pause_s=0.0, keepalive_s=0.1)
        async with open_pool(pool_of()) as server, relay(server.port, heard) as between:
            pool = pool_of(port=between.port)
            client = client_of(miner_of(hash_rate=1e-6), pool, habits=habits)
            async with running(client) as task:
                await until(lambda: sum(b"keepalived" in said for _, said in heard) >= 2, task)
            assert client.accepted == 0

    asyncio.run(run())


def test_it_starts_and_stops_when_the_plan_says():
    async def run():
        pool = pool_of()
        async with open_pool(pool) as server:
            client = client_of(miner_of(start_s=0.3, stop_s=0.9), pool)
            began = time.monotonic()
            async with running(client) as task:
                await until(lambda: server.connections == 1, task)
                assert time.monotonic() - began >= 0.3
                async with asyncio.timeout(5):
                    await task
            assert 0.8 < time.monotonic() - began < 3
            assert client.accepted > 0

    asyncio.run(run())


def test_it_mines_through_a_real_socks_server():
    port = free_port()
    service = Service("socks-1", "socks5", "there", port)

    async def run():
        pool = pool_of()
        miner = miner_of(via="socks-1", evasions=("socks5",))
        client = client_of(miner, pool, services=(service,))
        async with open_pool(pool) as server, running(client) as task:
            await until(lambda: server.accepted >= 3, task)
            # The pool sees the proxy, and the proxy only forwards: no byte of SOCKS reaches it.
            assert (server.connections, server.rejected) == (1, 0)

    with listening_program(["microsocks", "-i", ADDRESS, "-p", str(port)], port):
        asyncio.run(run())
    with pytest.raises(ConnectionError, match="no job"):
        asyncio.run(run())


def test_it_mines_through_the_mouth_of_a_tunnel():
    async def run():
        pool = pool_of()
        async with open_pool(pool) as server, relay(server.port, []) as mouth:
            port = mouth.port
            service = Service("ssh-1", "ssh-tunnel", "there", 22, options={"local_port": port})
            unreachable = pool_of()  # only the tunnel leads to a pool
            client = client_of(miner_of(via="ssh-1"), unreachable, services=(service,))
            async with running(client) as task:
                await until(lambda: client.accepted >= 2, task)
            assert server.connections == 1

    asyncio.run(run())


def test_a_miner_is_one_program_for_life_and_never_repeats_a_share():
    heard = []

    async def run():
        pool = pool_of("bitcoin", drop_mean_s=0.1)
        async with open_pool(pool) as server, relay(server.port, heard) as between:
            client = client_of(miner_of(), pool_of("bitcoin", between.port))
            async with running(client) as task:
                await until(lambda: client.connections >= 6 and client.accepted >= 5, task)

    asyncio.run(run())
    lines = b"".join(octets for _, octets in heard).splitlines()
    agents = {line for line in lines if b"mining.subscribe" in line}
    assert len(agents) == 1
    nonces = [json.loads(line)["params"][2:] for line in lines if b"mining.submit" in line]
    assert len(set(map(tuple, nonces))) == len(nonces) >= 5


@pytest.mark.parametrize(
    ("miner", "services", "message"),
    [
        (miner_of("pool-9"), (), "miner miner-1: the plan has no pool pool-9"),
        (miner_of(via="gone"), (), "no way through gone"),
        (miner_of(via="w"), (Service("w", "web", "there", 80),), "w is web, neither socks5"),
        (miner_of(via="t"), (Service("t", "ssh-tunnel", "there", 22),), "local_port"),
    ],
)
def test_a_wrong_plan_is_named(miner, services, message):
    with pytest.raises(ConfigError, match=message):
        client_of(miner, pool_of(), services=services)
