"""Each thing that a report on code as it stands assumes names the option that says it otherwise."""

import inspect
import re
import textwrap

import numpy as np
import pytest

from autograd_mini import check_backward, check_script, check_step
from autograd_mini.cli import main

TRAINS = """
    import numpy as np
    X, y = np.load("points.npz")["X"], np.array([1.0, 0.0, 2.0])
    w, b, seen = np.array([0.5, -1.0]), 0.25, 0.0
    rate, rate_b = 0.1, 0.2
    for epoch in range(100):
        error = X @ w + b - y
        print(np.mean(error**2))
        w -= rate * X.T @ error
        b -= rate_b * np.sum(error)
        seen += 0.5
"""
LAYERS = """
    import numpy as np

    def scale_forward(x, w):
        return x * w, (x, w)

    def scale_backward(dout, cache):
        x, w = cache
        return dout * w, np.sum(dout * x, axis=0)
"""
POINTS = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]])


def said_by(assumption):
    """The options that an assumption names."""
    found = re.search(r" \(((?:\w+=(?:, )?)+)\)$", assumption)
    assert found is not None, assumption
    return [name.removesuffix("=") for name in found[1].split(", ")]


def written(tmp_path, text):
    file = tmp_path / "code.py"
    file.write_text(textwrap.dedent(text))
    return file


def momentum():
    w, v = np.ones(2), np.array([0.1, 0.2])

    def step(x):
        loss = np.sum(x * w**2)
        v[:] = 0.9 * v + 2 * w * x
        w[:] = w - 0.1 * v
        return loss

    return step


def reports(tmp_path):
    yield check_script, check_script(written(tmp_path, TRAINS), given={"points.npz": {"X": POINTS}})
    yield check_script, check_script(written(tmp_path, LAYERS), inputs="x=3x2,w=2")
    yield check_step, check_step(momentum(), np.array([1.0, 3.0]))
    inputs = np.ones((3, 2)), np.arange(2.0)
    yield check_backward, check_backward(*layer(), *inputs)
    yield (
        check_backward,
        check_backward(*layer(), *inputs, upstream=np.ones((3, 2)), wrt=("x", "w")),
    )


def layer():
    return (
        lambda x, w: (x * w, (x, w)),
        lambda dout, cache: (dout * cache[1], np.sum(dout * cache[0], axis=0)),
    )


def test_all_name_an_option_of_what_was_called(tmp_path):
    known = set()
    for function, report in reports(tmp_path):
        assert report.ok, str(report)
        assert report.assumptions
        for assumption in report.assumptions:
            options = said_by(assumption)
            assert set(options) <= set(inspect.signature(function).parameters), assumption
            known |= {(assumption.partition(":")[0], name) for name in options}
    assert known == {
        ("Step", "steps"),
        ("Step", "call"),
        ("Loss", "loss"),
        ("Parameters", "params"),
        ("Gradients", "loss"),
        ("Not all have the same rate", "params"),
        ("Changed, but no parameters of this loss", "loss"),
        ("Momentum", "steps"),
        ("Data", "given"),
        ("Layer", "inputs"),
        ("Layer", "call"),
        ("Upstream gradient", "upstream"),
        ("Gradients", "wrt"),
    }


def test_each_option_changes_what_is_assumed(tmp_path):
    file, given = written(tmp_path, TRAINS), {"points.npz": {"X": POINTS}}
    usual = check_script(file, given=given).assumptions
    for option, value, said in (
        (
            "loss",
            "np.sum(error**2) / 2",
            "Loss: np.sum(error**2) / 2, computed before line ",
        ),
        ("params", ["w"], "Parameters: w, which it changes (params=)"),
        ("steps", 2, "Step: turn 2 of the loop in line 6, lines 7–11, after 1 that agree "),
    ):
        told = check_script(file, given=given, **{option: value}).assumptions
        assert any(one.startswith(said) for one in told), (option, told)
        assert not any(one.startswith(said) for one in usual), option
    upstream = np.ones((3, 2))
    told = check_backward(*layer(), np.ones((3, 2)), np.ones(2), upstream=upstream).assumptions
    assert told[0] == "Upstream gradient: as given, of shape (3, 2) (upstream=)"


def test_on_the_command_line_they_are_its_options(tmp_path, capfd):
    np.savez(tmp_path / "numbers.npz", X=POINTS)
    np.save(tmp_path / "dout.npy", np.ones((3, 2)))
    given = f"points.npz={tmp_path / 'numbers.npz'}"
    assert main(["check", str(written(tmp_path, TRAINS)), "--given", given]) == 0
    told = capfd.readouterr().out
    assert "lines 7–11 (--steps, --call)\n" in told
    assert "Data: points.npz as given (--given)\n" in told
    of_layer = ["--inputs", "x=3x2,w=2", "--upstream", str(tmp_path / "dout.npy"), "--wrt", "x,w"]
    assert main(["check", str(written(tmp_path, LAYERS)), *of_layer]) == 0
    told = capfd.readouterr().out
    assert "Upstream gradient: as given, of shape (3, 2) (--upstream)\n" in told


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (TRAINS, {"upstream": 1.0}, "upstream= tell of layers, and a training step, the first"),
        (LAYERS, {"inputs": "x=3x2,w=2", "steps": 2}, "steps= tell of training steps, and the la"),
        (LAYERS, {"inputs": "x=3x2,w=2", "call": "relu"}, "its layers are scale_forward"),
        (TRAINS, {"inputs": "x=3"}, "the file has no layer; none is there: a layer is two"),
        (TRAINS, {"given": {"point.npz": POINTS}}, "no variable and no file is called so"),
    ],
)
def test_an_option_that_says_nothing_of_what_is_checked_is_refused(tmp_path, text, options, words):
    given = {"points.npz": {"X": POINTS}} if text is TRAINS else {}
    with pytest.raises(ValueError, match=re.escape(words)):
        check_script(written(tmp_path, text), **{"given": given, **options})


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (TRAINS, {"loss": "cost"}, "'cost' is none: the first turn of the loop in line 6, lines "),
        (TRAINS, {"loss": "3"}, "loss='3' (--loss): there is no number that depends on the "),
        (TRAINS, {"loss": "np.sum("}, "loss='np.sum(' (--loss) is no name, number of a line or "),
        (TRAINS, {"params": "v"}, "the step does not change v: it changes w, b"),
        (TRAINS, {"call": "train(X"}, "call='train(X' (--call) is no Python: '(' was never closed"),
        (LAYERS, {"call": "train(X)"}, "call='train(X)' (--call) raised NameError: name 'train' "),
        (LAYERS, {"call": "train(X)"}, "what the file defines is scale_forward, scale_backward"),
        (LAYERS, {"inputs": "a=3x2"}, "scale_forward(x, w), but inputs='a=3x2' has not all of one"),
        (LAYERS, {"inputs": "x=3x2,w=5"}, "scale_forward, with inputs of the shapes x=3x2, w=5: "),
        ("import sys\nw = 1.0\nsys.exit('usage')\nw -= 1\n", {}, "line 3: the file ended itself, "),
        ("print(1)\n", {}, "no training step was found: neither a loop of which a turn computes "),
    ],
)
def test_a_message_names_what_was_asked_what_was_found_and_what_to_write(
    tmp_path, text, options, words
):
    given = {"points.npz": {"X": POINTS}} if text is TRAINS else {}
    with pytest.raises(ValueError, match=re.escape(words)):
        check_script(written(tmp_path, text), **{"given": given, **options})
