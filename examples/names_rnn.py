"""Names: a recurrent network learns to spell, character by character, and makes up names.

The names of ``data/names.txt`` are written one after another into a few long lines, which are
read side by side, 20 characters at a time.  After each piece the network learns by truncated
backpropagation through time: the state goes on into the next piece, its graph does not.  The
perplexity per character on names that it never saw (e to the mean loss) falls below that of a
bigram model, which knows only which character follows which.

    python examples/names_rnn.py [--folder pictures]

Prints sampled names, draws the perplexity after each epoch beside the bigram model's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import autograd_mini as ag
from autograd_mini import nn
from autograd_mini.nn.optional import needed

HERE = Path(__file__).resolve().parent
LANES, PIECE = 16, 20


class Result(NamedTuple):
    """The perplexities on held-out names, some names, and the picture."""

    perplexity: float
    bigram: float
    samples: list[str]
    picture: Path


class Speller(nn.Module):
    """Characters' indices of shape ``(N, T)`` and a state, to logits ``(N, T, K)`` and a state."""

    def __init__(self, characters: int, hidden: int, rng: np.random.Generator) -> None:
        self.embedding = nn.Embedding(characters, 16, rng=rng)
        self.recurrent = nn.GRU(16, hidden, rng=rng)
        self.out = nn.Dense(hidden, characters, rng=rng)

    def forward(self, x: np.ndarray, state=None):  # type: ignore[no-untyped-def]
        """The logits of what comes next, and the state after the last character."""
        hidden, state = self.recurrent.run(self.embedding(x), state)
        return self.out(hidden), state


def main(
    epochs: int = 20, hidden: int = 64, seed: int = 0, folder: Path = Path("pictures")
) -> Result:
    """Train, compare with the bigram model, and make up names."""
    figures = needed("matplotlib.figure", "matplotlib", "to draw")
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()  # fails before the work, not after it
    rng = np.random.default_rng(seed)
    names = (HERE / "data" / "names.txt").read_text(encoding="utf-8").split()
    train, test = nn.train_test_split(np.array(names), test_size=0.15, rng=rng)
    letters = "\n" + "".join(sorted(set("".join(names))))
    model = Speller(len(letters), hidden, rng)
    optimiser = nn.Adam(model.parameters(), rate=0.004)
    held_out = indices(test, letters)
    training: list[float] = []
    perplexities: list[float] = []
    progress = tqdm(range(epochs), desc="training")
    for _ in progress:
        stream = indices(rng.permutation(train), letters)
        lanes = stream[: len(stream) // LANES * LANES].reshape(LANES, -1)
        state, losses = None, []
        for begin in range(0, lanes.shape[1] - 1, PIECE):
            x = lanes[:, begin : begin + PIECE]
            y = lanes[:, begin + 1 : begin + PIECE + 1]
            logits, state = model(x[:, : y.shape[1]], state)
            loss = nn.cross_entropy(logits, y)
            optimiser.zero_grad()
            loss.backward()
            nn.clip_gradients(model.parameters(), norm=1.0)
            optimiser.step()
            state = nn.detached(state)  # truncated: what came before is a constant from here on
            losses.append(loss.item())
        training.append(float(np.exp(np.mean(losses))))
        perplexities.append(perplexity(model, held_out))
        progress.set_postfix(perplexity=f"{perplexities[-1]:.2f}")

    bigram = bigram_perplexity(indices(train, letters), held_out, len(letters))
    samples = [made_up(model, letters, rng) for _ in range(10)]
    print(f"{len(train)} names to learn from, {len(test)} to test")
    print(f"perplexity on the test names {perplexities[-1]:.2f}; of the bigram model {bigram:.2f}")
    print("made up:", ", ".join(samples))
    figure = figures.Figure(layout="constrained")
    ax = figure.subplots()
    passed = range(1, epochs + 1)
    ax.plot(passed, training, "o-", label="names it learns from, while it learns")
    ax.plot(passed, perplexities, "o-", label="test names, after the epoch")
    ax.axhline(bigram, color="black", linestyle="--", label="test names, bigram model")
    ax.set(xlabel="epoch", ylabel="perplexity per character", title="Learning to spell names")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    picture = folder / "names_perplexity.png"
    figure.savefig(picture)
    print("pictures:", picture)
    return Result(perplexities[-1], bigram, samples, picture)


def indices(names: np.ndarray, letters: str) -> np.ndarray:
    """All names as one row of characters' indices, a line's end before, between and after them."""
    return np.array([letters.index(c) for c in "\n" + "\n".join(names) + "\n"])


def perplexity(model: Speller, text: np.ndarray) -> float:
    """Exp of the mean −log p(next | all before it), over one row of characters' indices."""
    with ag.no_grad():
        logits, _ = model(text[None, :-1])
    return float(np.exp(nn.cross_entropy(logits.data[0], text[1:])))


def bigram_perplexity(train: np.ndarray, test: np.ndarray, characters: int) -> float:
    """Exp of the mean −log p(next | this), with every pair counted once more than it was seen."""
    counts = np.ones((characters, characters))
    np.add.at(counts, (train[:-1], train[1:]), 1)
    p = counts / counts.sum(axis=1, keepdims=True)
    return float(np.exp(-np.mean(np.log(p[test[:-1], test[1:]]))))


def made_up(model: Speller, letters: str, rng: np.random.Generator) -> str:
    """A name, drawn character by character from what the model thinks comes next."""
    name, state, last = "", None, 0
    with ag.no_grad():
        while len(name) < 20:
            logits, state = model(np.array([[last]]), state)
            last = int(rng.choice(len(letters), p=ag.softmax(logits.data[0, 0])))
            if last == 0:
                break
            name += letters[last]
    return name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Learn to spell names.")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("pictures"))
    try:
        main(**vars(parser.parse_args()))
    except (ImportError, OSError) as error:  # a package to install, or a folder that is none
        parser.exit(1, f"{error}\n")
