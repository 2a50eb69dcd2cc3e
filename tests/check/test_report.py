"""Reports of a gradient check: text, JSON, HTML, files, the command line and the pytest helper.

``python tests/check/test_report.py`` writes the golden files in ``tests/golden`` anew.
"""

from __future__ import annotations

import html
import inspect
import json
import linecache
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import GradientError, Tensor, Value, check_gradients
from autograd_mini.check.report import (
    AGREE,
    CANNOT_TELL,
    CAUSES,
    DIFFER,
    ENGINE_IS_ODD,
    Cause,
    CodeLine,
    Finding,
    GradientReport,
    Line,
    Mistake,
    Quantity,
    Repair,
)
from autograd_mini.check.report.page import LEVELS, MOST_CELLS, _shades, _squares
from autograd_mini.check.report.text import SCREEN
from autograd_mini.check.report.to_json import LARGEST_ARRAY, MOST_ELEMENTS
from autograd_mini.check.report.view import worst_elements
from autograd_mini.cli import main
from autograd_mini.testing import assert_gradients

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "report-schema.json").read_text(encoding="utf-8"))


# Reports that no check has made, so that nothing in them depends on the machine


def quantity(name, verdict, manual, automatic, *, expected=None, causes=(), **more):
    automatic = np.asarray(automatic, float)
    manual = None if manual is None else np.asarray(manual, float)
    unknown = np.full(automatic.shape, np.nan)
    first = (0,) * automatic.ndim
    numerical, error = unknown.copy(), unknown.copy()
    if automatic.size:
        numerical[first], error[first] = automatic[first], 1e-11
    other = numerical if manual is None else manual
    fits = other.shape == automatic.shape
    gap = np.nanmax(np.abs(other - automatic), initial=0.0) if fits else np.inf
    return Quantity(
        **{
            "name": name,
            "shape": automatic.shape,
            "verdict": verdict,
            "evidence": "equal to rounding" if verdict == AGREE else f"the evidence for {name}",
            "inherited": False,
            "causes": tuple(
                code if isinstance(code, Cause) else Cause(code, f"{code} explains {name}")
                for code in causes
            ),
            "expected": automatic if expected is None else np.asarray(expected, float),
            "automatic": automatic,
            "manual": manual,
            "numerical": numerical,
            "numerical_error": error,
            "max_error": gap / (np.max(np.abs(automatic), initial=0.0) or 1.0),
        }
        | more
    )


def report_of(quantities, **more):
    """A report whose quantities are a chain, the first nearest the loss."""
    nodes, node = {}, Tensor(np.ones(2), label="x")
    for one in reversed(quantities):
        node = np.tanh(node)
        node.label = one.name
        nodes[one.name] = node
    return GradientReport(quantities, root=np.sum(node), nodes=nodes, **more)


def all_right():
    return report_of(
        [
            quantity("z", AGREE, [0.5, 0.25], [0.5, 0.25]),
            quantity("W", AGREE, [[1.0, 2.0]], [[1.0, 2.0]]),
        ]
    )


def two_mistakes():
    return report_of(
        [
            quantity("dZ2", DIFFER, [1.0, 2.0], [0.5, 1.0], causes=["scale", "sum-for-mean"]),
            quantity("W2", DIFFER, [[2.0], [4.0]], [[1.0], [2.0]], inherited=True),
            quantity("b2", DIFFER, [3.0], [1.5], expected=[9.0], causes=["unknown"]),
            quantity("W1", AGREE, [1.0], [1.0]),
        ]
    )


def everything():
    return report_of(
        [
            quantity("a", DIFFER, [1.0], [2.0], causes=["sign"]),
            quantity("b", DIFFER, [3.0], [2.0], inherited=True),
            quantity("c", CANNOT_TELL, [3.0], [2.0]),
            quantity("d", CANNOT_TELL, [3.0], [2.0], evidence=f"at [0]: {ENGINE_IS_ODD}"),
            quantity("e", DIFFER, None, [2.0]),
            quantity("f", AGREE, None, [2.0]),
            quantity("g", DIFFER, [[1.0, 2.0]], [1.0, 2.0], causes=["shape"]),
            quantity("h", DIFFER, [np.nan, np.inf], [1.0, 2.0], causes=["non-finite"]),
        ],
        findings=[
            Finding("softmax", ("p",), "the rows of p sum to 0.9, not to 1"),
            Finding("labels", ("t", "p"), "t has shape (20,), p has (20, 3)", wrong=True),
        ],
        loss_hint="right for ½Σ(t − o)²: 30 × the gradient of the mean",
        notes=["a: float32, checked in float64."],
    )


def many():
    return report_of(
        [quantity(f"wrong{i}", DIFFER, [1.0], [2.0], causes=["sign"] * 5) for i in range(6)]
        + [quantity(f"right{i}", AGREE, [1.0], [1.0]) for i in range(30)]
        + [quantity(f"open{i}", CANNOT_TELL, [1.0], [1.0]) for i in range(15)],
        findings=[Finding("labels", (f"t{i}",), "a label") for i in range(9)],
    )


