# SPDX-License-Identifier: Apache-2.0
"""When Linux acknowledges at once: after a silence, unless it has been answering.

After a silence longer than the retransmission time-out, up to 16 segments are acknowledged each by
itself. A side that answered what it received within the delay counts on doing so again and waits;
once the delay runs out in vain, it stops counting on it. A receiver that others push to therefore
acknowledges every push at once, and a server that answers fast acknowledges only with its answers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.lab.simulator.groups import Column, running_sum
from minewatch.lab.simulator.loss import MIN_TIMEOUT_NS
from minewatch.lab.simulator.routes import Routes
from minewatch.lab.simulator.script import BoolArray, IntArray

QUICK_SEGMENTS: Final = 16


def is_quick(
    arrivals: Column,
    place: tuple[IntArray, BoolArray],
    arrival_ns: IntArray,
    has_data: BoolArray,
    answers: Column,
    routes: Routes,
) -> BoolArray:
    """Return which arrivals a Linux receiver acknowledges at once; none elsewhere.

    Parameters
    ----------
    arrivals : on the timeline, sorted.
    place : conversation and sender of each.
    arrival_ns : their times.
    has_data : whether each carries data: a handshake is no question.
    answers : when each side begins to send data.
    routes : of the conversations.
    """
    conversation, is_reply = place
    n = len(arrival_ns)
    if not n:
        return np.zeros(n, np.bool_)
    timeline = arrivals.timeline
    group = 2 * conversation + is_reply
    gap = np.append(0, np.diff(arrival_ns))
    is_first = np.append(True, group[1:] != group[:-1])
    after_silence = is_first | (gap > MIN_TIMEOUT_NS + routes.rtt_ns[conversation])
    burst = np.cumsum(after_silence.astype(np.int64))
    number = running_sum(np.ones(n, np.int64), burst)

    delay = routes.delay_ns(conversation, is_reply)
    own = answers.after(conversation, ~is_reply, arrival_ns)
    sent = _key_at(answers, own) - timeline.base[2 * conversation + ~is_reply]
    is_answered = has_data & (own >= 0) & (sent <= arrival_ns + delay)
    ends_burst = np.append(is_first[1:] | (gap[1:] > delay[1:]), True)
    in_vain = Column.of(timeline, arrivals.keys[has_data & ends_burst & ~is_answered])
    answering = Column.of(timeline, np.unique(answers.keys[own[is_answered]]))

    last_answer = answering.before(conversation, ~is_reply, arrival_ns)
    answer_ns = _key_at(answering, last_answer) - timeline.base[2 * conversation + ~is_reply]
    last_vain = in_vain.before(conversation, is_reply, arrival_ns)
    vain_ns = _key_at(in_vain, last_vain) - timeline.base[group]
    counts_on_answering = (last_answer >= 0) & ((last_vain < 0) | (answer_ns > vain_ns))
    is_linux = routes.is_linux[conversation] | ~is_reply
    return is_linux & (number <= QUICK_SEGMENTS) & ~counts_on_answering


def _key_at(column: Column, row: IntArray) -> IntArray:
    """Return the keys of rows; of -1 whatever there is."""
    if not len(column.keys):
        return np.zeros(len(row), np.int64)
    return column.keys[row]
