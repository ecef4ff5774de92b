# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from minewatch.lab import cryptonote, stratum_pool, tls
from minewatch.lab.cryptonote import Message
from minewatch.lab.stratum_pool import Chain, PoolSettings, StratumPool

FAIR = PoolSettings(reject_ratio=0.0)
HOST = "127.0.0.1"


class Client:
    """The other end, one message at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.worker_id = ""

    async def read(self) -> Message:
        line = await asyncio.wait_for(self.reader.readline(), 5)
        return cryptonote.decode(line)

    async def ask(self, message: Message) -> Message:
        self.writer.write(cryptonote.encode(message))
        return await self.read()

    async def log_in(self) -> cryptonote.Job:
        answer = await self.ask(cryptonote.login(1, cryptonote.FAKE_WALLET, "rig"))
        self.worker_id = answer["result"]["id"]
        return cryptonote.parse_job(answer["result"]["job"])

    async def submit(self, job: cryptonote.Job, result: str) -> Message:
        return await self.ask(cryptonote.submit(2, self.worker_id, job, 7, result))


def with_pool(
    play: Callable[[StratumPool, Client], Awaitable[None]], settings: PoolSettings = FAIR
) -> None:
    """Run `play` with a pool on loopback and a client connected to it."""

    async def run() -> None:
        async with StratumPool(Chain(1), settings, Random(1)) as pool:
            await pool.start(HOST, 0)
            reader, writer = await asyncio.open_connection(HOST, pool.port)
            try:
                await play(pool, Client(reader, writer))
            finally:
                writer.close()
                await writer.wait_closed()

    asyncio.run(run())


def good(job: cryptonote.Job) -> str:
    return cryptonote.make_result(job.difficulty, Random(5))


def test_a_chain_is_the_same_each_time():
    blocks = list(itertools.islice(Chain(7).blocks(), 2000))
    assert blocks == list(itertools.islice(Chain(7).blocks(), 2000))
    assert blocks[:2] != list(itertools.islice(Chain(8).blocks(), 2))
    assert blocks[0][0] == 0.0
    gaps = [b[0] - a[0] for a, b in itertools.pairwise(blocks)]
    assert statistics.fmean(gaps) == pytest.approx(120, rel=0.1)
    assert statistics.stdev(gaps) == pytest.approx(120, rel=0.1)
    assert [block.height for _, block in blocks[:3]] == [3_300_000, 3_300_001, 3_300_002]


def test_login_brings_a_job_and_a_good_share_is_accepted():
    async def play(pool: StratumPool, client: Client) -> None:
        job = await client.log_in()
        assert job.height == 3_300_000
        assert await client.submit(job, good(job)) == cryptonote.status_result(2)
        assert (pool.accepted, pool.rejected) == (1, 0)

    with_pool(play)


def test_a_sign_of_life_is_answered():
    async def play(pool: StratumPool, client: Client) -> None:
        await client.log_in()
        answer = await client.ask(cryptonote.keepalived(3, client.worker_id))
        assert answer == cryptonote.status_result(3, "KEEPALIVED")

    with_pool(play)


def test_a_bad_share_is_refused():
    async def play(pool: StratumPool, client: Client) -> None:
        job = await client.log_in()
        answer = await client.submit(job, "ff" * 32)
        assert answer["error"]["message"] == "Low difficulty share"
        assert (pool.accepted, pool.rejected) == (0, 1)

    with_pool(play)


def test_a_good_share_is_refused_now_and_then():
    async def play(pool: StratumPool, client: Client) -> None:
        job = await client.log_in()
        answers = [await client.submit(job, good(job)) for _ in range(200)]
        refused = sum(answer["error"] is not None for answer in answers)
        assert refused == pool.rejected == 200 - pool.accepted
        assert 30 < refused < 80

    with_pool(play, PoolSettings(reject_ratio=0.25))


def test_jobs_are_pushed_at_each_refresh_and_old_ones_expire():
    async def play(pool: StratumPool, client: Client) -> None:
        first = await client.log_in()
        pushes = [await client.read() for _ in range(4)]
        assert {push["method"] for push in pushes} == {"job"}
        assert len({push["params"]["job_id"] for push in pushes}) == 4
        pool.settings = FAIR
        answer = await client.submit(first, good(first))
        while "method" in answer:
            answer = await client.read()
        assert answer["error"]["message"] == "Block expired"

    with_pool(play, PoolSettings(refresh_s=0.05, reject_ratio=0.0))


def test_two_pools_of_one_chain_hear_of_its_blocks_together():
    settings = PoolSettings(propagation_s=(0.0, 0.05), reject_ratio=0.0)

    async def heights(seed: int, start_s: float) -> list[tuple[int, float]]:
        chain = Chain(3, block_mean_s=0.2)
        async with StratumPool(chain, settings, Random(seed), chain_start_s=start_s) as pool:
            await pool.start(HOST, 0)
            client = Client(*await asyncio.open_connection(HOST, pool.port))
            await client.log_in()
            seen = []
            for _ in range(5):
                height = (await client.read())["params"]["height"]
                seen.append((height, asyncio.get_running_loop().time()))
            client.writer.close()
            await client.writer.wait_closed()
        return seen

    async def run() -> None:
        start_s = time.time()
        one, two = await asyncio.gather(heights(1, start_s), heights(2, start_s))
        at = dict(two)
        shared = [abs(seen_s - at[height]) for height, seen_s in one if height in at]
        assert len(shared) >= 4
        assert max(shared) < 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"id": 1, "method": "submit", "params": {}}, "Unauthenticated"),
        ({"id": "x", "method": "login", "params": {}}, "Malformed request"),
        ({"id": 1, "method": "login"}, "Malformed request"),
    ],
)
def test_a_stranger_is_refused(message, text):
    async def play(pool: StratumPool, client: Client) -> None:
        assert (await client.ask(message))["error"]["message"] == text

    with_pool(play)


def test_an_unknown_method_is_refused():
    async def play(pool: StratumPool, client: Client) -> None:
        await client.log_in()
        message = {"id": 5, "method": "mining.notify", "params": {"id": client.worker_id}}
        assert (await client.ask(message))["error"]["message"] == "Invalid method"

    with_pool(play)


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\n\r\n", b"x" * 40_000 + b"\n"])
def test_who_does_not_speak_stratum_is_cut_off(octets):
    async def play(pool: StratumPool, client: Client) -> None:
        client.writer.write(octets)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(client.reader.read(), 5) == b""

    with_pool(play)


def test_jobs_come_over_tls(tmp_path):
    context = tls.server_context(tls.self_signed_certificate(tmp_path, "pool"))

    async def run() -> None:
        async with StratumPool(Chain(1), FAIR, Random(1), context=context) as pool:
            await pool.start(HOST, 0)
            reader, writer = await asyncio.open_connection(
                HOST, pool.port, ssl=tls.miner_context(), server_hostname=""
            )
            assert (await Client(reader, writer).log_in()).algo == "rx/0"
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())


def test_the_program_wants_certificate_and_key_together(monkeypatch, capsys):
    arguments = ["stratum_pool", "--host", HOST, "--port", "0", "--key", "k.pem"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        stratum_pool.main()
    assert ended.value.code == 2
    assert "--certificate and --key go together" in capsys.readouterr().err