def repair(line, text, reason, **more):
    return Repair(**{"line": line, "text": text, "cause": "wrong-operand", "reason": reason}
                  | {"verified_at": 3} | more)  # fmt: skip


def slips():
    """A slip with two repairs, one in a statement of several lines, one that nothing mends."""
    first = Line("net.py", 18, "delta1 = (delta2 @ W2.T) * A1 * (1 - Z1)", (37, 39), 4)
    other = Line("net.py", 17, "delta2 = (out - T) * Z2", (21, 23), 4)
    text = "grads = {\n        'W1': X.T @ delta1,\n        'b1': delta1,\n    }"
    several = Line("net.py", 20, text, (51, 57), 4)
    last = Line("helpers.py", 3, "return a * b", (0, 12), 4)
    return report_of(
        [
            quantity("z1", DIFFER, [1.0, 2.0], [0.5, 1.0], causes=["wrong-operand"]),
            quantity("W1", DIFFER, [[2.0], [4.0]], [[1.0], [2.0]], inherited=True),
            quantity("b1", DIFFER, [3.0], [1.5], causes=["shape"]),
            quantity("c", DIFFER, [3.0], [1.5]),
            quantity("d", AGREE, [1.0], [1.0]),
        ],
        mistakes=[
            Mistake(
                first, "wrong-operand", "σ′ is taken of Z1; σ′(Z1) = A1·(1 − A1)",
                (
                    repair(first, first.text.replace("Z1", "A1"), "σ′ is taken of Z1"),
                    repair(other, "delta2 = (out - T) * A2", "A2 belongs here", verified_at=2),
                ),
                ("z1",), ("W1",),
            ),
            Mistake(
                several, "missing-reduction", "the sum over the batch is missing",
                (repair(several, text.replace("1,\n    }", "1.sum(0),\n    }"), "n", ours=True),),
                ("b1",),
            ),
            Mistake(last, "unknown", "no single change of this line makes the gradients right", (),
                    ("c",)),
        ],
    )  # fmt: skip


def code_report(hints=3):
    z = Tensor(np.ones(2), label="w") * 3
    root = np.sum(z**2)
    w = z.parents[0]
    lines = [
        CodeLine("net.py", 7, "def manual(w):"),
        CodeLine("net.py", 8, "    z = 3 * w", "right", "z", "z", z),
        CodeLine("net.py", 9, "    dz = 5 * z", "wrong", "should be the gradient of z", "z", z),
        CodeLine("net.py", 10, '    return {"z": dz, "w": 3 * dz}', "inherited",
                 "should be the gradient of w", "w", w),
    ]  # fmt: skip
    quantities = [
        quantity("z", DIFFER, [1.0, 1.0], [2.0, 2.0]),
        quantity("w", DIFFER, [1.0, 1.0], [2.0, 2.0], inherited=True),
    ]
    nodes = {"z": z, "w": w}
    return GradientReport(quantities, root=root, nodes=nodes, lines=lines, hints=hints)


REPORTS = {f.__name__: f for f in (all_right, two_mistakes, everything, many, slips, code_report)}
GOLDENS = {
    **{f"report_{name}.txt": lambda make=make: make().text() for name, make in REPORTS.items()},
    "report_two_mistakes_0.txt": lambda: two_mistakes().text(hints=0),
    "report_two_mistakes_1.txt": lambda: two_mistakes().text(hints=1),
    **{f"report_slips_{hints}.txt": lambda hints=hints: slips().text(hints) for hints in (0, 1, 2)},
    "report_slips.json": lambda: slips().to_json(),
    "report_everything.json": lambda: everything().to_json(),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name):
    expected = (GOLDEN / name).read_text(encoding="utf-8")
    assert GOLDENS[name]().strip() == expected.strip(), (
        "if this is meant: python tests/check/test_report.py"
    )


# Text


def test_the_first_line_counts_mistakes_and_what_inherits_them():
    report = report_of(
        [quantity("dZ2", DIFFER, [1], [2]), quantity("db1", DIFFER, [1], [2])]
        + [quantity(f"x{i}", DIFFER, [1], [2], inherited=True) for i in range(5)]
    )
    first = "2 mistakes (dZ2, db1); 5 others are right given what they were handed"
    assert str(report).splitlines()[0] == first


def test_an_engine_that_is_the_odd_one_out_is_in_the_first_line():
    double = ag.primitive(lambda x: 2 * x, lambda g, out, x: 3 * g, name="double")
    report = check_gradients(
        lambda x: np.sum(double(x)), {"x": np.array([1.0, -2.0])}, {"x": np.array([2.0, 2.0])}
    )
    assert report["x"].engine_is_odd
    assert str(report).startswith("1 where the engine is the odd one out (x)\n")
    assert "(x)" not in report.text(hints=0)


def test_a_check_without_manual_reads_well():
    report = check_gradients(lambda w: np.sum(w**3), {"w": np.array([1.0, 2.0])})
    lines = str(report).splitlines()
    assert lines[0] == "1 gradient checked: all agree"
    assert lines[2].startswith("w: automatic and numerical agree; the largest difference is ")
    assert len(lines) == 3


