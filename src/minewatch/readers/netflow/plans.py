# SPDX-License-Identifier: Apache-2.0
"""From a template's fields to vector assignments, worked out once a template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from minewatch.readers.netflow import elements as e
from minewatch.readers.netflow.out_counts import OutCounts
from minewatch.readers.netflow.templates import Template, column, record_type
from minewatch.readers.netflow.times import TIME_KEYS, plan_times
from minewatch.readers.netflow.work import MAX_COUNT, Work
from minewatch.records import DENIED, UNKNOWN, RecordArray, new_records

Step: TypeAlias = Callable[[Work], None]

ICMP: Final = 1
ICMPV6: Final = 58
TCP: Final = 6
_MAPPED: Final = np.uint64(0xFFFF << 32)
_BLANK: Final = new_records(1)
_COUNTS: Final = ("octet_delta_count", "packet_delta_count")


def blank_records(n: int) -> RecordArray:
    """Return ``n`` records as ``new_records`` does, faster."""
    return np.repeat(_BLANK, n)


class Plan:
    """How the records of one template are decoded.

    Parameters
    ----------
    template : of flow records or of options.
    out_may_be_reverse : fields 23 and 24 may count the other direction, as some exporters of
        NetFlow v9 do (``OutCounts``); in IPFIX they count the same packets after a middlebox.
    """

    def __init__(self, template: Template, *, out_may_be_reverse: bool) -> None:
        self.kind = record_type(template)
        names = self.kind.names or ()
        self.keys = frozenset(int(name) for name in names if name.isdigit()) | frozenset(
            int(name.removesuffix("high")) for name in names if name.endswith("high")
        )
        self.ignored = _reason_to_ignore(self.keys, template)
        """Why its records tell of no flow; empty if they do."""
        self.tells_time = bool(self.keys & TIME_KEYS)
        self._steps = () if self.ignored else tuple(_steps(self.keys, out_may_be_reverse))

    def fill(self, work: Work) -> None:
        """Fill ``work.records`` from ``work.rows``."""
        for step in self._steps:
            step(work)


def _reason_to_ignore(keys: frozenset[int], template: Template) -> str:
    if template.is_options:
        return "options"
    if e.NAT_EVENT in keys and not keys & {e.OCTETS, e.OCTETS_TOTAL, e.FIREWALL_EVENT}:
        return "NAT event"
    has_pair = {e.SOURCE_IPV4, e.DESTINATION_IPV4} <= keys
    return "" if has_pair or {e.SOURCE_IPV6, e.DESTINATION_IPV6} <= keys else "no addresses"


def _steps(keys: frozenset[int], out_may_be_reverse: bool) -> Iterator[Step]:
    yield plan_times(keys)
    yield from _addresses(keys)
    for key, name in (
        (e.PROTOCOL, "protocol_identifier"),
        (e.SOURCE_PORT, "source_transport_port"),
        (e.DESTINATION_PORT, "destination_transport_port"),
        (e.END_REASON, "flow_end_reason"),
    ):
        if key in keys:
            yield _copied(key, name)
    yield from _counts(keys, out_may_be_reverse)
    if e.TCP_FLAGS in keys:
        yield _flags(e.TCP_FLAGS, "tcp_control_bits")
    if e.REVERSE + e.TCP_FLAGS in keys:
        yield _flags(e.REVERSE + e.TCP_FLAGS, "reverse_tcp_control_bits")
    yield from _icmp(keys)
    yield from _circumstances(keys)
    yield from _sampling(keys)


def _copied(key: int, name: str) -> Step:
    def copy(work: Work) -> None:
        work.records[name] = column(work.rows, key)

    return copy


def _addresses(keys: frozenset[int]) -> Iterator[Step]:
    has_v4 = {e.SOURCE_IPV4, e.DESTINATION_IPV4} <= keys
    has_v6 = {e.SOURCE_IPV6, e.DESTINATION_IPV6} <= keys
    ends = (
        ("source", str(e.SOURCE_IPV4), str(e.SOURCE_IPV6)),
        ("destination", str(e.DESTINATION_IPV4), str(e.DESTINATION_IPV6)),
    )

    def set_v4(work: Work) -> None:
        for end, v4, _ in ends:
            work.records[f"{end}_address_low"] = work.rows[v4] | _MAPPED

    def set_v6(work: Work) -> None:
        for end, _, v6 in ends:
            work.records[f"{end}_address_high"] = work.rows[f"{v6}high"]
            work.records[f"{end}_address_low"] = work.rows[f"{v6}low"]

    def set_either(work: Work) -> None:
        set_v4(work)
        at = (work.rows[ends[0][1]] == 0) & (work.rows[ends[1][1]] == 0)
        for end, _, v6 in ends:
            work.records[f"{end}_address_high"][at] = work.rows[f"{v6}high"][at]
            work.records[f"{end}_address_low"][at] = work.rows[f"{v6}low"][at]

    yield set_either if has_v4 and has_v6 else set_v4 if has_v4 else set_v6


def _counts(keys: frozenset[int], out_may_be_reverse: bool) -> Iterator[Step]:
    """Yield what sets the four counts, each from the first field that is there.

    Totals (85, 86) count since the flow began. Exporters that send them begin it anew where they
    cut it (yaf); of a permanent cache (Cisco), which is sent again and again, they would add up.
    """
    own = (
        _first(keys, e.OCTETS, e.OCTETS_TOTAL, e.INITIATOR_OCTETS),
        _first(keys, e.PACKETS, e.PACKETS_TOTAL, e.INITIATOR_PACKETS),
    )
    back = (
        _first(keys, e.REVERSE + e.OCTETS, e.REVERSE + e.OCTETS_TOTAL, e.RESPONDER_OCTETS),
        _first(keys, e.REVERSE + e.PACKETS, e.REVERSE + e.PACKETS_TOTAL, e.RESPONDER_PACKETS),
    )
    out = _first(keys, e.POST_OCTETS), _first(keys, e.POST_PACKETS)
    for prefix, found in (("", own if any(own) else out), ("reverse_", back)):
        for key, name in zip(found, _COUNTS, strict=True):
            if key:
                yield _counted(key, prefix + name)
    if any(own) and any(out):
        yield _out(own, out, OutCounts() if out_may_be_reverse and not any(back) else None)


def _first(keys: frozenset[int], *candidates: int) -> int:
    """Return the first field that is there, 0 if none is."""
    return next((key for key in candidates if key in keys), 0)


def _out(own: tuple[int, int], out: tuple[int, int], evidence: OutCounts | None) -> Step:
    """Return what uses counts of packets that left, beside those of packets that entered."""
    octets, packets = zip(own, out, strict=True)
    entered, left = packets if all(packets) else octets

    def set_out(work: Work) -> None:
        n = len(work.rows)
        is_reverse = np.zeros(n, np.bool_)
        if evidence is not None and entered and left:
            pair = column(work.rows, entered), column(work.rows, left)
            is_reverse = evidence.are_reverse(*pair, np.zeros(n, np.int64))
        for key, name in zip(out, _COUNTS, strict=True):
            if key:
                values = column(work.rows, key)
                work.fault("count out of range", values >= MAX_COUNT)
                counted, back = work.records[name], work.records[f"reverse_{name}"]
                # Some fill in one of both counters, by the direction of the interface.
                is_own = ~is_reverse & (counted <= 0) & (values > 0)
                counted[is_own] = values[is_own]
                back[is_reverse] = values[is_reverse]

    return set_out


def _counted(key: int, name: str) -> Step:
    def count(work: Work) -> None:
        values = column(work.rows, key)
        if values.dtype.itemsize == 8:
            work.fault("count out of range", values >= MAX_COUNT)
        work.records[name] = values

    return count


def _flags(key: int, name: str) -> Step:
    def set_flags(work: Work) -> None:
        flags = column(work.rows, key).astype(np.int64) & 0xFF
        # No TCP packet is without a flag: 0 comes from exporters that do not look.
        told = (work.records["protocol_identifier"] == TCP) & (flags != 0)
        work.records[name] = np.where(told, flags, UNKNOWN)

    return set_flags


def _icmp(keys: frozenset[int]) -> Iterator[Step]:
    """Yield what puts ICMP's type and code where NetFlow v5 has them."""
    ways = (
        (ICMP, e.ICMP_TYPE_CODE_IPV4, e.ICMP_TYPE_IPV4, e.ICMP_CODE_IPV4),
        (ICMPV6, e.ICMP_TYPE_CODE_IPV6, e.ICMP_TYPE_IPV6, e.ICMP_CODE_IPV6),
    )
    if e.PROTOCOL not in keys:
        return
    for protocol, both, kind, code in ways:
        yield _icmp_of(protocol, both if both in keys else None, None)
        if both not in keys and {kind, code} <= keys:
            yield _icmp_of(protocol, kind, code)


