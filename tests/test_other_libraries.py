"""Names of other libraries: each is answered with one that exists here."""

import re

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn, other_libraries

T, V = Tensor([1.0, 2.0]), Value(2.0)
TABLES = {
    "Tensor": (other_libraries.TENSOR, T),
    "Value": (other_libraries.VALUE, V),
    "autograd_mini": (other_libraries.MODULE, ag),
    "autograd_mini.nn": (other_libraries.NN, nn),
    "model": (other_libraries.MODEL, nn.Dense(2, 1, rng=0)),
}
ADVICE = [advice for table, _ in TABLES.values() for advice in table.values()]
ADVICE += [*other_libraries.OPTIONS.values(), *other_libraries.SCIPY.values()]


@pytest.mark.parametrize("place", TABLES)
def test_a_name_that_is_answered_is_no_name_of_ours(place):
    table, owner = TABLES[place]
    assert [name for name in table if hasattr(owner, name)] == []
    assert [name for name in table if name in dir(owner)] == []


def test_what_the_answers_name_exists():
    homes = {"np": np, "ag": ag, "nn": nn, "t": T, "v": V}
    for advice in ADVICE:
        for home, path in re.findall(r"\b(np|ag|nn|t|v)((?:\.[A-Za-z]\w*)+)", advice):
            found = homes[home]
            for name in path.split(".")[1:]:
                assert hasattr(found, name), (advice, name)
                found = getattr(found, name)


@pytest.mark.parametrize("place", ["Tensor", "autograd_mini"])
def test_the_answer_is_the_error(place):
    table, owner = TABLES[place]
    for name, advice in table.items():
        with pytest.raises(AttributeError) as raised:
            getattr(owner, name)
        assert str(raised.value) == f"{place} has no {name!r}: write {advice}"


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
    special = pytest.importorskip("scipy.special")
    for name, advice in other_libraries.SCIPY.items():
        with pytest.raises(TypeError, match=f"{name}.*: write " + re.escape(advice)):
            getattr(special, name)(T)
    linalg = pytest.importorskip("scipy.linalg")
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
