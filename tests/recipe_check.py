# SPDX-License-Identifier: Apache-2.0
"""Follows a recipe over features of volume on a few made-up conversations, to a loaded model."""

from pathlib import Path

import numpy as np
import polars as pl

from minewatch.contracts import FeatureSet
from minewatch.models.model_file import Model, load_model
from minewatch.odds import from_log_odds, logit
from minewatch.testing import conversations
from minewatch.training.recipe import Fitted, Making, Recipe, follow, model_file
from minewatch.training.view_table import ROW, ViewTable
from minewatch.types import Conversations

NS = 1_000_000_000
MAKING = Making(metering={"interval_s": 60.0}, pass_share=0.5)


def trickles_and_bursts(n: int, seed: int) -> tuple[Conversations, np.ndarray]:
    """Return conversations, and which mine: half trickle for long, half move much and soon end."""
    rng = np.random.default_rng(seed)
    is_mining = np.arange(n) % 2 == 0
    packets = np.where(is_mining, rng.integers(40, 90, n), rng.integers(30, 900, n))
    octets = np.where(is_mining, rng.integers(90, 170, n), rng.integers(60, 1400, n)) * packets
    seconds = np.where(is_mining, rng.integers(500, 900, n), rng.integers(31, 400, n))
    start = 1_600_000_000 * NS
    columns = {
        "packet_delta_count": packets,
        "reverse_packet_delta_count": packets + rng.integers(-20, 20, n),
        "octet_delta_count": octets,
        "reverse_octet_delta_count": octets * rng.uniform(0.5, 2, n),
        "tcp_psh_total_count": packets // 2,
        "flow_end_nanoseconds": start + seconds * NS,
        "flow_start_nanoseconds": np.full(n, start),
    }
    given = {name: values.astype(int).tolist() for name, values in columns.items()}
    return conversations(n, **given), is_mining


def table_of(recipe: Recipe, n: int = 60) -> ViewTable:
    """Return the conversations as three recorders saw them, in every view of the recipe."""
    parts, rows = [], []
    features: FeatureSet = recipe.feature_set
    for number, source in enumerate(("one", "two", "three")):
        given, is_mining = trickles_and_bursts(n, number)
        for kind in recipe.inputs:
            for horizon_s in recipe.horizons_s:
                parts.append(features.transform(given).values)
                rows.append(
                    pl.DataFrame(
                        {
                            **{name: pl.Series([None] * n, dtype=pl.String) for name in ROW},
                            "conversation": np.arange(n) + number * n,
                            "label": np.where(is_mining, "mining", "normal"),
                            "source": [source] * n,
                            "input": [kind.value] * n,
                            "horizon_s": [horizon_s] * n,
                            "variant": [0] * n,
                        }
                    )
                )
    return ViewTable({features.name: np.concatenate(parts)}, pl.concat(rows))


def check_recipe(recipe: Recipe, folder: Path) -> tuple[Fitted, Model]:
    """Follow it; hold that the file loads, says what was fitted, and tells trickles from bursts.

    Conversations with features unknown must come out the same from the file, too.
    """
    table = table_of(recipe)
    assert recipe.rows(table).all(), "rows of its own views are passed over"
    assert not recipe.rows(
        ViewTable(table.values, table.rows.with_columns(input=pl.lit("another")))
    ).any(), "rows of another input are learnt from"
    fitted = follow(recipe, table)
    path = folder / f"{recipe.part}.onnx"
    path.write_bytes(model_file(fitted, table, MAKING))
    model = load_model(path)
    assert model.card.feature_names == recipe.features
    assert model.card.min_known == recipe.min_known

    given, is_mining = trickles_and_bursts(200, 9)
    values = recipe.feature_set.transform(given).values
    values[::3, recipe.columns[-1]] = np.nan
    rows = table.rows.head(200)
    at_half = fitted.log_odds(ViewTable({recipe.feature_set.name: values}, rows))
    base_rate = 0.002 / (0.002 + 0.998 * MAKING.pass_share)
    expected = from_log_odds(at_half + logit(base_rate))
    found = model.probability(values[:, recipe.columns])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    threshold = np.sort(found[~is_mining])[-5]
    assert (found[is_mining] > threshold).mean() > 0.9
    return fitted, model
