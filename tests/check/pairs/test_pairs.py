"""``check_backward``: layers as they stand, right ones and such with one slip."""

import pytest
from layers import RIGHT

from autograd_mini import check_backward


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_layer_agrees(name):
    report = check_backward(*RIGHT[name])
    assert report.ok, report
    assert not report.mistakes
    assert all(quantity.manual is not None for quantity in report.quantities.values())
