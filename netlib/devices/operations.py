"""The operations that a network is made of, from small to large, ready to be run on arrays that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType

import numpy as np

from netlib import ops
from netlib.backend import Array, Workspace, to_host
from netlib.devices.timing import Case

LENGTHS = tuple(4**k for k in range(2, 13))  # numbers in an array: 16 to 16 million
SIDES = (16, 32, 64, 128, 256, 512, 1024, 2048)  # of square matrices
IMAGES = (1, 3, 10, 30, 100, 300, 1000)
PRECISIONS = {"product": np.float32, "product, float64": np.float64}


def operations(xp: ModuleType, few: slice) -> Iterator[list[Case]]:
    """Groups of cases; those of a group are timed in turn, and their arrays are let go of before the next.

    Parameters
    ----------
    xp : module
        NumPy, or CuPy.
    few : slice
        Which of the sizes.
    """
    yield [case for n in LENGTHS[few] for case in _elementwise(xp, n)]
    yield [case for n in SIDES[few] for case in _sums(xp, n)]
    yield [_product(xp, n, n, n, dtype, what) for n in SIDES[few] for what, dtype in PRECISIONS.items()]
    yield [_product(xp, 1000, 1000, n, np.float32, "layer") for n in IMAGES[few]]
    yield [case for n in IMAGES[few] for case in _convolution(xp, n)]
    yield [case for n in LENGTHS[few] for case in _transfers(xp, n)]
    yield _launches(xp)


def noise(xp: ModuleType, shape: tuple[int, ...], dtype: type = np.float32) -> Array:
    """Numbers from 0.5 to 1.5, so that nothing over- or underflows."""
    return xp.asarray(np.random.default_rng(0).random(shape, dtype) + dtype(0.5))


def _multiply(xp: ModuleType, n: int, dtype: type, what: str) -> Case:
    a, b = noise(xp, (n,), dtype), noise(xp, (n,), dtype)
    return Case(what, n, partial(xp.multiply, a, b, out=xp.empty_like(a)), 3 * a.nbytes, n)


def _elementwise(xp: ModuleType, n: int) -> list[Case]:
    a = noise(xp, (n,))
    exp = Case("exp", n, partial(xp.exp, a, out=xp.empty_like(a)), 2 * a.nbytes, n)
    return [exp, _multiply(xp, n, np.float32, "multiply"), _multiply(xp, n, np.float64, "multiply, float64")]


def _sums(xp: ModuleType, n: int) -> list[Case]:
    a = noise(xp, (n, n))
    out = xp.empty(n, a.dtype)
    return [
        Case(f"sum of each {name}", n * n, partial(a.sum, axis=axis, out=out), a.nbytes, n * n)
        for name, axis in (("row", 1), ("column", 0))
    ]


def _product(xp: ModuleType, M: int, K: int, N: int, dtype: type, what: str) -> Case:
    a, b = noise(xp, (M, K), dtype), noise(xp, (K, N), dtype)
    out = xp.empty((M, N), a.dtype)
    return Case(what, N, partial(xp.matmul, a, b, out=out), a.nbytes + b.nbytes + out.nbytes, 2 * M * K * N)


def _convolution(xp: ModuleType, n: int) -> list[Case]:
    """The first layer of the book's networks: 20 filters of 5 x 5 over images of 28 x 28, then pooling by 2 x 2."""
    x, w, flops = noise(xp, (n, 1, 28, 28)), noise(xp, (20, 1, 5, 5)), 2 * n * 20 * 25 * 24 * 24
    innermost, work = xp.ascontiguousarray(x.transpose(1, 2, 3, 0)), Workspace(xp)
    return [
        Case("conv2d", n, partial(ops.conv2d, x, w), x.nbytes + w.nbytes + 4 * n * 20 * 24 * 24, flops),
        Case("conv_pool", n, partial(ops.conv_pool, innermost, w, (2, 2), work), x.nbytes + 4 * n * 20 * 144, flops),
    ]


def _transfers(xp: ModuleType, n: int) -> list[Case]:
    """To the device and back; on the CPU, which has no way to go, a copy into new memory."""
    host = noise(np, (n,))
    there = xp.array(host)
    back: Callable[[], Array] = there.copy if xp is np else partial(to_host, there)
    return [Case("to the device", n, partial(xp.array, host), host.nbytes), Case("back", n, back, host.nbytes)]


def _launches(xp: ModuleType) -> list[Case]:
    """One number multiplied: nothing but the call. Waited for each time, or one call after the other."""
    a = noise(xp, (1,))
    multiply = partial(xp.multiply, a, a, out=xp.empty_like(a))
    return [Case("call", 1, multiply), Case("call and fetch", 1, lambda: float(multiply()[0]))]
