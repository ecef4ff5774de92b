# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.output.subject import Subject
from minewatch.testing import conversations
from minewatch.types import PacketSeries


def test_features_see_the_conversation_with_all_that_belongs_to_it(verdict):
    series = PacketSeries(np.array([1]), np.array([2]), np.array([True]), 1)
    frame = conversations(flow_id=7).frame
    given = Subject(frame, verdict(), "a.pcap", frame, series).conversations
    assert given.packets == {7: series}
    assert given.intervals is frame
    assert Subject(frame, verdict(), "a.pcap").conversations.packets == {}


def test_it_is_made_once(verdict):
    subject = Subject(conversations().frame, verdict(), "a.pcap")
    assert subject.conversations is subject.conversations
