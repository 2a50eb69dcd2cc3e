"""Optimisers, schedules and clipping: by hand, in groups, in place, saved and restored."""

import copy
import math
import tracemalloc

import numpy as np
import pytest
from nn_helpers import random, says

from autograd_mini import Tensor, Value, nn

ALL = {
    "SGD": lambda p: nn.SGD(p, 0.1, 0.9, nesterov=True, weight_decay=0.1),
    "RMSProp": lambda p: nn.RMSProp(p, 0.1, momentum=0.9, centred=True, weight_decay=0.1),
    "Adagrad": lambda p: nn.Adagrad(p, 0.1, weight_decay=0.1),
    "Adam": lambda p: nn.Adam(p, 0.1, weight_decay=0.1),
    "AdamW": lambda p: nn.AdamW(p, 0.1, weight_decay=0.1),
}


def step(optimiser, weights, seed):
    rng = np.random.default_rng(seed)
    for weight in weights:
        weight.grad = rng.normal(size=weight.shape) if isinstance(weight, Tensor) else rng.normal()
    optimiser.step()


def test_every_optimiser_is_here():
    assert {type(make([Tensor([1.0])])) for make in ALL.values()} == set(nn.OPTIMISERS.values())


@pytest.mark.parametrize("name", ALL)
def test_two_steps_by_hand(name):
    w, g = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    weight = Tensor(w)
    optimiser = ALL[name]([weight])
    v = s = m = 0
    for t in (1, 2):
        weight.grad = g.copy()
        optimiser.step()
        np.testing.assert_array_equal(weight.grad, g)  # left as it is
        d = g + 0.1 * w
        if name == "SGD":
            v = 0.9 * v + d
            w = w - 0.1 * (d + 0.9 * v)
        elif name == "RMSProp":
            s, m = 0.99 * s + 0.01 * d**2, 0.99 * m + 0.01 * d
            v = 0.9 * v + d / (np.sqrt(s - m**2) + 1e-8)
            w = w - 0.1 * v
        elif name == "Adagrad":
            s = s + d**2
            w = w - 0.1 * d / (np.sqrt(s) + 1e-10)
        else:
            if name == "AdamW":
                w, d = w * (1 - 0.1 * 0.1), g
            m, s = 0.9 * m + 0.1 * d, 0.999 * s + 0.001 * d**2
            w = w - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(weight.data, w, rtol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_values_are_updated_as_the_elements_of_a_tensor(name):
    start = np.random.default_rng(0).normal(size=5)
    tensor, values = Tensor(start), [Value(x) for x in start]
    for weights in ([tensor], values):
        optimiser = ALL[name](weights)
        for seed in range(5):
            gradient = np.random.default_rng(seed).normal(size=5)
            if weights is values:
                for value, slope in zip(values, gradient, strict=True):
                    value.grad = slope
            else:
                tensor.grad = gradient
            optimiser.step()
    assert [value.data for value in values] == tensor.data.tolist()
    assert all(type(value.data) is float for value in values)


@pytest.mark.parametrize("name", ALL)
def test_arrays_in_any_memory_order_are_updated_in_place(name):
    start = np.random.default_rng(0).normal(size=(3, 4))
    whole, turned = Tensor(start), Tensor(np.asfortranarray(start))
    for weight in (whole, turned):
        optimiser = ALL[name]([weight])
        for seed in range(3):
            step(optimiser, [weight], seed)
    np.testing.assert_array_equal(whole.data, turned.data)


@pytest.mark.parametrize("name", ALL)
def test_a_step_writes_in_place_and_makes_no_arrays(name):
    weight = Tensor(np.ones((400, 500)))
    data = weight.data
    optimiser = ALL[name]([weight])
    weight.grad = np.ones(weight.shape)
    optimiser.step()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        optimiser.step()
        grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert weight.data is data
    assert grown < data.nbytes / 50


SPENT = ALL | {
    "plain": lambda w: nn.SGD(w, rate=0.1),
    "decayed": lambda w: nn.SGD(w, rate=0.1, weight_decay=0.1),
    "momentum": lambda w: nn.SGD(w, rate=0.1, momentum=0.9, weight_decay=0.1),
}


@pytest.mark.parametrize("name", SPENT)
def test_spending_gradients_changes_no_bit_of_the_update_and_sets_them_to_zero(name):
    start = np.random.default_rng(0).normal(size=(3, 4))
    spent, kept = (Tensor(start), Value(0.5)), (Tensor(start), Value(0.5))
    one, other = SPENT[name](spent), SPENT[name](kept)
    for seed in range(4):
        for weights, optimiser in ((spent, one), (kept, other)):
            rng = np.random.default_rng(seed)
            weights[0].grad, weights[1].grad = rng.normal(size=(3, 4)), rng.normal()
            optimiser.step(**{"spend_gradients": True} if optimiser is one else {})
        assert not spent[0].grad.any()
        assert spent[1].grad == 0
        assert kept[0].grad.all()
    np.testing.assert_array_equal(spent[0].data, kept[0].data)
    assert spent[1].data == kept[1].data


def test_only_what_is_known_to_have_done_with_the_gradient_spends_it():
    class Late(nn.SGD):
        def update(self, w, g, kept, scratch, group):
            np.multiply(w, 0.1, out=scratch[1])
            w -= g

    weight = Tensor([1.0, 2.0])
    weight.grad = np.array([0.5, 0.5])
    Late([weight], rate=1.0).step(spend_gradients=True)
    assert weight.data.tolist() == [0.5, 1.5]
    weight.grad = np.broadcast_to(1.0, (2,))  # no memory of its own
    nn.SGD([weight], rate=0.5).step(spend_gradients=True)
    assert weight.data.tolist() == [0.0, 1.0]


def test_a_state_keeps_the_fractions_of_options_that_began_as_whole_numbers():
    optimiser = nn.SGD([Tensor([1.0])], rate=1, weight_decay=0)
    schedule = nn.StepSchedule(optimiser, 1, factor=0.5)
    optimiser.weight_decay = 0.01
    schedule.step()
    other = nn.SGD([Tensor([1.0])], rate=1, weight_decay=0)
    other.load_state(optimiser.state())
    assert (other.rate, other.weight_decay, other.nesterov) == (0.5, 0.01, False)


def test_plateau_never_raises_a_rate():
    optimiser = nn.SGD([Tensor([1.0])], rate=1e-5)
    schedule = nn.Plateau(optimiser, patience=0, lowest=1e-3)
    for _ in range(3):
        schedule.step(1.0)
    assert optimiser.rate == 1e-5


def test_float32_stays_float32():
    weight = Tensor(np.ones(3, np.float32))
    optimiser = nn.Adam([weight])
    step(optimiser, [weight], 0)
    assert weight.dtype == np.float32
    assert {array.dtype for name, array in optimiser.state().items() if "kept" in name} == {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize("name", ALL)
def test_a_step_after_recording_is_found_by_the_sweep(name):
    weight = Tensor([1.0, 2.0])
    loss = np.sum(weight * weight)
    step(ALL[name]([weight]), [weight], 0)
    with says(RuntimeError, "was replaced after"):
        loss.backward()


# SGD


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_follows_pytorch_for_100_steps(momentum):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: no outside oracle")
    model = nn.MLP([2, 5, 3], "tanh", rng=0)
    X, y = random(8, 2), np.random.default_rng(0).integers(0, 3, 8)
    theirs = [torch.tensor(p.data, requires_grad=True) for p in model.parameters()]
    optimiser = nn.SGD(model.parameters(), 0.3, momentum=momentum)
    other = torch.optim.SGD(theirs, 0.3, momentum=momentum)
    for _ in range(100):
        optimiser.zero_grad()
        nn.cross_entropy(model.logits(X), y).backward()
        optimiser.step()
        other.zero_grad()
        W1, b1, W2, b2 = theirs
        logits = torch.tanh(torch.tensor(X) @ W1 + b1) @ W2 + b2
        torch.nn.functional.cross_entropy(logits, torch.tensor(y)).backward()
        other.step()
        for mine, reference in zip(model.parameters(), theirs, strict=True):
            np.testing.assert_allclose(
                mine.data, reference.detach().numpy(), rtol=1e-11, atol=1e-13
            )


@pytest.mark.parametrize("node", [lambda: Value(1.0), lambda: Tensor(1.0), lambda: Tensor([1.0])])
def test_sgd_by_hand(node):
    w = node()
    optimiser = nn.SGD([w], rate=0.5, momentum=0.5)
    expected, velocity = 1.0, 0.0
    for _ in range(4):
        optimiser.zero_grad()
        (w * w).backward()
        optimiser.step()
        velocity = 0.5 * velocity + 2 * expected
        expected -= 0.5 * velocity
        assert np.ravel(w.data)[0] == pytest.approx(expected, rel=1e-15)


def test_sgd_updates_in_place_and_protects_the_sweep():
    w = Tensor([1.0, 2.0])
    array = w.data
    loss = np.sum(w * w)
    loss.backward()
    optimiser = nn.SGD([w], 0.1)
    optimiser.step()
    assert w.data is array
    with pytest.raises(RuntimeError, match="replaced after mul had recorded it"):
        loss.backward()


def test_sgd_takes_a_generator_and_rate_can_change():
    model = nn.Dense(2, 2, rng=0)
    optimiser = nn.SGD((p for _, p in model.named_parameters()), rate=0.1)
    np.sum(model([1.0, 1.0])).backward()
    optimiser.rate = 1.0
    before = model.bias.data.copy()
    optimiser.step()
    np.testing.assert_array_equal(before - model.bias.data, [1.0, 1.0])
    optimiser.zero_grad()
    assert not model.bias.grad.any()
    assert repr(optimiser).startswith("SGD(6 numbers, rate=1.0, momentum=0.0, nesterov=False")


def test_sgd_refuses_wrong_parameters_and_numbers():
    w = Tensor([1.0])
    with says(TypeError, "SGD(model.parameters(), ...)"):
        nn.SGD(nn.Dense(2, 2), 0.1)
    with says(TypeError, "SGD([w], ...)"):
        nn.SGD(w, 0.1)
    with says(TypeError, "ndarray", "model.parameters()"):
        nn.SGD([np.ones(2)], 0.1)
    with says(ValueError, "result of mul", "leaves"):
        nn.SGD([w * w], 0.1)
    with says(ValueError, "no parameters"):
        nn.SGD([], 0.1)
    with says(ValueError, "twice"):
        nn.SGD([w, w], 0.1)
    for rate in (0, -0.1, math.nan, math.inf):
        with says(ValueError, "rate", str(rate)):
            nn.SGD([w], rate)
    for momentum in (-0.1, 1.0, math.nan):
        with says(ValueError, "momentum", str(momentum)):
            nn.SGD([w], 0.1, momentum)


# Groups and options


def test_groups_have_options_of_their_own():
    first, second = Tensor([1.0]), Tensor([1.0])
    optimiser = nn.SGD(
        [{"parameters": [first]}, {"parameters": [second], "rate": 0.01, "momentum": 0.5}],
        rate=0.1,
    )
    for _ in range(2):
        first.grad = second.grad = np.ones(1)
        optimiser.step()
    np.testing.assert_allclose([first.data[0], second.data[0]], [0.8, 1 - 0.01 - 0.015])
    assert optimiser.parameters == [first, second]
    assert "2 numbers in 2 groups" in repr(optimiser)
    optimiser.rate = 0.5
    assert [group["rate"] for group in optimiser.groups] == [0.5, 0.5]
    assert [group["momentum"] for group in optimiser.groups] == [0.0, 0.5]


def test_momentum_may_be_switched_on_between_steps():
    weight = Tensor([1.0])
    optimiser = nn.SGD([weight], 0.1)
    for momentum in (0.0, 0.5, 0.5):
        optimiser.momentum = momentum
        weight.grad = np.ones(1)
        optimiser.step()
    np.testing.assert_allclose(weight.data, 1 - 0.1 * (1 + 1 + 1.5))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: nn.SGD(p, 0.0), ["rate is a positive number, not 0.0"]),
        (lambda p: nn.SGD(p, math.nan), ["rate", "nan"]),
        (lambda p: nn.SGD(p, "fast"), ["rate", "'fast'"]),
        (lambda p: nn.SGD(p, 0.1, nesterov=True), ["nesterov=True needs a momentum"]),
        (lambda p: nn.SGD(p, 0.1, weight_decay=-1), ["weight_decay", "-1"]),
        (lambda p: nn.Adam(p, betas=(0.9, 1.0)), ["betas", "(0.9, 1.0)"]),
        (lambda p: nn.Adam(p, betas=0.9), ["betas", "0.9"]),
        (lambda p: nn.Adam(p, eps=-1), ["eps"]),
        (lambda p: nn.RMSProp(p, decay=1.0), ["decay is at least 0 and below 1, not 1.0"]),
        (lambda p: nn.Adam([{"parameters": p, "momentum": 1}]), ["no option 'momentum'", "betas"]),
        (lambda p: nn.Adam([{"params": p}]), ['"parameters"', "'params'"]),
        (lambda p: nn.Adam([{"parameters": p}, {"parameters": p}]), ["twice"]),
        (lambda p: nn.Adam([{"parameters": p, "rate": -1}]), ["rate", "-1"]),
        (lambda p: nn.Adam([]), ["Adam got no parameters"]),
    ],
)
def test_optimisers_refuse(make, words):
    with says(ValueError, *words):
        make([Tensor([1.0])])


