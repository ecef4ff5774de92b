# SPDX-License-Identifier: Apache-2.0
"""What lies before a damage is used, and the damage is told."""

import io

import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.damage import next_octets, note_damage
from minewatch.readers.unpack import UnpackError
from minewatch.records import RecordCounters


class Damaged(io.RawIOBase):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def read(self, size=-1):
        raise self.error


def test_what_is_there_is_given_and_no_more_than_asked_for():
    counters = RecordCounters()
    stream = io.BytesIO(b"abcde")
    found = [next_octets(stream, 3, "a", counters, strict=False) for _ in range(3)]
    assert found == [b"abc", b"de", b""]
    assert counters.notes == []


@pytest.mark.parametrize(
    ("error", "damage"),
    [
        (UnpackError("crc"), "cannot be unpacked any further: crc"),
        (OSError(5, "Input/output error"), "cannot be read any further: Input/output error"),
        (OSError("by hand"), "cannot be read any further: by hand"),
    ],
)
def test_a_damage_is_noted_or_raised(error, damage):
    counters = RecordCounters()
    assert next_octets(Damaged(error), 3, "a.log", counters, strict=False) == b""
    assert counters.notes == [damage]
    with pytest.raises(SourceError) as raised:
        next_octets(Damaged(error), 3, "a.log", counters, strict=True)
    assert str(raised.value) == f"a.log: {damage}; fetch it again"
    assert counters.notes == [damage]


def test_other_damages():
    counters = RecordCounters()
    note_damage("it is short", "a.log", counters, strict=False)
    assert counters.notes == ["it is short"]
    with pytest.raises(SourceError, match=r"^a\.log: it is short; fetch it again$"):
        note_damage("it is short", "a.log", counters, strict=True)
