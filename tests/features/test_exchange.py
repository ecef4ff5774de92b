# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.exchange import ANSWER_S, exchange_of
from talks import heard


def roles(given):
    """Return a letter a message: asked, answer, push, reply; upper case if it was answered."""
    talk = exchange_of(given)
    masks = {"q": talk.is_asked, "a": talk.is_answer, "p": talk.is_push, "r": talk.is_reply}
    total = np.sum(list(masks.values()), axis=0)
    assert total.tolist() == [1] * len(total)
    letters = [next(c for c, mask in masks.items() if mask[i]) for i in range(len(total))]
    return "".join(
        c.upper() if answered else c for c, answered in zip(letters, talk.is_answered, strict=True)
    )


def test_a_share_a_result_and_a_job():
    """The job comes 3 s after the result: the server spoke unasked, and nobody answers."""
    assert roles(heard([(0, True, 150), (0.05, False, 60), (3.05, False, 350)])) == "Qap"


def test_a_heartbeat_of_the_server_is_answered_by_a_reply():
    assert (
        roles(heard([(0, False, 2), (0.03, True, 2), (30, False, 2), (30.03, True, 2)])) == "PrPr"
    )


def test_a_dialogue_goes_back_and_forth():
    talk = [(0, True, 10), (0.1, False, 10), (0.2, True, 10), (0.3, False, 10)]
    assert roles(heard(talk)) == "QARa"


@pytest.mark.parametrize(("lag", "wanted"), [(ANSWER_S, "Qa"), (ANSWER_S + 0.001, "qp")])
def test_an_answer_comes_within_a_second(lag, wanted):
    assert roles(heard([(0, True, 10), (lag, False, 10)])) == wanted


def test_what_the_same_side_says_next_answers_nothing():
    assert (
        roles(heard([(0, True, 10), (0.5, True, 10), (1.0, False, 10), (1.3, False, 9)])) == "qQap"
    )


def test_nothing_is_answered_across_conversations():
    """The last message of one and the first of the next are no exchange."""
    assert roles(heard([(0, True, 10)], [(0, False, 10)])) == "qp"


def test_nothing_is_answered_across_what_was_not_seen():
    talk = [(0, True, 10), (0.1, False, 10)]
    assert roles(heard(talk, first=2)) == "Qa"
    assert roles(heard(talk, first=1)) == "qp"


def test_roles_are_told_once_and_of_nothing_too():
    given = heard([(0, True, 10)])
    assert exchange_of(given) is exchange_of(given)
    assert roles(heard([], [])) == ""