def test_an_option_that_is_assigned_is_checked():
    optimiser = nn.SGD([Tensor([1.0])], 0.1)
    with says(ValueError, "rate", "-1"):
        optimiser.rate = -1
    assert optimiser.rate == 0.1


def test_an_option_that_a_group_has_not_got_is_no_key_of_it():
    optimiser = nn.SGD([Tensor([1.0])], rate=0.1)
    with pytest.raises(ValueError, match="no option 'lr' to change; it has rate, momentum"):
        optimiser.groups[0]["lr"] = 0.01
    optimiser.groups[0]["rate"] = 0.0
    assert optimiser.rate == 0.0
    copied = copy.deepcopy(optimiser.groups[0])
    with pytest.raises(ValueError, match="no option 'lr'"):
        copied["lr"] = 0.01


def test_an_optimiser_of_one_s_own_has_options_of_its_own():
    class Signs(nn.Optimiser):
        def __init__(self, parameters, size):
            super().__init__(parameters, size=size)

        def update(self, w, g, kept, scratch, group):
            w -= group["size"] * np.sign(g)

    w = Tensor([1.0, 2.0])
    w.grad = [-3.0, 4.0]
    Signs([w], size=0.5).step()
    assert w.data.tolist() == [1.5, 1.5]


def test_adam_refuses_a_model_by_its_own_name():
    with says(TypeError, "Adam(model.parameters(), ...)"):
        nn.Adam(nn.Dense(2, 1))


