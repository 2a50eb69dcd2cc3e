"""What the code is made of, in figures that can be compared from one version to the next.

::

    python benchmarks/structure.py                 # the figures of this checkout
    python benchmarks/structure.py ../before .     # of several, side by side
    python benchmarks/structure.py --list          # and the places that are counted

Counted is what is written by hand in the package and ``nn``: no generated file or region (they say
so where they begin), and ``autograd_mini/nn``, which is a link to ``nn``, once.

* lines that are not empty; lines of code (neither empty nor docstring nor comment): of all, and of
  ``core/``; modules, and the longest;
* members of the protocol by which the reverse sweep speaks to a node;
* comparisons of an operation's name (``node.op == "sum"``, ``rule.name in (…)``) outside the
  engine (``ENGINE``);
* particular operations that are meant there: fetched from the registry by name, to be compared with
  ``is``;
* tables outside the engine that are keyed by operations' names: dicts, sets and ``match``
  statements two of whose keys are operations and nearly all of whose keys are;
* evaluators of the rules' language, the engine included: classes and functions that ask whether a
  node of a syntax tree is an ``ast.BinOp`` (what makes one does not).  Those that read other trees
  than the language's are counted, and listed, on a line of their own (see ``OTHER_TREES``);
* annotations of parameters and results that are ``Any`` and nothing else.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import autograd_mini.nn  # noqa: F401 - its operations are registered
from autograd_mini.core.operation import OPERATIONS as REGISTRY

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = REGISTRY.keys()

CORE = "autograd_mini/core"

ENGINE = {CORE, *(f"autograd_mini/{folder}" for folder in ("language", "operations", "interface"))}
"""The folders of the engine, which speak of its operations by name."""

Place = tuple[str, int, str]
"""A module, a line's number, and the line."""

GENERATED_FILE = "do not edit"
GENERATED_REGION = "written by `python -m"


@dataclass(frozen=True)
class Module:
    """A module as it was written: its path from the root of the checkout, and its text."""

    path: Path
    text: str

    @property
    def folder(self) -> str:
        return self.path.parent.as_posix()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def generated(self) -> set[int]:
        """The numbers of the lines that are in a generated region."""
        lines: set[int] = set()
        inside = False
        for number, line in enumerate(self.text.splitlines(), 1):
            inside = inside or ("# region" in line and GENERATED_REGION in line)
            if inside:
                lines.add(number)
            if line.strip() == "# endregion":
                inside = False
        return lines

    @cached_property
    def written(self) -> set[int]:
        """The numbers of the lines that are not empty and were written by hand."""
        lines = enumerate(self.text.splitlines(), 1)
        return {number for number, line in lines if line.strip()} - self.generated

    @cached_property
    def code(self) -> set[int]:
        """Those of them that are neither docstring nor comment."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        code = {n for t in tokens if t.type not in _SILENT for n in range(t.start[0], t.end[0] + 1)}
        for node in ast.walk(self.tree):
            for statement in getattr(node, "body", ()) if isinstance(node, _WITH_BODY) else ():
                match statement:
                    case ast.Expr(ast.Constant(str())):
                        code -= set(range(statement.lineno, (statement.end_lineno or 0) + 1))
        return code & self.written


_SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip
_WITH_BODY = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def modules(root: Path = ROOT) -> list[Module]:
    """Every module of the package and of nn that was written by hand."""
    found = []
    for folder in ("autograd_mini", "nn"):
        for path in sorted((root / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            linked = path.is_relative_to(root / "autograd_mini" / "nn")
            if not linked and GENERATED_FILE not in "".join(text.splitlines()[:4]):
                found.append(Module(path.relative_to(root), text))
    return found


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
            yield node


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
    "autograd_mini/testing/mutants.py": "rewrites ordinary Python source",
    "autograd_mini/testing/edits.py": "plants slips in ordinary Python source",
    "autograd_mini/check/lines/": "reads and edits ordinary Python source",
    "autograd_mini/testing/files.py": "plants slips in ordinary Python source",
    "autograd_mini/check/steps/": "reads ordinary Python source",
    "autograd_mini/show/arithmetic.py": "simplifies formulas as a textbook does",
    "autograd_mini/language/python_lines.py def _times": "takes the upstream gradient in",
    "autograd_mini/language/texts.py def operator_of": "asks for the one operator of a formula",
    "autograd_mini/language/python_lines.py def float_operations": "counts what Python computes",
}
"""Folders, modules and definitions that read other syntax trees than those of the language."""


def _reads_other_trees(place: Place) -> bool:
    path, _, source = place
    folder = path.rpartition("/")[0] + "/"
    where = {folder, path, f"{path} {source.partition('(')[0]}"}
    return bool(where & OTHER_TREES.keys())


def particular(tree: ast.Module) -> Iterator[ast.expr]:
    """The names by which a particular operation is fetched: ``OPERATIONS["where"]``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            fetched, names = node.value, [node.slice]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "map" and node.args:
            fetched, names = node.args[0], node.args[1:]
        elif isinstance(node, ast.ListComp):
            fetched, names = node.elt, [each.iter for each in node.generators]
        else:
            continue
        if re.match(r"(ag\.)?(OPERATIONS|RULES)\b", ast.unparse(fetched)):
            for name in (constant for each in names for constant in ast.walk(each)):
                if isinstance(name, ast.Constant) and name.value in OPERATIONS:
                    yield name


