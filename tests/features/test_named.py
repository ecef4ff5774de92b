# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.contracts import FeatureSet
from minewatch.features.named import NamedFeatures
from minewatch.testing import check_feature_set, conversations


class Sizes(NamedFeatures):
    """Two features of one column."""

    name = "sizes"
    requires = ("packet_delta_count",)
    features = (("packets", "1", "packets sent"), ("half", "1", "half of the packets sent"))

    def columns(self, given):
        packets = given.frame["packet_delta_count"].to_numpy().astype(np.float64)
        return [packets, packets / 2]


def test_a_table_of_features_is_a_feature_set():
    sizes = Sizes()
    assert isinstance(sizes, FeatureSet)
    assert sizes.feature_names == ("packets", "half")
    assert sizes.feature_units == ("1", "1")
    assert sizes.feature_phrases == ("packets sent", "half of the packets sent")
    check_feature_set(sizes)


def test_columns_become_rows_of_float32():
    found = Sizes().transform(conversations(2, packet_delta_count=[3, 8]))
    assert found.values.tolist() == [[3, 1.5], [8, 4]]
    assert found.values.dtype == np.float32
    assert found.column("half").tolist() == [1.5, 4]
    assert found.units == ("1", "1")


def test_without_what_it_requires_nothing_is_computed():
    given = conversations(2)
    given.frame = given.frame.drop("packet_delta_count")
    found = Sizes().transform(given)
    assert found.values.shape == (2, 2)
    assert np.isnan(found.values).all()


def test_a_feature_set_must_compute_its_columns():
    class Empty(NamedFeatures):
        name, requires, features = "empty", (), ()

    with pytest.raises(TypeError, match="columns"):
        Empty()
