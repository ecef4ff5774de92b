# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import polars as pl
import pytest

from minewatch.doubt.fit import FEWEST, Measured, known_features, nearest
from minewatch.doubt.services import OF_MESSAGES, OF_RECORDS, Range, Service, miner, services
from minewatch.schema import FLOW, polars_schema
from minewatch.testing import conversations
from minewatch.types import Conversations, PacketSeries

NS = 10**9
START = 1_600_000_000 * NS


def middle(service, names=OF_MESSAGES):
    """A conversation in the middle of a service's ranges."""
    return {n: service.features[n].median for n in names if n in service.features}


@pytest.mark.parametrize("service", [*services(), miner()], ids=lambda service: service.key)
def test_a_conversation_amid_a_services_ranges_is_that_service(service):
    best = nearest(middle(service), [*services(), miner()])[0]
    assert best.service.key == service.key
    assert best.is_good
    assert best.n_fitting == len(best.measured)


def one(value, low=10.0, median=20.0, high=40.0, unit="s"):
    return Measured("x", "an x", unit, value, Range(low, median, high))


@pytest.mark.parametrize(
    ("value", "fits"),
    [(10.0, True), (40.0, True), (9.81, True), (40.79, True), (9.7, False), (41.0, False)],
)
def test_a_value_fits_within_the_range_and_its_rounding(value, fits):
    assert one(value).fits == fits
    assert (one(value).excess > 0.02) == (not fits) or value in (9.81, 40.79)


def test_likeness_falls_with_the_distance_and_rises_with_a_narrow_range():
    far = [one(value).likeness for value in (20.0, 30.0, 60.0, 600.0)]
    assert far == sorted(far, reverse=True)
    assert one(20.0, 19.0, 20.0, 21.0).likeness > one(20.0).likeness
    assert one(20.0, 19.0, 20.0, 21.0).width < one(20.0).width
    assert one(0.5, 0.4, 0.5, 0.6, "1").width == pytest.approx(0.2)
    assert one(50.0).excess == pytest.approx(0.2)
    assert one(5.0).excess == pytest.approx(0.5)


def test_what_explains_comes_before_what_is_only_near():
    values = {"push_share": 0.5, "asked_share": 0.5, "message_rate": 10.0, "push_octets": 100.0}
    wide = {name: Range(value / 10, value / 2, value * 10) for name, value in values.items()}
    narrow = {name: Range(value, value, value) for name, value in values.items()}
    narrow |= {"push_octets": Range(10.0, 11.0, 12.0)}
    among = [Service("nats", "narrow", 9, narrow), Service("mqtt", "wide", 9, wide)]
    first, second = nearest(values, among)
    assert (first.service.name, first.is_good, first.n_fitting) == ("wide", True, 4)
    assert (second.is_good, second.n_fitting) == (False, 3)
    assert second.likeness > first.likeness


def test_too_little_is_compared_with_nothing():
    few = dict(list(middle(miner()).items())[: FEWEST - 1])
    assert nearest(few) == []
    assert nearest(middle(miner()) | {"push_share": math.nan})


def messages(n=40, gap_s=15.0):
    """A client that asks at a steady pace and is answered at once."""
    times = START + (np.arange(2 * n) // 2 * gap_s * NS + np.arange(2 * n) % 2 * 20_000_000)
    sent = np.arange(2 * n) % 2 == 0
    return PacketSeries(times.astype(np.int64), np.where(sent, 224, 5000), sent, 2 * n)


def test_packets_are_compared_by_their_messages():
    given = conversations(flow_end_nanoseconds=START + 600 * NS)
    given.packets = {1: messages()}
    values = known_features(given)
    assert set(values) <= set(OF_MESSAGES)
    assert values["asked_gap_median"] == pytest.approx(15.0)
    assert nearest(values)[0].service.key == "prometheus"


def records(n=10):
    starts = [START + i * 60 * NS for i in range(n)]
    frame = conversations(
        n, flow_start_nanoseconds=starts, flow_end_nanoseconds=[s + 55 * NS for s in starts]
    ).frame
    return frame.select(list(polars_schema(FLOW))).with_columns(flow_id=pl.lit(1, pl.UInt64))


def test_flow_records_are_compared_by_theirs():
    given = conversations()
    values = known_features(Conversations(given.frame, records()))
    assert set(values) <= set(OF_RECORDS)
    assert len(nearest(values)) > 10


def test_a_conversation_of_totals_alone_is_compared_with_nothing():
    assert known_features(conversations()) == {}
    assert nearest({}) == []
