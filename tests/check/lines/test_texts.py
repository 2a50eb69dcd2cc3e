"""A changed statement as it stands in the user's file."""

import ast

import numpy as np
import pytest

from autograd_mini.check.lines.source import Statement, unit_of
from autograd_mini.check.lines.texts import changed_parts, rewritten, with_plain_products


def written(a, b, c):  # the spaces and brackets of a user
    # fmt: off
    d1 = (a@b.T)*c*(1-a)
    db = np.sum(d1,axis = 1)
    x  = a+ b*c
    y  = (a
          @ b)
    x  +=  y @ b
    return {"a": db,  "b":x}
    # fmt: on


LINES = {
    s.text.split()[0] + str(i): s
    for i, s in enumerate(Statement(unit_of(written), node) for node in unit_of(written).tree.body)
}


def statement(text):
    return ast.parse("def f():\n    " + text).body[0].body[0]


@pytest.mark.parametrize(
    ("line", "edited", "text"),
    [
        ("d10", "d1 = (a@b.T)*c*(1-c)", "d1 = (a@b.T)*c*(1-c)"),
        ("d10", "d1 = (a@b.T)*c", "d1 = (a@b.T)*c"),
        ("d10", "d1 = (a@b)*c*(1-a)", "d1 = (a@b)*c*(1-a)"),
        ("db1", "db = d1", "db = d1"),
        ("x2", "x = a + b/c", "x  = a+ b / c"),
        ("x2", "x = (a+b)*c", "x  = (a + b) * c"),
        ("x4", "x -= y @ b", "x -= y @ b"),
        ("return5", "return {'a': db.T, 'b': x}", 'return {"a": db.T,  "b":x}'),
    ],
)
def test_what_is_unchanged_keeps_its_text(line, edited, text):
    assert rewritten(LINES[line], statement(edited)) == text


@pytest.mark.parametrize("line", LINES)
def test_a_statement_that_is_not_changed_keeps_all_of_it(line):
    assert rewritten(LINES[line], LINES[line].node) == LINES[line].text


def test_the_text_is_the_edited_statement_whatever_the_edit():
    for line in LINES.values():
        for edited in ("d1 = -(a@b.T)*c*(1-a)", "x = 2*(a + b*c)", "y = (a @ b).T", "return a"):
            text = rewritten(line, statement(edited))
            assert ast.dump(statement(text.replace("\n", " "))) == ast.dump(statement(edited))


def test_columns_are_counted_in_characters():
    line = LINES["d10"]
    ((old, new),) = changed_parts(line.node, statement("d1 = (a@b.T)*c*(1-c)"))
    start, end = line.span(old)
    assert line.line[start:end] == "a"
    assert new.id == "c"


def test_products_have_no_brackets_that_the_user_did_not_write():
    original = statement("d = a * (b * c)")
    assert ast.unparse(with_plain_products(original, original)) == "d = a * (b * c)"
    assert ast.unparse(with_plain_products(original, statement("d = a"))) == "d = a * b * c"
