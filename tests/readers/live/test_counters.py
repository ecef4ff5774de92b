# SPDX-License-Identifier: Apache-2.0
from minewatch.readers.live.blocks import InterfaceCounters
from minewatch.readers.live.counters import LiveCounters, notes_on


def test_drops_of_all_interfaces_are_summed():
    counters = LiveCounters(
        interfaces={"a": InterfaceCounters(dropped=2), "b": InterfaceCounters(dropped=3)}
    )
    assert counters.packets_dropped == 5
    assert counters.by_outcome()["metered"] == 0


def test_nothing_to_note():
    assert notes_on("a", InterfaceCounters(received=100, duplicates=50)) == []


def test_each_note_names_the_interface_and_a_cure():
    notes = notes_on("a", InterfaceCounters(received=9, dropped=1, coalesced=2, downs=3))
    assert [note.startswith("a: ") for note in notes] == [True] * 3
    assert "1 of 10 packets" in notes[0]
    assert "2 of 9 frames" in notes[1]
    assert "ethtool -K a gro off" in notes[1]
    assert "down 3 times" in notes[2]
