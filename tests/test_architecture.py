# SPDX-License-Identifier: Apache-2.0
"""Hold the import direction and the few rules of design that a parser can see.

A unit is a module or a package directly under `minewatch`. A unit imports units of lower layers
only; within a layer, only along `SIDEWAYS`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "minewatch"

LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "errors types schema records config address odds alert",
        "contracts",
        "readers decoders metering conversations features models detectors gate alerts"
        " response lab identify allow doubt arranging",
        "registry",
        "testing",
        "pipeline logs scanning watching output training datasets experiments engine exporting "
        "capabilities",
        "console",
        "cli __main__",
    )
)
LAYER = {unit: level for level, units in enumerate(LAYERS) for unit in units}

SIDEWAYS: dict[str, frozenset[str]] = {
    "types": frozenset({"errors", "schema"}),
    "schema": frozenset({"errors", "types"}),
    "records": frozenset({"errors"}),
    "address": frozenset({"errors"}),
    "odds": frozenset({"types"}),
    "alert": frozenset({"types"}),
    "config": frozenset({"errors", "types", "schema"}),
    "metering": frozenset({"decoders"}),
    "readers": frozenset({"metering"}),
    "conversations": frozenset({"decoders", "metering"}),
    "arranging": frozenset({"conversations", "gate", "metering"}),
    "models": frozenset({"features"}),
    "detectors": frozenset({"features", "models", "gate"}),
    "identify": frozenset({"features", "models"}),
    "doubt": frozenset({"features"}),
    "logs": frozenset({"pipeline"}),
    "scanning": frozenset({"pipeline", "logs"}),
    "watching": frozenset({"pipeline", "logs", "scanning", "output"}),
    "output": frozenset({"pipeline", "logs", "scanning"}),
    "training": frozenset({"pipeline", "logs", "exporting"}),
    "datasets": frozenset({"pipeline", "logs", "scanning", "output", "training"}),
    "experiments": frozenset(
        {"pipeline", "scanning", "output", "training", "datasets", "exporting"}
    ),
    "exporting": frozenset({"pipeline", "output"}),
    "capabilities": frozenset({"training", "exporting"}),
    "engine": frozenset({"pipeline", "output"}),
    "__main__": frozenset({"cli"}),
}
# Stricter than the layer of the unit.
ONLY: dict[str, frozenset[str]] = {"lab": frozenset({"errors"})}

NUMBA_UNITS = {"metering"}
LEARNING_UNITS = {"training", "experiments"}
# The lab stands outside the pipeline: its hosts and pools live in real time.
CLOCK_UNITS = {"cli", "__main__", "console", "lab"}
PRINTING_UNITS = {"cli", "output"}

# Loading a pickle runs code; the others are slow and optional, so never imported with a module.
UNSAFE = {"pickle", "joblib", "dill", "cloudpickle", "shelve"}
HEAVY = {"sklearn", "torch", "skl2onnx", "onnx"}

CLOCKS = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}
BANNED_NAMES = {
    "utils.py",
    "util.py",
    "common.py",
    "helpers.py",
    "helper.py",
    "manager.py",
    "misc.py",
}
MAX_LINES = 400


def sources(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def unit_of(path: Path, package: Path) -> str:
    first = path.relative_to(package).parts[0]
    return first.removesuffix(".py")


def imports(tree: ast.Module, path: Path, package: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield line, full dotted name and whether the import runs when the module is imported."""
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_type_checking(node)
        for inner in ast.walk(node)
    }
    here = (package.name, *path.relative_to(package).parent.parts)
    for node in ast.walk(tree):
        eager = id(node) not in lazy
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, eager
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}", eager


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def import_problems(path: Path, package: Path) -> Iterator[str]:
    tree, unit = ast.parse(path.read_text(encoding="utf-8")), unit_of(path, package)
    where = path.relative_to(package)
    if unit != "__init__" and unit not in LAYER:
        yield f"{where}: `{unit}` has no layer: give it one in tests/test_architecture.py"
        return
    for line, name, eager in imports(tree, path, package):
        top, _, rest = name.partition(".")
        if top == package.name:
            target = rest.partition(".")[0]
            if target in LAYER and not _may_import(unit, target):
                yield f"{where}:{line}: {unit} may not import {target}"
        elif top == "numba" and unit not in NUMBA_UNITS:
            yield f"{where}:{line}: numba belongs to {sorted(NUMBA_UNITS)}"
        elif top in UNSAFE and unit not in LEARNING_UNITS:
            yield f"{where}:{line}: {top} can run code from a file"
        elif top in HEAVY and eager and unit not in LEARNING_UNITS:
            yield f"{where}:{line}: import {top} where it is used, not with the module"


