"""What all tests share: HYPOTHESIS_PROFILE is ci (bounded, always the same), dev or long."""

import os

import pytest
from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile(
    "ci", max_examples=20, deadline=None, derandomize=True, suppress_health_check=SLOW
)
settings.register_profile("dev", max_examples=30, deadline=None, suppress_health_check=SLOW)
settings.register_profile("long", max_examples=1000, deadline=None, suppress_health_check=SLOW)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


@pytest.fixture
def tried(monkeypatch):
    """The statements of the changes that the search for a line tries, in their order."""
    from autograd_mini.check.lines.budget import Budget

    statements, count = [], Budget.count
    monkeypatch.setattr(Budget, "count", lambda self, s: statements.append(s) or count(self, s))
    return statements
