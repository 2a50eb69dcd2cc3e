"""Names of PyTorch, JAX, HIPS autograd, Keras and micrograd, and what is written here instead.

Whoever comes from another library types its names.  A name that is missing here is answered
with the one to write: ``missing`` words the AttributeError, ``refuse_options`` raises the
TypeError for keyword arguments.

>>> print(missing("Tensor", "numpy"))
Tensor has no 'numpy': write t.data (the array itself, without its graph)
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NoReturn

_COMMON = {
    "requires_grad": "nothing: every {kind} is differentiated; ag.no_grad() stops recording",
    "requires_grad_": "nothing: every {kind} is differentiated; ag.no_grad() stops recording",
    "is_leaf": "not {it}.parents",
    "grad_fn": "{it}.op, the operation's name, and {it}.parents",
    "zero_": "{it}.zero_grad() for the gradient, {it}.data for the numbers",
    "retain_grad": "nothing: backward() leaves the gradient in {it}.grad of every node",
    "detach_": "{it} = {it}.detach()",
    "value": "{it}.data",
    "_value": "{it}.data",
    "_prev": "{it}.parents",
    "_children": "{it}.parents",
    "_op": "{it}.op",
    "_backward": "{it}.local_derivatives for ∂{it}/∂parent, {it}.backward() for the whole sweep",
    "gradient": "{it}.grad after backward(), or ag.gradients(loss, {it})",
    "name": "{it}.label",
}


def _for(kind: str, it: str) -> dict[str, str]:
    return {name: advice.format(kind=kind, it=it) for name, advice in _COMMON.items()}


_FUNCTIONS_OF_NUMPY = (
    "outer", "einsum", "roll", "flip", "tile", "diff", "tril", "triu", "diag", "allclose",
)  # fmt: skip
_FUNCTIONS_OF_OURS = ("softmax", "log_softmax", "logsumexp")

TENSOR = {
    **{name: f"np.{name}(t)" for name in _FUNCTIONS_OF_NUMPY},
    **{name: f"ag.{name}(t)" for name in _FUNCTIONS_OF_OURS},
    **_for("Tensor", "t"),
    "any": "np.any(t.data)",
    "all": "np.all(t.data)",
    "argsort": "np.argsort(t)",
    "nonzero": "np.nonzero(t)",
    "numpy": "t.data (the array itself, without its graph)",
    "tolist": "t.data.tolist() (the numbers, without their graph)",
    "cpu": "t itself: all arrays are NumPy's",
    "cuda": "t itself: all arrays are NumPy's, on the processor",
    "to": "t.astype(dtype); there is one device",
    "device": "nothing: all arrays are NumPy's, on the processor",
    "reshape_as": "t.reshape(other.shape)",
    "permute": "np.transpose(t, axes)",
    "unsqueeze": "np.expand_dims(t, axis)",
    "unsqueeze_": "np.expand_dims(t, axis)",
    "expand": "np.broadcast_to(t, shape)",
    "expand_as": "np.broadcast_to(t, other.shape)",
    "contiguous": "t itself",
    "clone": "+t (a node of its own, in the graph)",
    "copy": "+t (a node of its own, in the graph)",
    "matmul": "t @ other",
    "mm": "t @ other",
    "bmm": "t @ other",
    "t": "t.T",
    "mT": "np.swapaxes(t, -1, -2)",
    "float": "t.astype(np.float32)",
    "double": "t.astype(np.float64)",
    "half": "t.astype(np.float16)",
    "type": "t.astype(dtype)",
    "dim": "t.ndim",
    "numel": "t.size",
    "nelement": "t.size",
    "clamp": "np.clip(t, low, high)",
    "norm": "np.linalg.norm(t)",
    "acos": "np.arccos(t)",
    "asin": "np.arcsin(t)",
    "atan": "np.arctan(t)",
    "gather": "t[indices]",
    "index_select": "np.take(t, indices, axis)",
    "masked_fill": "np.where(mask, value, t)",
    "add_": "t.data += other, or t = t + other for a new node",
    "sub_": "t.data -= other, or t = t - other for a new node",
    "mul_": "t.data *= other, or t = t * other for a new node",
    "copy_": "t.data = other",
    "fill_": "t.data[...] = number",
    "at": "np.where(mask, values, t), or np.concatenate and np.stack of the parts",
    "assign": "t.data = other",
    "assign_sub": "t.data -= other",
    "assign_add": "t.data += other",
    "block_until_ready": "t itself: nothing is computed later",
}  # fmt: skip
"""Attributes and methods that a Tensor has elsewhere."""

VALUE = {
    **_for("Value", "v"),
    "item": "v.data",
    "numpy": "v.data",
    "shape": "Tensor for arrays: a Value holds one number",
    "ndim": "Tensor for arrays: a Value holds one number",
    "size": "Tensor for arrays: a Value holds one number",
    "dtype": "Tensor for arrays: a Value holds one number, a Python float",
    "T": "Tensor for arrays: a Value holds one number",
    "clone": "+v (a node of its own, in the graph)",
    "copy": "+v (a node of its own, in the graph)",
    "tolist": "v.data",
    "sum": "sum(values): a Value holds one number",
    "mean": "sum(values) / len(values): a Value holds one number",
}
"""Attributes and methods that a Value has elsewhere."""

MODULE = {
    **{name: f"np.{name}" for name in _FUNCTIONS_OF_NUMPY},
    "tensor": "ag.Tensor(data)",
    "array": "ag.Tensor(data), or np.stack([...]) to join Tensors",
    "asarray": "ag.Tensor(data)",
    "from_numpy": "ag.Tensor(data)",
    "Variable": "ag.Tensor(data), or ag.Value(number)",
    "Parameter": "ag.Tensor(data)",
    "constant": "the array itself: plain numbers and arrays are constants",
    "numpy": "import numpy as np: NumPy's own functions work on Tensors",
    "jit": "the function itself: nothing is compiled",
    "stop_gradient": "t.detach()",
    "GradientTape": "ag.grad(f), or loss.backward()",
    "backward": "loss.backward()",
    "elementwise_grad": "ag.grad(lambda x: np.sum(f(x))) of an elementwise f",
    "egrad": "ag.grad(lambda x: np.sum(f(x))) of an elementwise f",
    "make_vjp": "ag.vjp(f, x)",
    "make_jvp": "ag.jvp(f, (x,), (v,))",
    "make_hvp": "ag.hvp(f, (x,), (v,))",
    "hessian_vector_product": "ag.hvp(f, (x,), (v,))",
    "holomorphic_grad": "ag.grad of real and imaginary parts: complex numbers are not taken",
    "jacrev": "ag.jacobian(f)",
    "jacfwd": "ag.jacobian(f)",
    "defvjp": "ag.primitive(forward, pullback)",
    "custom_vjp": "ag.primitive(forward, pullback)",
    "Function": "ag.primitive(forward, pullback)",
    "enable_grad": "the code outside ag.no_grad(): recording is what happens there",
    "inference_mode": "ag.no_grad()",
    "set_grad_enabled": "ag.no_grad()",
    "gradcheck": "ag.check_gradients(loss, params, manual)",
    "check_grads": "ag.check_gradients(loss, params, manual)",
    "gradient": "ag.grad(f), or ag.gradients(loss, nodes)",
    "cat": "np.concatenate",
    "draw_dot": "ag.draw(root)",
    "make_dot": "ag.draw(root)",
    "optim": "ag.nn.SGD, ag.nn.Adam, …",
    "sum": "np.sum",
    "mean": "np.mean",
    "matmul": "x @ y",
    "dot": "np.dot",
    "zeros": "ag.Tensor(np.zeros(shape))",
    "ones": "ag.Tensor(np.ones(shape))",
    "randn": "ag.Tensor(rng.normal(size=shape)) with rng = np.random.default_rng(seed)",
    "rand": "ag.Tensor(rng.random(shape)) with rng = np.random.default_rng(seed)",
    "manual_seed": "rng = np.random.default_rng(seed), given to what draws numbers",
    "softmax_cross_entropy": "ag.nn.cross_entropy(logits, targets)",
    "vmap": "the batched NumPy code: X @ W takes all samples at once",
}
"""Names that a module like this one has elsewhere."""

NN = {
    "Linear": "nn.Dense(n_in, n_out)",
    "Layer": "nn.Module",
    "Model": "nn.Module or nn.Sequential(...)",
    "Neuron": "nn.Dense(n_in, 1, scalar=True)",
    "Input": "nothing: the first layer says its number of inputs",
    "Parameter": "Tensor(data) as an attribute of the Module",
    "ModuleList": "a plain list of layers as an attribute of the Module",
    "ModuleDict": "a plain dict of layers as an attribute of the Module",
    **{
        name: f"ag.{function}, or {function!r} as a layer's activation"
        for name, function in {
            "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "SiLU": "silu", "GELU": "gelu",
            "Sigmoid": "sigmoid", "Softplus": "softplus", "Softmax": "softmax",
            "LogSoftmax": "log_softmax", "relu": "relu", "sigmoid": "sigmoid", "softmax": "softmax",
            "log_softmax": "log_softmax", "gelu": "gelu",
        }.items()
    },
    "Tanh": "np.tanh, or 'tanh' as a layer's activation",
    "tanh": "np.tanh, or 'tanh' as a layer's activation",
    "functional": "ag.relu, ag.softmax, …; the losses are nn.cross_entropy, …",
    "CrossEntropyLoss": "nn.cross_entropy(logits, targets)",
    "NLLLoss": "nn.negative_log_likelihood(log_probabilities, targets)",
    "BCELoss": "nn.binary_cross_entropy",
    "BCEWithLogitsLoss": "nn.binary_cross_entropy(logits, targets)",
    "MSELoss": "nn.mean_squared_error(outputs, targets)",
    "L1Loss": "nn.mean_absolute_error(outputs, targets)",
    "SmoothL1Loss": "nn.huber(outputs, targets)",
    "HuberLoss": "nn.huber(outputs, targets)",
    "HingeEmbeddingLoss": "nn.hinge(outputs, targets)",
    "mse_loss": "nn.mean_squared_error(outputs, targets)",
    "BatchNorm1d": "nn.BatchNorm(n)",
    "BatchNormalization": "nn.BatchNorm(n)",
    "LayerNormalization": "nn.LayerNorm(n)",
    "MultiheadAttention": "nn.MultiHeadAttention",
    "SimpleRNN": "nn.RNN",
    "DataLoader": "nn.data.batches(inputs, targets, batch_size=...)",
    "utils": "nn.clip_gradients, nn.save and nn.load",
    "init": "nn.initialisers",
    "optim": "nn.SGD, nn.Adam, …",
    "optimizers": "nn.SGD, nn.Adam, …",
    "RMSprop": "nn.RMSProp",
    "AdaGrad": "nn.Adagrad",
    "Optimizer": "nn.Optimiser",
    "clip_grad_norm_": "nn.clip_gradients(parameters, norm=...)",
    "clip_grad_value_": "nn.clip_gradients(parameters, value=...)",
    "accuracy_score": "nn.accuracy(outputs, targets)",
    "r2_score": "nn.r2(outputs, targets)",
    "to_categorical": "nn.one_hot(targets, n)",
}  # fmt: skip
"""Names that a module of neural networks has elsewhere."""

MODEL = {
    "state_dict": "nn.save(model, path), or model.parameters() for the Tensors",
    "load_state_dict": "nn.load(model, path)",
    "save_weights": "nn.save(model, path)",
    "load_weights": "nn.load(model, path)",
    "weights": "model.parameters()",
    "get_weights": "[p.data for p in model.parameters()]",
    "set_weights": "p.data = array, for each p of model.parameters()",
    "trainable_variables": "model.parameters()",
    "compile": "nn.fit(model, X, y, loss=..., optimiser=...)",
    "fit": "nn.fit(model, X, y, ...)",
    "predict": "nn.predict(model, X)",
    "evaluate": "nn.evaluate(model, X, y, ...)",
    "summary": "nn.summary(model)",
    "register_parameter": "self.name = Tensor(data)",
    "cuda": "nothing: all arrays are NumPy's, on the processor",
    "cpu": "nothing: all arrays are NumPy's, on the processor",
    "to": "nothing: there is one device",
}
"""Attributes and methods that a model has elsewhere."""

SCIPY = {
    "expit": "ag.sigmoid(t)",
    "log_expit": "ag.log_sigmoid(t)",
    **{name: f"ag.{name}(t, axis)" for name in _FUNCTIONS_OF_OURS},
}
"""Functions of scipy.special that are called otherwise here."""

OPTIMISER = {
    "lr": "optimiser.rate",
    "learning_rate": "optimiser.rate",
    "param_groups": "optimiser.groups, a list of dicts with 'rate' and the other options",
    "minimize": "loss.backward() and optimiser.step()",
    "apply_gradients": "loss.backward() and optimiser.step()",
    "state_dict": "optimiser.state()",
    "load_state_dict": "optimiser.load_state(state)",
}
"""Attributes and methods that an optimiser has elsewhere."""

OPTIONS = {
    "dim": "axis=",
    "axes": "axis=",
    "keepdim": "keepdims=",
    "keep_dims": "keepdims=",
    "unbiased": "ddof=1 for the unbiased estimate, ddof=0 for the other",
    "correction": "ddof=",
    "Tensor(dtype)": "np.asarray(data, dtype) as data",
    "requires_grad": "nothing: every Tensor and Value is differentiated",
    "device": "nothing: all arrays are NumPy's, on the processor",
    "name": "label=",
    "_children": "an operation: the graph is recorded by computing",
    "_op": "an operation: the graph is recorded by computing",
    "argnum": "argnums=",
    "has_aux": "a function that returns the loss alone, and keeps what else it computes in a list",
    "grad_outputs": "gradient=",
    "allow_unused": "nothing: what is not used has gradient 0, with a warning",
    "retain_graph": "nothing: a graph can be swept again as long as its result is held",
    "create_graph": "ag.gradients(loss, nodes, create_graph=True)",
    "lr": "rate=",
    "learning_rate": "rate=",
    "optimizer": "optimiser=",
    "input_dim": "n_in, the first argument",
    "input_shape": "n_in, the first argument",
    "units": "n_out, the second argument",
    "in_features": "n_in, the first argument",
    "out_features": "n_out, the second argument",
    "verbose": "progress=",
    "random_state": "rng=",
    "seed": "rng=",
    "kernel_initializer": "init=",
    **{
        f"fit({option})": f"loss=functools.partial(nn.cross_entropy, {ours}=...)"
        for option, ours in {
            "class_weight": "class_weights",
            "class_weights": "class_weights",
            "label_smoothing": "label_smoothing",
        }.items()
    },
    **{
        f"fit({option})": "y=(y, weights), and as loss a function of outputs and both"
        for option in ("sample_weight", "sample_weights")
    },
    "cross_entropy(weight)": "class_weights=",
    "cross_entropy(class_weight)": "class_weights=",
    "cross_entropy(ignore_index)": "mask=, a boolean array, True where a target counts",
}
"""Keyword arguments that functions have elsewhere; ``"f(option)"`` is one of ``f`` alone."""

_PLACES: dict[str, tuple[Mapping[str, str], str]] = {
    "Tensor": (TENSOR, "Tensor"),
    "Value": (VALUE, "Value"),
    "autograd_mini": (MODULE, "autograd_mini"),
    "autograd_mini.nn": (NN, "autograd_mini.nn"),
    "model": (MODEL, "a model"),
    "optimiser": (OPTIMISER, "an optimiser"),
}


def missing(place: str, name: str, owner: str = "") -> str:
    """The message for a name that ``place`` has not got.

    Arguments:
        place: ``"Tensor"``, ``"Value"``, ``"autograd_mini"``, ``"autograd_mini.nn"``,
            ``"model"`` or ``"optimiser"``.
        name: what was asked for.
        owner: what the message calls the place, a class's name for example.
    """
    table, called = _PLACES[place]
    called = owner or called
    if name in table:
        return f"{called} has no {name!r}: write {table[name]}"
    kind = "module " if place.startswith("autograd_mini") else ""
    return f"{kind}{called!r} has no attribute {name!r}"


def refuse_foreign_options(made: type, options: Mapping[str, Any]) -> None:
    """``refuse_options`` for those arguments of a class that it has not got and others have.

    >>> refuse_foreign_options(complex, {"imag": 1.0})
    """
    if OPTIONS.keys().isdisjoint(options):
        return
    known = inspect.signature(made.__init__).parameters  # type: ignore[misc]
    if not any(option.kind is option.VAR_KEYWORD for option in known.values()):
        unknown = {n: given for n, given in options.items() if n in OPTIONS and n not in known}
        if unknown:
            refuse_options(made.__name__, unknown)


def refuse_options(function: str, options: Mapping[str, Any]) -> NoReturn:
    """Raise the TypeError for keyword arguments that a function has not got.

    >>> refuse_options("sum", {"dim": 0})
    Traceback (most recent call last):
    TypeError: sum() has no option 'dim': write axis=
    """
    for name in options:
        advice = OPTIONS.get(f"{function}({name})", OPTIONS.get(name))
        if advice:
            raise TypeError(f"{function}() has no option {name!r}: write {advice}")
    raise TypeError(f"{function}() got an unexpected keyword argument {next(iter(options))!r}")


class Elsewhere:
    """A class attribute for a name of another library: to ask for it raises ``missing``'s words.

    Unlike ``__getattr__`` it costs nothing where the name that is asked for exists.
    """

    def __init__(self, place: str, name: str) -> None:
        self.place, self.name = place, name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(missing(self.place, self.name))


class NotEvenSet(Elsewhere):
    """``Elsewhere`` for what would be assigned in vain, as ``optimiser.lr = 0.01``."""

    def __set__(self, instance: object, value: object) -> NoReturn:
        raise AttributeError(missing(self.place, self.name))
