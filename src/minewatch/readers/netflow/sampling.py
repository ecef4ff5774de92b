# SPDX-License-Identifier: Apache-2.0
"""What exporters tell by options: how they sample, and when they started."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.readers.netflow import elements as e
from minewatch.readers.netflow.domain import Domain
from minewatch.readers.netflow.exporters import Exporters
from minewatch.readers.netflow.plans import Plan
from minewatch.readers.netflow.templates import column
from minewatch.types import Int64Array

_MAX_ROWS: Final = 1024
"""Records of one set that are looked at; one a sampler is what there should be."""
_MAX_INTERVAL: Final = 0xFFFF_FFFF


def read_options(
    exporters: Exporters, domain: Domain, plan: Plan, octets: bytes | memoryview, n: int
) -> None:
    """Use what options records tell; records that were gathered before are decoded first.

    Parameters
    ----------
    exporters : whose limits hold.
    domain : that sent them.
    plan : of their template.
    octets : the records.
    n : records.
    """
    rows = np.frombuffer(octets, plan.kind, n)[:_MAX_ROWS]
    intervals = _intervals(plan.keys, rows)
    if intervals is not None:
        _use_intervals(exporters, domain, plan.keys, rows, intervals)
    if e.SYSTEM_INIT_TIME in plan.keys:
        start_ns = int(column(rows, e.SYSTEM_INIT_TIME)[-1]) * 1_000_000
        if start_ns != domain.system_start_ns and 0 < start_ns < 1 << 62:
            exporters.settle(domain)
            domain.system_start_ns = start_ns


def _intervals(keys: frozenset[int], rows: npt.NDArray[np.void]) -> Int64Array | None:
    """Return packets that one counted packet stands for, 0 where that is not told."""
    for whole, part, is_space in (
        (e.SAMPLING_SPACE, e.SAMPLING_PACKETS, True),
        (e.SAMPLING_POPULATION, e.SAMPLING_SIZE, False),
    ):
        if {whole, part} <= keys:
            sampled = _numbers(rows, part)
            others = _numbers(rows, whole)
            total = others + sampled if is_space else others
            told: Int64Array = np.where(sampled > 0, total // np.maximum(sampled, 1), 0)
            return told
    for key in (e.SAMPLING_INTERVAL, e.SAMPLER_RANDOM_INTERVAL):
        if key in keys:
            return _numbers(rows, key)
    return None


def _numbers(rows: npt.NDArray[np.void], key: int) -> Int64Array:
    values = np.minimum(column(rows, key).astype(np.uint64), np.uint64(_MAX_INTERVAL))
    return values.astype(np.int64)


def _use_intervals(
    exporters: Exporters,
    domain: Domain,
    keys: frozenset[int],
    rows: npt.NDArray[np.void],
    intervals: Int64Array,
) -> None:
    sampling = domain.sampling
    name = next((key for key in (e.SAMPLER_ID, e.SELECTOR_ID) if key in keys), None)
    place = e.INPUT_INTERFACE if e.INPUT_INTERFACE in keys else None
    for row, interval in enumerate(intervals.tolist()):
        if interval < 1:
            continue
        if name is not None:
            table, key = sampling.by_sampler, int(column(rows, name)[row])
        elif place is not None:
            table, key = sampling.by_interface, int(column(rows, place)[row])
        else:
            if sampling.interval != interval:
                exporters.settle(domain)
                sampling.interval = interval
            continue
        if table.get(key) == interval:
            continue
        if key not in table and len(table) >= exporters.limits.samplers_per_domain:
            exporters.usage.refused["samplers"] += 1
            continue
        exporters.settle(domain)
        table[key] = interval
