# SPDX-License-Identifier: Apache-2.0
"""A Stratum miner that never hashes: it waits as long as hashing takes and submits a random result.

On the wire it behaves as XMRig 6 does: one long TCP or TLS connection without a server name, a
login, a share now and then, ``keepalived`` when nothing was answered for 60 s, TCP keep-alive after
60 s, five attempts 5 s apart.

Run it with ``python -m minewatch.lab.stratum_miner --pool HOST:PORT``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from random import Random

from minewatch.lab import cryptonote, tls
from minewatch.lab.cryptonote import Job, Message

NONCES = 2**32


@dataclass(frozen=True, slots=True)
class MinerSettings:
    """How a miner behaves."""

    wallet: str = cryptonote.FAKE_WALLET
    """Login name."""

    rig: str = "rig"
    """Name of the machine in the login."""

    share_mean_s: float = 18.3
    """Mean gap between shares [s]; measured at a real pool."""

    rate_sigma: float = 0.8
    """Spread of the hash rate from job to job, sigma of its logarithm: the machine has other work.
    0.8 and a mean of 18.3 s give p5/p50/p95 of 0.5/8.6/67 s; a real pool saw 0.55/8.4/63 s."""

    keepalive_s: float = 60.0
    """Silence after which ``keepalived`` is sent [s]; XMRig's default."""

    attempts: int = 5
    """Connections tried in a row before giving up; XMRig's default."""

    pause_s: float = 5.0
    """Wait between two attempts [s]; XMRig's default."""


def draw_mean_gap(settings: MinerSettings, rng: Random) -> float:
    """Return the mean gap between shares while one job lasts [s].

    The hash rate behind it is 1 on average, so that `share_mean_s` holds in the long run.
    """
    sigma = settings.rate_sigma
    rate = rng.lognormvariate(-(sigma**2) / 2, sigma)
    return settings.share_mean_s / rate


