# SPDX-License-Identifier: Apache-2.0
"""Asks the detectors that ship; what a table says of them is what they do."""

import numpy as np
import pytest

from minewatch import registry
from minewatch.capabilities.example import POOL, example
from minewatch.capabilities.inputs import CONNECTION, INPUTS
from minewatch.capabilities.readiness import NAME, ready_after, shown
from minewatch.training.corpus.tables import WHOLE
from minewatch.types import Scores

BY_NAME = {one.name: one for one in INPUTS}
MINERS = example()


@pytest.fixture(scope="module")
def detectors():
    return registry.detectors()


def _speaking(name, detectors):
    return {n for n, s in ready_after(BY_NAME[name], detectors, MINERS).items() if s is not None}


def test_packets_with_payload_are_for_everybody(detectors):
    assert _speaking("capture", detectors) == {one.name for one in detectors}


def test_without_payload_nobody_reads_or_knows_names(detectors):
    everybody = {one.name for one in detectors}
    assert _speaking("capture-headers", detectors) == everybody - {"signature", "intel"}


def test_flow_logs_are_for_those_that_read_intervals(detectors):
    for name in ("aws", "gcp", "azure-vnet", "netflow"):
        assert _speaking(name, detectors) == {"rhythm", "one-class"}, name


def test_one_record_a_connection_is_too_little_for_what_looks_at_intervals(detectors):
    found = ready_after(BY_NAME["zeek"], detectors, MINERS)
    assert found["rhythm"] == WHOLE
    assert found["intel"] == WHOLE
    assert found["one-class"] is None


class Late:
    """Speaks of conversations of an hour, where the pool's name is told."""

    name = "late"
    requires = ("flow_id", NAME)
    uses = ()

    def score(self, conversations):
        frame = conversations.frame
        assert frame[NAME].unique().to_list() == [POOL]
        long = (frame["flow_end_nanoseconds"] - frame["flow_start_nanoseconds"]) > 3500 * 10**9
        return Scores(self.name, np.where(long.to_numpy(), 0.5, np.nan))


class Absent(Late):
    name = "absent"
    requires = ("a_column_that_nobody_has",)


def test_a_detector_is_ready_when_it_first_gives_a_number():
    assert ready_after(BY_NAME["capture"], [Late(), Absent()], MINERS) == {
        "late": 3600,
        "absent": None,
    }
    assert ready_after(BY_NAME["zeek"], [Late()], MINERS) == {"late": WHOLE}
    assert ready_after(BY_NAME["aws"], [Late()], MINERS) == {"late": None}


@pytest.mark.parametrize("entry", INPUTS, ids=lambda one: one.name)
def test_an_input_shows_what_it_tells(entry):
    given = shown(MINERS, entry, WHOLE)
    assert len(given)
    assert (NAME in given.frame.columns) == entry.tells.names_servers
    assert ("stratum_dialect" in given.frame.columns) == entry.tells.payload
    if entry.tells.unit == CONNECTION and given.intervals is not None and entry.name != "joy":
        assert given.intervals["flow_id"].n_unique() == given.intervals.height
