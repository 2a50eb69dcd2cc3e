"""What a report on a training step says of what is held, left out, widened or not followed."""

import numpy as np
import pytest

from autograd_mini import check_script, check_step

START = """
import numpy as np
X, T = np.linspace(-1, 1, 24).reshape(6, 4), np.ones((6, 3))
W, mean, average = np.linspace(1, 2, 12).reshape(4, 3), np.zeros(3), 0.0
for epoch in range(100):
"""
END = """
    loss = np.sum((out - T) ** 2)
    print(loss)
    d = 2 * (out - T)
"""
PLAIN = "    out = X @ W" + END + "    W -= 0.01 * X.T @ d\n"
DROPOUT = """
    mask = (np.random.rand(6, 4) < 0.5) / 0.5
    out = (X * mask) @ W""" + END + "    W -= 0.01 * (X * mask).T @ d\n"  # fmt: skip
AVERAGE = "    mean = 0.9 * mean + 0.1 * X[:, :3].mean(axis=0)\n" + PLAIN
NARROW = PLAIN.replace("X @ W", "X @ W.astype(np.float32)")


def checked(tmp_path, text):
    file = tmp_path / "train.py"
    file.write_text(START + text)
    report = check_script(file)
    assert report.ok, str(report)
    return report


def test_of_a_plain_step_nothing_is_said(tmp_path):
    report = checked(tmp_path, PLAIN)
    assert (report.notes, len(report.assumptions)) == ([], 4)


def test_random_numbers_were_held(tmp_path):
    assert checked(tmp_path, DROPOUT).notes == [
        "Random numbers are drawn in the step: each run was given the same ones."
    ]


def test_a_running_average_is_no_parameter(tmp_path):
    said = checked(tmp_path, AVERAGE).assumptions
    assert said[4:] == ["Changed, but no parameters of this loss: mean (loss=)"]


def test_less_than_64_bits_are_checked_in_64(tmp_path):
    (note,) = checked(tmp_path, NARROW).notes
    assert note == "Numbers of less than 64 bits, asked for in line 6, are checked in float64."


def test_so_they_are_in_a_function():
    w, x = np.ones(3), np.linspace(0, 1, 3)

    def step(w):
        error = (w * x).astype("float32") - 2
        w -= 0.1 * 2 * error * x
        return np.sum(error**2)

    report = check_step(step, w)
    assert report.ok, str(report)
    assert "are checked in float64." in report.notes[0]


def test_what_cannot_be_followed_is_said_with_its_line(tmp_path):
    pytest.importorskip("scipy")
    smoothed = 'uniform_filter1d({}, 3, axis=0, mode="constant")'
    text = PLAIN.replace("X @ W", smoothed.format("X @ W"))
    text = text.replace("X.T @ d", f"X.T @ {smoothed.format('d')}")
    file = tmp_path / "train.py"
    file.write_text("from scipy.ndimage import uniform_filter1d\n" + START + text)
    report = check_script(file)
    assert report.ok, str(report)
    assert "was checked numerically" in report.notes[0]
    assert any("uniform_filter1d" in note and "line 7" in note for note in report.notes)
