"""The table of rules: every row proven and checked, edges and tails, and rows of one's own."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, gradients
from autograd_mini._build import build
from autograd_mini.core import rule as rule_functions
from autograd_mini.core.rule import RULES, rule_of_ufunc
from autograd_mini.language.python_lines import OverArrays, written
from autograd_mini.testing import CHECKS, check_rule, prove_rule

INF = math.inf
LOG2 = math.log(2)

PROMISED = """\
    add sub mul div pow neg exp expm1 log log1p log2 log10 sqrt square reciprocal sin cos tan arcsin
    arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh abs sign sigmoid softplus
    log_sigmoid relu leaky_relu elu silu maximum minimum where clip hypot logaddexp erf gelu floor
    ceil trunc rint mod floor_divide
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", list(RULES))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_row_is_proven_and_checked(check, name):
    check(name)


def test_the_promised_operations_are_there_and_documented():
    assert not set(PROMISED) - set(RULES)
    for name, rule in RULES.items():
        assert callable(getattr(ag, name)), name
        assert rule.sentence.endswith("."), name
        assert rule.sentence in getattr(ag, name).__doc__, name


POINTS = [(0.5, 0.25, 0.75), (-0.5, 2.0, 3.0), (1.5, 0.5, 1.0)]


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize("name", list(RULES))
def test_every_operation_is_a_method_whose_first_operand_is_self(name, kind):
    """With the other operands tracked, constant, or left to their defaults."""
    rule = RULES[name]
    tried = 0
    for point, tracked in itertools.product(POINTS, [kind, float]):
        first, *rest = point[: len(rule.operands)]
        for count in range(len(rest) - len(rule.defaults), len(rest) + 1):
            operands = [kind(first), *map(tracked, rest[:count])]
            nodes = [o for o in operands if isinstance(o, kind)]
            try:
                with np.errstate(invalid="ignore"):
                    function = getattr(ag, name)(*operands)
                    method = getattr(operands[0], name)(*operands[1:])
            except ValueError:  # outside of the domain
                continue
            tried += 1
            assert (method.op, method.parents) == (function.op, function.parents)
            np.testing.assert_array_equal(method.data, function.data)
            np.testing.assert_array_equal(gradients(method, nodes), gradients(function, nodes))
    assert tried


