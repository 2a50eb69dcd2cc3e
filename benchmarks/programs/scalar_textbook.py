import math

i1, i2 = 0.05, 0.10
w1, w2, w3, w4 = 0.15, 0.20, 0.25, 0.30
w5, w6, w7, w8 = 0.40, 0.45, 0.50, 0.55
b1, b2 = 0.35, 0.60
target1, target2 = 0.01, 0.99
eta = 0.5


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


for step in range(100):
    net_h1 = w1 * i1 + w2 * i2 + b1
    net_h2 = w3 * i1 + w4 * i2 + b1
    h1, h2 = sigmoid(net_h1), sigmoid(net_h2)
    net_o1 = w5 * h1 + w6 * h2 + b2
    net_o2 = w7 * h1 + w8 * h2 + b2
    o1, o2 = sigmoid(net_o1), sigmoid(net_o2)
    E_total = 0.5 * (target1 - o1) ** 2 + 0.5 * (target2 - o2) ** 2

    # backward
    delta_o1 = -(target1 - o1) * o1 * (1 - o1)
    delta_o2 = -(target2 - o2) * o2 * (1 - o2)
    delta_h1 = (delta_o1 * w5 + delta_o2 * w7) * h1 * (1 - h1)
    delta_h2 = (delta_o1 * w6 + delta_o2 * w8) * h2 * (1 - h2)
    w5 = w5 - eta * delta_o1 * h1
    w6 = w6 - eta * delta_o1 * h2
    w7 = w7 - eta * delta_o2 * h1
    w8 = w8 - eta * delta_o2 * h2
    w1 = w1 - eta * delta_h1 * i1
    w2 = w2 - eta * delta_h1 * i2
    w3 = w3 - eta * delta_h2 * i1
    w4 = w4 - eta * delta_h2 * i2

print("Total error:", E_total)
