# SPDX-License-Identifier: Apache-2.0
"""Stratum V2, told by the sizes of its encrypted handshake and frames.

Nothing can be read, so sizes are all there is. A frame is 6 octets of header and the payload,
each with 16 octets of authentication: ``22 + payload + 16``. Sizes follow from the fields that
the specification lists (stratum-mining/sv2-spec, 04 to 06).
"""

from __future__ import annotations

from minewatch.types import Payload

DIALECT = "stratum-v2"

ACT_ONE = 64
"""Noise NX, first act: an ElligatorSwift key."""
ACT_TWO = frozenset({170, 234})
"""Second act; the specification gives one size in prose and another in its table."""

_FRAME = 22 + 16
SETUP_LEAST = _FRAME + 16
"""SetupConnection with five empty texts."""
SETUP_MOST = SETUP_LEAST + 5 * 64
"""With texts of 64 characters; longer ones are allowed and were never seen."""
SETUP_SUCCESS = _FRAME + 6
JOB_SIZES = frozenset({83, 87})
"""NewMiningJob, without and with a minimum time."""
PREVIOUS_HASH, SET_TARGET, SUBMIT, SUBMIT_SUCCESS = 86, 74, 62, 58

_POOL_SIZES = (
    JOB_SIZES
    | {PREVIOUS_HASH, SET_TARGET, SUBMIT_SUCCESS}
    | {
        job + PREVIOUS_HASH
        for job in JOB_SIZES  # both in one segment
    }
)
_LEAST_RUNGS = 3


# How payload begins that can be read, or is encrypted by another protocol. Two octets alone are
# nothing: in a session of hours some ciphertext begins like that, so the next ones must fit too.
_READABLE = (b'{"', b"[{", b"HTTP/1", b"POST /", b"GET /")
_TLS = b"\x16\x03"
_PROBE = 16


def decode_sizes(payload: Payload) -> dict[str, object] | None:
    """Return the ``stratum_*`` values if the first packets are Stratum V2's handshake.

    The state is ``session`` where jobs and shares of the right sizes follow, else ``attempt``.
    """
    packets = payload.packets
    if packets is None or packets.n_first < 4 or _is_readable(payload):
        return None
    sizes = packets.payload_octets[: packets.n_first].tolist()
    forward = packets.from_initiator[: packets.n_first].tolist()
    if sizes[0] != ACT_ONE or not forward[0] or sizes[1] not in ACT_TWO or forward[1]:
        return None
    if not (forward[2] and SETUP_LEAST <= sizes[2] <= SETUP_MOST):
        return None
    if forward[3] or sizes[3] != SETUP_SUCCESS:
        return None
    sent = [size for size, is_forward in zip(sizes[4:], forward[4:], strict=True) if is_forward]
    received = [size for size, is_f in zip(sizes[4:], forward[4:], strict=True) if not is_f]
    jobs = sum(size in JOB_SIZES or size - PREVIOUS_HASH in JOB_SIZES for size in received)
    submits = sum(size == SUBMIT for size in sent)
    rungs = sum(size in _POOL_SIZES for size in received) + submits
    others = len(sent) + len(received) - rungs
    is_ladder = jobs > 0 and submits > 0 and rungs >= _LEAST_RUNGS and rungs >= others
    return {
        "stratum_dialect": DIALECT,
        "stratum_state": "session" if is_ladder else "attempt",
        "stratum_algorithm": None,
        "stratum_coin_hint": None,
        "stratum_agent": None,
        "stratum_login": None,
        "stratum_requests": len(sent) + 1,
        "stratum_jobs": jobs,
        "stratum_submits": submits,
        "stratum_results_ok": received.count(SUBMIT_SUCCESS),
        "stratum_results_error": 0,
        "stratum_is_miner_initiator": True,
        "stratum_first_seen_ns": int(packets.time_ns[0]),
    }


def _is_readable(payload: Payload) -> bool:
    return any(_reads(segment.data) for segment in payload.segments)


def _reads(data: bytes) -> bool:
    if data.startswith(_TLS):
        return data[2:3] <= b"\x04"
    head = data[:_PROBE]
    return head.startswith(_READABLE) and all(
        0x20 <= octet < 0x7F or octet in b"\r\n\t" for octet in head
    )
