import copy

import numpy as np

np.random.seed(2)
x = np.linspace(-3, 3, 80).reshape(-1, 1)
t = np.sin(x) + 0.1 * np.random.randn(*x.shape)
idx = np.random.permutation(80)
train, val = idx[:60], idx[60:]

model = {
    "w1": np.random.randn(1, 12),
    "b1": np.zeros(12),
    "w2": np.random.randn(12, 1) * 0.3,
    "b2": np.zeros(1),
}


def predict(model, x):
    hidden = np.tanh(x.dot(model["w1"]) + model["b1"])
    return hidden, hidden.dot(model["w2"]) + model["b2"]


def mse(out, target):
    return np.mean((out - target) ** 2)


best_val, best_model, patience, bad_epochs = np.inf, None, 20, 0
lr = 0.05
epoch = 0
while bad_epochs < patience and epoch < 1000:
    hidden, out = predict(model, x[train])
    train_loss = mse(out, t[train])
    # backward
    dout = 2.0 * (out - t[train]) / len(train)
    dhidden = dout.dot(model["w2"].T)
    dpre = dhidden * (1 - hidden**2)
    grads = {
        "w1": x[train].T.dot(dpre),
        "b1": dpre.sum(axis=0),
        "w2": hidden.T.dot(dout),
        "b2": dout.sum(axis=0),
    }
    for name, grad in grads.items():
        model[name] -= lr * grad

    val_loss = mse(predict(model, x[val])[1], t[val])
    if val_loss < best_val - 1e-5:
        best_val, best_model, bad_epochs = val_loss, copy.deepcopy(model), 0
    else:
        bad_epochs += 1
    if epoch % 100 == 0:
        print(epoch, "train", train_loss, "validation", val_loss)
    epoch += 1
