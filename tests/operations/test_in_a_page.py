"""Every operation beside the engine, as a page computes it again in JavaScript."""

import json
import shutil
import subprocess
from importlib import resources

import numpy as np
import pytest
from test_arrays import CALLS, REDUCTIONS, X, array

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.core.graph import rebuild, reverse_sweep, topological_order
from autograd_mini.core.operation import OPERATIONS
from autograd_mini.core.rule import RULES
from autograd_mini.page.program import NoProgram, program_of

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no node")

DECOMPOSED = {
    "cholesky", "eig", "eigh", "eigvalsh", "lstsq", "pinv", "qr", "svd", "svdvals", "expm",
}  # fmt: skip
QUADRATURE = {"sinc_of_order"}
SPARSE = {"sparse_product"}
OF_SCIPY = {
    "psi", "polygamma", "gammaln", "gamma", "rgamma", "beta", "betaln", "logit", "ndtr",
    "log_ndtr", "ndtri", "erfcx", "erfinv", "erfcinv", "xlogy", "xlog1py", "entr", "rel_entr",
    "kl_div", "iv", "ive", "jv", "j0", "j1", "yn", "yv", "y0", "y1", "kv", "i0", "i1", "gammainc",
    "gammaincc", "betainc", "stdtr", "boxcox", "huber",
}  # fmt: skip
WITHOUT = DECOMPOSED | QUADRATURE | SPARSE | OF_SCIPY
"""What a page has no program for: matrices that LAPACK decomposes, by iteration or in a way of its
own; integrals; matrices that are no arrays; SciPy's special functions, which JavaScript lacks."""

AT_A_KINK = {"corrcoef"}
"""It clips at 1 what is 1 but for rounding, which may be on another side of it in a page."""


def in_javascript(cases):
    """What the page's script computes of each graph, before and after its leaves are changed."""
    numbers = resources.files("autograd_mini.page").joinpath("numbers.js").read_text("utf-8")
    texts = []
    for program, order, changed in cases:
        uses = sorted(program.shares)
        place = {node: i for i, node in enumerate(order)}
        operands = [(h, s, place[order[h].parents[s]]) for h, s in uses]
        shapes = [np.shape(node.data) for node in order]
        told = program.data(uses, order[-1].seed(None))
        new = [
            [slot, float(number)]
            for node, leaf in changed.items()
            for slot, number in zip(program.nodes[place[node]], np.ravel(leaf.data), strict=True)
        ]
        texts.append(
            f"RULES = (() => {{ {program.text()} return RULES; }})();\n"
            f"results.push(run({json.dumps([told, operands, shapes, new])}));"
        )
    script = f"""{numbers}
let RULES; const results = [];
const run = ([program, uses, shapes, changed]) => {{
  const machine = makeMachine(program, uses, shapes);
  const texts = (all) => all.map((q) => q.data.map(String));
  const text = ({{ value, gradient }}) => [texts(value), texts(gradient)];
  const given = new Map(program.given.map(([i, number]) => [i, decoded(number)]));
  const before = text(machine.change(given, true));
  let calls = 0;
  const counted = (f) => f && ((...of) => {{ calls += 1; return f(...of); }});
  for (const rule of RULES) {{
    rule.value = counted(rule.value);
    rule.slopes = rule.slopes.map(counted);
  }}
  return [before, text(machine.change(new Map(changed))), calls];
}};
"""
    script += "\n".join(texts) + "\nconsole.log(JSON.stringify(results));"
    done = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@np.errstate(all="ignore")
def numbers_of(order, leaves):
    """The engine's values and gradients, with other leaves."""
    made = rebuild(order, leaves)
    order = [made.get(node, node) for node in order]
    gradients = dict(reverse_sweep(order, order[-1].seed(None), masked=True))
    return [
        [node.data for node in order],
        [gradients.get(node, node.zero()) for node in order],
    ]


def floats(texts):
    return np.array([float(text.replace("Infinity", "inf")) for text in texts])


def check(names, graphs, changed, tolerance):
    """The page's numbers of graphs are the engine's, before and after their leaves are changed."""
    cases, wanted = [], []
    for order, leaves in zip(graphs, changed, strict=True):
        cases.append((program_of(order), order, leaves))
        wanted.append([numbers_of(order, {}), numbers_of(order, leaves)])
    for name, ours, engine in zip(names, in_javascript(cases), wanted, strict=True):
        for mine, its in zip(ours[:2], engine, strict=True):
            for page, graph in zip(mine, its, strict=True):
                finite = [np.abs(x)[np.isfinite(x)] for x in map(np.ravel, graph)]
                scale = max((np.max(x, initial=0.0) for x in finite), default=0.0)
                for one, other in zip(map(floats, page), map(np.ravel, graph), strict=True):
                    np.testing.assert_allclose(
                        one, other, tolerance, tolerance * scale, equal_nan=True, err_msg=name
                    )


def root_of(result):
    """One number, in which each element has a weight of its own."""
    parts = result if isinstance(result, tuple | list) else [result]
    terms = [np.sum(np.cos(np.arange(p.size)).reshape(p.shape) * p) for p in parts if tensor(p)]
    return sum(terms[1:], start=terms[0]) if terms else None


def tensor(part):
    return isinstance(part, Tensor)


def shuffled(leaf, dtype=np.float64):
    """The same numbers in another order: all in the domain, and another one is the greatest."""
    data = np.asarray(leaf.data)
    again = np.random.default_rng(data.size).permutation(data.ravel()).reshape(data.shape)
    return Tensor(again.astype(dtype))