# State


@pytest.mark.parametrize("name", ALL)
def test_state_restores_the_trajectory_to_the_last_bit(name):
    def weights():
        rng = np.random.default_rng(0)
        return [Tensor(rng.normal(size=(3, 2))), Value(rng.normal()), Value(rng.normal())]

    straight, first, second = weights(), weights(), weights()
    optimiser, begun = ALL[name](straight), ALL[name](first)
    for seed in range(3):
        step(optimiser, straight, seed)
        step(begun, first, seed)
    begun.rate = optimiser.rate = 0.05
    state = begun.state()
    for new, old in zip(second, first, strict=True):
        new.data = np.copy(old.data) if isinstance(old, Tensor) else old.data
    step(begun, first, 7)  # what comes after does not reach the state
    resumed = ALL[name](second)
    resumed.load_state(state)
    for seed in range(3, 6):
        step(optimiser, straight, seed)
        step(resumed, second, seed)
    for a, b in zip(straight, second, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    assert resumed.steps == 6
    assert resumed.groups[0].keys() == optimiser.groups[0].keys()


def test_a_state_of_another_optimiser_changes_nothing():
    weight = Tensor([1.0, 2.0])
    optimiser = nn.Adam([weight])
    before = optimiser.state()
    with says(ValueError, "lacks groups.0.betas"):
        optimiser.load_state(nn.SGD([weight], 1.0).state())
    with says(ValueError, "kept.0.mean has shape (2,)", "(3,)"):
        optimiser.load_state(nn.Adam([Tensor([1.0, 2.0, 3.0])]).state())
    for name, array in optimiser.state().items():
        np.testing.assert_array_equal(array, before[name])


SCHEDULES = {
    "step": lambda o: nn.StepSchedule(o, 2),
    "cosine": lambda o: nn.CosineSchedule(o, 9),
    "warm-up": lambda o: nn.WarmUp(o, 3, then=nn.CosineSchedule(o, 5)),
    "warm-up, plateau": lambda o: nn.WarmUp(o, 2, then=nn.Plateau(o, patience=1)),
    "plateau": lambda o: nn.Plateau(o, 0.5, 1, cooldown=1),
}


@pytest.mark.parametrize("stop", range(5))
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_its_state(name, stop):
    def pair():
        optimiser = nn.SGD([Tensor([1.0])], 0.8)
        return optimiser, SCHEDULES[name](optimiser)

    (straight, whole), (before, begun), (after, resumed) = pair(), pair(), pair()
    for t in range(10):
        if t == stop:
            after.load_state(before.state())
            resumed.load_state(begun.state())
        assert (after if t >= stop else before).rate == straight.rate
        for schedule in (whole, resumed if t >= stop else begun):
            schedule.step(1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda o: nn.StepSchedule(o, 0), ["every", "0"]),
        (lambda o: nn.StepSchedule(o, 3, factor=0), ["factor", "0"]),
        (lambda o: nn.CosineSchedule(o, 1.5), ["steps", "1.5"]),
        (lambda o: nn.CosineSchedule(o, 5, lowest=1), ["lowest", "1"]),
        (lambda o: nn.WarmUp(o, 3, start=-1), ["start", "-1"]),
        (lambda o: nn.WarmUp(o, 3, then=nn.StepSchedule(nn.SGD([Tensor(1.0)], 1), 1)), ["another"]),
        (lambda o: nn.Plateau(o, factor=1), ["factor", "1"]),
        (lambda o: nn.Plateau(o, mode="less"), ["'min' or 'max'", "'less'"]),
        (lambda o: nn.Plateau(o, patience=-1), ["patience", "-1"]),
        (lambda o: nn.Plateau(o).step(), ["metric", "None"]),
        (lambda o: nn.Plateau(o).step(math.nan), ["metric", "nan"]),
    ],
)
def test_schedules_refuse(make, words):
    with says(ValueError, *words):
        make(nn.SGD([Tensor([1.0])], 0.1))


