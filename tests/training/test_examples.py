# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.errors import ConfigError
from minewatch.features.volume import PaperFeatures, VolumeFeatures
from minewatch.training.examples import Examples, feature_set, training_features


def test_nothing_that_tells_the_recording_is_trained_on():
    names = training_features(VolumeFeatures())
    assert not {"duration", "sent_packets", "push_ratio", "minimum_packet"} & set(names)
    assert training_features(PaperFeatures()) == PaperFeatures.feature_names


def test_feature_sets_have_names():
    assert feature_set("volume").name == "volume"
    with pytest.raises(ConfigError, match="feature set 'other': one of volume, paper"):
        feature_set("other")


def examples(passed: int, stopped: int) -> Examples:
    return Examples(
        np.full((passed, 1), np.nan, np.float32),
        ("a",),
        ("1",),
        np.zeros(passed, np.bool_),
        np.full(passed, "web", object),
        np.full(passed, "w.pcap", object),
        np.zeros(passed, np.int64),
        {(False, "web", "w.pcap"): stopped, (True, "web", "w.pcap"): 7},
    )


@pytest.mark.parametrize(("passed", "stopped", "share"), [(10, 190, 0.05), (10, 10, 1.0)])
def test_the_gates_share_is_trusted_only_of_many(passed, stopped, share):
    assert examples(passed, stopped).pass_share() == pytest.approx(share)


def test_rows_without_a_feature_are_not_ready():
    assert not examples(3, 0).is_ready.any()


def test_the_gates_share_is_that_of_the_source_where_most_pass():
    one, two = examples(50, 50), examples(80, 20)
    both = Examples(
        np.concatenate([one.values, two.values]),
        one.names,
        one.units,
        np.concatenate([one.is_mining, two.is_mining]),
        np.concatenate([one.sources, np.full(80, "office", object)]),
        np.concatenate([one.captures, np.full(80, "o.pcap", object)]),
        np.concatenate([one.horizons, two.horizons]),
        {**one.stopped, (False, "office", "o.pcap"): 20},
    )
    assert both.pass_share() == pytest.approx(0.8)
