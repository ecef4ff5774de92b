# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.lab.simulator.script import REFUSED, UNANSWERED
from part_check import make


@pytest.mark.parametrize(
    ("service", "close"), [("scan-refused", REFUSED), ("scan-unanswered", UNANSWERED)]
)
def test_no_answer_means_nothing_said(service: str, close: int):
    made = make(service)
    assert set(made.part.close.tolist()) == {close}
    assert len(made.part.octets) == 0


def test_silent_connections_say_nothing_but_are_opened():
    made = make("scan-silent")
    assert len(made.part.octets) == 0
    assert not {REFUSED, UNANSWERED} & set(made.part.close.tolist())


def test_probes_ask_once():
    made = make("scan-probe", n=200)
    assert (made.counts() == 2).all()
    assert len({made.said(row)[0].content for row in range(200)}) == 7


def test_datagrams_are_not_answered():
    made = make("scan-datagram")
    assert not made.part.is_reply.any()
    assert (made.counts() >= 1).all()
