# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl

from minewatch.experiments.benchmark.folds import MADE, REMOTE_FOLDS, Fold, folds_of, random_folds
from minewatch.training.view_table import recorder_of

SOURCES = {
    "large": (9, 1),
    "middle": (5, 30),
    "cj-sniffer-a": (2, 0),
    "cj-sniffer-b": (2, 0),
    "small": (1, 3),
    "office": (0, 50),
    "clinic": (0, 20),
    "lab-7": (3, 3),
    "lab-8": (2, 1),
    "lab-xmrig": (2, 0),
    "simulator-wild-1": (4, 9),
    "simulator-look-alikes-2": (4, 9),
    "cesnet": (12, 20),
}


def labelled():
    rows = []
    for source, counts in SOURCES.items():
        for label, n in zip(("mining", "normal"), counts, strict=True):
            rows += [(source, label, f"{label}-{i % 6}") for i in range(n)]
    frame = pl.DataFrame(rows, schema=("source", "label", "remote"), orient="row")
    return frame.with_row_index("conversation", 1)


def left_out(folds, frame):
    return np.sum([fold.rows(frame) for fold in folds], axis=0)


def test_every_conversation_is_left_out_once():
    frame = labelled()
    assert left_out(folds_of(frame), frame).tolist() == [1] * frame.height


def test_no_recorder_is_on_both_sides():
    frame = labelled()
    recorders = np.array([recorder_of(source) for source in frame["source"]])
    for fold in folds_of(frame):
        rows = fold.rows(frame)
        if not fold.remotes:
            assert not set(recorders[rows]) & set(recorders[~rows]), fold.name


def test_runs_of_the_lab_are_one_recorder_and_our_own_are_alone():
    frame = labelled()
    made = {fold.name: set(frame["source"].filter(fold.rows(frame))) for fold in folds_of(frame)}
    assert made["lab"] == {"lab-7", "lab-8"}
    assert made["simulator"] == {"simulator-wild-1", "simulator-look-alikes-2"}
    assert set(MADE) == {"lab", "simulator"}
    assert any("lab-xmrig" in found for name, found in made.items() if name not in MADE)


def test_mining_is_dealt_first_and_the_rest_where_there_is_least():
    """By mining: large 9, middle 5, cj-sniffer 4, lab-xmrig 2, small 1 over four folds.

    Normal ones are then 1 + 3, 30, 0 and 0: the office's 50 go to the third, the clinic's 20 to the
    fourth.
    """
    real = [fold for fold in folds_of(labelled()) if not fold.remotes and fold.name not in MADE]
    assert [fold.recorders for fold in real] == [
        ("large", "small"),
        ("middle",),
        ("cj-sniffer", "office"),
        ("clinic", "lab-xmrig"),
    ]
    assert real[0].name == "large+small"


def test_folds_are_no_more_than_recorders_with_mining():
    frame = labelled().filter(pl.col("source").is_in(["large", "office", "clinic"]))
    (one,) = folds_of(frame)
    assert one.recorders == ("clinic", "large", "office")
    two = folds_of(labelled().filter(pl.col("source").is_in(["large", "small", "office"])), 2)
    assert [fold.recorders for fold in two] == [("large", "office"), ("small",)]


def test_no_far_end_is_on_both_sides():
    frame = labelled()
    far = [fold for fold in folds_of(frame) if fold.remotes]
    inside = frame.filter(pl.col("source") == "cesnet")
    assert len(far) == REMOTE_FOLDS > 1
    for fold in far:
        rows = fold.rows(frame)
        assert set(frame["source"].filter(rows)) == {"cesnet"}
        remotes = inside["remote"].to_numpy()
        own = fold.rows(inside)
        assert not set(remotes[own]) & set(remotes[~own])
        assert 0 < own.sum() < len(own)
    # the far ends that mine are dealt first: each fold has its share of the six
    mining = [sum(one.startswith("mining") for one in fold.remotes) for fold in far]
    assert sum(mining) == 6
    assert max(mining) - min(mining) <= 1


def test_another_recorders_conversations_with_a_far_end_stay():
    frame = pl.DataFrame(
        {"conversation": [1, 2, 3], "source": ["cesnet", "a", "cesnet"], "remote": ["x", "x", None]}
    )
    assert Fold("one", ("cesnet",), ("x",)).rows(frame).tolist() == [True, False, False]


def test_a_random_split_deals_real_conversations_once_and_no_others():
    frame = labelled()
    folds = random_folds(frame, 3, seed=5)
    is_real = [recorder_of(one) not in (*MADE, "cesnet") for one in frame["source"]]
    assert left_out(folds, frame).tolist() == [int(one) for one in is_real]
    sizes = [int(fold.rows(frame).sum()) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    # it is the flattering one: a recorder is on both sides
    rows = folds[0].rows(frame)
    assert set(frame["source"].filter(rows)) & set(frame["source"].filter(~rows))


def test_all_views_of_a_conversation_are_dealt_together():
    frame = labelled()
    views = pl.concat([frame, frame.reverse(), frame])
    for fold in random_folds(frame, 3, seed=5):
        rows = fold.rows(views)
        numbers = views["conversation"].to_numpy()
        assert not set(numbers[rows]) & set(numbers[~rows])


def test_the_seed_deals():
    frame = labelled()
    assert random_folds(frame, 3, 1) == random_folds(frame, 3, 1) != random_folds(frame, 3, 2)


def test_there_is_no_random_fold_of_nothing():
    """It would have no numbers, and so mean every conversation."""
    frame = labelled().filter(pl.col("source") == "small")
    folds = random_folds(frame, 9, seed=0)
    assert [len(fold.conversations) for fold in folds] == [1, 1, 1, 1]
