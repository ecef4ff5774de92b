# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.decoders.dns import parse_dns
from part_check import make


def test_dns_is_read_by_our_own_decoder():
    made = make("dns", n=200)
    names, answers = set(), 0
    for row in range(200):
        messages = made.said(row)
        assert len(messages) in (2, 4)
        for asked, answered in zip(messages[::2], messages[1::2], strict=True):
            question, reply = parse_dns(asked.content), parse_dns(answered.content)
            assert question is not None
            assert reply is not None
            assert (question.is_response, reply.is_response) == (False, True)
            assert question.names == reply.names
            assert asked.content[:2] == answered.content[:2]
            assert answered.octets == len(answered.content)
            names |= set(question.names)
            answers += len(reply.answers)
    assert len(names) >= 8
    assert answers > 150


def test_clocks_ask_with_48_octets_some_for_hours():
    made = make("ntp", n=300, hours=12.0)
    assert set(made.part.octets.tolist()) == {48}
    counts = made.counts()
    assert (counts == 2).mean() > 0.7
    assert counts.max() > 20


def test_a_tunnel_shakes_hands_and_keeps_alive():
    made = make("vpn", n=80, hours=12.0)
    sizes = made.part.octets
    assert {148, 92, 32} <= set(sizes.tolist())
    assert sizes.max() <= 1420
    messages = made.said(int(made.counts().argmax()))
    assert [m.octets for m in messages[:2]] == [148, 92]
    kept = [m.time_s for m in messages if m.octets == 32 and not m.is_reply]
    assert np.median(np.diff(kept)) <= 60
