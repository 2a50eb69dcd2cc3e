"""What the code is made of, in figures that can be compared from one version to the next.

::

    python benchmarks/structure.py           # the figures
    python benchmarks/structure.py --list    # and the places that are counted

Counted are the package and ``nn``, without generated code:

* lines that are not empty, by folder; the longest module; modules per folder;
* comparisons of an operation's name (``node.op == "sum"``, ``rule.name in (…)``) outside ``core/``;
* tables outside ``core/`` that are keyed by operations' names: dicts, sets and ``match`` statements
  two of whose keys are operations and nearly all of whose keys are;
* evaluators of the rules' language, ``core/`` included: classes and functions that ask whether a
  node of a syntax tree is an ``ast.BinOp`` (what makes one does not).  Those that read other trees
  than the language's are counted, and listed, on a line of their own (see ``OTHER_TREES``);
* annotations of parameters and results that are ``Any`` and nothing else.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import autograd_mini.nn  # noqa: F401 - its operations are registered
from autograd_mini._build.generate import FILES
from autograd_mini.core.operation import OPERATIONS as REGISTRY

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {ROOT / "autograd_mini" / "_build" / name for name in FILES}
OPERATIONS = REGISTRY.keys()

Place = tuple[str, int, str]


def modules() -> Iterator[tuple[Path, str, ast.Module]]:
    """Every hand-written module of the package and of nn: its path, text and syntax tree."""
    for folder in ("autograd_mini", "nn"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.is_relative_to(ROOT / "autograd_mini" / "nn") or path in GENERATED:
                continue
            text = path.read_text()
            yield path.relative_to(ROOT), text, ast.parse(text)


def _names(node: ast.expr | ast.pattern) -> list[str]:
    """The texts in a constant, tuple, list, set or pattern of them."""
    return [c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and type(c.value) is str]


def _asks_for_name(node: ast.expr) -> bool:
    """Whether an expression is an operation's name: ``….op``, ``….rule.name`` or a variable op."""
    if isinstance(node, ast.Name):
        return node.id == "op"
    if not isinstance(node, ast.Attribute):
        return False
    owner = ast.unparse(node.value)
    return node.attr == "op" or (node.attr == "name" and owner.split(".")[-1].strip("_") == "rule")


def comparisons(tree: ast.Module) -> Iterator[ast.expr]:
    """The comparisons of an operation's name with one name or several."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            sides = (node.left, node.comparators[0])
            for one, other in (sides, sides[::-1]):
                if _asks_for_name(one) and OPERATIONS & set(_names(other)):
                    yield node
                    break


def tables(tree: ast.Module) -> Iterator[ast.AST]:
    """The dicts, sets and ``match`` statements that are keyed by operations' names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = [name for key in node.keys if key for name in _names(key)]
        elif isinstance(node, ast.Set):
            keys = _names(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "frozenset":
            keys = [name for argument in node.args for name in _names(argument)]
        elif isinstance(node, ast.Match):
            keys = [name for case in node.cases for name in _names(case.pattern)]
        else:
            continue
        known = [key for key in keys if key in OPERATIONS]
        if len(known) >= 2 and len(known) >= 0.7 * len(keys):
            yield node  # type: ignore[misc]


def evaluators(tree: ast.Module) -> Iterator[ast.AST]:
    """The classes, and functions outside of such, that ask whether a node is an ``ast.BinOp``."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            asks = any(
                isinstance(inner, ast.Attribute) and ast.unparse(inner) == "ast.BinOp"
                for call in ast.walk(node)
                if isinstance(call, ast.MatchClass)
                or (isinstance(call, ast.Call) and ast.unparse(call.func) == "isinstance")
                for inner in ast.walk(call)
            )
            visits = any(getattr(inner, "name", "") == "visit_BinOp" for inner in ast.walk(node))
            if asks or visits:
                yield node


def bare_any(tree: ast.Module) -> Iterator[ast.expr]:
    """The annotations in signatures that are ``Any``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            a = node.args
            arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
            annotations = [argument.annotation for argument in arguments if argument]
            for annotation in [*annotations, node.returns]:
                if isinstance(annotation, ast.Name) and annotation.id == "Any":
                    yield annotation


OTHER_TREES = {
    "autograd_mini/testing/mutants.py": "plants slips in ordinary Python source",
    "autograd_mini/show/arithmetic.py": "sorts the factors and terms of a formula",
    "autograd_mini/core/python_lines.py def _times": "takes a gradient into a derivative",
    "autograd_mini/core/language.py def operator_of": "asks for the one operator of a formula",
    "autograd_mini/core/python_lines.py def float_operations": "counts what Python computes",
}
"""Modules and definitions that ask for ``ast.BinOp`` and evaluate no text of the language."""


def _reads_other_trees(path: str, source: str) -> bool:
    return path in OTHER_TREES or f"{path} {source.partition('(')[0]}" in OTHER_TREES


COUNTS = {
    "comparisons of an operation's name": comparisons,
    "tables keyed by operations": tables,
    "evaluators of the language": evaluators,
    "annotations that are bare Any": bare_any,
}


WALKS = "walks over syntax trees of something else"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="the places as well")
    arguments = parser.parse_args()
    lines: Counter[str] = Counter()
    files: Counter[str] = Counter()
    longest: list[tuple[int, str]] = []
    places: dict[str, list[Place]] = {what: [] for what in [*COUNTS, WALKS]}
    for path, text, tree in modules():
        folder = str(path.parent)
        lines[folder] += sum(1 for line in text.splitlines() if line.strip())
        files[folder] += 1
        longest.append((len(text.splitlines()), str(path)))
        for what, count in COUNTS.items():
            if folder == "autograd_mini/core" and count not in (bare_any, evaluators):
                continue
            for node in count(tree):
                source = text.splitlines()[node.lineno - 1].strip()
                other = count is evaluators and _reads_other_trees(str(path), source)
                places[WALKS if other else what].append((str(path), node.lineno, source))

    print(f"{'folder':30} {'modules':>8} {'lines':>8}   (not empty)")
    for folder in sorted(lines):
        print(f"{folder:30} {files[folder]:8} {lines[folder]:8,}")
    print(f"{'all':30} {sum(files.values()):8} {sum(lines.values()):8,}")
    print("longest modules:", ", ".join(f"{p} {n:,}" for n, p in sorted(longest)[:-4:-1]))
    for what, found in places.items():
        print(f"{what}: {len(found)}")
        if arguments.list:
            for path, line, source in found:
                print(f"    {path}:{line}: {source}")


if __name__ == "__main__":
    main()
