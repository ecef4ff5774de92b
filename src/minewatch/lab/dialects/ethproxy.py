# SPDX-License-Identifier: Apache-2.0
"""eth-proxy: Ethereum's own JSON-RPC over a plain stream, as Claymore's miner and ethminer use it.

Claymore asks for work every 10 s though the pool pushes it, and reports its hash rate every 20 s;
ethminer asks once and reports every 60 s. The pool answers a question for work as it pushes: under
id 0 to Claymore, whose form it is, else under the question's own. Jobs are told apart by their
header hash. A share carries the mix hash, not the hash that meets the target, so its pool takes
every share for a header it knows.

Options of a miner: ``program`` (``claymore`` or ``ethminer``; any if absent), ``hashrate_s`` (0 for
no reports). Option of a pool: ``has_height`` (true to push the block's number as well).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.miner_session import LineMiner
from minewatch.lab.dialects.pool_session import LinePool, Verdict, request_id
from minewatch.lab.dialects.stream import Message, compact, method_of, spaced
from minewatch.lab.dialects.target import read_target, target_text

_REFUSALS = {Verdict.STALE: "Stale share", Verdict.LOW: "Low difficulty share"}


class EthProxyPool(LinePool):
    """The pool's end."""

    _present: tuple[tuple[bytes, int], str] | None = None
    """What the last header stands for, and the header."""

    def announce(self, work: Work, *, is_changed: bool) -> list[bytes]:
        """Return work; its target is how this dialect says a difficulty."""
        self._present = None
        return [self._work(0, work)]

    def _work(self, number: int | str | None, work: Work) -> bytes:
        key = (work.previous_hash, work.time_s)
        if self._present is None or self._present[0] != key:
            self._present = (key, "0x" + self.rng.randbytes(32).hex())
            self.remember(self._present[1])
        target = "0x" + target_text(self.retarget.difficulty)
        parts = [self._present[1], "0x" + work.seed_hash.hex(), target]
        if self.settings.options.get("has_height"):
            parts.append(hex(work.height))
        return _result(number, parts)

    def answer(self, message: Message, work: Work, now_s: float) -> list[bytes]:
        """Return the answers to one message."""
        number, method, params = request_id(message), method_of(message), message["params"]
        if method is None or not isinstance(params, list):
            raise ValueError("parameters of eth_* are a list")
        if method in ("eth_submitLogin", "eth_login"):
            return self._log_in(number, params, now_s)
        if not self.is_logged_in:
            return [_refusal(number, "Not authorized")]
        if method == "eth_getWork":
            # "worker" in front is Claymore's way to write.
            return [self._work(0 if next(iter(message)) == "worker" else number, work)]
        if method == "eth_submitHashrate":
            return []
        if method == "eth_submitWork":
            return [self._judged(number, params), *self.steer(work, now_s)]
        return [_refusal(number, "Method not found")]

    def _log_in(self, number: int | str | None, params: list[Any], now_s: float) -> list[bytes]:
        if not isinstance(params[0], str) or not params[0]:
            return [_refusal(number, "Invalid login")]
        self.is_logged_in = True
        self.retarget.is_changed(now_s)  # starts its clock
        return [_result(number, True)]

    def _judged(self, number: int | str | None, params: list[Any]) -> bytes:
        nonce, header, mix = params[:3]
        is_sound = len(nonce) == 18 and len(mix) == 66
        verdict = self.judge(str(header), lambda _: is_sound)
        if verdict is Verdict.ACCEPTED:
            return _result(number, True)
        return _refusal(number, _REFUSALS[verdict])


def _result(number: int | str | None, value: object) -> bytes:
    return compact({"jsonrpc": "2.0", "id": number, "result": value})


def _refusal(number: int | str | None, text: str) -> bytes:
    error = {"code": -1, "message": text}
    return compact({"jsonrpc": "2.0", "id": number, "result": False, "error": error})


@dataclass(frozen=True, slots=True)
class Program:
    """How one mining program writes."""

    is_claymore: bool
    login_id: int
    work_id: int
    submit_id: int
    hashrate_id: int
    poll_s: float
    """It asks for work so often [s]."""
    hashrate_s: float
    """It reports its hash rate so often [s]."""


PROGRAMS = {
    "claymore": Program(True, 2, 3, 4, 6, 10.0, 20.0),
    "ethminer": Program(False, 1, 5, 40, 9, math.inf, 60.0),
}


