# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import json
import time
from random import Random

import pytest

from lab_play import ADDRESS, WALLET, mine_until, miner_of, open_pool, pool_of, until
from minewatch.errors import ConfigError
from minewatch.lab import pool as pool_module
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.pool import PoolServer

LOGIN = {"id": 1, "method": "login", "params": {"login": WALLET, "pass": "x", "agent": "a"}}


def line(message):
    return json.dumps(message).encode() + b"\n"


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_dialect_logs_in_gets_jobs_and_has_shares_accepted(dialect):
    mined, served = mine_until(
        lambda client, server: client.accepted >= 3 and client.jobs >= 3,
        pool_of(dialect),
        miner_of(),
    )
    assert mined["connections"] == served["connections"] == 1
    assert mined["rejected"] <= served["rejected"] + 1
    assert served["accepted"] >= mined["accepted"] >= 3


@pytest.mark.parametrize("transport", ["tls1.2", "tls1.3"])
@pytest.mark.parametrize(
    "dialect", sorted({"cryptonote", "bitcoin", "coinhive", "stratum-v2"} & DIALECTS.keys())
)
def test_dialects_work_over_tls(dialect, transport):
    mined, _ = mine_until(
        lambda client, server: client.accepted >= 2 and client.jobs >= 2,
        pool_of(dialect, transport=transport),
        miner_of(),
    )
    assert mined["connections"] == 1


def test_a_fair_pool_refuses_nothing_that_is_in_time():
    mined, served = mine_until(
        lambda client, server: client.accepted >= 20, pool_of(block_mean_s=1e6), miner_of()
    )
    assert served["rejected"] == mined["rejected"] == 0


def test_an_unfair_pool_refuses():
    mined, served = mine_until(
        lambda client, server: client.rejected >= 5, pool_of(reject_ratio=0.9), miner_of()
    )
    assert served["rejected"] >= mined["rejected"] >= 5


def test_many_workers_get_the_same_blocks_at_the_same_moment():
    async def heights(port):
        reader, writer = await asyncio.open_connection(ADDRESS, port)
        writer.write(line(LOGIN))
        seen = {}
        for _ in range(6):
            message = json.loads(await reader.readline())
            job = message.get("params") or message["result"]["job"]
            seen[job["height"]] = time.monotonic()
        writer.close()
        await writer.wait_closed()
        return seen

    async def run():
        async with open_pool(pool_of(refresh_s=1e6)) as server:
            async with asyncio.timeout(10):
                one, two = await asyncio.gather(heights(server.port), heights(server.port))
            shared = one.keys() & two.keys()
            assert len(shared) >= 4
            assert max(abs(one[height] - two[height]) for height in shared) < 0.5
            assert server.connections == 2

    asyncio.run(run())


def test_two_pools_of_one_chain_share_its_blocks():
    one = PoolServer(pool_of(name="one"), Random(1), started_s=1.8e9)
    two = PoolServer(pool_of(name="two"), Random(2), started_s=1.8e9)
    other = PoolServer(pool_of(chain_seed=1), Random(2), started_s=1.8e9)
    hashes = [server._work.previous_hash for server in (one, two, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_template_is_refreshed_when_no_block_comes():
    mined, _ = mine_until(
        lambda client, server: client.jobs >= 5,
        pool_of(block_mean_s=1e6, refresh_s=0.05),
        miner_of(),
    )
    assert mined["jobs"] >= 5


def test_a_pool_that_hangs_up_sees_its_miner_again():
    mined, served = mine_until(
        lambda client, server: client.connections >= 4 and client.accepted >= 3,
        pool_of(drop_mean_s=0.3),
        miner_of(),
    )
    assert served["connections"] >= 4
    assert served["accepted"] >= mined["accepted"] >= 3


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\n\r\n", b"x" * 100_000 + b"\n"])
def test_who_does_not_speak_the_dialect_is_cut_off(octets):
    async def run():
        async with open_pool(pool_of()) as server:
            reader, writer = await asyncio.open_connection(ADDRESS, server.port)
            writer.write(octets)
            async with asyncio.timeout(5):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    asyncio.run(run())


def test_a_silent_worker_is_dropped(monkeypatch):
    monkeypatch.setattr(pool_module, "IDLE_S", 0.1)

    async def run():
        async with open_pool(pool_of()) as server:
            reader, writer = await asyncio.open_connection(ADDRESS, server.port)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            await until(lambda: not server._workers)
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())


def test_a_pool_that_starts_later_than_its_chain_catches_up():
    async def run():
        pool = pool_of(block_mean_s=1.0)
        async with PoolServer(pool, Random(1), started_s=time.time() - 1000) as server:
            await server.start(ADDRESS)
            await until(lambda: server._work.height > 3_300_500)

    asyncio.run(run())


def test_an_unknown_dialect_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"pool-1: no dialect 'klingon'; there are .*cryptonote"):
        PoolServer(pool_of("klingon"), Random(1))


def test_a_defect_in_a_session_ends_the_pool():
    class Broken:
        accepted = rejected = 0
        is_logged_in = False

        def receive(self, octets, work, now_s):
            raise KeyError("our fault")

    async def run():
        async with open_pool(pool_of()) as server:
            server._dialect = type("D", (), {"pool": lambda *_: Broken()})()
            _, writer = await asyncio.open_connection(ADDRESS, server.port)
            writer.write(b"x")
            async with asyncio.timeout(5):
                with pytest.raises(ExceptionGroup) as failed:
                    await server.wait()
            assert isinstance(failed.value.exceptions[0], KeyError)
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())
