# SPDX-License-Identifier: Apache-2.0
"""Builders and conformance suites for tests, of minewatch's own plug-ins and of strangers'.

A builder gives an ordinary conversation; what a test is about is given by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from minewatch import schema
from minewatch.address import PRIVATE_NETWORKS, parse_networks
from minewatch.contracts import Detector, FeatureSet
from minewatch.conversations import is_source_home
from minewatch.types import Conversations, PacketSeries, Payload, Segment

_NS = 1_000_000_000
_START = 1_600_000_000 * _NS

_ORDINARY: dict[str, object] = {
    "flow_id": 1,
    "source_address_high": 0,
    "source_address_low": 0xFFFF_0A00_0001,
    "destination_address_high": 0,
    "destination_address_low": 0xFFFF_C633_6401,
    "source_transport_port": 40_000,
    "destination_transport_port": 443,
    "protocol_identifier": 6,
    "vlan_id": 0,
    "packet_delta_count": 60,
    "reverse_packet_delta_count": 50,
    "octet_delta_count": 9_000,
    "reverse_octet_delta_count": 14_000,
    "payload_octet_count": 6_000,
    "reverse_payload_octet_count": 11_000,
    "payload_packet_count": 30,
    "reverse_payload_packet_count": 30,
    "tcp_psh_total_count": 30,
    "reverse_tcp_psh_total_count": 30,
    "tcp_ack_total_count": 59,
    "reverse_tcp_ack_total_count": 50,
    "minimum_ip_total_length": 52,
    "reverse_minimum_ip_total_length": 52,
    "maximum_ip_total_length": 600,
    "reverse_maximum_ip_total_length": 800,
    "tcp_control_bits": 0x1A,
    "reverse_tcp_control_bits": 0x1A,
    "flow_end_reason": 4,
    "is_initiator_known": True,
    "payload_kinds": 0,
    "flow_start_nanoseconds": _START,
    "flow_end_nanoseconds": _START + 600 * _NS,
    "interval_count": 10,
    "is_source_home": True,
}


def conversations(n: int = 1, /, **columns: object) -> Conversations:
    """Return ``n`` conversations of ten minutes, columns replaced by name.

    A replacement is one value for all rows or a sequence of ``n``. ``flow_id`` counts from 1.

    Examples
    --------
    >>> frame = conversations(2, packet_delta_count=[3, 7]).frame
    >>> frame.get_column("packet_delta_count").to_list()
    [3, 7]
    """
    types = schema.polars_schema(schema.CONVERSATION)
    given: dict[str, object] = {**_ORDINARY, "flow_id": range(1, n + 1), **columns}
    series = []
    for name, value in given.items():
        is_many = isinstance(value, Sequence) and not isinstance(value, str)
        values = list(value) if is_many else [value] * n  # type: ignore[call-overload]
        series.append(pl.Series(name, values, types.get(name)))
    return Conversations(pl.DataFrame(series))


def payload(*messages: tuple[bool, bytes], gap_s: float = 1.0, protocol: int = 6) -> Payload:
    """Return the payload of a conversation: each message is (from initiator, octets).

    Examples
    --------
    >>> payload((True, b"ping"), (False, b"pong")).segments[1].sequence
    1
    """
    following = {True: 1, False: 1}
    segments = []
    for i, (from_initiator, data) in enumerate(messages):
        time_ns = _START + int(i * gap_s * _NS)
        sequence = following[from_initiator] & 0xFFFF_FFFF
        segments.append(Segment(time_ns, from_initiator, sequence, len(data), data))
        following[from_initiator] += len(data)
    packets = PacketSeries(
        np.array([segment.time_ns for segment in segments], np.int64),
        np.array([segment.length for segment in segments], np.int64),
        np.array([segment.from_initiator for segment in segments], np.bool_),
        len(segments),
    )
    return Payload(protocol, segments, packets)


def _varied(n: int = 12) -> Conversations:
    """Return conversations that differ from each other in every counter."""
    rng = np.random.default_rng(7)
    columns = {
        column.name: rng.integers(2, 5_000, n).tolist()
        for column in (*schema.COUNTERS, *schema.EXTREMES)
    }
    lengths = rng.integers(10, 4_000, n) * _NS
    given = conversations(n, **columns, flow_end_nanoseconds=(_START + lengths).tolist())
    given.packets = {row + 1: _talk(rng, int(lengths[row])) for row in range(n)}
    given.intervals = _intervals(given.frame, rng)
    return given


def _talk(rng: np.random.Generator, length_ns: int) -> PacketSeries:
    """Payload packets of both sides at random times, some right after each other."""
    n = int(rng.integers(12, 60))
    times = np.sort(rng.integers(0, length_ns, n))
    times[2::3] = times[1::3][: len(times[2::3])] + rng.integers(1, _NS, len(times[2::3]))
    times.sort()
    return PacketSeries(
        _START + times, 40 * rng.integers(1, 5, n), rng.random(n) < rng.uniform(0.3, 0.7), n
    )


def _intervals(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Interval records of every conversation, with pauses, counters at random."""
    records = frame.drop("interval_count", "is_source_home").select(
        pl.all().repeat_by(pl.Series(rng.integers(6, 20, frame.height))).explode(empty_as_null=True)
    )
    paused = records.with_columns(pause=pl.Series(rng.integers(55, 190, records.height)))
    minute = paused.select(pl.col("pause").cum_sum().over("flow_id") * _NS).to_series()
    return records.with_columns(
        *(pl.Series(c.name, rng.integers(2, 900, records.height)) for c in schema.COUNTERS),
        flow_start_nanoseconds=_START + minute,
        flow_end_nanoseconds=_START + minute + 50 * _NS,
    )


