# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.features.ragged import Ragged
from minewatch.features.stratum_records import (
    RECORD_FEATURES,
    TOTALS,
    correlation,
    record_columns,
    unexplained,
)
from minewatch.testing import conversations

_S = 1_000_000_000
NAMES = [name for name, _, _ in RECORD_FEATURES]


def lists(*values):
    return Ragged(np.concatenate(values).astype(float), np.cumsum([len(one) for one in values]))


def features_of(requests, notices, request=250, answer=100, notice=400):
    """Features of a conversation with so many requests and notices in each minute.

    Each message is a packet of 52 octets more, which the other side acknowledges with 52; an
    answer acknowledges its request.
    """
    requests, notices = np.array(requests), np.array(notices)
    sent, received = 2 * requests + notices, requests + notices
    counters = {
        "packet_delta_count": sent,
        "reverse_packet_delta_count": received,
        "octet_delta_count": 52 * sent + request * requests,
        "reverse_octet_delta_count": 52 * received + answer * requests + notice * notices,
    }
    totals = {name: int(values.sum()) for name, values in counters.items()}
    given = conversations(1, **totals)
    start = given.frame["flow_start_nanoseconds"][0]
    given.intervals = pl.DataFrame(
        {
            "flow_id": pl.Series([1] * len(sent), dtype=pl.UInt64),
            "flow_start_nanoseconds": start + 60 * _S * np.arange(len(sent)),
            **counters,
        }
    )
    return dict(zip(NAMES, (column[0] for column in record_columns(given)), strict=True))


def test_packet_counts_tell_requests_from_notices():
    found = features_of([3, 1, 2, 0, 4], [1, 2, 1, 1, 0])
    assert found["request_share"] == pytest.approx(10 / 15)
    assert found["packets_ratio"] == pytest.approx(25 / 15)
    assert found["sent_packets_per_minute"] == pytest.approx(2.5)
    assert found["sent_packet_octets"] == pytest.approx(52 + 100)


def test_messages_of_constant_sizes_are_explained_by_packet_counts():
    found = features_of([3, 1, 2, 0, 4], [1, 2, 1, 1, 0])
    assert found["sent_unexplained"] == pytest.approx(0, abs=1e-4)
    assert found["received_unexplained"] == pytest.approx(0, abs=1e-4)
    varied = features_of([3, 1, 2, 0, 4], [1, 2, 1, 1, 0], notice=np.array([90, 900, 20, 400, 70]))
    assert varied["received_unexplained"] > 0.1


def test_chance_is_dispersed_and_a_clock_is_not():
    rng = np.random.default_rng(0)
    clock, chance = features_of([2] * 60, [1] * 60), features_of(rng.poisson(2, 60), [1] * 60)
    assert clock["sent_packets_dispersion"] == clock["sent_octets_variation"] == 0
    assert chance["sent_packets_dispersion"] > 0.8
    assert np.isnan(clock["packets_together"])
    assert chance["packets_together"] == pytest.approx(1)


def test_fewer_than_three_records_say_nothing_of_variation():
    totals = [name for name, _, _ in TOTALS]
    for n, is_known in ((2, False), (3, True)):
        found = features_of([1, 3, 2][:n], [2, 1, 1][:n])
        assert np.isfinite([found[name] for name in totals]).all()
        rest = [found[name] for name in NAMES if name not in totals]
        assert np.isfinite(rest).all() == is_known
        assert np.isfinite(rest).any() == is_known


def test_one_direction_alone_is_unknown_and_not_zero():
    given = conversations(1, reverse_packet_delta_count=0, reverse_octet_delta_count=0)
    found = dict(zip(NAMES, (column[0] for column in record_columns(given)), strict=True))
    assert np.isnan([found["packets_ratio"], found["request_share"], found["octets_ratio"]]).all()
    assert found["received_packets_per_minute"] == 0


def test_correlation_is_numpys_for_each_conversation():
    rng = np.random.default_rng(1)
    left, right = [rng.random(n) for n in (5, 9)], [rng.random(n) for n in (5, 9)]
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(correlation(lists(*left), lists(*right)), expected)


def test_unexplained_is_what_least_squares_leave():
    rng = np.random.default_rng(2)
    sent, received, octets = (rng.integers(5, 50, 8).astype(float) for _ in range(3))
    table = np.stack([sent, received], axis=1)
    weights, *_ = np.linalg.lstsq(table, octets, rcond=None)
    expected = np.sqrt(np.mean((octets - table @ weights) ** 2)) / octets.mean()
    found = unexplained(lists(octets), lists(sent), lists(received))
    np.testing.assert_allclose(found, [expected], rtol=1e-6)
