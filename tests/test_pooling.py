"""Pooling against a loop over windows, against values worked out by hand, and against central differences."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib.backend import to_host
from netlib.ops import MODES, naive, pool2d, pool2d_gradient
from tests.gradients import assert_gradient, random_like, weighted_sum

# image (N, C, H, W), window, stride, padding, ignore_border
CASES = [
    ((2, 2, 4, 6), (2, 2), None, (0, 0), True),
    ((1, 2, 5, 7), (3, 2), None, (0, 0), True),
    ((1, 1, 4, 3), (1, 1), None, (0, 0), True),
    ((2, 1, 5, 6), (3, 2), (2, 1), (0, 0), True),
    ((1, 2, 4, 5), (3, 2), (2, 2), (1, 1), True),
    ((1, 1, 5, 4), (3, 3), (1, 2), (2, 0), True),
    ((1, 1, 7, 6), (2, 2), (3, 4), (1, 1), True),
    ((2, 1, 5, 7), (2, 3), None, (0, 0), False),
    ((1, 2, 5, 4), (3, 2), (2, 1), (0, 0), False),
    ((1, 1, 7, 8), (2, 2), (3, 5), (0, 0), False),
    ((1, 1, 2, 3), (4, 5), (1, 2), (0, 0), False),
    ((0, 2, 4, 4), (2, 2), (1, 2), (1, 0), True),
    ((0, 2, 5, 4), (2, 3), None, (0, 0), False),
]
cases = pytest.mark.parametrize(("shape", "window", "stride", "padding", "ignore_border"), CASES)
modes = pytest.mark.parametrize("mode", MODES)


def spans(size, window, stride, padding, ignore_border):
    """Where windows begin and end along an axis, counted from the image's first pixel: Theano's rule."""
    if ignore_border:
        count = (size + 2 * padding - window) // stride + 1
    elif stride >= window:
        count = math.ceil(size / stride)
    else:
        count = max(0, math.ceil((size - window) / stride)) + 1
    return [(i * stride - padding, i * stride - padding + window) for i in range(count)]


def loops(x, window, stride, padding, ignore_border, mode, ties="all"):
    """(y, dy, dx), window by window; dy counts 1, 2, 3, ... so that no two windows' gradients are alike."""
    (N, C, H, W), (pad_rows, pad_columns) = x.shape, padding
    stride = stride or window
    rows, columns = (spans(x.shape[2 + k], window[k], stride[k], padding[k], ignore_border) for k in (0, 1))
    y, dx = np.zeros((N, C, len(rows), len(columns)), x.dtype), np.zeros_like(x)
    dy = 1 + np.arange(y.size, dtype=x.dtype).reshape(y.shape)
    for n, c, i, j in np.ndindex(y.shape):
        (top, bottom), (left, right) = rows[i], columns[j]
        pixels = [(n, c, h, w) for h in range(max(0, top), min(bottom, H)) for w in range(max(0, left), min(right, W))]
        values = [x[pixel] for pixel in pixels]
        height = min(bottom, H + pad_rows) - max(top, -pad_rows)
        width = min(right, W + pad_columns) - max(left, -pad_columns)
        divisor = {"max": 1, "sum": 1, "average_exc_pad": len(pixels), "average_inc_pad": height * width}[mode]
        y[n, c, i, j] = max(values) if mode == "max" else sum(values) / divisor
        receivers = [pixel for pixel in pixels if mode != "max" or x[pixel] == y[n, c, i, j]]
        for pixel in receivers[:1] if mode == "max" and ties == "first" else receivers:
            dx[pixel] += dy[n, c, i, j] / divisor
    return y, dy, dx


def small_integers(shape, dtype, seed=0):
    """Few different numbers, most of them negative: maxima tie everywhere, and sums are exact in any order."""
    return np.random.default_rng(seed).integers(-4, 2, shape).astype(dtype)


def assert_close(result, expected):
    """The same numbers but for the last digits, in the same dtype."""
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(to_host(result), expected, rtol=1e-6 if expected.dtype == "float32" else 1e-14)


