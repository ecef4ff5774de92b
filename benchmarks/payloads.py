# SPDX-License-Identifier: Apache-2.0
"""What the first bytes of a connection look like: the payload templates of the speed benchmark.

Everything here is plain ``bytes`` made once; ``make_capture.py`` copies it into the packets.
"""

import json
import random
import struct
from collections.abc import Mapping
from typing import NamedTuple

HOST_COUNT = 64
RPC_COUNT = 16

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RPC_METHODS = ("inventory.list", "session.open", "document.get", "metrics.push")


class Message(NamedTuple):
    """One message of a scripted conversation."""

    offset_s: float
    from_responder: bool
    data: bytes


class Templates:
    """Payload starts by number; number 0 is the empty one and means random bytes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.data: list[bytes] = [b""]
        hosts = [f"host{number:03d}.example" for number in range(HOST_COUNT)]
        self.client_hello = self.add_all([self._client_hello(host) for host in hosts])
        self.server_hello = self.add_all([self._server_hello()])
        self.dns_query = self.add_all([dns_query(host) for host in hosts])
        self.dns_response = self.add_all([dns_response(host) for host in hosts])
        self.http_get = self.add_all([http_get(host) for host in hosts])
        self.http_post = self.add_all([http_post(host) for host in hosts])
        self.http_ok = self.add_all([http_ok()])
        self.quic_initial = self.add_all([quic_initial(True), quic_initial(False)])
        self.rpc_request = self.add_all([rpc_request(number) for number in range(RPC_COUNT)])
        self.rpc_response = self.add_all([rpc_response(number) for number in range(RPC_COUNT)])

    def add_all(self, group: list[bytes]) -> int:
        """Store a group under consecutive numbers and return the first."""
        first = len(self.data)
        self.data.extend(group)
        return first

    def _client_hello(self, host: str) -> bytes:
        name = host.encode()
        server_name = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
        key_share = struct.pack(">HHH", 36, 0x001D, 32) + self.random.randbytes(32)
        extensions = b"".join(
            (
                _tls_extension(0, server_name),
                _tls_extension(10, bytes.fromhex("0006001d00170018")),
                _tls_extension(13, bytes.fromhex("0008040308040401 0501")),
                _tls_extension(16, bytes.fromhex("000c0268320868747470 2f312e31")),
                _tls_extension(43, bytes.fromhex("0403040303")),
                _tls_extension(51, key_share),
            )
        )
        suites = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8")
        body = b"\x03\x03" + self.random.randbytes(32) + b"\x20" + self.random.randbytes(32)
        body += struct.pack(">H", len(suites)) + suites + b"\x01\x00"
        body += struct.pack(">H", len(extensions)) + extensions
        return _tls_handshake(1, body, record_version=0x0301)

    def _server_hello(self) -> bytes:
        key_share = struct.pack(">HH", 0x001D, 32) + self.random.randbytes(32)
        extensions = _tls_extension(43, b"\x03\x04") + _tls_extension(51, key_share)
        body = b"\x03\x03" + self.random.randbytes(32) + b"\x20" + self.random.randbytes(32)
        body += b"\x13\x01\x00" + struct.pack(">H", len(extensions)) + extensions
        change_cipher_spec = bytes.fromhex("140303000101")
        return _tls_handshake(2, body, record_version=0x0303) + change_cipher_spec


def _tls_extension(number: int, body: bytes) -> bytes:
    return struct.pack(">HH", number, len(body)) + body


def _tls_handshake(message_type: int, body: bytes, record_version: int) -> bytes:
    message = struct.pack(">I", message_type << 24 | len(body)) + body
    return struct.pack(">BHH", 22, record_version, len(message)) + message


def _dns_name(host: str) -> bytes:
    labels = host.encode().split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


def dns_query(host: str) -> bytes:
    """Query for the address of ``host``; the writer replaces the transaction number."""
    return struct.pack(">6H", 0, 0x0100, 1, 0, 0, 0) + _dns_name(host) + b"\x00\x01\x00\x01"


def dns_response(host: str) -> bytes:
    """Response with one address, out of the range for benchmarks (RFC 2544)."""
    question = _dns_name(host) + b"\x00\x01\x00\x01"
    answer = struct.pack(">HHHIH4B", 0xC00C, 1, 1, 300, 4, 198, 18, 1, 1)
    return struct.pack(">6H", 0, 0x8180, 1, 1, 0, 0) + question + answer


def http_get(host: str) -> bytes:
    """Request without a body."""
    return (
        f"GET /assets/page.html HTTP/1.1\r\nHost: {host}\r\nUser-Agent: benchmark/1.0\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode()


def http_post(host: str) -> bytes:
    """Request with a whole JSON body."""
    body = json.dumps({"event": "page_view", "page": "/start", "values": list(range(20))})
    return (
        f"POST /api/events HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


def http_ok() -> bytes:
    """Head of a response whose body lasts until the connection is closed."""
    return (
        b"HTTP/1.1 200 OK\r\nServer: benchmark\r\nContent-Type: application/octet-stream\r\n"
        b"Connection: close\r\n\r\n"
    )


def quic_initial(from_initiator: bool) -> bytes:
    """Long header of a 1,200-byte Initial packet (RFC 9000, 17.2.2), one connection id of 8."""
    ids = b"\x08minewtch\x00" if from_initiator else b"\x00\x08minewtch"
    head = b"\xc3\x00\x00\x00\x01" + ids + b"\x00"
    return head + struct.pack(">H", 0x4000 | (1200 - len(head) - 2))


def rpc_request(number: int) -> bytes:
    """JSON-RPC that has nothing to do with mining: the benign neighbour of Stratum."""
    method = _RPC_METHODS[number % len(_RPC_METHODS)]
    call = {"jsonrpc": "2.0", "id": number, "method": method, "params": {"page": number}}
    return json.dumps(call).encode() + b"\n"


def rpc_response(number: int) -> bytes:
    """Answer to ``rpc_request`` with some rows."""
    rows = [{"name": f"item-{row}", "count": row * number} for row in range(4 + number)]
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": rows}).encode() + b"\n"


def stratum_conversation(rng: random.Random, duration_s: float) -> list[Message]:
    """CryptoNote Stratum in plain text: login, then jobs and shares until the time is over."""
    session = rng.randbytes(8).hex()
    job = _stratum_job(rng, session)
    messages = [
        Message(0.05, False, _line({"id": 1, "jsonrpc": "2.0", **_stratum_login(rng)})),
        Message(
            0.12,
            True,
            _line({"id": 1, "jsonrpc": "2.0", "error": None, "result": _login_result(job)}),
        ),
    ]
    clock, request = 0.12, 2
    while True:
        clock += rng.expovariate(1 / 12.0) + 0.5
        if clock > duration_s:
            return messages
        if rng.random() < 0.4:
            job = _stratum_job(rng, session)
            notice = {"jsonrpc": "2.0", "method": "job", "params": job}
            messages.append(Message(clock, True, _line(notice)))
            continue
        messages.append(Message(clock, False, _line(_stratum_submit(rng, request, job))))
        result = {"status": "OK"}
        answer = {"id": request, "jsonrpc": "2.0", "error": None, "result": result}
        messages.append(Message(clock + 0.09, True, _line(answer)))
        request += 1


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _stratum_login(rng: random.Random) -> dict[str, object]:
    wallet = "4" + "".join(rng.choices(_BASE58, k=94))
    params = {"login": wallet, "pass": "x", "agent": "XMRig/6.21.0 (Linux x86_64)"}
    return {"method": "login", "params": {**params, "algo": ["rx/0", "cn/r"]}}


def _login_result(job: dict[str, object]) -> dict[str, object]:
    return {"id": job["id"], "job": job, "extensions": ["algo", "keepalive"], "status": "OK"}


def _stratum_job(rng: random.Random, session: str) -> dict[str, object]:
    return {
        "blob": "1010" + rng.randbytes(74).hex(),
        "job_id": rng.randbytes(8).hex(),
        "target": "b88d0600",
        "id": session,
        "algo": "rx/0",
        "height": 3_000_000 + rng.randrange(1000),
        "seed_hash": rng.randbytes(32).hex(),
    }


def _stratum_submit(rng: random.Random, request: int, job: dict[str, object]) -> dict[str, object]:
    params = {
        "id": job["id"],
        "job_id": job["job_id"],
        "nonce": rng.randbytes(4).hex(),
        "result": rng.randbytes(32).hex(),
        "algo": "rx/0",
    }
    return {"id": request, "jsonrpc": "2.0", "method": "submit", "params": params}
