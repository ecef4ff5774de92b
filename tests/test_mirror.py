# SPDX-License-Identifier: Apache-2.0
"""Each module has a test file at the same place under `tests`; no test outlives its module."""

from pathlib import Path

ROOT = Path(__file__).parents[1]

# Modules without a test of their own name, and why. An entry that is no longer needed fails.
UNTESTED: dict[str, str] = {
    "__main__.py": "two lines; every command in the documents runs through it",
}
# Tests that are about no single module, and why.
UNMIRRORED: dict[str, str] = {
    "deploy/test_deploy.py": "about the files under deploy",
    "negatives/test_checks.py": "about tests/negative_check.py, by which the others there judge",
    "negatives/test_coin_nodes.py": "about the whole pipeline: what must stay normal",
    "negatives/test_fan_in.py": "about the whole pipeline: what must stay normal",
    "negatives/test_hubs.py": "about the whole pipeline: what must stay normal",
    "negatives/test_queues.py": "about the whole pipeline: what must stay normal",
    "negatives/test_services.py": "about the whole pipeline: what must stay normal",
    "test_architecture.py": "about the whole tree",
    "test_docs.py": "about the documents",
    "test_docstrings.py": "about the whole tree",
    "test_mirror.py": "about the whole tree",
}


def mirrored(source: str) -> str:
    """`readers/_pcap.py` -> `readers/test_pcap.py`."""
    path = Path(source)
    return str(path.with_name(f"test_{path.stem.strip('_')}.py"))


def modules(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if path.name != "__init__.py" and path.read_text(encoding="utf-8").strip()
    }


def mirror_problems(root: Path, untested: dict[str, str], unmirrored: dict[str, str]) -> list[str]:
    sources = modules(root / "src" / "minewatch")
    # Programs beside the package may have tests, in the folder of the same name; they need not.
    programs = {
        f"{name}/{path}" for name in ("benchmarks", "scripts") for path in modules(root / name)
    }
    tests = {str(p.relative_to(root / "tests")) for p in (root / "tests").rglob("test_*.py")}

    wanted = {mirrored(source): source for source in sources}
    known = wanted.keys() | {mirrored(program) for program in programs}
    problems = [
        f"src/minewatch/{source}: write tests/{test}"
        for test, source in wanted.items()
        if test not in tests and source not in untested
    ]
    problems += [f"tests/{test}: tests no module" for test in tests - known - unmirrored.keys()]
    problems += [
        f"UNTESTED: {name} is stale" for name in untested if _is_stale(name, sources, tests)
    ]
    problems += [
        f"UNMIRRORED: {name} is stale" for name in unmirrored if name not in tests or name in known
    ]
    return sorted(problems)


def _is_stale(name: str, sources: set[str], tests: set[str]) -> bool:
    return name not in sources or mirrored(name) in tests


def test_tests_mirror_sources():
    problems = mirror_problems(ROOT, UNTESTED, UNMIRRORED)
    assert not problems, "\n".join(problems)


def _tree(root: Path, *names: str) -> Path:
    (root / "tests").mkdir()
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")
    return root


def test_a_mirrored_tree_passes(tmp_path):
    root = _tree(
        tmp_path,
        "src/minewatch/a/b.py",
        "src/minewatch/a/_c.py",
        "src/minewatch/a/__init__.py",
        "scripts/draw.py",
        "tests/a/test_b.py",
        "tests/a/test_c.py",
        "tests/scripts/test_draw.py",
    )
    (root / "src/minewatch/empty.py").touch()
    assert mirror_problems(root, {}, {}) == []


def test_a_broken_mirror_is_found(tmp_path):
    root = _tree(
        tmp_path,
        "src/minewatch/a/b.py",
        "src/minewatch/c.py",
        "tests/test_c.py",
        "tests/test_gone.py",
    )
    assert mirror_problems(root, {"c.py": "", "d.py": ""}, {"test_c.py": "", "test_e.py": ""}) == [
        "UNMIRRORED: test_c.py is stale",
        "UNMIRRORED: test_e.py is stale",
        "UNTESTED: c.py is stale",
        "UNTESTED: d.py is stale",
        "src/minewatch/a/b.py: write tests/a/test_b.py",
        "tests/test_gone.py: tests no module",
    ]
