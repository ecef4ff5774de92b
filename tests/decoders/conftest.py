# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501  one message a line
"""Builders of conversations, and one session of each dialect, as captures and sources show them."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.types import PacketSeries, Payload, Segment

Turn = tuple[str, Any]
"""``>`` or ``<`` and what is said: octets, a text, or an object to be written as a JSON line."""

SECOND = 1_000_000_000
START = 1_600_000_000 * SECOND
ISN = 2**32 - 700  # so that every longer session wraps around

H = "ab" * 32
X = "0x" + H
WALLET = "4" + "A" * 90 + "wxyz"
BLOB = "1010f2c197d806" + "5c" * 32 + "00000000" + "e1" * 33


def octets(said: Any) -> bytes:
    if isinstance(said, bytes):
        return said
    if isinstance(said, str):
        return said.encode()
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def talk(
    *turns: Turn,
    cuts: frozenset[int] = frozenset(),
    mss: int = 1448,
    flip: bool = False,
    snap: int = 0,
    isn: int = ISN,
) -> Payload:
    """Return a conversation; `cuts` splits the octets of all turns counted together.

    `flip` makes the side of ``<`` the initiator; `snap` is how much of each packet is kept.
    """
    sequence = {">": isn, "<": isn + 77}
    segments: list[Segment] = []
    position = 0
    for side, said in turns:
        data = octets(said)
        ends = sorted({c - position for c in cuts if position < c < position + len(data)})
        for begin, end in zip([0, *ends], [*ends, len(data)], strict=True):
            for start in range(begin, end, mss):
                part = data[start : min(start + mss, end)]
                kept = part[:snap] if snap else part
                time_ns = START + len(segments) * SECOND
                segments.append(
                    Segment(time_ns, (side == ">") != flip, sequence[side] % 2**32, len(part), kept)
                )
                sequence[side] += len(part)
        position += len(data)
    return Payload(6, segments)


def sizes(*pairs: tuple[str, int]) -> Payload:
    """Return a conversation of which only the packets' sizes are known."""
    n = len(pairs)
    series = PacketSeries(
        START + np.arange(n, dtype=np.int64) * SECOND,
        np.array([size for _, size in pairs], dtype=np.int64),
        np.array([side == ">" for side, _ in pairs], dtype=bool),
        n,
    )
    return Payload(6, [], series)


def message(value: Any, **more: Any) -> JsonMessage:
    return JsonMessage(
        **{"order": 0, "time_ns": START, "from_initiator": True, **more}, value=value
    )


def rpc(identifier: Any, method: str, params: Any) -> dict[str, Any]:
    return {"id": identifier, "method": method, "params": params}


def result(identifier: Any, value: Any, error: Any = None) -> dict[str, Any]:
    return {"id": identifier, "result": value, "error": error}


def post(value: Any, agent: str = "", extra: str = "") -> bytes:
    body = json.dumps(value).encode()
    head = f"POST / HTTP/1.1\r\nHost: node:8332\r\nContent-Length: {len(body)}\r\n{extra}"
    head += f"User-Agent: {agent}\r\n" if agent else ""
    return head.encode() + b"\r\n" + body


def reply(value: Any) -> bytes:
    body = json.dumps(value).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    return f"{head}{len(body)}\r\n\r\n".encode() + body


