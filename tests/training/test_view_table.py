# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from coin_corpus import corpus
from minewatch.features.timing import TimingFeatures
from minewatch.features.volume import VolumeFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind, view
from minewatch.training.view_table import (
    ROW,
    ViewTable,
    balanced_weights,
    recorder_of,
    stacked,
    view_table,
)

SETS = (TimingFeatures(), VolumeFeatures())
KINDS = (InputKind.NO_PAYLOAD, InputKind.FLOWS_60)


@pytest.fixture(scope="module")
def made():
    return corpus(pools=1, each=2)


@pytest.fixture(scope="module")
def table(made):
    return view_table(made, SETS, KINDS, (300, WHOLE), variant=3)


def test_a_conversation_is_a_row_for_each_input_and_horizon(made, table):
    """Seven conversations of 15 to 25 minutes: all of them outlast 300 s."""
    assert len(table) == 7 * 2 * 2
    assert {name: values.shape[1] for name, values in table.values.items()} == {
        one.name: len(one.feature_names) for one in SETS
    }
    keys = table.rows.select("conversation", "input", "horizon_s")
    assert keys.is_unique().all()
    assert set(table.rows["horizon_s"]) == {300, WHOLE}
    assert set(table.rows["variant"]) == {3}
    assert table.rows.columns == [*ROW, "duration_s", "input", "horizon_s", "variant"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("horizon_s", [300, WHOLE])
def test_its_values_are_the_features_of_that_view(kind, horizon_s, made, table):
    of_view = table.take(
        table.rows.select((pl.col("input") == kind.value) & (pl.col("horizon_s") == horizon_s))
        .to_series()
        .to_numpy()
    )
    seen = view(made, kind, horizon_s)
    assert of_view.rows["conversation"].to_list() == seen.labelled["conversation"].to_list()
    for features in SETS:
        found = features.transform(seen.conversations).values
        np.testing.assert_array_equal(of_view.values[features.name], found)
    assert np.isnan(of_view.values["timing"]).all() == kind.is_flow_log


def test_labels_and_durations_stand_beside_the_rows(made, table):
    frame = made.conversations
    mining = set(frame.filter(pl.col("label") == "mining")["conversation"])
    is_mining = [number in mining for number in table.rows["conversation"]]
    assert table.is_mining.tolist() == is_mining
    assert 0 < sum(is_mining) < len(table)
    seconds = dict(
        zip(
            frame["conversation"],
            (frame["flow_end_nanoseconds"] - frame["flow_start_nanoseconds"]) / 1e9,
            strict=True,
        )
    )
    wanted = [seconds[number] for number in table.rows["conversation"]]
    assert table.rows["duration_s"].to_list() == pytest.approx(wanted)


def test_rows_may_be_taken_and_stacked(table):
    half = np.arange(len(table)) % 2 == 0
    even, odd = table.take(half), table.take(~half)
    both = stacked([even, odd])
    assert len(both) == len(table)
    order = np.concatenate([np.flatnonzero(half), np.flatnonzero(~half)])
    for name, values in table.values.items():
        np.testing.assert_array_equal(both.values[name], values[order])
    assert both.rows.equals(table.rows[order.tolist()])


def test_who_recorded_it():
    names = ["cj-sniffer-monero", "cj-sniffer", "simulator-wild-3", "nesfit", "simulators"]
    names += ["lab-7", "lab-41", "lab-xmrig", "lab-", "lab"]
    wanted = ["cj-sniffer", "cj-sniffer", "simulator", "nesfit", "simulators"]
    wanted += ["lab", "lab", "lab-xmrig", "lab-", "lab"]
    assert [recorder_of(name) for name in names] == wanted
    rows = pl.DataFrame({"source": names, "label": "normal"})
    assert ViewTable({}, rows).recorders.tolist() == wanted


def weights(*rows, **kinds):
    """Return the weights of rows of one kind of service in each source, unless told otherwise."""
    names = ("label", "source", "conversation", "variant")
    told = {"dialect": None, "service": "web", "capture": "a.pcap"} | kinds
    frame = pl.DataFrame(list(rows), schema=names, orient="row").with_columns(
        pl.Series(name, value if isinstance(value, list) else [value] * len(rows), pl.String)
        for name, value in told.items()
    )
    return balanced_weights(ViewTable({}, frame))


def test_both_labels_weigh_the_same():
    found = weights(*[("mining", "a", 1, 0)], *[("normal", "b", n, 0) for n in range(2, 6)])
    assert found.tolist() == pytest.approx([2.5, *[2.5 / 4] * 4])
    assert found.mean() == pytest.approx(1)


def test_a_conversation_of_many_views_weighs_as_much_as_one_of_few():
    """Of two conversations of a source the first is there three times."""
    found = weights(*[("normal", "a", 1, 0)] * 3, ("normal", "a", 2, 0), ("mining", "b", 3, 0))
    assert found[:3].sum() == pytest.approx(found[3])
    assert found[:4].sum() == pytest.approx(found[4])


def test_sources_weigh_by_the_root_of_their_size():
    """Nine conversations against one: three times the weight."""
    many = [("normal", "large", n, 0) for n in range(9)]
    found = weights(*many, ("normal", "small", 20, 0), ("mining", "b", 30, 0))
    assert found[:9].sum() == pytest.approx(3 * found[9])


KIND = ["many"] * 9 + ["few"]
"""Of ten normal conversations of one source, and one that mines."""
TEN = [*[("normal", "a", n, 0) for n in range(10)], ("mining", "a", 20, 0)]


@pytest.mark.parametrize(
    "kinds",
    [
        {"service": [*KIND, "mining"]},
        {"dialect": [*KIND, "x"], "service": "mining"},
        {"service": None, "capture": [*KIND, "x"]},
        {"dialect": [None] * 9 + ["few", None], "service": ["many"] * 10 + ["mining"]},
    ],
    ids=["service", "dialect before service", "capture for want of both", "either"],
)
def test_kinds_of_one_source_weigh_by_the_root_of_their_size(kinds):
    """Nine conversations of a kind against one of another: three times the weight."""
    found = weights(*TEN, **kinds)
    assert found[:9].tolist() == pytest.approx([found[0]] * 9)
    assert found[:9].sum() == pytest.approx(3 * found[9])
    assert found[:10].sum() == pytest.approx(found[10])


def test_a_capture_tells_no_kind_where_a_service_is_known():
    found = weights(*TEN, capture=[*KIND, "x"])
    assert found[:10].tolist() == pytest.approx([0.55] * 10)


def test_a_kind_is_of_one_source_and_label():
    """Services of one name at two sources, and of both labels, are two each."""
    rows = [("normal", "a", n, 0) for n in range(4)] + [("normal", "b", 9, 0)]
    found = weights(*rows, ("mining", "a", 10, 0), ("mining", "a", 11, 0), service="same")
    assert found[:4].sum() == pytest.approx(2 * found[4])
    assert found[5:].tolist() == pytest.approx([found[:5].sum() / 2] * 2)


def test_a_variant_counts_as_a_conversation_of_its_own():
    """Two conversations and two variants of them are four, whose root is two."""
    varied = [("normal", "a", n, variant) for n in (1, 2) for variant in (0, 1)]
    found = weights(*varied, ("normal", "b", 3, 0), ("mining", "c", 4, 0))
    assert found[:4].sum() == pytest.approx(2 * found[4])


def test_one_label_alone_has_weights_too():
    assert weights(("normal", "a", 1, 0), ("normal", "a", 2, 0)).tolist() == [1, 1]
