"""docs/reports.md: twelve slips, and what is really said of them."""

import importlib.util
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def reports():
    spec = importlib.util.spec_from_file_location("reports", DOCS / "reports.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["reports"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["reports"]


def test_the_page_is_what_is_said(reports):
    assert reports.PAGE.read_text("utf-8") == reports.page(), "if meant: python docs/reports.py"


def test_the_slips_are_found(reports):
    page = reports.PAGE.read_text("utf-8")
    assert len(reports.SLIPS) == 12
    assert page.count("\n## ") == page.count("\n1 mistake (") == 12
    assert page.count("relative error ") + page.count("mismatched") >= 12
    assert page.count("\nverified: with ") >= 11  # all but a penalty that is left out