@cases
@modes
@pytest.mark.parametrize("ties", ["all", "first"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pooling_and_its_gradient_are_those_of_the_loop(
    xp, shape, window, stride, padding, ignore_border, mode, ties, dtype
):
    x = small_integers(shape, dtype)
    y, dy, dx = loops(x, window, stride, padding, ignore_border, mode, ties)
    options = {"stride": stride, "padding": padding, "ignore_border": ignore_border, "mode": mode}
    x, dy = xp.asarray(x), xp.asarray(dy)
    assert_close(pool2d(x, window, **options), y)
    assert_close(pool2d_gradient(x, xp.asarray(y), dy, window, ties=ties, **options), dx)


@cases
@modes
def test_pooling_gradient_is_central_differences(xp, shape, window, stride, padding, ignore_border, mode):
    x = random_like(xp, shape, 1)
    options = {"stride": stride, "padding": padding, "ignore_border": ignore_border, "mode": mode}
    y = pool2d(x, window, **options)
    weights = random_like(xp, y.shape, 2)
    dx = pool2d_gradient(x, y, weights, window, **options)
    assert_gradient(dx, lambda: weighted_sum(pool2d(x, window, **options), weights), x)


@pytest.mark.parametrize("window", [(2, 2), (3, 2), (1, 1), (2, 3)])
@pytest.mark.parametrize("ties", ["all", "first"])
def test_max_pooling_is_the_naive_one(xp, window, ties):
    x = small_integers((2, 3, 7, 6), "float32", 3)
    y = naive.max_pool(x, window)
    dy = random_like(np, y.shape, 4).astype("float32")
    dx = naive.max_pool_gradient(x, dy, window, ties=ties)
    assert_close(pool2d(xp.asarray(x), window), y)
    assert_close(pool2d_gradient(xp.asarray(x), xp.asarray(y), xp.asarray(dy), window, ties=ties), dx)


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        ("max", {}, [[5]]),
        ("sum", {}, [[12]]),
        ("average_exc_pad", {}, [[3]]),
        ("max", {"ignore_border": False}, [[5, 6], [8, 9]]),
        ("average_exc_pad", {"ignore_border": False}, [[3, 4.5], [7.5, 9]]),
        ("average_inc_pad", {"ignore_border": False}, [[3, 4.5], [7.5, 9]]),
        ("sum", {"padding": 1}, [[1, 5], [11, 28]]),
        ("average_exc_pad", {"padding": 1}, [[1, 2.5], [5.5, 7]]),
        ("average_inc_pad", {"padding": 1}, [[0.25, 1.25], [2.75, 7]]),
        ("max", {"stride": 1}, [[5, 6], [8, 9]]),
    ],
)
def test_the_numbers_1_to_9_in_windows_of_2_by_2(xp, mode, options, expected):
    x = xp.arange(1.0, 10).reshape(1, 1, 3, 3)
    assert to_host(pool2d(x, 2, mode=mode, **options)).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("all", [[2, 2, 0, 3], [0, 2, 3, 3]]), ("first", [[2, 0, 0, 3], [0, 0, 0, 0]])],
)
def test_tied_maxima_each_get_the_full_gradient_or_the_first_gets_it(xp, ties, expected):
    x = xp.asarray([[[[1.0, 1, 0, 5], [0, 1, 5, 5]]]])
    dx = pool2d_gradient(x, pool2d(x, 2), xp.asarray([[[[2.0, 3]]]]), 2, ties=ties)
    assert to_host(dx).tolist() == [[expected]]


def test_a_constant_image_ties_in_every_window(xp):
    x = xp.zeros((1, 1, 4, 4), "float32")
    y, dy = pool2d(x, 2), xp.asarray([[[[1, 2], [3, 4]]]], "float32")
    everywhere = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert to_host(pool2d_gradient(x, y, dy, 2)).tolist() == [[everywhere]]
    corners = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    assert to_host(pool2d_gradient(x, y, dy, 2, ties="first")).tolist() == [[corners]]


def test_results_do_not_depend_on_how_arrays_lie_in_memory(xp):
    x = small_integers((2, 3, 5, 4), "float64", 5)
    y, dy, dx = loops(x, (2, 3), (1, 2), (1, 1), True, "max")
    x, y, dy = (xp.asfortranarray(xp.asarray(a)[..., ::-1])[..., ::-1] for a in (x, y, dy))
    options = {"stride": (1, 2), "padding": 1}
    assert_close(pool2d(x, (2, 3), **options), to_host(y))
    assert_close(pool2d_gradient(x, y, dy, (2, 3), **options), dx)


