"""Training code in many styles: right programs are right, and a slip is told in its line."""

import textwrap

import numpy as np

from autograd_mini import check_gradients, check_script, check_step


def checked(tmp_path, text, *changes, **options):
    text = textwrap.dedent(text)
    for right, wrong in changes:
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    path = tmp_path / "train.py"
    path.write_text(text)
    return check_script(path, **options)


def repaired(report):
    (mistake,) = report.mistakes
    return mistake.line.text, mistake.repair and mistake.repair.text


ADAM_BY_NAME = """
    import numpy as np

    rng = np.random.default_rng(11)
    x, t = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))


    class Linear:
        def __init__(self, n, m):
            self.weight, self.bias = rng.normal(size=(n, m)), np.zeros(m)
            self.m_weight = self.v_weight = np.zeros((n, m))
            self.m_bias = self.v_bias = np.zeros(m)

        def __call__(self, x):
            self.x = x
            return x @ self.weight + self.bias

        def back(self, up):
            self.g_weight, self.g_bias = self.x.T @ up, up.sum(axis=0)
            return up @ self.weight.T


    def adam(layer, time, lr=0.01, eps=1e-8):
        for name in ("weight", "bias"):
            g = getattr(layer, "g_" + name)
            m = 0.9 * getattr(layer, "m_" + name) + 0.1 * g
            v = 0.99 * getattr(layer, "v_" + name) + 0.01 * g**2
            setattr(layer, "m_" + name, m)
            setattr(layer, "v_" + name, v)
            mean, square = m / (1 - 0.9**time), v / (1 - 0.99**time)
            setattr(layer, name, getattr(layer, name) - lr * mean / (np.sqrt(square) + eps))


    first, last = Linear(3, 4), Linear(4, 2)
    for epoch in range(1, 100):
        h = np.tanh(first(x))
        out = last(h)
        loss = np.sum((out - t) ** 2) / 2
        print(loss)
        up = last.back(out - t)
        first.back(up * (1 - h**2))
        for layer in (first, last):
            adam(layer, epoch)
"""


def test_an_optimiser_that_sets_attributes_by_their_names(tmp_path):
    report = checked(tmp_path, ADAM_BY_NAME)
    assert report.ok, str(report)
    assert "what goes into the updates" in report.assumptions[3]


def test_what_an_optimiser_scales_is_its_gradient_though_all_are_wrong(tmp_path):
    slip = "up = last.back(out - t)", "up = last.back(out + t)"
    assert repaired(checked(tmp_path, ADAM_BY_NAME, slip)) == slip[::-1]


FALLING_RATE = """
    import numpy as np

    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(9, 3)), rng.integers(0, 2, 9)
    w, b, rate, reg = rng.normal(size=(3, 2)), np.zeros((1, 2)), 1.0, 0.01
    for epoch in range(50):
        scores = x @ w + b
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        loss = -np.log(p[range(9), labels]).sum() / 9 + 0.5 * reg * np.sum(w * w)
        dscores = p.copy()
        dscores[range(9), labels] -= 1
        dscores /= 9
        dw = x.T @ dscores
        db = np.sum(dscores, axis=0, keepdims=True)
        dw += reg * w
        w += -rate * dw
        b += -rate * db
        rate *= 0.99
"""


def test_a_rate_that_falls_is_no_momentum(tmp_path):
    assert checked(tmp_path, FALLING_RATE).ok
    report = checked(tmp_path, FALLING_RATE, ("dw += reg * w", "dw += 2 * reg * w"))
    assert repaired(report) == ("dw += 2 * reg * w", "dw += reg * w")
    assert not any("Momentum" in said for said in report.assumptions)


WARM_UP = """
    import numpy as np

    rng = np.random.default_rng(2)
    x, t = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    W, V, shift = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), np.zeros(3)
    speed = {"W": 0, "V": 0, "shift": 0}
    held = {"W": W, "V": V, "shift": shift}
    for epoch in range(200):
        h = np.tanh(x @ held["W"])
        out = h @ held["V"] + held["shift"]
        loss = np.sum((out - t) ** 2) / 2
        print(loss)
        d = out - t
        dh = d @ held["V"].T
        g = {"W": x.T @ (dh * (1 - h**2)), "V": h.T @ d, "shift": d.sum(axis=0)}
        step = 1.23e-5 * min(1, (epoch + 1) / 17)
        for name in held:
            speed[name] = 0.9 * speed[name] - step * g[name]
            held[name] = held[name] + speed[name]
"""


