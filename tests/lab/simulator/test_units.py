# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import scripted
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.routes import routes
from minewatch.lab.simulator.units import (
    ANSWERING_FIN,
    DATA,
    FIN,
    MAX_APPLICATION_CLOSE_S,
    RST,
    SYN,
    SYN_ACK,
    application_close_ns,
    units,
)
from scripted import SEED, Talk


def of(*talks):
    said = scripted.script(*talks)
    return units(said, routes(said, SEED))


def test_a_conversation_is_opened_said_and_closed():
    found = of(
        Talk([(0.1, False, 5), (0.2, True, 6)], seconds=9.0, close=s.CLOSE_RESPONDER),
        Talk([(0.1, True, 0)], close=s.REFUSED),
        Talk(close=s.UNANSWERED),
        Talk(close=s.RESET_INITIATOR),
        Talk([(0.1, False, 5)], protocol=s.UDP),
    )
    kinds = [[SYN, SYN_ACK, DATA, DATA, FIN, ANSWERING_FIN], [SYN, RST], [SYN], [SYN, SYN_ACK, RST]]
    assert found.kind.tolist() == [kind for some in kinds for kind in some]
    assert found.conversation.tolist() == [i for i, some in enumerate(kinds) for _ in some]
    assert found.is_reply[:6].tolist() == [False, True, False, True, True, False]
    assert found.octets[:6].tolist() == [0, 0, 5, 6, 0, 0]
    assert found.message[:6].tolist() == [-1, -1, 0, 1, -1, -1]
    assert found.time_ns[:6].tolist() == [0, 0, 10**8, 2 * 10**8, 9 * 10**9, 0]


def test_a_script_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="conversation 1: messages, though"):
        of(Talk(), Talk([(0.1, False, 5)], close=s.REFUSED))


def test_half_of_the_programs_close_at_once():
    said = scripted.script(*[Talk() for _ in range(400)])
    wait = application_close_ns(routes(said, SEED))
    assert 150 < (wait == 0).sum() < 250
    assert 0 < wait[wait > 0].min() < wait.max() < (MAX_APPLICATION_CLOSE_S + 0.001) * 1e9
    assert np.array_equal(wait, application_close_ns(routes(said, SEED)))