def test_generated_code_and_documentation_are_current():
    command = [sys.executable, "-m", "autograd_mini._build.generate", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Tails and edges, where a formula as it stands fails


@pytest.mark.parametrize(
    ("name", "point", "value", "slope"),
    [
        ("sigmoid", (1000.0,), 1.0, 0.0),
        ("sigmoid", (-1000.0,), 0.0, 0.0),
        ("sigmoid", (-700.0,), math.exp(-700), math.exp(-700)),
        ("softplus", (1000.0,), 1000.0, 1.0),
        ("softplus", (-700.0,), math.exp(-700), math.exp(-700)),
        ("softplus", (-1000.0,), 0.0, 0.0),
        ("log_sigmoid", (1000.0,), 0.0, 0.0),
        ("log_sigmoid", (700.0,), -math.exp(-700), math.exp(-700)),
        ("log_sigmoid", (-1000.0,), -1000.0, 1.0),
        ("logaddexp", (1000.0, 1000.0), 1000 + LOG2, 0.5),
        ("logaddexp", (-1000.0, -1000.0), -1000 + LOG2, 0.5),
        ("logaddexp", (1000.0, -1000.0), 1000.0, 1.0),
        ("logaddexp", (-1000.0, 1000.0), 1000.0, 0.0),
        ("logaddexp", (0.0, -INF), 0.0, 1.0),
        ("tanh", (1000.0,), 1.0, 0.0),
        ("silu", (-1000.0,), 0.0, 0.0),
        ("elu", (1000.0,), 1000.0, 1.0),
        ("elu", (-1000.0,), -1.0, 0.0),
        ("gelu", (-1000.0,), 0.0, 0.0),
        ("gelu", (1000.0,), 1000.0, 1.0),
        ("erfc", (1000.0,), 0.0, 0.0),
        ("hypot", (3e200, 4e200), 5e200, 0.6),
        ("arcsinh", (1e200,), math.asinh(1e200), 1e-200),
        ("arctan2", (1e200, 1e200), math.pi / 4, 5e-201),
    ],
)
def test_tails_are_exact_and_do_not_warn(name, point, value, slope):
    close = pytest.approx(value, rel=1e-15, abs=0), pytest.approx(slope, rel=1e-12, abs=0)
    for kind in (Value, Tensor):
        with np.errstate(all="raise", under="ignore"):
            inputs = [kind(number) for number in point]
            node = getattr(ag, name)(*inputs)
            found = gradients(node, inputs[0])
        assert (float(node.data), float(found)) == close
    with np.errstate(all="raise", under="ignore"):
        assert getattr(ag, name)(*point) == close[0]
        assert getattr(ag, name)(*map(np.array, point)) == close[0]


SPECIAL = [-INF, -1.0, -0.0, 0.0, 1.0, INF, math.nan]


@pytest.mark.parametrize("name", [n for n in RULES if n not in ("where", "clip")])
def test_infinities_and_nan_go_through_as_in_numpy(name):
    """A Tensor has NumPy's number; so has a Value, unless it says that there is none."""
    rule = RULES[name]
    ours = getattr(ag, name)
    numpy = next((f for f in vars(np).values() if rule_of_ufunc_is(f, rule)), ours)
    for point in itertools.product(SPECIAL, repeat=len(rule.operands)):
        with np.errstate(all="ignore"):
            exact = numpy(*map(np.float64, point))
            np.testing.assert_array_equal(ours(*map(Tensor, point)).data, exact)
            if all(map(math.isnan, point)):
                assert math.isnan(exact)
        try:
            found = ours(*map(Value, point)).data
        except (ArithmeticError, ValueError):
            continue
        np.testing.assert_allclose(found, exact, rtol=1e-15)


def rule_of_ufunc_is(function, rule):
    return isinstance(function, np.ufunc) and rule_of_ufunc(function) is rule


@pytest.mark.parametrize(
    ("x", "y", "value", "by_x", "by_y"),
    [
        (0.0, 0.0, 1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0, 1.0, 0.0),
        (0.0, 2.0, 0.0, 0.0, 0.0),
        (0.0, 0.5, 0.0, INF, 0.0),
        (3.0, 0.0, 1.0, 0.0, math.log(3)),
        (-2.0, 0.0, 1.0, 0.0, None),
        (-2.0, 3.0, -8.0, 12.0, None),
        (-2.0, -1.0, -0.5, -0.25, None),
    ],
)
def test_power_at_its_edges(x, y, value, by_x, by_y):
    """In every way of writing it: either operand, or both, may be a constant."""
    for kind in (Value, Tensor):
        for power in (lambda a, b: a**b, np.power, ag.pow):
            base, exponent = kind(x), kind(y)
            assert float(power(base, exponent).data) == value
            assert gradients(power(base, y), base) == by_x
            assert gradients(power(base, exponent), base) == by_x
            if by_y is not None:
                assert gradients(power(x, exponent), exponent) == by_y
                assert gradients(power(base, exponent), exponent) == by_y


@pytest.mark.parametrize("x", [-2.5, -0.5, 0.0, 1.5])
@pytest.mark.parametrize("n", range(5))
def test_whole_powers_have_all_derivatives(x, n):
    """Also at zero and of negative numbers: 0, 1, n·x**(n-1), n·(n-1)·x**(n-2), ..."""
    f = lambda x: x**n  # noqa: E731
    for order in range(4):
        exact = math.perm(n, order) * x ** (n - order) if order <= n else 0.0
        assert f(x) == pytest.approx(exact, rel=1e-14)
        f = ag.grad(f)


def test_a_zero_of_the_first_derivative_does_not_cut_the_second():
    """d²/dx² log(x)² at 1, where log(x) is 0, is 2; a guard against 0·inf must not hide it."""
    for one in (1.0, np.array(1.0), Value(1.0), Tensor(1.0)):
        second = ag.grad(ag.grad(lambda x: np.log(x) ** 2))(one)
        assert float(getattr(second, "data", second)) == 2.0


# where(x > 0, f(x), 0): what the other branch would do must not matter

TRAPS = {
    "log(x)": (np.log, lambda x: 1 / x, lambda x: -1 / x**2),
    "x*log(x)": (lambda x: x * np.log(x), lambda x: np.log(x) + 1, lambda x: 1 / x),
    "sin(log(x))": (
        lambda x: np.sin(np.log(x)),
        lambda x: np.cos(np.log(x)) / x,
        lambda x: -(np.sin(np.log(x)) + np.cos(np.log(x))) / x**2,
    ),
    "sqrt(x)": (np.sqrt, lambda x: 0.5 * x**-0.5, lambda x: -0.25 * x**-1.5),
    "x**0.5": (lambda x: x**0.5, lambda x: 0.5 * x**-0.5, lambda x: -0.25 * x**-1.5),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
    "x**-1.5": (lambda x: x**-1.5, lambda x: -1.5 * x**-2.5, lambda x: 3.75 * x**-3.5),
    "exp(-1000*x)": (
        lambda x: np.exp(-1000 * x),
        lambda x: -1000 * np.exp(-1000 * x),
        lambda x: 1e6 * np.exp(-1000 * x),
    ),
    "norm": (lambda x: np.sqrt(x * x), lambda x: 1.0, lambda x: 0.0),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_the_branch_not_taken_contributes_zero(trap):
    function, first, second = TRAPS[trap]
    x = np.array([0.01, 0.0, -1.0, 2.0])
    taken = x > 0

    def masked(f):
        return np.where(taken, f(np.where(taken, x, 1.0)), 0.0)

    def loss(x):
        with np.errstate(all="ignore"):
            return np.sum(np.where(x > 0, function(x), 0))

    t = Tensor(x)
    loss(t).backward()
    np.testing.assert_allclose(t.grad, masked(first), rtol=1e-12)
    np.testing.assert_allclose(ag.grad(loss)(x), masked(first), rtol=1e-12)
    np.testing.assert_allclose(ag.hessian(loss)(x), np.diag(masked(second)), rtol=1e-12)
    product = ag.hvp(loss, (x,), (np.arange(4.0),))[0]
    np.testing.assert_allclose(product, np.arange(4.0) * masked(second), rtol=1e-12)


def test_the_trap_gives_zero_on_a_value():
    x = Value(0.0)
    for branch in (np.sqrt(x), x**0.5, np.log(ag.where(x > 0, x, 1.0))):
        y = ag.where(x > 0, branch, 0.0)
        assert gradients(y, x) == 0.0
        y.backward()
        assert x.grad == 0.0
        first = gradients(y * y + x * x, x, create_graph=True)
        assert (first.data, gradients(first, x)) == (0.0, 2.0)


def test_nan_that_matters_is_not_hidden():
    x = Tensor([0.0, np.nan, 2.0])
    assert np.isnan(gradients(np.sum(x * x), x)).tolist() == [False, True, False]
    with np.errstate(invalid="ignore"):
        assert np.isnan(gradients(np.sum(np.log(Tensor([-1.0])) * (y := Tensor([1.0]))), y)).all()


# Rows of one's own

NEW_ROWS = {
    "unary": ("gauss", "exp(-x * x)", ["-2 * x * out"], {}),
    "binary": (
        "harmonic",
        "x * y / (x + y)",
        ["(out / x) ** 2", "(out / y) ** 2"],
        {"domain": "(x > 0) & (y > 0)"},
    ),
    "a NumPy ufunc": (
        "cbrt",
        "cbrt(x)",
        ["where(x == 0, inf, 1 / (3 * out ** 2))"],
        {"kinks": {"x == 0": "inf"}},
    ),
    "composed, with the name of a NumPy ufunc": ("exp2", "2 ** x", ["out * log(2)"], {}),
    "a default": (
        "bent",
        "where(x > 0, x, bend * x)",
        ["where(x > 0, 1, bend)", "where(x > 0, 0, x)"],
        {"defaults": {"bend": 0.5}, "kinks": {"x == 0": "bend for x"}},
    ),
    "local names": (
        "swish",
        "s = 1 / (1 + exp(-x * b)); x * s",
        ["s = sigmoid(b * x); s + x * b * s * (1 - s)", "s = sigmoid(b * x); x * x * s * (1 - s)"],
        {"evaluate": "x * sigmoid(b * x)"},
    ),
    "other rows, each twice": (
        "gates",
        "sigmoid(x) * sigmoid(-y) + sigmoid(2 * x)",
        [
            "sigmoid(x) * sigmoid(-x) * sigmoid(-y) + 2 * sigmoid(2 * x) * sigmoid(-2 * x)",
            "-sigmoid(x) * sigmoid(-y) * sigmoid(y)",
        ],
        {},
    ),
    "one local name with several meanings": (
        "crossed",
        "x * x * y",
        ["s = 2 * y; s * x", "s = x; s * s"],
        {"evaluate": "s = x * y; s * x"},
    ),
    "an operand named like a local name of another row": (
        "gated",
        "z * sigmoid(x)",
        ["sigmoid(x)", "z * sigmoid(x) * sigmoid(-x)"],
        {},
    ),
    "a step that reads out": (
        "cubed",
        "x * x * x",
        ["s = out * 3; where(x == 0, 0, s / where(x == 0, 1, x))"],
        {},
    ),
    "a branch that must not be evaluated": (
        "safe_log",
        "where(x > 0, relu(log(x)), 0)",
        ["where(x > 1, 1 / x, 0)"],
        {"kinks": {"x == 1": "0"}, "evaluate": "where(x > 0, log(maximum(x, 1)), 0)"},
    ),
}


@pytest.mark.parametrize("kind", NEW_ROWS)
def test_adding_a_row_is_all_there_is_to_do(kind):
    name, formula, derivatives, more = NEW_ROWS[kind]
    function = ag.rule(name, formula, derivatives, sentence="A new row.", **more)
    check_rule(name)
    assert function.__name__ == name
    point = [1.5, 0.5][: len(derivatives)]
    for make in (Value, Tensor):
        inputs = [make(number) for number in point]
        node = function(*inputs)
        assert node.op == name
        assert list(node.parents) == inputs
        assert None not in node.local_derivatives
        if hasattr(np, name):
            assert getattr(np, name)(*inputs).op == name


def test_over_scalars_only_the_branch_that_is_taken_is_evaluated():
    lazy = ag.rule("lazy", "where(x > 0, relu(log(x)), 0)", ["where(x > 1, 1 / x, 0)"])
    assert lazy(-1.0) == 0.0
    assert lazy(Value(-1.0)).local_derivatives == (0.0,)
    assert lazy(Value(math.e)).data == 1.0


def test_a_row_may_use_rows_that_were_added():
    ag.rule("gauss", "exp(-x * x)", "-2 * x * out")
    wave = ag.rule("wave", "gauss(x) * cos(x)", ["-gauss(x) * (2 * x * cos(x) + sin(x))"])
    check_rule("wave")
    assert wave(Value(0.0)).data == 1.0


@pytest.mark.parametrize(
    ("name", "formula", "derivatives", "words"),
    [
        ("tanh", "x", ["1"], "'tanh' cannot name a new rule: the table has one"),
        ("softmax", "x * 7", ["7"], "'softmax' cannot name a new rule: the table has one"),
        ("norm", "x", ["1"], "the table has one of that name"),
        ("sum", "x", ["1"], "the table has one of that name"),
        ("affine", "x", ["1"], "the table has one of that name"),
        ("weighted_sum", "x", ["1"], "the table has one of that name"),
        ("two words", "x", ["1"], "no Python name"),
        ("f", "x * y", ["y"], "2 operands (x, y), but 1 derivatives"),
        ("f", "x * x", ["2 * y"], "uses y, but the formula 'x * x' has only x"),
        ("f", "x +", ["1"], "'x +' is not a formula"),
        ("f", "x; y", ["1"], "'x; y' is not a formula: it must end in an expression"),
        ("f", "open(x)", ["1"], "no function 'open'"),
        ("f", "x.real", ["1"], "'x.real' is not allowed"),
        ("f", "x if x else 1", ["1"], "is not allowed"),
        ("f", "'x'", ["1"], "is not allowed"),
        ("f", "sigmoid(x, x)", ["1"], "'sigmoid(x, x)' has 2 operands; write sigmoid(x)"),
        ("f", "where(x > 0, x)", ["1"], "has 2 operands; write where(condition, x, y)"),
        ("f", "g * x", ["x", "g"], "'g' has a meaning of its own"),
        ("f", "out * 2", ["2"], "'out' has a meaning of its own"),
        ("fancy", "fancy(x)", ["1"], "the module math has no such function"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(name, formula, derivatives, words):
    before = list(RULES)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        ag.rule(name, formula, derivatives)
    assert words in str(error.value)
    assert list(RULES) == before


WRONG_ROWS = {
    "a derivative": ("x * x", ["3 * x"], {}),
    "a sign": ("cos(x)", ["sin(x)"], {}),
    "one branch": ("where(x > 0, x, -x)", ["where(x > 0, 1, 1)"], {"kinks": {"x == 0": "1"}}),
    "an undocumented kink": ("where(x > 0, x, -x)", ["where(x > 0, 1, -1)"], {}),
    "a convention": ("relu(x)", ["where(x > 0, 1, 0)"], {"kinks": {"x == 0": "1"}}),
    "what is evaluated": ("log(1 + exp(x))", ["sigmoid(x)"], {"evaluate": "maximum(x, 0)"}),
    "the other operand": ("x / y", ["1 / y", "-x / y"], {"domain": "y != 0"}),
    "one point": ("x * x", ["where(x == 1, 0, 2 * x)"], {}),
    "the border of the domain": ("sqrt(x)", ["0.5 / out"], {"domain": "x >= 0"}),
}


@pytest.mark.parametrize("what", WRONG_ROWS)
def test_the_proof_fails_where_a_row_is_wrong(what):
    formula, derivatives, more = WRONG_ROWS[what]
    ag.rule("wrong", formula, derivatives, **more)
    with pytest.raises(AssertionError, match="wrong at"):
        prove_rule("wrong")


SPREAD = [
    -INF,
    -700.0,
    -41.0,
    -3.5,
    -2.0,
    -1.0,
    -0.3,
    -0.0,
    0.0,
    0.5,
    1.0,
    1.5,
    2.6,
    4.5,
    38.0,
    INF,
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", list(RULES))
def test_a_pullback_over_many_elements_is_that_over_few(name, dtype):
    """However many take a branch: one of a hundred, half of them, or all but a few."""
    row, rng, shape = RULES[name], np.random.default_rng(0), (50, 50)
    spread = np.array(SPREAD, dtype)
    for rare, chance in itertools.product(
        (spread, spread[[3, 8, 12]] * math.nan), (0.01, 0.5, 0.99)
    ):
        usual = rng.choice(spread, 3)
        arrays = [
            np.where(rng.random(shape) < chance, rng.choice(rare, shape), rng.choice(usual, shape))
            for _ in row.operands
        ]
        if row.derivatives[0] is None:
            arrays[0] = arrays[0] > 0
        g = rng.normal(size=shape).astype(dtype)
        with np.errstate(all="ignore"):
            arrays = [g, row.forward(*arrays), *arrays]
            for pullback in filter(None, row.pullbacks):
                before = [array.copy() for array in arrays]
                found = pullback(*arrays)
                few = zip(*(array.reshape(-1, 5) for array in arrays), strict=True)
                of_few = [np.broadcast_to(pullback(*each), 5) for each in few]
                np.testing.assert_allclose(
                    np.broadcast_to(found, shape),
                    np.reshape(of_few, shape),
                    8 * np.finfo(dtype).eps,
                )
                for array, as_it_was in zip(arrays, before, strict=True):
                    np.testing.assert_array_equal(array, as_it_was)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", list(RULES))
def test_an_operation_keeps_the_dtype_beside_numbers_of_pythons(name, dtype):
    """In the result and in each gradient, over arrays and over Tensors."""
    row = RULES[name]
    for kept in range(len(row.operands)):
        if row.derivatives[kept] is None:
            continue
        for number in (0.5, 2, True):
            operands = [number] * len(row.operands)
            operands[kept] = np.array([0.25, 0.75], dtype)
            tensors = [Tensor(o) if isinstance(o, np.ndarray) else o for o in operands]
            with np.errstate(all="ignore"):
                out = getattr(ag, name)(*operands)
                node = getattr(ag, name)(*tensors)
                assert out.dtype == node.dtype == dtype
                g = np.ones(2, dtype)
                pullback = row.pullback(kept)
                of_arrays = pullback(g, out, *operands) if pullback else 0
                first = gradients(node, tensors[kept], gradient=Tensor(g), create_graph=True)
            assert np.result_type(g, of_arrays) == first.dtype == dtype


@pytest.mark.parametrize("name", [name for name, row in RULES.items() if row.over_arrays])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_what_is_computed_in_place_is_the_row_to_the_last_bit(name, dtype):
    row = RULES[name]
    wide = np.array([0, -0.0, 1, -1, 750, -750, 1e9, -1e9])
    x = np.concatenate([wide, np.linspace(-40, 40, 1001)]).astype(dtype)
    if x.dtype.kind == "f":
        x = np.append(x, np.array([np.inf, -np.inf, np.nan], dtype))
    lines = written(row.evaluate or row.formula, OverArrays())
    with np.errstate(all="ignore"):  # of the branch that is not taken
        wanted = rule_functions._as_float(
            rule_functions._function(row, lines, row.operands)(x), (x,)
        )
    before = x.copy()
    found = row.forward(x)
    assert found.dtype == wanted.dtype
    assert np.array_equal(found, wanted, equal_nan=True)
    assert np.array_equal(x, before, equal_nan=True)
    assert row.forward(x[3]).shape == ()


@pytest.mark.parametrize("name", ["erf", "erfc"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_what_numpy_lacks_is_pythons_to_the_last_bit(name, dtype, monkeypatch):
    x = np.linspace(-30, 30, 601).astype(dtype)[::2]
    if x.dtype.kind == "f":
        x = np.append(x, np.array([0, -0.0, np.inf, -np.inf, np.nan], dtype))
    wanted = [RULES[name].on_floats(float(each)) for each in x]
    found = RULES[name].forward(x)
    assert found.dtype == (dtype if x.dtype.kind == "f" else np.float64)
    assert np.array_equal(found, np.array(wanted).astype(found.dtype), equal_nan=True)
    monkeypatch.setattr(build, "tapes", lambda: None)
    assert np.array_equal(RULES[name].forward(x), found, equal_nan=True)
    for given in (x[4], x[:0], x[:6].reshape(2, 3).T):
        made = RULES[name].forward(given)
        assert made.shape == given.shape
        assert np.array_equal(made, RULES[name].forward(np.array(given)))
