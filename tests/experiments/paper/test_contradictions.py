# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.experiments.paper import contradictions as c
from minewatch.experiments.paper import paper_numbers as paper


def test_all_normal_by_hand():
    f1_of_normal = 2 * 84_187 / (2 * 84_187 + 157)
    assert c.all_normal_macro_f1(157, 84_187) == pytest.approx(f1_of_normal / 2)


def test_the_training_part_by_hand():
    low, high = c.mining_in_training("49.955")
    for mining, fits in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
        normal = 67_475 - mining
        value = 100 * normal / (2 * normal + mining)
        assert (round(value, 3) == 49.955) == fits


def test_two_guesses_at_fifty():
    assert 1e-7 < c.chance_of_two_guesses(31, 16_838) < 1e-6


def test_labels_that_fit_are_found():
    # 30 of 33 without a false alarm: AUC 95.4545 %, macro-F1 97.61 %, F1 of mining 95.24 %.
    assert (33, 30, 0) in c.labels_that_fit("95.45", "95.24")
    assert c.labels_that_fit("95.45", "95.06") == []


def test_the_best_models():
    assert dict(c.best_models()) == {"packets/s": "KNN", "bits/packet": "DT", "bits/s": "KNN"}


def test_findings_hold_the_arithmetic():
    found = {finding.title: finding for finding in c.findings()}
    assert len(found) == len(c.findings()) > 12
    assert "78.34" in found["A maximum above the maximum"].arithmetic
    assert "94.62" in found["An average that agrees"].arithmetic
    # Always one coin that is n of 32: 2n / (32 + n) / 5.
    assert "7.2 % if it is 7 of the 32, 12.8 % if" in (
        found["From 97 % to the level of a guess"].arithmetic
    )
    assert "50.09" in found["Equation 4 is not the AUC"].arithmetic
    assert "35 to 37" in found["The split was not in proportion"].arithmetic
    assert paper.SVM_IN_TEXT in found["Text and table differ on the SVM"].says
    assert all(finding.says and finding.arithmetic for finding in c.findings())