def test_a_report_is_one_screen_and_says_what_it_left_out():
    lines = many().text().splitlines()
    assert 30 <= len(lines) <= SCREEN
    assert any(line.startswith("and 7 more, cannot tell: open8, open9, ") for line in lines)
    assert any(line.startswith("and 30 more, agree: right0") for line in lines)
    assert any(line.startswith("not explained here, for want of room: wrong") for line in lines)
    assert "    and 2 more" in lines  # causes
    assert "and 5 more findings" in lines


def test_a_mistake_after_a_mistake_is_held_against_what_it_was_handed():
    def loss(w):
        z = w * 3.0
        return np.sum(z**2)

    def manual(w):
        dz = 5 * 2 * 3 * w
        return {"z": dz, "w": 7 * 3 * dz}

    report = check_gradients(loss, {"w": np.array([1.0])}, manual)
    assert report.culprits == ["z", "w"]
    assert report["w"].expected == 90.0
    assert "given what it was handed: at [0] manual 630, right would be 90" in str(report)
    assert "right as handed</th>" in report.html()
    assert worst_elements(report["w"], 5)[0].expected == 90.0


def test_the_worst_element_of_a_mistake_is_farthest_from_what_its_own_line_should_have_given():
    mistake = quantity("w", DIFFER, [9.0, 1.0], [1.0, 1.0], expected=[9.0, 2.0])
    assert [e.index for e in worst_elements(mistake, 1)] == [(1,)]
    inherited = replace(mistake, inherited=True, expected=mistake.manual)
    assert [e.index for e in worst_elements(inherited, 1)] == [(0,)]


# Hints


SECRETS = re.compile(
    r"7\.771|3\.331|because|axis-order|sum-for-mean|½Σ|labels|unknown|\^|4321|verified_at\": 3"
)
CORRECTED = re.compile(r"@ *(right|better)|verified: |4322|→")


def secretive(hints=3):
    return report_of(
        [
            quantity(
                "dZ2", DIFFER, [7.7711, 1], [3.3311, 1],
                causes=[Cause("axis-order", "because it is X.T@right"), "sum-for-mean"],
                evidence="because 7.7711 is not 3.3311",
            ),
            quantity("W2", DIFFER, [7.7711], [3.3311], inherited=True),
            quantity("b2", CANNOT_TELL, [7.7711], [3.3311]),
        ],
        findings=[Finding("labels", ("t",), "because of t", wrong=True)],
        loss_hint="because of ½Σ",
        mistakes=[slip_with_secrets()],
        lines=[
            CodeLine("net.py", 18, "dW2 = X @ wrong", "wrong", "because of W2", "labels"),
            CodeLine("net.py", 19, "return dW2", "inherited", "because of W2", "labels"),
        ],
        hints=hints,
    )  # fmt: skip


def slip_with_secrets():
    line = Line("net.py", 18, "dW2 = X" + " " * 4316 + "@ wrong", (4321, 4328))
    right = replace(line, columns=(4322, 4328))
    return Mistake(
        line, "axis-order", "because it is X.T @ right",
        (
            repair(line, "dW2 = X.T @ right", "because it is X.T@right"),
            repair(right, "dW2 = X.T @ better", "because it is X.T @ better", ours=True),
        ),
        ("dZ2",), ("W2",),
    )  # fmt: skip


def written(report, hints, folder):
    """Everything that can be handed out at a level of hints."""
    yield report.with_hints(hints)._repr_html_()
    yield str(report.with_hints(hints))
    yield repr(report.with_hints(hints))
    for suffix in ("html", "json", "svg", "txt"):
        path = folder / f"report.{suffix}"
        assert report.save(path, hints=hints) == str(path)
        yield path.read_text(encoding="utf-8")
        assert report.with_hints(hints).save(path)
        yield path.read_text(encoding="utf-8")


@pytest.mark.parametrize("hints", [0, 1])
def test_nothing_that_is_handed_out_gives_the_reason_away(hints, tmp_path):
    for text in written(secretive(), hints, tmp_path):
        body = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
        assert not SECRETS.search(body), body
        assert not CORRECTED.search(body), body
        assert not re.search(r'"columns": [^n]', body)
        if hints == 0:
            assert "inherited" not in re.sub(r'"inherited": null', "", body)
            assert "net.py" not in body
            assert not re.search(r"mistakes? \(|differ[^\"]|class=\"quantity", body)
    told = [re.search(SECRETS, text) for text in written(secretive(), 2, tmp_path)]
    assert sum(map(bool, told)) >= 7  # the test would see a secret


def test_nothing_that_is_handed_out_below_the_highest_level_holds_a_corrected_line(tmp_path):
    for text in written(secretive(), 2, tmp_path):
        body = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
        assert not CORRECTED.search(html.unescape(body)), body
    with pytest.raises(GradientError) as error:
        secretive(2).raise_if_wrong()
    assert not CORRECTED.search(str(error.value))
    assert "axes in another order" in str(error.value)  # what is said instead
    told = [CORRECTED.search(html.unescape(text)) for text in written(secretive(), 3, tmp_path)]
    assert sum(map(bool, told)) >= 9  # the test would see one; a picture holds none


