"""What the symbolic graph costs: one step of network3, symbolic, by the same operations called by hand, and fused.

OPENBLAS_NUM_THREADS=1 python tests/benchmarks/graph_step.py     (from the root of the checkout)

The three take turns, so that whatever else the computer does meets all of them, and of each the fastest step counts.
Arrays of a megabyte and more come from the system anew in every step unless glibc is told to keep them
(MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=4000000000), which moves each column by more than they differ.
"""

import itertools
import time

import numpy as np

import netlib
from netlib import graph, ops

BATCH, ETA, ROUNDS, STEPS = 10, 0.1, 30, 20


def data(dtype):
    rng = np.random.default_rng(0)
    return rng.random((BATCH * STEPS, 784)).astype(dtype), rng.integers(0, 10, BATCH * STEPS)


def network(filters, hidden, dtype):
    """The layers' fused step."""
    layers = [
        netlib.ConvPoolLayer((filters, 1, 5, 5), (BATCH, 1, 28, 28), (2, 2), netlib.ReLU),
        netlib.FullyConnectedLayer(filters * 144, hidden),
        netlib.SoftmaxLayer(hidden, 10),
    ]
    net, (x, y) = netlib.Network(layers, BATCH, device="cpu", dtype=dtype), data(dtype)
    parts = [slice(i * BATCH, (i + 1) * BATCH) for i in range(STEPS)]
    return net.params, lambda i: net.train_mini_batch(x[parts[i]], y[parts[i]], ETA)


def symbolic(parameters, dtype):
    """The step as a function of a mini-batch's number."""
    images, labels = (graph.shared(part, device="cpu") for part in data(dtype))
    params = w1, b1, w2, b2, w3, b3 = [graph.shared(p.copy(), device="cpu") for p in parameters]
    index, x, y = graph.lscalar("index"), graph.matrix("x", dtype=dtype), graph.lvector("y")
    pooled = graph.pool_2d(graph.conv2d(x.reshape((BATCH, 1, 28, 28)), w1), (2, 2))
    a1 = graph.relu(pooled + b1.dimshuffle("x", 0, "x", "x")).flatten(2)
    a2 = graph.sigmoid(graph.dot(a1, w2) + b2)
    cost = -graph.mean(graph.log(graph.softmax(graph.dot(a2, w3) + b3))[graph.arange(y.shape[0]), y])
    updates = [(p, p - ETA * slope) for p, slope in zip(params, graph.grad(cost, params), strict=True)]
    part = slice(index * BATCH, (index + 1) * BATCH)
    return graph.function([index], cost, updates=updates, givens={x: images[part], y: labels[part]})


def by_hand(parameters, dtype):
    """The same operations, called one after the other."""
    params, (images, labels) = [p.copy() for p in parameters], data(dtype)

    def step(i):
        w1, b1, w2, b2, w3, b3 = params
        x, y = images[i * BATCH : (i + 1) * BATCH].reshape(BATCH, 1, 28, 28), labels[i * BATCH : (i + 1) * BATCH]
        z = ops.conv2d(x, w1)
        pooled = ops.pool2d(z, (2, 2))
        z1 = pooled + b1[None, :, None, None]
        a1 = ops.ReLU(z1)
        flat = a1.reshape(BATCH, -1)
        z2 = flat @ w2 + b2
        a2 = ops.sigmoid(z2)
        z3 = a2 @ w3 + b3
        p = ops.softmax(z3.T).T
        rows = np.arange(BATCH)
        dp = np.zeros_like(p)
        dp[rows, y] = -1 / (BATCH * p[rows, y])
        dz3 = ops.softmax.backward(z3.T, p.T, dp.T).T
        dz2 = ops.sigmoid.backward(z2, a2, dz3 @ w3.T)
        dz1 = ops.ReLU.backward(z1, a1, (dz2 @ w2.T).reshape(a1.shape))
        dw1 = ops.conv2d_filter_gradient(x, w1, ops.pool2d_gradient(z, pooled, dz1, (2, 2)))
        slopes = dw1, dz1.sum((0, 2, 3)), flat.T @ dz2, dz2.sum(0), a2.T @ dz3, dz3.sum(0)
        params[:] = [p - ETA * slope for p, slope in zip(params, slopes, strict=True)]
        return -np.log(p)[rows, y].mean()

    return step


def milliseconds(steps):
    """Time of the fastest step of each; each takes a round of them in its turn."""
    best = [float("inf") for _ in steps]
    for _ in range(ROUNDS):
        for place, step in enumerate(steps):
            for i in range(STEPS):
                start = time.perf_counter()
                step(i)
                best[place] = min(best[place], (time.perf_counter() - start) * 1000)
    return best


if __name__ == "__main__":
    sizes = [(20, 100), (4, 30)]
    for (filters, hidden), dtype in itertools.product(sizes, ("float32", "float64")):
        params, fused = network(filters, hidden, dtype)
        steps = [symbolic(params, dtype), by_hand(params, dtype), fused]
        costs = [float(step(0)) for step in steps]
        assert max(costs) - min(costs) < 1e-4, f"not the same step: costs {costs}"
        one, two, three = milliseconds(steps)
        print(
            f"{filters} filters, {hidden} hidden, {dtype}: symbolic {one:.2f} ms, by hand {two:.2f} ms "
            f"({one / two:.2f} times), Network {three:.2f} ms ({one / three:.1f} times)"
        )
