# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.conversations import ConversationBuilder
from minewatch.errors import ConfigError
from minewatch.metering.state import MeteringOptions, new_pools
from minewatch.watching.options import AGES_S, WatchOptions, with_memory


@pytest.mark.parametrize(
    "change",
    [{"tick_s": 0}, {"tick_s": 7200}, {"ages_s": ()}, {"ages_s": (60, 30)}, {"ages_s": (0, 30)}],
)
def test_values_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError, match=r"tick_s|ages_s"):
        WatchOptions(**change)


@pytest.mark.parametrize("promised_s", [60, 180])
def test_a_conversation_is_judged_just_before_an_alert_is_due(promised_s):
    latest_s = max(age for age in AGES_S if age + WatchOptions().tick_s <= promised_s)
    assert promised_s - 10 <= latest_s


@pytest.mark.parametrize("memory_mib", [64, 300, 1024, 4096])
def test_the_pools_take_the_memory_that_was_given_and_no_more(memory_mib):
    metering, options = with_memory(MeteringOptions(), WatchOptions(), memory_mib)
    pools = new_pools(MeteringOptions(payload_limit_octets=metering.payload_limit_octets))
    octets = metering.max_biflows * (pools.rows[0].nbytes + 8)
    octets += (1 << (2 * metering.max_biflows - 1).bit_length()) * 8
    octets += metering.max_chunks * (pools.series[0].nbytes + 8)
    octets += metering.max_rings * (pools.latest[0].nbytes + 8)
    octets += pools.blocks.nbytes + pools.heads.nbytes + pools.free_blocks.nbytes
    octets += options.most_records * 2 * 256 + options.most_alert_octets
    assert 0.7 < octets / (memory_mib << 20) <= 1.01


def test_too_little_memory_is_refused():
    with pytest.raises(ConfigError, match="--memory 63: 64 MiB or more"):
        with_memory(MeteringOptions(), WatchOptions(), 63)


def test_an_interval_record_takes_no_more_than_is_reckoned():
    builder = ConversationBuilder(())
    assert sum(dtype is not None for dtype in builder.save().dtypes) * 8 <= 2 * 256