def test_every_operation_of_arrays():
    functions = {**REDUCTIONS, "softmax": ag.softmax, "log_softmax": ag.log_softmax}
    calls = {**CALLS, **{name: (function, X) for name, function in functions.items()}}
    names, graphs, changed, without, computed = [], [], [], set(), set()
    for name, (function, *operands) in calls.items():
        leaves = [Tensor(operand) for operand in operands]
        root = root_of(function(*leaves))
        if root is None or name in AT_A_KINK:
            continue
        order = topological_order(root)
        operations = {node.op for node in order if node.op}
        try:
            program_of(order).text()
        except NoProgram as error:
            has_nan = any(np.isnan(node.data).any() for node in order)
            if not (operations & WITHOUT or has_nan):
                raise AssertionError(f"{name}: {error}") from None
            without |= operations & WITHOUT
            continue
        computed |= operations
        other = {leaf: shuffled(leaf) for leaf in leaves if leaf in {*order}}
        try:
            numbers_of(order, other)
        except (np.linalg.LinAlgError, FloatingPointError, Warning):
            other = {}
        names.append(name)
        graphs.append(order)
        changed.append(other)
    assert not without & computed
    assert OPERATIONS.keys() - computed - without - RULES.keys() <= WITHOUT | {"complement"}
    check(names, graphs, changed, 1e-12)


OPERANDS = {"arccosh": [1.5], "pow": [1.5, 0.7], "clip": [0.4, -1.0, 1.0], "where": [1.0, 0.3, 0.8]}


def test_every_rule_of_numbers():
    names, graphs, changed = [], [], []
    for name, rule in RULES.items():
        for sign in (1, -1):
            numbers = OPERANDS.get(name, [0.35, 0.6, 0.8][: len(rule.operands)])
            if sign < 0 and rule.domain:
                continue
            leaves = [Value(sign * number) for number in numbers]
            order = topological_order(1.5 * getattr(ag, name)(*leaves) + leaves[-1])
            names.append(name)
            graphs.append(order)
            changed.append({x: Value(x.data * 1.3) for x in leaves if x in {*order}})
    check(names, graphs, changed, 1e-12)


def test_error_functions_far_out():
    x = np.concatenate([np.linspace(-6, 6, 121), [-30.0, 0.0, 30.0, np.inf, -np.inf]])
    functions = (ag.erf, ag.erfc)
    graphs = [topological_order(np.sum(function(Tensor(x)))) for function in functions]
    found = in_javascript([(program_of(order), order, {}) for order in graphs])
    for [(values, _), _, _], function in zip(found, functions, strict=True):
        np.testing.assert_allclose(floats(values[1]), function(x), rtol=1e-12, atol=1e-300)


def test_an_edit_computes_what_it_reaches():
    xs = [Value(k / 100) for k in range(100)]
    parts = [xs[k].tanh() * xs[k + 1].sin() for k in range(0, 100, 2)]
    order = topological_order(sum(parts[1:], start=parts[0]))
    program = program_of(order)
    edits = ([], xs[-1:], xs[:1], xs)
    cases = [(program, order, {x: Value(x.data + 1) for x in edit}) for edit in edits]
    nothing, of_the_last, of_the_first, of_all = (calls for _, _, calls in in_javascript(cases))
    assert nothing == 0
    assert of_the_last < of_all / 20  # one term, and the end of the sum
    assert of_the_last < of_the_first < of_all / 2  # one term, and the whole sum


def test_float32_to_its_bits():
    """Where IEEE says what an operation gives; exp and the like round as NumPy was compiled."""
    x, y = (array(2, 3, seed=k).astype(np.float32) for k in (5, 6))
    functions = {
        "arithmetic": lambda x, y: np.sum(x * y - x / y + 0.1 * x),
        "rows": lambda x, y: np.sum(np.sum(x * y, axis=1) * np.sum(x, axis=1)),
        "selections": lambda x, y: np.sum(np.maximum(x, y) * np.where(x > 0, x, 3 * y)),
        "extremes": lambda x, y: np.max(x * y) - np.sum(np.min(x, axis=0)),
        "root": lambda x, y: np.sum(np.sqrt(x * x + 1) / (1 + abs(y))),
        "into float64": lambda x, y: np.sum(x.astype(np.float64) * y.astype(np.float64)),
        "from float64": lambda x, y: np.sum((x.astype(np.float64) * 0.1).astype(np.float32) * y),
    }
    graphs, changed = [], []
    for function in functions.values():
        leaves = [Tensor(x), Tensor(y)]
        graphs.append(topological_order(function(*leaves)))
        changed.append({leaf: shuffled(leaf, np.float32) for leaf in leaves})
    check(functions, graphs, changed, 0)


def test_float32_of_functions():
    x, w = (array(4, 4, seed=k).astype(np.float32) for k in (5, 6))
    functions = [lambda x, w, f=f: np.sum(f(x @ w) ** 2) for f in (np.tanh, ag.sigmoid, ag.gelu)]
    functions += [lambda x, w: np.sum(ag.softmax(x @ w) * x), lambda x, w: np.var(np.exp(x * w))]
    graphs, changed = [], []
    for function in functions:
        leaves = [Tensor(x), Tensor(w)]
        graphs.append(topological_order(function(*leaves)))
        changed.append({leaf: shuffled(leaf, np.float32) for leaf in leaves})
    check(map(str, range(len(graphs))), graphs, changed, 16 * np.finfo(np.float32).eps)
