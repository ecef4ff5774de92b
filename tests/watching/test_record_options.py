# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import ConfigError
from minewatch.watching.record_options import RecordWatchOptions, with_record_memory


@pytest.mark.parametrize(
    "changes", [{"tick_s": 0}, {"growth": 0.5}, {"most_of_one": 7}, {"most_of_one": 1 << 30}]
)
def test_what_makes_no_sense_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        RecordWatchOptions(**changes)


def test_memory_is_shared_out_and_little_is_too_little():
    options = with_record_memory(RecordWatchOptions(), 64)
    octets = options.most_records * 136 + options.most_biflows * 160 + options.most_alert_octets
    assert 0.75 * (64 << 20) < octets <= 0.8 * (64 << 20)
    with pytest.raises(ConfigError, match="64 MiB or more"):
        with_record_memory(RecordWatchOptions(), 63)


def test_no_conversation_is_larger_than_the_least_memory():
    options = with_record_memory(RecordWatchOptions(), 64)
    assert options.most_of_one * 8 <= options.most_records
