"""Backpropagation through a batch-normalised character model by hand, one line a time.

A small language model guesses the next of 27 characters from the three before it: embedding,
linear, batch normalisation, tanh, linear, cross-entropy.  The forward pass is written in the
smallest steps, and the gradient of every step is derived by hand.  All of them are checked at
once, so that a mistake in any one line is told from what follows from it.

Run it with ``python examples/batchnorm_mlp_by_hand.py``.  It checks the derivation, and then
the same derivation with one line after the other broken.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import GradientReport, check_gradients

N, CONTEXT, CHARACTERS, EMBEDDING, HIDDEN = 32, 3, 27, 5, 16
INPUT = CONTEXT * EMBEDDING
EPSILON = 1e-5

_rng = np.random.default_rng(647)
Xb = _rng.integers(0, CHARACTERS, (N, CONTEXT))
Yb = _rng.integers(0, CHARACTERS, N)
PARAMS = {
    "C": _rng.normal(size=(CHARACTERS, EMBEDDING)),
    "W1": _rng.normal(size=(INPUT, HIDDEN)) * (5 / 3) / INPUT**0.5,
    "b1": _rng.normal(size=HIDDEN) * 0.1,
    "bngain": 1.0 + _rng.normal(size=(1, HIDDEN)) * 0.1,
    "bnbias": _rng.normal(size=(1, HIDDEN)) * 0.1,
    "W2": _rng.normal(size=(HIDDEN, CHARACTERS)) * 0.1,
    "b2": _rng.normal(size=CHARACTERS) * 0.1,
}


def loss(C: Any, W1: Any, b1: Any, bngain: Any, bnbias: Any, W2: Any, b2: Any) -> Any:
    """The mean cross-entropy of a batch, in the smallest steps."""
    emb = C[Xb]
    embcat = emb.reshape(N, INPUT)
    hprebn = embcat @ W1 + b1
    bnmeani = 1 / N * np.sum(hprebn, axis=0, keepdims=True)
    bndiff = hprebn - bnmeani
    bndiff2 = bndiff**2
    bnvar = 1 / (N - 1) * np.sum(bndiff2, axis=0, keepdims=True)
    bnvar_inv = (bnvar + EPSILON) ** -0.5
    bnraw = bndiff * bnvar_inv
    hpreact = bngain * bnraw + bnbias
    h = np.tanh(hpreact)
    logits = h @ W2 + b2
    logit_maxes = np.max(logits, axis=1, keepdims=True)
    norm_logits = logits - logit_maxes
    counts = np.exp(norm_logits)
    counts_sum = np.sum(counts, axis=1, keepdims=True)
    counts_sum_inv = counts_sum**-1
    probs = counts * counts_sum_inv
    logprobs = np.log(probs)
    return -np.mean(logprobs[np.arange(N), Yb])


LINES = {
    "dlogprobs": "-chosen / N",
    "dprobs": "dlogprobs / probs",
    "dcounts_sum_inv": "np.sum(counts * dprobs, axis=1, keepdims=True)",
    "dcounts_sum": "-(counts_sum**-2) * dcounts_sum_inv",
    "dcounts": "counts_sum_inv * dprobs + np.ones_like(counts) * dcounts_sum",
    "dnorm_logits": "counts * dcounts",
    "dlogit_maxes": "-np.sum(dnorm_logits, axis=1, keepdims=True)",
    "dlogits": "dnorm_logits + greatest * dlogit_maxes",
    "dh": "dlogits @ W2.T",
    "dW2": "h.T @ dlogits",
    "db2": "np.sum(dlogits, axis=0)",
    "dhpreact": "(1 - h**2) * dh",
    "dbngain": "np.sum(bnraw * dhpreact, axis=0, keepdims=True)",
    "dbnbias": "np.sum(dhpreact, axis=0, keepdims=True)",
    "dbnraw": "bngain * dhpreact",
    "dbnvar_inv": "np.sum(bndiff * dbnraw, axis=0, keepdims=True)",
    "dbnvar": "-0.5 * (bnvar + EPSILON) ** -1.5 * dbnvar_inv",
    "dbndiff2": "1 / (N - 1) * np.ones_like(bndiff2) * dbnvar",
    "dbndiff": "bnvar_inv * dbnraw + 2 * bndiff * dbndiff2",
    "dbnmeani": "-np.sum(dbndiff, axis=0, keepdims=True)",
    "dhprebn": "dbndiff + 1 / N * np.ones_like(hprebn) * dbnmeani",
    "dembcat": "dhprebn @ W1.T",
    "dW1": "embcat.T @ dhprebn",
    "db1": "np.sum(dhprebn, axis=0)",
    "demb": "dembcat.reshape(N, CONTEXT, EMBEDDING)",
    "dC": "np.einsum('nsv,nse->ve', np.eye(CHARACTERS)[Xb], demb)",
}
"""The derivation: 26 lines, each from the ones above it."""


def by_hand(**changed: str) -> Callable[..., Mapping[str, Any]]:
    """The backward pass, with some lines changed.

    Each line of ``LINES`` is evaluated with the forward pass's arrays at hand.
    """

    def manual(C: Any, W1: Any, b1: Any, bngain: Any, bnbias: Any, W2: Any, b2: Any) -> Any:
        names = {"np": np, "N": N, "CONTEXT": CONTEXT, "EMBEDDING": EMBEDDING}
        names |= {"CHARACTERS": CHARACTERS, "EPSILON": EPSILON, "Xb": Xb, "Yb": Yb}
        names |= {"W1": W1, "bngain": bngain, "W2": W2}
        emb = C[Xb]
        embcat = emb.reshape(N, INPUT)
        hprebn = embcat @ W1 + b1
        bndiff = hprebn - hprebn.mean(axis=0, keepdims=True)
        bnvar = bndiff.var(axis=0, ddof=1, keepdims=True)
        bnvar_inv = 1 / np.sqrt(bnvar + EPSILON)
        bnraw = bndiff * bnvar_inv
        h = np.tanh(bngain * bnraw + bnbias)
        logits = h @ W2 + b2
        counts = np.exp(logits - logits.max(axis=1, keepdims=True))
        counts_sum = counts.sum(axis=1, keepdims=True)
        names |= {
            "embcat": embcat, "hprebn": hprebn, "bndiff": bndiff, "bndiff2": bndiff**2,
            "bnvar": bnvar, "bnvar_inv": bnvar_inv, "bnraw": bnraw, "h": h, "counts": counts,
            "counts_sum": counts_sum, "counts_sum_inv": 1 / counts_sum,
            "probs": counts / counts_sum, "chosen": np.eye(CHARACTERS)[Yb],
            "greatest": np.eye(CHARACTERS)[logits.argmax(axis=1)],
        }  # fmt: skip
        for name, line in {**LINES, **changed}.items():
            names[name] = eval(line, names)
        return {name[1:]: names[name] for name in LINES}

    return manual


class Broken(NamedTuple):
    """A line of the derivation with a slip."""

    name: str
    line: str


BROKEN = (
    Broken("dlogprobs", "-chosen"),
    Broken("dprobs", "dlogprobs * probs"),
    Broken("dcounts_sum_inv", "np.sum(counts * dprobs, axis=0, keepdims=True).mean() * counts_sum"),
    Broken("dcounts_sum", "-(counts_sum**-1) * dcounts_sum_inv"),
    Broken("dcounts", "counts_sum_inv * dprobs"),
    Broken("dnorm_logits", "dcounts"),
    Broken("dlogit_maxes", "np.sum(counts, axis=1, keepdims=True)"),
    Broken("dlogits", "dnorm_logits + greatest"),
    Broken("dh", "-dlogits @ W2.T"),
    Broken("dW2", "2 * h.T @ dlogits"),
    Broken("db2", "np.mean(dlogits, axis=0)"),
    Broken("dhpreact", "(1 - h) * dh"),
    Broken("dbngain", "np.sum(bndiff * dhpreact, axis=0, keepdims=True)"),
    Broken("dbnbias", "dhpreact"),
    Broken("dbnraw", "dhpreact"),
    Broken("dbnvar_inv", "np.sum(dbnraw, axis=0, keepdims=True)"),
    Broken("dbnvar", "-0.5 * (bnvar + EPSILON) ** -0.5 * dbnvar_inv"),
    Broken("dbndiff2", "1 / N * np.ones_like(bndiff2) * dbnvar"),
    Broken("dbndiff", "bnvar_inv * dbnraw"),
    Broken("dbnmeani", "np.sum(dbndiff, axis=0, keepdims=True) + 1"),
    Broken("dhprebn", "dbndiff"),
    Broken("dembcat", "dhprebn @ W1.T / N"),
    Broken("dW1", "embcat.T @ dbndiff"),
    Broken("db1", "np.sum(dhprebn, axis=0, keepdims=True)"),
    Broken("demb", "dembcat.reshape(N, EMBEDDING, CONTEXT).swapaxes(1, 2)"),
    Broken("dC", "np.eye(CHARACTERS)[Xb[:, 0]].T @ demb[:, 0]"),
)
"""One slip for each line."""


def check(entries: int = 16, **changed: str) -> GradientReport:
    """The report on the derivation, with some lines changed.

    The lines are texts, which ``by_hand`` evaluates one after the other: the numbers are searched,
    not the code (``seconds=0``).
    """
    return check_gradients(loss, PARAMS, by_hand(**changed), entries=entries, seconds=0)


def main() -> int:
    """Check the derivation, then each broken one; the number of lines not told rightly."""
    report = check()
    print(report)
    failed = int(not report.ok)
    print(f"\n{'broken line':<16}{'mistakes':<18}{'inherit it':>10}  cause")
    for name, line in BROKEN:
        report = check(**{name: line})
        inherited = sum(quantity.inherited for quantity in report.quantities.values())
        failed += report.culprits != [name[1:]]
        causes = ", ".join(cause.code for cause in report[name[1:]].causes)
        print(f"{name:<16}{', '.join(report.culprits):<18}{inherited:>10}  {causes}")
    return failed


if __name__ == "__main__":
    argparse.ArgumentParser(description="26 gradients derived by hand, and slips.").parse_args()
    raise SystemExit(1 if main() else 0)