def test_a_rate_that_only_the_updates_say_is_known_to_rounding(tmp_path):
    assert checked(tmp_path, WARM_UP).ok
    slip = "(1 - h**2)", "(1 - h)"
    report = checked(tmp_path, WARM_UP, slip, seconds=1)
    assert [report[name].verdict for name in ("W", "V", "shift")] == ["differ", "agree", "agree"]


XOR_BY_LISTS = """
    import math, random

    random.seed(42)
    data = [([0, 0], [0]), ([0, 1], [1]), ([1, 0], [1]), ([1, 1], [0])]
    w = [[random.uniform(-1, 1) for _ in range(2)] for _ in range(3)]
    b = [random.uniform(-1, 1) for _ in range(3)]
    v = [random.uniform(-1, 1) for _ in range(3)]
    c = 0.1


    def squash(z):
        return 1 / (1 + math.exp(-z))


    def learn(x, want):
        global c
        h = [squash(b[j] + w[j][0] * x[0] + w[j][1] * x[1]) for j in range(3)]
        o = squash(c + sum(v[j] * h[j] for j in range(3)))
        off = want - o
        d_o = off * o * (1 - o)
        d_h = [d_o * v[j] * h[j] * (1 - h[j]) for j in range(3)]
        for j in range(3):
            v[j] += 0.5 * d_o * h[j]
            b[j] += 0.5 * d_h[j]
            for i in range(2):
                w[j][i] += 0.5 * d_h[j] * x[i]
        c += 0.5 * d_o
        return off**2 / 2


    for epoch in range(5000):
        total = 0
        for x, (want,) in data:
            total += learn(x, want)
        if epoch % 500 == 0:
            print(epoch, total)
"""


def test_what_is_added_up_is_the_loss(tmp_path):
    report = checked(tmp_path, XOR_BY_LISTS)
    assert report.ok, str(report)
    assert report.assumptions[1].startswith("Loss: total, line")


def test_a_turn_in_which_more_is_moved_is_taken_though_it_is_wrong(tmp_path):
    slip = "0.5 * d_h[j] * x[i]", "0.5 * d_h[i] * x[i]"  # the first sample is of zeros
    report = checked(tmp_path, XOR_BY_LISTS, slip)
    assert repaired(report) == ("w[j][i] += 0.5 * d_h[i] * x[i]", "w[j][i] += 0.5 * d_h[j] * x[i]")


def normalised_classifier(slip=1.0):
    """Features over their deviation, with a stabiliser, and a logarithm that has another."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(7, 4)), rng.integers(0, 3, 7)
    params = {"W": rng.normal(size=(4, 3)), "gain": np.ones(3)}

    def passed(W, gain):
        z = x @ W
        centred = z - z.mean(axis=0)
        spread = np.sqrt(np.mean(centred**2, axis=0) + 1e-4)
        e = np.exp(gain * (centred / spread))
        return centred, spread, e / e.sum(axis=1, keepdims=True)

    def loss(W, gain):
        _, _, p = passed(W, gain)
        return -np.mean(np.log(p[np.arange(7), labels] + 1e-7))

    def manual(W, gain):
        centred, spread, p = passed(W, gain)
        d = p.copy()
        d[np.arange(7), labels] -= 1
        d /= 7
        dn = d * gain
        dc = dn / spread - slip * centred * np.mean(dn * centred, axis=0) / spread**3
        return {"gain": (d * centred / spread).sum(axis=0), "W": x.T @ (dc - dc.mean(axis=0))}

    return check_gradients(loss, params, manual)


def test_one_stabiliser_is_left_out_and_another_is_not():
    report = normalised_classifier()
    assert report.ok, str(report)
    assert "1e-07" in "".join(report.notes)
    assert "0.0001" not in "".join(report.notes)
    wrong = normalised_classifier(slip=0.5)
    assert [wrong[name].verdict for name in ("gain", "W")] == ["agree", "differ"]


AVERAGES = """
    import numpy as np

    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))
    gain, shift, running = np.ones(3), np.zeros(3), np.ones(3)
    for epoch in range(50):
        running = 0.9 * running + 0.1 * x.mean(axis=0)
        n = (x - x.mean(axis=0)) / x.std(axis=0)
        loss = np.mean((gain * n + shift - t) ** 2)
        print(loss, running)
        d = 2 * (gain * n + shift - t) / t.size
        gain -= 0.1 * np.sum(d * n, axis=0)
        shift -= 0.1 * np.sum(d, axis=0)
