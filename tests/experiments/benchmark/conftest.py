# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from minewatch.experiments.benchmark.findings import Findings, find
from minewatch.experiments.benchmark.scores import (
    BUDGETS,
    FUSED,
    HOST_DAYS,
    POPULATION,
    ROW,
    THRESHOLD,
    ScoreTable,
)
from minewatch.odds import from_log_odds, logit
from minewatch.training.corpus.views import InputKind

Maker = Callable[..., ScoreTable]
_EVASIONS = ("tls", "proxy", "padding", "throttle", "port", "websocket", "ssh", "socks5", "hopping")


def tiny(
    rows: list[dict[str, object]],
    population: list[tuple[str, str, int, float]] | None = None,
    thresholds: dict[tuple[str, int], float] | None = None,
    detectors: tuple[str, ...] = ("a",),
    days: dict[tuple[str, str], float] | None = None,
) -> ScoreTable:
    """Return a table of a few rows; what a row does not tell is the same for all of them.

    A row's ``fused`` is its ``a`` if not told. The population is what was scored if not told.
    """
    base = {
        "label": "normal", "source": "s", "capture": "c", "host": "h", "remote": "r",
        "service": None, "dialect": None, "algorithm": None, "transport": "tcp", "evasion": None,
        "duration_s": 100.0, "input": InputKind.PACKETS.value, "horizon_s": 0, "fold": "f",
    }  # fmt: skip
    filled = []
    for number, row in enumerate(rows, 1):
        whole = {"conversation": number, **base, **row}
        whole.setdefault("recorder", whole["source"])
        for name in detectors:
            whole.setdefault(name, None)
        whole.setdefault(FUSED, whole[detectors[0]])
        filled.append(whole)
    schema = {**ROW, **dict.fromkeys((*detectors, FUSED), pl.Float64())}
    frame = pl.DataFrame(filled, schema=schema)
    if population is None:
        one = frame.unique("conversation")
        counted = one.group_by("source", "label").agg(
            conversations=pl.len(), hours=pl.col("duration_s").sum() / 3600
        )
        people = counted.sort("source", "label").cast(POPULATION)
    else:
        people = pl.DataFrame(population, schema=POPULATION, orient="row")
    chosen = [
        {"fold": fold, "input": kind, "detector": name, "budget": budget, "threshold": value}
        for (name, budget), value in (thresholds or {}).items()
        for fold in sorted(set(frame["fold"]))
        for kind in sorted(set(frame["input"]))
    ]
    watched = [
        {"source": source, "capture": "c", "host": host, "days": value}
        for (source, host), value in (days or {}).items()
    ]
    return ScoreTable(
        frame,
        pl.DataFrame(chosen, schema=THRESHOLD),
        people,
        detectors,
        pl.DataFrame(watched, schema=HOST_DAYS),
    )


def made_scores(
    n_per_host: int = 6,
    n_detectors: int = 3,
    horizons: tuple[int, ...] = (60, 300, 1800, 0),
    inputs: tuple[InputKind, ...] = tuple(InputKind),
    seed: int = 1,
    strength: float = 9.0,
) -> ScoreTable:
    """Return a table as the benchmark makes it, of made-up scores."""
    rng = np.random.default_rng(seed)
    names = tuple(f"detector-{number}" for number in range(1, n_detectors + 1))
    people = _people(rng, n_per_host)
    parts = []
    for kind in inputs:
        seen = people if kind is InputKind.FIRST_30 else people.filter(pl.col("source") != "cesnet")
        for horizon_s in horizons:
            part = seen.filter((pl.col("duration_s") > horizon_s) & pl.col("is_kept"))
            weak = 1.0 if horizon_s == 0 else 0.5 + 0.5 * min(horizon_s / 1800, 1)
            weak *= 0.6 if kind.is_flow_log else 1.0
            scores = {
                name: _scores(rng, part, strength * weak * share)
                for name, share in zip(
                    (FUSED, *names), np.linspace(1, 0.4, n_detectors + 1), strict=True
                )
            }
            parts.append(
                part.with_columns(input=pl.lit(kind.value), horizon_s=pl.lit(horizon_s), **scores)
            )
    schema = {**ROW, **dict.fromkeys((*names, FUSED), pl.Float64())}
    rows = pl.concat(parts).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    population = people.select(
        "source", "label", "capture", "host", "transport", "evasion", "duration_s",
        is_first_only=pl.col("source") == "cesnet",
        conversations=pl.lit(1, pl.UInt32), hours=pl.col("duration_s") / 3600,
    )  # fmt: skip
    days = people.group_by("source", "capture", "host", maintain_order=True).agg(days=pl.lit(2.0))
    return ScoreTable(rows, _chosen(rows, names), population, names, days.cast(HOST_DAYS))


