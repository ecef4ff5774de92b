# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.features.persistence import PersistenceFeatures
from minewatch.testing import check_feature_set, conversations
from talks import NS, START_NS

NAN = float("nan")


def logged(*conversation, **columns):
    """Return one conversation of (start_s, packets sent, received, octets sent, received)."""
    given = conversations(1, **columns)
    names = (
        *("packet_delta_count", "reverse_packet_delta_count"),
        *("octet_delta_count", "reverse_octet_delta_count"),
    )
    rows = [
        {"flow_id": 1, "flow_start_nanoseconds": START_NS + at * NS}
        | dict(zip(names, counts, strict=True))
        for at, *counts in conversation
    ]
    given.intervals = pl.DataFrame(rows).with_columns(pl.col("flow_id").cast(pl.UInt64))
    return given


def features(given):
    found = PersistenceFeatures().transform(given)
    return dict(zip(found.names, found.values[0].tolist(), strict=True))


def check(found, **wanted):
    near = {
        name: pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True)
        for name, value in wanted.items()
    }
    assert {name: found[name] for name in wanted} == near


# The first record and the last are cut somewhere: of five or more they are left out.
HOUR = [
    (0, 1, 1, 40, 40),
    (60, 4, 2, 400, 1000),
    (120, 6, 3, 600, 1500),
    (180, 4, 2, 400, 1000),
    (300, 6, 5, 900, 1500),
    (360, 9, 9, 999, 40),
]


def test_it_conforms():
    check_feature_set(PersistenceFeatures())


def test_statistics_are_of_the_records_between_the_first_and_the_last():
    check(
        features(logged(*HOUR)),
        # 4, 6, 4, 6: mean 5, standard deviation 1; tenths 4 and 6 about a median of 5
        sent_packets_variation=1 / 5,
        sent_packets_low=4 / 5,
        sent_packets_high=6 / 5,
        # each above the mean is followed by one below: three products of -1 over 4 squares
        sent_packets_memory=-3 / 4,
        sent_packets_same_share=2 / 4,
        # 2, 3, 2, 5: mean 3, squares 1 + 0 + 1 + 4
        received_packets_variation=np.sqrt(6 / 4) / 3,
        received_packets_same_share=2 / 4,
        received_octets_variation=250 / 1250,
    )


def test_what_is_typical_is_a_median_a_minute():
    """All six: packets 1, 4, 6, 4, 6, 9 have the median 5; records begin every 60 s."""
    check(
        features(logged(*HOUR)),
        sent_packets_typical=5,
        received_packets_typical=2.5,
        # 40, 400, 600, 400, 900, 999
        sent_octets_typical=500,
        # octets per packet sent: 40, 100, 100, 100, 150, 111
        sent_size_typical=100,
        # the tenths are 70 and 130.5
        sent_size_spread=(130.5 - 70) / 100,
        # sent over received: 1, 0.4, 0.4, 0.4, 0.6, 24.975
        octets_ratio_typical=0.5,
        octets_ratio_spread=(1 + 24.975) / 2 - 0.4,
        interval_spacing=60,
        longest_step=2,
        interval_records=6,
    )


def test_ten_minutes_apart_a_minute_has_a_tenth():
    every_ten = [(10 * at, *counts) for at, *counts in HOUR]
    check(features(logged(*every_ten)), sent_packets_typical=0.5, interval_spacing=600)


def test_a_heartbeat_varies_by_nothing():
    found = features(logged(*((60 * n, 3, 2, 180, 120) for n in range(8))))
    check(
        found,
        sent_packets_variation=0,
        sent_octets_variation=0,
        sent_packets_low=1,
        sent_packets_high=1,
        sent_packets_same_share=1,
        sent_packets_memory=NAN,
        sent_size_spread=0,
        octets_ratio_spread=0,
        longest_step=1,
    )


def test_four_records_are_all_taken():
    check(features(logged(*HOUR[:4])), sent_packets_variation=np.std([1, 4, 6, 4]) / 3.75)


def test_two_records_are_too_few_to_be_steady():
    found = features(logged(*HOUR[:2]))
    check(found, interval_records=2, interval_spacing=60, sent_packets_typical=2.5)
    names = [name for name in found if name.split("_")[-1] in ("variation", "memory", "spread")]
    names += ["sent_packets_same_share", "longest_step", "sent_packets_low", "sent_octets_high"]
    assert len(names) > 10
    assert np.isnan([found[name] for name in names]).all()


def test_one_record_and_none():
    one = features(logged(HOUR[1]))
    check(one, interval_records=1, interval_spacing=NAN, sent_packets_typical=NAN)
    check(one, sent_size_typical=100, octets_ratio_typical=0.4)
    assert np.isnan(PersistenceFeatures().transform(conversations(2)).values).all()


def test_a_way_without_packets_has_no_size():
    """Nothing received in any interval: no size there, and no octets sent per octet received."""
    silent = [(60 * n, 2, 0, 100, 0) for n in range(6)]
    found = features(logged(*silent))
    check(
        found,
        received_size_typical=NAN,
        octets_ratio_typical=NAN,
        received_packets_typical=0,
        received_packets_variation=NAN,
        received_packets_low=NAN,
        sent_size_typical=50,
    )


def test_sent_is_what_the_client_sent():
    server_first = {
        "is_initiator_known": False,
        "source_transport_port": 3333,
        "destination_transport_port": 40_000,
    }
    turned, straight = features(logged(*HOUR, **server_first)), features(logged(*HOUR))
    assert turned["sent_packets_variation"] == straight["received_packets_variation"]
    assert turned["received_size_typical"] == straight["sent_size_typical"]