"""


def test_a_running_average_is_no_momentum(tmp_path):
    report = checked(
        tmp_path, AVERAGES, ("np.sum(d * n, axis=0)", "np.sum(d + n, axis=0)"), steps=2
    )
    assert not report.ok
    assert not any("Momentum" in said for said in report.assumptions)


BANDIT = """
    import numpy as np

    rng = np.random.default_rng(7)
    theta, baseline, lr = np.zeros(3), 0.0, 0.2
    for t in range(300):
        p = np.exp(theta) / np.exp(theta).sum()
        a = rng.choice(3)
        reward = float(rng.random() < 0.3 * (a + 1))
        loss = -np.log(p[a]) * (reward - baseline)
        print(loss)
        grad = (p - np.eye(3)[a]) * (reward - baseline)
        theta -= lr * grad
        baseline += 0.05 * (reward - baseline)
"""


def test_a_baseline_that_is_an_average_is_no_parameter(tmp_path):
    report = checked(tmp_path, BANDIT, steps=4)
    assert report.ok, str(report)
    assert "Changed, but no parameters of this loss: baseline (loss=)" in report.assumptions
    slip = "grad = (p - np.eye(3)[a])", "grad = (p + np.eye(3)[a])"
    assert repaired(checked(tmp_path, BANDIT, slip, steps=4)) == (
        "grad = (p + np.eye(3)[a]) * (reward - baseline)",
        "grad = (p - np.eye(3)[a]) * (reward - baseline)",
    )


LINE = """
    import numpy as np

    x, y = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 7.0])
    w, b, lr = 0.5, 0.1, 0.01
    for epoch in range(300):
        error = w * x + b - y
        print(np.mean(error**2))
        w -= lr * 2 * np.mean(error * x)
        b -= lr * 2 * np.mean(error)
"""


def test_a_gradient_that_forgets_all_parameters_but_its_own_is_no_average(tmp_path):
    assert checked(tmp_path, LINE).ok
    report = checked(tmp_path, LINE, ("np.mean(error)\n", "np.mean(b - y)\n"), seconds=1)
    assert [report[name].verdict for name in ("w", "b")] == ["agree", "differ"]


POISSON = """
    import numpy as np

    rng = np.random.default_rng(3)
    A, counts = rng.normal(size=(20, 3)), rng.poisson(2.0, 20)
    beta, step = np.zeros(3), 1e-3
    for it in range(500):
        eta = A @ beta
        loglik = np.sum(counts * eta - np.exp(eta))
        print(it, loglik)
        beta = beta + step * A.T @ (counts - np.exp(eta))
