# SPDX-License-Identifier: Apache-2.0
"""Made-up samples with known clouds, and everything the report says of them, computed once."""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
import pytest

from minewatch.experiments.paper import models
from minewatch.experiments.paper.experiment import Clock, Findings, run_all
from minewatch.experiments.paper.flows import Counts
from minewatch.experiments.paper.samples import Samples

DAY_NS = 86_400 * 10**9
COINS = np.array(["DOGE", "ETC", "ETH", "RVN", "XMR"])


def made_up(n: int = 700, n_mining: int = 157, seed: int = 0) -> Samples:
    """Mining is apart on bits/packet and slow; pools, hosts and coins are dealt in turn."""
    rng = np.random.default_rng(seed)
    is_mining = np.arange(n) % (n // n_mining) == 0
    is_mining[np.flatnonzero(is_mining)[n_mining:]] = False
    coin = np.cumsum(is_mining) % 5
    seconds = np.where(is_mining, rng.uniform(300, 3000, n), np.exp(rng.normal(1, 1.5, n)))
    packets = 2 + np.where(is_mining, seconds / 12, np.exp(rng.normal(2.5, 1, n))).astype(int)
    sent = np.where(is_mining, rng.normal(1150 + 60 * coin, 15), rng.uniform(1600, 9000, n))
    got = np.where(is_mining, rng.normal(1900 + 90 * coin, 25), rng.uniform(500, 9000, n))
    start = rng.uniform(0, 1, n) * (DAY_NS - 3 * 10**12)
    table = pl.DataFrame(
        {
            "flow_start_nanoseconds": start.astype(np.int64),
            "flow_end_nanoseconds": (start + seconds * 1e9).astype(np.int64),
            "out_packets_per_s": packets / seconds,
            "in_packets_per_s": (packets + 1) / seconds,
            "out_bits_per_packet": sent,
            "in_bits_per_packet": got,
            "out_bits_per_s": sent * packets / seconds,
            "in_bits_per_s": got * (packets + 1) / seconds,
            "label": np.where(is_mining, "mining", "normal"),
            "coin": np.where(is_mining, COINS[coin], ""),
            "host": [f"vps{i}" for i in rng.integers(0, 10, n)],
            "other_host": pl.Series([None] * n, dtype=pl.String),
            "pool": [f"pool{i}" for i in rng.integers(0, 9, n)],
            "far_end": [f"198.51.100.{i}" for i in rng.integers(1, 250, n)],
        }
    )
    table = table.with_columns(
        far_end=pl.when(pl.col("label") == "mining").then("pool").otherwise("far_end")
    )
    counts = Counts(packets=int(2 * packets.sum()), flows=2 * n, pairs=n)
    told = {"mining": int(is_mining.sum()), "normal": int((~is_mining).sum()), "skip": 0}
    return Samples(table, counts, told)


@pytest.fixture(scope="session")
def make_samples() -> Callable[..., Samples]:
    return made_up


@pytest.fixture(scope="session")
def samples() -> Samples:
    return made_up()


@pytest.fixture(scope="session")
def small_forest() -> Iterator[None]:
    """Ten trees instead of a hundred: what is tested does not depend on how many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "TREES", 10)
        yield


@pytest.fixture(scope="session")
def findings(samples: Samples, small_forest: None) -> Findings:
    return run_all(samples, 7, "frame", Clock())
