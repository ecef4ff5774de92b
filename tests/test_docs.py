# SPDX-License-Identifier: Apache-2.0
"""Documents cannot lie: paths exist, Python runs, commands end well and are all described.

A fenced block that cannot run says why in the line above: `<!-- not run: needs an interface -->`.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "src" / "minewatch" / "lab" / "demo.pcap"
CLI_REFERENCE = ROOT / "docs" / "reference" / "cli.md"

# A path is checked when it begins with one of these, or is one of the root's own files.
FOLDERS = (
    "src",
    "tests",
    "docs",
    "benchmarks",
    "scripts",
    "examples",
    "data",
    "deploy",
    ".ci",
    ".github",
)
ROOT_FILE = re.compile(r"[A-Z]+\.(md|cff)|Makefile|LICENSE|pyproject\.toml|[a-z-]+\.lock")
CODE_SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NOT_RUN = re.compile(r"<!-- not run: \S.* -->")


class Block(NamedTuple):
    """A fenced block: its language, its text and the line where it starts."""

    language: str
    text: str
    line: int


def documents(root: Path) -> list[Path]:
    names = ("README.md", "AGENTS.md", "CONTRIBUTING.md", "SECURITY.md")
    return [p for p in (root / n for n in names) if p.exists()] + sorted(
        (root / "docs").rglob("*.md")
    )


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks that may run."""
    lines = text.splitlines()
    fence, language, start, above = "", "", 0, ""
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not fence:
            if opening := re.match(r"(`{3,})\s*(\w*)", stripped):
                fence, language, start = opening[1], opening[2], number
            elif stripped:
                above = stripped
        elif stripped == fence:
            if not NOT_RUN.fullmatch(above):
                yield Block(language, "\n".join(lines[start : number - 1]) + "\n", start)
            fence, above = "", ""


def without_blocks(text: str) -> str:
    return re.sub(r"^(`{3,}).*?^\1\s*$", "", text, flags=re.MULTILINE | re.DOTALL)


def path_problems(document: Path, root: Path) -> Iterator[str]:
    text = without_blocks(document.read_text(encoding="utf-8"))
    for span in CODE_SPAN.findall(text):
        path = re.sub(r"(::.*|:\d+)$", "", span)
        if re.search(r"[\s<>*{}$]|NNNN|\.\.\.", path):
            continue
        is_path = ROOT_FILE.fullmatch(path) or ("/" in path and path.split("/")[0] in FOLDERS)
        if is_path and not (root / path).exists():
            yield f"{document.relative_to(root)}: `{span}` does not exist"
    for link in LINK.findall(CODE_SPAN.sub("", text)):
        target = link.partition("#")[0]
        if target and not re.match(r"[a-z]+:", link) and not (document.parent / target).exists():
            yield f"{document.relative_to(root)}: link to {link} leads nowhere"


def python_problems(document: Path) -> Iterator[str]:
    """Run the Python blocks of one document, in order, in one namespace."""
    names: dict[str, Any] = {"__name__": "document"}
    for language, text, line in blocks(document.read_text(encoding="utf-8")):
        if language not in ("python", "pycon"):
            continue
        if ">>>" in text:
            yield from _doctest_problems(text, names, document, line)
            continue
        try:
            exec(compile(text, f"{document.name}:{line}", "exec"), names)
        except Exception as error:  # noqa: BLE001
            yield f"{document.name}:{line}: {type(error).__name__}: {error}"


def _doctest_problems(text: str, names: dict[str, Any], document: Path, line: int) -> Iterator[str]:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    example = doctest.DocTestParser().get_doctest(text, names, document.name, document.name, line)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(example, out=report.append, clear_globs=False)
    if report:
        yield f"{document.name}:{line}: " + "".join(report)
    names.update(example.globs)


def commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of the `minewatch` commands in a console block's text."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("$ minewatch"):
            command = line[2:]
            for more in lines[number + 1 :]:
                if not command.endswith("\\"):
                    break
                command = command[:-1] + more.removeprefix(">").strip()
            yield number, command


def command_problems(document: Path, folder: Path) -> Iterator[str]:
    """Run the `minewatch` commands of one document, in order, in one folder."""
    shim = 'minewatch() { "$PYTHON" -m minewatch "$@"; }; '
    env = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "src")}
    for language, text, start in blocks(document.read_text(encoding="utf-8")):
        if language != "console":
            continue
        for offset, command in commands(text):
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", shim + command],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            crashed = re.search("Traceback|No module named", done.stderr)
            if done.returncode not in (0, 1) or crashed:
                place = f"{document.name}:{start + offset + 1}"
                yield f"{place}: $ {command}\nexit status {done.returncode}\n{done.stderr[-2000:]}"


