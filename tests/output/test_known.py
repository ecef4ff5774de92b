# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.output.known import known_sentences
from minewatch.output.records import records
from minewatch.testing import conversations


@pytest.fixture
def sentences(verdict, with_known):
    def run(**parts):
        frame = with_known(conversations().frame, **{"transit": None, "allowed_by": None} | parts)
        (record,) = records(frame, [verdict()], "a.pcap")
        return list(known_sentences(record))

    return run


ENTRY = {"owner": "ops", "reason": "a course", "expires": "2027-01-31", "place": "a.toml:3"}


def test_nothing_known_says_nothing(sentences):
    assert sentences() == []


def test_an_allowance_says_who_why_and_until_when(sentences):
    assert sentences(allowed_by=ENTRY) == [
        "Allowed by ops until 2027-01-31: a course (a.toml:3). It counts as no find."
    ]


def test_an_expired_one_counts_and_names_the_cure(sentences):
    (text,) = sentences(expired_allowance=ENTRY)
    assert text.startswith("Was allowed by ops until 2027-01-31: a course (a.toml:3).")
    assert "so it counts: ask ops, and renew the entry or end the mining" in text


@pytest.mark.parametrize("client", ["10.0.0.1", "198.51.100.1"])
def test_a_relay_at_the_far_end_is_no_pool(sentences, client):
    relay = {"10.0.0.1": "198.51.100.1", "198.51.100.1": "10.0.0.1"}[client]
    (text,) = sentences(transit={"end": "far", "address": relay, "name": "VPN"})
    assert text.startswith(f"{relay} is a transit host (VPN): the pool lies behind it")
    assert f"the client, {client}, mines, and not the transit host" in text
    assert "Severity: as of any miner for the client; none for the host" in text


def test_a_relay_at_the_near_end_does_not_mine_itself(sentences):
    (text,) = sentences(transit={"end": "near", "address": "10.0.0.1", "name": "NAT"})
    assert text.startswith("10.0.0.1 is a transit host (NAT): a client behind it mines")
    assert "none for the host" in text
