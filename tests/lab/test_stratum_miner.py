# SPDX-License-Identifier: Apache-2.0
import asyncio
import socket
import ssl
import statistics
from collections.abc import Callable
from random import Random

import pytest

from minewatch.lab import cryptonote, stratum_miner, tls
from minewatch.lab.stratum_miner import MinerSettings, StratumMiner, draw_mean_gap
from minewatch.lab.stratum_pool import Chain, PoolSettings, StratumPool

HOST = "127.0.0.1"
HASTY = MinerSettings(share_mean_s=0.02, rate_sigma=0.0, keepalive_s=30, attempts=2, pause_s=0.01)
FAIR = PoolSettings(reject_ratio=0.0)


async def mine_until(
    miner: StratumMiner, port: int, is_done: Callable[[], bool], seconds: float = 10
) -> None:
    """Mine on loopback until `is_done`; fail when that takes too long."""
    mining = asyncio.create_task(miner.run(HOST, port))
    try:
        async with asyncio.timeout(seconds):
            while not is_done() and not mining.done():
                await asyncio.sleep(0.01)
    finally:
        mining.cancel()
        await asyncio.gather(mining, return_exceptions=True)


def with_pool(
    miner: StratumMiner,
    is_done: Callable[[], bool],
    settings: PoolSettings = FAIR,
    context: ssl.SSLContext | None = None,
) -> StratumPool:
    """Let a miner work for a pool until `is_done`; return the pool, closed."""

    async def run() -> StratumPool:
        async with StratumPool(Chain(1), settings, Random(1), context=context) as pool:
            await pool.start(HOST, 0)
            await mine_until(miner, pool.port, is_done)
        return pool

    return asyncio.run(run())


def test_shares_are_accepted():
    miner = StratumMiner(HASTY, Random(1))
    pool = with_pool(miner, lambda: miner.accepted >= 20)
    assert miner.accepted >= 20
    assert (miner.rejected, miner.keepalives) == (0, 0)
    assert pool.rejected == 0


def test_a_refused_share_is_counted():
    miner = StratumMiner(HASTY, Random(1))
    with_pool(miner, lambda: miner.rejected >= 3, PoolSettings(reject_ratio=0.9))
    assert miner.rejected >= 3


def test_new_jobs_are_taken():
    miner = StratumMiner(HASTY, Random(1))
    pool = with_pool(
        miner,
        lambda: miner.jobs >= 5 and miner.accepted >= 5,
        PoolSettings(refresh_s=0.05, reject_ratio=0.0),
    )
    assert miner.jobs >= 5
    assert pool.rejected == 0


def test_a_silent_miner_gives_signs_of_life():
    settings = MinerSettings(share_mean_s=1e6, rate_sigma=0.0, keepalive_s=0.05)
    miner = StratumMiner(settings, Random(1))
    with_pool(miner, lambda: miner.keepalives >= 3)
    assert (miner.keepalives, miner.accepted) == (3, 0)


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_mining_works_over_tls(tmp_path, newest):
    server = tls.server_context(tls.self_signed_certificate(tmp_path, "pool"))
    names = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    miner = StratumMiner(HASTY, Random(1), context=tls.miner_context(newest))
    with_pool(miner, lambda: miner.accepted >= 3, context=server)
    assert miner.accepted >= 3
    assert names == [None]


def test_the_miner_comes_back_when_the_pool_hangs_up():
    async def run() -> None:
        miner = StratumMiner(HASTY, Random(1))
        async with StratumPool(Chain(1), FAIR, Random(1)) as pool:
            await pool.start(HOST, 0)
            port = pool.port
            mining = asyncio.create_task(miner.run(HOST, port))
            while miner.jobs < 1:
                await asyncio.sleep(0.01)
        async with StratumPool(Chain(1), FAIR, Random(2)) as again:
            await again.start(HOST, port)
            async with asyncio.timeout(5):
                while miner.jobs < 2 and not mining.done():
                    await asyncio.sleep(0.01)
            mining.cancel()
            await asyncio.gather(mining, return_exceptions=True)
        assert miner.jobs == 2

    asyncio.run(run())


def test_the_miner_gives_up_where_nobody_listens():
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionError, match="no pool"):
            asyncio.run(StratumMiner(HASTY, Random(1)).run(HOST, port))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak Stratum"),
        (b"", "hung up"),
        (cryptonote.encode(cryptonote.error_result(1, "banned")), "refused the login"),
        (cryptonote.encode({"id": 1, "result": {"id": "w", "job": {}}}), "not a job"),
        (cryptonote.encode({"id": [1]}), "hung up"),
    ],
)
def test_a_bad_pool_is_left(reply, reason):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(reply)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, HOST, 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ConnectionError, match=reason):
                await StratumMiner(HASTY, Random(1)).mine(HOST, port)

    asyncio.run(run())


def test_gaps_are_those_of_a_real_miner():
    """One pool's miners had p50 8.4 s, mean 18.3 s, p95 63 s (FIELD 3.2)."""
    settings, rng, gaps, seconds = MinerSettings(), Random(4), [], 0.0
    for _ in range(20_000):
        left_s = min(rng.expovariate(1 / 120), 120)
        seconds += left_s
        mean_s = draw_mean_gap(settings, rng)
        while (gap_s := rng.expovariate(1 / mean_s)) < left_s:
            left_s -= gap_s
            gaps.append(gap_s)
    assert seconds / len(gaps) == pytest.approx(18.3, rel=0.05)
    assert statistics.median(gaps) == pytest.approx(8.4, rel=0.25)
    assert draw_mean_gap(MinerSettings(share_mean_s=5, rate_sigma=0), rng) == 5


@pytest.mark.parametrize("pool", ["3333", "pool:x", "pool:"])
def test_the_program_wants_host_and_port(monkeypatch, capsys, pool):
    monkeypatch.setattr("sys.argv", ["stratum_miner", "--pool", pool])
    with pytest.raises(SystemExit) as ended:
        stratum_miner.main()
    assert ended.value.code == 2
    assert "must be HOST:PORT" in capsys.readouterr().err
