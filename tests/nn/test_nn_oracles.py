"""nn against PyTorch, in float64: layers, losses, optimisers, schedules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Tensor, log_softmax, nn, sigmoid, softmax

torch = pytest.importorskip("torch", reason="PyTorch, an optional oracle, is not installed")
torch.set_num_threads(1)  # the arrays are small
F = torch.nn.functional
SIZES = st.integers(1, 5)
SEEDS = st.integers(0, 1000)


def agree(found, wanted, ulps=500):
    """Equal to what rounding explains, measured by the largest of the numbers."""
    wanted = np.asarray(wanted.detach() if isinstance(wanted, torch.Tensor) else wanted)
    found = nn.numbers(found)
    assert found.shape == wanted.shape
    allowed = ulps * np.finfo(np.float64).eps * max(1.0, np.max(np.abs(wanted), initial=0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=allowed)


def leaf(array):
    return torch.tensor(array, requires_grad=True)


def give(theirs, names):
    """Copy our parameters (or their transposes, for a name with .T) into PyTorch's."""
    own = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, ours in names.items():
            data = ours.data.T if name.endswith(".T") else ours.data
            own[name.removesuffix(".T")].copy_(torch.tensor(np.ascontiguousarray(data)))


def agree_on_gradients(theirs, names):
    own = dict(theirs.named_parameters())
    for name, ours in names.items():
        wanted = own[name.removesuffix(".T")].grad
        agree(ours.grad.T if name.endswith(".T") else ours.grad, wanted)


def spread(model, rng):
    """Parameters that are no zeros, ones or other special numbers."""
    for parameter in model.parameters():
        parameter.data = rng.normal(size=parameter.shape) * 0.7


# Layers


@given(lead=st.lists(SIZES, max_size=3), n_in=SIZES, n_out=SIZES, seed=SEEDS)
def test_dense(lead, n_in, n_out, seed):
    rng = np.random.default_rng(seed)
    x, upstream = rng.normal(size=(*lead, n_in)), rng.normal(size=(*lead, n_out))
    ours, theirs = nn.Dense(None, n_out, rng=rng), torch.nn.Linear(n_in, n_out).double()
    ours(x)
    spread(ours, rng)
    names = {"weight.T": ours.weight, "bias": ours.bias}
    give(theirs, names)
    own, other = Tensor(x), leaf(x)
    out, wanted = ours(own), theirs(other)
    agree(out, wanted)
    np.sum(out * upstream).backward()
    (wanted * torch.tensor(upstream)).sum().backward()
    agree(own.grad, other.grad)
    agree_on_gradients(theirs, names)


@given(
    shape=st.tuples(st.integers(2, 5), SIZES) | st.tuples(SIZES, st.integers(2, 4), SIZES),
    eps=st.sampled_from([1e-5, 1e-3, 0.1]),
    momentum=st.sampled_from([0.1, 0.4, 1.0, None]),
    affine=st.booleans(),
    seed=SEEDS,
)
def test_batch_norm_in_training_and_after(shape, eps, momentum, affine, seed):
    rng = np.random.default_rng(seed)
    features = shape[-1]
    ours = nn.BatchNorm(features, eps=eps, momentum=momentum, affine=affine)
    theirs = torch.nn.BatchNorm1d(features, eps=eps, momentum=momentum, affine=affine).double()
    spread(ours, rng)
    names = {"weight": ours.weight, "bias": ours.bias} if affine else {}
    give(theirs, names)
    back = (lambda t: t.transpose(1, 2)) if len(shape) == 3 else (lambda t: t)
    for mode in (True, True, False, True, False):
        ours.train(mode)
        theirs.train(mode)
        x, upstream = rng.normal(2, 3, shape), rng.normal(size=shape)
        own, other = Tensor(x), leaf(x)
        out, wanted = ours(own), back(theirs(back(other)))
        agree(out, wanted)
        ours.zero_grad()
        theirs.zero_grad()
        np.sum(out * upstream).backward()
        (wanted * torch.tensor(upstream)).sum().backward()
        agree(own.grad, other.grad, ulps=5000)  # divided by a spread that may be small
        agree_on_gradients(theirs, names)
        agree(ours.running_mean, theirs.running_mean)
        agree(ours.running_var, theirs.running_var)
        assert ours.num_batches_tracked == theirs.num_batches_tracked.item()


