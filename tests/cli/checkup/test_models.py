# SPDX-License-Identifier: Apache-2.0
from minewatch import registry
from minewatch.cli.checkup.models import check_models
from minewatch.errors import ModelError
from minewatch.models import operating_points


def test_what_ships_is_whole():
    assert [(one.subject, one.level) for one in check_models()] == [
        ("models", "ok"),
        ("operating points", "ok"),
    ]
    assert all(one.name in check_models()[0].text for one in registry.detectors())


def test_a_model_that_is_damaged(monkeypatch):
    def fails(**options):
        raise ModelError("rhythm.onnx: damaged")

    monkeypatch.setattr(registry, "detectors", fails)
    (found,) = check_models()
    assert (found.level, found.text) == ("fail", "rhythm.onnx: damaged")
    assert found.cure.startswith("install minewatch again")


def test_points_of_other_models(monkeypatch):
    monkeypatch.setattr(operating_points, "shipped_hashes", lambda: {"rhythm.onnx": "0" * 64})
    loaded, points = check_models()
    assert (loaded.level, points.level) == ("ok", "warn")
    assert "rhythm.onnx" in points.text


def test_points_that_are_damaged(monkeypatch):
    def fails():
        raise ModelError("operating_points.json: damaged")

    monkeypatch.setattr(operating_points, "shipped_points", fails)
    assert check_models()[1].level == "fail"
