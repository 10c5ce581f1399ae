"""The loops that all else is held to, against values worked out by hand and against central differences."""

import numpy as np
import pytest

from netlib.ops import naive
from tests.gradients import assert_gradient, random_like, weighted_sum

NINE = np.arange(1.0, 10).reshape(1, 1, 3, 3)
FOUR = np.array([[[[1.0, 2], [3, 4]]]])


def test_cross_correlation_lays_the_filter_down_as_it_is():
    assert naive.conv2d(NINE, FOUR, flip=False).tolist() == [[[[37, 47], [67, 77]]]]


def test_convolution_turns_the_filter_by_180_degrees():
    assert naive.conv2d(NINE, FOUR).tolist() == [[[[23, 33], [53, 63]]]]


def test_convolution_of_a_single_one_prints_the_filter():
    x = np.zeros((1, 1, 3, 5))
    x[0, 0, 1, 2] = 1
    w = np.arange(6.0).reshape(1, 1, 2, 3)
    assert naive.conv2d(x, w).tolist() == [[[[0, 1, 2], [3, 4, 5]]]]


def test_strides_skip_rows_and_columns():
    assert naive.conv2d(NINE, np.ones((1, 1, 1, 2)), (2, 1)).tolist() == [[[[3, 5], [15, 17]]]]
    assert naive.conv2d(NINE, np.ones((1, 1, 2, 1)), (1, 2)).tolist() == [[[[5, 9], [11, 15]]]]
    assert naive.conv2d(NINE, np.ones((1, 1, 1, 1)), (2, 2)).tolist() == [[[[1, 3], [7, 9]]]]


def test_input_maps_are_summed_and_filters_and_images_kept_apart():
    x = np.array([[[[1.0]], [[2]]], [[[3]], [[4]]]])  # two images of two maps of one pixel
    w = np.array([[[[10.0]], [[100]]], [[[1000]], [[10000]]], [[[0]], [[-1]]]])
    assert naive.conv2d(x, w)[:, :, 0, 0].tolist() == [[210, 21000, -2], [430, 43000, -4]]


def test_a_gradient_at_one_output_gives_its_filter_and_its_patch():
    dy = np.array([[[[0.0, 0], [0, 1]]]])
    dx, dw = naive.conv2d_gradients(NINE, FOUR, dy)
    assert dx.tolist() == [[[[0, 0, 0], [0, 4, 3], [0, 2, 1]]]]
    assert dw.tolist() == [[[[9, 8], [6, 5]]]]
    dx, dw = naive.conv2d_gradients(NINE, FOUR, dy, flip=False)
    assert dx.tolist() == [[[[0, 0, 0], [0, 1, 2], [0, 3, 4]]]]
    assert dw.tolist() == [[[[5, 6], [8, 9]]]]


def test_gradients_of_overlapping_patches_add_up():
    dx, dw = naive.conv2d_gradients(NINE, np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))
    assert dx.tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]
    assert dw.tolist() == [[[[28, 24], [16, 12]]]]


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3)])
def test_convolution_gradients_are_central_differences(stride, flip):
    x, w = random_like(np, (2, 2, 5, 4), 1), random_like(np, (3, 2, 2, 3), 2)
    weights = random_like(np, naive.conv2d(x, w, stride).shape, 3)

    def cost():
        return weighted_sum(naive.conv2d(x, w, stride, flip=flip), weights)

    dx, dw = naive.conv2d_gradients(x, w, weights, stride, flip=flip)
    assert_gradient(dx, cost, x)
    assert_gradient(dw, cost, w)


def test_max_pooling_takes_the_largest_and_leaves_out_what_fills_no_window():
    x = np.array([[[[1.0, 5, 2, 0, 99], [3, 4, 8, 7, 99], [99, 99, 99, 99, 99]]]])
    assert naive.max_pool(x, (2, 2)).tolist() == [[[[5, 8]]]]
    assert naive.max_pool(x, (1, 3)).tolist() == [[[[5], [8], [99]]]]
    assert naive.max_pool(x, (3, 2)).tolist() == [[[[99, 99]]]]


def test_max_pooling_of_single_pixels_changes_nothing():
    assert naive.max_pool(-NINE, (1, 1)).tolist() == (-NINE).tolist()


def test_tied_maxima_each_get_the_full_gradient_or_the_first_gets_it():
    x = np.array([[[[1.0, 1, 0, 5], [0, 1, 5, 5]]]])
    dy = np.array([[[[2.0, 3]]]])
    assert naive.max_pool_gradient(x, dy, (2, 2)).tolist() == [[[[2, 2, 0, 3], [0, 2, 3, 3]]]]
    assert naive.max_pool_gradient(x, dy, (2, 2), ties="first").tolist() == [[[[2, 0, 0, 3], [0, 0, 0, 0]]]]


@pytest.mark.parametrize("ties", ["all", "first"])
@pytest.mark.parametrize("window", [(2, 2), (3, 2), (1, 1), (2, 3)])
def test_max_pooling_gradient_is_central_differences(window, ties):
    x = random_like(np, (2, 2, 5, 7), 4)
    weights = random_like(np, naive.max_pool(x, window).shape, 5)
    dx = naive.max_pool_gradient(x, weights, window, ties=ties)
    assert_gradient(dx, lambda: weighted_sum(naive.max_pool(x, window), weights), x)


def test_the_loops_keep_the_dtype():
    x, w = NINE.astype("float32"), FOUR.astype("float32")
    y = naive.conv2d(x, w)
    results = y, *naive.conv2d_gradients(x, w, y), naive.max_pool(x, (2, 2)), naive.max_pool_gradient(x, y, (1, 1))
    assert {result.dtype for result in results} == {np.dtype("float32")}
