"""What cannot be followed is noted with its line, and goes on with the right numbers."""

import inspect

import numpy as np
import pytest
import scipy.ndimage
from test_recording import W, recorded

import autograd_mini as ag
from autograd_mini.recording import node_of, recording


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(k for k, line in enumerate(lines) if text in line)


def through_memory(w):
    y = w * w
    memoryview(y)[0, 0] = 5.0
    z = y * 2
    return z.sum()


def unknown_to_numpy(w):
    y = np.fft.fft(w[:3]).real
    return y.sum() + (w * w).sum()


def of_another_library(w):
    y = scipy.ndimage.gaussian_filter(w, 1.0)
    return y.sum() + (w * w).sum()


def complex_numbers(w):
    y = np.abs(w * 1j) + np.fft.fft(np.ones(3)).real
    return y.sum() + (w * w).sum()


@pytest.mark.parametrize(
    ("function", "text", "words", "gradient"),
    [
        (through_memory, "z = y * 2", "numbers were written into an array", None),
        (unknown_to_numpy, "y = ", r"what numpy.fft.fft gives counts as constant", 2 * W),
        (of_another_library, "y = ", "gaussian_filter gives counts as constant", 2 * W),
        (complex_numbers, "y = ", "numpy.multiply gives counts as constant (it is complex)", 2 * W),
    ],
)
def test_it_is_noted_with_its_line(function, text, words, gradient):
    out, (leaf,), notes = recorded(function, W)
    assert float(out) == float(function(W.copy()))
    (note,) = notes
    assert words in note.message
    assert (note.file, note.line) == (__file__, line_of(function, text))
    if gradient is None:  # the one number that was written is constant, the others are followed
        gradient = 4 * W
        gradient[0, 0] = 0
    np.testing.assert_array_equal(ag.gradients(node_of(out), node_of(leaf)), gradient)


def test_an_array_that_came_of_code_that_is_not_followed_is_noted():
    with recording() as tape:
        w = tape.leaf(W)
        y = np.ones((2, 4)).dot(w)  # a method of data, called where nothing follows calls
        z = y + 1
        assert node_of(z) is None
    assert "computed from recorded ones where that could not be followed" in tape.notes[0].message


def test_a_note_is_told_once():
    with recording() as tape:
        w = tape.leaf(W)
        for _ in range(3):
            np.fft.fft(w[:3])
    assert len(tape.notes) == 1


def test_data_is_not_noted():
    def indices(w):
        order = np.argsort(w[:, 0])
        return w[order][0, 0] * len(str(w)) * int(w[0, 0] > 0) + w.astype(int).sum() * w[1, 1]

    assert recorded(indices, W)[2] == []


def test_unseen_writes_into_constants_are_no_matter():
    def written(w):
        y = np.zeros(3)
        memoryview(y)[1] = 2.0
        y *= w[0]
        return y.sum()

    out, (leaf,), notes = recorded(written, W)
    assert notes == []
    assert ag.gradients(node_of(out), node_of(leaf))[0].tolist() == [0.0, 2.0, 0.0]
