# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from minewatch import registry
from minewatch.detectors.fusion import DEFAULT_PARTS, Part
from minewatch.errors import ConfigError, ModelError, SourceError
from minewatch.models.model_file import shipped_model
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


@pytest.mark.parametrize(
    "detector", registry.detectors(with_baselines=True), ids=lambda plugin: plugin.name
)
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


def test_baselines_come_on_request_and_count_for_nothing():
    names = [detector.name for detector in registry.detectors(with_baselines=True)]
    assert names == [cls.name for cls in (*registry.DETECTORS, *registry.BASELINES)]
    for cls in registry.BASELINES:
        if cls.name != "flowstats":
            assert DEFAULT_PARTS[cls.name] == Part(0.0, 0.0, 0.0)


def test_a_model_of_the_users_own_counts_once():
    own = shipped_model("flowstats")
    names = [detector.name for detector in registry.detectors(model=own, with_baselines=True)]
    assert names.count("flowstats") == 1
    assert names.index("flowstats") == len(registry.DETECTORS)


def test_models_that_ship_are_small_together():
    folder = shipped_model("flowstats").parent
    total = sum(path.stat().st_size for path in folder.glob("*.onnx"))
    assert total < 20_000_000


def test_no_detector_loads_pytorch():
    """It is an extra, to train: a scan must not want it."""
    code = "import sys; from minewatch import registry; registry.detectors(with_baselines=True)"
    code += "; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
