# SPDX-License-Identifier: Apache-2.0
from importlib.metadata import EntryPoint

import pytest

from minewatch import registry
from minewatch.errors import ConfigError, ModelError, SourceError
from minewatch.pipeline import PipelineOptions
from minewatch.testing import check_detector, check_feature_set


class Stranger:
    """A detector of another package."""

    name = "stranger"
    requires = ()
    uses = ()

    def score(self, conversations):
        raise NotImplementedError

    def explain(self, conversations, row):
        return []


def offering(monkeypatch, name):
    entry = EntryPoint("stranger", f"{__name__}:{name}", "minewatch.detectors")
    # importlib mode gives this module no importable name: load by hand.
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[name])
    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda group: [entry] if group == "minewatch.detectors" else [],
    )


@pytest.mark.parametrize("features", registry.feature_sets(), ids=lambda plugin: plugin.name)
def test_feature_sets_conform(features):
    check_feature_set(features)


@pytest.mark.parametrize("detector", registry.detectors(), ids=lambda plugin: plugin.name)
def test_detectors_conform(detector):
    check_detector(detector)


def test_names_are_different():
    for plugins in (registry.decoders(), registry.feature_sets(), registry.detectors()):
        names = [plugin.name for plugin in plugins]
        assert len(names) == len(set(names))


def test_what_is_listed_is_what_is_given():
    assert [type(plugin) for plugin in registry.detectors()] == list(registry.DETECTORS)
    assert [type(plugin) for plugin in registry.decoders()] == list(registry.DECODERS)


def test_a_stranger_comes_by_entry_point(monkeypatch):
    offering(monkeypatch, "Stranger")
    assert [plugin.name for plugin in registry.detectors()][-1] == "stranger"


def test_a_stranger_that_breaks_the_contract_is_named(monkeypatch):
    offering(monkeypatch, "EntryPoint")
    monkeypatch.setattr(EntryPoint, "load", lambda self: object)
    with pytest.raises(ConfigError, match=r"plug-in stranger .* is no Detector"):
        registry.detectors()


def test_a_stranger_that_cannot_be_loaded_is_named(monkeypatch):
    def broken(self):
        raise ImportError("No module named 'gone'")

    offering(monkeypatch, "Stranger")
    monkeypatch.setattr(EntryPoint, "load", broken)
    with pytest.raises(ConfigError, match=r"plug-in stranger .* cannot be loaded: .*gone"):
        registry.detectors()


def test_a_missing_model_and_a_missing_list_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx"):
        registry.detectors(model=tmp_path / "none.onnx")
    with pytest.raises(SourceError, match=r"none\.csv"):
        registry.detectors(indicators=tmp_path / "none.csv")


def test_the_model_must_have_been_trained_with_the_settings_in_use():
    registry.detectors(settings=PipelineOptions().settings())
    with pytest.raises(ModelError, match="made with interval_s 60, 300 is in use"):
        registry.detectors(settings={"interval_s": 300.0})
