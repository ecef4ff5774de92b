# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch import contracts, registry
from minewatch.readers.capture import CaptureSource


@pytest.mark.parametrize("plugin", registry.decoders(), ids=lambda plugin: plugin.name)
def test_built_in_decoders_meet_their_contract(plugin):
    assert isinstance(plugin, contracts.Decoder)
    assert plugin.kinds != 0
    assert all(column.name.startswith(f"{plugin.name}_") for column in plugin.columns)


@pytest.mark.parametrize("plugin", registry.feature_sets(), ids=lambda plugin: plugin.name)
def test_built_in_features_meet_their_contract(plugin):
    assert isinstance(plugin, contracts.FeatureSet)
    assert len(plugin.feature_names) == len(plugin.feature_units) == len(set(plugin.feature_names))


@pytest.mark.parametrize("plugin", registry.detectors(), ids=lambda plugin: plugin.name)
def test_built_in_detectors_meet_their_contract(plugin):
    assert isinstance(plugin, contracts.Detector)


def test_a_capture_is_a_packet_source():
    assert {"read", "parse", "finish", "close"} <= set(dir(CaptureSource))


def test_what_lacks_a_member_is_refused():
    class Nameless:
        def score(self, conversations):
            return conversations

    assert not isinstance(Nameless(), contracts.Detector)
