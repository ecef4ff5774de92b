# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import json
from random import Random

import pytest

from lab_play import (
    ADDRESS,
    HASTY,
    WALLET,
    free_port,
    listening,
    miner_of,
    open_pool,
    plan_of,
    pool_of,
    running,
    until,
)
from minewatch.errors import ConfigError
from minewatch.lab import mining_proxy
from minewatch.lab.miner import MinerClient
from minewatch.lab.mining_proxy import MiningProxy

INVALID = "Invalid nonce; is miner not compatible with NiceHash mode?"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(mining_proxy, "PAUSE_S", 0.02)


@contextlib.asynccontextmanager
async def open_proxy(pool, miners=()):
    """Run a pool and a proxy for it; yield both, the proxy's task and the plan."""
    front = pool_of("cryptonote", name="front", upstream=pool.name)
    plan = plan_of((pool, front), tuple(miners))
    proxy = MiningProxy(front, plan, WALLET, Random(3))
    async with open_pool(pool) as server, proxy:
        await proxy.start(ADDRESS)
        async with running(proxy) as task:
            yield server, proxy, task, plan


class Client:
    """A miner that asks one thing at a time."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def read(self):
        async with asyncio.timeout(5):
            return json.loads(await self.reader.readline())

    async def ask(self, method, **params):
        message = {"id": 5, "jsonrpc": "2.0", "method": method, "params": params}
        self.writer.write(json.dumps(message).encode() + b"\n")
        while "method" in (answer := await self.read()):
            pass
        return answer

    async def log_in(self):
        return (await self.ask("login", login="x", agent="a"))["result"]

    async def close(self):
        self.writer.close()
        await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def client_of(proxy):
    client = Client(*await asyncio.open_connection(ADDRESS, proxy.port))
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.parametrize("transport", ["tcp", "tls1.3"])
def test_three_miners_work_behind_one_connection(transport):
    async def run():
        miners = [miner_of("front", name=f"m{n}", hash_rate=400_000.0) for n in range(3)]
        async with contextlib.AsyncExitStack() as stack:
            opened = open_proxy(pool_of(transport=transport), miners)
            server, proxy, task, plan = await stack.enter_async_context(opened)
            clients = [
                MinerClient(miner, plan, Random(n), habits=HASTY) for n, miner in enumerate(miners)
            ]
            tasks = [await stack.enter_async_context(running(client)) for client in clients]
            await until(
                lambda: (
                    min(client.accepted for client in clients) >= 4
                    and min(client.jobs for client in clients) >= 3
                ),
                task,
                *tasks,
            )
            counts = proxy.counts()
            assert (server.connections, counts["upstreams"], counts["connections"]) == (1, 1, 3)
            assert server.accepted >= counts["accepted"] >= sum(c.accepted for c in clients)
            assert counts["jobs"] >= 3

    asyncio.run(run())


def test_each_miner_gets_the_pools_job_with_an_octet_of_its_own():
    async def run():
        async with (
            open_proxy(pool_of(block_mean_s=1e6)) as (_, proxy, task, _),
            client_of(proxy) as one,
            client_of(proxy) as three,
        ):
            await until(lambda: proxy.counts()["jobs"] == 1, task)
            logins = [await one.log_in(), await three.log_in()]
            async with client_of(proxy) as two:
                logins.append(await two.log_in())
            await until(lambda: len(proxy._workers) == 2)
            blobs = [login["job"]["blob"] for login in logins]
            assert [blob[84:86] for blob in blobs] == ["00", "01", "02"]
            assert len({blob[:84] + blob[86:] for blob in blobs}) == 1
            assert len({login["id"] for login in logins}) == 3
            assert len({login["job"]["job_id"] for login in logins}) == 1
            assert "nicehash" in logins[0]["extensions"]
            async with client_of(proxy) as late:
                assert (await late.log_in())["job"]["blob"] == blobs[2]

    asyncio.run(run())


def test_the_pool_judges_shares_and_the_miner_hears_it():
    async def run():
        async with (
            open_proxy(pool_of(block_mean_s=1e6)) as (server, proxy, task, _),
            client_of(proxy) as client,
        ):
            await until(lambda: proxy.counts()["jobs"] == 1, task)
            result = await client.log_in()
            share = {"id": result["id"], "job_id": result["job"]["job_id"], "nonce": "01020300"}
            good = await client.ask("submit", **share, result="00" * 32)
            bad = await client.ask("submit", **share, result="ff" * 32)
            assert good["result"] == {"status": "OK"}
            assert bad["error"]["message"] == "Low difficulty share"
            assert (server.accepted, server.rejected) == (1, 1)
            other = await client.ask("submit", **{**share, "nonce": "01020309"}, result="00" * 32)
            assert other["error"]["message"] == INVALID
            stranger = await client.ask("submit", **{**share, "id": "x"}, result="00" * 32)
            assert stranger["error"]["message"] == "Unauthenticated"
            alive = await client.ask("keepalived", id=result["id"])
            assert alive["result"] == {"status": "KEEPALIVED"}
            unknown = await client.ask("getjob", id=result["id"])
            assert unknown["error"]["message"] == "Invalid method"
            assert (server.accepted, server.rejected) == (1, 1)

    asyncio.run(run())


def test_a_login_before_the_first_job_is_answered_with_it():
    async def run():
        pool = pool_of()
        front = pool_of(name="front", upstream="pool-1")
        proxy = MiningProxy(front, plan_of((pool, front), ()), WALLET, Random(3))
        async with proxy:
            await proxy.start(ADDRESS)
            async with client_of(proxy) as client:
                asking = asyncio.create_task(client.log_in())
                await until(lambda: bool(proxy._workers))
                async with open_pool(pool), running(proxy):
                    assert (await asking)["job"]["blob"]

    asyncio.run(run())


def test_miners_stay_when_the_pool_hangs_up():
    async def run():
        miner = miner_of("front")
        async with open_proxy(pool_of(drop_mean_s=0.3), [miner]) as (server, _, task, plan):
            client = MinerClient(miner, plan, Random(1), habits=HASTY)
            async with running(client) as mining:
                await until(lambda: server.connections >= 3, task, mining)
                accepted = client.accepted
                await until(lambda: client.accepted > accepted, task, mining)
            assert client.connections == 1

    asyncio.run(run())


def test_a_share_that_the_pool_never_answers_is_answered_when_it_hangs_up():
    job = {"blob": "00" * 76, "job_id": "j", "target": "ffff0000"}
    login = {"id": 1, "jsonrpc": "2.0", "error": None, "result": {"id": "w", "job": job}}

    async def mute(connection):
        await connection.receive()
        connection.send([json.dumps(login).encode() + b"\n"])
        await connection.receive()

    async def run():
        async with listening(mute) as listener:
            pool = pool_of(port=listener.port)
            front = pool_of(name="front", upstream=pool.name)
            proxy = MiningProxy(front, plan_of((pool, front), ()), WALLET, Random(3))
            async with proxy:
                await proxy.start(ADDRESS)
                async with running(proxy) as task, client_of(proxy) as client:
                    await until(lambda: proxy.counts()["jobs"] == 1, task)
                    worker = (await client.log_in())["id"]
                    share = {"id": worker, "job_id": "j", "nonce": "01020300"}
                    lost = await client.ask("submit", **share, result="00" * 32)
                    assert lost["error"]["message"] == "Bad gateway"

    asyncio.run(run())


def test_it_gives_up_where_no_pool_is():
    async def run():
        front = pool_of(name="front", upstream="pool-1")
        plan = plan_of((pool_of(port=free_port()), front), ())
        proxy = MiningProxy(front, plan, WALLET, Random(3))
        async with proxy:
            await proxy.start(ADDRESS)
            with pytest.raises(ExceptionGroup) as failed:
                await proxy.run()
            assert "proxy front: no job of pool pool-1 after 5" in str(failed.value.exceptions[0])

    asyncio.run(run())


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\n", b'{"id":1}\n', b"[]\n"])
def test_who_does_not_speak_cryptonote_is_cut_off(octets):
    async def run():
        async with open_proxy(pool_of()) as (_, proxy, _, _), client_of(proxy) as client:
            client.writer.write(octets)
            async with asyncio.timeout(5):
                assert await client.reader.read() == b""

    asyncio.run(run())


def test_more_miners_than_octets_are_cut_off(monkeypatch):
    monkeypatch.setattr(mining_proxy, "MAX_WORKERS", 1)

    async def run():
        async with (
            open_proxy(pool_of()) as (_, proxy, _, _),
            client_of(proxy) as first,
            client_of(proxy) as second,
        ):
            await first.log_in()
            async with asyncio.timeout(5):
                assert await second.reader.read() == b""

    asyncio.run(run())


def test_a_wrong_plan_is_named():
    front = pool_of(name="front", upstream="gone")
    with pytest.raises(ConfigError, match="proxy front: the plan has no pool gone"):
        MiningProxy(front, plan_of((front,), ()), WALLET, Random(1))
