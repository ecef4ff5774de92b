# SPDX-License-Identifier: Apache-2.0
import math
import socket
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from minewatch.allow.entries import Entry, Known
from minewatch.allow.ranges import NamedRanges
from minewatch.readers.source import Input
from minewatch.scanning import scan_capture
from minewatch.types import Evidence
from minewatch.watching import findings
from minewatch.watching.findings import alerts_of_scan, findings_of
from packets import START
from watched import HOST, OTHER_HOST, POOL, capture, closed, mining, scanning, web

POOL_OCTETS = socket.inet_aton(POOL)
KNOWN = Known(
    (
        Entry(
            "ops", "a course", START + 10**18, "2051-05-01", "a.toml:3", host=(0, 0xFFFF_0A00_0001)
        ),
    ),
    NamedRanges({}),
    NamedRanges({}),
)


def chunks_of(path, **changes):
    return list(scan_capture(Input("test", path, None), replace(scanning(), **changes))[1])


def found_in(path, **changes):
    return [
        one
        for chunk in chunks_of(path, **changes)
        for one in findings_of(
            chunk, chunk.is_mining, np.ones(len(chunk.is_mining), np.bool_), are_final=True
        )
    ]


def test_a_finding_says_what_the_verdict_does(tmp_path):
    frames = mining(shares=8)
    path = capture(tmp_path / "a.pcap", frames, web(1))
    (one,) = found_in(path)
    (chunk,) = chunks_of(path)
    verdict = chunk.verdict(int(np.flatnonzero(chunk.is_mining)[0]))
    assert (one.host, one.pool, one.pool_port, one.server_port) == (HOST, POOL, 3333, 3333)
    assert (one.probability, one.detectors) == (verdict.mining_probability, verdict.detectors)
    assert [item.text for item in one.evidence] == [item.text for item in verdict.evidence]
    assert (one.start_ns, one.has_ended, one.is_final, one.is_mining) == (START, True, True, True)
    assert one.end_ns == frames[-1].time_ns
    assert one.has_proof
    assert one.kinds[0] == "payload"
    assert one.community_id.startswith("1:")
    assert one.identity["algorithm"] == "rx/0"
    assert one.identity["dialect"] == "cryptonote"
    assert "ss -tnp" in one.disproof[0]
    assert not any("in this capture" in text for text in one.disproof)


def test_an_allowance_comes_with_its_owner_and_end(tmp_path):
    path = capture(tmp_path / "a.pcap", mining())
    (one,) = found_in(path, known=KNOWN)
    assert one.allowed_by == "ops until 2051-05-01: a course (a.toml:3)"
    (alert,) = alerts_of_scan(chunks_of(path, known=KNOWN), "a")
    assert (alert.allowed_by, alert.severity) == (one.allowed_by, "low")


def test_each_pair_shows_its_strongest(tmp_path):
    path = capture(
        tmp_path / "a.pcap",
        closed(mining(0, 6, port=1_111), port=1_111),
        mining(10, 12, port=2_222),
        mining(20, 6, host=OTHER_HOST, port=3_333),
    )
    found = found_in(path)
    assert len(found) == 3
    strongest = max((one for one in found if one.host == HOST), key=lambda one: one.strength)
    shown = [one for one in found if one.disproof]
    assert len(shown) == 2
    assert strongest in shown
    alerts = alerts_of_scan(chunks_of(path), "a")
    assert [(one.host, one.conversations) for one in alerts] == [(HOST, 2), (OTHER_HOST, 1)]
    assert alerts[0].evidence == strongest.evidence
    assert alerts[0].disproof == strongest.disproof


def test_numbers_that_nobody_can_read_are_left_out():
    item = Evidence("a", math.inf, "1", 1.0, "x", math.nan, 3.0)
    clean = findings._finite(item)
    assert (clean.value, clean.normal_low, clean.normal_high) == (None, None, 3.0)
    assert findings._finite(replace(item, value="inf")).value == "inf"


def test_nothing_found_is_no_alert(tmp_path):
    path = capture(tmp_path / "a.pcap", web())
    assert found_in(path) == []
    assert alerts_of_scan(chunks_of(path), "a") == []


