"""How a check runs: its time, what it shows meanwhile, its threads."""

from __future__ import annotations

import io

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from autograd_mini import check_gradients
from autograd_mini.check import progress
from autograd_mini.check.lines import located

X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]])
PARAMS = {"w": np.array([0.5, -0.3])}


def loss(w):
    return np.sum(np.tanh(X @ w) ** 2)


def manual(w):
    a = np.tanh(X @ w)
    b = np.cos(a) * np.exp(a)
    dz = b * (2 * a + b) * np.sin(b)
    return {"w": X.T @ dz}


def test_a_search_that_was_not_ended_says_so():
    report = check_gradients(loss, PARAMS, manual, seconds=1e-9)
    assert any("stopped after 1e-09 s, with 0 changes tried" in note for note in report.notes)
    for hints in (0, 1, 2, 3):
        assert "stopped after 1e-09 s" in report.text(hints)
    assert not any(m.repairs for m in report.mistakes)


def test_without_a_second_nothing_is_searched(monkeypatch):
    monkeypatch.setattr(located, "Trial", pytest.fail)
    report = check_gradients(loss, PARAMS, manual, seconds=0)
    assert (report.mistakes, list(report.lines), report.notes) == ([], [], [])
    assert report.culprits == ["w"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_what_is_tried_is_shown_on_a_terminal(monkeypatch, stream, shown):
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    check_gradients(loss, PARAMS, manual, seconds=3)
    said = stream.getvalue()
    assert ("\rsearching for the right line " in said) == shown
    assert "\n" not in said


def test_what_is_soon_over_shows_nothing(monkeypatch):
    monkeypatch.setattr("sys.stderr", stream := Terminal())
    monkeypatch.setattr(progress, "PATIENCE", 1000.0)
    check_gradients(loss, PARAMS, manual, seconds=0.5)
    assert "searching" not in stream.getvalue()


def test_products_take_one_thread_while_checking():
    threads = []

    def watched(w):
        threads.append({i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"})
        return loss(w)

    with threadpool_limits(2, "blas"):
        check_gradients(watched, PARAMS, lambda w: {"w": manual(w)["w"]}, seconds=0.5)
        after = {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}
    assert {1} in threads
    assert after == {2}
