# SPDX-License-Identifier: Apache-2.0
"""Public definitions say what they are; documented parameters are the real ones, in order."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "minewatch"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def is_public(path: Path, package: Path) -> bool:
    parts = path.relative_to(package).with_suffix("").parts
    return not any(part.startswith("_") and part != "__init__" for part in parts)


def definitions(tree: ast.Module) -> Iterator[tuple[str, Definition, bool]]:
    """Yield name, definition, and whether it must have a docstring: methods need none."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node.name, node, True
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, Definition) and not inner.name.startswith("_"):
                        yield f"{node.name}.{inner.name}", inner, False


def docstring_problems(path: Path, package: Path) -> Iterator[str]:
    tree, where = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(package)
    if tree.body and not ast.get_docstring(tree):
        yield f"{where}: the module has no docstring"
    for name, node, required in definitions(tree):
        text = ast.get_docstring(node)
        if not text:
            if required:
                yield f"{where}:{node.lineno}: {name} has no docstring"
            continue
        documented, real = parameter_section(text), signature(node)
        if documented is not None and real is not None and documented != real:
            yield f"{where}:{node.lineno}: {name} documents {documented}, takes {real}"


def parameter_section(text: str) -> list[str] | None:
    """Names in the `Parameters` section of a numpydoc docstring, or None where there is none."""
    lines = inspect.cleandoc(text).splitlines()
    try:
        start = next(
            i for i, line in enumerate(lines) if line == "Parameters" and _underlined(lines, i)
        )
    except StopIteration:
        return None
    names: list[str] = []
    for i in range(start + 2, len(lines)):
        if _underlined(lines, i):
            break
        if lines[i] and not lines[i][0].isspace():
            head = lines[i].partition(" : ")[0]
            names += [name.strip().lstrip("*") for name in head.split(",")]
    return names


def _underlined(lines: list[str], i: int) -> bool:
    return i + 1 < len(lines) and len(lines[i + 1]) > 2 and set(lines[i + 1]) == {"-"}


def signature(node: Definition) -> list[str] | None:
    """Names that a call takes, or None where the source of this class does not say."""
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                return _arguments(inner)[1:]
        return _fields(node) if _is_dataclass(node) or not node.bases else None
    names = _arguments(node)
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    a = node.args
    listed = [
        *a.posonlyargs,
        *a.args,
        *filter(None, [a.vararg]),
        *a.kwonlyargs,
        *filter(None, [a.kwarg]),
    ]
    return [argument.arg for argument in listed]


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _fields(node: ast.ClassDef) -> list[str]:
    if not _is_dataclass(node):
        return []
    return [
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and "ClassVar" not in ast.unparse(item.annotation)
        and not (item.value and "init=False" in ast.unparse(item.value))
    ]


def test_public_definitions_are_documented():
    problems = [
        problem
        for path in sorted(PACKAGE.rglob("*.py"))
        if is_public(path, PACKAGE)
        for problem in docstring_problems(path, PACKAGE)
    ]
    assert not problems, "\n".join(problems)


BAD = '''
class NoDocstring:
    pass

class Wrong:
    """One.

    Parameters
    ----------
    gap, size : a pair.
        More about it: all of this is indented.
    *rest : the others.

    Notes
    -----
    other : not a parameter.
    """
    def __init__(self, size, gap, *rest): ...

    def method(self, a):
        """Two.

        Parameters
        ----------
        b
        """

@dataclass(frozen=True)
class Fields:
    """Three.

    Parameters
    ----------
    first : the first.
    """
    first: int
    second: int
    kind: ClassVar[str] = "x"
    cache: dict = field(init=False)

def no_docstring(): ...
'''


def test_a_bad_module_is_found(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(BAD, encoding="utf-8")
    found = [problem.partition(": ")[2] for problem in docstring_problems(path, tmp_path)]
    assert found == [
        "the module has no docstring",
        "NoDocstring has no docstring",
        "Wrong documents ['gap', 'size', 'rest'], takes ['size', 'gap', 'rest']",
        "Wrong.method documents ['b'], takes ['a']",
        "Fields documents ['first'], takes ['first', 'second']",
        "no_docstring has no docstring",
    ]


GOOD = '''
"""A module."""

class Timing(Base):
    """Regularity.

    Parameters
    ----------
    max_packets : packets considered per direction, default 128 [packets].

    Features
    --------
    iat_mean [ns] : mean gap.
    """
    def __init__(self, max_packets: int = 128) -> None: ...

class Inherits(Timing):
    """What it takes stands elsewhere.

    Parameters
    ----------
    max_packets : as above.
    """

def plain(a, *, b):
    """No section, nothing to compare."""

def _private(): ...
'''


def test_a_good_module_passes(tmp_path):
    path = tmp_path / "good.py"
    path.write_text(GOOD, encoding="utf-8")
    assert list(docstring_problems(path, tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b.py", True),
        ("__init__.py", True),
        ("a/_b.py", False),
        ("_a/b.py", False),
        ("__main__.py", False),
    ],
)
def test_what_is_public(name, expected):
    assert is_public(PACKAGE / name, PACKAGE) is expected
