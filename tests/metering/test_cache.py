# SPDX-License-Identifier: Apache-2.0
import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minewatch
from minewatch.metering.cache import forget_stale_kernels, kernel_sources

CALL = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from copied.metering import outer
print(outer.answer())
"""
INNER = """
import numba

@numba.njit(cache=True)
def number():
    return {number}
"""
OUTER = """
import numba
from copied.metering.inner import number
{forget}

@numba.njit(cache=True)
def answer():
    return number()
"""
FORGET = """
from pathlib import Path
from minewatch.metering.cache import forget_stale_kernels
here = Path(__file__).parent
forget_stale_kernels(Path(number.stats.cache_path), sorted(here.glob("*.py")))
"""


@pytest.fixture
def cached(tmp_path):
    folder = tmp_path / "__pycache__"
    folder.mkdir()
    for name in ("a.nbi", "a.1.nbc", "a.pyc"):
        (folder / name).write_text("x")
    source = tmp_path / "a.py"
    source.write_text("one")
    return folder, [source]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_kernels_of_unknown_or_other_sources_are_deleted(cached):
    folder, sources = cached
    assert forget_stale_kernels(folder, sources)
    assert names(folder) == ["a.pyc", "minewatch-kernels.sha256"]
    (folder / "a.nbi").write_text("x")
    sources[0].write_text("two")
    assert forget_stale_kernels(folder, sources)
    assert names(folder) == ["a.pyc", "minewatch-kernels.sha256"]


def test_kernels_of_these_sources_stay(cached):
    folder, sources = cached
    forget_stale_kernels(folder, sources)
    (folder / "a.nbi").write_text("x")
    assert not forget_stale_kernels(folder, sources)
    assert "a.nbi" in names(folder)


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    """Numba compiles in memory there."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert not forget_stale_kernels(blocked / "cache", kernel_sources())


def test_a_folder_that_is_missing_is_made(tmp_path):
    assert forget_stale_kernels(tmp_path / "new" / "er", kernel_sources())
    assert names(tmp_path / "new" / "er") == ["minewatch-kernels.sha256"]


def test_the_sources_are_those_of_kernels_and_of_their_constants():
    sources = set(kernel_sources())
    kernels = {path for path in sources if "@numba." in path.read_text(encoding="utf-8")}
    assert {"decode.py", "link.py", "kernel.py"} <= {path.name for path in kernels}
    package = Path(minewatch.__file__).parent
    for path in kernels:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("minewatch."):
                place = package.joinpath(*node.module.split(".")[1:])
                # Modules of a package are imported, or names of a module.
                modules = [place / one.name for one in node.names] if place.is_dir() else [place]
                for module in modules:
                    imported = module.with_suffix(".py")
                    assert imported in sources or imported.name == "cache.py", (path, imported)


def test_kernels_are_in_no_other_package():
    package = Path(minewatch.__file__).parent
    for path in package.rglob("*.py"):
        if path.parent.name != "metering":
            assert "@numba." not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(("forget", "expected"), [("", "1"), (FORGET, "2")])
def test_a_kernel_inside_another_is_compiled_again(tmp_path, forget, expected):
    """Without the check numba runs the old one: this test fails once numba mends that."""
    package = tmp_path / "copied" / "metering"
    package.mkdir(parents=True)
    (package / "outer.py").write_text(OUTER.format(forget=forget))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    told = []
    for number in (1, 2):
        (package / "inner.py").write_text(INNER.format(number=number))
        result = subprocess.run(
            [sys.executable, "-B", "-c", CALL, str(tmp_path)],
            capture_output=True,
            check=True,
            text=True,
            env=environment,
        )
        told.append(result.stdout.strip())
    assert told == ["1", expected]
