# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.doubt.services import OF_MESSAGES, OF_RECORDS, miner, services
from minewatch.output.doubts import benign_lines, check_lines, features_of
from minewatch.output.subject import Subject
from minewatch.testing import conversations
from minewatch.types import PacketSeries

NS = 10**9
START = 1_600_000_000 * NS


def middle(service, names=OF_MESSAGES):
    return {n: service.features[n].median for n in names if n in service.features}


def service(key):
    return next(one for one in services() if one.key == key)


def flat(lines):
    return [line if isinstance(line, str) else " ".join(line) for line in lines]


def test_a_service_that_explains_everything():
    lines = flat(benign_lines(middle(service("electrum"))))
    n = len(middle(service("electrum")))
    assert lines[0].startswith(f"A wallet at an Electrum server: {n} of {n} features are as in ")
    assert any("client sends unasked: 60 s (usual 60 to " in line for line in lines)
    assert sum(line.startswith("fits") for line in lines) == 5
    assert not any(line.startswith("does not") for line in lines)
    assert lines[-1].startswith("A miner at its pool explains it no better: ")


def test_what_does_not_fit_is_told_the_worst_first():
    values = middle(service("electrum")) | {"push_octets": 20_000.0, "answer_octets": 90.0}
    lines = flat(benign_lines(values))
    others = [line for line in lines if line.startswith("does not")]
    assert "median size of messages that the server sends unasked: 20,000 octets" in others[0]
    assert "median size of the server's answers: 90 octets" in others[1]


def test_a_miner_is_called_the_better_explanation():
    lines = flat(benign_lines(middle(miner())))
    n = len(middle(miner()))
    assert lines[-1] == (f"A miner at its pool is the better explanation: {n} of {n} features fit.")


def test_what_nothing_explains_is_told_as_that():
    values = dict.fromkeys(("asked_octets", "answer_octets", "push_octets"), 1e6)
    values |= {"asked_gap_median": 1e-3, "push_gap_median": 1e-3, "message_rate": 1e5}
    first = flat(benign_lines(values))[0]
    assert first.startswith("None that is known. The nearest is ")
    assert "only 0 of 6 features" in first


def test_flow_records_are_enough():
    lines = flat(benign_lines(middle(service("prometheus"), OF_RECORDS)))
    assert lines[0].startswith("A Prometheus scrape: 8 of 8 features")


def test_nothing_to_compare_says_nothing():
    assert flat(benign_lines({})) == []


@pytest.mark.parametrize(
    ("is_home", "near"), [(True, "10.0.0.1"), (None, "10.0.0.1"), (False, "198.51.100.1")]
)
def test_checks_begin_at_the_watched_host(verdict, is_home, near):
    frame = conversations(is_source_home=is_home).frame
    first, *_ = check_lines(Subject(frame, verdict(), "a.pcap"), {})
    assert f"On {near}, while it lasts" in first


def test_who_else_talks_to_the_far_end_is_told(verdict):
    subject = Subject(conversations().frame, verdict(), "a.pcap", others=(3, 2))
    assert any("2 more hosts have a conversation like this" in t for t in check_lines(subject, {}))


def test_features_are_of_the_packets_where_there_are_some(verdict):
    times = START + np.arange(40) * 15 * NS
    series = PacketSeries(times, np.full(40, 100), np.arange(40) % 2 == 0, 40)
    subject = Subject(conversations().frame, verdict(), "a.pcap", None, series)
    assert features_of(subject)["asked_gap_median"] == 30.0
