# SPDX-License-Identifier: Apache-2.0
"""Settings refuse what makes no sense."""

import pytest

from minewatch.arranging.settings import ArrangeSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interval_s", 0),
        ("interval_s", 86_401),
        ("interval_s", float("nan")),
        ("conversation_timeout_s", -1),
        ("memory_octets", 1000),
    ],
)
def test_a_value_outside_its_domain_is_named(name, value):
    with pytest.raises(ValueError, match=f"^{name} "):
        ArrangeSettings(**{name: value})


def test_lengths_in_nanoseconds():
    settings = ArrangeSettings(interval_s=0.5, conversation_timeout_s=2)
    assert (settings.interval_ns, settings.timeout_ns) == (500_000_000, 2_000_000_000)
