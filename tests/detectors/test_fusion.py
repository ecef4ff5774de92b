# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from minewatch.detectors.fusion import (
    DEFAULT_PARTS,
    LABEL_THRESHOLD,
    STRANGER,
    TOGETHER,
    Fusion,
    Part,
)


def fuse(**scores: float) -> float:
    arrays = {name: np.array([p]) for name, p in scores.items()}
    return float(Fusion().probability(arrays, 1)[0])


def test_no_detector_leaves_the_base_rate():
    assert fuse() == pytest.approx(0.002)


def test_an_unready_detector_is_silent():
    assert fuse(flowstats=math.nan, intel=0.5) == fuse(intel=0.5)


def test_a_detector_that_says_the_base_rate_changes_nothing():
    assert fuse(flowstats=0.002, signature=0.9) == pytest.approx(fuse(signature=0.9))


def test_a_decoded_session_decides_alone():
    assert fuse(signature=0.999) > 0.99


@pytest.mark.parametrize("probability", [0.9, 0.999, 1.0])
def test_a_list_never_decides_alone(probability):
    assert fuse(intel=probability) < LABEL_THRESHOLD


def test_rhythm_decides_alone_if_sure_and_nothing_else_learnt_does():
    assert fuse(rhythm=0.999) > LABEL_THRESHOLD
    for name in ("sequence", "one-class", "flowstats", "netflow", "naive-bayes", "spectrum"):
        assert fuse(**{name: 1.0}) < LABEL_THRESHOLD


def test_two_that_agree_decide():
    assert fuse(intel=0.9, sequence=1.0) > LABEL_THRESHOLD
    assert fuse(synchrony=0.3, rhythm=0.1) > LABEL_THRESHOLD


def test_systems_of_others_are_shown_and_count_for_nothing():
    for name in ("netflow", "naive-bayes", "weak-indicators", "spectrum"):
        assert fuse(**{name: 1.0}) == fuse(**{name: 0.0}) == pytest.approx(0.002)


def test_clients_of_a_chain_in_step_are_no_verdict():
    """Two wallets on two hosts follow the blocks together: both detectors see the same pushes."""
    assert fuse(**{"block-clock": 1.0, "synchrony": 1.0}) < LABEL_THRESHOLD
    assert fuse(**{"block-clock": 1.0, "synchrony": 1.0}) > fuse(synchrony=1.0)
    both = Fusion().contributions(
        {"block-clock": np.array([1.0, 0.01]), "synchrony": np.array([1.0, 0.01])}
    )
    assert both["block-clock"][0] + both["synchrony"][0] == pytest.approx(TOGETHER[1])
    alone = Fusion().contributions({"synchrony": np.array([1.0, 0.01])})
    assert both["synchrony"][1] == alone["synchrony"][1]


def test_a_stranger_never_decides_alone():
    assert fuse(novel=1.0) < LABEL_THRESHOLD


def test_not_being_listed_hides_no_miner():
    assert fuse(intel=0.0) == pytest.approx(0.002)
    assert fuse(rhythm=0.9, intel=0.0) == fuse(rhythm=0.9)


def test_payload_that_is_something_else_speaks_against():
    assert fuse(rhythm=0.3, signature=0.0) < fuse(rhythm=0.3)


@pytest.mark.parametrize("name", [*DEFAULT_PARTS, "novel"])
def test_more_suspicion_never_lowers_the_verdict(name):
    steps = np.linspace(0, 1, 101)
    others = {"strange": np.full(101, 0.1), "synchrony": np.full(101, 0.3)}
    fused = Fusion().probability(others | {name: steps}, 101)
    assert (np.diff(fused) >= -1e-12).all()


def test_contributions_add_up():
    scores = {
        "flowstats": np.array([0.3, math.nan, 0.0]),
        "intel": np.array([0.1, 0.9, math.nan]),
    }
    fusion = Fusion()
    parts = fusion.contributions(scores)
    fused = fusion.probability(scores, 3)
    np.testing.assert_allclose(
        np.log(fused / (1 - fused)), math.log(0.002 / 0.998) + sum(parts.values())
    )
    assert parts["flowstats"][1] == 0
    assert parts["intel"][2] == 0


def test_certainty_is_finite():
    parts = Fusion().contributions({"signature": np.array([0.0, 1.0])})
    assert parts["signature"].tolist() == [DEFAULT_PARTS["signature"].floor, 14.0]


@pytest.mark.parametrize("values", [(-1, 0, 1), (1, 1, 2), (1, -2, -1), (math.nan, 0, 1)])
def test_a_part_that_could_fall_is_refused(values):
    with pytest.raises(ValueError, match=r"weight|enclose"):
        Part(*values)


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_a_prior_is_a_probability(prior):
    with pytest.raises(ValueError, match="prior"):
        Fusion(prior=prior)


def test_other_weights_may_be_given():
    none = Fusion(parts={"flowstats": Part(0.0, 0.0, 0.0)}, stranger=STRANGER)
    assert none.probability({"flowstats": np.array([1.0])}, 1)[0] == pytest.approx(0.002)


def test_limits_and_weights_of_what_is_built_in():
    """No list decides alone, nor does a stranger; silence of the signature says little."""
    most = Fusion().contributions({name: np.array([1.0]) for name in (*DEFAULT_PARTS, "new")})
    least = Fusion().contributions({"signature": np.array([0.0]), "rhythm": np.array([0.0])})
    enough = math.log(0.998 / 0.002)
    assert {name for name, part in most.items() if part[0] > enough} == {"signature", "rhythm"}
    assert (least["signature"][0], least["rhythm"][0]) == (-1.0, -3.0)


def test_a_stranger_counts_half():
    half = Fusion().contributions({"new": np.array([0.02]), "intel": np.array([0.02])})
    assert half["new"][0] == pytest.approx(half["intel"][0] / 2)
    assert half["new"][0] > 0


@pytest.mark.parametrize("values", [(1, -math.inf, 1), (1, 0, math.inf)])
def test_endless_limits_are_named(values):
    with pytest.raises(ValueError, match="must be finite"):
        Part(*values)
