"""The papers are true: the picture of the package, the tour of its core, the figures.

ARCHITECTURE.md says what is asserted here: its blocks ``imports`` and ``modules`` and its table of
ceilings are read, not repeated.
"""

import ast
import configparser
import doctest
import importlib.util
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import extend
from autograd_mini._build import generate
from autograd_mini.check import causes, slips
from autograd_mini.check.result import CAUSES
from autograd_mini.core.operation import define, register
from autograd_mini.core.rule import RULES
from autograd_mini.operations import elementwise
from autograd_mini.testing import prove_rule

ROOT = Path(__file__).parent.parent
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
INSIDE = (ROOT / "docs" / "inside.md").read_text(encoding="utf-8")


def _structure():
    spec = importlib.util.spec_from_file_location("structure", ROOT / "benchmarks/structure.py")
    module = sys.modules["structure"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


structure = _structure()
FIGURES = structure.figures()
NAMES = {}
"""Every module that was written by hand or generated: its name, with its path."""
for _folder, _package in (("autograd_mini", "autograd_mini"), ("nn", "autograd_mini.nn")):
    for _path in sorted((ROOT / _folder).rglob("*.py")):
        if not _path.is_relative_to(ROOT / "autograd_mini" / "nn"):
            _parts = _path.relative_to(ROOT / _folder).with_suffix("").parts
            NAMES[".".join([_package, *_parts]).removesuffix(".__init__")] = _path


def block(text: str, kind: str) -> dict[str, list[str]]:
    """A fenced block of ARCHITECTURE.md: the first word of a line, with the words after it."""
    lines = re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL).group(1).splitlines()
    words: dict[str, list[str]] = {}
    for line in lines:
        first, *rest = line.split()
        if line[0] == " ":
            words[next(reversed(words))] += [first, *rest]
        else:
            words[first] = rest
    return words


# The picture


def folder_of(module: str) -> str:
    """The part of the picture that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules of this package that a module imports, wherever it does; types alone are none."""
    types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom) and node.module in NAMES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else node.module


def imported_at_once(path: Path) -> set[str]:
    """The modules of this package that are imported with a module."""
    body = ast.parse(path.read_text("utf-8")).body
    return set(imported(ast.Module([s for s in body if isinstance(s, STATEMENTS)], [])))


STATEMENTS = (ast.Import, ast.ImportFrom)


def test_a_folder_imports_no_other_than_the_picture_allows():
    allowed = {
        folder: {*others} - {"-"} for folder, others in block(ARCHITECTURE, "imports").items()
    }
    assert allowed.keys() == {folder_of(module) for module in NAMES}
    for module, path in NAMES.items():
        folder = folder_of(module)
        others = {folder_of(other) for other in imported(ast.parse(path.read_text("utf-8")))}
        assert others <= {folder, *allowed[folder]}, module


def test_the_core_takes_from_the_rest_of_the_engine_what_the_papers_say():
    found = {}
    for module, path in NAMES.items():
        if folder_of(module) == "core":
            others = {other.removeprefix("autograd_mini.") for other in imported_at_once(path)}
            folders = ("operations", "interface", "_build")
            if seams := sorted(other for other in others if other.split(".")[0] in folders):
                found[path.stem] = seams
    assert found == {name: sorted(seams) for name, seams in block(ARCHITECTURE, "seams").items()}


def test_every_module_is_in_the_picture():
    shown = block(ARCHITECTURE, "modules")
    modules: dict[str, set[str]] = {folder: set() for folder in shown}
    for name, path in NAMES.items():
        if path.stem not in ("__init__", "__main__"):
            folder = name.removeprefix("autograd_mini.").replace(".", "/").rpartition("/")[0]
            modules.setdefault(folder or "autograd_mini", set()).add(path.stem)
    assert {folder: sorted(names) for folder, names in shown.items() if names} == {
        folder: sorted(names) for folder, names in modules.items() if names
    }


