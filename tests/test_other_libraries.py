"""Names of other libraries: each is answered with one that exists here."""

import os
import re
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn, other_libraries

T, V = Tensor([1.0, 2.0]), Value(2.0)
TABLES = {
    "Tensor": (other_libraries.TENSOR, T),
    "Value": (other_libraries.VALUE, V),
    "autograd_mini": (other_libraries.MODULE, ag),
    "autograd_mini.nn": (nn.other_libraries.NN, nn),
    "model": (nn.other_libraries.MODEL, nn.Dense(2, 1, rng=0)),
    "optimiser": (nn.other_libraries.OPTIMISER, nn.SGD([T], rate=0.1)),
}
ADVICE = [advice for table, _ in TABLES.values() for advice in table.values()]
ADVICE += [*other_libraries.OPTIONS.values(), *other_libraries.SCIPY.values()]


@pytest.mark.parametrize("place", TABLES)
def test_a_name_that_is_answered_is_no_name_of_ours(place):
    table, owner = TABLES[place]
    assert [name for name in table if hasattr(owner, name)] == []
    assert [name for name in table if name in dir(owner)] == []


def test_what_the_answers_name_exists():
    homes = {"np": np, "ag": ag, "nn": nn, "t": T, "v": V, "optimiser": TABLES["optimiser"][1]}
    for advice in ADVICE:
        for home, path in re.findall(r"\b(np|ag|nn|t|v|optimiser)((?:\.[A-Za-z]\w*)+)", advice):
            found = homes[home]
            for name in path.split(".")[1:]:
                assert hasattr(found, name), (advice, name)
                found = getattr(found, name)


@pytest.mark.parametrize("place", TABLES)
def test_the_answer_is_the_error(place):
    table, owner = TABLES[place]
    called = {"model": "a model", "optimiser": "an optimiser"}.get(place, place)
    for name, advice in table.items():
        with pytest.raises(AttributeError) as raised:
            getattr(owner, name)
        assert str(raised.value) == f"{called} has no {name!r}: write {advice}"


@pytest.mark.parametrize("build", ["0", "1"])
def test_both_builds_of_value_answer(build):
    """Each in a process of its own, for one is chosen at import."""
    code = (
        "from autograd_mini import Value; from autograd_mini.other_libraries import VALUE; "
        "v = Value(1.0); print([n for n in VALUE if hasattr(v, n) or n in dir(v)])"
    )
    environment = {**os.environ, "AUTOGRAD_MINI_PURE": build}
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.check_output(command, env=environment, text=True) == "[]\n"


LOSS, LAYER = np.sum(T), nn.Dense(2, 1, rng=0)
REDUCTIONS = [T.sum, T.mean, T.var, T.std, T.prod, T.max, T.min]
WITH_AXIS = [T.squeeze, T.cumsum, T.argmax, T.argmin, partial(T.take, [0]), partial(T.repeat, 2)]
SOFTMAXES = [partial(f, T) for f in (ag.softmax, ag.log_softmax, ag.logsumexp)]
NODES = [partial(Tensor, [1.0]), partial(Value, 1.0)]
TRANSFORMS = [partial(f, np.sum) for f in (ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian)]
GRADIENTS = [partial(ag.gradients, LOSS, T)]
DENSE, FIT = [partial(nn.Dense, 2, 1)], [partial(nn.fit, LAYER, np.ones((4, 2)), np.ones((4, 1)))]
OPTIMISERS = [partial(f, LAYER.parameters()) for f in (nn.SGD, nn.Adam)]
CALLS = {
    "dim": [*REDUCTIONS, *WITH_AXIS, *SOFTMAXES],
    "axes": [*REDUCTIONS, *SOFTMAXES],
    "keepdim": [*REDUCTIONS, *SOFTMAXES],
    "keep_dims": [*REDUCTIONS, *SOFTMAXES],
    "unbiased": [T.var, T.std],
    "Tensor": NODES[:1],
    "requires_grad": NODES,
    "device": NODES,
    "name": NODES,
    "_children": NODES,
    "_op": NODES,
    "argnum": TRANSFORMS,
    "has_aux": TRANSFORMS,
    "grad_outputs": GRADIENTS,
    "allow_unused": GRADIENTS,
    "retain_graph": [*GRADIENTS, LOSS.backward, (V * V).backward],
    "create_graph": [LOSS.backward, (V * V).backward],
    "lr": [*OPTIMISERS, *FIT],
    "learning_rate": [*OPTIMISERS, *FIT],
    "optimizer": FIT,
    "input_dim": DENSE,
    "input_shape": DENSE,
    "units": DENSE,
    "in_features": DENSE,
    "out_features": DENSE,
    "verbose": FIT,
    "random_state": [*DENSE, *FIT],
    "seed": [*DENSE, *FIT],
    "kernel_initializer": DENSE,
    "fit": FIT,
    "cross_entropy": [lambda **more: FIT[0](loss=partial(nn.cross_entropy, **more))],
}
"""Functions to which an option of another library may be given; of ``"f(option)"`` those of f."""


