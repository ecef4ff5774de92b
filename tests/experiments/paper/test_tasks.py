# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.experiments.paper.tasks import coin_task


def test_the_papers_coin_split(samples):
    coins = coin_task(samples, 7)
    assert (len(coins.split[0]), len(coins.split[1])) == (125, 32)
    assert coins.classes == ("DOGE", "ETC", "ETH", "RVN", "XMR")
    assert len(coins.samples) == 157


def test_hosts_and_pools_of_coins_are_held_out_and_every_coin_tested_was_taught(samples):
    coins = coin_task(samples, 7)
    table = coins.samples.table
    assert len(coins.honest.splits) == 4
    for train, test in coins.honest.splits:
        assert not set(table["host"][train]) & set(table["host"][test])
        assert not set(table["pool"][train]) & set(table["pool"][test])
        assert set(coins.labels[test]) <= set(coins.labels[train])


def test_unnamed_coins_are_refused(samples):
    blank = replace(samples, table=samples.table.with_columns(coin=pl.lit("")))
    with pytest.raises(ConfigError, match="not told 157; the coin experiment needs two coins"):
        coin_task(blank, 7)
