"""Weighted sums in blocks, against loops, the plain products, and central differences."""

import numpy as np
import pytest

from netlib.backend import Workspace, to_host
from netlib.ops import products, weighted_sum, weighted_sum_gradients
from tests.gradients import assert_gradient, random_like
from tests.gradients import weighted_sum as total

# inputs K, neurons M, images N, and the multiplications that count as small, so that all ways of cutting occur
CASES = [
    (7, 3, 2, 10**6),  # one block
    (70, 3, 2, 200),  # blocks of 33, 33 and 4 rows
    (64, 5, 1, 160),  # two blocks of 32, a single image
    (64, 5, 1, 155),  # blocks of 31 would be too small: one of 64
    (1, 1, 1, 10**6),
    (40, 2, 0, 10**6),  # no images
]
cases = pytest.mark.parametrize(("K", "M", "N", "small"), CASES)


def integers(shape, dtype="float64", seed=0):
    """Numbers whose sums are exact in any order."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def loops(x, w, dz):
    """The weighted sum and its gradients, product by product."""
    (K, M), N = w.shape, x.shape[1]
    z, dx, dw = np.zeros((M, N), x.dtype), np.zeros_like(x), np.zeros_like(w)
    for k in range(K):
        for m in range(M):
            for n in range(N):
                z[m, n] += w[k, m] * x[k, n]
                dx[k, n] += w[k, m] * dz[m, n]
                dw[k, m] += x[k, n] * dz[m, n]
    return z, dx, dw


@cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_and_gradients_are_those_of_the_loops(xp, monkeypatch, K, M, N, small, dtype):
    monkeypatch.setattr(products, "SMALL", small)
    x, w, dz = integers((K, N), dtype, 1), integers((K, M), dtype, 2), integers((M, N), dtype, 3)
    on_device = [xp.asarray(array) for array in (x, w, dz)]
    work = Workspace(xp)
    for _ in range(2):  # the second time over what the first has left in the workspace
        results = weighted_sum(*on_device[:2], work), *weighted_sum_gradients(*on_device, work=work)
        for result, expected in zip(results, loops(x, w, dz), strict=True):
            assert result.dtype == dtype
            np.testing.assert_array_equal(to_host(result), expected)


@cases
def test_they_are_the_plain_products(xp, monkeypatch, K, M, N, small):
    monkeypatch.setattr(products, "SMALL", small)
    x, w, dz = random_like(xp, (K, N), 1), random_like(xp, (K, M), 2), random_like(xp, (M, N), 3)
    expected = products.plain_weighted_sum(x, w), *products.plain_weighted_sum_gradients(x, w, dz)
    results = weighted_sum(x, w), *weighted_sum_gradients(x, w, dz)
    for result, plain in zip(results, expected, strict=True):
        np.testing.assert_allclose(to_host(result), to_host(plain), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("N", [10, 100])
def test_the_plain_products_at_the_size_of_the_books_large_layers(xp, N):
    x, w, dz = (random_like(xp, shape, seed) for seed, shape in enumerate([(640, N), (640, 1000), (1000, N)]))
    expected = products.plain_weighted_sum(x, w), *products.plain_weighted_sum_gradients(x, w, dz)
    results = weighted_sum(x, w), *weighted_sum_gradients(x, w, dz)
    for result, plain in zip(results, expected, strict=True):
        np.testing.assert_allclose(to_host(result), to_host(plain), rtol=1e-10, atol=1e-10)


@cases
def test_gradients_are_central_differences(xp, monkeypatch, K, M, N, small):
    monkeypatch.setattr(products, "SMALL", small)
    x, w, weights = random_like(xp, (K, N), 1), random_like(xp, (K, M), 2), random_like(xp, (M, N), 3)
    dx, dw = weighted_sum_gradients(x, w, weights)
    assert_gradient(dx, lambda: total(weighted_sum(x, w), weights), x)
    assert_gradient(dw, lambda: total(weighted_sum(x, w), weights), w)


def test_arrays_that_are_not_contiguous(xp):
    x, w, dz = random_like(xp, (4, 9), 1).T, random_like(xp, (6, 9), 2).T, random_like(xp, (6, 8), 3)[:, ::2]
    expected = products.plain_weighted_sum(x, w), *products.plain_weighted_sum_gradients(x, w, dz)
    results = weighted_sum(x, w), *weighted_sum_gradients(x, w, dz)
    for result, plain in zip(results, expected, strict=True):
        np.testing.assert_allclose(to_host(result), to_host(plain), rtol=1e-12, atol=1e-12)


def test_a_first_layer_needs_no_input_gradient(xp):
    x, w, dz = integers((5, 2)), integers((5, 3)), integers((3, 2))
    dx, dw = weighted_sum_gradients(xp.asarray(x), xp.asarray(w), xp.asarray(dz), input_gradient=False)
    assert dx is None
    np.testing.assert_array_equal(to_host(dw), loops(x, w, dz)[2])


def test_a_second_step_in_a_workspace_makes_no_new_arrays(xp):
    x, w, dz = random_like(xp, (5, 2)), random_like(xp, (5, 3)), random_like(xp, (3, 2))
    work = Workspace(xp)
    assert weighted_sum(x, w, work) is weighted_sum(x + 1, w, work)
    first, second = (weighted_sum_gradients(x, w, dz, work=work) for _ in range(2))
    assert first[0] is second[0]
    assert first[1] is second[1]


def test_blocks_cover_every_row_once_and_stay_small():
    for K, M, N in [(1000, 1000, 10), (640, 1000, 10), (784, 100, 10), (1000, 1000, 500), (3, 5, 1)]:
        blocks = products._blocks(np.empty((K, M)), N)
        rows = np.concatenate([np.arange(K)[block] for block in blocks])
        assert rows.tolist() == list(range(K))
        sizes = {block.stop - block.start for block in blocks}
        assert len(blocks) == 1 or max(sizes) * M * N <= products.SMALL
    assert len(products._blocks(np.empty((1000, 1000)), 10)) == 10


@pytest.mark.parametrize(
    ("K", "M", "N", "small", "sizes"),
    [
        (64, 5, 1, 160, [32, 32]),  # just large enough
        (64, 5, 1, 159, [64]),  # blocks of 31 would be too small
        (70, 3, 2, 200, [33, 33, 4]),
        (100, 1, 1, 64, [64, 36]),
    ],
)
def test_blocks_are_as_large_as_small_products_allow(monkeypatch, K, M, N, small, sizes):
    monkeypatch.setattr(products, "SMALL", small)
    assert [len(np.arange(K)[block]) for block in products._blocks(np.empty((K, M)), N)] == sizes