def test_hints_are_what_the_report_was_made_with():
    w = {"w": np.array([1.0, 3.0])}
    for hints in (0, 1, 2, 3):
        report = check_gradients(
            lambda w: np.sum(w**2), w, {"w": np.array([2.0, 3.0])}, hints=hints
        )
        assert report.hints == hints
        assert str(report) == report.text(hints) == report.with_hints(3).text(hints)
        assert json.loads(report.to_json())["hints"] == hints
        assert report["w"].verdict == "differ"  # the object itself holds everything
    with pytest.raises(GradientError, match=r"^1 gradient checked: 1 mistake$"):
        report.with_hints(0).raise_if_wrong()


@pytest.mark.parametrize("hints", [4, -1, None, "2", 1.0])
def test_other_hints_are_refused(hints):
    with pytest.raises(ValueError, match=r"hints is 0 .* not "):
        all_right().with_hints(hints)
    with pytest.raises(ValueError, match=r"hints is 0 .* not "):
        check_gradients(lambda w: w * 2, {"w": 1.0}, hints=hints)


# JSON


def problems(value, schema, at="report"):
    """What a JSON value has against a schema: as much of JSON Schema as ours uses."""
    if "$ref" in schema:
        yield from problems(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
    if "const" in schema and value != schema["const"]:
        yield f"{at} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "anyOf" in schema and all(list(problems(value, one, at)) for one in schema["anyOf"]):
        yield f"{at}: {value!r} fits nothing of {schema['anyOf']}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is_of(value, name) for name in types):
        yield f"{at}: {value!r} is no {types}"
    if isinstance(value, dict):
        yield from (f"{at} has no {key}" for key in schema.get("required", ()) if key not in value)
        known = schema.get("properties", {})
        yield from (f"{at}.{key} is not documented" for key in value if known and key not in known)
        for key in known.keys() & value.keys():
            yield from problems(value[key], known[key], f"{at}.{key}")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield from problems(item, schema["items"], f"{at}[{i}]")


def _is_of(value, name):
    kinds = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
        "number": (int, float), "null": type(None),
    }  # fmt: skip
    return isinstance(value, kinds[name]) and (name == "boolean" or not isinstance(value, bool))


@pytest.mark.parametrize("hints", [0, 1, 2, 3])
@pytest.mark.parametrize("name", REPORTS)
def test_json_is_as_the_schema_says(name, hints):
    found = json.loads(REPORTS[name]().to_json(hints), parse_constant=pytest.fail)
    assert list(problems(found, SCHEMA)) == []
    assert set(found) == set(SCHEMA["properties"])
    assert list(problems({**found, "hints": 4}, SCHEMA))  # the test would see a wrong value
    assert list(problems({**found, "ok": "yes"}, SCHEMA))


@pytest.mark.parametrize("name", REPORTS)
def test_another_validator_agrees_with_the_schema(name):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(REPORTS[name]().to_json()), SCHEMA)


def test_json_holds_the_numbers():
    found = json.loads(two_mistakes().to_json())
    assert found["culprits"] == ["dZ2", "b2"]
    first = found["quantities"][0]
    assert first["arrays"]["manual"] == [1.0, 2.0]
    assert first["arrays"]["numerical"] == [0.5, None]
    assert first["elements"][0] == {
        "index": [1], "manual": 2.0, "expected": 1.0, "automatic": 1.0,
        "numerical": None, "numerical_error": None,
    }  # fmt: skip
    odd = json.loads(everything().to_json())["quantities"]
    assert odd[6]["arrays"]["manual"] == [[1.0, 2.0]]
    assert odd[6]["max_error"] == "inf"
    assert odd[7]["arrays"]["manual"] == ["nan", "inf"]


def test_json_of_a_large_array_has_its_worst_elements():
    automatic = np.zeros((LARGEST_ARRAY + 1, 1))
    manual = automatic.copy()
    manual[[7, 900], 0] = 1.0, -2.0
    found = json.loads(report_of([quantity("W", DIFFER, manual, automatic)]).to_json())
    (large,) = found["quantities"]
    assert large["arrays"] is None
    assert len(large["elements"]) == MOST_ELEMENTS
    assert [(e["index"], e["manual"]) for e in large["elements"][:2]] == [
        ([900, 0], -2),
        ([7, 0], 1),
    ]
    exact = json.loads(report_of([quantity("W", DIFFER, manual[1:], automatic[1:])]).to_json())
    assert np.shape(exact["quantities"][0]["arrays"]["manual"]) == (LARGEST_ARRAY, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble, np.int64, bool])
def test_json_of_any_real_dtype(dtype):
    report = check_gradients(lambda w: w * 1.0, {"w": 3.0}, {"w": dtype(1)})
    assert json.loads(report.to_json())["quantities"][0]["arrays"]["manual"] == 1.0


# HTML


def parsed(fragment):
    """A fragment as a tree: it is well-formed XML but for its style sheet."""
    return ElementTree.fromstring(re.sub(r"<style>.*?</style>", "", fragment, flags=re.DOTALL))


def tags(fragment):
    return Counter(re.sub(r"\{.*\}", "", element.tag) for element in parsed(fragment).iter())


