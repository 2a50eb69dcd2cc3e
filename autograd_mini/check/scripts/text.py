"""The text of a file, a notebook or a folder: cells of statements, one after the other."""

from __future__ import annotations

import ast
import linecache
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograd_mini.check.lines.syntax import is_made_of_itself, updates_itself
from autograd_mini.check.refusal import CannotTell
from autograd_mini.notebooks import code_cells, name_of_cell

_COMMANDS = re.compile(r"\A%%(?s:.*)|^(\s*)[%!].*", re.MULTILINE)
"""What is IPython's or the shell's in a cell."""


@dataclass(frozen=True)
class Cell:
    """A text that is run as a whole: a file, or a cell of code of a notebook.

    Attributes:
        name: the path of the file, or what a cell of it is called.
        text: what stands in it.
    """

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, each with its end."""
        return self.text.splitlines(keepends=True)

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree.

        Raises:
            SyntaxError: it is no Python.
        """
        return ast.parse(self.text, self.name)

    def remember(self) -> None:
        """Let Python, and what shows lines, know the text under this name."""
        linecache.cache[self.name] = (len(self.text), None, self.lines, self.name)


def cells_of_notebook(path: Path) -> list[Cell]:
    """The cells of code of a notebook, without what is no Python.

    Raises:
        ValueError: it is no notebook of format 4.
    """
    try:
        texts = code_cells(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is {error}") from error
    return [
        Cell(name_of_cell(path, number), _COMMANDS.sub(r"\1pass", text))
        for number, text in texts.items()
    ]


def cells_of(path: Path) -> list[Cell]:
    """What is run of a Python file, a notebook, or a folder that holds a program.

    Raises:
        FileNotFoundError: there is none.
        CannotTell: a folder holds several files, none of which is its main one.
        ValueError: a notebook is of another format.
    """
    path = file_at(path)
    if path.suffix == ".ipynb":
        return cells_of_notebook(path)
    with tokenize.open(path) as stream:
        return [Cell(str(path.resolve()), stream.read())]


_MAINS = ("__main__.py", "main.py", "train.py", "run.py")


def is_program(folder: Path) -> bool:
    """Whether a folder holds one program, not several."""
    return len(main_files(folder)) == 1


def main_files(folder: Path) -> list[Path]:
    """The files of a folder that are run: its main one, or those that no other there imports."""
    files = sorted([*folder.glob("*.py"), *folder.glob("*.ipynb")])
    for name in _MAINS:
        if folder / name in files:
            return [folder / name]
    imported = {name for file in files for name in _imported_by(file) if name != file.stem}
    return [file for file in files if file.stem not in imported]


def file_at(path: Path) -> Path:
    """The file at a path; of a folder the one that is run.

    Raises:
        CannotTell: a folder holds several, or none.
    """
    found = main_files(path) if path.is_dir() else [path]
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise CannotTell(
            f"{str(path)!r} holds several files that may be run, or none: {names}; give the file "
            "that trains"
        )
    return found[0]


def _imported_by(file: Path) -> set[str]:
    """The names of the modules that a file imports."""
    nodes = [node for tree in _trees(file) for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def _trees(file: Path) -> list[ast.Module]:
    """The syntax trees of a file; none where it cannot be read, which is told where it is run."""
    try:
        return [cell.tree for cell in cells_of(file)]
    except (OSError, ValueError, SyntaxError):
        return []


OPTIMISERS = (
    "minimize", "fmin_cg", "fmin_bfgs", "fmin_ncg", "fmin_l_bfgs_b", "fmin_tnc", "check_grad",
)  # fmt: skip
"""The functions of ``scipy.optimize`` that may be handed a gradient."""


def trains(cells: Sequence[Cell]) -> bool:
    """Whether some statement updates something, or makes it anew, or an optimiser is called."""
    return optimises(cells) or any(
        isinstance(node, ast.stmt) and (updates_itself(node) or is_made_of_itself(node))
        for cell in cells
        for node in ast.walk(cell.tree)
    )


def optimises(cells: Sequence[Cell]) -> bool:
    r"""Whether an optimiser of SciPy's is called, as far as that is seen.

    >>> text = "from scipy import optimize\noptimize.minimize(f, x0, jac=g)"
    >>> optimises([Cell("f.py", text)])
    True
    """
    called = {
        ast.unparse(node.func).rpartition(".")[2]
        for cell in cells
        if "scipy" in cell.text and "optimize" in cell.text
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.Call)
    }
    return not called.isdisjoint(OPTIMISERS)
