# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.sv2 import decode_sizes
from minewatch.types import Payload

SETUP = [(">", 64), ("<", 234), (">", 120), ("<", 44)]
LADDER = [
    (">", 95),
    ("<", 89),
    ("<", 83),
    ("<", 86),
    (">", 62),
    ("<", 58),
    ("<", 83 + 86),
    (">", 62),
]


@pytest.mark.parametrize("act_two", [170, 234])
def test_the_ladder(build, act_two):
    row = decode_sizes(build.sizes((">", 64), ("<", act_two), *SETUP[2:], *LADDER))
    assert row["stratum_dialect"] == "stratum-v2"
    assert row["stratum_state"] == "session"
    assert (row["stratum_jobs"], row["stratum_submits"], row["stratum_results_ok"]) == (2, 2, 1)
    assert row["stratum_first_seen_ns"] == build.START


def test_only_the_handshake(build):
    assert decode_sizes(build.sizes(*SETUP))["stratum_state"] == "attempt"
    busy = [(">", 500), ("<", 1400)] * 10
    assert decode_sizes(build.sizes(*SETUP, *LADDER, *busy))["stratum_state"] == "attempt"


@pytest.mark.parametrize(
    "pairs",
    [
        SETUP[:3],
        [("<", 64), (">", 234), ("<", 120), (">", 44)],
        [(">", 64), ("<", 235), *SETUP[2:]],
        [*SETUP[:2], (">", 53), ("<", 44)],
        [*SETUP[:2], (">", 1400), ("<", 44)],
        [*SETUP[:3], ("<", 45)],
        [*SETUP[:3], (">", 44)],
        [],
    ],
)
def test_other_sizes_are_none(build, pairs):
    assert decode_sizes(build.sizes(*pairs)) is None


def test_readable_payload_is_something_else(build):
    series = build.sizes(*SETUP).packets
    for said in ('{"id":1}', b"\x16\x03\x01", "POST / HTTP/1.1"):
        assert decode_sizes(Payload(6, build.talk((">", said)).segments, series)) is None
    assert decode_sizes(Payload(6, build.talk((">", b"\x8f" * 64)).segments, series))
    assert decode_sizes(Payload(6, [])) is None


def test_ciphertext_that_happens_to_begin_like_text(build):
    series = build.sizes(*SETUP, *LADDER).packets
    for said in (
        b'{"x\x9c\x82\r\x82\x89(s"\xb4',
        b"[{" + b"\x8f" * 60,
        b"\x16\x03\xee" + b"\x8f" * 60,
    ):
        payload = Payload(6, build.talk(("<", said)).segments, series)
        assert decode_sizes(payload)["stratum_dialect"] == "stratum-v2"
