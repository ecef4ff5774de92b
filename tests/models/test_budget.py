# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.models.budget import Budget, parse_budget, rounded_up


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/host-day", Budget(1.0, "host-day")),
        ("0.25/host-week", Budget(0.25, "host-week")),
        (" 1/host-month ", Budget(1.0, "host-month")),
        ("10/100000-conversations", Budget(10.0, "100000-conversations")),
    ],
)
def test_forms(text, expected):
    assert parse_budget(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "1", "1/host", "1/host-year", "-1/host-day", "1e3/host-day", "one/host-day", "0/host-day"],
)
def test_what_is_no_budget_is_told_the_forms(text):
    with pytest.raises(ConfigError, match=r"^--budget .*write N/host-day, N/host-week"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("unit", "rate"),
    [("host-day", 250.0), ("host-week", 250 / 7), ("host-month", 250 / 30)],
)
def test_per_conversation(unit, rate):
    assert Budget(1.0, unit).per_100000(400.0) == pytest.approx(rate)
    assert Budget(1.0, "100000-conversations").per_100000(400.0) == 1.0


def test_a_rate_is_never_told_smaller_than_it_is():
    assert rounded_up(0.99999) == "1"
    assert rounded_up(101.0) == "110"
    assert rounded_up(0.000_123) == "0.00013"
    assert Budget(1.0, "100000-conversations").in_its_unit(1.01, 1.0) == "1.1/100000-conversations"
