# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from minewatch.lab.simulator.normal import KINDS
from minewatch.lab.simulator.normal.kind import beats, moments, remaining, repeated, ticks
from minewatch.lab.simulator.paths import draw_paths
from part_check import START_S, make


@pytest.mark.parametrize("service", [kind.service for kind in KINDS])
@pytest.mark.parametrize("home", [True, False])
def test_every_kind_holds_what_scripts_must_hold_from_either_end(service: str, home: bool):
    made = make(service, home=home)
    assert len(made.paths) == 60


@pytest.mark.parametrize("service", [kind.service for kind in KINDS])
def test_every_kind_says_about_as_much_as_batches_are_told(service: str):
    """Within a factor of three over a day: batches are cut by it."""
    kind = next(kind for kind in KINDS if kind.service == service)
    messages = make(service, n=150, hours=24.0).counts().mean()
    assert kind.messages / 3 <= messages + 0.2 <= kind.messages * 3 + 1


def test_names_and_ports_are_sound():
    names = [kind.service for kind in KINDS]
    assert len(set(names)) == len(names)
    for kind in KINDS:
        assert kind.weight > 0
        assert all(0 < port < 65536 for port in kind.ports)


def test_the_same_seed_says_the_same():
    for service in ("https-browse", "mqtt", "dns"):
        one, two = make(service, seed=3), make(service, seed=3)
        assert np.array_equal(one.part.time_s, two.part.time_s)
        assert np.array_equal(one.part.blob, two.part.blob)


def test_lives_end_where_the_capture_ends():
    rng = np.random.default_rng(1)
    paths = draw_paths(rng, START_S + np.array([0.0, 90.0]), "cloud", is_initiator_home=True)
    assert remaining(paths, START_S + 100, np.array([50.0, 50.0])).tolist() == [50.0, 10.0]


def test_ticks_are_even_and_moments_are_not():
    life, period = np.array([100.0, 0.0, 35.0]), np.array([10.0, 10.0, 10.0])
    assert beats(life, period).tolist() == [10, 0, 3]
    rows, times = ticks(life, period)
    assert rows.tolist() == [0] * 10 + [2] * 3
    assert times[-3:].tolist() == [10.0, 20.0, 30.0]
    rows, times = moments(np.random.default_rng(1), np.full(400, 100.0), np.full(400, 10.0))
    assert len(rows) == pytest.approx(4000, rel=0.1)
    gaps = np.diff(times)[np.diff(rows) == 0]
    assert (gaps >= 0).all()
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.15)
    assert repeated(np.array([0, 3])).tolist() == [1, 1, 1]


def test_the_page_lists_every_kind_with_its_weight():
    page = (Path(__file__).parents[4] / "docs" / "concepts" / "simulator.md").read_text()
    for kind in KINDS:
        opener = "server" if kind.is_outbound else "far end"
        assert f"| `{kind.service}` | {kind.weight:g} | {kind.realm} | {opener} |" in page