class EthProxyMiner(LineMiner):
    """The miner's end.

    Parameters
    ----------
    settings : who it says it is.
    rng : source of nonces.
    program : how it writes.
    """

    def __init__(self, settings: MinerSettings, rng: Random, program: Program) -> None:
        super().__init__(settings, rng)
        self._program = program
        every_s = float(self.option("hashrate_s", str(program.hashrate_s)))
        self._hashrate_s = every_s if every_s > 0 else math.inf
        # The same for all reports of one machine.
        self._machine = f"0x{rng.getrandbits(32 if program.is_claymore else 256):064x}"
        self._is_logged_in = False
        self._header = ""
        self._poll_due_s = math.inf
        self._report_due_s = math.inf

    def open(self, now_s: float) -> list[bytes]:
        """Return the login."""
        program, settings = self._program, self.settings
        number = self.expect(program.login_id, "login")
        if program.is_claymore:
            params = [f"{settings.login}/{settings.rig}", settings.password]
            return [self._claymore("eth1.0", params, number, "eth_submitLogin")]
        params = [settings.login, settings.password]
        message = {"id": number, "method": "eth_submitLogin", "params": params}
        return [compact(message | ({"worker": settings.rig} if settings.rig else {}))]

    def _claymore(self, worker: str, params: list[str], number: int, method: str) -> bytes:
        return spaced(
            {"worker": worker, "jsonrpc": "2.0", "params": params, "id": number, "method": method}
        )

    def _ask(self, now_s: float) -> bytes:
        number = self.expect(self._program.work_id, "work")
        self._poll_due_s = now_s + self._program.poll_s
        if self._program.is_claymore:
            return self._claymore("", [], number, "eth_getWork")
        return compact({"id": number, "method": "eth_getWork", "params": []})

    def take(self, message: Message, now_s: float) -> list[bytes]:
        """Take work or an answer."""
        if method_of(message) is not None:
            return []
        value, number = message["result"], message["id"]
        if isinstance(value, list):
            self.asked(number)
            self._start(value)
            return []
        what = self.asked(number) or ("share" if number == self._program.submit_id else "")
        if what == "login":
            if value is not True:
                raise ValueError(f"the pool refused the login: {message.get('error')}")
            self._is_logged_in = True
            self._report_due_s = now_s + self._hashrate_s
            sent = [self._ask(now_s)]
            self._set_alarm()
            return sent
        if what == "share":
            self.count(is_accepted=value is True)
        return []

    def _start(self, parts: list[Any]) -> None:
        header = str(parts[0])
        if len(header) != 66:
            raise ValueError("not work: no header hash")
        self.difficulty = read_target(parts[2])
        # Asked again, the pool says the same: that is no new job.
        self.jobs += header != self._header
        self._header = header

    def _set_alarm(self) -> None:
        self.next_tick_s = min(self._poll_due_s, self._report_due_s)

    def share(self, now_s: float) -> list[bytes]:
        """Return a share."""
        if not self._header or not self._is_logged_in:
            return []
        number = self.expect(self._program.submit_id, "share")
        params = [f"0x{self.rng.getrandbits(64):016x}", self._header]
        params.append("0x" + self.rng.randbytes(32).hex())
        return [compact({"id": number, "method": "eth_submitWork", "params": params})]

    def tick(self, now_s: float) -> list[bytes]:
        """Return a report or a question for work when one is due."""
        sent = []
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + self._hashrate_s
            sent.append(self._report())
        if now_s >= self._poll_due_s:
            sent.append(self._ask(now_s))
        self._set_alarm()
        return sent

    def _report(self) -> bytes:
        rate = round(self.settings.hash_rate * self.rng.uniform(0.99, 1.01))
        number = self._program.hashrate_id
        if self._program.is_claymore:
            head = f'{{"id":{number},"jsonrpc":"2.0","method":"eth_submitHashrate","params":['
            return f'{head}"{rate:#x}", "{self._machine}"]}}\n'.encode()
        params = [f"0x{rate:064x}", self._machine]
        return compact({"id": number, "method": "eth_submitHashrate", "params": params})


class EthProxy:
    """Ethash's first dialect."""

    name = "eth-proxy"
    decoded_as = "eth-proxy"
    carrier = "lines"

    def pool(self, settings: PoolSettings, rng: Random) -> EthProxyPool:
        """Return the pool's end of a new connection."""
        return EthProxyPool(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> EthProxyMiner:
        """Return the miner's end of a new connection."""
        name = str(settings.options.get("program", rng.choice(list(PROGRAMS))))
        if name not in PROGRAMS:
            raise ValueError(f"program must be one of {', '.join(PROGRAMS)}, not {name!r}")
        return EthProxyMiner(settings, rng, PROGRAMS[name])


DIALECTS = (EthProxy(),)
