# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.exporting import settings as s


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"interval_s": 0.0}, "interval_s must be a millisecond to a year"),
        ({"interval_s": float("nan")}, "interval_s must be"),
        ({"inactive_s": -1.0}, "inactive_s must be"),
        ({"interval_s": None}, "interval_s must be given"),
        ({"alignment": s.Alignment.FLOW}, "inactive_s must be given"),
        ({"sampling": 0}, "sampling must be 1 to 4294967295"),
        ({"sampling": 1 << 32}, "sampling must be 1 to 4294967295"),
        ({"capture_delay_s": -0.1}, "capture_delay_s must be"),
    ],
)
def test_values_without_sense_are_refused(wrong, text):
    with pytest.raises(ValueError, match=text):
        s.ExportSettings(**wrong)


def test_silence_of_tcp_has_its_own_length():
    assert s.zeek().inactive_ns(is_tcp=True) == 300 * s.SECOND_NS
    assert s.zeek().inactive_ns(is_tcp=False) == 60 * s.SECOND_NS
    assert s.ipfix().inactive_ns(is_tcp=True) == 15 * s.SECOND_NS
    assert s.gcp().inactive_ns(is_tcp=True) is None


def test_a_connection_has_no_interval():
    assert s.zeek().interval_ns is None
    assert s.aws(600).interval_ns == 600 * s.SECOND_NS
