"""Steps that follow more than one loss: refused, and checked one loss at a time."""

import pytest

import autograd_mini as ag

PLAYERS = """import numpy as np
rng = np.random.default_rng(0)
w, b = rng.normal(size=3), np.zeros(1)
shift = rng.normal(size=3)
for turn in range(100):
    real, noise = rng.normal(2, 1, (8, 3)), rng.normal(size=(8, 3))
    fake = noise + shift
    pr, pf = 1 / (1 + np.exp(-(real @ w + b))), 1 / (1 + np.exp(-(fake @ w + b)))
    critic_loss = -np.mean(np.log(pr)) - np.mean(np.log(1 - pf))
    w -= 0.1 * (real.T @ (pr - 1) + fake.T @ pf) / 8
    b -= 0.1 * (np.sum(pr - 1) + np.sum(pf)) / 8
    p = 1 / (1 + np.exp(-(fake @ w + b)))
    maker_loss = -np.mean(np.log(p))
    shift -= 0.1 * np.sum(p - 1) / 8 * w
    print(turn, critic_loss, maker_loss)
"""


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "players.py"
    file.write_text(PLAYERS)
    return file


def test_a_step_with_two_losses_is_refused_with_what_to_check_first(file):
    with pytest.raises(ValueError, match="follows more than one loss") as refused:
        ag.check_script(file)
    assert "critic_loss, line 9 (printed), and maker_loss, line 13 (printed)" in str(refused.value)
    assert str(refused.value).endswith("--loss maker_loss --params shift")


@pytest.mark.parametrize(
    ("loss", "params", "others"),
    [("critic_loss", ("w", "b"), "shift"), ("maker_loss", ("shift",), "w, b")],
)
def test_each_is_checked_with_the_others_held(file, loss, params, others):
    report = ag.check_script(file, loss=loss, params=params)
    assert report.ok, report
    assert any(line.startswith(f"Changed, but no parameters of this loss: {others}")
               for line in report.assumptions)  # fmt: skip


def test_a_slip_in_one_of_them_is_found(file):
    file.write_text(PLAYERS.replace("np.sum(p - 1)", "np.sum(pf - 1)"))
    report = ag.check_script(file, loss="maker_loss", params=["shift"])
    assert report.mistakes[0].repair.text == "shift -= 0.1 * np.sum(p - 1) / 8 * w"


def test_updates_one_after_the_other_with_a_loss_between_are_refused(file):
    file.write_text(
        """import numpy as np
rng = np.random.default_rng(0)
w = rng.normal(size=3)
for turn in range(100):
    a, b = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))
    first_loss = np.mean((a @ w - 1) ** 2)
    w = w - 0.1 * 2 * a.T @ (a @ w - 1) / 8
    second_loss = np.mean((b @ w + 1) ** 2)
    w = w - 0.1 * 2 * b.T @ (b @ w + 1) / 8
    print(first_loss, second_loss)
"""
    )
    with pytest.raises(ValueError, match="updates w more than once, and has second_loss"):
        ag.check_script(file)