def _icmp_of(protocol: int, key: int | None, code: int | None) -> Step:
    def set_icmp(work: Work) -> None:
        at = work.records["protocol_identifier"] == protocol
        if not at.any():
            return
        work.records["source_transport_port"][at] = 0
        if key is None:
            return
        told = column(work.rows, key)[at].astype(np.int64)
        if code is not None:
            told = (told << 8) | column(work.rows, code)[at].astype(np.int64)
        ports = work.records["destination_transport_port"]
        ports[at] = np.where(told != 0, told & 0xFFFF, ports[at] if code is None else 0)

    return set_icmp


def _circumstances(keys: frozenset[int]) -> Iterator[Step]:
    vlan = next((key for key in (e.VLAN, e.DOT1Q_VLAN) if key in keys), None)
    if vlan is not None:
        yield lambda work: _set(work, "vlan_id", column(work.rows, vlan) & np.uint16(0xFFF))
    event = next((key for key in (e.FIREWALL_EVENT, e.ASA_FIREWALL_EVENT) if key in keys), None)
    if event is not None:
        yield lambda work: _set(
            work, "firewall_event", np.where(column(work.rows, event) == DENIED, DENIED, 0)
        )
    if e.BIFLOW_DIRECTION in keys:
        yield _initiator
    elif keys & {e.INITIATOR_OCTETS, e.RESPONDER_OCTETS, e.INITIATOR_PACKETS}:
        yield lambda work: _set(work, "is_source_initiator", np.int8(1))
    yield _points(e.DIRECTION in keys)


