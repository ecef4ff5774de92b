# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from minewatch.lab.dialects.target import (
    BITCOIN_ONE,
    SCRYPT_ONE,
    meets,
    random_hash,
    read_target,
    shown_difficulty,
    target_text,
    to_difficulty,
    to_target,
)

DIFFICULTIES = [1.0, 1.5, 1_092.0, 2.0**32, 4e9 + 1, 1e15]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_there_and_back(difficulty):
    assert to_difficulty(to_target(difficulty)) == pytest.approx(difficulty, rel=1e-9)
    assert read_target(target_text(difficulty)) == pytest.approx(difficulty, rel=1e-9)
    assert read_target("0x" + target_text(difficulty)) == pytest.approx(difficulty, rel=1e-9)
    assert len(target_text(difficulty)) == 64


def test_a_real_target():
    # Of a public pool of Zcash: 1,088 solutions to a share.
    assert read_target("003c" + "3c" * 30) == pytest.approx(1_087.98, abs=0.1)


@pytest.mark.parametrize("difficulty", [0, -1.0, 0.5, 2.0**256])
def test_a_difficulty_beyond_all_hashes_is_refused(difficulty):
    with pytest.raises(ValueError, match="hashes"):
        to_target(difficulty)


@pytest.mark.parametrize("text", ["", "00", "g" * 64, "0" * 64, None, "f" * 65])
def test_what_is_no_target_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  int's own words among them
        read_target(text)


def test_a_random_hash_meets_its_difficulty_and_seldom_more():
    rng = Random(1)
    hashes = [random_hash(1e6, rng) for _ in range(400)]
    assert all(meets(found, 1e6) for found in hashes)
    assert sum(meets(found, 2e6) for found in hashes) == pytest.approx(200, abs=40)
    assert not meets(hashes[0][:31], 1.0)


@pytest.mark.parametrize("one", [BITCOIN_ONE, SCRYPT_ONE])
@pytest.mark.parametrize("difficulty", [3e3, 2e5, 1e9, 12_345_678_901.0, 7e13])
def test_what_a_pool_shows_is_near(difficulty, one):
    shown = shown_difficulty(difficulty, one)
    assert shown * one == pytest.approx(difficulty, rel=0.04)
    assert len(repr(shown)) < 16


def test_whole_difficulties_have_no_point():
    assert repr(shown_difficulty(2.0**37 + 5, BITCOIN_ONE)) == "32"
