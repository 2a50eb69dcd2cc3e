"""The reason of an edit, in a sentence that says what it changes and nothing else."""

import ast

import numpy as np
import pytest

from autograd_mini.check.lines.edits import COSTS, edits, words_of
from autograd_mini.check.lines.reasons import reason
from autograd_mini.check.result import CAUSES

N, K, H, D = 6, 2, 5, 4
r = np.random.default_rng(0)
A1, A2 = r.random((N, H)), r.random((N, K))
NAMES = {
    "np": np, "N": N, "lam": 0.1, "X": r.normal(size=(N, D)), "Z1": r.normal(size=(N, H)),
    "A1": A1, "A2": A2, "Y": r.normal(size=(N, K)), "W1": r.normal(size=(D, H)),
    "W2": r.normal(size=(H, K)), "dZ2": r.normal(size=(N, K)), "dA1": r.normal(size=(N, H)),
    "dZ1": r.normal(size=(N, H)), "dh_next": r.normal(size=(N, H)), "dW1": np.zeros((D, H)),
    "h": [A1, A1 + 1, A1 + 2], "t": 1, "dC": np.zeros((9, H)), "ix": np.array([1, 2, 2, 0, 1, 1]),
}  # fmt: skip
MEANING = {
    "N": "the batch size", "dZ1": "the gradient of z1", "dA1": "the gradient of a1",
    "A1": "the activation a1", "h[t - 1]": "the state before",
}  # fmt: skip