def test_the_imports_of_the_test_are_seen():
    tree = ast.parse(
        "def f():\n    from autograd_mini.check import blame\n    import autograd_mini.nn"
    )
    assert list(imported(tree)) == ["autograd_mini.check.blame", "autograd_mini.nn"]


# The figures


def ceilings() -> dict[str, int]:
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \|$", ARCHITECTURE, re.MULTILINE)
    return {what: int(number.replace(",", "")) for what, number in rows}


def code_of(module: str) -> int:
    return next(len(m.code) for m in FIGURES.modules if m.path.as_posix() == module)


MEASURED = {
    "`core/`: lines of code": lambda: FIGURES.all["core: lines of code"],
    "`value.py`, lines of code": lambda: code_of("autograd_mini/core/value.py"),
    "`tensor.py`, lines of code": lambda: code_of("autograd_mini/core/tensor.py"),
    "members of the protocol by which the sweep speaks to a node": (
        lambda: FIGURES.all["core: members of the sweep's protocol"]
    ),
    "longest module, all lines": lambda: FIGURES.all["longest module"],
    "comparisons of an operation's name outside the engine": (
        lambda: FIGURES.all["comparisons of an operation's name"]
    ),
    "particular operations that are meant outside the engine": (
        lambda: FIGURES.all["particular operations that are meant"]
    ),
    "tables keyed by operations outside the engine": lambda: FIGURES.all[
        "tables keyed by operations"
    ],
    "evaluators of the language": lambda: FIGURES.all["evaluators of the language"],
    "annotations that are `Any` and nothing else": (
        lambda: FIGURES.all["annotations that are bare Any"]
    ),
}


def test_each_figure_has_a_ceiling():
    assert ceilings().keys() == MEASURED.keys()


@pytest.mark.parametrize("what", MEASURED)
def test_no_figure_is_above_its_ceiling(what):
    assert MEASURED[what]() <= ceilings()[what]


def test_what_is_counted_is_seen():
    tree = ast.parse(
        "node.op == 'sum'\nlayer.name == 'sum'\n"
        "{'sum': 1, 'matmul': 2}\n{'sum': 1, 'of': 2, 'x': 3}\n"
        "a, b = map(OPERATIONS.__getitem__, ('sum', 'exp'))\n"
        "[ag.OPERATIONS[name] for name in ('log',)]\nRULES['exp']\nOPERATIONS['of']\n"
        "def f(x: Any) -> int: isinstance(x, ast.BinOp)\n"
    )
    counts = {what: len(list(count(tree))) for what, count in structure.COUNTS.items()}
    assert list(counts.values()) == [1, 4, 1, 1, 1]


def test_what_is_generated_is_not_counted():
    module = structure.Module(
        Path("m.py"),
        '"""Text."""\n# region a: written by `python -m x`\na = 1\n# endregion\n'
        "b = 2  # two\n\n# c\n",
    )
    assert (module.written, module.code) == ({1, 5, 7}, {5})
    assert "functions" not in {m.path.stem for m in FIGURES.modules if m.folder.endswith("_build")}
    paths = [m.path for m in FIGURES.modules]
    assert len(paths) == len(set(paths))
    assert not any(path.parts[:2] == ("autograd_mini", "nn") for path in paths)


def test_each_walk_that_is_excused_is_there():
    excused = FIGURES.places[structure.WALKS]
    for what in structure.OTHER_TREES:
        assert any(f"{path} {source}".startswith(what) for path, _, source in excused), what


# The tour


def examples(text: str) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(text)


def tiny_engine() -> dict[str, object]:
    """The names of the tiny engine."""
    names: dict[str, object] = {}
    for example in examples(INSIDE):
        exec(compile(example.source, "docs/inside.md", "single"), names)
    return names


def test_the_tiny_engine_is_complete_in_100_lines():
    engine = [e.source for e in examples(INSIDE) if not e.want]
    lines = [line for source in engine for line in source.splitlines() if line.strip()]
    assert len(lines) <= 100


