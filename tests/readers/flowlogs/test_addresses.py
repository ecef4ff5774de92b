# SPDX-License-Identifier: Apache-2.0
"""Addresses of text logs."""

import pytest

from minewatch.readers.flowlogs.addresses import address_halves


@pytest.mark.parametrize(
    ("text", "halves"),
    [
        ("192.0.2.7", (0, 0xFFFF_C000_0207)),
        ("2001:db8::1", (0x2001_0DB8 << 32, 1)),
        ("::ffff:192.0.2.7", (0, 0xFFFF_C000_0207)),
        ("fe80::1%eth0", (0xFE80 << 48, 1)),
    ],
)
def test_halves(text, halves):
    assert address_halves(text) == halves


@pytest.mark.parametrize(
    "text", ["", "-", "10.0.0", "10.0.0.256", "host", "10.0.0.1/8", "::1%" + 61 * "a"]
)
def test_no_address(text):
    with pytest.raises(ValueError, match=r"\S"):
        address_halves(text)
