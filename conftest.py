"""What pytest collects, and what holds for all tests and doctests."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from autograd_mini import build_info
from autograd_mini.core.operation import NUMPY_FUNCTIONS, OPERATIONS, SELDOM_OPTIONS, enter_seldom
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.core.value import VALUE_FUNCTIONS

with suppress(ImportError):
    import scipy.special  # noqa: F401 - whose functions are entered then
enter_seldom()  # before a test sees the tables, which are put back after it

PASSED_TO = "AUTOGRAD_MINI_PASSED_TO"
"""The variable that says where is written which tests passed: no option, which pytests that tests
start would have as well."""

collect_ignore = []
if build_info()["build"] == "compiled":  # tests/_build runs its examples on both
    collect_ignore.append("autograd_mini/core/value.py")
if build_info()["arrays"] == "compiled":
    collect_ignore.append("autograd_mini/core/array_node.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nothing-skipped",
        action="store_true",
        help="fail if a test is skipped: here everything is installed that tests need",
    )
    parser.addoption("--not-in", metavar="FILE", help="leave out tests that passed: --not-in=FILE")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of tests that passed elsewhere those are left that did not, or were not run there."""
    if file := config.getoption("--not-in"):
        passed = set(Path(file).read_text().splitlines())
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if (file := os.environ.get(PASSED_TO)) and reporter is not None:
        passed = (report.nodeid for report in reporter.stats.get("passed", []))
        Path(file).write_text("\n".join(passed))
    if not session.config.getoption("--nothing-skipped"):
        return
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    ours = str(session.config.rootpath)  # scikit-learn's own checks of estimators skip as well
    if any(str(report.longrepr[0]).startswith(ours) for report in skipped):
        reporter.write_line("\ntests were skipped, which --nothing-skipped forbids", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def the_table_is_left_as_it_was() -> Iterator[None]:
    """Operations that a test adds are gone after it."""
    tables = [OPERATIONS, NUMPY_FUNCTIONS, SELDOM_OPTIONS, RULES, FUNCTIONS, VALUE_FUNCTIONS]
    before = [dict(table) for table in tables]
    yield
    for table, rows in zip(tables, before, strict=True):
        if [*map(id, table.values())] != [*map(id, rows.values())]:
            table.clear()
            table.update(rows)
