# SPDX-License-Identifier: Apache-2.0
import ipaddress

import numpy as np
import pytest

from minewatch.address import halves_of, text_of
from minewatch.testing import conversations
from minewatch.training.rules import NOT_LABELLED, Rule, first_matches, mapped_network


def frame_of(*tuples):
    """Conversations of (source, port, destination, port, protocol)."""
    sources, destinations = ([halves_of(t[at]) for t in tuples] for at in (0, 2))
    return conversations(
        len(tuples),
        source_address_high=[high for high, _ in sources],
        source_address_low=[low for _, low in sources],
        destination_address_high=[high for high, _ in destinations],
        destination_address_low=[low for _, low in destinations],
        source_transport_port=[t[1] for t in tuples],
        destination_transport_port=[t[3] for t in tuples],
        protocol_identifier=[t[4] for t in tuples],
    ).frame


def rule(address="", port=None, protocol=None, peer=""):
    network, other = (mapped_network(text) if text else None for text in (address, peer))
    return Rule("lab", 1, network, port, protocol, other)


def test_peer_is_the_other_endpoint():
    frame = frame_of(
        ("10.0.0.5", 40000, "203.0.113.9", 3333, 6),
        ("203.0.113.9", 3333, "10.0.0.5", 40000, 6),
        ("10.0.0.6", 40000, "203.0.113.9", 3333, 6),
        ("10.0.0.5", 3333, "203.0.113.9", 40000, 6),
        ("203.0.113.9", 40000, "203.0.113.9", 3333, 6),
    )
    found, is_initiator = first_matches([rule("203.0.113.9", 3333, 6, "10.0.0.5")], frame)
    assert found.tolist() == [0, 0, -1, -1, -1]
    assert is_initiator.tolist() == [False, True, False, False, False]


def test_networks_of_both_families_and_order():
    frame = frame_of(
        ("2001:db8::5", 1, "2001:db8:1::9", 443, 6),
        ("10.0.0.5", 1, "10.9.0.1", 443, 17),
        ("10.0.0.5", 1, "192.0.2.1", 53, 17),
    )
    rules = [rule("2001:db8:1::/48"), rule("0.0.0.0/0", 443), rule("10.9.0.0/16"), rule()]
    assert first_matches(rules, frame)[0].tolist() == [0, 1, 3]
    assert first_matches(rules[2:3], frame)[0].tolist() == [NOT_LABELLED, 0, NOT_LABELLED]


def test_of_two_equal_rules_the_first_counts():
    frame = frame_of(("10.0.0.5", 1, "192.0.2.1", 53, 17))
    assert first_matches([rule("192.0.2.2"), rule(port=53), rule(port=53)], frame)[0] == [1]


def test_no_conversations_and_no_rules():
    assert first_matches([rule()], conversations().frame.clear())[0].tolist() == []
    assert first_matches([], conversations(2).frame)[0].tolist() == [-1, -1]


def slow_first(rules, row):
    """The definition, one rule and one conversation at a time."""
    ends = [
        (
            mapped_network(text_of(row[f"{s}_address_high"], row[f"{s}_address_low"])),
            row[f"{s}_transport_port"],
        )
        for s in ("source", "destination")
    ]
    for number, one in enumerate(rules):
        for (address, port), (other, _) in (ends, ends[::-1]):
            if (
                (one.network is None or address.subnet_of(one.network))
                and (one.peer is None or other.subnet_of(one.peer))
                and one.port in (None, port)
                and one.protocol in (None, row["protocol_identifier"])
            ):
                return number
    return -1


@pytest.mark.parametrize("seed", range(5))
def test_joins_find_what_the_definition_says(seed):
    rng = np.random.default_rng(seed)

    def address():
        low = int(rng.integers(4))
        return f"2001:db8::{low}" if rng.random() < 0.3 else f"10.0.{rng.integers(2)}.{low}"

    def network():
        text = address()
        longest = 128 if ":" in text else 32
        prefix = int(rng.choice([0, 8, longest - 1, longest, longest]))
        return str(ipaddress.ip_network(f"{text}/{prefix}", strict=False))

    def maybe(value, share=0.5):
        return value if rng.random() < share else None

    rules = [
        rule(
            maybe(network()) or "",
            maybe(int(rng.integers(3))),
            maybe(int(rng.choice([6, 17])), 0.3),
            maybe(network(), 0.4) or "",
        )
        for _ in range(30)
    ]
    rules = [one for one in rules if one.form != (None, None, False, False)]
    frame = frame_of(
        *(
            (
                address(),
                int(rng.integers(3)),
                address(),
                int(rng.integers(3)),
                int(rng.choice([6, 17, 1])),
            )
            for _ in range(200)
        )
    )
    expected = [slow_first(rules, row) for row in frame.iter_rows(named=True)]
    assert first_matches(rules, frame)[0].tolist() == expected


def test_a_rule_behind_a_thousand_others_is_found():
    frame = conversations(5_000, destination_address_low=halves_of("192.0.2.1")[1]).frame
    rules = [rule(f"198.51.{i // 256}.{i % 256}", 3333, 6) for i in range(1024)]
    found, _ = first_matches([*rules, rule("192.0.2.1")], frame)
    assert (found == 1024).all()


def test_where_both_ends_fit_the_rule_speaks_of_the_responder():
    frame = frame_of(("10.0.0.1", 7, "10.0.0.2", 7, 6), ("10.0.0.1", 7, "192.0.2.1", 8, 6))
    _, is_initiator = first_matches([rule("10.0.0.0/8", 7)], frame)
    assert is_initiator.tolist() == [False, True]