TOLD = """
dZ1 = dA1 * A1 * (1 - A1)
dZ1 = A1 * (dA1 - (dA1 * A1).sum(axis=-1, keepdims=True))
wrong-factor: A1·(1 − A1) is but softmax's diagonal: each output depends on all scores

dZ1 = dA1 * (1 - np.tanh(A1) ** 2)
dZ1 = dA1 * (1 - A1 ** 2)
wrong-factor: tanh′ is taken of A1; it is 1 − A1²

dA1 = dZ2 @ (W2 - 0.1 * dZ1).T
dA1 = dZ2 @ W2.T
updated-value: W2 belongs there as it is, not after its update by 0.1·dZ1

dZ2 = A2, Y
dZ2 = Y, A2
wrong-operand: A2 and Y each stand where the other belongs

dW1 = (X.T @ dZ1)[None]
dW1 = X.T @ dZ1
shape: the new axis, None, is one too many

dZ1 = dA1 * A1 * (1 - Z1)
dZ1 = dA1 * A1 * (1 - A1)
wrong-factor: σ′ is taken of Z1; it is A1·(1 − A1)

dZ1 = dA1 * A1
dZ1 = dA1 * A1 * (1 - A1)
missing-factor: the factor (1 − A1) of σ′ = A1·(1 − A1) is missing

dZ1 = dA1
dZ1 = dA1 * (A1 * (1 - A1))
missing-factor: the factor σ′ = A1·(1 − A1) is missing

dW1 = dense_backward(dZ1, A1)
dW1 = dense_backward(dZ1, X)
wrong-operand: X belongs where A1 stands

dZ1 = dA1 * (Z1 < 0)
dZ1 = dA1 * (Z1 > 0)
wrong-factor: the mask is inverted: it must be Z1 > 0

dZ1 = dA1 * A1 * (1 - A1)
dZ1 = dA1 * (1 - A1 ** 2)
wrong-factor: the local derivative is tanh′ = 1 − A1²

db1 = dZ1
db1 = dZ1.sum(axis=0)
missing-reduction: the sum over axis 0 is missing: what was added to every row collects all rows

db1 = np.sum(dZ1, axis=1)
db1 = np.sum(dZ1, axis=0)
wrong-axis: the sum runs over axis 1; it must run over axis 0

db1 = dZ1.mean(axis=1)
db1 = dZ1.mean(axis=0)
wrong-axis: the mean runs over axis 1; it must run over axis 0

db1 = np.mean(dZ1, axis=0)
db1 = np.sum(dZ1, axis=0)
mean-for-sum: a mean stands where a sum belongs

db1 = np.sum(dZ1, axis=0)
db1 = np.sum(dZ1, axis=0, keepdims=True)
shape: keepdims=True is missing: the axis that is summed over must stay, with size 1

dA1 = dZ2 @ W2
dA1 = dZ2 @ W2.T
transpose: W2 must be transposed: z = x @ W gives dx = dz @ W.T and dW = x.T @ dz

dA1 = np.dot(dZ2, W2)
dA1 = np.dot(dZ2, W2.T)
transpose: W2 must be transposed: z = x @ W gives dx = dz @ W.T and dW = x.T @ dz

dW1 = dZ1.T @ X
dW1 = X.T @ dZ1
transpose: the factors of the product are the wrong way round: X.T @ dZ1

dW1 = X.T @ dA1
dW1 = X.T @ dZ1
wrong-operand: dA1 is the gradient of a1; here belongs dZ1, the gradient of z1

dZ2 = A2 - Y
dZ2 = (A2 - Y) / N
sum-for-mean: the division by N is missing: the mean divides by the batch size

dZ2 = (A2 - Y) / N
dZ2 = 2 * (A2 - Y) / N
scale: the factor 2 is missing

dZ2 = Y - A2
dZ2 = A2 - Y
sign: the difference is the wrong way round: A2 − Y

dZ2 = A2 - Y / N
dZ2 = (A2 - Y) / N
wrong-factor: the parentheses stand elsewhere: (A2 - Y) / N

dW1 = X.T @ dZ1
dW1 = X.T @ dZ1 + lam * W1
missing-term: the term lam·W1 of the regularisation is missing

dh = dZ2 @ W2.T
dh = dZ2 @ W2.T + dh_next
missing-term: dh_next, what the following step passes on, is left out

dW1 = X.T @ dZ1
dW1 += X.T @ dZ1
missing-term: each pass adds its share to what was there before: += for =

dW1 -= X.T @ dZ1
dW1 += X.T @ dZ1
sign: what is subtracted must be added

dC[ix] += dZ1
np.add.at(dC, ix, dZ1)
missing-term: an index that is repeated adds up only with np.add.at

dWh = h[t].T @ dZ1
dWh = h[t - 1].T @ dZ1
wrong-operand: h[t - 1], the state before, belongs where h[t] stands

dZ1 = dA1 * A1 * A2
dZ1 = dA1 * A1
extra-factor: the factor A2 is too many

dZ1 = A1 * dA1 + X
dZ1 = A1 * dA1
extra-term: the term X is too many

dZ1 = dA1 * np.exp(Z1)
dZ1 = dA1 * Z1
wrong-operand: np.exp is too many

dZ1 = dA1 * X
dZ1 = dA1 / X
wrong-factor: multiplied by X instead of divided
"""


@pytest.mark.parametrize("told", TOLD.strip().split("\n\n"))
def test_the_sentence_says_what_was_changed(told):
    wrong, right, sentence = told.splitlines()
    line, wanted = (ast.unparse(ast.parse(text)) for text in (wrong, right))
    statement = ast.parse(line).body[0]
    words = words_of(ast.parse(f"{line}\nx = h[t - 1]\n{wanted}\nz = keepdims"), NAMES)
    (edit,) = [e for e in edits(statement, words) if ast.unparse(e.statement) == wanted]
    assert ": ".join(reason(edit, lambda text: MEANING.get(text, ""))) == sentence


def test_every_edit_has_a_reason():
    lines = [told.splitlines()[0] for told in TOLD.strip().split("\n\n")]
    lines += ["y = np.einsum('nd,nh->dh', X, dZ1)", "for i in range(t): pass", "a, b = X, Y"]
    kinds = set()
    for text in [*lines, "y = np.where(X > 0, X, 0).reshape(2, 12)[:, 1:]", "y = X"]:
        line = ast.parse(text).body[0]
        for edit in edits(line, words_of(ast.parse("\n".join([*lines, "dead = dA1"])), NAMES)):
            code, sentence = reason(edit, lambda text: "")
            assert code in CAUSES
            assert sentence
            assert "\n" not in sentence
            kinds.add(edit.kind)
    assert len(kinds) > 0.9 * len(COSTS)