class StratumMiner:
    """A miner for one pool.

    Parameters
    ----------
    settings : how it behaves.
    rng : source of waits, nonces and results.
    context : TLS context of a client, or None for plain TCP.

    Attributes
    ----------
    accepted, rejected : submits answered so far.
    jobs : jobs received so far.
    keepalives : signs of life answered so far.
    """

    def __init__(
        self, settings: MinerSettings, rng: Random, *, context: ssl.SSLContext | None = None
    ) -> None:
        self.settings = settings
        self.accepted = 0
        self.rejected = 0
        self.jobs = 0
        self.keepalives = 0
        self._rng = rng
        self._context = context

    async def run(self, host: str, port: int) -> None:
        """Mine until cancelled; connect again when the pool hangs up.

        Raises
        ------
        ConnectionError : the last of `attempts` connections in a row brought no job.
        """
        failures = 0
        while True:
            jobs_before = self.jobs
            try:
                await self.mine(host, port)
            except OSError as error:
                failures = 1 if self.jobs > jobs_before else failures + 1
                if failures >= self.settings.attempts:
                    raise ConnectionError(f"{host}:{port}: no pool: {error}") from error
            await asyncio.sleep(self.settings.pause_s)

    async def mine(self, host: str, port: int) -> None:
        """Mine over one connection.

        Raises
        ------
        ConnectionError : the pool refused the login, hung up, or does not speak Stratum.
        OSError : there is no connection, or TLS failed.
        """
        reader, writer = await asyncio.open_connection(
            host,
            port,
            ssl=self._context,
            # The empty name is how asyncio is told to send none (no SNI), as XMRig does.
            server_hostname=None if self._context is None else "",
            limit=cryptonote.MAX_LINE_OCTETS,
        )
        _set_keepalive(writer.get_extra_info("socket"))
        try:
            await _Session(self, reader, writer).work()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Session:
    """One connection of a miner."""

    def __init__(
        self, miner: StratumMiner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._miner = miner
        self._rng = miner._rng
        self._reader = reader
        self._writer = writer
        self._requests: dict[int, str] = {}
        self._last_id = 0
        self._worker_id = ""
        self._job: Job | None = None
        self._nonce = 0
        self._new_job = asyncio.Event()
        self._chores: list[asyncio.Task[None]] = []
        self._answered_s = asyncio.get_running_loop().time()

    async def work(self) -> None:
        settings = self._miner.settings
        self._send(cryptonote.login(self._next_id("login"), settings.wallet, settings.rig))
        try:
            while line := await self._reader.readline():
                self._receive(cryptonote.decode(line))
        except ValueError as error:
            raise ConnectionError(f"the pool does not speak Stratum: {error}") from error
        finally:
            for chore in self._chores:
                chore.cancel()
            await asyncio.gather(*self._chores, return_exceptions=True)
        raise ConnectionError("the pool hung up")

    def _next_id(self, method: str) -> int:
        self._last_id += 1
        self._requests[self._last_id] = method
        return self._last_id

    def _send(self, message: Message) -> None:
        self._writer.write(cryptonote.encode(message))

    def _receive(self, message: Message) -> None:
        if message.get("method") == "job":
            self._take(cryptonote.parse_job(message.get("params") or {}))
            return
        request_id = message.get("id")
        method = self._requests.pop(request_id, "") if isinstance(request_id, int) else ""
        self._answered_s = asyncio.get_running_loop().time()
        if method == "login":
            self._log_in(message)
        elif method == "submit" and message.get("error") is None:
            self._miner.accepted += 1
        elif method == "submit":
            self._miner.rejected += 1
        elif method == "keepalived":
            self._miner.keepalives += 1

    def _log_in(self, message: Message) -> None:
        result = message.get("result")
        if not isinstance(result, dict):
            raise ConnectionError(f"the pool refused the login: {message.get('error')}")
        self._worker_id = str(result.get("id"))
        self._take(cryptonote.parse_job(result.get("job") or {}))
        self._chores.append(asyncio.create_task(self._submit_shares()))
        if "keepalive" in (result.get("extensions") or []):
            self._chores.append(asyncio.create_task(self._stay()))

    def _take(self, job: Job) -> None:
        self._job = job
        self._nonce = 0
        self._miner.jobs += 1
        self._new_job.set()

    async def _submit_shares(self) -> None:
        while True:
            self._new_job.clear()
            mean_s = draw_mean_gap(self._miner.settings, self._rng)
            while not self._new_job.is_set():
                wait_s = self._rng.expovariate(1 / mean_s)
                try:
                    await asyncio.wait_for(self._new_job.wait(), wait_s)
                except TimeoutError:
                    self._submit(wait_s / mean_s)

    def _submit(self, shares_of_work: float) -> None:
        """Send one share; its nonce is as far on as the hashes tried since the last one."""
        if self._job is None:
            return
        difficulty = self._job.difficulty
        self._nonce = (self._nonce + 1 + int(shares_of_work * difficulty)) % NONCES
        result = cryptonote.make_result(difficulty, self._rng)
        request_id = self._next_id("submit")
        self._send(cryptonote.submit(request_id, self._worker_id, self._job, self._nonce, result))

    async def _stay(self) -> None:
        """Send a sign of life whenever the pool has answered nothing for a while."""
        keepalive_s = self._miner.settings.keepalive_s
        loop = asyncio.get_running_loop()
        while True:
            left_s = self._answered_s + keepalive_s - loop.time()
            if left_s <= 0:
                self._send(cryptonote.keepalived(self._next_id("keepalived"), self._worker_id))
                left_s = keepalive_s
            await asyncio.sleep(left_s)


def _set_keepalive(sock: socket.socket) -> None:
    """Ask for TCP keep-alive as libuv does for XMRig: after 60 s, then every second, ten times."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 10)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A Stratum miner for the lab; it never hashes.")
    parser.add_argument("--pool", required=True, metavar="HOST:PORT", help="where to connect")
    parser.add_argument("--tls", action="store_true", help="speak TLS, without a server name")
    parser.add_argument(
        "--tls-version", choices=["1.2", "1.3"], default="1.3", help="newest offered"
    )
    parser.add_argument("--wallet", default=cryptonote.FAKE_WALLET, help="login name")
    parser.add_argument("--rig", default="rig", help="name of this machine")
    parser.add_argument("--share-mean-s", type=float, default=18.3, help="mean gap of shares [s]")
    parser.add_argument("--seed", type=int, default=0, help="seed of waits, nonces and results")
    return parser


def main() -> None:
    """Mine until killed, or until the pool is given up."""
    parser = _parser()
    options = parser.parse_args()
    host, separator, port = options.pool.rpartition(":")
    if not separator or not port.isdigit():
        parser.error(f"--pool must be HOST:PORT, not {options.pool}")
    settings = MinerSettings(
        wallet=options.wallet, rig=options.rig, share_mean_s=options.share_mean_s
    )
    context = tls.miner_context(options.tls_version) if options.tls else None
    miner = StratumMiner(settings, Random(f"miner {options.seed}"), context=context)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(miner.run(host, int(port)))


if __name__ == "__main__":
    main()