@pytest.mark.parametrize("hints", [0, 1, 2, 3])
@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_well_formed_and_needs_nothing_else(name, hints):
    report = REPORTS[name]().with_hints(hints)
    page = report.html()
    assert page.count(report._repr_html_()) == 1
    assert "default-src 'none'" in page
    assert page.count("<main>") == page.count("</main>") == 1
    assert not re.search(r"<script|<link|<img|@import|url\(|src=", page)
    for element in parsed(report._repr_html_()).iter():
        for key, value in element.items():
            assert not key.startswith("on")
            assert not key.endswith("href") or value.startswith("#")


def test_every_quantity_opens_to_its_numbers_side_by_side():
    tree = parsed(two_mistakes()._repr_html_())
    details = tree.findall(".//details")
    assert [d.find("summary/code").text for d in details] == ["dZ2", "W2", "b2", "W1"]
    assert [d.find("summary/strong").text for d in details] == [
        "differ", "inherited", "differ", "agree",
    ]  # fmt: skip
    assert [d.get("open") for d in details] == ["", None, "", None]
    heads = [cell.text for cell in details[0].findall(".//thead//th")]
    assert heads == ["element", "manual", "automatic", "numerical"]
    rows = [[cell.text for cell in row] for row in details[0].findall(".//tbody/tr")]
    assert rows == [["[1]", "2", "1", "not probed"], ["[0]", "1", "0.5", "0.5 ± 1e-11"]]


LINK = "{http://www.w3.org/1999/xlink}href"
"""What an SVG's link has: JupyterLab sets each ``href`` as HTML's, which an SVG's is not."""


def test_the_graph_leads_to_the_numbers():
    tree = parsed(two_mistakes()._repr_html_())
    found = {}
    for link in tree.iter("{http://www.w3.org/2000/svg}a"):
        assert not link.get("href")
        if link.get(LINK):
            found[link.get(LINK)] = link.find("{http://www.w3.org/2000/svg}text").text
    details = tree.findall(".//details")
    assert found == {f"#{d.find('div').get('id')}": d.find("summary/code").text for d in details}
    assert len(found) == 4
    images = [element for element in tree.iter() if element.get("role") == "img"]
    assert not [e for image in images for e in image.iter() if e.get(LINK)]  # out of reach there


def test_the_code_and_the_graph_lead_to_each_other():
    report = code_report()
    tree = parsed(report._repr_html_())
    svg = "{http://www.w3.org/2000/svg}"
    boxes = {g.get("id"): g for g in tree.iter(f"{svg}g") if "node" in g.get("class", "").split()}
    rows = {
        row.get("id"): row for row in tree.findall(".//div") if row.get("id", "")[-3:-1] == "_l"
    }
    told = [("".join(row.itertext()), row.get("class")) for row in rows.values()]
    assert told == [
        ("7def manual(w):", "row "),
        ("=8    z = 3 * wz", "row agree"),
        ("×9    dz = 5 * zshould be the gradient of z", "row differ"),
        ('~10    return {"z": dz, "w": 3 * dz}should be the gradient of w', "row inherited"),
    ]
    to_box = {key: a.get("href")[1:] for key, row in rows.items() for a in row.findall("a")}
    assert len(to_box) == 3
    assert set(to_box.values()) <= set(boxes)
    to_line = {
        key: link.get(LINK)[1:]
        for key, box in boxes.items()
        for link in box.iter(f"{svg}a")
        if link.get(LINK, "")[1:] in rows
    }
    assert [rows[to_line[to_box[key]]].find("span[2]").text for key in to_box] == ["9", "9", "10"]
    about = [a for row in rows.values() for a in row.findall("span[@class='words']/a")]
    details = {d.find("div").get("id"): d.find("summary/code").text for d in tree.iter("details")}
    assert [details[a.get("href")[1:]] for a in about] == ["z", "z", "w"]


def test_the_lines_of_a_derivation_are_told_right_from_wrong():
    X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]])

    def loss(w):
        z = X @ w
        return np.sum(np.tanh(z) ** 2)

    def manual(w):
        a = np.tanh(X @ w)
        dz = 2 * a * (1 + a**2)
        dw = X.T @ dz
        return {"w": dw}

    report = check_gradients(loss, {"w": np.array([0.5, -0.3])}, manual)
    assert [(line.status, line.words, line.name) for line in report.lines] == [
        ("", "", ""),
        ("right", "tanh(z)", ""),
        ("wrong", "should be the gradient of z", "z"),
        ("inherited", "should be the gradient of w", "w"),
        ("inherited", "should be the gradient of w", "w"),
    ]
    assert report.lines[3].node is report.nodes["w"]
    assert report.lines[2].text == "        dz = 2 * a * (1 + a**2)"
    right = check_gradients(loss, {"w": np.array([0.5, -0.3])}, mended(manual))
    assert [line.status for line in right.lines[1:]] == ["right"] * 4


def mended(manual):
    file = manual.__code__.co_filename + ".mended.py"
    text = textwrap.dedent(inspect.getsource(manual)).replace("1 + a**2", "1 - a**2")
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names = {"np": np, "X": inspect.getclosurevars(manual).nonlocals["X"]}
    exec(compile(text, file, "exec"), names)
    return names["manual"]


