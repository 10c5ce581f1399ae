"""The general convolution against the loops on a padded image, and against central differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib.backend import to_host
from netlib.ops import conv2d, conv2d_filter_gradient, conv2d_gradients, conv2d_image_gradient, naive
from tests.gradients import assert_gradient, random_like, weighted_sum

# image (N, C, H, W), filters (F, C, KH, KW), stride, border, and what that border is in rows and columns
CASES = [
    ((2, 1, 5, 4), (3, 1, 2, 3), 1, "valid", (0, 0)),
    ((1, 3, 4, 6), (2, 3, 3, 2), (2, 1), "valid", (0, 0)),
    ((2, 2, 6, 5), (1, 2, 3, 2), 2, "half", (1, 1)),
    ((1, 2, 4, 5), (2, 2, 4, 5), 1, "half", (2, 2)),
    ((2, 2, 3, 4), (2, 2, 3, 2), 1, "full", (2, 1)),
    ((1, 1, 5, 4), (2, 1, 2, 4), (1, 3), "full", (1, 3)),
    ((2, 1, 4, 3), (2, 1, 1, 1), 3, 1, (1, 1)),
    ((1, 2, 3, 4), (2, 2, 5, 2), (1, 2), (1, 0), (1, 0)),
    ((3, 1, 4, 4), (1, 1, 4, 4), 1, 0, (0, 0)),
    ((0, 2, 5, 4), (3, 2, 2, 2), 1, 1, (1, 1)),
]
cases = pytest.mark.parametrize(("x_shape", "w_shape", "stride", "border", "pad"), CASES)
flips = pytest.mark.parametrize("flip", [True, False])


def small_integers(shape, dtype, seed):
    """Whole numbers so small that sums of their products are exact in any order."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)


def loops(x, w, stride, pad, flip, dy_seed=9):
    """(y, dy, dx, dw) of a convolution with rows and columns `pad` of zeros around the image, by the naive loops."""
    (top, left), (H, W) = pad, x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
    stride = (stride, stride) if isinstance(stride, int) else stride
    y = naive.conv2d(padded, w, stride, flip=flip)
    dy = small_integers(y.shape, x.dtype, dy_seed)
    dx, dw = naive.conv2d_gradients(padded, w, dy, stride, flip=flip)
    return y, dy, dx[:, :, top : top + H, left : left + W], dw


def assert_same(result, expected):
    """Equal entry by entry, in the same dtype."""
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(to_host(result), expected)


@cases
@flips
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolution_and_its_gradients_are_those_of_the_loops(xp, x_shape, w_shape, stride, border, pad, flip, dtype):
    x, w = small_integers(x_shape, dtype, 1), small_integers(w_shape, dtype, 2)
    y, dy, dx, dw = loops(x, w, stride, pad, flip)
    options = {"stride": stride, "border": border, "flip": flip}
    x, w, dy = xp.asarray(x), xp.asarray(w), xp.asarray(dy)
    assert_same(conv2d(x, w, **options), y)
    gradients = conv2d_gradients(x, w, dy, **options)
    assert_same(gradients[0], dx)
    assert_same(gradients[1], dw)


@cases
@flips
def test_convolution_gradients_are_central_differences(xp, x_shape, w_shape, stride, border, pad, flip):
    x, w = random_like(xp, x_shape, 1), random_like(xp, w_shape, 2)
    options = {"stride": stride, "border": border, "flip": flip}
    weights = random_like(xp, conv2d(x, w, **options).shape, 3)
    dx, dw = conv2d_gradients(x, w, weights, **options)
    assert_gradient(dx, lambda: weighted_sum(conv2d(x, w, **options), weights), x)
    assert_gradient(dw, lambda: weighted_sum(conv2d(x, w, **options), weights), w)


def test_by_default_filters_are_turned_on_the_way_back_too():
    x, w, dy = random_like(np, (2, 2, 5, 6), 1), random_like(np, (3, 2, 2, 3), 2), random_like(np, (2, 3, 4, 4), 3)
    dx, dw = naive.conv2d_gradients(x, w, dy)
    np.testing.assert_allclose(conv2d_image_gradient(x, w, dy), dx, rtol=0, atol=1e-12)
    np.testing.assert_allclose(conv2d_filter_gradient(x, w, dy), dw, rtol=0, atol=1e-12)


def test_a_filter_and_its_mirror_image_change_places_with_flip(xp):
    x = xp.asarray([[[[1.0, 2, 3]]]])
    w = xp.asarray([[[[1.0, 10]]]])
    assert to_host(conv2d(x, w)).tolist() == [[[[12, 23]]]]
    assert to_host(conv2d(x, w, flip=False)).tolist() == [[[[21, 32]]]]