def test_pooling_single_pixels_gives_a_copy(xp):
    x = random_like(xp, (1, 1, 2, 2))
    y = pool2d(x, 1)
    y += 1
    np.testing.assert_array_equal(to_host(y), to_host(x) + 1)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_small_pooling_is_that_of_the_loop(data):
    sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))
    window, stride = data.draw(sizes), data.draw(sizes)
    ignore_border, mode = data.draw(st.booleans()), data.draw(st.sampled_from(MODES))
    padding = tuple(data.draw(st.integers(0, k - 1)) if ignore_border else 0 for k in window)
    H, W = (data.draw(st.integers(k if ignore_border else 1, 6)) for k in window)
    x = small_integers((2, 1, H, W), "float64", 6)
    y, dy, dx = loops(x, window, stride, padding, ignore_border, mode)
    options = {"stride": stride, "padding": padding, "ignore_border": ignore_border, "mode": mode}
    assert_close(pool2d(x, window, **options), y)
    assert_close(pool2d_gradient(x, y, dy, window, **options), dx)


@pytest.mark.parametrize(
    ("window", "options", "error", "message"),
    [
        (0, {}, ValueError, "window: .*at least 1; got 0"),
        (2.0, {}, TypeError, "window: .*got 2.0"),
        ((2, 6), {}, ValueError, r"window: .*\(4, 5\) \+ 2 \* \(0, 0\); got \(2, 6\)"),
        (2, {"stride": 0}, ValueError, "stride: .*at least 1; got 0"),
        (2, {"padding": -1}, ValueError, "padding: .*at least 0; got -1"),
        ((3, 2), {"padding": (0, 2)}, ValueError, r"padding: .*\(3, 2\); got \(0, 2\)"),
        (2, {"padding": 1, "ignore_border": False}, ValueError, r"padding: .*ignore_border is False; got \(1, 1\)"),
        (2, {"mode": "mean"}, ValueError, "mode: .*'max', 'sum'.*; got 'mean'"),
    ],
)
def test_what_cannot_be_pooled_is_refused_by_name(window, options, error, message):
    x, y = np.zeros((1, 1, 4, 5)), np.zeros((1, 1, 2, 2))
    with pytest.raises(error, match=message):
        pool2d(x, window, **options)
    with pytest.raises(error, match=message):
        pool2d_gradient(x, y, y, window, **options)


def test_images_of_integers_or_of_other_axes_are_refused():
    with pytest.raises(ValueError, match=r"x: .*floats; got .* dtype int64"):
        pool2d(np.zeros((1, 1, 4, 4), "int64"), 2)
    with pytest.raises(ValueError, match=r"x: .*got shape \(4, 4\)"):
        pool2d(np.zeros((4, 4)), 2)


def test_results_and_gradients_of_another_shape_and_unknown_ties_are_refused():
    x, y = np.zeros((1, 1, 4, 5)), np.zeros((1, 1, 2, 2))
    with pytest.raises(ValueError, match=r"y, dy: .*\(1, 1, 2, 2\); got \(1, 1, 2, 2\) and \(1, 1, 2, 3\)"):
        pool2d_gradient(x, y, np.zeros((1, 1, 2, 3)), 2)
    with pytest.raises(ValueError, match=r"ties: .*'all', 'first'; got 'last'"):
        pool2d_gradient(x, y, y, 2, ties="last")


def test_padding_is_never_taken_for_an_infinite_maximum(xp):
    x = xp.asarray([[[[float("inf"), 1.0], [2.0, 3.0]]]])
    options = {"stride": 2, "padding": 1, "ties": "first"}
    y = pool2d(x, 2, stride=2, padding=1)
    dx = pool2d_gradient(x, y, xp.asarray([[[[1.0, 2], [3, 4]]]]), 2, **options)
    assert to_host(dx).tolist() == [[[[1, 2], [3, 4]]]]


@pytest.mark.parametrize("shape", [(1, 1, 0, 4), (1, 1, 4, 0)])
def test_images_without_pixels_are_refused(shape):
    with pytest.raises(ValueError, match=r"^x: expected images \(N, C, H, W\) of floats; got shape"):
        pool2d(np.zeros(shape), 2, ignore_border=False)


def test_a_window_that_the_padding_does_not_make_room_for_is_refused():
    with pytest.raises(ValueError, match=r"^window: expected no more than the padded image, \(2, 2\) \+ 2 \* \(1, 1\)"):
        pool2d(np.zeros((1, 1, 2, 2)), 5, padding=1)