def test_the_picture_marks_what_is_wrong_and_what_inherits_it():
    svg = two_mistakes().svg()
    assert Counter(re.findall(r'class="node [^"]*?(wrong|inherited|right)"', svg)) == {
        "wrong": 2, "inherited": 1, "right": 1,
    }  # fmt: skip
    assert "× wrong: scale" in svg
    assert not re.search("wrong|inherited", two_mistakes().svg(hints=0))


def test_a_large_graph_is_folded_and_its_quantities_told():
    chain = [quantity(f"h{i}", AGREE, [1.0], [1.0]) for i in range(400)]
    page = report_of([quantity("out", DIFFER, [1.0], [2.0]), *chain]).html()
    assert "<svg" in page
    assert "A box leads to its numbers" not in page
    assert page.count("<details") == 401


def test_two_reports_can_stand_on_one_page():
    both = [two_mistakes()._repr_html_(), everything()._repr_html_()]
    ids = [
        element.get("id") for text in both for element in parsed(text).iter() if element.get("id")
    ]
    assert len(ids) == len(set(ids))


def test_a_graph_that_cannot_be_drawn_does_not_keep_the_report_from_being_told(monkeypatch):
    def refused(*arguments, **options):
        raise RuntimeError("there is no engine <here>")

    monkeypatch.setattr("autograd_mini.show.draw.draw", refused)
    page = two_mistakes().html()
    assert "No picture of the graph: there is no engine &lt;here&gt;" in page
    assert "dZ2" in page


HOSTILE = st.text(max_size=60) | st.sampled_from(
    [
        "</code><script>alert(1)</script>", "<!--", "]]>", "&lt;&amp;", '" onload="x', "'",
        "\x00\x1b[31m", "\ud800", "\u202e", "javascript:alert(1)", "\\N\\G\\l", "%s{0}", "</style>",
        "a\nb\r\nc", "#", "é" * 50, "漢字" * 30, "", " ", "NaN", "__proto__",
    ]
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(HOSTILE, min_size=7, max_size=7))
def test_names_and_sentences_are_text_and_nothing_else(texts):
    def made(texts):
        name, other, evidence, cause, message, note, hint = texts
        line = Line(f"{note}.py", 3, "".join(evidence.split("\n")) or "x", (0, 1))
        right = repair(line, "".join(message.split("\n")), hint)
        slip = Mistake(line, "sign", f"{cause}!", (right,), (name,), (other,))
        wrong = quantity(name, DIFFER, [1.0], [2.0], evidence=evidence)
        return report_of(
            [
                replace(wrong, causes=(Cause("sign", cause), Cause("scale", cause))),
                quantity(f"{other}.", DIFFER, [1.0], [2.0], inherited=True),
            ],
            findings=[Finding("labels", (name, other), f"!{message}", wrong=True)],
            notes=[note],
            loss_hint=f"{hint}!",
            mistakes=[slip],
            lines=[CodeLine(f"{note}.py", 3, evidence, "wrong", f"{cause}!", name)],
        )

    report, tame = made(texts), made(list("nopqrst"))
    for hints in (0, 1, 2, 3):
        found = json.loads(report.to_json(hints))
        assert [q["name"] for q in found["quantities"]] == list(report.quantities)
        assert list(problems(found, SCHEMA)) == []
        text = report.text(hints)
        assert text.encode()
        assert all(c.isprintable() or c == "\n" for c in text)
        fragment = report.with_hints(hints)._repr_html_()
        assert fragment.encode()
        other = tame.with_hints(hints)._repr_html_()
        assert tags(fragment).keys() == tags(other).keys()
        # How a picture is laid out depends on how long the names are
        page, tame_page = (re.sub(r"(?s)<svg.*?</svg>", "", each) for each in (fragment, other))
        assert tags(page) == tags(tame_page)
    assert len(report.text().splitlines()) <= len(tame.text().splitlines())


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 120)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, np.inf, np.nan]),
)
def test_the_map_shows_every_difference(shape, seed, special):
    rng = np.random.default_rng(seed)
    gap = np.where(rng.random(shape) < 0.9, 0.0, 10.0 ** rng.uniform(-9, 3, shape))
    gap.flat[0] = special
    shades = _shades(gap)
    assert shades.shape[0] <= MOST_CELLS[0]
    assert shades.shape[1] <= MOST_CELLS[1]
    assert shades.min() >= 0
    finite = gap[np.isfinite(gap)].max(initial=0.0)
    assert (shades.max() == LEVELS) == (finite > 0 or special == np.inf)
    if shades.shape == gap.shape:
        assert (shades[(gap > 0) & (gap >= finite * 0.9e-3)] > 0).all()
        assert (shades[gap == 0] == 0).all()
    for level in range(LEVELS + 1):
        runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", _squares(shades == level))
        again = np.zeros(shades.shape, bool)
        for x, y, width, back in runs:
            assert width == back
            again[int(y), int(x) : int(x) + int(width)] = True
        assert (again == (shades == level)).all()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 3, 4)])
