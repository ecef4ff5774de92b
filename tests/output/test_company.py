# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.output.company import Company
from minewatch.testing import conversations

HOST = 0xFFFF_0A00_0001


@pytest.fixture
def company():
    """Three hosts at one pool, of which two mine; one of them has two conversations."""
    seen = Company()
    hosts = [HOST, HOST + 1, HOST + 1, HOST + 2]
    frame = conversations(4, source_address_low=hosts).frame
    seen.add(frame, np.array([True, True, False, False]))
    seen.add(conversations(1, destination_transport_port=80).frame, np.array([True]))
    return seen


def test_others_are_other_hosts_at_the_same_far_end(company):
    assert company.of(conversations().frame) == (2, 1)
    assert company.of(conversations(source_address_low=HOST + 1).frame) == (2, 1)
    assert company.of(conversations(source_address_low=HOST + 2).frame) == (2, 2)


def test_another_port_or_address_is_another_far_end(company):
    assert company.of(conversations(destination_transport_port=80).frame) == (0, 0)
    assert company.of(conversations(destination_address_low=5).frame) == (0, 0)


def test_the_watched_side_may_be_the_responder():
    seen = Company()
    inbound = conversations(2, destination_address_low=[1, 2], is_source_home=False).frame
    seen.add(inbound, np.array([True, False]))
    assert seen.of(inbound[1:]) == (1, 1)
    assert seen.of(inbound[:1]) == (1, 0)
