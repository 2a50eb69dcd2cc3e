def compute_error(b, m, points):
    total = 0
    for x, y in points:
        total += (y - (m * x + b)) ** 2
    return total / float(len(points))


def step_gradient(b_current, m_current, points, learning_rate):
    # backward
    b_gradient = 0
    m_gradient = 0
    N = float(len(points))
    for x, y in points:
        b_gradient += -(2 / N) * (y - ((m_current * x) + b_current))
        m_gradient += -(2 / N) * x * (y - ((m_current * x) + b_current))
    new_b = b_current - (learning_rate * b_gradient)
    new_m = m_current - (learning_rate * m_gradient)
    return [new_b, new_m]


def run():
    points = [(0.3, 1.1), (0.9, 1.9), (1.7, 3.2), (2.2, 3.8), (3.1, 5.6), (3.9, 6.4)]
    b, m = 0.0, 0.0
    print("before: b = {0}, m = {1}, error = {2}".format(b, m, compute_error(b, m, points)))
    for i in range(1000):
        b, m = step_gradient(b, m, points, 0.01)
    print("after: b = {0}, m = {1}, error = {2}".format(b, m, compute_error(b, m, points)))
    return b, m


if __name__ == "__main__":
    b, m = run()