def _may_import(unit: str, target: str) -> bool:
    if unit == target:
        return True
    if unit == "__init__":
        return False
    if unit in ONLY:
        return target in ONLY[unit]
    if target == "testing":
        return False
    return LAYER[target] < LAYER[unit] or target in SIDEWAYS.get(unit, ())


def call_problems(path: Path, package: Path) -> Iterator[str]:
    tree, unit = ast.parse(path.read_text(encoding="utf-8")), unit_of(path, package)
    where = path.relative_to(package)
    origin = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        head, dot, tail = called.partition(".")
        full = origin.get(head, head) + dot + tail
        if called == "print" and unit not in PRINTING_UNITS:
            yield f"{where}:{node.lineno}: print belongs to {sorted(PRINTING_UNITS)}"
        if unit not in CLOCK_UNITS and any(full == c or full.endswith(f".{c}") for c in CLOCKS):
            yield f"{where}:{node.lineno}: {called}: below the CLI, time is the data's"


def file_problems(path: Path, package: Path) -> Iterator[str]:
    where = path.relative_to(package)
    if path.name in BANNED_NAMES:
        yield f"{where}: name a module after what it holds"
    lines = len(path.read_text(encoding="utf-8").splitlines())
    if lines > MAX_LINES:
        yield f"{where}: {lines} lines, at most {MAX_LINES}"


CHECKS = (import_problems, call_problems, file_problems)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_package_is_clean(check):
    problems = [problem for path in sources(PACKAGE) for problem in check(path, PACKAGE)]
    assert not problems, "\n".join(problems)


def test_each_unit_has_one_layer():
    assert sum(map(len, LAYERS)) == len(LAYER)
    assert set(SIDEWAYS) | set(ONLY) <= set(LAYER)
    for unit, targets in SIDEWAYS.items():
        assert all(LAYER[target] == LAYER[unit] for target in targets), unit


def test_sideways_imports_make_no_circle_between_stages():
    """Only the vocabulary may know itself both ways (types and schema)."""
    for unit, targets in SIDEWAYS.items():
        if LAYER[unit] > 0:
            assert not any(unit in SIDEWAYS.get(target, ()) for target in targets), unit


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "features/a.py",
            "from minewatch.detectors.x import y",
            "features may not import detectors",
        ),
        ("features/a.py", "from ..detectors import x", "features may not import detectors"),
        (
            "features/a.py",
            "def f():\n    import minewatch.detectors",
            "features may not import detectors",
        ),
        ("detectors/a.py", "from minewatch import readers", "detectors may not import readers"),
        ("contracts.py", "from minewatch import registry", "contracts may not import registry"),
        ("lab/a.py", "from minewatch import types", "lab may not import types"),
        ("pipeline.py", "from minewatch.testing import flow", "pipeline may not import testing"),
        ("novel.py", "", "`novel` has no layer"),
        ("features/a.py", "import numba", "numba belongs to"),
        ("models/a.py", "def f():\n    import pickle", "pickle can run code"),
        ("detectors/a.py", "from sklearn.svm import SVC", "import sklearn where it is used"),
        ("features/a.py", "print(1)", "print belongs to"),
        ("alerts/a.py", "import time\ntime.time()", "time is the data's"),
        ("alerts/a.py", "from time import time_ns as now\nnow()", "time is the data's"),
        ("alerts/a.py", "import datetime as dt\ndt.datetime.now(dt.UTC)", "time is the data's"),
        ("alerts/a.py", "from datetime import datetime\ndatetime.now()", "time is the data's"),
        ("alerts/utils.py", "", "name a module after what it holds"),
        ("alerts/a.py", "x = 1\n" * 401, "401 lines"),
    ],
)
def test_a_bad_file_is_found(tmp_path, name, text, expected):
    package, path = _write(tmp_path, name, text)
    problems = [problem for check in CHECKS for problem in check(path, package)]
    assert len(problems) == 1
    assert expected in problems[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("features/a.py", "from minewatch.types import Scores\nfrom . import b"),
        ("detectors/a.py", "def fit():\n    from sklearn.svm import SVC"),
        ("metering/a.py", "import numba\nfrom minewatch import __version__"),
        ("cli.py", "import time\nfrom minewatch.pipeline import run\nprint(time.time())"),
        ("training/a.py", "import sklearn"),
        ("alerts/a.py", "import time\ntime.monotonic()"),
        ("lab/a.py", "import time\ntime.time()"),
    ],
)
def test_a_good_file_passes(tmp_path, name, text):
    package, path = _write(tmp_path, name, text)
    assert [problem for check in CHECKS for problem in check(path, package)] == []


def _write(tmp_path: Path, name: str, text: str) -> tuple[Path, Path]:
    package = tmp_path / "minewatch"
    path = package / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return package, path
