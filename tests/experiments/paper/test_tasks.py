# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.experiments.paper.tasks import coin_task, mining_task


def test_the_papers_coin_split(samples):
    task = mining_task(samples, 7)
    coins = coin_task(samples, task.honest, 7)
    assert (len(coins.split[0]), len(coins.split[1])) == (125, 32)
    assert coins.classes == ("DOGE", "ETC", "ETH", "RVN", "XMR")
    assert len(coins.samples) == 157


def test_coins_are_held_out_as_all_rows_are(samples):
    task = mining_task(samples, 7)
    coins = coin_task(samples, task.honest, 7)
    table = coins.samples.table
    assert len(coins.honest.splits) > 3
    for train, test in coins.honest.splits:
        assert not set(table["host"][train]) & set(table["host"][test])
        assert not set(table["pool"][train]) & set(table["pool"][test])


def test_unnamed_coins_are_refused(samples):
    honest = mining_task(samples, 7).honest
    blank = replace(samples, table=samples.table.with_columns(coin=pl.lit("")))
    with pytest.raises(ConfigError, match="not told 157; the coin experiment needs two coins"):
        coin_task(blank, honest, 7)
