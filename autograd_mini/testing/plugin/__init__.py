"""``pytest --gradients FILE``: the hand-derived gradients of files are checked, a test for each.

It is installed as ``pytest_autograd_mini``, a package by itself, so that pytest, which imports all
plugins that there are, imports nothing of this one's library where it is not asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.getgroup("autograd_mini").addoption(
        "--gradients",
        action="append",
        default=[],
        metavar="FILE",
        help="check the hand-derived gradients of a script, a notebook or a folder, as "
        "autograd-mini check does, as a test; may be given again",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Where no tests are named besides, these are all."""
    if config.getoption("gradients") and config.args_source is not config.ArgsSource.ARGS:
        config.args = []


@pytest.hookimpl(tryfirst=True)  # before some are left out by -k
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """One more test for each file."""
    folder = session.config.invocation_params.dir
    for file in session.config.getoption("gradients"):
        items.append(
            Gradients.from_parent(session, name=f"gradients of {file}", path=folder / file)
        )


class Gradients(pytest.Item):
    """The check of a file, in a process of its own, with the limits of the command."""

    def runtest(self) -> None:
        """Check it.

        Raises:
            Wrong: the report, or why there is none.
        """
        path = os.pathsep.join(filter(None, sys.path))
        done = subprocess.run(
            [sys.executable, "-m", "autograd_mini", "check", "--hints=2", "--", str(self.path)],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        )
        if done.returncode:
            raise Wrong((done.stdout if done.returncode == 1 else done.stderr).strip())

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """The report alone."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it is, and what it is called."""
        return self.path, None, self.name


class Wrong(AssertionError):
    """A gradient is wrong, or cannot be checked."""