def command_names(group: Any, prefix: str = "minewatch") -> Iterator[str]:
    """Yield the full name of each command of a typer or click group, groups within it too."""
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from command_names(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


DOCUMENTS = documents(ROOT)
per_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(d.relative_to(ROOT)) for d in DOCUMENTS]
)


def test_readme_exists():
    assert (ROOT / "README.md").exists()


@per_document
def test_paths_exist(document):
    problems = list(path_problems(document, ROOT))
    assert not problems, "\n".join(problems)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the shipped capture, under the names that documents use."""
    monkeypatch.chdir(tmp_path)
    if SHIPPED.exists():
        for name in ("demo.pcap", "capture.pcap"):
            shutil.copy(SHIPPED, tmp_path / name)
    return tmp_path


@per_document
def test_python_runs(document, workplace):
    problems = list(python_problems(document))
    assert not problems, "\n".join(problems)


@per_document
def test_commands_run(document, workplace):
    problems = list(command_problems(document, workplace))
    assert not problems, "\n".join(problems)


def test_every_command_is_described():
    import typer.main

    from minewatch.cli import app

    described = CLI_REFERENCE.read_text(encoding="utf-8")
    missing = [n for n in command_names(typer.main.get_command(app)) if f"`{n}`" not in described]
    assert not missing, f"not in docs/reference/cli.md: {missing}"


def test_a_wrong_path_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "here.md").touch()
    document = tmp_path / "docs" / "a.md"
    document.write_text(
        "`docs/here.md:3` `docs/gone.md` `bits/packet` `docs/<name>.md` `docs/NNNN-x.md`\n"
        "`GONE.md`\n"
        "[good](here.md#part) [far](https://example.org) [bad](../gone.md)\n"
        "```text\n`docs/in-a-block.md`\n```\n",
        encoding="utf-8",
    )
    assert list(path_problems(document, tmp_path)) == [
        "docs/a.md: `docs/gone.md` does not exist",
        "docs/a.md: `GONE.md` does not exist",
        "docs/a.md: link to ../gone.md leads nowhere",
    ]


def test_wrong_python_is_found(tmp_path):
    document = tmp_path / "a.md"
    document.write_text(
        "```python\nx = 1\n```\n"
        "```python\n>>> x + 1\n2\n```\n"
        "```python\n>>> x + 1\n3\n```\n"
        "```python\nx.gone\n```\n"
        "<!-- not run: an example -->\n```python\n1 / 0\n```\n"
        "```text\n1 / 0\n```\n",
        encoding="utf-8",
    )
    first, second = python_problems(document)
    assert first.startswith("a.md:8: ")
    assert "Expected:\n    3\nGot:\n    2" in first
    assert second == "a.md:12: AttributeError: 'int' object has no attribute 'gone'"


def test_a_wrong_command_is_found(tmp_path):
    document = tmp_path / "a.md"
    document.write_text(
        "```console\n$ false\n$ minewatch &>/dev/null; exit 1\n$ minewatch x; exit 2\n```\n"
        "```console\n$ minewatch x; echo Traceback >&2; exit 1\n```\n",
        encoding="utf-8",
    )
    status, crash = command_problems(document, tmp_path)
    assert status.startswith("a.md:4: $ minewatch x; exit 2\nexit status 2")
    assert crash.startswith("a.md:7: $ minewatch x; echo Traceback >&2; exit 1\nexit status 1")


def test_commands_may_span_lines():
    text = "$ minewatch scan \\\n>   capture.pcap\nfound\n$ ls\n$ minewatch demo\n"
    assert list(commands(text)) == [(0, "minewatch scan capture.pcap"), (4, "minewatch demo")]


def test_commands_of_groups_have_full_names():
    import typer
    import typer.main

    app, inner = typer.Typer(), typer.Typer()
    app.command("scan")(lambda: None)
    app.command("secret", hidden=True)(lambda: None)
    inner.command("list")(lambda: None)
    inner.command("show")(lambda: None)
    app.add_typer(inner, name="models")
    assert list(command_names(typer.main.get_command(app))) == [
        "minewatch models list",
        "minewatch models show",
        "minewatch scan",
    ]
