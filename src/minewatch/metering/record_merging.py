# SPDX-License-Identifier: Apache-2.0
"""Many records of one biflow made into few, which add up to the same."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering import record_totals as t
from minewatch.metering.record_keys import directions, is_swapped
from minewatch.metering.record_totals import TOTAL_WORDS, add_record, begin_row
from minewatch.records import UNKNOWN, RecordArray
from minewatch.types import BoolArray, Int64Array

_COUNTERS: Final = (
    ("packet_delta_count", t.T_PACKETS_AB),
    ("octet_delta_count", t.T_OCTETS_AB),
    ("payload_octet_count", t.T_PAYLOAD_AB),
)


def merge_older(records: RecordArray, kept: int, timeout_ns: int) -> RecordArray:
    """Return records of one biflow, the latest as they are and what lies before them summed up.

    What each observer told of each direction stays apart, and so do conversations with a silence
    between them. Where even those sums are too many, the latest remain.

    Parameters
    ----------
    records : of one biflow.
    kept : how many stay as they are, and how many sums there are at most.
    timeout_ns : longest silence in a conversation.
    """
    ordered = records[np.argsort(records["flow_start_nanoseconds"], kind="stable")]
    older, latest = ordered[:-kept], ordered[-kept:]
    latest_end = np.maximum.accumulate(older["flow_end_nanoseconds"])
    is_new = older["flow_start_nanoseconds"][1:] - latest_end[:-1] > timeout_ns
    part = np.concatenate([[0], np.cumsum(is_new)])
    ways, swapped = np.empty(len(older), np.int64), np.empty(len(older), np.bool_)
    _look(older, ways, swapped)
    keys = np.column_stack([part, older["observation_point"].astype(np.int64), ways])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    totals = _sums(older, group.reshape(-1), ways, len(first))
    sums = _as_records(older[first], totals, ways[first], swapped[first])
    sums = sums[np.argsort(sums["flow_start_nanoseconds"], kind="stable")]
    return np.concatenate([sums[-kept:], latest])


@numba.njit(cache=True, nogil=True)
def _look(records: RecordArray, ways: Int64Array, swapped: BoolArray) -> None:
    for i in range(records.shape[0]):
        ways[i] = directions(records, i)
        swapped[i] = is_swapped(records, i)


@numba.njit(cache=True, nogil=True)
def _sums(records: RecordArray, group: Int64Array, ways: Int64Array, n: int) -> Int64Array:
    totals = np.empty((n, TOTAL_WORDS), np.int64)
    for row in range(n):
        begin_row(totals, row, 0)
    for i in range(records.shape[0]):
        add_record(totals, group[i], records, i, ways[i])
    return totals


def _as_records(
    first: RecordArray, totals: Int64Array, ways: Int64Array, swapped: BoolArray
) -> RecordArray:
    """Return records of sums, each with the ends of one of those that it stands for."""
    sums = first.copy()
    sums["flow_start_nanoseconds"] = totals[:, t.T_START]
    sums["flow_end_nanoseconds"] = totals[:, t.T_END]
    for name, word in _COUNTERS:
        ab, ba = totals[:, word], totals[:, word + 1]
        sums[name] = np.where(swapped, ba, ab)
        sums[f"reverse_{name}"] = np.where(ways == 3, np.where(swapped, ab, ba), UNKNOWN)
    ab, ba = totals[:, t.T_FLAGS_AB], totals[:, t.T_FLAGS_BA]
    sums["tcp_control_bits"] = np.where(swapped, ba, ab)
    sums["reverse_tcp_control_bits"] = np.where(swapped, ab, ba)
    opener = totals[:, t.T_OPENER]
    sums["is_source_initiator"] = np.where(opener == UNKNOWN, UNKNOWN, (opener == 1) != swapped)
    sums["vlan_id"] = totals[:, t.T_VLAN]
    sums["flow_end_reason"] = totals[:, t.T_END_REASON]
    sums["server_name"] = totals[:, t.T_SERVER_NAME]
    sums["sampling_packet_interval"] = totals[:, t.T_SAMPLING]
    sums["is_scaled"] = 1
    return sums
