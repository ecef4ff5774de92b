# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import numpy as np
import pytest

from minewatch.lab.simulator import distributions
from minewatch.lab.simulator.distributions import PARAMETERS, parameter, table

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "concepts" / "simulator.md"
SOURCES = ROOT / "src" / "minewatch" / "lab" / "simulator"


def test_the_page_shows_the_table_as_it_is():
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_used_stated_and_finite(name: str):
    drawn = parameter(name)
    assert drawn.unit
    assert drawn.source
    assert 0 <= drawn.one(np.random.default_rng(1)) <= np.inf
    texts = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    # Two families are asked for by realm.
    stem = re.sub(r"_(internet|cloud)$", "_{realm}", name)
    assert f'parameter("{name}")' in texts or f'parameter(f"{stem}")' in texts


def test_whole_numbers_are_rounded():
    assert distributions.parameter("mss_internet").whole(np.random.default_rng(1), 50).dtype == int
