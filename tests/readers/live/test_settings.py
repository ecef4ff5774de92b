# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.readers.live.settings import MAX_INTERFACES, RETIRE_MS, LiveSettings
from minewatch.types import BATCH_MARGIN, BATCH_OCTETS


@pytest.mark.parametrize(
    ("interfaces", "settings", "text"),
    [
        ((), {}, "0 interfaces: name 1 to 12"),
        (tuple(map(str, range(13))), {}, "13 interfaces"),
        (("a", "b", "a"), {}, "named twice: a, b, a"),
        (("a",), {"ring_octets": (2 << 20) - 1}, "2097152 to 2147483648 can be had"),
        (("a",), {"ring_octets": (2 << 30) + 1}, "a ring of 2147483649 octets"),
        (("a",), {"snapshot_octets": 127}, "127 octets of each packet: 128 to 262144"),
        (("a",), {"snapshot_octets": 262_145}, "262145 octets of each packet"),
    ],
)
def test_a_bad_value_is_told(interfaces, settings, text):
    with pytest.raises(ConfigError, match=text):
        LiveSettings(interfaces, **settings)


@pytest.mark.parametrize("n", range(1, MAX_INTERFACES + 1))
def test_a_block_of_each_interface_fits_a_batch(n):
    settings = LiveSettings(tuple(map(str, range(n))), ring_octets=10_000_000)
    assert n * settings.block_octets <= BATCH_MARGIN + BATCH_OCTETS
    assert settings.block_octets >= 1 << 17  # the longest packet that IP has fits one
    assert 0 <= 10_000_000 - settings.blocks * settings.block_octets < settings.block_octets


@pytest.mark.parametrize("n", range(1, MAX_INTERFACES + 1))
def test_a_reader_may_be_held_up_for_ten_seconds_on_a_quiet_interface(n):
    """The kernel hands over a block with a packet in it after a while: blocks are time."""
    assert LiveSettings(tuple(map(str, range(n)))).blocks * RETIRE_MS > 10_000
