"""benchmarks/lines.py judges what it is shown: the right line, another one, a false repair."""

import sys
from pathlib import Path
from types import SimpleNamespace as Shown

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from lines import Outcome, judge
from planted import EVERY, Case, planted


def judged(case, chosen, drawn, wrong, shown):
    mistakes = [
        Shown(line=Shown(number=n), cause="sign", reason="", repair=Shown(text=text), repairs=[])
        for n, text in shown
    ]
    found = Outcome(str(case), case.network, "", "")
    judge(found, drawn, wrong, chosen, lambda: Shown(ok=False, mistakes=mistakes))
    return found


@pytest.mark.parametrize("network", EVERY)
@pytest.mark.parametrize("count", [1, 2])
def test_the_right_lines_are_right_and_wrong_ones_false(network, count):
    case = Case("single", network, 100 + count)
    drawn = case.drawn()
    chosen, wrong = planted(drawn, count)
    assert not drawn.mends(wrong)
    right = [(mutant.line, mutant.before) for mutant in chosen]
    found = judged(case, chosen, drawn, wrong, right)
    assert found.line
    assert found.one
    assert found.repaired
    assert found.text
    assert not found.false
    left = [(mutant.line, mutant.after) for mutant in chosen]
    found = judged(case, chosen, drawn, wrong, left)
    assert found.line
    assert found.false
    assert not found.repaired


def test_another_line_and_one_mistake_too_many_are_seen():
    case = Case("single", "textbook", 1)
    drawn = case.drawn()
    chosen, wrong = planted(drawn, 1)
    (mutant,) = chosen
    found = judged(case, chosen, drawn, wrong, [(mutant.line - 1, "pass"), (mutant.line, "pass")])
    assert not found.line
    assert not found.one
    assert found.false
    found = judged(case, chosen, drawn, wrong, [])
    assert [found.line, found.one, found.repaired, found.false] == [False] * 4
