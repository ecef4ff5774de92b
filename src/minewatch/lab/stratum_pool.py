# SPDX-License-Identifier: Apache-2.0
"""A Stratum pool that validates no work: real sockets, a real job clock, plain or TLS.

Jobs follow a chain of blocks (exponential gaps) and a template refresh, so the gap between two
pushes is min(Exp(block mean), refresh): what was measured at real pools. Two pools given the same
chain seed and start see the same blocks, as two pools of one coin do.

Run it with ``python -m minewatch.lab.stratum_pool --host ADDRESS --port PORT``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from minewatch.lab import cryptonote, tls
from minewatch.lab.cryptonote import Block, Job, Message

JOBS_REMEMBERED = 4
"""Shares for the last few jobs are accepted, older ones are refused; as in nodejs-pool."""


class Chain:
    """Blocks and when they arrive; the same arguments give the same chain in every process.

    Parameters
    ----------
    seed : which chain.
    block_mean_s : mean gap between blocks [s]; Monero aims at 120.
    height : height of the first block sought.
    """

    def __init__(self, seed: int, block_mean_s: float = 120.0, height: int = 3_300_000) -> None:
        self.seed = seed
        self.block_mean_s = block_mean_s
        self.height = height

    def blocks(self) -> Iterator[tuple[float, Block]]:
        """Yield (seconds after the start, block), the first at 0, without end."""
        # Named, so that chain, pool and miner of one seed do not draw the same octets.
        rng = Random(f"chain {self.seed}")
        seed_hash = rng.randbytes(32)
        arrival_s = 0.0
        height = self.height
        while True:
            yield arrival_s, Block(height, rng.randbytes(32), seed_hash)
            arrival_s += rng.expovariate(1 / self.block_mean_s)
            height += 1


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How a pool behaves."""

    difficulty: int = 20_000
    """Hashes in a share: about 1,100 a second gives a share every 18 s."""

    refresh_s: float = 120.0
    """A job is pushed at the latest this long after the last one [s]."""

    propagation_s: tuple[float, float] = (0.1, 0.9)
    """Between these, how late the pool hears of a block [s]."""

    reject_ratio: float = 0.02
    """Share of good submits that are refused all the same."""


@dataclass(slots=True, eq=False)
class _Worker:
    """One connection."""

    writer: asyncio.StreamWriter
    worker_id: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def is_logged_in(self) -> bool:
        return bool(self.worker_id)

    def remember(self, job: Job) -> None:
        self.jobs[job.job_id] = job
        while len(self.jobs) > JOBS_REMEMBERED:
            del self.jobs[next(iter(self.jobs))]


