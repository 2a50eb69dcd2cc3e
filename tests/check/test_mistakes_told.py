"""A mistake as text: the mark under what is wrong, long and wide lines, and places."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini.check.report import Line, Mistake, Repair
from autograd_mini.check.report.mistakes import WIDEST, file_name, place_of, told, width

CODE = st.text(st.sampled_from("ab=*()@ .\t漢字é\u0301σ\x1b\ud800"), min_size=1, max_size=260)


def rows(text, columns, *, column=0, file="net.py", reason="why", repairs=()):
    line = Line(file, 7, text, columns, column)
    made = tuple(Repair(line, right, "sign", reason, 3) for right in repairs)
    return list(told(Mistake(line, "sign", reason, made)))


@given(CODE, st.data())
def test_the_mark_is_under_what_it_marks(text, data):
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, len(text)))
    line, *below = rows(text, (first, last), repairs=[text + "x"])
    assert width(line.text) <= WIDEST + len("net.py:7  ") + 1
    assert all(c.isprintable() for row in (line, *below) for c in row.text)
    if (first, last) == (0, len(text)) or not text[first:last].strip():
        return
    (mark,) = [row.text for row in below if row.kind == "mark"]
    carets = re.match(r" *(\^+) why$", mark)
    place, wide = 0, []
    for character in line.text:
        wide.append(place)
        place += width(character)
    under = "".join(
        c for c, at in zip(line.text, wide, strict=True) if carets.start(1) <= at < carets.end(1)
    )
    shown = "".join(
        "    " if c == "\t" else c if c.isprintable() else "·" for c in text[first:last]
    ).replace("\u0301", "")
    under = under.replace("\u0301", "")  # it takes no column of its own
    if not line.text.endswith("…"):
        shown = shown.rstrip()
        assert under.rstrip("…").rstrip() == shown or not shown
    else:
        assert shown.startswith(under.rstrip("…").rstrip()) or not shown


def test_a_long_line_is_cut_around_its_mark():
    text = "total = " + " + ".join(f"term{i}" for i in range(60))
    first = text.index("term40")
    shown = rows(text, (first, first + 6), repairs=[text.replace("term40", "term41")])
    line, mark, repair = (row.text for row in shown[:3])
    assert line.startswith("net.py:7  …")
    assert line.endswith("…")
    assert line.index("term40") == mark.index("^" * 6)
    assert "term41" in repair
    assert all(width(row) <= WIDEST + 10 for row in (line, repair))


def test_a_long_statement_is_cut_around_its_mark():
    text = "f(\n" + "".join(f"        a{i},\n" for i in range(20)) + "    )"
    first = text.index("a12")
    shown = [row.text for row in rows(text, (first, first + 3), column=4)]
    assert shown == [
        "net.py:7  f(",
        "          …",
        *(f"              a{i}," for i in (10, 11, 12)),
        "              ^^^ why",
        *(f"              a{i}," for i in (13, 14)),
        "          …",
        "          )",
    ]


def test_more_than_a_few_repairs_are_counted():
    shown = [row.text for row in rows("a = b", (4, 5), repairs=[f"a = c{i}" for i in range(5)])]
    assert shown.count("or, which no number tells apart:") == 2
    assert "and 2 more, which no number tells apart" in shown
    assert shown.count("net.py:7  a = b") == 1  # one line, however many repairs


def test_a_mistake_without_a_line_is_a_sentence():
    (row,) = told(Mistake(None, "sign", "every element has the other sign", (), ("w", "b")))
    assert row.text == "w and b: every element has the other sign"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("<stdin>", "stdin"),
        ("<doctest guide.md[3]>", "doctest guide.md[3]"),
        ("<ipython-input-3-0a1b>", "In [3]"),
        ("net.ipynb, cell 4", "net.ipynb, cell 4"),
        (os.path.join(os.getcwd(), "course", "net.py"), os.path.join("course", "net.py")),
        (os.path.join(os.path.dirname(os.getcwd()), "other", "net.py"), "net.py"),
        ("a\x1bb.py", "a·b.py"),
    ],
)
def test_a_place_is_named_as_its_reader_knows_it(file, name):
    assert file_name(file) == name
    assert place_of(Line(file, 18, "", (0, 0))) == f"{name}:18"


def test_a_cell_is_named_as_ipython_counts_it():
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    try:
        shell.run_cell("1", store_history=True)
        shell.run_cell("def f():\n    return 2", store_history=True)
        file = shell.user_ns["f"].__code__.co_filename
        assert file_name(file) == f"In [{shell.execution_count - 1}]"
    finally:
        type(shell).clear_instance()