@given(
    lead=st.lists(SIZES, max_size=3),
    features=st.integers(1, 6),
    eps=st.sampled_from([1e-5, 1e-2]),
    affine=st.booleans(),
    seed=SEEDS,
)
def test_layer_norm(lead, features, eps, affine, seed):
    rng = np.random.default_rng(seed)
    x, upstream = rng.normal(size=(*lead, features)), rng.normal(size=(*lead, features))
    ours = nn.LayerNorm(features, eps=eps, affine=affine)
    theirs = torch.nn.LayerNorm(features, eps=eps, elementwise_affine=affine).double()
    spread(ours, rng)
    names = {"weight": ours.weight, "bias": ours.bias} if affine else {}
    give(theirs, names)
    own, other = Tensor(x), leaf(x)
    out, wanted = ours(own), theirs(other)
    agree(out, wanted)
    np.sum(out * upstream).backward()
    (wanted * torch.tensor(upstream)).sum().backward()
    agree(own.grad, other.grad, ulps=50000)  # up to 1/sqrt(eps) times what comes in
    agree_on_gradients(theirs, names)


@given(
    shape=st.lists(SIZES, min_size=1, max_size=3),
    tokens=st.integers(2, 6),
    width=SIZES,
    padding=st.sampled_from([None, 0, 1]),
    seed=SEEDS,
)
def test_embedding(shape, tokens, width, padding, seed):
    rng = np.random.default_rng(seed)
    x, upstream = rng.integers(0, tokens, shape), rng.normal(size=(*shape, width))
    ours = nn.Embedding(tokens, width, padding=padding, rng=rng)
    theirs = torch.nn.Embedding(tokens, width, padding_idx=padding).double()
    give(theirs, {"weight": ours.weight})
    out, wanted = ours(x), theirs(torch.tensor(x))
    agree(out, wanted)
    np.sum(out * upstream).backward()
    (wanted * torch.tensor(upstream)).sum().backward()
    agree_on_gradients(theirs, {"weight": ours.weight})


KINDS = {
    "tanh": (nn.RNN, torch.nn.RNN, {}, {}),
    "relu": (nn.RNN, torch.nn.RNN, {"activation": "relu"}, {"nonlinearity": "relu"}),
    "GRU": (nn.GRU, torch.nn.GRU, {}, {}),
    "LSTM": (nn.LSTM, torch.nn.LSTM, {}, {}),
}


def pair_of_recurrent(kind, n_in, n_hidden, layers, rng):
    own, other, options, their_options = KINDS[kind]
    ours = own(n_in, n_hidden, layers, rng=rng, **options)
    theirs = other(n_in, n_hidden, layers, batch_first=True, **their_options).double()
    spread(ours, rng)
    names = {}
    for depth, cell in enumerate(ours.cells):
        names |= {
            f"weight_ih_l{depth}.T": cell.weight,
            f"weight_hh_l{depth}.T": cell.recurrent_weight,
            f"bias_ih_l{depth}": cell.bias,
            f"bias_hh_l{depth}": cell.recurrent_bias,
        }
    give(theirs, names)
    return ours, theirs, names


