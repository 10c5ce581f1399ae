"""Initial weights and biases: their scale, measured, and what decides the draw."""

import math

import numpy as np
import pytest

from netlib.initializers import SCALES, draw


def drawn(init="book", w_shape=(300, 200), n_biases=5000, fan_in=50, fan_out=8, *, seed=0, place=0):
    return draw(init, w_shape, n_biases, fan_in, fan_out, seed=seed, place=place)


def assert_gaussian(numbers, deviation):
    """Mean 0 and this standard deviation, within 5 sigma, and two thirds of the numbers within one deviation."""
    n = numbers.size
    assert abs(numbers.mean()) < 5 * deviation / math.sqrt(n)
    assert abs(numbers.std() / deviation - 1) < 5 / math.sqrt(2 * n)
    assert abs((np.abs(numbers) < deviation).mean() - math.erf(1 / math.sqrt(2))) < 5 * 0.4654 / math.sqrt(n)


@pytest.mark.parametrize(
    ("init", "fan_in", "fan_out", "deviation"),
    [
        ("book", 50, 8, math.sqrt(1 / 8)),
        ("corrected", 50, 8, math.sqrt(1 / 50)),
        ("book", 25, 125.0, math.sqrt(0.008)),
        ("he", 50, 8, 0.2),
        ("glorot", 50, 22, 1 / 6),
    ],
)
@pytest.mark.parametrize("w_shape", [(300, 200), (60, 40, 5, 5)])
def test_weights_are_gaussian_with_the_scale_of_their_name(init, fan_in, fan_out, deviation, w_shape):
    w, b = drawn(init, w_shape, fan_in=fan_in, fan_out=fan_out)
    assert w.shape == w_shape
    assert b.shape == (5000,)
    assert w.dtype == b.dtype == np.float64
    assert_gaussian(w, deviation)
    assert_gaussian(b, 1)


def test_zeros_are_zeros_for_weights_and_biases():
    w, b = drawn("zeros", (3, 4), 4)
    assert w.tolist() == [[0.0] * 4] * 3
    assert b.tolist() == [0.0] * 4


def test_book_and_corrected_weights_differ_by_their_scale_only():
    (book, book_biases), (corrected, corrected_biases) = drawn("book"), drawn("corrected")
    np.testing.assert_allclose(book * math.sqrt(8), corrected * math.sqrt(50), rtol=1e-12)
    np.testing.assert_array_equal(book_biases, corrected_biases)


def test_the_same_seed_and_place_draw_the_same_again():
    for again, once in zip(drawn(seed=3, place=1), drawn(seed=3, place=1), strict=True):
        np.testing.assert_array_equal(again, once)


def test_seeds_places_weights_and_biases_are_unrelated():
    draws = [drawn(w_shape=(5000,), seed=seed, place=place) for seed in (0, 1) for place in (0, 1)]
    correlations = np.corrcoef([numbers for w_and_b in draws for numbers in w_and_b])
    assert np.abs(correlations - np.eye(8)).max() < 5 / math.sqrt(5000)


def test_the_weights_of_seed_0_are_those_of_all_earlier_versions():
    w, b = drawn("book", (3,), 1, fan_out=1)
    assert w.tolist() == [0.17468502191317076, -0.1586236393423535, 1.0221978127575304]
    assert b.tolist() == [-0.07583733958232833]


def test_there_are_five_scales():
    assert list(SCALES) == ["book", "corrected", "he", "glorot", "zeros"]