def test_arrays_of_any_shape_are_told(shape):
    one = quantity("w", DIFFER, np.ones(shape), np.zeros(shape), causes=["extra-term"])
    report = report_of([one])
    assert list(problems(json.loads(report.to_json()), SCHEMA)) == []
    assert parsed(report._repr_html_()).find(".//details") is not None
    assert "extra-term" in str(report)


# Files


@pytest.mark.parametrize("suffix", ["html", "json", "svg", "txt", "HTML"])
def test_a_report_is_saved_whole(suffix, tmp_path):
    path = tmp_path / "new" / f"report.{suffix}"
    report = two_mistakes()
    assert report.save(path) == str(path)
    first = path.read_bytes()
    report.save(path)
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["report.pdf", "report", ".html", "report.html.gz"])
def test_an_unknown_ending_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"end it in \.html, \.json, \.svg, \.txt"):
        two_mistakes().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_two_processes_give_the_same_bytes():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_report as t\n"
        "r = t.check_gradients(lambda w: t.np.sum(t.ag.sigmoid(w)), {'w': t.np.ones((3, 4))},\n"
        "                      {'w': t.np.ones((3, 4))})\n"
        "for r in (r, t.everything()):\n"
        "    sys.stdout.buffer.write((r.text() + r.to_json() + r.html() + r.svg()).encode())\n"
    )
    found = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        )
        found.add(run.stdout)
    assert len(found) == 1
    assert len(found.pop()) > 10_000


# pytest


def test_assert_gradients_takes_values_tensors_and_numpy_functions():
    for w in (3.0, Value(3.0), Tensor([3.0]), np.array([3.0])):
        report = assert_gradients(lambda w: np.exp(w), {"w": w}, lambda w: {"w": np.exp(w)})
        assert report.ok
        with pytest.raises(AssertionError, match=r"1 mistake \(.*test_report.py:\d+\); w is wrong"):
            assert_gradients(lambda w: np.exp(w), {"w": w}, lambda w: {"w": -np.exp(w)})
    with pytest.raises(GradientError, match=r"^1 gradient checked: 1 mistake$"):
        assert_gradients(lambda w: w**2, {"w": 3.0}, {"w": -6.0}, hints=0)


def test_pytest_shows_the_line_of_the_test_and_the_report(tmp_path):
    test = tmp_path / "test_mine.py"
    test.write_text(
        "import numpy as np\n"
        "from autograd_mini.testing import assert_gradients\n"
        "def test_square():\n"
        "    assert_gradients(lambda w: np.sum(w**2), {'w': np.ones(2)}, lambda w: {'w': w})\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-c", os.devnull,
         "--rootdir", str(tmp_path), str(test)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
    )  # fmt: skip
    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(r"^> +assert_gradients\(lambda", run.stdout, re.MULTILINE)
    assert re.search(
        r"^E +.*GradientError: 1 mistake \(test_mine.py:4\); w is wrong for it$",
        run.stdout,
        re.MULTILINE,
    )
    assert re.search(
        r"^FAILED .*GradientError: 1 mistake \(test_mine.py:4\); w is wrong for it$",
        run.stdout,
        re.MULTILINE,
    )
    assert "raise_if_wrong" not in run.stdout
    assert "check_gradients(loss" not in run.stdout


# The command line

FILE = """
import numpy as np
params = {"w": np.array([1.0, 2.0])}
def loss(w):
    return np.sum(w ** 2)
def manual(w):
    return {"w": FACTOR * w}
"""


@pytest.fixture
def derivation(tmp_path):
    def write(text, name="derivation.py"):
        file = tmp_path / name
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(file)

    return write


@pytest.mark.parametrize(
    ("factor", "status", "line"),
    [
        ("2", 0, "1 gradient checked: all agree"),
        ("3", 1, "1 mistake (derivation.py:7); w is wrong for it"),
    ],
)
def test_the_command_line_checks_a_file(derivation, capsys, factor, status, line):
    assert main(["check", derivation(FILE.replace("FACTOR", factor))]) == status
    assert capsys.readouterr().out.splitlines()[0] == line


@pytest.mark.parametrize(("factor", "status"), [(2, 0), (3, 1)])
def test_the_status_is_the_verdict_where_nothing_can_be_printed(
    derivation, monkeypatch, factor, status
):
    file = derivation(FILE.replace("FACTOR", str(factor)))
    monkeypatch.setattr(sys, "stdout", None)  # as Python has it after `>&-`
    assert main(["check", file]) == status


def test_the_command_line_writes_reports_at_a_level_of_hints(derivation, tmp_path, capsys):
    outs = [tmp_path / "out" / f"report.{suffix}" for suffix in ("html", "json", "svg")]
    options = [text for path in outs for text in ("--out", str(path))]
    file = derivation(FILE.replace("FACTOR", "3"))
    assert main(["check", file, "--hints", "1", "--seed", "4", *options]) == 1
    out = capsys.readouterr().out
    assert "differ" in out
    assert "scale" not in out
    assert all(path.stat().st_size and f"written to {path}" in out for path in outs)
    assert json.loads(outs[1].read_text())["hints"] == 1