@pytest.mark.parametrize("option", other_libraries.OPTIONS)
def test_an_option_of_another_library_is_answered(option):
    of, name = re.fullmatch(r"(?:(\w+)\()?(\w+)\)?", option).groups()
    advice = other_libraries.OPTIONS[option]
    for function in CALLS[of or name]:
        with pytest.raises(TypeError) as raised:
            function(**{name: 1})
        message = str(raised.value)
        assert repr(name) in message or f"{name}=" in message
        assert message.endswith(f"write {advice}") or message.endswith(f"with {advice}")
        assert "\n" not in message


def test_an_option_that_nobody_knows_is_python_s_own_error():
    for function in (*NODES, *TRANSFORMS, *SOFTMAXES, *GRADIENTS, LOSS.backward):
        with pytest.raises(TypeError, match=r"\w+\(\) got an unexpected keyword.*'frobnicate'"):
            function(frobnicate=1)


@pytest.mark.parametrize("place", ["Tensor", "Value", "optimiser"])
def test_what_would_be_assigned_in_vain_is_refused_with_the_answer(place):
    table, owner = TABLES[place][:2]
    for name, advice in table.items():
        with pytest.raises(AttributeError) as raised:
            setattr(owner, name, True)
        assert str(raised.value).endswith(f"{place} has no {name!r}: write {advice}")


def test_an_upstream_gradient_in_the_place_of_create_graph_is_refused():
    with pytest.raises(TypeError, match="create_graph is True or False, not ndarray: write grad"):
        ag.gradients(np.sum(T), T, np.array(2.0))


@pytest.mark.parametrize(
    "transform",
    [ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian]
    + [lambda f, g=g: g(f, (1.0,), (1.0,)) for g in (ag.jvp, ag.hvp)]
    + [lambda f: ag.vjp(f, 1.0)],
)
def test_a_result_in_the_place_of_a_function_is_refused(transform):
    with pytest.raises(TypeError, match="takes a function, not a Tensor: write"):
        transform(np.sum(T))


def test_a_name_that_nobody_knows_is_python_s_own_error():
    with pytest.raises(AttributeError, match="'autograd_mini' has no attribute 'frobnicate'"):
        _ = ag.frobnicate
    with pytest.raises(AttributeError, match="frobnicate"):
        _ = T.frobnicate


def test_what_is_imported_late_is_listed():
    assert {"draw", "explain", "check_gradients", "walkthrough", "nn", "grad"} <= set(dir(ag))
    for name in dir(ag):
        assert hasattr(ag, name)


def test_functions_of_scipy_are_answered_with_ours():
    special, stats = pytest.importorskip("scipy.special"), pytest.importorskip("scipy.stats")
    linalg, signal = pytest.importorskip("scipy.linalg"), pytest.importorskip("scipy.signal")
    places = special, linalg, signal, stats.norm, stats.poisson
    for name, advice in other_libraries.SCIPY.items():
        function = next(getattr(place, name) for place in places if hasattr(place, name))
        two = name.endswith("pmf") or hasattr(signal, name)
        arguments = (T, 1.0) if two else (T,)
        with pytest.raises(TypeError, match=f"{name}.*: write " + re.escape(advice)):
            function(*([ag.Value(1.0)] if name.endswith("expit") else arguments))
    with pytest.raises(TypeError, match=r"^scipy's norm\(\) makes plain numbers"):
        linalg.norm(T)
    with pytest.raises(TypeError, match=r"^scipy makes plain numbers"):  # under a decorator
        linalg.solve_sylvester(*[Tensor(np.eye(2))] * 3)


def test_a_picture_of_a_tensor_is_one_of_its_numbers():
    axes = pytest.importorskip("matplotlib.figure").Figure().add_subplot()
    for picture in (axes.scatter, axes.bar):  # of which one goes through numpy.ma
        with pytest.raises(TypeError, match=r"matplotlib.*: a picture needs none, write t\.data"):
            picture([0, 1], T)
    with pytest.raises(TypeError, match=r"write tensor\.data for its numbers"):  # it is copied
        axes.plot(T)
