# SPDX-License-Identifier: Apache-2.0
import polars as pl

from minewatch.features.octets import OTHER_HEADERS, TCP_HEADERS, with_estimated_octets
from minewatch.testing import conversations

_WAYS = ("", "reverse_")


def _frame(**columns):
    return conversations(2, **columns).frame


def test_what_is_counted_stays():
    frame = _frame(packet_delta_count=[1, 2], payload_octet_count=[0, 9])
    assert with_estimated_octets(frame).equals(frame)


def test_headers_are_added_to_payload_in_each_direction():
    counts = {
        "packet_delta_count": [10, 3],
        "reverse_packet_delta_count": [7, 0],
        "payload_octet_count": [1000, 5],
        "reverse_payload_octet_count": [0, 0],
    }
    none = {f"{way}octet_delta_count": [None, None] for way in _WAYS}
    found = with_estimated_octets(_frame(**counts, **none, protocol_identifier=[6, 17]))
    assert found["octet_delta_count"].to_list() == [
        1000 + 10 * TCP_HEADERS,
        5 + 3 * OTHER_HEADERS,
    ]
    assert found["reverse_octet_delta_count"].to_list() == [7 * TCP_HEADERS, 0]
    assert found.schema["octet_delta_count"] == pl.Int64


def test_absurd_counts_do_not_wrap():
    absurd = {
        f"{way}{name}": [(1 << 62) - 1] * 2
        for way in _WAYS
        for name in ("packet_delta_count", "payload_octet_count")
    }
    none = {f"{way}octet_delta_count": [None, None] for way in _WAYS}
    found = with_estimated_octets(_frame(**absurd, **none))
    for way in _WAYS:
        assert found[f"{way}octet_delta_count"].min() > 1 << 61
    both = pl.col("octet_delta_count") + pl.col("reverse_octet_delta_count")
    assert found.select(both).to_series().min() > 1 << 62


def test_what_nobody_counted_stays_unknown():
    none = {f"{way}{name}": [None, None] for way in _WAYS for name in
            ("octet_delta_count", "payload_octet_count")}  # fmt: skip
    found = with_estimated_octets(_frame(**none))
    assert found["octet_delta_count"].null_count() == 2
    packets = {f"{way}packet_delta_count": [None, None] for way in _WAYS}
    octets = {f"{way}octet_delta_count": [None, None] for way in _WAYS}
    found = with_estimated_octets(_frame(**packets, **octets))
    assert found["reverse_octet_delta_count"].null_count() == 2
