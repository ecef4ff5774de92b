# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import polars as pl
import pytest

from minewatch.features.volume import PaperFeatures, VolumeFeatures
from minewatch.types import Conversations

START = 1_700_000_000_000_000_000
BASE: dict[str, Any] = {
    "packet_delta_count": 10,
    "reverse_packet_delta_count": 5,
    "octet_delta_count": 2000,
    "reverse_octet_delta_count": 500,
    "payload_octet_count": 1500,
    "reverse_payload_octet_count": 200,
    "payload_packet_count": 5,
    "reverse_payload_packet_count": 4,
    "tcp_psh_total_count": 5,
    "reverse_tcp_psh_total_count": 4,
    "tcp_ack_total_count": 9,
    "reverse_tcp_ack_total_count": 5,
    "minimum_ip_total_length": 52,
    "reverse_minimum_ip_total_length": 40,
    "flow_start_nanoseconds": START,
    "flow_end_nanoseconds": START + 50_000_000_000,
    "is_source_home": True,
    "is_initiator_known": True,
}
BOTH = pytest.mark.parametrize(
    "features", [PaperFeatures(), VolumeFeatures()], ids=["paper", "volume"]
)


def conversations(*changes: dict[str, Any]) -> Conversations:
    return Conversations(pl.DataFrame([BASE | change for change in changes or [{}]]))


def one(features: PaperFeatures | VolumeFeatures, **change: Any) -> dict[str, float]:
    values = features.transform(conversations(change)).values[0]
    return dict(zip(features.feature_names, values.tolist(), strict=True))


def test_the_papers_six():
    assert one(PaperFeatures()) == {
        "outbound_bits_per_packet": 1600.0,
        "inbound_bits_per_packet": 800.0,
        "outbound_bits_per_second": 320.0,
        "inbound_bits_per_second": 80.0,
        "outbound_packets_per_second": pytest.approx(0.2),
        "inbound_packets_per_second": pytest.approx(0.1),
    }


def test_outbound_is_what_leaves_the_watched_side():
    there, back = one(PaperFeatures()), one(PaperFeatures(), is_source_home=False)
    assert there["outbound_bits_per_packet"] == back["inbound_bits_per_packet"]
    assert there["inbound_packets_per_second"] == back["outbound_packets_per_second"]


def test_neither_outbound_nor_inbound_is_dropped():
    assert np.isnan(list(one(PaperFeatures(), is_source_home=None).values())).all()


@pytest.mark.parametrize("packets", [0, 1])
def test_a_direction_of_fewer_than_two_packets_is_no_flow(packets):
    found = one(PaperFeatures(), reverse_packet_delta_count=packets)
    assert np.isnan(found["inbound_bits_per_packet"])
    assert np.isnan(found["inbound_bits_per_second"])
    assert found["outbound_bits_per_packet"] == 1600.0


def test_without_duration_there_is_no_rate_but_a_size():
    found = one(PaperFeatures(), flow_end_nanoseconds=START)
    assert np.isnan(found["outbound_bits_per_second"])
    assert np.isnan(found["outbound_packets_per_second"])
    assert found["outbound_bits_per_packet"] == 1600.0


def test_volume_by_hand():
    found = one(VolumeFeatures())
    expected = {
        "sent_packets": 10,
        "received_octets": 500,
        "duration": 50,
        "packet_interval": 50 / 14,
        "octets_per_packet": 2500 / 15,
        "sent_octets_per_packet": 200,
        "received_bits_per_second": 80,
        "sent_packets_per_minute": 12,
        "octets_ratio": 4,
        "packets_ratio": 2,
        "sent_octets_share": 0.8,
        "data_symmetry": 0.25,
        "push_ratio": 9 / 15,
        "received_push_ratio": 0.8,
        "acknowledgement_ratio": 14 / 15,
        "minimum_packet": 40,
        "sent_payload_per_packet": 300,
        "received_payload_per_packet": 50,
        "payload_share": 1700 / 2500,
        "payload_packet_share": 9 / 15,
        "sent_payload_packet_share": 5 / 9,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_sent_is_the_clients_wherever_home_is():
    assert one(VolumeFeatures()) == one(VolumeFeatures(), is_source_home=False)


def test_a_conversation_met_in_its_middle_is_turned_to_the_watched_side():
    swapped = {
        key: BASE[key.removeprefix("reverse_") if key.startswith("reverse_") else f"reverse_{key}"]
        for key in BASE
        if key.endswith(("_count", "_length"))
    }
    turned = one(VolumeFeatures(), **swapped, is_source_home=False, is_initiator_known=False)
    assert turned == one(VolumeFeatures())


def test_unset_is_not_zero():
    found = one(VolumeFeatures(), payload_octet_count=None, reverse_payload_octet_count=None)
    assert np.isnan(found["payload_share"])
    assert found["sent_octets"] == 2000


def test_zero_is_a_value():
    found = one(VolumeFeatures(), reverse_octet_delta_count=0, reverse_packet_delta_count=0)
    assert found["received_octets"] == 0
    assert found["data_symmetry"] == 0
    assert np.isnan(found["octets_ratio"])


def test_flow_logs_without_payload_keep_the_counters():
    frame = conversations().frame.select(*VolumeFeatures.requires)
    values = VolumeFeatures().transform(Conversations(frame))
    assert values.column("sent_octets").tolist() == [2000.0]
    assert np.isnan(values.column("push_ratio")).all()
    assert np.isnan(values.column("payload_share")).all()


@BOTH
def test_without_a_required_column_all_is_nan(features):
    for name in features.requires:
        matrix = features.transform(Conversations(conversations().frame.drop(name)))
        assert np.isnan(matrix.values).all()


@BOTH
def test_rows_do_not_know_each_other(features, rng):
    changes = [
        {name: int(rng.integers(0, 5000)) for name in BASE if name.endswith("_count")}
        for _ in range(20)
    ]
    together = features.transform(conversations(*changes)).values
    alone = np.vstack([features.transform(conversations(change)).values for change in changes])
    np.testing.assert_array_equal(together, alone)
    order = rng.permutation(20)
    shuffled = features.transform(conversations(*(changes[i] for i in order))).values
    np.testing.assert_array_equal(shuffled, together[order])
    assert (np.nanstd(together, axis=0) > 0).sum() > len(features.feature_names) - 6


@BOTH
def test_the_hour_of_day_is_no_feature(features):
    shift = 86_400_000_000_123
    later = {
        name: BASE[name] + shift for name in ("flow_start_nanoseconds", "flow_end_nanoseconds")
    }
    np.testing.assert_array_equal(
        features.transform(conversations(later)).values, features.transform(conversations()).values
    )


@BOTH
def test_an_empty_table_gives_an_empty_matrix(features):
    matrix = features.transform(Conversations(conversations().frame.clear()))
    assert matrix.values.shape == (0, len(features.feature_names))


@BOTH
def test_each_feature_has_a_unit_and_a_line_in_the_docstring(features):
    assert len(features.feature_names) == len(features.feature_units)
    for name, unit in zip(features.feature_names, features.feature_units, strict=True):
        assert any(
            line.split()[:2] == [name, f"[{unit}]"]
            for line in (features.__doc__ or "").splitlines()
        ), name