@given(
    kind=st.sampled_from(list(KINDS)),
    samples=SIZES,
    steps=st.integers(1, 6),
    n_in=SIZES,
    n_hidden=SIZES,
    layers=st.integers(1, 3),
    with_state=st.booleans(),
    with_lengths=st.booleans(),
    seed=SEEDS,
)
def test_recurrent_layers(
    kind, samples, steps, n_in, n_hidden, layers, with_state, with_lengths, seed
):
    rng = np.random.default_rng(seed)
    ours, theirs, names = pair_of_recurrent(kind, n_in, n_hidden, layers, rng)
    x = rng.normal(size=(samples, steps, n_in))
    own, other = Tensor(x), leaf(x)
    parts = 2 if kind == "LSTM" else 1
    starts = rng.normal(size=(parts, layers, samples, n_hidden))
    state = their_state = None
    own_starts = [[Tensor(a) for a in start] for start in starts]
    other_starts = [leaf(start) for start in starts]
    if with_state:
        state = list(zip(*own_starts, strict=True)) if parts == 2 else own_starts[0]
        their_state = tuple(other_starts) if parts == 2 else other_starts[0]
    lengths = rng.integers(1, steps + 1, samples) if with_lengths else None
    outputs, last = ours.run(own, state, lengths=lengths)
    if with_lengths:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            other, torch.tensor(lengths), batch_first=True, enforce_sorted=False
        )
        wanted, their_last = theirs(packed, their_state)
        wanted, _ = torch.nn.utils.rnn.pad_packed_sequence(
            wanted, batch_first=True, total_length=steps
        )
    else:
        wanted, their_last = theirs(other, their_state)
    agree(outputs, wanted)
    upstream = rng.normal(size=outputs.shape)
    loss, their_loss = np.sum(outputs * upstream), (wanted * torch.tensor(upstream)).sum()
    their_parts = their_last if parts == 2 else (their_last,)
    for depth, each in enumerate(last):
        for part, their_part in zip(each if parts == 2 else (each,), their_parts, strict=True):
            agree(part, their_part[depth])
            loss = loss + np.sum(part * part)
            their_loss = their_loss + (their_part[depth] ** 2).sum()
    loss.backward()
    their_loss.backward()
    agree(own.grad, other.grad)
    agree_on_gradients(theirs, names)
    if with_state:
        for mine, other_start in zip(own_starts, other_starts, strict=True):
            agree(np.stack([each.grad for each in mine]), other_start.grad)


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_backpropagation_carries_the_state_and_not_the_graph(kind):
    rng = np.random.default_rng(1)
    ours, theirs, names = pair_of_recurrent(kind, 3, 4, 2, rng)
    state = their_state = None
    for x in np.split(rng.normal(size=(2, 12, 3)), 3, axis=1):
        outputs, state = ours.run(x, nn.detached(state))
        np.sum(outputs * outputs).backward()
        wanted, their_state = theirs(torch.tensor(x), their_state)
        (wanted**2).sum().backward()
        their_state = (
            tuple(part.detach() for part in their_state) if kind == "LSTM" else their_state.detach()
        )
        agree(outputs, wanted)
    agree_on_gradients(theirs, names)


@given(
    samples=SIZES,
    steps=SIZES,
    memory_steps=SIZES,
    heads=st.integers(1, 3),
    per_head=st.integers(1, 3),
    mask=st.sampled_from([None, "causal", "one", "each"]),
    with_memory=st.booleans(),
    with_lengths=st.booleans(),
    seed=SEEDS,
)
def test_attention_layers(
    samples, steps, memory_steps, heads, per_head, mask, with_memory, with_lengths, seed
):
    rng = np.random.default_rng(seed)
    width, memory_steps = heads * per_head, memory_steps if with_memory else steps
    ours = nn.MultiHeadAttention(width, heads, causal=mask == "causal", rng=rng)
    theirs = torch.nn.MultiheadAttention(width, heads, batch_first=True).double()
    spread(ours, rng)
    projections = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(
            torch.tensor(np.concatenate([p.weight.data.T for p in projections]))
        )
        theirs.in_proj_bias.copy_(torch.tensor(np.concatenate([p.bias.data for p in projections])))
    names = {"out_proj.weight.T": ours.output.weight, "out_proj.bias": ours.output.bias}
    give(theirs, names)
    x = rng.normal(size=(samples, steps, width))
    memory = rng.normal(size=(samples, memory_steps, width)) if with_memory else None
    allowed = {
        None: None,
        "causal": np.tri(steps, memory_steps, dtype=bool),
        "one": rng.random((steps, memory_steps)) < 0.5,
        "each": rng.random((samples, steps, memory_steps)) < 0.5,
    }[mask]
    if allowed is not None:
        allowed[..., 0] = True  # each step may attend to something
    lengths = rng.integers(1, memory_steps + 1, samples) if with_lengths else None
    blocked = None if allowed is None else torch.tensor(~allowed)
    if mask == "each":
        blocked = blocked.repeat_interleave(heads, dim=0)
    padding = None
    if with_lengths:
        padding = torch.tensor(np.arange(memory_steps) >= lengths[:, None])
    real = np.ones((samples, steps, 1))
    if with_lengths and memory is None:  # what fills up counts as 0, whatever it is
        real = (np.arange(steps) < lengths[:, None])[:, :, None]
    own, other = Tensor(np.where(real, x, np.nan)), leaf(x * real)
    own_memory, other_memory = (None, other) if memory is None else (Tensor(memory), leaf(memory))
    out = ours(own, own_memory, mask=None if mask == "causal" else allowed, lengths=lengths)
    wanted, weights = theirs(
        other, other_memory, other_memory, key_padding_mask=padding, attn_mask=blocked,
        average_attn_weights=False,
    )  # fmt: skip
    agree(out, wanted)
    found = ours.weights(own, memory, mask=None if mask == "causal" else allowed, lengths=lengths)
    agree(found, weights)
    upstream = rng.normal(size=out.shape) * real
    np.sum(out * upstream).backward()
    (wanted * torch.tensor(upstream)).sum().backward()
    agree(own.grad, other.grad)
    if memory is not None:
        agree(own_memory.grad, other_memory.grad)
    agree_on_gradients(theirs, names)
    agree(np.concatenate([p.weight.grad.T for p in projections]), theirs.in_proj_weight.grad)
    agree(np.concatenate([p.bias.grad for p in projections]), theirs.in_proj_bias.grad)


