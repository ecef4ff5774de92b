# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch import registry
from minewatch.capabilities.inputs import CONNECTION, INPUTS, INTERVAL, PACKET
from minewatch.exporting.settings import ExportSettings
from minewatch.training.corpus.log_views import LOG_SETTINGS
from minewatch.training.corpus.views import InputKind

MEASURABLE = {*(kind.value for kind in InputKind), *(one.name for one in LOG_SETTINGS)}


def test_every_registered_format_has_an_entry():
    known = {name for one in INPUTS for name in one.formats}
    assert {one.name for one in registry.flow_formats()} <= known


def test_no_entry_is_of_a_format_that_nobody_reads():
    registered = {one.name for one in registry.flow_formats()}
    assert {name for one in INPUTS for name in one.formats} <= registered


def test_every_kind_of_log_that_is_measured_belongs_to_an_input():
    assert {name for one in INPUTS for name in one.measured} == MEASURABLE


def test_names_are_unique():
    names = [one.name for one in INPUTS]
    assert len(set(names)) == len(names)
    assert len({one.title for one in INPUTS}) == len(names)


@pytest.mark.parametrize("entry", INPUTS, ids=lambda one: one.name)
def test_what_an_input_tells_fits_how_it_is_made(entry):
    tells, shown = entry.tells, entry.shown
    assert tells.unit in {PACKET, INTERVAL, CONNECTION}
    if isinstance(shown, InputKind):
        assert not shown.is_flow_log
        assert tells.payload == (shown is InputKind.PACKETS)
        return
    assert isinstance(shown, ExportSettings)
    assert not tells.payload
    assert tells.both_directions == shown.is_biflow or entry.name == "joy"
    assert (shown.sampling > 1) == ("1 packet in" in tells.sampling)
    for text in (tells.tcp_flags, tells.names, tells.shortest_interval, tells.delay):
        assert text
