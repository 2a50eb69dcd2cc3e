import numpy as np


class Layer:
    def forward(self, inputs):
        raise NotImplementedError

    def backward(self, grad_output):
        raise NotImplementedError

    def update(self, learning_rate):
        pass


class Dense(Layer):
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_in, n_out) * np.sqrt(2.0 / n_in)
        self.bias = np.zeros(n_out)

    def forward(self, inputs):
        self.inputs = inputs
        return np.dot(inputs, self.weights) + self.bias

    def backward(self, grad_output):
        self.grad_weights = np.dot(self.inputs.T, grad_output)
        self.grad_bias = np.sum(grad_output, axis=0)
        return np.dot(grad_output, self.weights.T)

    def update(self, learning_rate):
        self.weights -= learning_rate * self.grad_weights
        self.bias -= learning_rate * self.grad_bias


class ReLU(Layer):
    def forward(self, inputs):
        self.mask = inputs > 0
        return inputs * self.mask

    def backward(self, grad_output):
        return grad_output * self.mask


class Softmax(Layer):
    def forward(self, inputs):
        exps = np.exp(inputs - np.max(inputs, axis=-1, keepdims=True))
        self.outputs = exps / np.sum(exps, axis=-1, keepdims=True)
        return self.outputs

    def backward(self, grad_output):
        weighted = np.sum(grad_output * self.outputs, axis=-1, keepdims=True)
        return self.outputs * (grad_output - weighted)


class CrossEntropy:
    def forward(self, probabilities, one_hot):
        self.probabilities, self.one_hot = probabilities, one_hot
        return -np.mean(np.sum(one_hot * np.log(probabilities), axis=1))

    def backward(self):
        return -self.one_hot / self.probabilities / len(self.one_hot)


class Model:
    def __init__(self, layers, loss):
        self.layers = layers
        self.loss = loss

    def train(self, x, y, epochs, learning_rate):
        for epoch in range(epochs):
            out = x
            for layer in self.layers:
                out = layer.forward(out)
            loss = self.loss.forward(out, y)
            grad = self.loss.backward()
            for layer in reversed(self.layers):
                grad = layer.backward(grad)
            for layer in self.layers:
                layer.update(learning_rate)
            if epoch % 20 == 0:
                print(f"epoch {epoch}, loss {loss:.5f}")


np.random.seed(0)
x = np.random.randn(30, 5)
y = np.eye(3)[np.argmax(x[:, :3], axis=1)]
model = Model([Dense(5, 8), ReLU(), Dense(8, 3), Softmax()], CrossEntropy())
model.train(x, y, 100, 0.5)