def losses(matrix, vector):
    """Losses in plain NumPy, of a matrix and a vector that is broadcast."""
    X = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
    hidden = np.tanh(X @ matrix + vector)
    yield np.sum(hidden**2) / 2
    yield np.sum(np.log(1 + np.exp(-hidden)) * (hidden - 0.5))
    yield np.sum(hidden / np.reshape(np.sum(np.exp(hidden), axis=1), (4, 1)))
    yield -np.sum(matrix @ np.transpose(matrix)) + np.sum(vector ** (2 - vector))


MATRIX, VECTOR = np.array([[0.5, -0.3], [0.2, 0.8], [-0.6, 0.1]]), np.array([0.4, 0.7])


@pytest.mark.parametrize("index", range(4))
def test_the_tiny_engine_gives_the_gradients_of_the_real_one(index):
    tiny = tiny_engine()

    def loss(*operands):
        return list(losses(*operands))[index]

    nodes = [tiny["Node"](MATRIX), tiny["Node"](VECTOR)]
    tensors = [ag.Tensor(MATRIX), ag.Tensor(VECTOR)]
    ours = tiny["gradients"](loss(*nodes), nodes)
    real = ag.gradients(loss(*tensors), tensors)
    for place, (our, exact) in enumerate(zip(ours, real, strict=True)):
        np.testing.assert_allclose(our, exact, rtol=1e-12)
        for at in np.ndindex(exact.shape):

            def along(step, place=place, at=at):
                moved = [MATRIX.copy(), VECTOR.copy()]
                moved[place][at] += step
                return loss(*moved)

            step = 1e-5  # its square, and rounding over it, are below 1e-9
            slope = (along(step) - along(-step)) / (2 * step)
            np.testing.assert_allclose(slope, exact[at], rtol=1e-6, atol=1e-8)


def test_the_tiny_engine_differentiates_its_gradients():
    tiny = tiny_engine()
    node, tensor = tiny["Node"](MATRIX), ag.Tensor(MATRIX)
    second = []
    for gradients, x in ((tiny["gradients"], node), (ag.gradients, tensor)):
        [first] = gradients(next(losses(x, VECTOR)), [x], create_graph=True)
        second.append(gradients(np.sum(first**2), [x])[0])
    np.testing.assert_allclose(*second, rtol=1e-12)


def test_the_tour_goes_through_every_file_of_the_engine():
    toured = set(re.findall(r"`(\w+)\.py`", INSIDE))
    files = [path for folder in structure.ENGINE for path in (ROOT / folder).glob("[a-z]*.py")]
    assert {path.stem for path in files} <= toured


STOPS = re.findall(r"^\d\. `([\w.]+)` \(`(\w+\.py)`\)", INSIDE, re.MULTILINE)


def stops(call) -> list[tuple[str, str]]:
    """The functions of this package that run, each with its file; what is inside one is none."""
    seen = []

    def profile(frame, event, argument):
        code = frame.f_code
        ours = Path(code.co_filename).is_relative_to(ROOT / "autograd_mini")
        if event == "call" and ours and "<locals>" not in code.co_qualname:
            seen.append((code.co_qualname, Path(code.co_filename).name))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(before)
    return seen


def test_the_life_of_np_exp_has_the_stops_that_the_papers_list():
    code = (  # of plain Python, whose calls are seen
        "import numpy as np; import autograd_mini as ag; from test_architecture import stops\n"
        "t = ag.Tensor([1.0, 2.0])\n"
        "np.exp(t)  # what is made at the first use of a row has been made\n"
        "print(stops(lambda: np.exp(t)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AUTOGRAD_MINI_PURE": "1"},
        cwd=Path(__file__).parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ast.literal_eval(found.stdout) == STOPS
    assert len(STOPS) <= 3
    life = ARCHITECTURE.partition("## The life of `np.exp(t)`")[2].partition("##")[0]
    places = [life.index(f"`{name}`") for name, _ in STOPS]
    assert places == sorted(places)


