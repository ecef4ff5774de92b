# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.datasets.splits import (
    END,
    KEYS,
    START,
    check_disjoint,
    groups_of,
    hold_out,
    partition_by,
    split_by,
    split_by_time,
)
from minewatch.errors import ConfigError, SchemaError


def lab(n=600, hosts=8, seed=1):
    """Conversations of several hosts, some of them between two of them."""
    rng = np.random.default_rng(seed)
    host = rng.integers(hosts, size=n)
    other = np.where(rng.random(n) < 0.2, (host + 1) % hosts, -1)
    is_mining = rng.random(n) < 0.2
    start = np.sort(rng.integers(0, 10_000, n))
    return pl.DataFrame(
        {
            "label": np.where(is_mining, "mining", "normal"),
            "source": [f"s{h % 4}" for h in host],
            "host": [f"h{h}" for h in host],
            "other_host": [f"h{o}" if o >= 0 else None for o in other],
            "remote": [
                f"{'pool' if m else 'web'}-{h % 5}" for m, h in zip(is_mining, host, strict=True)
            ],
            START: start,
            END: start + rng.integers(1, 500, n),
        }
    )


def everything(split):
    return split.train.height + split.test.height + split.dropped


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("seed", range(3))
def test_no_key_leaks(by, seed):
    frame = lab()
    split = split_by(frame, by, test=0.3, seed=seed)
    check_disjoint(split.train, split.test, [by])
    assert everything(split) == frame.height
    assert split.by == by
    for part in (split.train, split.test):
        assert set(part["label"]) == {"mining", "normal"}
    if by != "time":
        assert set(split.test_groups) == set(groups_of(split.test, by))
    if by in ("source", "pool"):
        assert split.dropped == 0
        assert 0.15 < split.test.height / frame.height < 0.45


def test_a_conversation_of_two_hosts_on_both_sides_is_dropped_and_counted():
    frame = lab()
    split = split_by(frame, "host", seed=2)
    held_out = set(split.test_groups)
    straddling = sum(
        other is not None and (host in held_out) != (other in held_out)
        for host, other in frame.select("host", "other_host").iter_rows()
    )
    assert split.dropped == straddling > 0


def test_a_split_is_the_same_again_and_another_with_another_seed():
    frame = lab()
    drawn = [split_by(frame, "host", seed=seed).test_groups for seed in (0, 0, *range(1, 6))]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1


def test_the_order_of_rows_does_not_matter():
    frame = lab()
    shuffled = frame.sample(fraction=1, shuffle=True, seed=3)
    assert split_by(frame, "pool").test_groups == split_by(shuffled, "pool").test_groups


def test_time_has_a_cut_that_nothing_spans():
    frame = lab()
    split = split_by(frame, "time", test=0.25)
    (cut,) = map(int, split.test_groups)
    assert split.train[END].max() < cut <= split.test[START].min()
    spanning = frame.filter((pl.col(START) < cut) & (pl.col(END) >= cut))
    assert split.dropped == spanning.height > 0


def test_miners_that_talk_throughout_leave_no_cut():
    frame = pl.DataFrame(
        {START: [0, 0, 9], END: [10, 1, 10], "label": ["mining", "normal", "normal"]}
    )
    with pytest.raises(
        ConfigError, match="training has no mining conversation: 1 conversations span"
    ):
        split_by_time(frame, at_ns=5)


def test_folds_cover_every_group_once():
    frame = lab()
    parts, numbers = partition_by(frame, "host", [1] * 4)
    assert sorted(numbers) == groups_of(frame, "host")
    assert set(numbers.values()) == set(range(4))
    for number, part in enumerate(parts):
        for other in parts[:number]:
            check_disjoint(part, other, ["host"])


def test_named_groups_are_held_out():
    split = hold_out(lab(), "pool", ["pool-1", "web-1"])
    assert groups_of(split.test, "pool") == ["pool-1", "web-1"]
    assert split.dropped == 0
    with pytest.raises(ConfigError, match="pool pool-9: there is none; there are pool-0, pool-1"):
        hold_out(lab(), "pool", ["pool-9"])
    with pytest.raises(ConfigError, match="there is none"):
        hold_out(lab(), "pool", [])


def test_what_is_left_to_train_on_has_both_labels_and_something_is_tested():
    frame = pl.DataFrame({"label": ["mining", "normal", "normal"], "host": list("abc")})
    assert hold_out(frame, "host", ["c"]).test["label"].to_list() == ["normal"]
    with pytest.raises(ConfigError, match="training has no mining conversation"):
        hold_out(frame, "host", ["a"])
    both = frame.with_columns(other_host=pl.Series([None, None, "b"]))
    with pytest.raises(ConfigError, match="nothing is left to test on: 1 conversations belong"):
        hold_out(both, "host", ["c"])


def test_shared_groups_are_named():
    frame = lab()
    half = frame.height // 2
    with pytest.raises(
        ConfigError, match="share 8 hosts: h0, h1, h2, h3, h4 and 3 more; split by host"
    ):
        check_disjoint(frame[:half], frame[half:], ["host"])
    with pytest.raises(ConfigError, match=r"share time: \d+ training conversations end at \d+ ns"):
        check_disjoint(frame[:half], frame[half:], ["time"])
    check_disjoint(frame[:0], frame, ["time"])
    first, second = (pl.DataFrame({START: [at], END: [at + 5]}) for at in (0, 5))
    with pytest.raises(ConfigError, match="1 training conversations end at 5 ns"):
        check_disjoint(first, second, ["time"])


def test_the_other_host_counts_as_a_host():
    train = pl.DataFrame({"host": ["a"], "other_host": ["b"]})
    test = pl.DataFrame({"host": ["b"], "other_host": [None]})
    with pytest.raises(ConfigError, match="share 1 host: b"):
        check_disjoint(train, test, ["host"])


@pytest.mark.parametrize(
    ("change", "by", "error", "message"),
    [
        ({}, "port", ConfigError, "split by port: one of source, host, pool, time"),
        (
            {"source": pl.lit("lab")},
            "source",
            ConfigError,
            r"1 of them \(lab\) do not make 2 parts",
        ),
        (
            {"remote": pl.lit(None, pl.String)},
            "pool",
            ConfigError,
            "600 conversations have no remote",
        ),
        ({"label": pl.lit("normal")}, "pool", None, ""),
    ],
)
def test_what_cannot_be_split(change, by, error, message):
    frame = lab().with_columns(**change)
    if error is None:
        assert split_by(frame, by).test.height
        return
    with pytest.raises(error, match=message):
        split_by(frame, by)


def test_mining_of_one_group_only_cannot_be_on_both_sides():
    frame = pl.DataFrame({"label": ["mining", "normal", "normal"], "source": ["a", "b", "c"]})
    with pytest.raises(
        ConfigError, match=r"part . has no mining conversation: there are too few sources"
    ):
        split_by(frame, "source")


def test_a_missing_column_and_a_share_out_of_bounds():
    with pytest.raises(SchemaError, match="split by host: column host is missing"):
        split_by(pl.DataFrame({"label": ["mining"]}), "host")
    for share in (0, 1, -1, float("nan")):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            split_by(lab(), "host", test=share)
