"""docs/coverage.md: what is differentiated, and what is really so."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(np, "matvec"), reason="NumPy 2.2 or newer has all functions")
def test_the_page_is_what_is_differentiated():
    pytest.importorskip("scipy.special")
    spec = importlib.util.spec_from_file_location("coverage_page", DOCS / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text("utf-8")
    assert page == module.page(), "if meant: python docs/coverage.py"
    assert " no |" not in page
    assert page.count("| yes | yes | yes | yes |") > 250