@pytest.mark.parametrize(
    ("is_home", "asked", "wanted"),
    [
        (True, None, ("pool.example", 3333)),
        (True, "asked\x1bfor.example", ("asked?for.example", 3333)),
        (False, "asked.example", (None, 41_000)),
    ],
)
def test_the_far_end_has_the_name_of_who_was_called(is_home, asked, wanted, tmp_path):
    (chunk,) = chunks_of(capture(tmp_path / "a.pcap", mining()))
    frame = chunk.conversations.frame
    values = frame.row(0, named=True)
    values |= {"is_source_home": is_home, "tls_sni": asked, "destination_name": "pool.example"}
    one = findings._finding(values, chunk.verdict(0), "1:a")
    assert (one.pool_name, one.pool_port) == wanted
    assert one.server_port == 3333


def test_a_conversation_whose_beginning_was_missed_is_of_the_same_alert(tmp_path):
    """After a kill, or while an interface was down: the pool is the first that is seen to speak."""
    late = mining(900, port=42_000)
    begin = next(i for i, frame in enumerate(late) if i > 4 and frame.data[26:30] == POOL_OCTETS)
    path = capture(tmp_path / "a.pcap", closed(mining(0)), late[begin:])
    found = found_in(path)
    frame = pl.concat([chunk.conversations.frame for chunk in chunks_of(path)])
    assert sorted(frame["is_source_home"]) == [False, True]
    assert {one.pair for one in found} == {(HOST, POOL, 3333, 6)}
    (alert,) = alerts_of_scan(chunks_of(path), "a")
    assert (alert.conversations, alert.pool_port) == (2, 3333)


def test_a_pool_that_was_seen_to_call_is_told_by_the_port_that_it_called(tmp_path):
    (chunk,) = chunks_of(capture(tmp_path / "a.pcap", mining()))
    values = chunk.conversations.frame.row(0, named=True)
    values |= {"is_source_home": False, "is_initiator_known": True}
    one = findings._finding(values, chunk.verdict(0), "1:a")
    assert (one.pool_port, one.server_port) == (41_000, 3333)


@pytest.mark.parametrize(("signature", "is_proof"), [(0.95, True), (0.94, False), (None, False)])
def test_a_session_that_was_read_is_proof_and_an_attempt_is_none(tmp_path, signature, is_proof):
    (chunk,) = chunks_of(capture(tmp_path / "a.pcap", mining()))
    verdict = chunk.verdict(0)
    verdict = replace(verdict, detectors={**verdict.detectors, "signature": signature})
    values = chunk.conversations.frame.row(0, named=True)
    assert findings._finding(values, verdict, None).has_proof is is_proof


@pytest.mark.parametrize("stronger", [0, 1])
def test_of_a_pair_the_strongest_is_worked_out_wherever_it_stands(tmp_path, stronger):
    path = capture(tmp_path / "a.pcap", mining(0, 8), mining(5, 8, port=2_222))
    (chunk,) = chunks_of(path)
    chunk.probability[:] = [0.9, 0.9]
    chunk.probability[stronger] = 0.99
    everyone = np.ones(2, np.bool_)
    found = findings_of(chunk, everyone, everyone, are_final=True)
    assert [bool(one.disproof) for one in found] == [stronger == 0, stronger == 1]


def test_that_nobody_else_talks_to_the_pool_is_asked_only_where_it_is_known(tmp_path):
    path = capture(tmp_path / "a.pcap", mining())
    (chunk,) = chunks_of(path)
    values = chunk.conversations.frame.row(0, named=True)
    (one,) = found_in(path)
    alone = findings._disproof(values, replace(one, kinds=("shape",)), {})
    both = findings._disproof(values, replace(one, kinds=("shape", "together")), {})
    assert both[:-1] == alone
    assert both[-1].startswith("Is a second host in step?")


def test_a_verdict_below_the_threshold_is_no_mining(tmp_path):
    (chunk,) = chunks_of(capture(tmp_path / "a.pcap", mining()), threshold=1.0)
    everyone = np.ones(1, np.bool_)
    (one,) = findings_of(chunk, everyone, ~everyone, are_final=False)
    assert (one.is_mining, one.has_ended, one.is_final) == (False, False, False)
    assert one.disproof == ()