class StratumPool:
    """A pool on one listening socket; use it as an asynchronous context manager.

    Parameters
    ----------
    chain : where its jobs come from.
    settings : how it behaves.
    rng : source of worker ids, job ids, refusals and delays.
    context : TLS context of a server, or None for plain TCP.
    chain_start_s : when the chain's first block arrived, seconds since 1970; now if None.

    Attributes
    ----------
    accepted, rejected : submits so far, of all workers.
    port : the bound port, once started.
    """

    def __init__(
        self,
        chain: Chain,
        settings: PoolSettings,
        rng: Random,
        *,
        context: ssl.SSLContext | None = None,
        chain_start_s: float | None = None,
    ) -> None:
        self.settings = settings
        self.accepted = 0
        self.rejected = 0
        self.port = 0
        self._rng = rng
        self._context = context
        self._blocks = chain.blocks()
        self._start_s = time.time() if chain_start_s is None else chain_start_s
        self._tip = next(self._blocks)[1]
        self._workers: set[_Worker] = set()
        self._server: asyncio.Server | None = None
        self._clock: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen on `host`:`port` (0 takes a free port) and start the job clock."""
        limit = cryptonote.MAX_LINE_OCTETS
        self._server = await asyncio.start_server(
            self._serve, host, port, ssl=self._context, limit=limit
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._clock = asyncio.create_task(self._run_clock())

    async def close(self) -> None:
        """Stop listening and drop every worker."""
        if self._clock is not None:
            self._clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clock
        if self._server is not None:
            self._server.close()
            for worker in self._workers:
                worker.writer.close()
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run_clock(self) -> None:
        for arrival_s, block in self._blocks:
            heard_s = self._start_s + arrival_s + self._rng.uniform(*self.settings.propagation_s)
            await self._refresh_until(heard_s)
            self._tip = block
            self._push_jobs()

    async def _refresh_until(self, time_s: float) -> None:
        refresh_s = self.settings.refresh_s
        while (left_s := time_s - time.time()) > refresh_s:
            await asyncio.sleep(refresh_s)
            self._push_jobs()
        await asyncio.sleep(max(left_s, 0.0))

    def _push_jobs(self) -> None:
        for worker in self._workers:
            if worker.is_logged_in:
                job = self._make_job(worker)
                worker.writer.write(cryptonote.encode(cryptonote.job_push(job)))

    def _make_job(self, worker: _Worker) -> Job:
        job = cryptonote.make_job(self._tip, self.settings.difficulty, int(time.time()), self._rng)
        worker.remember(job)
        return job

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        worker = _Worker(writer)
        self._workers.add(worker)
        try:
            while line := await reader.readline():
                writer.write(cryptonote.encode(self._answer(worker, cryptonote.decode(line))))
                await writer.drain()
        except (ConnectionError, ValueError, ssl.SSLError):
            pass  # gone, or not speaking Stratum: a pool hangs up on both
        finally:
            self._workers.discard(worker)
            writer.close()

    def _answer(self, worker: _Worker, message: Message) -> Message:
        request_id = message.get("id")
        params = message.get("params")
        if not isinstance(request_id, int) or not isinstance(params, dict):
            return cryptonote.error_result(None, "Malformed request")
        method = message.get("method")
        if method == "login":
            worker.worker_id = self._rng.randbytes(16).hex()
            return cryptonote.login_result(request_id, worker.worker_id, self._make_job(worker))
        if not worker.is_logged_in or params.get("id") != worker.worker_id:
            return cryptonote.error_result(request_id, "Unauthenticated")
        if method == "submit":
            return self._judge(worker, request_id, params)
        if method == "keepalived":
            return cryptonote.status_result(request_id, "KEEPALIVED")
        return cryptonote.error_result(request_id, "Invalid method")

    def _judge(self, worker: _Worker, request_id: int, params: Message) -> Message:
        job = worker.jobs.get(str(params.get("job_id")))
        is_unlucky = self._rng.random() < self.settings.reject_ratio
        if job is None:
            refusal = "Block expired"
        elif is_unlucky or not cryptonote.meets(str(params.get("result")), job.difficulty):
            refusal = "Low difficulty share"
        else:
            self.accepted += 1
            return cryptonote.status_result(request_id)
        self.rejected += 1
        return cryptonote.error_result(request_id, refusal)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="A Stratum pool for the lab; it validates no work."
    )
    parser.add_argument("--host", required=True, help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--certificate", type=Path, help="PEM file; with --key it turns TLS on")
    parser.add_argument("--key", type=Path, help="PEM file")
    parser.add_argument(
        "--tls-version", choices=["1.2", "1.3"], default="1.3", help="newest offered"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of ids, refusals and delays")
    parser.add_argument("--chain-seed", type=int, default=0, help="which chain of blocks")
    parser.add_argument("--chain-start", type=float, help="seconds since 1970; now if not given")
    parser.add_argument("--block-mean-s", type=float, default=120.0, help="mean gap of blocks [s]")
    parser.add_argument("--refresh-s", type=float, default=120.0, help="longest gap of jobs [s]")
    return parser


async def _run(options: argparse.Namespace) -> None:
    context = None
    if options.certificate is not None:
        made = tls.Certificate(options.certificate, options.key)
        context = tls.server_context(made, options.tls_version)
    pool = StratumPool(
        Chain(options.chain_seed, options.block_mean_s),
        PoolSettings(refresh_s=options.refresh_s),
        Random(f"pool {options.seed}"),
        context=context,
        chain_start_s=options.chain_start,
    )
    async with pool:
        await pool.start(options.host, options.port)
        await asyncio.Event().wait()


def main() -> None:
    """Run a pool until it is killed."""
    parser = _parser()
    options = parser.parse_args()
    if (options.certificate is None) != (options.key is None):
        parser.error("--certificate and --key go together")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(options))


if __name__ == "__main__":
    main()