@pytest.mark.parametrize(
    "lay_out",
    [
        lambda xp, a: xp.ascontiguousarray(a.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0),
        lambda xp, a: xp.ascontiguousarray(a[..., ::-1])[..., ::-1],
        lambda xp, a: xp.repeat(a, 2, axis=2)[:, :, 1::2],
    ],
    ids=["transposed", "backwards", "every second row"],
)
def test_results_do_not_depend_on_how_arrays_lie_in_memory(xp, lay_out):
    x, w = small_integers((2, 3, 5, 4), "float64", 4), small_integers((2, 3, 3, 2), "float64", 5)
    y, dy, dx, dw = loops(x, w, 1, (1, 1), True)
    x, w, dy = (lay_out(xp, xp.asarray(a)) for a in (x, w, dy))
    assert_same(conv2d(x, w, border=1), y)
    gradients = conv2d_gradients(x, w, dy, border=1)
    assert_same(gradients[0], dx)
    assert_same(gradients[1], dw)


def test_arguments_are_left_as_they_were(xp):
    x, w, dy = random_like(xp, (1, 2, 4, 4), 1), random_like(xp, (2, 2, 3, 3), 2), random_like(xp, (1, 2, 2, 2), 3)
    before = [to_host(a).copy() for a in (x, w, dy)]
    conv2d_gradients(x, w, dy)
    for array, kept in zip((x, w, dy), before, strict=True):
        np.testing.assert_array_equal(to_host(array), kept)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_small_convolution_is_that_of_the_loops(data):
    def sizes(low, high, count):
        return data.draw(st.tuples(*[st.integers(low, high)] * count))

    (N, C, F), (KH, KW), pad, stride = sizes(1, 2, 3), sizes(1, 3, 2), sizes(0, 2, 2), sizes(1, 3, 2)
    H, W = (data.draw(st.integers(max(1, k - 2 * p), 5)) for k, p in zip((KH, KW), pad, strict=True))
    flip = data.draw(st.booleans())
    x, w = small_integers((N, C, H, W), "float32", 1), small_integers((F, C, KH, KW), "float32", 2)
    y, dy, dx, dw = loops(x, w, stride, pad, flip)
    assert_same(conv2d(x, w, stride=stride, border=pad, flip=flip), y)
    gradients = conv2d_gradients(x, w, dy, stride=stride, border=pad, flip=flip)
    assert_same(gradients[0], dx)
    assert_same(gradients[1], dw)


IMAGES, FILTERS = (1, 2, 4, 5), (3, 2, 2, 3)


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "options", "error", "message"),
    [
        (IMAGES, (3, 1, 2, 3), {}, ValueError, r"x, w: .*\(1, 2, 4, 5\) and \(3, 1, 2, 3\)"),
        ((2, 4, 5), FILTERS, {}, ValueError, r"x, w: .*\(2, 4, 5\) and"),
        (IMAGES, (2, 2, 3), {}, ValueError, r"x, w: .* and \(2, 2, 3\)"),
        (IMAGES, (3, 2, 5, 3), {}, ValueError, "w: .*padded image, 4 x 5; got 5 x 3"),
        (IMAGES, (3, 2, 2, 8), {"border": 1}, ValueError, "w: .*padded image, 6 x 7; got 2 x 8"),
        (IMAGES, FILTERS, {"stride": 0}, ValueError, "stride: .*at least 1; got 0"),
        (IMAGES, FILTERS, {"stride": (1, -2)}, ValueError, "stride: .*got -2"),
        (IMAGES, FILTERS, {"stride": 1.5}, TypeError, "stride: .*got 1.5"),
        (IMAGES, FILTERS, {"border": -1}, ValueError, "border: .*at least 0; got -1"),
        (IMAGES, FILTERS, {"border": "same"}, ValueError, "border: .*'valid', 'half', 'full'; got 'same'"),
        (IMAGES, FILTERS, {"border": None}, TypeError, "border: .*got None"),
    ],
)
def test_what_cannot_be_convolved_is_refused_by_name(x_shape, w_shape, options, error, message):
    x, w = np.zeros(x_shape), np.zeros(w_shape)
    with pytest.raises(error, match=message):
        conv2d(x, w, **options)
    with pytest.raises(error, match=message):
        conv2d_gradients(x, w, np.zeros((1, 3, 3, 3)), **options)


def test_a_gradient_of_another_shape_than_the_result_is_refused():
    with pytest.raises(ValueError, match=r"dy: .*\(1, 3, 3, 3\); got \(1, 3, 3, 4\)"):
        conv2d_gradients(np.zeros(IMAGES), np.zeros(FILTERS), np.zeros((1, 3, 3, 4)))