def _same(left: np.ndarray, right: np.ndarray, what: str) -> None:
    if not np.allclose(left, right, rtol=1e-5, atol=1e-7, equal_nan=True):
        raise AssertionError(what)


_SHIFT = (365 * 86_400 + 5_000) * _NS


def _later(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the same conversations a year and 5,000 s later."""
    return frame.with_columns(
        pl.col("flow_start_nanoseconds") + _SHIFT, pl.col("flow_end_nanoseconds") + _SHIFT
    )


def _with_frame(given: Conversations, frame: pl.DataFrame) -> Conversations:
    """Return the conversations of ``frame`` with the packets and intervals of ``given``."""
    return Conversations(frame, given.intervals, given.packets, given.payloads)


def _shifted(given: Conversations, *, renamed: bool = True) -> Conversations:
    """Return the same conversations later, packets and intervals too, between other ends."""
    moved = _with_frame(given, _later(given.frame))
    if renamed:
        moved.frame = _renamed(moved.frame)
    moved.packets = {
        flow_id: replace(series, time_ns=series.time_ns + _SHIFT)
        for flow_id, series in given.packets.items()
    }
    if given.intervals is not None:
        later = _later(given.intervals)
        moved.intervals = _renamed(later) if renamed else later
    moved.payloads = {
        flow_id: replace(
            one,
            segments=[replace(part, time_ns=part.time_ns + _SHIFT) for part in one.segments],
            packets=moved.packets.get(flow_id),
        )
        for flow_id, one in given.payloads.items()
    }
    return moved


def _renamed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the same table between other addresses and ports, whose ends are at home as before."""
    moved = frame.with_columns(
        pl.col("source_address_low") + 77,
        pl.col("destination_address_low") + 99,
        (pl.col("source_transport_port") + 5).cast(pl.UInt16),
        (pl.col("destination_transport_port") + 6).cast(pl.UInt16),
    )
    if "is_source_home" not in frame.columns:
        return moved
    return moved.with_columns(is_source_home(parse_networks(PRIVATE_NETWORKS)))


def check_feature_set(features: FeatureSet) -> None:
    """Run the conformance suite of feature sets; AssertionError tells what is broken.

    Same values alone, shuffled or among others; invariant to a shift of time and a renaming of
    addresses and ports; without a required column every feature is NaN; none is constant; each
    has a unit and a phrase.
    """
    lengths = {len(features.feature_units), len(features.feature_phrases)}
    if lengths != {len(features.feature_names)} or not all(features.feature_phrases):
        raise AssertionError("a feature without a unit or a phrase")
    given = _varied()
    matrix = features.transform(given)
    if matrix.names != features.feature_names or matrix.values.shape != (12, len(matrix.names)):
        raise AssertionError("names, or the shape of the values, are not those declared")
    if matrix.values.dtype != np.float32:
        raise AssertionError("values are not float32")
    order = np.random.default_rng(3).permutation(12)
    shuffled = features.transform(_with_frame(given, given.frame[order.tolist()]))
    _same(shuffled.values, matrix.values[order], "a row depends on the order of rows")
    alone = features.transform(given.filter(np.arange(12) == 5))
    _same(alone.values, matrix.values[5:6], "a row depends on its batch mates")
    moved = features.transform(_shifted(given))
    _same(moved.values, matrix.values, "a feature depends on time of day, address or port")
    spread = np.nanmax(matrix.values, axis=0) - np.nanmin(matrix.values, axis=0)
    if not (spread > 0).all():
        raise AssertionError(f"constant: {np.array(matrix.names)[~(spread > 0)].tolist()}")
    for name in features.requires:
        without = _with_frame(given, given.frame.drop(name))
        if not np.isnan(features.transform(without).values).all():
            raise AssertionError(f"without {name} a feature is not NaN")


def check_detector(
    detector: Detector, given: Conversations | None = None, *, goes_by_address: bool = False
) -> None:
    """Run the conformance suite of detectors; AssertionError tells what is broken.

    Probabilities in [0, 1] or NaN; the same alone, shuffled, among others or a year later, packets
    and intervals included (a list of dated entries may differ: give conversations that are not in
    it); the same between other addresses and ports; silent without a column that it requires;
    evidence has finite contributions. A collective detector is silent about a conversation alone.

    Parameters
    ----------
    detector : ready for use.
    given : conversations, by default ordinary ones that differ in everything that is counted.
    goes_by_address : it looks addresses or ports up, and may say something else of others.
    """
    given = _varied() if given is None else given
    n = len(given)
    probability = detector.score(given).probability
    if probability.shape != (n,):
        raise AssertionError("not one probability a row")
    ready = probability[~np.isnan(probability)]
    if not ((ready >= 0) & (ready <= 1)).all():
        raise AssertionError("a probability outside [0, 1]")
    order = np.random.default_rng(3).permutation(n)
    shuffled = detector.score(_with_frame(given, given.frame[order.tolist()])).probability
    _same(shuffled, probability[order], "a row depends on the order of rows")
    later = detector.score(_shifted(given, renamed=False)).probability
    _same(later, probability, "a row depends on the time of day")
    if not goes_by_address:
        elsewhere = detector.score(_shifted(given)).probability
        _same(elsewhere, probability, "a row depends on an address or port")
    for name in set(detector.requires) & set(given.frame.columns):
        without = _with_frame(given, given.frame.drop(name))
        if not np.isnan(detector.score(without).probability).all():
            raise AssertionError(f"not silent without {name}")
    is_collective = getattr(detector, "is_collective", False)
    for row in range(n):
        alone = detector.score(given.filter(np.arange(n) == row)).probability
        if is_collective and not np.isnan(alone).all():
            raise AssertionError("a collective detector judges a conversation alone")
        if not is_collective:
            _same(alone, probability[row : row + 1], "a row depends on its batch mates")
        for item in detector.explain(given, row):
            if not np.isfinite(item.contribution) or not item.text:
                raise AssertionError("evidence without a finite contribution or a sentence")