def test_the_command_line_says_that_there_is_no_manual(derivation, capsys):
    file = derivation(FILE.replace("FACTOR", "3").replace("def manual", "def manuals"))
    assert main(["check", file]) == 0
    assert "defines no `manual`: automatic gradients were held against numerical ones (is " in (
        out := capsys.readouterr().out
    )
    assert "`manuals` meant for `manual`?)" in out


CRASHES = {
    "base exception": "class Stop(BaseException): pass\nraise Stop('enough')",
    "closed stdout": "import sys\nsys.stdout.close()",
    "closed streams": "import sys\nsys.stdout.close(); sys.stderr.close()",
    "deep recursion": "def f(): return f()\nf()",
    "low recursion limit": "import sys\nloss = lambda w: deep(w, 200)\nsys.setrecursionlimit(150)"
    "\ndef deep(w, n): return deep(w, n - 1) if n else np.sum(w)",
    "exit in loss": "def loss(w): raise SystemExit(0)",
    "base exception in manual": "class Stop(BaseException): pass\ndef manual(w): raise Stop",
    "type error in loss": "loss = lambda w: np.sum(w + None)",
    "key error in manual": "manual = lambda w: {}['w']",
    "generator exit": "raise GeneratorExit",
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_file_that_crashes_could_not_be_checked(tmp_path, crash):
    file = tmp_path / "crashing.py"
    start = "import numpy as np\nloss = lambda w: np.sum(w * w)\nparams = {'w': np.ones(2)}\n"
    file.write_text(start + CRASHES[crash])
    command = [sys.executable, "-m", "autograd_mini", "check", file]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 2, run
    if crash != "closed streams":
        assert run.stderr.startswith("autograd-mini check: ")
        assert "autograd_mini/__main__.py" not in run.stderr


def test_a_file_is_run_as_python_runs_it(derivation, capsys):
    derivation("factor = 2", "beside_derivation.py")
    before = list(sys.path), list(sys.argv)
    text = "import beside_derivation, sys\nassert len(sys.argv) == 1\n"
    file = derivation(text + FILE.replace("FACTOR", "beside_derivation.factor"))
    assert main(["check", file]) == 0, capsys.readouterr()
    del sys.modules["beside_derivation"]
    assert (sys.path, sys.argv) == before


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (None, [], "there is no file"),
        ("x = 1", [], "has nothing to check: no statement that trains"),
        ("lose = parameters = 1", [], "is `lose` meant for `loss`?"),
        (FILE.replace("FACTOR * w}", "1, 'v': 2}"), [], "gradient for 'v'"),
        (FILE.replace("w ** 2", "w @ np.ones(3)"), [], "line 5, in loss"),
        (FILE.replace("FACTOR", "undefined"), [], "NameError: name 'undefined' is not defined"),
        ("def f(:", [], "SyntaxError"),
        ("import nothing_of_this_name", [], "line 1, in <module>"),
        ("raise SystemExit('bye')", [], "ended with SystemExit('bye')"),
        ("loss, params = len, [1]", [], "loss must return a Tensor or Value, it returned int"),
        ("loss, params = 1, {}", [], "loss is a function of the parameters, not int"),
        (FILE + "manual = 3", [], "manual must return a dict of gradients by name, or gradients"),
        (FILE + "manual = {'w': 'text'}", [], "the manual gradient of 'w' holds real numbers"),
        (FILE + "def manual(w): return 2", [], "it returned int: return {"),
        (
            FILE.replace("FACTOR", "2"),
            ["--out", "report.doc"],
            "--out 'report.doc' names no format",
        ),
        (FILE.replace("FACTOR", "2"), ["--out", "/dev/null/x.txt"], "--out /dev/null/x.txt: "),
    ],
)
def test_the_command_line_explains_misuse(derivation, tmp_path, capsys, text, options, words):
    file = str(tmp_path / "none.py") if text is None else derivation(text)
    assert main(["check", file, *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "autograd_mini/" not in error


def test_other_hints_on_the_command_line_are_misuse(derivation):
    with pytest.raises(SystemExit, match="2"):
        main(["check", derivation(FILE), "--hints", "4"])


def test_every_cause_is_told_in_words():
    report = report_of([quantity(c, DIFFER, [1.0], [2.0], causes=[c]) for c in CAUSES])
    page = report.html()
    assert all(f"<span>{code} ({words})</span>" in page for code, words in CAUSES.items())


def test_a_gradient_that_is_only_rounding_is_called_zero_and_no_large_difference():
    X = np.random.default_rng(0).normal(size=(6, 2))

    def loss(w, b):
        z = X * w + b
        return np.sum((z - np.mean(z, axis=0)) ** 4)

    params = {"w": np.array([0.3, 1.0]), "b": np.array([0.2, 0.1])}
    report = ag.check_gradients(loss, params, {"b": np.zeros(2)})
    assert report.ok
    assert "b: manual, automatic and numerical agree; b is 0 but for rounding" in str(report)


if __name__ == "__main__":
    for file, make in GOLDENS.items():
        (GOLDEN / file).write_text(make().strip() + "\n", encoding="utf-8")
