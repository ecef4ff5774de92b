# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.lab.simulator.population import draw
from minewatch.lab.simulator.settings import Settings

SETTINGS = Settings(conversations=1500, mining=40, days=0.05)


@pytest.mark.parametrize("name", ["truth.parquet", "truth.csv"])
def test_there_is_one_row_a_conversation(tmp_path: Path, name: str):
    population = draw(SETTINGS, 5)
    for _ in population.batches():
        pass
    population.write_truth(tmp_path / name)
    read = pl.read_csv if name.endswith("csv") else pl.read_parquet
    truth = read(tmp_path / name)
    assert truth.height == SETTINGS.conversations
    mined = truth.filter("is_mining")
    assert mined.height == SETTINGS.mining
    told = mined.select("coin", "dialect", "pool", "miner", "transport", "hash_rate", "service")
    assert told.null_count().row(0) == (0,) * 7
    assert set(mined["service"]) == {"mining"}
    assert truth.filter(~pl.col("is_mining"))["pool"].null_count() == SETTINGS.conversations - 40
    assert truth["host"].null_count() == 0
    assert truth["host"].str.contains(r"^server-\d+$").all()
    miners = {v.miner.name: v for v in population.ventures}
    for row in mined.iter_rows(named=True):
        assert row["host"] == miners[row["miner"]].miner.host
        place = miners[row["miner"]].places
        assert row["pool"] in [p.pool.name for p in place]
        assert row["initiator_address"].startswith("10.77.")


def test_truth_comes_after_the_batches(tmp_path: Path):
    with pytest.raises(ConfigError, match="take the population's batches first"):
        draw(SETTINGS, 5).write_truth(tmp_path / "truth.parquet")
    with pytest.raises(ConfigError, match=r"written as \.parquet or \.csv"):
        draw(SETTINGS, 5).write_truth(tmp_path / "truth.xlsx")