# Optimisers: trajectories of 100 steps

OPTIMISERS = {
    "SGD": (nn.SGD, torch.optim.SGD, {"rate": 0.05}, {}),
    "momentum": (nn.SGD, torch.optim.SGD, {"rate": 0.02, "momentum": 0.9}, {}),
    "Nesterov": (
        nn.SGD,
        torch.optim.SGD,
        {"rate": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        {},
    ),
    "RMSProp": (nn.RMSProp, torch.optim.RMSprop, {"rate": 0.003}, {}),
    "RMSProp centred": (
        nn.RMSProp,
        torch.optim.RMSprop,
        {"rate": 0.001, "momentum": 0.5, "weight_decay": 0.01, "centred": True, "decay": 0.9},
        {"centred": "centered", "decay": "alpha"},
    ),
    "Adagrad": (nn.Adagrad, torch.optim.Adagrad, {"rate": 0.05, "weight_decay": 0.01}, {}),
    "Adam": (nn.Adam, torch.optim.Adam, {"rate": 0.01, "betas": (0.8, 0.99)}, {}),
    "Adam decay": (nn.Adam, torch.optim.Adam, {"rate": 0.01, "weight_decay": 0.01}, {}),
    "AdamW": (nn.AdamW, torch.optim.AdamW, {"rate": 0.01, "weight_decay": 0.1}, {}),
}


class TheirLSTM(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 5, batch_first=True)
        self.head = torch.nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def pair_of_models(kind):
    rng = np.random.default_rng(5)
    if kind == "LSTM":
        ours = nn.Sequential(nn.LSTM(3, 5, returns="last", rng=rng), nn.Dense(5, 3, rng=rng))
        theirs = TheirLSTM().double()
        (cell,), dense = ours.layers[0].cells, ours.layers[1]
        names = {
            "lstm.weight_ih_l0.T": cell.weight,
            "lstm.weight_hh_l0.T": cell.recurrent_weight,
            "lstm.bias_ih_l0": cell.bias,
            "lstm.bias_hh_l0": cell.recurrent_bias,
            "head.weight.T": dense.weight,
            "head.bias": dense.bias,
        }
        give(theirs, names)
        return ours, theirs, names, (7, 4, 3)
    normal = kind == "BatchNorm MLP"
    bias = not normal  # batch normalisation takes a shift before it away: its gradient is rounding
    ours = nn.Sequential(
        nn.Dense(4, 6, rng=rng, bias=bias),
        *[nn.BatchNorm(6)] * normal,
        np.tanh,
        nn.Dense(6, 3, rng=rng),
    )
    theirs = torch.nn.Sequential(
        torch.nn.Linear(4, 6, bias=bias),
        *[torch.nn.BatchNorm1d(6)] * normal,
        torch.nn.Tanh(),
        torch.nn.Linear(6, 3),
    ).double()
    names = {}
    for index, layer in enumerate(ours.layers):
        if isinstance(layer, nn.Module):
            turned = ".T" if isinstance(layer, nn.Dense) else ""
            names[f"{index}.weight{turned}"] = layer.weight
            if layer.bias is not None:
                names[f"{index}.bias"] = layer.bias
    give(theirs, names)
    return ours, theirs, names, (7, 4)


@pytest.mark.parametrize("kind", ["MLP", "BatchNorm MLP", "LSTM"])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_trajectories_of_100_steps(kind, name):
    make, their_make, options, renamed = OPTIMISERS[name]
    ours, theirs, names, shape = pair_of_models(kind)
    optimiser = make(ours.parameters(), **options)
    their_options = {renamed.get(k, k): v for k, v in options.items()}
    their_options["lr"] = their_options.pop("rate")
    their_optimiser = their_make(theirs.parameters(), **their_options)
    rng = np.random.default_rng(7)
    for _ in range(100):
        x, y = rng.normal(size=shape), rng.integers(0, 3, shape[0])
        optimiser.zero_grad()
        loss = nn.cross_entropy(ours(x), y)
        loss.backward()
        their_optimiser.zero_grad()
        their_loss = F.cross_entropy(theirs(torch.tensor(x)), torch.tensor(y))
        their_loss.backward()
        agree(loss, their_loss, ulps=100)
        optimiser.step()
        their_optimiser.step()
    own = dict(theirs.named_parameters())
    for name, parameter in names.items():
        wanted = own[name.removesuffix(".T")]
        agree(parameter.data.T if name.endswith(".T") else parameter.data, wanted, ulps=100)


# Losses

SHAPES = st.lists(SIZES, min_size=1, max_size=3)


@given(
    shape=SHAPES,
    name=st.sampled_from(["mean_squared_error", "mean_absolute_error", "huber"]),
    delta=st.sampled_from([0.3, 1.0, 2.0]),
    reduction=st.sampled_from(["mean", "sum"]),
    masked=st.booleans(),
    seed=SEEDS,
)
def test_losses_of_numbers(shape, name, delta, reduction, masked, seed):
    rng = np.random.default_rng(seed)
    outputs, targets = rng.normal(size=shape), rng.normal(size=shape)
    outputs.flat[0] = targets.flat[0]  # the kink of |error|
    mask = None
    if masked:
        mask = rng.random(shape[: rng.integers(1, len(shape) + 1)]) < 0.6
        mask.flat[0] = True
        targets[~mask] = np.nan
    options = {"delta": delta} if name == "huber" else {}
    own, other = Tensor(outputs), leaf(outputs)
    loss = getattr(nn, name)(own, targets, mask=mask, reduction=reduction, **options)
    theirs = {
        "mean_squared_error": F.mse_loss, "mean_absolute_error": F.l1_loss, "huber": F.huber_loss
    }[name]  # fmt: skip
    chosen = (slice(None),) if mask is None else (torch.tensor(mask),)
    wanted = theirs(other[chosen], torch.tensor(targets)[chosen], reduction=reduction, **options)
    agree(loss, wanted)
    loss.backward()
    wanted.backward()
    agree(own.grad, other.grad)


@given(
    lead=st.lists(SIZES, min_size=1, max_size=2),
    classes=st.integers(2, 5),
    rows=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    weighted=st.booleans(),
    masked=st.booleans(),
    form=st.sampled_from(["logits", "probabilities", "logarithms"]),
    reduction=st.sampled_from(["mean", "sum"]),
    seed=SEEDS,
)
def test_losses_of_classes(lead, classes, rows, smoothing, weighted, masked, form, reduction, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(*lead, classes))
    labels = rng.integers(0, classes, lead)
    targets = rng.dirichlet(np.ones(classes), lead) if rows else labels
    weights = rng.uniform(0.2, 2, classes) if weighted else None
    mask = None
    if masked:
        mask = rng.random(lead) < 0.6
        mask.flat[0] = True
        targets[~mask] = -100
    own, other = Tensor(z), leaf(z)
    options = {"class_weights": weights, "mask": mask, "reduction": reduction}
    if form == "logarithms":
        smoothing = 0.0
        loss = nn.negative_log_likelihood(log_softmax(own), targets, **options)
    elif form == "probabilities":
        loss = nn.cross_entropy(
            softmax(own), targets, from_logits=False, label_smoothing=smoothing, **options
        )
    else:
        loss = nn.cross_entropy(
            own, targets, from_logits=True, label_smoothing=smoothing, **options
        )
    chosen = torch.ones(lead, dtype=torch.bool) if mask is None else torch.tensor(mask)
    wanted = F.cross_entropy(
        other[chosen],
        torch.tensor(targets)[chosen],
        weight=None if weights is None else torch.tensor(weights),
        label_smoothing=smoothing,
        reduction=reduction,
    )
    agree(loss, wanted)
    loss.backward()
    wanted.backward()
    agree(own.grad, other.grad)


@given(shape=SHAPES, from_logits=st.booleans(), masked=st.booleans(), seed=SEEDS)
def test_losses_of_yes_and_no(shape, from_logits, masked, seed):
    rng = np.random.default_rng(seed)
    z, targets = rng.normal(size=shape), rng.integers(0, 2, shape).astype(float)
    mask = None
    if masked:
        mask = rng.random(shape) < 0.6
        mask.flat[0] = True
    own, other = Tensor(z), leaf(z)
    outputs = own if from_logits else sigmoid(own)
    loss = nn.binary_cross_entropy(outputs, targets, from_logits=from_logits, mask=mask)
    chosen = (slice(None),) if mask is None else (torch.tensor(mask),)
    wanted = F.binary_cross_entropy_with_logits(other[chosen], torch.tensor(targets)[chosen])
    agree(loss, wanted)
    loss.backward()
    wanted.backward()
    agree(own.grad, other.grad)


# Schedules

SCHEDULES = {
    "step": (
        lambda o: nn.StepSchedule(o, 3, factor=0.5),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 3, gamma=0.5),
    ),
    "steps": (
        lambda o: nn.StepSchedule(o, [9, 2, 5], factor=0.3),
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 5, 9], gamma=0.3),
    ),
    "warm-up": (
        lambda o: nn.WarmUp(o, 4, start=0.25),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.25, total_iters=4),
    ),
    "warm-up, then steps": (
        lambda o: nn.WarmUp(o, 4, start=0.25, then=nn.StepSchedule(o, 3, factor=0.5)),
        lambda o: torch.optim.lr_scheduler.SequentialLR(
            o,
            [
                torch.optim.lr_scheduler.LinearLR(o, 0.25, total_iters=4),
                torch.optim.lr_scheduler.StepLR(o, 3, gamma=0.5),
            ],
            [4],
        ),
    ),
}


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*:UserWarning")
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    make, their_make = SCHEDULES[name]
    ours, theirs = pair_of_optimisers()
    schedule, their_schedule = make(ours), their_make(theirs)
    for _ in range(12):
        agree(*rates(ours, theirs))
        schedule.step()
        their_schedule.step()