"""


def test_the_logarithm_of_a_likelihood_is_made_greater(tmp_path):
    assert checked(tmp_path, POISSON).ok
    assert checked(tmp_path, POISSON.replace("loglik", "ll")).ok
    report = checked(tmp_path, POISSON.replace("loglik", "neg_loglik"), seconds=1)
    assert not report.ok


VELOCITIES = """
    import numpy as np

    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(6, 4)), rng.integers(0, 2, (6, 2)) * 1.0


    class Net:
        def __init__(self):
            self.weights = [rng.normal(size=(4, 5)), rng.normal(size=(5, 2))]
            self.biases = [np.zeros(5), np.zeros(2)]
            self.velocities = [np.zeros(w.shape) for w in self.weights]

        def step(self, x, t, eta, lam, mu=0.5):
            (W, V), (b, c) = self.weights, self.biases
            h = np.tanh(x @ W + b)
            out = 1 / (1 + np.exp(-(h @ V + c)))
            delta = out - t
            back = delta @ V.T * (1 - h**2)
            nabla_w = [x.T @ back, h.T @ delta]
            nabla_b = [back.sum(0), delta.sum(0)]
            n = len(x)
            self.velocities = [mu * v - (eta / n) * dw for v, dw in zip(self.velocities, nabla_w)]
            self.weights = [(1 - eta * lam) * w + v for w, v in zip(self.weights, self.velocities)]
            self.biases = [b - (eta / n) * db for b, db in zip(self.biases, nabla_b)]


    net = Net()
    for epoch in range(50):
        net.step(x, t, 0.5, 0.02)
"""


def test_velocities_and_decay_of_weights_beside_plain_updates_of_biases(tmp_path):
    report = checked(tmp_path, VELOCITIES)
    assert report.ok, str(report)
    assert "divided by eta = 0.5" in report.assumptions[3]
    assert sum("Weight decay" in said for said in report.assumptions) == 1
    slip = "(1 - h**2)\n", "(1 - h)\n"
    wrong = checked(tmp_path, VELOCITIES, slip, seconds=1)
    assert [wrong[f"{name}[{i}]"].verdict for name in ("weights", "biases") for i in (0, 1)] == [
        "differ", "agree", "differ", "agree",
    ]  # fmt: skip


CLIPPED_RNN = """
    import numpy as np

    np.random.seed(3)
    data = np.sin(np.arange(0, 30) * 0.3)
    Wx, Wh, Wy = np.random.randn(1, 4), np.random.randn(4, 4) * 0.4, np.random.randn(4, 1)
    bh, by = np.zeros(4), np.zeros(1)
    for start in range(0, 24, 4):
        xs, ys = data[start : start + 4], data[start + 1 : start + 5]
        hs, outs = [np.zeros(4)], []
        for x in xs:
            hs.append(np.tanh(x * Wx[0] + hs[-1] @ Wh + bh))
            outs.append(hs[-1] @ Wy + by)
        loss = sum(float((o[0] - y) ** 2) for o, y in zip(outs, ys))
        print(loss)
        dWx, dWh, dWy = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy)
        dbh, dby, carry = np.zeros_like(bh), np.zeros_like(by), np.zeros(4)
        for t in range(4)[::-1]:
            do = 2 * (outs[t] - ys[t])
            dWy += np.outer(hs[t + 1], do)
            dby += do
            da = (Wy @ do + carry) * (1 - hs[t + 1] ** 2)
            dWx += xs[t] * da
            dWh += np.outer(hs[t], da)
            dbh += da
            carry = Wh @ da
        for P, dP in zip((Wx, Wh, Wy, bh, by), (dWx, dWh, dWy, dbh, dby)):
            P -= 0.01 * np.clip(dP, -1, 1)
"""


def test_a_single_number_is_clipped_and_the_last_turn_adds_nothing_yet(tmp_path):
    report = checked(tmp_path, CLIPPED_RNN)  # the first input and state are 0
    assert report.ok, str(report)
    slip = "dby += do", "dby += 2 * do"
    assert repaired(checked(tmp_path, CLIPPED_RNN, slip)) == slip[::-1]


GENERATOR = """
    import numpy as np
    from itertools import count, islice


    def fitted(x, y, lr=0.01):
        w, b = np.ones(2), 0.5
        for it in count():
            error = x @ w + b - y
            yield it, np.mean(error**2)
            w, b = w - lr * 2 * x.T @ error / len(y), b - lr * 2 * np.mean(error)


    rng = np.random.default_rng(0)
    for it, loss in islice(fitted(rng.normal(size=(9, 2)), rng.normal(size=9)), 0, 500, 100):
        print(it, loss)
