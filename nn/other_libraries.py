"""Names of PyTorch, Keras and scikit-learn around networks, and what is written here instead.

They are entered where those of the engine are, in ``autograd_mini.other_libraries``.
"""

from __future__ import annotations

from autograd_mini.other_libraries import OPTIONS, PLACES

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

PLACES["autograd_mini.nn"] = NN, "autograd_mini.nn"
PLACES["model"] = MODEL, "a model"
PLACES["optimiser"] = OPTIMISER, "an optimiser"

OPTIONS.update(
    {
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
)
