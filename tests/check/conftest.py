"""What tests of the check share."""

import pytest

from autograd_mini.check.lines.budget import Budget


@pytest.fixture
def tried(monkeypatch):
    """The statements of the changes that are tried, one for each, in their order."""
    statements, count = [], Budget.count
    monkeypatch.setattr(Budget, "count", lambda self, s: statements.append(s) or count(self, s))
    return statements