"""


def test_a_generator_that_updates_several_in_one_line(tmp_path):
    report = checked(tmp_path, GENERATOR)
    assert report.ok, str(report)
    assert "Parameters: w, b, which it changes (params=)" in report.assumptions
    assert not checked(tmp_path, GENERATOR, ("x.T @ error / len(y)", "x.T @ error"), seconds=1).ok


MOMENTS_IN_PLACE = """
    import numpy as np

    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))


    class Parameter:
        def __init__(self, data):
            self.data, self.grad = data, np.zeros_like(data)
            self.m, self.v = np.zeros_like(data), np.zeros_like(data)


    several = [Parameter(rng.normal(size=(3, 2))), Parameter(np.zeros(2))]
    for time in range(1, 60):
        W, b = several
        error = x @ W.data + b.data - t
        loss = np.sum(error**2) / 2
        W.grad, b.grad = x.T @ error, error.sum(axis=0)
        for p in several:
            p.m += 0.1 * (p.grad - p.m)
            p.v += 0.01 * (p.grad**2 - p.v)
            by = p.m / (1 - 0.9**time) / (np.sqrt(p.v / (1 - 0.99**time)) + 1e-8)
            p.data -= 0.01 * by
        print(time, loss)
"""


def test_moments_are_no_outputs_that_follow_their_gradients(tmp_path):
    report = checked(tmp_path, MOMENTS_IN_PLACE)
    assert report.ok, str(report)
    assert report.assumptions[1].startswith("Loss: loss, line")
    assert not checked(
        tmp_path, MOMENTS_IN_PLACE, ("error.sum(axis=0)", "error.mean(axis=0)"), seconds=1
    ).ok


def dense(n, m, rng):
    """A layer whose parameters are variables around its functions."""
    W, b = rng.normal(size=(n, m)), np.zeros(m)

    def forward(x):
        def backward(g, lr):
            nonlocal W, b
            gx = g @ W.T
            W = W - lr * x.T @ g
            b = b - lr * g.sum(axis=0)
            return gx

        return x @ W + b, backward

    return forward, lambda: (W, b)


def test_parameters_that_are_variables_around_functions():
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))

    class Net:
        slope = 1.0

        def __init__(self):
            self.layers = [dense(3, 4, rng), dense(4, 2, rng)]

        def step(self, x, t):
            z, first = self.layers[0][0](x)
            a = np.tanh(z)
            out, last = self.layers[1][0](a)
            first(last(out - t, 0.1) * (1 - self.slope * a**2), 0.1)
            return np.sum((out - t) ** 2) / 2

    net = Net()
    before = [array.copy() for _, held in net.layers for array in held()]
    report = check_step(net.step, x, t)
    assert report.ok, str(report)
    assert "layers[1][0].W, layers[1][0].b, layers[0][0].W" in report.assumptions[2]
    net.slope = 0.5
    wrong = check_step(net.step, x, t, seconds=1)
    assert [wrong[f"layers[{i}][0].W"].verdict for i in (0, 1)] == ["differ", "agree"]
    after = [array for _, held in net.layers for array in held()]
    assert all(map(np.array_equal, before, after))


INPUTS_IN_A_LIST = """
    import math


    class Net:
        def __init__(self):
            self.ai, self.ah = [1.0] * 3, [1.0] * 2
            self.wi = [[0.1, -0.4], [0.3, 0.2], [-0.2, 0.5]]
            self.wo = [0.7, -0.6]

        def update(self, inputs):
            for i in range(2):
                self.ai[i] = inputs[i]
            for j in range(2):
                self.ah[j] = math.tanh(sum(self.ai[i] * self.wi[i][j] for i in range(3)))
            self.ao = math.tanh(sum(h * w for h, w in zip(self.ah, self.wo)))

        def back(self, target, rate):
            delta = (1 - self.ao**2) * (target - self.ao)
            for j in range(2):
                hidden = (1 - self.ah[j] ** 2) * delta * self.wo[j]
                self.wo[j] = self.wo[j] + rate * delta * self.ah[j]
                for i in range(3):
                    self.wi[i][j] = self.wi[i][j] + rate * hidden * self.ai[i]
            return 0.5 * (target - self.ao) ** 2


    net = Net()
    for epoch in range(100):
        error = 0.0
        for inputs, target in [([0.5, -1], 0), ([1, 0.25], 1)]:
            net.update(inputs)
            error = error + net.back(target, 0.5)
        print(error)
