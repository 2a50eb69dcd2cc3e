"""nn stands on the public API of the engine: what it uses, a library of anybody's may use."""

import ast
from pathlib import Path

import pytest

import autograd_mini as ag

ROOT = Path(ag.__file__).resolve().parent
MODULES = sorted((ROOT.parent / "nn").rglob("*.py"))
PUBLIC = {"trees", "files", "typing", "other_libraries"}
"""The modules of the engine that a library on top of it may import."""


def imported(tree: ast.Module) -> list[tuple[int, str]]:
    """The line and the dotted name of everything that a module imports of the package."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports inside nn are absolute"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return [(line, name) for line, name in found if name.partition(".")[0] == "autograd_mini"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_private_part_of_the_engine_is_imported(path):
    tree = ast.parse(path.read_text())
    public = {*ag.__dir__()} - {
        "core",
        "language",
        "operations",
        "interface",
        "check",
        "show",
        "testing",
        "cli",
        "transforms",
        "extend",
    }
    for line, name in imported(tree):
        _, *parts = name.split(".")
        if not parts or parts[0] == "nn":
            continue
        where = f"{path.name}, line {line}: {name} is no public name of autograd_mini"
        assert parts[0] in PUBLIC or (len(parts) == 1 and parts[0] in public), where
        assert not any(part.startswith("_") for part in parts), where


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_module_is_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 500


def test_the_wheel_holds_every_folder():
    text = (ROOT.parent / "setup.cfg").read_text()
    folders = {path.parent.relative_to(ROOT.parent).as_posix() for path in MODULES}
    for folder in folders:
        assert f"\n    autograd_mini.{folder.replace('/', '.')}\n" in text