def _set(work: Work, name: str, values: npt.ArrayLike) -> None:
    work.records[name] = values


def _initiator(work: Work) -> None:
    direction = column(work.rows, e.BIFLOW_DIRECTION)
    told = np.where(direction == 1, 1, np.where(direction == 2, 0, UNKNOWN))
    work.records["is_source_initiator"] = told


def _points(has_direction: bool) -> Step:
    def set_points(work: Work) -> None:
        if has_direction:
            way = np.minimum(column(work.rows, e.DIRECTION), 2).astype(np.intp)
            work.records["observation_point"] = work.points[way]
        else:
            work.records["observation_point"] = work.points[2]

    return set_points


def _sampling(keys: frozenset[int]) -> Iterator[Step]:
    """Yield what sets how many packets a counted one stands for."""
    own = next((key for key in (e.SAMPLING_INTERVAL, e.SAMPLER_RANDOM_INTERVAL) if key in keys), 0)
    name = next((key for key in (e.SAMPLER_ID, e.SELECTOR_ID) if key in keys), 0)

    def set_sampling(work: Work) -> None:
        intervals = np.full(len(work.rows), work.sampling.default(), np.int64)
        if name:
            ids = column(work.rows, name)
            for one, known in work.sampling.by_sampler.items():
                intervals[ids == one] = known
        elif e.INPUT_INTERFACE in keys and work.sampling.by_interface:
            places = _sampled_interface(work, keys)
            for one, known in work.sampling.by_interface.items():
                intervals[places == one] = known
        if own:
            told = column(work.rows, own).astype(np.int64)
            intervals = np.where(told > 0, told, intervals)
        if {e.SAMPLING_PACKETS, e.SAMPLING_SPACE} <= keys:
            packets = column(work.rows, e.SAMPLING_PACKETS).astype(np.int64)
            space = column(work.rows, e.SAMPLING_SPACE).astype(np.int64)
            whole = (packets + space) // np.maximum(packets, 1)
            intervals = np.where(packets > 0, whole, intervals)
        work.records["sampling_packet_interval"] = np.clip(intervals, 1, 0xFFFF_FFFF)

    yield set_sampling


def _sampled_interface(work: Work, keys: frozenset[int]) -> npt.NDArray[np.unsignedinteger]:
    """Return the interface that looked at each record's packets, where they entered or left."""
    entered = column(work.rows, e.INPUT_INTERFACE)
    if not {e.DIRECTION, e.OUTPUT_INTERFACE} <= keys:
        return entered
    is_egress = column(work.rows, e.DIRECTION) == 1
    return np.where(is_egress, column(work.rows, e.OUTPUT_INTERFACE), entered)