# Papers


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_the_examples_run(name):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, _ = doctest.testfile(str(ROOT / name), module_relative=False, optionflags=flags)
    assert not failed


def code_with(words: str) -> str:
    """The block of ARCHITECTURE.md without prompts that has these words."""
    blocks = re.findall(r"```python\n(?!>>>)(.*?)```", ARCHITECTURE, re.DOTALL)
    return next(block for block in blocks if words in block)


def test_the_row_of_the_example_is_all_that_it_needs():
    row = eval(code_with("_row(").removeprefix("row = "), vars(elementwise))
    RULES[row.name] = row
    register(row)
    extend._define(row)
    assert prove_rule(row.name)
    assert np.cbrt(ag.Value(8.0)).data == np.cbrt(ag.Tensor(8.0)).data == 2.0
    assert ag.gradients(np.cbrt(x := ag.Tensor(8.0)), x) == 1 / 12


def test_the_cause_of_the_example_is_found_with_what_the_paper_names(monkeypatch):
    scope = dict(vars(slips))
    exec(code_with("def _rounded"), scope)
    before = slips.slips
    both = lambda step, updated: itertools.chain(before(step, updated), scope["_rounded"](step))  # noqa: E731
    monkeypatch.setattr(causes, "slips", both)
    monkeypatch.setitem(CAUSES, "rounded", "rounded to whole numbers")
    X, t = np.linspace(-1.7, 2.3, 12).reshape(4, 3), np.linspace(-3.0, 2.0, 8).reshape(4, 2)

    def loss(W):
        z = X @ W
        return np.sum((z - t) ** 2) / 2

    def manual(W):
        dz = X @ W - t
        return {"z": dz, "W": np.rint(X).T @ dz}

    report = ag.check_gradients(loss, {"W": np.full((3, 2), 0.3)}, manual, seconds=0)
    assert report["W"].cause == "rounded"
    assert "rounded to whole numbers" in report.html()


PAPERS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(paper):
    text = re.sub(r"```.*?```", "", paper.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        file = paper.parent / target if target else paper
        assert file.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
            assert heading in slugs, heading


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(paper):
    text = paper.read_text(encoding="utf-8")
    folders = "autograd_mini|nn|docs|tests|benchmarks|examples"
    for name in re.findall(rf"`((?:{folders})/[\w./]+\.\w+)`", text):
        assert (ROOT / name).exists(), name


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_decisions_are_numbered_and_short():
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 40, path.name
        assert re.findall(r"^## (\w+)", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
        ]


def test_a_block_of_an_operation_documents_it():
    define(
        "gram",
        lambda x: np.asarray(x).T @ x,
        lambda g, out, x: x @ (g + g.T),
        reads="operands",
        sentence="The inner products of a matrix's columns.",
    )
    [row] = [line for line in generate.array_documentation() if line.startswith("| `gram`")]
    assert "The inner products of a matrix's columns." in row
    assert row.count("|") == next(generate.array_documentation()).count("|")


def test_every_package_is_installed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for folder in ("autograd_mini", "nn")
        for file in (ROOT / folder).rglob("__init__.py")
        if "nn" not in file.parent.relative_to(ROOT).parts[1:]
    }
    named = [line.split(" = ") for line in setup["options"]["package_dir"].split("\n") if line]
    names = {folder.replace("/", "."): name for name, folder in named}
    packages = {
        re.sub(rf"^({'|'.join(map(re.escape, names))})\b", lambda at: names[at[0]], name)
        for name in found
    }
    assert set(setup["options"]["packages"].split()) == packages


def test_no_doctest_wrote_beside_the_sources():
    """A folder's object in the place of its path makes a folder of that text."""
    assert not [path.name for path in ROOT.iterdir() if path.name.startswith("<")]
