"""The check is a line of stages: no module of it imports one that comes later."""

import ast
from pathlib import Path

from autograd_mini import check

FOLDER = Path(check.__file__).parent
PREFIX = f"{check.__name__}."


def module_of(path):
    """The name of a module of the check: ``blame``, ``report.text``, ``report``."""
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FOLDER.rglob("*.py")}


def imported(path):
    """The modules of the check that a file imports, at its top or anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.removeprefix(PREFIX) in MODULES and name.startswith(PREFIX):
                yield name.removeprefix(PREFIX)


def test_every_module_has_its_place_in_the_order():
    assert sorted(check.ORDER) == sorted(name for name in MODULES if name)


def test_no_stage_imports_a_later_one():
    later = {
        (name, other)
        for name in check.ORDER
        for other in imported(MODULES[name])
        if check.ORDER.index(other) >= check.ORDER.index(name)
    }
    assert not later


def test_the_order_of_the_stages_is_written_down():
    described = [line for line in check.__doc__.splitlines() if line[:1].isdigit()]
    stages = [line.split("``")[1] for line in described]
    assert stages[0] == "problem"
    assert stages[-1] == "report"
    assert stages == sorted(stages, key=check.ORDER.index)
