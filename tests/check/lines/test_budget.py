"""How long is searched for a line."""

import time

import numpy as np

from autograd_mini import check_backward


def rotated(q, v):
    w, x, y, z = q
    R = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
    return R @ v, (q, v, R)


def rotated_backward(g, cache):
    (w, x, y, z), v, R = cache
    G = np.outer(g, v)
    dq = 2 * np.array([
        -z*G[0,1] + y*G[0,2] + z*G[1,0] - x*G[1,2] - y*G[2,0] + x*G[2,1],
        y*G[0,1] + z*G[0,2] + y*G[1,0] - x*G[1,1] - w*G[1,2] + z*G[2,0] + w*G[2,1] - 2*x*G[2,2],
        -2*y*G[0,0] + x*G[0,1] + w*G[0,2] + x*G[1,0] + z*G[1,2] - w*G[2,0] + z*G[2,1] - 2*y*G[2,2],
        -2*z*G[0,0] - w*G[0,1] + x*G[0,2] + w*G[1,0] - 2*z*G[1,1] + y*G[1,2] + x*G[2,0] + y*G[2,1],
    ])  # fmt: skip
    return dq, R.T @ g


def test_a_search_in_a_long_statement_ends_in_its_time():
    began = time.thread_time()
    q, v = np.array([0.5, 0.5, -0.5, 0.5]), np.array([1.0, -2.0, 0.5])
    report = check_backward(rotated, rotated_backward, q, v, seconds=3)
    assert time.thread_time() - began < 9
    assert not report.ok