COUNTS: dict[str, Callable[[ast.Module], Iterator[ast.AST]]] = {
    "comparisons of an operation's name": comparisons,
    "particular operations that are meant": particular,
    "tables keyed by operations": tables,
    "evaluators of the language": evaluators,
    "annotations that are bare Any": bare_any,
}

WALKS = "walks over syntax trees of something else"


@dataclass(frozen=True)
class Figures:
    """What a checkout is made of: lines by what they are, and places by what they are."""

    modules: list[Module]
    lines: dict[str, int]
    places: dict[str, list[Place]] = field(repr=False)

    @property
    def all(self) -> dict[str, int]:
        """Every figure by its name."""
        return {**self.lines, **{what: len(places) for what, places in self.places.items()}}


def figures(root: Path = ROOT) -> Figures:
    """The figures of a checkout."""
    found = modules(root)
    core = [module for module in found if module.folder == CORE]
    longest = max(found, key=lambda module: len(module.text.splitlines()))
    lines = {
        "modules": len(found),
        "lines that are not empty": sum(len(module.written) for module in found),
        "lines of code": sum(len(module.code) for module in found),
        "core: lines that are not empty": sum(len(module.written) for module in core),
        "core: lines of code": sum(len(module.code) for module in core),
        "core: members of the sweep's protocol": sum(
            len(members(module.tree)) for module in core if module.path.stem == "graph"
        ),
        "longest module": len(longest.text.splitlines()),
    }
    return Figures(found, lines, places(found))


def members(tree: ast.Module) -> list[str]:
    """The members of the protocol ``Swept``, ``Node`` in older versions."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name in ("Swept", "Node"):
        if name in classes:
            node = classes[name]
            named = [s.target.id for s in node.body if isinstance(s, ast.AnnAssign)]  # type: ignore[union-attr]
            return named + [s.name for s in node.body if isinstance(s, ast.FunctionDef)]
    return []


def places(found: list[Module]) -> dict[str, list[Place]]:
    """The places that are counted, by what they are."""
    result: dict[str, list[Place]] = {what: [] for what in [*COUNTS, WALKS]}
    for module in found:
        for what, count in COUNTS.items():
            if module.folder in ENGINE and count not in (bare_any, evaluators):
                continue
            for node in count(module.tree):
                number: int = node.lineno  # type: ignore[attr-defined]
                if number in module.generated:
                    continue
                source = module.text.splitlines()[number - 1].strip()
                place = (module.path.as_posix(), number, source)
                other = count is evaluators and _reads_other_trees(place)
                result[WALKS if other else what].append(place)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT], help="checkouts")
    parser.add_argument("--list", action="store_true", help="the places as well, of the last one")
    arguments = parser.parse_args()
    each = [figures(folder.resolve()) for folder in arguments.folders]
    for what in each[0].all:
        print(f"{what:42}" + "".join(f"{figure.all[what]:10,}" for figure in each))

    last = each[-1].modules
    print(f"\n{'folder':24} {'modules':>8} {'lines':>8} {'of code':>8}   (of the last)")
    for folder in sorted({module.folder for module in last}):
        inside = [module for module in last if module.folder == folder]
        lines = sum(len(module.written) for module in inside)
        code = sum(len(module.code) for module in inside)
        print(f"{folder:24} {len(inside):8} {lines:8,} {code:8,}")
    by_length = sorted(last, key=lambda module: -len(module.text.splitlines()))
    longest = [f"{module.path.as_posix()} {len(module.text.splitlines())}" for module in by_length]
    print("longest modules:", ", ".join(longest[:5]))
    if arguments.list:
        for what, places_of in each[-1].places.items():
            print(f"\n{what}: {len(places_of)}")
            for path, number, source in places_of:
                print(f"    {path}:{number}: {source}")


if __name__ == "__main__":
    main()
