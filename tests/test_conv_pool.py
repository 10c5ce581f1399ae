"""Convolution and pooling in one, against the composition of the loops, of the plain operations, and differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib.backend import Workspace, to_host
from netlib.ops import TIES, conv_pool, conv_pool_gradients, fused, naive
from tests.gradients import assert_gradient, random_like, weighted_sum

# images (N, C, H, W), filters (F, C, KH, KW), poolsize
CASES = [
    ((2, 1, 6, 5), (3, 1, 3, 2), (2, 2)),
    ((1, 3, 8, 5), (2, 3, 2, 3), (3, 2)),
    ((3, 2, 4, 6), (1, 2, 2, 2), (1, 1)),
    ((2, 2, 4, 7), (2, 2, 1, 1), (2, 3)),
    ((2, 1, 3, 4), (2, 1, 3, 4), (1, 1)),
    ((1, 1, 5, 6), (1, 1, 2, 3), (4, 4)),
    ((0, 2, 6, 5), (3, 2, 3, 2), (2, 2)),
]
cases = pytest.mark.parametrize(("x_shape", "w_shape", "poolsize"), CASES)
both_ties = pytest.mark.parametrize("ties", ["all", "first"])


def small_integers(shape, dtype="float64", seed=0):
    """Few different numbers: maxima tie everywhere, and sums are exact in any order."""
    return np.random.default_rng(seed).integers(-1, 2, shape).astype(dtype)


def innermost(images):
    """(N, C, H, W) as (C, H, W, N)."""
    return np.ascontiguousarray(images.transpose(1, 2, 3, 0))


def loops(x, w, poolsize, ties="all"):
    """(pooled, dpooled, dx, dw) by the naive loops, for images (N, C, H, W), given back with N innermost."""
    z = naive.conv2d(x, w)
    pooled = naive.max_pool(z, poolsize)
    dpooled = 1 + np.arange(pooled.size, dtype=x.dtype).reshape(pooled.shape)
    dx, dw = naive.conv2d_gradients(x, w, naive.max_pool_gradient(z, dpooled, poolsize, ties=ties))
    return innermost(pooled), innermost(dpooled), innermost(dx), dw


def both_ways(xp, x, w, poolsize, dpooled, **options):
    """(pooled, dx, dw) by the operation under test, on the host, copied so that a workspace can be used again."""
    work = options.get("work")
    pooled, passed = conv_pool(xp.asarray(x), xp.asarray(w), poolsize, work)
    dx, dw = conv_pool_gradients(xp.asarray(dpooled), passed, **options)
    return tuple(array if array is None else to_host(array).copy() for array in (pooled, dx, dw))


def assert_same(results, expected):
    """Equal entry by entry, in the same dtypes."""
    for result, truth in zip(results, expected, strict=True):
        assert result.dtype == truth.dtype
        np.testing.assert_array_equal(result, truth)


@cases
@both_ties
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pooled_convolution_and_gradients_are_those_of_the_loops(xp, x_shape, w_shape, poolsize, ties, dtype):
    x, w = small_integers(x_shape, dtype, 1), small_integers(w_shape, dtype, 2)
    pooled, dpooled, dx, dw = loops(x, w, poolsize, ties)
    assert_same(both_ways(xp, innermost(x), w, poolsize, dpooled, ties=ties), (pooled, dx, dw))


@cases
@both_ties
def test_it_is_the_composition_of_the_plain_operations(xp, x_shape, w_shape, poolsize, ties):
    x, w = innermost(small_integers(x_shape, seed=1)), small_integers(w_shape, seed=2)
    pooled = fused.plain_conv_pool(xp.asarray(x), xp.asarray(w), poolsize)
    dpooled = 1 + np.arange(pooled.size, dtype="float64").reshape(pooled.shape)
    dx, dw = fused.plain_conv_pool_gradients(xp.asarray(x), xp.asarray(w), poolsize, xp.asarray(dpooled), ties)
    expected = to_host(pooled), to_host(dx), to_host(dw)
    assert_same(both_ways(xp, x, w, poolsize, dpooled, ties=ties), expected)


def test_by_default_all_that_tie_get_the_gradient():
    x, w, dpooled = np.ones((1, 4, 4, 2)), np.ones((1, 1, 1, 1)), np.ones((1, 2, 2, 2))
    dx, dw = fused.plain_conv_pool_gradients(x, w, (2, 2), dpooled)
    np.testing.assert_array_equal(dx, np.ones((1, 4, 4, 2)))
    assert dw.tolist() == [[[[32]]]]


@cases
def test_gradients_are_central_differences(xp, x_shape, w_shape, poolsize):
    N, *image = x_shape
    x, w = random_like(xp, (*image, N), 1), random_like(xp, w_shape, 2)
    pooled, passed = conv_pool(x, w, poolsize)
    weights = random_like(xp, pooled.shape, 3)
    dx, dw = conv_pool_gradients(weights, passed)
    assert_gradient(dx, lambda: weighted_sum(conv_pool(x, w, poolsize)[0], weights), x)
    assert_gradient(dw, lambda: weighted_sum(conv_pool(x, w, poolsize)[0], weights), w)


@pytest.mark.parametrize(
    ("ties", "dx", "dw"),
    [
        ("all", [[1, 10, 3, 30], [0, 0, 3, 30]], [[14, 7]]),
        ("first", [[1, 10, 3, 30], [0, 0, 0, 0]], [[8, 4]]),
    ],
)
@pytest.mark.parametrize("fold", [False, True])
def test_one_example_of_ties_worked_out_by_hand(xp, fold, ties, dx, dw):
    x = xp.asarray([[[1.0, 2, 1, 2], [0, 1, 1, 2]]])[..., None]
    w = xp.asarray([[[[10.0, 1]]]])  # turned: a pixel once and its right neighbour ten times
    pooled, passed = conv_pool(x, w, (2, 1), fold=fold)
    assert to_host(passed.z).reshape(2, 3).tolist() == [[21, 12, 21], [10, 11, 21]]  # folded or not, in reading order
    assert to_host(pooled)[0, 0, :, 0].tolist() == [21, 12, 21]
    got = conv_pool_gradients(xp.asarray([[[1.0, 0, 3]]])[..., None], passed, ties=ties)
    assert to_host(got[0])[0, :, :, 0].tolist() == dx
    assert to_host(got[1])[0, 0].tolist() == dw


@pytest.mark.parametrize(
    ("w_shape", "fold", "folded"),
    [
        ((2, 1, 5, 5), None, True),
        ((2, 7, 3, 3), None, True),  # 63 numbers in a patch
        ((2, 1, 8, 8), None, False),  # 64
        ((2, 3, 5, 5), None, False),
        ((2, 1, 5, 5), False, False),
        ((2, 3, 5, 5), True, True),
    ],
)
def test_windows_are_folded_into_the_product_where_patches_are_small_or_on_request(w_shape, fold, folded):
    _, C, KH, KW = w_shape
    saved = conv_pool(np.zeros((C, KH + 1, KW + 1, 1)), np.zeros(w_shape), (2, 2), fold=fold)[1]
    assert saved.z.shape == ((2, 2, 2, 1, 1, 1) if folded else (1, 1, 2, 2, 2, 1))


def test_a_constant_image_ties_in_every_window(xp):
    x, w, dpooled = xp.ones((1, 4, 4, 2)), xp.ones((1, 1, 1, 1)), xp.ones((1, 2, 2, 2))
    passed = conv_pool(x, w, (2, 2))[1]
    dx, dw = conv_pool_gradients(dpooled, passed)
    np.testing.assert_array_equal(to_host(dx), np.ones((1, 4, 4, 2)))
    assert float(dw[0, 0, 0, 0]) == 32
    dx, dw = conv_pool_gradients(dpooled, passed, ties="first")
    assert to_host(dx)[0, :, :, 1].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert float(dw[0, 0, 0, 0]) == 8


def test_one_workspace_serves_many_inputs_shapes_and_batches(xp):
    work = Workspace(xp)
    shapes = [((2, 1, 6, 5), (3, 1, 3, 2), (2, 2)), ((5, 1, 6, 5), (3, 1, 3, 2), (2, 2)), *CASES[1:]]
    for seed, (x_shape, w_shape, poolsize) in enumerate([*shapes, *shapes]):
        x, w = small_integers(x_shape, seed=seed), small_integers(w_shape, seed=100 + seed)
        pooled, dpooled, dx, dw = loops(x, w, poolsize)
        assert_same(both_ways(xp, innermost(x), w, poolsize, dpooled, work=work), (pooled, dx, dw))


def test_a_workspace_changes_no_number(xp):
    x, w, dpooled = random_like(np, (2, 6, 7, 3), 1), random_like(np, (4, 2, 3, 3), 2), random_like(np, (4, 2, 2, 3), 3)
    work = Workspace(xp)
    fresh = both_ways(xp, x, w, (2, 2), dpooled)
    assert_same(both_ways(xp, x, w, (2, 2), dpooled, work=work), fresh)
    both_ways(xp, x + 1, w - 1, (2, 2), dpooled, work=work)
    assert_same(both_ways(xp, x, w, (2, 2), dpooled, work=work), fresh)


def test_a_second_step_in_a_workspace_makes_no_new_arrays(xp):
    x, w = random_like(xp, (1, 5, 5, 2)), random_like(xp, (2, 1, 2, 2))
    work = Workspace(xp)
    first, second = conv_pool(x, w, (2, 2), work), conv_pool(x + 1, w, (2, 2), work)
    assert first[0] is second[0]
    assert all(a is b for a, b in zip(first[1], second[1], strict=True) if not isinstance(a, tuple))


@both_ties
def test_without_the_gradient_by_the_images_that_by_the_filters_is_the_same(xp, ties):
    x, w = small_integers((2, 2, 6, 5), seed=1), small_integers((3, 2, 3, 2), seed=2)
    _, dpooled, _, expected = loops(x, w, (2, 2), ties)
    _, dx, dw = both_ways(xp, innermost(x), w, (2, 2), dpooled, ties=ties, input_gradient=False)
    assert dx is None
    np.testing.assert_array_equal(dw, expected)


@pytest.mark.parametrize(
    "lay_out",
    [
        lambda xp, a: xp.asfortranarray(a),
        lambda xp, a: xp.ascontiguousarray(a[..., ::-1])[..., ::-1],
        lambda xp, a: xp.repeat(a, 2, axis=1)[:, 1::2],
    ],
    ids=["transposed", "backwards", "every second row"],
)
def test_results_do_not_depend_on_how_arrays_lie_in_memory(xp, lay_out):
    x, w = small_integers((2, 3, 7, 6), seed=4), small_integers((2, 3, 3, 2), seed=5)
    pooled, dpooled, dx, dw = loops(x, w, (2, 3))
    x, w, dpooled = (lay_out(xp, xp.asarray(a)) for a in (innermost(x), w, dpooled))
    assert_same(both_ways(xp, x, w, (2, 3), dpooled), (pooled, dx, dw))


def test_arguments_and_what_was_passed_on_are_left_as_they_were(xp):
    x, w, dpooled = random_like(xp, (1, 5, 5, 2), 1), random_like(xp, (2, 1, 2, 2), 2), random_like(xp, (2, 2, 2, 2), 3)
    before = [to_host(array).copy() for array in (x, w, dpooled)]
    passed = conv_pool(x, w, (2, 2))[1]
    once, twice = (conv_pool_gradients(dpooled, passed) for _ in range(2))
    assert_same([to_host(array) for array in twice], [to_host(array) for array in once])
    assert_same([to_host(array) for array in (x, w, dpooled)], before)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_small_pooled_convolution_is_that_of_the_loops(data):
    def sizes(low, high, count):
        return data.draw(st.tuples(*[st.integers(low, high)] * count))

    (N, C, F), (KH, KW), (P, Q) = sizes(1, 3, 3), sizes(1, 3, 2), sizes(1, 3, 2)
    H, W = data.draw(st.integers(KH + P - 1, 7)), data.draw(st.integers(KW + Q - 1, 7))
    ties = data.draw(st.sampled_from(TIES))
    x, w = small_integers((N, C, H, W), seed=1), small_integers((F, C, KH, KW), seed=2)
    pooled, dpooled, dx, dw = loops(x, w, (P, Q), ties)
    assert_same(both_ways(np, innermost(x), w, (P, Q), dpooled, ties=ties), (pooled, dx, dw))


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "poolsize", "message"),
    [
        ((2, 6, 6, 1), (3, 1, 3, 3), (2, 2), r"^x, w: expected .* with the same C; got \(2, 6, 6, 1\) and"),
        ((6, 6, 1), (3, 6, 3, 3), (2, 2), r"^x, w: expected \(C, H, W, N\)"),
        ((1, 4, 4, 1), (3, 1, 5, 5), (1, 1), r"^x: expected images of at least 5 x 5, .*; got 4 x 4"),
        ((1, 6, 6, 1), (3, 1, 5, 5), (2, 3), r"^x: expected images of at least 6 x 7, .*; got 6 x 6"),
        ((1, 6, 6, 1), (3, 1, 3, 3), (0, 2), r"^poolsize: expected an integer of at least 1; got 0"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(x_shape, w_shape, poolsize, message):
    with pytest.raises(ValueError, match=message):
        conv_pool(np.zeros(x_shape), np.zeros(w_shape), poolsize)


def test_gradients_refuse_an_unknown_rule_for_ties_and_another_shape():
    pooled, passed = conv_pool(np.zeros((1, 6, 6, 2)), np.zeros((3, 1, 3, 3)), (2, 2))
    with pytest.raises(ValueError, match=r"^ties: expected one of 'all', 'first'; got 'frist'"):
        conv_pool_gradients(pooled, passed, ties="frist")
    with pytest.raises(ValueError, match=r"^dpooled: expected the shape of the pooled maps, \(3, 2, 2, 2\); got"):
        conv_pool_gradients(pooled[..., :1], passed)
