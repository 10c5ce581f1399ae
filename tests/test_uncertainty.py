"""Intervals around accuracies."""

import math

import pytest

from netlib.uncertainty import wilson_interval


def compatible(p, correct, total, z):
    """Wilson's condition itself: the count is no further from its mean than z standard deviations."""
    return abs(correct - total * p) <= z * math.sqrt(total * p * (1 - p))


@pytest.mark.parametrize(("correct", "total"), [(0, 10), (1, 10), (5, 10), (241, 250), (250, 250), (9967, 10000)])
def test_the_bounds_are_where_chance_stops_explaining(correct, total):
    low, high = wilson_interval(correct, total)
    z = 1.959963984540054
    inside = [i / 1e5 for i in range(100001) if compatible(i / 1e5, correct, total, z)]
    assert low == pytest.approx(inside[0], abs=1e-5)
    assert high == pytest.approx(inside[-1], abs=1e-5)


def test_a_published_example():
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I
    low, high = wilson_interval(81, 263)
    assert round(low, 4) == 0.2553
    assert round(high, 4) == 0.3662


def test_more_confidence_is_wider_and_more_images_are_narrower():
    width = [high - low for low, high in (wilson_interval(9 * n, 10 * n) for n in (1, 10, 100))]
    assert width == sorted(width, reverse=True)
    low, high = wilson_interval(90, 100, 0.99)
    inner_low, inner_high = wilson_interval(90, 100, 0.95)
    assert low < inner_low < inner_high < high


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((5, 0), "total: expected an integer of at least 1; got 0"),
        ((-1, 5), "correct: expected an integer of at least 0; got -1"),
        ((6, 5), "correct: expected at most total, 5; got 6"),
        ((1, 5, 1.0), "confidence: expected a number between 0 and 1; got 1.0"),
    ],
)
def test_bad_input(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        wilson_interval(*arguments)
