# SPDX-License-Identifier: Apache-2.0
import dataclasses

from minewatch.cli.train import print_card
from minewatch.models.model_file import load_model, shipped_model


def test_labels_that_cannot_be_read_are_one_line(run, tmp_path):
    result = run("train", tmp_path / "gone.tsv", "-o", tmp_path / "m.onnx")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"minewatch: {tmp_path}/gone.tsv: ")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "m.onnx").exists()


def test_an_unknown_algorithm_is_one_line(run, tmp_path):
    result = run("train", "l.tsv", "-o", tmp_path / "m.onnx", "--algorithm", "oracle")
    assert result.exit_code == 2
    assert result.stderr.startswith("minewatch: algorithm 'oracle': one of ")


def test_the_model_file_is_asked_for(run):
    assert "Missing option '-o' / '--output'; see minewatch train" in run("train", "l.tsv").stderr


def test_the_card_is_summed_up(capsys):
    card = load_model(shipped_model("flowstats")).card
    print_card(dataclasses.replace(card, metrics={"recall": 0.5}), "m.onnx")
    text = capsys.readouterr().out
    assert text.startswith(f"m.onnx: {card.algorithm}, {len(card.features)} features\n")
    assert "  recall: 0.5 (each source left out in turn)\n" in text
