# SPDX-License-Identifier: Apache-2.0
"""The CryptoNote dialect of Stratum: JSON lines, members in the order of XMRig 6 and its pools.

Sizes and order were compared with XMRig 6.26 on the wire: login 568 octets with a 95-character
wallet and a 4-character rig, login result 504, job push 376, submit 243, its result 63, keepalived
98, its result 71 (request ids of one digit). Nothing here opens a socket or reads a clock.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]
"""One JSON-RPC object, members in wire order."""

MAX_LINE_OCTETS = 16 * 1024
"""Longest line that either side accepts."""

AGENT = "XMRig/6.26.0 (Linux x86_64) libuv/1.44.2 gcc/12.2.0"
"""What the real program calls itself; only its length matters to the lab."""

ALGORITHMS = (
    "rx/0 cn/2 cn/r cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn/ccx cn-lite/1 "
    "cn-heavy/0 cn-heavy/tube cn-heavy/xhv cn-pico cn-pico/tlo cn/upx2 cn/1 rx/2 rx/wow rx/arq "
    "rx/graft rx/sfx rx/yada argon2/chukwa argon2/chukwav2 argon2/ninja ghostrider"
)
"""The algorithms that XMRig 6.26 offers in its login, as one text."""

EXTENSIONS = ("algo", "nicehash", "connect", "tls", "keepalive")
"""What the pool offers in its login result; ``keepalive`` makes XMRig send ``keepalived``."""

FAKE_WALLET = "4A" + ("MinewatchTestWa11etNotReaL" * 4)[:93]
"""95 characters in the shape of a Monero address. It is nobody's: no key was ever made for it."""

BAD_REQUEST = -1
"""The one error code of this dialect."""


def encode(message: Message) -> bytes:
    r"""Return one line of compact JSON with its newline.

    Examples
    --------
    >>> encode({"id": 1, "jsonrpc": "2.0"})
    b'{"id":1,"jsonrpc":"2.0"}\n'
    """
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the object on one line.

    Raises
    ------
    ValueError : the line is not JSON, or not an object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"a Stratum message is an object, not {type(message).__name__}")
    return message


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of work, fields in wire order."""

    blob: str
    """Block header to hash, 76 octets in hexadecimal: the nonce is octets 39 to 42."""

    job_id: str
    """What a submit refers to."""

    target: str
    """2**32 / difficulty, four octets, little endian, in hexadecimal; some pools send eight."""

    algo: str
    """Hash algorithm, ``rx/0`` for Monero."""

    height: int
    """Height of the block that is sought."""

    seed_hash: str
    """Key of the RandomX data set; it changes every 2,048 blocks."""

    @property
    def difficulty(self) -> int:
        """Hashes that a share takes on average."""
        target = bytes.fromhex(self.target)
        return (1 << 8 * len(target)) // int.from_bytes(target, "little")


@dataclass(frozen=True, slots=True)
class Block:
    """The tip of the chain that a pool builds on."""

    height: int
    previous_hash: bytes
    seed_hash: bytes


def make_job(block: Block, difficulty: int, time_s: int, rng: Random) -> Job:
    """Return a fresh job on `block`, whose Merkle root no other worker has.

    Parameters
    ----------
    block : the tip.
    difficulty : hashes that a share shall take on average, 1 to 2**32 - 1.
    time_s : template time, seconds since 1970.
    rng : source of the Merkle root and the job id.
    """
    if not 0 < difficulty < 2**32:
        raise ValueError(f"difficulty must be 1 to 2**32 - 1, not {difficulty}")
    header = b"\x10\x10" + _varint(time_s) + block.previous_hash
    blob = header + bytes(4) + rng.randbytes(32) + bytes([rng.randrange(1, 128)])
    return Job(
        blob=blob.hex(),
        job_id=rng.randbytes(14).hex(),
        target=(2**32 // difficulty if difficulty > 1 else 2**32 - 1).to_bytes(4, "little").hex(),
        algo="rx/0",
        height=block.height,
        seed_hash=block.seed_hash.hex(),
    )


def make_result(difficulty: int, rng: Random) -> str:
    """Return a random hash in hexadecimal that meets `difficulty`, as hashing would find."""
    value = int(rng.random() * (2**64 // difficulty))
    return rng.randbytes(24).hex() + value.to_bytes(8, "little").hex()


def meets(result: str, difficulty: int) -> bool:
    """Tell whether the last 8 octets of `result` lie below the target of `difficulty`.

    Examples
    --------
    >>> meets("00" * 32, 1000), meets("ff" * 32, 1000), meets("short", 1000)
    (True, False, False)
    """
    try:
        octets = bytes.fromhex(result)
    except ValueError:
        return False
    return len(octets) == 32 and int.from_bytes(octets[24:], "little") * difficulty < 2**64


def login(request_id: int, wallet: str, rig: str, password: str = "x") -> Message:
    """Return the miner's first message."""
    params = {
        "login": wallet,
        "pass": password,
        "agent": AGENT,
        "rigid": rig,
        "algo": ALGORITHMS.split(),
    }
    return _request(request_id, "login", params)


def submit(request_id: int, worker_id: str, job: Job, nonce: int, result: str) -> Message:
    """Return a share."""
    params = {
        "id": worker_id,
        "job_id": job.job_id,
        "nonce": nonce.to_bytes(4, "little").hex(),
        "result": result,
        "algo": job.algo,
    }
    return _request(request_id, "submit", params)


def keepalived(request_id: int, worker_id: str) -> Message:
    """Return the miner's sign of life."""
    return _request(request_id, "keepalived", {"id": worker_id})


def job_push(job: Job) -> Message:
    """Return a job that the pool sends unasked."""
    return {"jsonrpc": "2.0", "method": "job", "params": asdict(job)}


def login_result(request_id: int, worker_id: str, job: Job) -> Message:
    """Return the answer to a login, with the first job."""
    result = {
        "id": worker_id,
        "job": asdict(job),
        "status": "OK",
        "extensions": list(EXTENSIONS),
    }
    return _result(request_id, result)


def status_result(request_id: int, status: str = "OK") -> Message:
    """Return the answer to a submit (``OK``) or a keepalived (``KEEPALIVED``)."""
    return _result(request_id, {"status": status})


def error_result(request_id: int | None, text: str) -> Message:
    """Return a refusal."""
    error = {"code": BAD_REQUEST, "message": text}
    return {"id": request_id, "jsonrpc": "2.0", "error": error, "result": None}


def parse_job(members: Message) -> Job:
    """Return the job in a push or in a login result.

    Raises
    ------
    ValueError : a member is missing or of the wrong kind; members that we do not know are ignored.
    """
    try:
        job = Job(
            blob=str(members["blob"]),
            job_id=str(members["job_id"]),
            target=str(members["target"]),
            algo=str(members.get("algo", "rx/0")),
            height=int(members.get("height", 0)),
            seed_hash=str(members.get("seed_hash", "")),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a job: {error!r}") from error
    if not any(bytes.fromhex(job.target)):
        raise ValueError(f"not a job: target {job.target!r}")
    return job


def _request(request_id: int, method: str, params: Message) -> Message:
    return {"id": request_id, "jsonrpc": "2.0", "method": method, "params": params}


def _result(request_id: int, result: Message) -> Message:
    return {"id": request_id, "jsonrpc": "2.0", "error": None, "result": result}


def _varint(value: int) -> bytes:
    """Encode as Monero does: 7 bits an octet, least significant first."""
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
