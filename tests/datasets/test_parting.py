# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.datasets.build import BuildOptions, build_dataset
from minewatch.datasets.parting import SplitOptions, split_dataset
from minewatch.datasets.splits import check_disjoint
from minewatch.datasets.stored import open_dataset
from minewatch.datasets.verify import problems
from minewatch.errors import ConfigError
from runs import write_run


def parts(out, *names):
    return [open_dataset(out / name).conversations() for name in names]


@pytest.mark.parametrize("by", ["host", "pool"])
def test_parts_are_datasets_that_share_nothing(dataset, tmp_path, by):
    out = tmp_path / "split"
    cards = split_dataset(dataset, out, SplitOptions(by, test=0.4))
    train, test = parts(out, "train", "test")
    check_disjoint(train, test, [by])
    for name in ("train", "test"):
        assert problems(out / name) == []
        assert cards[name].split["by"] == by
        assert cards[name].split["part"] == name
        assert cards[name].name == f"data: {name}"
    left_out = cards["test"].split["left_out"]
    assert train.height + test.height + left_out == 9
    assert left_out == (2 if by == "host" else 0)


def test_packets_go_with_their_conversations(dataset, tmp_path):
    split_dataset(dataset, tmp_path / "split", SplitOptions("host"))
    whole = open_dataset(dataset).packets().collect()
    for name in ("train", "test"):
        part = open_dataset(tmp_path / "split" / name)
        kept = part.conversations()["conversation"]
        expected = whole.filter(pl.col("conversation").is_in(kept.implode()))
        assert part.packets().collect().equals(expected)


def test_time_and_source(tmp_path):
    runs = [write_run(tmp_path / "one"), write_run(tmp_path / "two", start_s=9000)]
    labels = runs[1] / "labels.tsv"
    labels.write_text(labels.read_text().replace("\tlab\t", "\tother\t"))
    build_dataset(runs, tmp_path / "data")
    for by in ("time", "source"):
        split_dataset(tmp_path / "data", tmp_path / by, SplitOptions(by, test=0.5))
        train, test = parts(tmp_path / by, "train", "test")
        check_disjoint(train, test, ["time" if by == "time" else "source"])
        assert (train.height, test.height) == (9, 9)


def test_folds_and_named_groups(dataset, tmp_path):
    cards = split_dataset(dataset, tmp_path / "folds", SplitOptions("pool", folds=2))
    assert list(cards) == ["fold-1", "fold-2"]
    check_disjoint(*parts(tmp_path / "folds", "fold-1", "fold-2"), ["pool"])
    split_dataset(dataset, tmp_path / "named", SplitOptions("host", groups=["web-2"]))
    (test,) = parts(tmp_path / "named", "test")
    assert test["host"].unique().to_list() == ["web-2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SplitOptions("source"), "do not make 2 parts"),
        (SplitOptions("port"), "one of source, host, pool, time"),
        (SplitOptions("time", test=0.95), "conversations span the cut"),
        (SplitOptions("pool", folds=1), "folds 1: from 2 to 100"),
        (SplitOptions("time", folds=3), "folds 3: from 2"),
        (SplitOptions("host", groups=["web-9"]), "there is none"),
        (SplitOptions("host", test=1.5), "between 0 and 1"),
    ],
)
def test_what_cannot_be_split_leaves_nothing(dataset, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        split_dataset(dataset, tmp_path / "split", options)
    assert not (tmp_path / "split").exists()


def test_without_addresses_it_can_be_split_as_well(tmp_path, run_folder):
    build_dataset([run_folder], tmp_path / "bare", BuildOptions(with_addresses=False))
    split_dataset(tmp_path / "bare", tmp_path / "split", SplitOptions("host"))
    assert problems(tmp_path / "split" / "test") == []
