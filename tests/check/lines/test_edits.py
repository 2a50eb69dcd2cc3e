"""Edits of a line: what undoes each usual slip is among them."""

import ast

import numpy as np

from autograd_mini.check.lines.edits import edits, words_of


def test_edits_are_distinct_and_leave_the_original_alone():
    line = ast.parse("dW = X.T @ (d * (1 - Z ** 2)) / N + lam * np.sum(W, axis=0)").body[0]
    before = ast.dump(line, include_attributes=True)
    arrays = {"X": (5, 4), "d": (5, 3), "Z": (5, 3), "W": (4, 3), "A": (5, 3)}
    values = {name: np.ones(shape) for name, shape in arrays.items()}
    found = edits(line, words_of(line, {"np": np, "N": 5, "lam": 0.1, **values}))
    assert ast.dump(line, include_attributes=True) == before
    texts = [ast.unparse(edit.statement) for edit in found]
    assert len({*texts, ast.unparse(line)}) == len(texts) + 1
    for edit in found:
        compile(ast.Module([edit.statement], []), "<line>", "exec")
    assert [edit.cost for edit in found] == sorted(edit.cost for edit in found)
