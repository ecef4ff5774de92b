# SPDX-License-Identifier: Apache-2.0
"""Messages of CryptoNote's Stratum: JSON lines, members in the order of XMRig 6 and its pools.

Sizes and order were compared with XMRig 6.26 on the wire: login 568 octets with a 95-character
wallet and a 4-character rig, login result 504, job push 376, submit 243, its result 63, keepalived
98, its result 71 (request ids of one digit); other pools' jobs likewise, see ``Flavour``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from minewatch.lab.dialects.contract import Work
from minewatch.lab.dialects.stream import Message

AGENT: Final = "XMRig/6.26.0 (Linux x86_64) libuv/1.44.2 gcc/12.2.0"
"""What the real program calls itself; only its length matters to the lab."""

ALGORITHMS: Final = (
    "rx/0 cn/2 cn/r cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn/ccx cn-lite/1 "
    "cn-heavy/0 cn-heavy/tube cn-heavy/xhv cn-pico cn-pico/tlo cn/upx2 cn/1 rx/2 rx/wow rx/arq "
    "rx/graft rx/sfx rx/yada argon2/chukwa argon2/chukwav2 argon2/ninja ghostrider"
)
"""The algorithms that XMRig 6.26 offers in its login, as one text."""

OLD_AGENT: Final = "XMRig/3.1.2 (Linux x86_64) libuv/1.27.0 gcc/7.4.0"
OLD_ALGORITHMS: Final = (
    "cn/1 cn/2 cn/r cn/wow cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn/gpu cn-lite/1 "
    "cn-heavy/0 cn-heavy/tube cn-heavy/xhv cn-pico rx/0 rx/wow rx/loki argon2/chukwa argon2/wrkz"
)
"""Those of XMRig 3, of 2019."""

EXTENSIONS: Final = ("algo", "nicehash", "connect", "tls", "keepalive")
"""What most pools offer; ``keepalive`` makes XMRig send ``keepalived``, ``algo`` makes it name the
algorithm in a submit."""

FAKE_WALLET: Final = "4A" + ("MinewatchTestWa11etNotReaL" * 4)[:93]
"""95 characters in the shape of a Monero address. It is nobody's: no key was ever made for it."""

BAD_REQUEST: Final = -1
"""The one error code of this dialect."""

NONCE: Final = 39
"""Where the four octets of the nonce begin in a blob whose time has five octets."""

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_USUAL: Final = ("blob", "job_id", "target", "algo", "height", "seed_hash")


@dataclass(frozen=True, slots=True)
class Flavour:
    """How one family of pools writes what all of them say."""

    job_members: tuple[str, ...] = _USUAL
    """In wire order."""

    job_id: Callable[[Random], str] = lambda rng: rng.randbytes(14).hex()
    worker_id: Callable[[Random], str] = lambda rng: rng.randbytes(16).hex()
    extensions: tuple[str, ...] = EXTENSIONS
    is_result_first: bool = False
    """True where an answer names ``result`` before ``error``."""

    has_fixed_nonce: bool = False
    """True for a proxy: the last octet of the nonce is the worker's own."""