def test_a_schedule_takes_an_optimiser():
    with says(TypeError, "optimiser first, not list"):
        nn.StepSchedule([Tensor([1.0])], 3)


# Clipping


def leaves(*gradients):
    found = [Tensor(np.zeros(np.shape(g))) if np.ndim(g) else Value(0.0) for g in gradients]
    for each, gradient in zip(found, gradients, strict=True):
        each.grad = np.array(gradient) if np.ndim(gradient) else gradient
    return found


def test_clipping_by_norm_keeps_the_direction():
    weights = leaves([[3.0], [0.0]], 4.0)
    assert nn.clip_gradients(weights, norm=1.0) == 5.0
    np.testing.assert_allclose(weights[0].grad, [[0.6], [0.0]])
    assert weights[1].grad == pytest.approx(0.8)
    assert nn.clip_gradients(weights, norm=2.0) == pytest.approx(1.0)
    assert weights[1].grad == pytest.approx(0.8)


def test_clipping_by_value():
    weights = leaves([-3.0, 0.5], 4.0)
    assert nn.clip_gradients(weights, value=1.0) == pytest.approx(math.sqrt(25.25))
    assert weights[0].grad.tolist() == [-1.0, 0.5]
    assert weights[1].grad == 1.0
    assert type(weights[1].grad) is float


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_clipping_does_not_overflow(size):
    weights = leaves([3 * size, 0.0], 4 * size)
    assert nn.clip_gradients(weights, norm=size) == pytest.approx(5 * size)
    np.testing.assert_allclose(weights[0].grad, [0.6 * size, 0.0])


def test_clipping_refuses():
    for limits in ({}, {"norm": 1.0, "value": 1.0}):
        with says(ValueError, "one limit"):
            nn.clip_gradients(leaves([1.0]), **limits)
    with says(ValueError, "positive number, not 0.0"):
        nn.clip_gradients(leaves([1.0]), norm=0.0)
    weights = leaves([9.0], [math.nan, 1.0])
    weights[1].label = "W2"
    with says(FloatingPointError, "parameter 1 'W2'", "NaN or infinity", "ag.debug()"):
        nn.clip_gradients(weights, norm=1.0)
    assert weights[0].grad.tolist() == [9.0]
    with says(TypeError, "clip_gradients(model.parameters(), ...)"):
        nn.clip_gradients(nn.Dense(2, 1), norm=1.0)
