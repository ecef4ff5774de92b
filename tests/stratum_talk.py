# SPDX-License-Identifier: Apache-2.0
"""Made-up conversations with packets and interval records: miners, and downloads in bursts."""

import numpy as np
import polars as pl

from minewatch import schema
from minewatch.testing import conversations
from minewatch.training.recipe import Recipe
from minewatch.training.view_table import ROW, ViewTable
from minewatch.types import Conversations, PacketSeries

N = 40
"""Conversations of each recorder, every other one mining."""
_S = 1_000_000_000
_LENGTH_S = 1200


def conversations_and_labels(
    seed: int, *, with_packets: bool = True
) -> tuple[Conversations, np.ndarray]:
    """Return ``N`` conversations of 20 minutes as one recorder saw them, and which mine."""
    rng = np.random.default_rng(seed)
    is_mining = np.arange(N) % 2 == 0
    given = conversations(
        N, flow_end_nanoseconds=conversations().frame["flow_start_nanoseconds"][0] + _LENGTH_S * _S
    )
    talks = {i + 1: (_mining if is_mining[i] else _bursts)(rng) for i in range(N)}
    start = given.frame["flow_start_nanoseconds"][0]
    records = pl.concat([_records(number, talk, start) for number, talk in talks.items()])
    totals = records.group_by("flow_id", maintain_order=True).agg(pl.col("^.*count$").sum())
    given.frame = given.frame.update(totals, on="flow_id")
    given.intervals = records
    if with_packets:
        given.packets = {
            number: PacketSeries(start + (times * _S).astype(np.int64), octets, sent, len(times))
            for number, (times, octets, sent) in talks.items()
        }
    return given, is_mining


def _mining(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares by chance, each answered, and jobs."""
    request, answer, job = rng.integers((180, 50, 250), (260, 90, 450))
    shares = np.sort(rng.uniform(0, _LENGTH_S - 1, rng.integers(30, 60)))
    jobs = np.sort(rng.uniform(0, _LENGTH_S, rng.integers(15, 30)))
    times = np.concatenate([shares, shares + rng.uniform(0.03, 0.2), jobs])
    octets = np.repeat([request, answer, job], [len(shares), len(shares), len(jobs)])
    sent = np.repeat([True, False, False], [len(shares), len(shares), len(jobs)])
    order = np.argsort(times)
    return times[order], octets[order], sent[order]


def _bursts(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Some bursts of requests of any size, with much in answer."""
    n = int(rng.integers(60, 120))
    times = np.sort(rng.choice(rng.uniform(0, _LENGTH_S - 20, 4), n) + rng.uniform(0, 15, n))
    sent = rng.random(n) < 0.4
    octets = np.where(sent, rng.integers(80, 1000, n), rng.integers(300, 1448, n))
    return times, octets, sent


def _records(
    number: int, talk: tuple[np.ndarray, np.ndarray, np.ndarray], start: int
) -> pl.DataFrame:
    """Return what each minute's record counts; each message is acknowledged by a packet."""
    times, octets, sent = talk
    minute = (times // 60).astype(np.int64)
    minutes = np.unique(minute)
    columns: dict[str, object] = {
        "flow_id": pl.Series([number] * len(minutes), dtype=pl.UInt64),
        "flow_start_nanoseconds": start + 60 * _S * minutes,
    }
    for prefix, way in (("", sent), ("reverse_", ~sent)):
        own = np.bincount(minute[way], minlength=minutes[-1] + 1)[minutes]
        other = np.bincount(minute[~way], minlength=minutes[-1] + 1)[minutes]
        carried = np.bincount(minute[way], octets[way], minlength=minutes[-1] + 1)[minutes]
        columns[f"{prefix}packet_delta_count"] = own + other // 2 + 1
        columns[f"{prefix}octet_delta_count"] = 52 * (own + other // 2 + 1) + carried.astype(
            np.int64
        )
    types = schema.polars_schema(schema.COUNTERS)
    frame = pl.DataFrame(columns)
    return frame.cast({name: types[name] for name in frame.columns if name in types})


def table_of(recipe: Recipe) -> ViewTable:
    """Return the conversations of three recorders, in every view of the recipe."""
    parts, rows = [], []
    for number, source in enumerate(("one", "two", "three")):
        given, is_mining = conversations_and_labels(
            number, with_packets=not recipe.inputs[0].is_flow_log
        )
        values = recipe.feature_set.transform(given).values
        for kind in recipe.inputs:
            for horizon_s in recipe.horizons_s:
                parts.append(values)
                rows.append(
                    pl.DataFrame(
                        {
                            **{name: pl.Series([None] * N, dtype=pl.String) for name in ROW},
                            "conversation": np.arange(N) + number * N,
                            "label": np.where(is_mining, "mining", "normal"),
                            "source": [source] * N,
                            "duration_s": [float(_LENGTH_S)] * N,
                            "input": [kind.value] * N,
                            "horizon_s": [horizon_s] * N,
                            "variant": [0] * N,
                        }
                    )
                )
    return ViewTable({recipe.feature_set.name: np.concatenate(parts)}, pl.concat(rows))