"""


def test_a_list_that_takes_the_inputs_beside_a_bias_is_no_parameter(tmp_path):
    report = checked(tmp_path, INPUTS_IN_A_LIST)
    assert report.ok, str(report)
    assert "Parameters: wo, wi, which it changes (params=)" in report.assumptions
    slip = "rate * hidden * self.ai[i]", "rate * hidden"
    wrong = checked(tmp_path, INPUTS_IN_A_LIST, slip, seconds=1)
    assert [wrong[name].verdict for name in ("wo", "wi")] == ["agree", "differ"]


HISTORY = """
    import numpy as np

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 3)), rng.integers(0, 2, 12)
    w, b, hist = np.zeros(3), 0.0, []
    for i in range(500):
        p = 1 / (1 + np.exp(-(x @ w + b)))
        hist.append(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
        w -= 0.1 * x.T @ (p - y) / len(y)
        b -= 0.1 * np.mean(p - y)
"""


def test_what_is_kept_in_a_list_of_any_name_is_the_loss(tmp_path):
    report = checked(tmp_path, HISTORY)
    assert report.ok, str(report)
    assert report.assumptions[1] == "Loss: hist, line 9 (kept in a list) (loss=)"
    slip = "np.mean(p - y)", "np.mean(p + y)"
    assert repaired(checked(tmp_path, HISTORY, slip)) == ("b -= 0.1 * np.mean(p + y)",
                                                          "b -= 0.1 * np.mean(p - y)")  # fmt: skip


AVERAGED = """
    import numpy as np

    rng = np.random.default_rng(4)
    x, t = rng.normal(size=(12, 3)), rng.normal(size=(12, 2))
    W1, b1 = rng.normal(size=(3, 5)), np.zeros(5)
    W2, b2 = rng.normal(size=(5, 2)), np.zeros(2)
    mW1, mb1, mW2, mb2 = 0 * W1, 0 * b1, 0 * W2, 0 * b2
    beta, lr = 0.9, 0.1
    for epoch in range(20):
        h = np.tanh(x @ W1 + b1)
        out = h @ W2 + b2
        print(np.mean(np.sum((out - t) ** 2, axis=1)))
        dout = 2 * (out - t) / len(x)
        dW2 = h.T @ dout
        db2 = dout.sum(axis=0)
        dpre = (dout @ W2.T) * (1 - h**2)
        dW1 = x.T @ dpre
        db1 = dpre.sum(axis=0)
        mW1 = beta * mW1 + (1 - beta) * dW1
        mb1 = beta * mb1 + (1 - beta) * db1
        mW2 = beta * mW2 + (1 - beta) * dW2
        mb2 = beta * mb2 + (1 - beta) * db2
        W1 -= lr * mW1
        b1 -= lr * mb1
        W2 -= lr * mW2
        b2 -= lr * mb2
"""


def test_the_weight_of_a_running_average_belongs_to_the_rate(tmp_path):
    """Where all is wrong too: nothing else says that the updates are 0.1 times the gradients."""
    report = checked(tmp_path, AVERAGED)
    assert report.ok
    assert "divided by lr = 0.1 · (1 - beta) = 0.1 (loss=)" in str(report)
    slip = "2 * (out - t) / len(x)", "2 * out / len(x)"
    assert repaired(checked(tmp_path, AVERAGED, slip, seconds=60)) == (
        "dout = 2 * out / len(x)", "dout = 2 * (out - t) / len(x)")  # fmt: skip


def test_a_factor_of_its_own_is_told_where_it_makes_a_line_unlike_others(tmp_path):
    """Not ``mW1 = beta * mW1 + dW1``, which is as right."""
    report = checked(tmp_path, AVERAGED, ("x.T @ dpre", "0.1 * (x.T @ dpre)"), seconds=60)
    assert repaired(report) == ("dW1 = 0.1 * (x.T @ dpre)", "dW1 = x.T @ dpre")
    assert "mW1 = beta * mW1 + dW1" not in str(report)