def test_the_cosine_schedule():
    ours, theirs = pair_of_optimisers()
    schedule = nn.CosineSchedule(ours, 8)
    their_schedule = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, 8)
    theirs.step()
    for _ in range(9):
        agree(*rates(ours, theirs))
        schedule.step()
        their_schedule.step()
    assert ours.rate == 0  # PyTorch's rises again


@given(
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    seed=SEEDS,
)
def test_plateau(mode, patience, cooldown, seed):
    ours, theirs = pair_of_optimisers()
    schedule = nn.Plateau(
        ours, 0.5, patience, mode=mode, cooldown=cooldown, threshold=0.05, lowest=0.02
    )
    their_schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        theirs, mode, 0.5, patience, threshold=0.05, cooldown=cooldown, min_lr=0.02
    )
    for metric in np.random.default_rng(seed).uniform(1, 2, 40):
        schedule.step(metric)
        their_schedule.step(metric)
        agree(*rates(ours, theirs))


def pair_of_optimisers():
    own, other = [Tensor([1.0]), Tensor([2.0])], [leaf(np.ones(1)), leaf(np.ones(1))]
    ours = nn.SGD([{"parameters": own[:1]}, {"parameters": own[1:], "rate": 0.1}], rate=1.0)
    theirs = torch.optim.SGD([{"params": other[:1]}, {"params": other[1:], "lr": 0.1}], lr=1.0)
    return ours, theirs


def rates(ours, theirs):
    return [g["rate"] for g in ours.groups], [g["lr"] for g in theirs.param_groups]
