"""Hypothesis profiles: HYPOTHESIS_PROFILE is ci (bounded, always the same), dev or long."""

import os

import pytest
from hypothesis import HealthCheck, settings

from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.rule import FUNCTIONS, RULES
from autograd_mini.core.value import VALUE_FUNCTIONS

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
def own_rules():
    """A test that adds rules: the tables are as before when it has ended."""
    tables = [OPERATIONS, RULES, FUNCTIONS, VALUE_FUNCTIONS]
    before = [dict(table) for table in tables]
    yield
    for table, rows in zip(tables, before, strict=True):
        table.clear()
        table.update(rows)
