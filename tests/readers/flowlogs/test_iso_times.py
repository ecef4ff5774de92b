# SPDX-License-Identifier: Apache-2.0
"""Times as text, exact to the nanosecond, and nothing else."""

from datetime import UTC, datetime

import pytest

from minewatch.readers.flowlogs.iso_times import nanoseconds_of

SECOND = int(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("fraction", "nanoseconds"),
    [
        ("", 0),
        (".5", 500_000_000),
        (".000001", 1_000),
        (".123456", 123_456_000),
        (".123456789", 123_456_789),
        (".1234567899999", 123_456_789),
        (",25", 250_000_000),
    ],
)
@pytest.mark.parametrize(
    ("zone", "hours"),
    [("Z", 0), (" UTC", 0), ("+00:00", 0), ("+0100", 1), ("-0330", -3.5), ("-11:00", -11)],
)
@pytest.mark.parametrize("separator", ["T", " "])
def test_times(fraction, nanoseconds, zone, hours, separator):
    text = f"2026-01-31{separator}23:59:59{fraction}{zone}"
    assert nanoseconds_of(text) == SECOND + nanoseconds - int(hours * 3600) * 10**9


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-31T23:59:59", "no zone"),
        ("2026-01-31T23:59:59.123456", "no zone"),
        ("", "no zone"),
        ("2026-01-31T23:59:59+1", "no zone"),
        ("2026-01-31T23:59:59+x100", "zone"),
        ("2026-01-31T23:59:59.123456x0100", "zone"),
        ("2026-01-31T23:59:59+01x00", "zone"),
        ("2026-01-31Z", "no time"),
        ("2026-01-31T23:59:59.Z", "no time"),
        ("2026-01-31T23:59:59.1_0Z", "no time"),
        ("2026-01-31T23:59:59. 10Z", "no time"),
        ("2026-01-31T23:59:59.12345x789Z", "no time"),
        ("2026-01-31T23:59:59x5Z", "no time"),
        ("2026-01-31x23:59:59Z", "no time"),
        ("2026-01-31T23:59+01:00Z", "no time|Invalid"),
        ("2026-02-30T23:59:59Z", "day"),
        ("1969-12-31T23:59:59Z", "out of range"),
        ("1970-01-01T00:59:59+0100", "out of range"),
        ("2300-01-01T00:00:00Z", "out of range"),
        ("Z", "no time"),
    ],
)
def test_what_is_no_time(text, reason):
    with pytest.raises(ValueError, match=reason):
        nanoseconds_of(text)
