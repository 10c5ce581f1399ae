"""Operations of the symbolic graph, each held to three truths: another way to compute it, differences, and devices."""

import numpy as np

from netlib import graph
from tests.gradients import assert_gradient


def symbol_for(array, name=None):
    """An input that takes arrays like this one; axes of length 1 do not stretch."""
    return graph.tensor(name, dtype=array.dtype.name, broadcastable=[False] * array.ndim)


def assert_computes(device, build, expected, *arrays, exact=False):
    """`build` of symbols gives `expected(*arrays)`, in shape and dtype too."""
    symbols = [symbol_for(a, f"x{i}") for i, a in enumerate(arrays)]
    output = build(*symbols)
    found, wanted = graph.function(symbols, output, device=device)(*arrays), np.asarray(expected(*arrays))
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype == output.dtype
    assert output.ndim == wanted.ndim
    assert all(n == 1 for n, b in zip(wanted.shape, output.broadcastable, strict=True) if b)
    if exact:
        np.testing.assert_array_equal(found, wanted)
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def assert_differentiates(device, build, *arrays, fixed=()):
    """Gradients of a weighted sum of what `build` gives are its central differences by each float array.

    `fixed` are the numbers of arrays that are not differentiated by.
    """
    symbols = [symbol_for(a, f"x{i}") for i, a in enumerate(arrays)]
    output = build(*symbols)
    shape = graph.function(symbols, output, device=device)(*arrays).shape
    weights = np.random.default_rng(99).standard_normal(shape)
    cost = graph.sum(output * weights.reshape(shape)) if shape else output * weights.item()
    wrt = [i for i, a in enumerate(arrays) if a.dtype.kind == "f" and i not in fixed]
    compute = graph.function(symbols, cost, device=device)
    slopes = graph.function(symbols, graph.grad(cost, [symbols[i] for i in wrt]), device=device)(*arrays)
    for i, slope in zip(wrt, slopes, strict=True):
        assert_gradient(slope, lambda: compute(*arrays), arrays[i])


def normal(*shape, seed=0):
    """Normal draws in float64."""
    return np.random.default_rng(seed).standard_normal(shape)