PLAIN: Final = Flavour()
MONEROOCEAN: Final = Flavour(job_members=(*_USUAL, "id", "next_seed_hash"))
"""Login result 564 octets, job 436."""
UNMINEABLE: Final = Flavour(
    job_members=(*_USUAL, "id"), job_id=lambda rng: str(rng.randrange(10**14, 10**15))
)
"""Login result 531, job 403."""
P2POOL: Final = Flavour(
    job_id=lambda rng: rng.randbytes(8).hex(),
    worker_id=lambda rng: rng.randbytes(4).hex(),
    extensions=(),
)
"""Login result 407, job 364, submit 193."""
PROXY: Final = Flavour(has_fixed_nonce=True)
F2POOL: Final = Flavour(
    job_members=("algo", "blob", "height", "job_id", "next_seed_hash", "seed_hash", "target"),
    job_id=lambda rng: "J" + "".join(rng.choices(_BASE62, k=9)),
    worker_id=lambda rng: str(rng.randrange(100, 100_000)),
    extensions=(),
    is_result_first=True,
)
"""Of 2019 to 2021: login result 416 to 418, job 378, submit 182 to 184."""


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of work."""

    blob: str
    """Block header to hash, 76 octets in hexadecimal: the nonce is octets 39 to 42."""

    job_id: str
    """What a submit refers to."""

    target: str
    """2**32 / difficulty, four octets, little endian, in hexadecimal; eight where they are few."""

    algo: str
    """Hash algorithm, ``rx/0`` for Monero."""

    height: int
    """Height of the block that is sought."""

    seed_hash: str
    """Key of the RandomX data set; it changes every 2,048 blocks."""

    id: str = ""
    """The worker's id once more, where the pool repeats it."""

    next_seed_hash: str = ""
    """Empty but for the last blocks before it comes to force."""

    @property
    def difficulty(self) -> float:
        """Hashes that a share takes on average."""
        target = bytes.fromhex(self.target)
        return float((1 << 8 * len(target)) // int.from_bytes(target, "little"))

    def members(self, flavour: Flavour) -> Message:
        """Return it as JSON members."""
        return {name: getattr(self, name) for name in flavour.job_members}


def make_job(
    work: Work,
    difficulty: float,
    rng: Random,
    *,
    flavour: Flavour = PLAIN,
    algorithm: str = "rx/0",
    worker_id: str = "",
    fixed_nonce: int = 0,
) -> Job:
    """Return a fresh job, whose Merkle root no other worker has.

    Parameters
    ----------
    work : the tip and the time.
    difficulty : hashes that a share shall take on average, 1 to 2**64 - 1.
    rng : source of the Merkle root and the job id.
    flavour : how this pool makes ids.
    algorithm : as the dialect names it.
    worker_id : whose job it is.
    fixed_nonce : what the last octet of the nonce must be.
    """
    header = b"\x10\x10" + _varint(work.time_s) + work.previous_hash
    nonce = bytes([0, 0, 0, fixed_nonce])
    blob = header + nonce + rng.randbytes(32) + bytes([rng.randrange(1, 128)])
    return Job(
        blob=blob.hex(),
        job_id=flavour.job_id(rng),
        target=_target(round(difficulty)),
        algo=algorithm,
        height=work.height,
        seed_hash=work.seed_hash.hex(),
        next_seed_hash=work.next_seed_hash.hex(),
        id=worker_id,
    )


def _target(difficulty: int) -> str:
    if not 0 < difficulty < 2**64:
        raise ValueError(f"difficulty must be 1 to 2**64 - 1, not {difficulty}")
    bits = 32 if difficulty < 2**32 else 64
    target: int = min(2**bits // difficulty, 2**bits - 1)
    return target.to_bytes(bits // 8, "little").hex()


def make_result(difficulty: float, rng: Random) -> str:
    """Return a random hash in hexadecimal that meets `difficulty`, as hashing would find."""
    value = int(rng.random() * (2**64 / difficulty))
    return rng.randbytes(24).hex() + min(value, 2**64 - 1).to_bytes(8, "little").hex()


def meets(result: str, difficulty: float) -> bool:
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
    return len(octets) == 32 and int.from_bytes(octets[24:], "little") * difficulty <= 2**64


def login(
    request_id: int,
    wallet: str,
    rig: str = "",
    password: str = "x",
    *,
    agent: str = AGENT,
    algorithms: Sequence[str] = tuple(ALGORITHMS.split()),
) -> Message:
    """Return the miner's first message; without a rig it does not name one."""
    params: Message = {"login": wallet, "pass": password, "agent": agent}
    if rig:
        params["rigid"] = rig
    return _request(request_id, "login", {**params, "algo": list(algorithms)})


def submit(
    request_id: int, worker_id: str, job: Job, nonce: int, result: str, *, has_algo: bool = True
) -> Message:
    """Return a share."""
    params = {
        "id": worker_id,
        "job_id": job.job_id,
        "nonce": nonce.to_bytes(4, "little").hex(),
        "result": result,
    }
    return _request(request_id, "submit", params | ({"algo": job.algo} if has_algo else {}))


def keepalived(request_id: int, worker_id: str) -> Message:
    """Return the miner's sign of life."""
    return _request(request_id, "keepalived", {"id": worker_id})


def job_push(job: Job, flavour: Flavour = PLAIN) -> Message:
    """Return a job that the pool sends unasked."""
    return {"jsonrpc": "2.0", "method": "job", "params": job.members(flavour)}


def login_result(
    request_id: int | str | None, worker_id: str, job: Job, flavour: Flavour = PLAIN
) -> Message:
    """Return the answer to a login, with the first job."""
    result: Message = {"id": worker_id, "job": job.members(flavour), "status": "OK"}
    if flavour.extensions:
        result["extensions"] = list(flavour.extensions)
    return _result(request_id, result, flavour)


def status_result(
    request_id: int | str | None, status: str = "OK", flavour: Flavour = PLAIN
) -> Message:
    """Return the answer to a submit (``OK``) or a keepalived (``KEEPALIVED``)."""
    return _result(request_id, {"status": status}, flavour)


def error_result(request_id: int | str | None, text: str) -> Message:
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
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a job: {error!r}") from error
    if len(job.target) > 16 or not any(bytes.fromhex(job.target)):
        raise ValueError(f"not a job: target {job.target[:32]!r}")
    return job


def _request(request_id: int, method: str, params: Message) -> Message:
    return {"id": request_id, "jsonrpc": "2.0", "method": method, "params": params}


def _result(request_id: int | str | None, result: Message, flavour: Flavour) -> Message:
    head = {"id": request_id, "jsonrpc": "2.0"}
    if flavour.is_result_first:
        return {**head, "result": result, "error": None}
    return {**head, "error": None, "result": result}


def _varint(value: int) -> bytes:
    """Encode as Monero does: 7 bits an octet, least significant first."""
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
