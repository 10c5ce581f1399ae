"""The symbolic graph beside PyTensor, Theano's living heir, and PyTorch, where they are installed."""

import numpy as np
import pytest

from netlib import graph as T  # noqa: N812 - as Theano was imported
from tests.symbols import normal, symbol_for


def values_and_slopes(build, *arrays):
    """What `build` gives, and the gradients of the sum of its squares."""
    symbols = [symbol_for(a) for a in arrays]
    y = build(*symbols)
    return T.function(symbols, [y, *T.grad(T.sum(y**2), symbols)], device="cpu")(*arrays)


def pytensors(build, *arrays):
    """The same from PyTensor."""
    pytensor = pytest.importorskip("pytensor")
    tensor = pytensor.tensor
    symbols = [tensor.TensorType("float64", [None] * a.ndim)() for a in arrays]
    y = build(*symbols)
    compiled = pytensor.function(symbols, [y, *tensor.grad((y**2).sum(), symbols)], mode="FAST_COMPILE")
    return compiled(*arrays)


def torchs(build, *arrays):
    """The same from PyTorch."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = build(*tensors)
    (y**2).sum().backward()
    return [y.detach().numpy(), *(t.grad.numpy() for t in tensors)]


def assert_agree(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-11)


RANKS = [((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (4, 3, 2)), ((4, 2, 3), (3, 2))]


@pytest.mark.parametrize("ranks", RANKS, ids=str)
def test_dot_is_pytensors(ranks):
    pytest.importorskip("pytensor")
    arrays = [normal(*shape, seed=i) for i, shape in enumerate(ranks)]
    assert_agree(values_and_slopes(T.dot, *arrays), pytensors(lambda a, b: a.dot(b), *arrays))


@pytest.mark.parametrize("order", [(1, "x", 0), ("x", 0, 1, "x"), (1, 0)], ids=str)
def test_dimshuffle_is_pytensors(order):
    pytest.importorskip("pytensor")

    def build(x):
        return x.dimshuffle(*order)

    x = normal(3, 4)
    assert_agree(values_and_slopes(build, x), pytensors(build, x))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("truncate", [-1, 2])
def test_scan_is_pytensors(backwards, truncate):
    pytensor = pytest.importorskip("pytensor")
    options = {"go_backwards": backwards, "truncate_gradient": truncate}

    def ours(x, h, w):
        return T.scan(lambda x, h, w: T.tanh(T.dot(h, w) + x), x, h, w, **options)[0][-1]

    def theirs(x, h, w):
        def step(x, h, w):
            return pytensor.tensor.tanh(pytensor.tensor.dot(h, w) + x)

        return pytensor.scan(step, x, h, w, return_updates=False, **options)[-1]

    arrays = normal(5, 3), normal(3, seed=1), normal(3, 3, seed=2)
    assert_agree(values_and_slopes(ours, *arrays), pytensors(theirs, *arrays))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("taps", [[-1], [1], [-2], [-1, 0], [1, -1], [-1, -2]], ids=str)
def test_taps_of_a_sequence_are_pytensors(taps, backwards):
    pytensor = pytest.importorskip("pytensor")

    def loop(scan, x, **options):
        return scan(lambda *parts: sum(parts) * parts[0], {"input": x, "taps": taps}, go_backwards=backwards, **options)

    x = normal(5, 2)
    theirs = pytensors(lambda x: loop(pytensor.scan, x, return_updates=False), x)
    assert_agree(values_and_slopes(lambda x: loop(T.scan, x)[0], x), theirs)


@pytest.mark.parametrize(("border", "stride"), [(0, 1), ((2, 1), (1, 2)), (1, 2)])
def test_conv2d_is_pytorchs(border, stride):
    torch = pytest.importorskip("torch")
    arrays = normal(2, 3, 6, 5, seed=1), normal(4, 3, 3, 2, seed=2)
    ours = values_and_slopes(
        lambda x, w: T.conv2d(x, w, border_mode=border, subsample=stride, filter_flip=False), *arrays
    )
    assert_agree(ours, torchs(lambda x, w: torch.nn.functional.conv2d(x, w, padding=border, stride=stride), *arrays))


@pytest.mark.parametrize(("window", "stride", "pad"), [(2, 2, 0), (3, 2, 1), ((2, 3), (1, 2), (1, 0))])
@pytest.mark.parametrize("mode", ["max", "average_inc_pad", "average_exc_pad"])
def test_pool_2d_is_pytorchs(window, stride, pad, mode):
    torch = pytest.importorskip("torch")
    x = normal(2, 3, 6, 7)
    where = {"kernel_size": window, "stride": stride, "padding": pad}

    def theirs(x):
        if mode == "max":
            return torch.nn.functional.max_pool2d(x, **where)
        return torch.nn.functional.avg_pool2d(x, **where, count_include_pad=mode == "average_inc_pad")

    ours = values_and_slopes(lambda x: T.pool_2d(x, window, stride=stride, pad=pad, mode=mode), x)
    assert_agree(ours, torchs(theirs, x))