def frame(value: Any, mask: bytes = b"", code: int = 0x81) -> bytes:
    """Return one web socket frame; with a mask as a client sends it."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    flag = 0x80 if mask else 0
    if len(data) < 126:
        head = bytes([code, flag | len(data)])
    elif len(data) < 65536:
        head = bytes([code, flag | 126]) + len(data).to_bytes(2, "big")
    else:
        head = bytes([code, flag | 127]) + len(data).to_bytes(8, "big")
    if mask:
        data = bytes(octet ^ mask[i % 4] for i, octet in enumerate(data))
    return head + mask + data


UPGRADE = (
    b"GET /proxy HTTP/1.1\r\nHost: ws.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"

JOB = {
    "blob": BLOB,
    "job_id": "ceaf6ece29",
    "target": "0ad7a300",
    "algo": "rx/0",
    "height": 3206964,
}
NOTIFY = [
    "274a-1",
    "fb" * 28 + "00000000",
    "01000000" + "00" * 60,
    "ffffffff" + "76a914" + "5c" * 20 + "88ac00000000",
    [H, "cd" * 32],
    "20000000",
    "1a0ffff0",
    "5b64647c",
    True,
]
TEMPLATE = {
    "version": 2,
    "previousblockhash": H,
    "transactions": [],
    "coinbasevalue": 5_000_000_000,
    "target": "00" * 4 + "ff" * 28,
    "bits": "1d00ffff",
    "curtime": 1_401_185_930,
    "height": 1234,
}

SESSIONS: dict[str, list[Turn]] = {
    "cryptonote": [
        (
            ">",
            {
                "id": 1,
                "jsonrpc": "2.0",
                "method": "login",
                "params": {
                    "login": WALLET,
                    "pass": "x",
                    "agent": "XMRig/6.26.0 (Linux x86_64) libuv/1.44.2 gcc/12.2.0",
                    "algo": ["rx/0", "cn/r", "kawpow"],
                },
            },
        ),
        ("<", result(1, {"id": "06a3", "job": JOB, "status": "OK"})),
        ("<", {"jsonrpc": "2.0", "method": "job", "params": JOB}),
        (
            ">",
            rpc(
                2,
                "submit",
                {"id": "06a3", "job_id": "ceaf6ece29", "nonce": "5a000000", "result": H},
            ),
        ),
        ("<", result(2, {"status": "OK"})),
        (">", rpc(3, "keepalived", {"id": "06a3"})),
        ("<", result(3, {"status": "KEEPALIVED"})),
    ],
    "bitcoin": [
        (">", rpc(1, "mining.configure", [["version-rolling"], {"version-rolling.mask": "1fffe000"}])),
        (">", rpc(2, "mining.subscribe", ["cgminer/4.10.0", None])),
        ("<", result(2, [[["mining.notify", "1"], ["mining.set_difficulty", "2"]], "00b61738", 4])),
        (">", rpc(3, "mining.authorize", ["user.worker", "c=LTC,d=64"])),
        ("<", result(3, True)),
        ("<", rpc(None, "mining.set_difficulty", [4096])),
        ("<", rpc(None, "mining.notify", NOTIFY)),
        (">", rpc(4, "mining.submit", ["user.worker", "274a-1", "00000001", "5b64647c", "b2957c02"])),
        ("<", result(4, True)),
        (">", rpc(5, "mining.submit", ["user.worker", "274a-1", "00000002", "5b64647c", "b2957c03"])),
        ("<", result(5, None, [23, "Low difficulty share", None])),
    ],
    "zcash": [
        (">", rpc(1, "mining.subscribe", ["equihashminer", None, "zec.example", "2142"])),
        ("<", result(1, [None, "c208ec77000000000000000077ec08c1"])),
        (">", rpc(2, "mining.authorize", ["user.worker", "x"])),
        ("<", result(2, True)),
        ("<", rpc(None, "mining.set_target", ["003c" + "3c" * 30])),
        ("<", rpc(None, "mining.notify", ["39f2", "04000000", H, H, "00" * 32, "16ee7c58", "83837b1c", True])),
        (">", rpc(4, "mining.submit", ["user.worker", "39f2", "16ee7c58", "4304" + "00" * 14, "fd4005" + "5a" * 1344])),
        ("<", result(4, True)),
    ],
    "kawpow": [
        (">", rpc(1, "mining.subscribe", ["kawpowminer/1.2.4"])),
        ("<", result(1, [None, "8a2b"])),
        (">", rpc(2, "mining.authorize", ["RVN:RVxcAAAAAAAAAAAAAAAAAAAAAAAAAAvm6", "x"])),
        ("<", result(2, True)),
        ("<", rpc(None, "mining.set_target", ["00" * 4 + "ff" * 28])),
        ("<", rpc(None, "mining.notify", ["2f", H, "cd" * 32, "00" * 4 + "ff" * 28, True, 2_344_508, "1b00f8d2"])),
        (">", rpc(3, "mining.submit", ["w", "2f", "0x8a2b000012345678", X, X])),
        ("<", result(3, True)),
    ],
    "ethereumstratum1": [
        (">", rpc(1, "mining.subscribe", ["NiceHash/1.0.0", "EthereumStratum/1.0.0"])),
        ("<", result(1, [["mining.notify", "ae6812eb4cd7735a", "EthereumStratum/1.0.0"], "080c"])),
        (">", rpc(2, "mining.authorize", ["user", "x"])),
        ("<", result(2, True)),
        ("<", rpc(None, "mining.set_difficulty", [0.5])),
        ("<", rpc(None, "mining.notify", ["bf0488aa", H, "cd" * 32, True])),
        (">", rpc(4, "mining.submit", ["user", "bf0488aa", "6a909d9bbc0f"])),
        ("<", result(4, True)),
    ],
    "ethereumstratum2": [
        (">", rpc(0, "mining.hello", {"agent": "ethminer-0.17", "host": "a", "port": "4d2", "proto": "EthereumStratum/2.0.0"})),
        ("<", {"id": 0, "result": {"proto": "EthereumStratum/2.0.0", "encoding": "plain", "resume": "0"}}),
        (">", rpc(1, "mining.subscribe", [])),
        ("<", {"id": 1, "result": "s-12345"}),
        (">", rpc(2, "mining.authorize", ["0x1234.worker", "x"])),
        ("<", {"id": 2, "result": "w-123"}),
        ("<", {"method": "mining.set", "params": {"epoch": "dc", "target": "0112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba", "algo": "ethash", "extranonce": "af4c"}}),
        ("<", {"method": "mining.notify", "params": ["bf0488aa", "6526d5", H, "0"]}),
        (">", rpc(12, "mining.submit", ["bf0488aa", "68765fccd712", "w-123"])),
        ("<", {"id": 12, "result": True}),
    ],
    "eth-stratum": [
        (">", rpc(1, "mining.subscribe", ["ethminer/0.18.0"])),
        ("<", result(1, True)),
        (">", rpc(2, "mining.authorize", ["0x9c99.worker", "x"])),
        ("<", result(2, True)),
        ("<", rpc(None, "mining.notify", [H, H, "cd" * 32, "00000000" + "6d" * 28, False])),
        (">", rpc(3, "mining.submit", ["0x9c99.worker", H, "0x8a2b000012345678", X, X])),
        ("<", result(3, True)),
    ],
    "eth-proxy": [
        (">", {**rpc(1, "eth_submitLogin", ["0x79a1A32790255555555555555555555555555555", "x"]), "worker": "w"}),
        ("<", {"id": 1, "jsonrpc": "2.0", "result": True}),
        (">", rpc(2, "eth_getWork", [])),
        ("<", {"id": 2, "jsonrpc": "2.0", "result": [X, X, "0x00000000" + "db" * 28]}),
        ("<", {"id": 0, "jsonrpc": "2.0", "result": [X, X, "0x00000000" + "db" * 28, "0xc5d488"]}),
        (">", rpc(4, "eth_submitWork", ["0x16b6c7d8e9f00112", X, X])),
        ("<", {"id": 4, "jsonrpc": "2.0", "result": True}),
        (">", rpc(6, "eth_submitHashrate", ["0x1d08a61", X])),
        ("<", {"id": 6, "jsonrpc": "2.0", "result": True}),
    ],
    "eth-getwork": [
        (">", post(rpc(1, "eth_getWork", []), agent="ethminer/0.18.0")),
        ("<", reply({"id": 1, "jsonrpc": "2.0", "result": [X, X, "0x00000000" + "db" * 28]})),
        (">", post(rpc(2, "eth_submitWork", ["0x16b6c7d8e9f00112", X, X]), agent="ethminer/0.18.0")),
        ("<", reply({"id": 2, "jsonrpc": "2.0", "result": True})),
    ],
    "getwork": [
        (">", post(rpc(0, "getwork", []), extra="X-Mining-Extensions: longpoll midstate\r\n")),
        ("<", reply(result(0, {"midstate": H, "data": "00" * 128, "target": "ff" * 32}))),
        (">", post(rpc(1, "getwork", ["00" * 128]), extra="X-Mining-Extensions: longpoll\r\n")),
        ("<", reply(result(1, True))),
    ],
    "getblocktemplate": [
        (">", post(rpc(0, "getblocktemplate", [{"capabilities": ["coinbasetxn"]}]), agent="cpuminer/2.5.1")),
        ("<", reply(result(0, TEMPLATE))),
    ],
    "coinhive": [
        (">", UPGRADE),
        ("<", SWITCHED),
        (">", frame({"type": "auth", "params": {"site_key": "A" * 32, "type": "anonymous", "user": None, "goal": 0}}, mask=b"\x01\x02\x03\x04")),
        ("<", frame({"type": "authed", "params": {"token": "", "hashes": 0}})),
        ("<", frame({"type": "job", "params": {"job_id": "1", "blob": BLOB, "target": "ffffff00"}})),
        (">", frame({"type": "submit", "params": {"job_id": "1", "nonce": "d0030040", "result": H}}, mask=b"\x09\x08\x07\x06")),
        ("<", frame({"type": "hash_accepted", "params": {"hashes": 256}})),
    ],
}  # fmt: skip


class Build:
    """What tests of decoders need; pytest gives it as a fixture, for tests import no conftest."""

    H, X, WALLET, BLOB = H, X, WALLET, BLOB
    JOB, NOTIFY, TEMPLATE = JOB, NOTIFY, TEMPLATE
    UPGRADE, SWITCHED, START, SECOND = UPGRADE, SWITCHED, START, SECOND
    sessions = SESSIONS
    octets = staticmethod(octets)
    talk: Callable[..., Payload] = staticmethod(talk)
    sizes: Callable[..., Payload] = staticmethod(sizes)
    message: Callable[..., JsonMessage] = staticmethod(message)
    rpc = staticmethod(rpc)
    result = staticmethod(result)
    post = staticmethod(post)
    reply = staticmethod(reply)
    frame = staticmethod(frame)


@pytest.fixture(scope="session")
def build() -> type[Build]:
    return Build