def _people(rng: np.random.Generator, n_per_host: int) -> pl.DataFrame:
    recorders = {
        "cj-sniffer-monero": (0.97, 4, "cj-sniffer"), "nesfit": (1.0, 2, "nesfit"),
        "zeek": (0.0, 12, "zeek"), "nDPI": (0.0, 14, "nDPI"), "cesnet": (0.5, 8, "cesnet"),
        "lab-41": (0.3, 5, "lab-41"), "simulator-wild-1": (0.4, 8, "simulator"),
        "simulator-wild-2": (0.4, 8, "simulator"),
    }  # fmt: skip
    found = []
    for source, (share, n_hosts, recorder) in recorders.items():
        is_made = recorder in {"lab-41", "simulator"}
        for host in range(n_hosts):
            for _ in range(n_per_host):
                is_mining = rng.random() < share
                hides = is_made and is_mining and rng.random() < 0.7
                ways = "+".join(sorted(set(rng.choice(_EVASIONS, rng.integers(1, 3)).tolist())))
                found.append(
                    {
                        "conversation": len(found) + 1,
                        "label": "mining" if is_mining else "normal",
                        "source": source,
                        "recorder": recorder,
                        "capture": f"{source}.pcap",
                        "host": f"host-{host}",
                        "remote": f"remote-{rng.integers(9)}",
                        "service": "mining" if is_mining else "web",
                        "dialect": None,
                        "algorithm": None,
                        "transport": "tcp",
                        "evasion": ways if hides else None,
                        "duration_s": float(np.round(rng.lognormal(7, 1.5), 1)),
                        "fold": recorder,
                        "is_kept": bool(rng.random() < (0.97 if is_mining else 0.6)),
                    }
                )
    schema = {"evasion": pl.String(), "dialect": pl.String(), "algorithm": pl.String()}
    return pl.DataFrame(found, schema_overrides=schema)


def _scores(rng: np.random.Generator, part: pl.DataFrame, strength: float) -> pl.Series:
    mining = (part["label"] == "mining").to_numpy()
    odds = logit(0.002) + strength * (mining - 0.25) + rng.normal(0, 2, len(part))
    values = pl.Series(from_log_odds(odds))
    return values.zip_with(pl.Series(rng.random(len(part)) < 0.95), values.clear(len(part)))


def _chosen(rows: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    levels = {1: 0.5, 10: 0.2, 100: 0.05}
    pairs = rows.select("fold", "input").unique().sort("fold", "input").iter_rows()
    return pl.DataFrame(
        [
            (fold, kind, name, budget, levels[budget])
            for fold, kind in pairs
            for name in (FUSED, *names)
            for budget in BUDGETS
        ],
        schema=THRESHOLD,
        orient="row",
    )


@pytest.fixture(scope="session")
def make_tiny() -> Maker:
    return tiny


@pytest.fixture(scope="session")
def make_scores() -> Maker:
    return made_scores


@pytest.fixture(scope="session")
def scores() -> ScoreTable:
    return made_scores()


@pytest.fixture(scope="session")
def variants() -> dict[str, ScoreTable]:
    return {
        "without timing": made_scores(seed=2, n_detectors=1, horizons=(0,), strength=5.0),
        "random split": made_scores(seed=3, n_detectors=1, horizons=(0,), strength=12.0),
    }


@pytest.fixture(scope="session")
def found(scores: ScoreTable, variants: dict[str, ScoreTable]) -> Findings:
    return find(scores, variants, n_draws=60)
