# SPDX-License-Identifier: Apache-2.0
import struct

import numpy as np
import pytest

from minewatch.decoders import names
from minewatch.metering.process import DnsLog
from minewatch.testing import conversations

POOL = bytes([198, 51, 100, 1])
OTHER = bytes([198, 51, 100, 2])


def response(name, *addresses):
    """A DNS response with A records whose names point back to the question."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = labels + b"\0" + struct.pack(">HH", 1, 1)
    answers = b"".join(
        struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + address for address in addresses
    )
    return struct.pack(">6H", 7, 0x8180, 1, len(addresses), 0, 0) + question + answers


def log(*responses):
    lengths = np.array([len(octets) for octets in responses], np.int64)
    starts = np.cumsum(lengths) - lengths
    records = np.array([[0, s, n] for s, n in zip(starts, lengths, strict=True)], np.int64)
    return DnsLog(b"".join(responses), records.reshape(-1, 3))


def test_an_address_has_the_name_that_was_asked_for():
    known = log(response("a.example", OTHER), response("pool.example", OTHER, POOL))
    assert names.name_of(POOL, known) == "pool.example"
    assert names.name_of(OTHER, known) == "a.example"
    assert names.name_of(bytes(4), known) is None


def test_an_address_that_only_happens_to_stand_in_the_octets_is_not_taken():
    label = POOL.decode("latin-1")
    chance = response("x.example", OTHER).replace(b"x", b"y") + POOL
    known = log(chance, response("pool.example", POOL))
    assert label
    assert names.name_of(POOL, known) == "pool.example"


@pytest.mark.parametrize("few", [0, 500])
def test_both_ways_of_looking_up_agree(monkeypatch, few):
    monkeypatch.setattr(names, "FEW_ADDRESSES", few)
    known = log(response("pool.example", POOL), response("late.example", POOL))
    frame = conversations(
        3, destination_address_low=[0xFFFF_C633_6401, 0xFFFF_C633_6409, 0xFFFF_C633_6401]
    ).frame
    assert names.names_of(frame, known).to_list() == ["pool.example", None, "pool.example"]


def test_without_responses_every_name_is_missing():
    assert names.names_of(conversations(2).frame, log()).to_list() == [None, None]


def test_octets_that_are_no_dns_are_passed_over():
    known = log(b"\xff" * 40 + POOL, response("pool.example", POOL))
    assert names.name_of(POOL, known) == "pool.example"
    assert names.all_names(known) == {POOL: "pool.example"}
