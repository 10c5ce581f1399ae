"""Networks that nobody trained: heights, places and errors against closed forms and loops over plain numbers."""

import itertools
import math
import re
import statistics
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib import FullyConnectedLayer, Network, ReLU, linear, sigmoid, tanh
from netlib.backend import device_namespace, namespace, to_host
from netlib.ops import Activation, softmax
from netlib.universality import (
    SHARP,
    approximate,
    approximate_on_cube,
    best_heights,
    bumps,
    constructed,
    crossed_bumps,
    error_bound,
    goal,
    limits,
    logit,
    mean_error,
    modulus,
    neuron,
    outputs,
    piecewise_linear,
    polyline,
    score,
    steps,
    sup_error,
    tower,
    towers,
    wobbling,
    wobbly,
)
from netlib.universality.approximation import cells, middles
from tests.gradients import assert_gradient, random_like, weighted_sum

NAN, INF = float("nan"), float("inf")


def s(z):
    """The sigmoid of a plain number, nowhere too large for one."""
    return (1 + math.tanh(z / 2)) / 2


def summed_steps(x, positions, heights, weight, bias=0.0):
    """Steps of the sigmoid on top of each other, at one place."""
    return bias + sum(h * s(weight * (x - p)) for p, h in zip(positions, heights, strict=True))


def made(function, name="made"):
    """An activation that needs no gradient."""

    def write(z, out):
        out[...] = function(namespace(z), z)

    return Activation(name, write, lambda *_: None)


def arctan_like(gain=1.0):
    return made(lambda xp, z: gain * xp.arctan(z))


between_2_and_3 = made(lambda xp, z: 5 * sigmoid(z) - 2)  # its limits are -2 and 3
TAILS = 1e-9  # what a sigmoid still lacks where a test says that it is at its limit
close = {"abs": 1e-9, "rel": 1e-9}


# Single neurons and steps.


@pytest.mark.parametrize(("w", "b"), [(8, -4), (100, -40), (999, -300), (-50, 20), (6, -3)])
def test_a_step_is_in_the_middle_of_its_climb_at_minus_b_over_w(w, b, device):
    net = neuron(w, b, device=device)
    assert outputs(net, -b / w) == pytest.approx(0.5)
    ramp = 2 * math.log(19) / w  # from s(-ln 19) = 0.05 to s(ln 19) = 0.95
    assert outputs(net, [-b / w - ramp / 2, -b / w + ramp / 2]) == pytest.approx([0.05, 0.95])
    x = [-0.5, 0.0, 0.3, 0.41, 1.0]
    assert outputs(net, x).tolist() == pytest.approx([s(w * at + b) for at in x])


def test_a_neuron_of_several_inputs_weighs_each():
    x, y = np.array([0.2, -1.0, 3.0]), np.array([0.5, 2.0, -0.25])
    expected = [math.tanh(2 * p - 3 * q + 0.5) for p, q in zip(x, y, strict=True)]
    assert outputs(neuron((2, -3), 0.5, tanh), x, y).tolist() == pytest.approx(expected)


def test_the_recipes_numbers_are_in_the_network(device):
    net = steps([0.2, 0.4], [0.6, -1.5], weight=1000, bias=0.25, device=device)  # the book: s = 0.2 has b = -200
    assert [to_host(p).tolist() for p in net.params] == [[[1000, 1000]], [-200, -400], [[0.6], [-1.5]], [0.25]]
    assert SHARP == 1000
    assert to_host(steps([0.2], [1], device=device).layers[0].w).tolist() == [[1000]]


def test_two_hidden_neurons_of_the_book():
    net = steps([0.4, 0.6], [0.6, 1.2])
    found = outputs(net, [0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0])
    assert found == pytest.approx([0, 0, 0.3, 0.6, 1.2, 1.8, 1.8], **close)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(-3, 3)), min_size=1, max_size=8, unique_by=lambda pair: pair[0]),
    st.floats(-2, 2),
)
def test_the_plateaus_between_steps_are_sums_of_the_heights_so_far(pairs, bias):
    pairs = sorted(pairs)
    net = steps([p / 40 for p, _ in pairs], [h for _, h in pairs], weight=5000, bias=bias)  # 5000 / 80: s(62)
    between = [(p + 0.5) / 40 for p, _ in pairs]
    heights = itertools.accumulate(h for _, h in pairs)
    assert outputs(net, [-1, *between]).tolist() == pytest.approx([bias, *(bias + h for h in heights)], **close)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1, 2), st.floats(-5, 5)), min_size=1, max_size=6),
    st.floats(0.1, 2000),
    st.floats(-3, 3),
)
def test_steps_are_sums_of_sigmoids(pairs, weight, bias):
    positions, heights = zip(*pairs, strict=True)
    x = [-1, 0, 0.123, 0.5, 0.77, 1, 1.9]
    expected = [summed_steps(at, positions, heights, weight, bias) for at in x]
    net = steps(positions, heights, weight=weight, bias=bias)
    assert outputs(net, x).tolist() == pytest.approx(expected, **close)
    through = steps(positions, heights, weight=weight, bias=bias, output=sigmoid)
    assert outputs(through, x).tolist() == pytest.approx([s(z) for z in expected], **close)


# Bumps.


def test_a_bump_has_its_height_between_its_ends_and_is_zero_outside(device):
    net = bumps([(0.4, 0.6)], [0.8], device=device)
    found = outputs(net, [-3, 0, 0.39, 0.4, 0.41, 0.5, 0.59, 0.6, 0.61, 1, 4])
    tail = 0.8 * s(-10)
    assert found == pytest.approx([0, 0, tail, 0.4, 0.8 - tail, 0.8, 0.8 - tail, 0.4, tail, 0, 0], abs=1e-12)
    assert [to_host(p).tolist() for p in net.params] == [[[1000, 1000]], [-400, -600], [[0.8], [-0.8]], [0]]


def test_bumps_add_up_and_stand_where_they_are_put():
    net = bumps([(0.4, 0.6), (0.7, 0.9)], [-1.2, 0.3])  # the book's
    assert outputs(net, [0.2, 0.5, 0.65, 0.8, 0.95]).tolist() == pytest.approx([0, -1.2, 0, 0.3, 0], **close)
    across = bumps([(0.1, 0.6), (0.4, 0.9)], [1, 2], bias=0.5)
    assert outputs(across, [0.0, 0.2, 0.5, 0.8, 1.0]).tolist() == pytest.approx([0.5, 1.5, 3.5, 2.5, 0.5], **close)


@pytest.mark.parametrize("weight", [50, 300, 1000])
def test_five_bumps_of_the_book(weight):
    heights, ends = [-1.3, -1.8, -0.5, -0.9, 0.3], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    net = bumps(list(itertools.pairwise(ends)), heights, weight=weight)
    assert [layer.n_out for layer in net.layers] == [10, 1]

    def by_hand(x):
        return sum(
            h * (s(weight * (x - a)) - s(weight * (x - b)))
            for h, (a, b) in zip(heights, itertools.pairwise(ends), strict=True)
        )

    x = [i / 200 for i in range(-20, 221)]
    assert outputs(net, x).tolist() == pytest.approx([by_hand(at) for at in x], **close)
    if weight == 1000:
        assert outputs(net, [0.1, 0.3, 0.5, 0.7, 0.9]).tolist() == pytest.approx(heights, **close)
        assert outputs(net, [0.2, 0.4, 1.0]).tolist() == pytest.approx([-1.55, -1.15, 0.15], **close)


# Other activations.


def wobble(z, amplitude=0.2):
    return s(z) + amplitude * math.sin(10 * z) * math.exp(-abs(z))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-13)])
def test_wobbly_is_the_books_second_activation(xp, dtype, tolerance):
    z = [-800.0, -30.0, -3.0, -1.25, -0.1, 0.0, 0.2, 0.7, 3.0, 12.5, 800.0]
    with np.errstate(under="ignore"):
        a = wobbly(xp.asarray(z, dtype))
    assert a.dtype == dtype
    assert to_host(a).tolist() == pytest.approx([wobble(at) for at in z], abs=tolerance)


def test_the_gradient_of_wobbly_is_central_differences(xp):
    z, da = random_like(xp, (4, 5), 1), random_like(xp, (4, 5), 2)
    computed = wobbly.backward(z, wobbly(z), da)
    assert_gradient(computed, lambda: weighted_sum(wobbly(z), da), z)
    into = da.copy()
    wobbly.backward(z, wobbly(z), into, out=into)
    np.testing.assert_array_equal(to_host(into), to_host(computed))


@pytest.mark.parametrize("amplitude", [0.0, 0.05, 1.5, -0.3])
def test_activations_may_wobble_more_or_less(amplitude, xp):
    z, da = random_like(xp, (3, 4), 3), random_like(xp, (3, 4), 4)
    activation = wobbling(amplitude)
    expected = [wobble(at, amplitude) for at in to_host(z).ravel().tolist()]
    assert to_host(activation(z)).ravel().tolist() == pytest.approx(expected)
    assert_gradient(activation.backward(z, activation(z), da), lambda: weighted_sum(activation(z), da), z)
    assert limits(activation) == (0, 1)
    assert str(activation) == f"wobbling({amplitude:g})"


def test_a_network_with_wobbly_units_can_learn(device):
    layers = [FullyConnectedLayer(3, 4, wobbly), FullyConnectedLayer(4, 2, linear, cost="quadratic")]
    net = Network(layers, 5, device=device, dtype="float64")
    x, y = np.random.default_rng(0).standard_normal((5, 3)), np.arange(5) % 2
    for gradient, parameter in zip(net.gradients((x, y)), net.params, strict=True):
        assert_gradient(gradient, lambda: net.cost((x, y)), parameter)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (sigmoid, (0, 1)),
        (tanh, (-1, 1)),
        (wobbly, (0, 1)),
        (between_2_and_3, (-2, 3)),
        (made(lambda xp, z: -xp.tanh(z)), (1, -1)),
        (arctan_like(), (-math.pi / 2, math.pi / 2)),
        (arctan_like(100.0), (-50 * math.pi, 50 * math.pi)),  # the same, measured in other units
        (arctan_like(1e-6), (-math.pi / 2e6, math.pi / 2e6)),
        (made(lambda xp, z: z / (1 + abs(z)) + 7), (6, 8)),
        (made(lambda xp, z: (z > 0) * 2.0), (0, 2)),
    ],
)
def test_limits(activation, expected):
    assert limits(activation) == pytest.approx(expected, rel=1e-9, abs=1e-11)
    assert {type(limit) for limit in limits(activation)} == {float}


UNLIMITED = {
    "ReLU": ReLU,
    "linear": linear,
    "softmax": softmax,
    "sine": made(lambda xp, z: xp.sin(z)),
    "logarithm": made(lambda xp, z: xp.sign(z) * xp.log1p(abs(z))),
    "bump": made(lambda xp, z: 1 / (1 + z * z)),
    "slow bump": made(lambda xp, z: 1 / (1 + abs(z))),
    "constant": made(lambda xp, z: 0 * z + 1),
    "nan": made(lambda xp, z: NAN * z),
    "inf": made(lambda xp, z: xp.where(z > 0, INF, 0)),
    "-inf": made(lambda xp, z: xp.where(z > 0, 0, -INF)),
    "inf on both sides": made(lambda xp, z: 0 * z + INF),
    "only on the left": made(lambda xp, z: xp.where(z > 0, 1, z)),
    "only on the right": made(lambda xp, z: xp.where(z > 0, z, 1)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("activation", UNLIMITED.values(), ids=UNLIMITED)
def test_without_two_different_limits_there_are_no_steps(activation):
    message = rf"^activation_fn: expected two different finite limits; far to the left, {activation} is .*, far to the"
    for make in (limits, lambda activation: steps([0.5], [1], activation_fn=activation)):
        with pytest.raises(ValueError, match=message):
            make(activation)
    with pytest.raises(ValueError, match=message):
        approximate(goal, 3, activation_fn=activation)


def test_the_message_says_what_the_activation_is_far_away():
    with pytest.raises(ValueError, match=r"far to the left, ReLU is 0, far to the right 1e\+12$"):
        limits(ReLU)


@pytest.mark.parametrize("output", [linear, sigmoid])
def test_steps_of_an_activation_with_other_limits_are_as_high(output, device):
    positions, heights, x = [0.2, 0.5, 0.7], [0.6, -1.5, 2.0], [i / 20 - 0.5 for i in range(41)]
    options = {"weight": 40, "bias": 0.3, "output": output, "device": device}
    end = s if output is sigmoid else float
    found = outputs(steps(positions, heights, activation_fn=between_2_and_3, **options), x)
    expected = [end(summed_steps(at, positions, heights, 40, 0.3)) for at in x]
    assert found.tolist() == pytest.approx(expected, **close)
    found = outputs(steps(positions, heights, activation_fn=tanh, **options), x)  # (1 + tanh z)/2 is s(2z)
    assert found.tolist() == pytest.approx([end(summed_steps(at, positions, heights, 80, 0.3)) for at in x], **close)


def test_a_wobbly_step_is_a_step():
    net = steps([0.5], [2.0], weight=100, activation_fn=wobbly)
    x = [0.0, 0.3, 0.48, 0.5, 0.517, 0.8, 1.0]
    assert outputs(net, x).tolist() == pytest.approx([2 * wobble(100 * (at - 0.5)) for at in x], **close)
    bump = bumps([(0.3, 0.6)], [1.5], activation_fn=wobbly)
    assert outputs(bump, [0.1, 0.45, 0.9]).tolist() == pytest.approx([0, 1.5, 0], **close)


# The book's function and its score.


def f(x):
    return 0.2 + 0.4 * x * x + 0.3 * x * math.sin(15 * x) + 0.05 * math.cos(50 * x)


def logit_f(x):
    return math.log(f(x) / (1 - f(x)))


GRID = [j / 100 for j in range(100)]


def test_the_goal_is_the_books_function():
    x = [*GRID, 1.0]
    assert goal(x).tolist() == pytest.approx([f(at) for at in x], rel=1e-14)
    assert goal(0) == pytest.approx(0.25)
    assert round(float(goal(1)), 3) == 0.843
    assert [round(float(end), 3) for end in (goal(x).min(), goal(x).max())] == [0.097, 0.853]
    assert [round(end, 3) for end in (min(map(logit_f, x)), max(map(logit_f, x)))] == [-2.234, 1.757]


def test_logit_is_the_inverse_of_the_sigmoid():
    for z in (-30.0, -2.0, 0.0, 0.5, 7.0):
        assert float(logit(s(z))) == pytest.approx(z, rel=1e-3 if z < -20 else 1e-12)
    assert logit([0.5, 0.9]).tolist() == pytest.approx([0, math.log(9)])
    assert float(logit(1e-300)) == pytest.approx(-300 * math.log(10))
    assert logit([]).shape == (0,)


@pytest.mark.parametrize("bad", [0, 1, -0.1, [0.5, 1.2], NAN])
def test_logit_refuses_what_is_not_between_0_and_1(bad):
    with pytest.raises(ValueError, match=r"^y: expected numbers between 0 and 1; got "):
        logit(bad)


def score_by_hand(heights, function=logit_f):
    return sum(abs(function(x) - heights[j * len(heights) // 100]) for j, x in enumerate(GRID)) / 100


@pytest.mark.parametrize(("n", "lowest"), [(5, 0.372), (10, 0.273), (20, 0.124), (50, 0.054)])
def test_the_lowest_scores(n, lowest):
    def target(x):
        return logit(goal(x))

    best = best_heights(target, n)
    width = 100 // n
    medians = [statistics.median(map(logit_f, GRID[i * width : (i + 1) * width])) for i in range(n)]
    assert best.tolist() == pytest.approx(medians)
    assert score(best, target) == pytest.approx(score_by_hand(medians))
    assert round(score(best, target), 3) == lowest
    if n == 5:
        assert [round(h, 3) for h in medians] == [-1.243, -1.423, -0.341, -0.983, 1.143]
    draws = np.random.default_rng(n)
    for size in (0.001, 0.03, 0.5):
        for _ in range(20):
            other = best + size * draws.standard_normal(n)
            assert score(other, target) == pytest.approx(score_by_hand(other))
            assert score(other, target) >= score(best, target) - 1e-12  # any number in the middle of a bin ties


def test_no_height_of_a_fine_grid_scores_lower():
    def target(x):
        return logit(goal(x))

    best = best_heights(target, 5)
    for i in range(5):
        for h in np.arange(-2.5, 2.5, 0.01):
            assert score([*best[:i], h, *best[i + 1 :]], target) >= score(best, target) - 1e-12


@pytest.mark.parametrize("n", [1, 3, 7, 99, 100])
def test_the_score_puts_each_point_in_its_bin(n):
    heights = [math.sin(i) for i in range(n)]
    assert score(heights, goal) == pytest.approx(score_by_hand(heights, f))
    sets = [[f(x) for j, x in enumerate(GRID) if j * n // 100 == i] for i in range(n)]
    assert best_heights(goal, n).tolist() == pytest.approx(list(map(statistics.median, sets)))


@pytest.mark.parametrize("n", [0, 101])
def test_the_score_takes_from_1_to_100_bumps(n):
    message = f"^heights: expected 1 to 100 bumps; got {n}$"
    with pytest.raises(ValueError, match=message):
        best_heights(goal, n)
    with pytest.raises(ValueError, match=message):
        score([0.0] * n, goal)


# Errors.


def test_errors_of_functions_that_are_known():
    assert sup_error(lambda x: x, lambda x: 0 * x) == 1
    assert mean_error(lambda x: x, lambda x: 0 * x) == pytest.approx(0.5)
    assert sup_error(lambda x: x, lambda x: x**2) == pytest.approx(1 / 4)
    assert mean_error(lambda x: x**2, lambda x: x, points=5) == pytest.approx((3 / 16 + 4 / 16 + 3 / 16) / 5)
    assert mean_error(lambda x: x, lambda x: 1 - x) == pytest.approx(0.5, abs=1e-4)
    assert sup_error(lambda x: x - 2, lambda x: 3 * x, points=2) == 4


def rough(x):
    return np.sin(40 * x) * np.exp(-x) + abs(x - 0.3)


@pytest.mark.parametrize("twentieths", range(0, 41, 5))
def test_the_modulus_of_continuity_is_that_of_a_double_loop(twentieths):
    width = Fraction(twentieths, 40)
    apart = math.ceil(width * 50)  # of 51 points
    y = [float(rough(i / 50)) for i in range(51)]
    expected = max(abs(y[i] - y[j]) for i in range(51) for j in range(51) if abs(i - j) <= apart)
    assert modulus(rough, float(width), points=51) == pytest.approx(expected)


def test_moduli_of_functions_that_are_known():
    for width in (0, 0.01, 0.2, 0.5, 1):
        assert modulus(lambda x: 3 - 2 * x, width) == pytest.approx(2 * width)
        assert modulus(lambda x: x**2, width) == pytest.approx(1 - (1 - width) ** 2)
        assert modulus(np.sqrt, width) == pytest.approx(math.sqrt(width))
        assert modulus(lambda x: 0 * x + 5, width) == 0
    assert modulus(lambda x: x, 1 / 3) == pytest.approx(0.3334)  # rounded up to its 10,000 parts
    assert modulus(lambda x: x, 0.07) == pytest.approx(0.07)  # and not because 0.07 is no binary number


@pytest.mark.parametrize("width", [-0.1, 1.1, NAN])
def test_a_modulus_is_of_a_width_in_the_interval(width):
    with pytest.raises(ValueError, match=rf"^width: expected a number from 0 to 1; got {width}$"):
        modulus(goal, width)


@pytest.mark.parametrize("n", [1, 4, 10, 50])
@pytest.mark.parametrize("weight", [1, 30, 1000])
def test_the_error_bound_has_three_terms(n, weight):
    others, missing = 2 * math.exp(-weight / (2 * n)), 2 * math.exp(-weight / n)
    expected = 3 / n + others * 3 + missing * 5  # 2 - 3x goes down from 2 to -1, and 5 - 3x from 5 to 2
    assert error_bound(lambda x: 5 - 3 * x, n, weight) == pytest.approx(expected)
    assert error_bound(lambda x: 2 - 3 * x, n, weight) == pytest.approx(expected - missing * 3)
    assert error_bound(lambda x: 3 * x - 4, n, weight) == pytest.approx(expected - missing * 1)


# Any function from bumps.


def edges_by_hand(n, shift):
    inside = [(k + shift) / Fraction(n) for k in range(n + 1)]
    return [Fraction(-1, n), *(e for e in inside if 0 < e < 1), 1 + Fraction(1, n)]


def middles_by_hand(edges):
    clipped = [min(max(e, 0), 1) for e in edges]
    return [(a + b) / 2 for a, b in itertools.pairwise(clipped)]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 49])
@pytest.mark.parametrize("shift", [0, Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(9, 10)])
def test_cells_and_their_middles(n, shift):
    edges = edges_by_hand(n, shift)
    found = cells(n, float(shift))
    assert found.tolist() == pytest.approx(list(map(float, edges)))
    assert len(found) == n + 1 + (shift > 0)
    assert middles(found).tolist() == pytest.approx(list(map(float, middles_by_hand(edges))))


def test_cells_of_an_example():
    assert cells(4).tolist() == [-0.25, 0.25, 0.5, 0.75, 1.25]
    assert middles(cells(4)).tolist() == [0.125, 0.375, 0.625, 0.875]
    assert cells(2, 0.5).tolist() == [-0.5, 0.25, 0.75, 1.5]
    assert middles(cells(2, 0.5)).tolist() == [0.125, 0.5, 0.875]


def bumps_by_hand(function, n, weight, copies, x):
    """The average of `copies` rows of bumps, each as high as the function is in its middle."""
    total = 0.0
    for copy in range(copies):
        edges = edges_by_hand(n, Fraction(copy, copies))
        for middle, (a, b) in zip(middles_by_hand(edges), itertools.pairwise(edges), strict=True):
            total += function(float(middle)) * (s(weight * (x - float(a))) - s(weight * (x - float(b))))
    return total / copies


@pytest.mark.parametrize(("n", "weight", "copies"), [(1, 5, 1), (5, 1000, 1), (5, 40, 2), (8, 200, 3), (3, 30, 5)])
def test_an_approximation_is_the_average_of_rows_of_bumps(n, weight, copies, device):
    x = [i / 50 for i in range(51)]
    found = approximate(goal, n, weight=weight, copies=copies, device=device)
    assert found(x).tolist() == pytest.approx([bumps_by_hand(f, n, weight, copies, at) for at in x], **close)
    bumps_in_all = n + (copies - 1) * (n + 1)
    assert [layer.n_out for layer in found.network.layers] == [2 * bumps_in_all, 1]
    assert (found.low, found.high) == (0, 1)


@pytest.mark.parametrize(("margin", "copies"), [(0.1, 1), (0.02, 3), (0.4, 2)])
def test_through_a_sigmoid_the_logit_is_approximated(margin, copies, device):
    n, weight, x = 6, 150, [i / 40 for i in range(41)]

    def g(at):  # 3 - 5x goes from 3 down to -2, and g from 1 - margin down to margin
        return margin + (1 - 2 * margin) * (1 - at)

    found = approximate(
        lambda x: 3 - 5 * x, n, weight=weight, copies=copies, output=sigmoid, margin=margin, device=device
    )
    expected = [s(bumps_by_hand(lambda at: math.log(g(at) / (1 - g(at))), n, weight, copies, at)) for at in x]
    assert outputs(found.network, x).tolist() == pytest.approx(expected, **close)
    beyond = 5 * margin / (1 - 2 * margin)
    assert (found.low, found.high) == pytest.approx((-2 - beyond, 3 + beyond))
    back = [found.low + (found.high - found.low) * y for y in expected]
    assert found(x).tolist() == pytest.approx(back, **close)


def test_a_span_is_kept_and_a_margin_of_a_tenth_is_usual():
    found = approximate(lambda x: x, 4, output=sigmoid, span=(-1, 3))
    assert (found.low, found.high) == (-1, 3)
    assert found(0.625) == pytest.approx(0.625)
    assert outputs(found.network, 0.625) == pytest.approx(1.625 / 4)
    usual = approximate(lambda x: x, 4, output=sigmoid)
    assert (usual.low, usual.high) == pytest.approx((-1 / 8, 9 / 8))
    assert outputs(usual.network, [0.125, 0.875]) == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize("output", [linear, sigmoid])
@pytest.mark.parametrize("value", [-3.5, 0.0, 20.0])
def test_a_constant_is_itself(output, value):
    found = approximate(lambda x: 0 * x + value, 5, output=output)
    assert found([0, 0.1, 0.2, 0.55, 1]).tolist() == pytest.approx([value] * 5, **close)
    if output is sigmoid:
        assert (found.low, found.high) == (value - 0.5, value + 0.5)


def test_another_activation_does_as_well():
    x = np.linspace(0, 1, 101)
    for copies in (1, 2):
        expected = [bumps_by_hand(f, 7, 120, copies, float(at)) for at in x]
        for activation, weight in ((tanh, 60), (between_2_and_3, 120)):
            found = approximate(goal, 7, weight=weight, copies=copies, activation_fn=activation)
            assert found(x).tolist() == pytest.approx(expected, **close)


@dataclass
class Known:
    """A function, the most that it can climb by over a distance of 1, and a number that it stays below."""

    function: object
    slope: float
    largest: float

    def bound(self, n, weight):
        """The error of n bumps: at most its modulus of continuity at 1/n, and what finite weights do."""
        others, missing = 2 * math.exp(-weight / (2 * n)), 2 * math.exp(-weight / n)
        return self.slope / n + others * min(self.slope, 2 * self.largest) + missing * self.largest + 1e-9


def polynomial(coefficients):
    return Known(
        lambda x: sum(c * x**k for k, c in enumerate(coefficients)) + 0 * x,
        sum(k * abs(c) for k, c in enumerate(coefficients)),
        sum(map(abs, coefficients)),
    )


def sum_of_sines(terms):
    return Known(
        lambda x: sum(a * np.sin(k * x + phase) for a, k, phase in terms),
        sum(abs(a * k) for a, k, _ in terms),
        sum(abs(a) for a, _, _ in terms),
    )


def absolute_values(terms):
    return Known(
        lambda x: sum(a * abs(x - kink) for a, kink in terms),
        sum(abs(a) for a, _ in terms),
        sum(abs(a) for a, _ in terms),
    )


number = st.floats(-3, 3)
functions = st.one_of(
    st.builds(polynomial, st.lists(number, min_size=1, max_size=6)),
    st.builds(sum_of_sines, st.lists(st.tuples(number, st.floats(0, 40), st.floats(0, 6)), min_size=1, max_size=3)),
    st.builds(absolute_values, st.lists(st.tuples(number, st.floats(0, 1)), min_size=1, max_size=4)),
)
PLACES = np.linspace(0, 1, 501)
anything = settings(max_examples=40, deadline=None)


def largest_error(known, found):
    return float(abs(known.function(PLACES) - found(PLACES)).max())


@anything
@given(functions, st.integers(1, 30), st.floats(0.5, 3000), st.integers(1, 4))
def test_the_error_is_within_its_bound(known, n, weight, copies):
    found = approximate(known.function, n, weight=weight, copies=copies)
    error = largest_error(known, found)
    assert error <= known.bound(n, weight)
    between_places = known.slope / 10_000 + 1e-9  # the modulus is measured at so many
    assert error <= error_bound(known.function, n, weight) + between_places
    assert error_bound(known.function, n, weight) <= known.bound(n, weight) + between_places


@anything
@given(functions, st.integers(1, 20), st.floats(0.5, 1000), st.integers(1, 3))
def test_through_a_sigmoid_the_error_is_a_quarter_of_that_in_the_logit(known, n, weight, copies):
    reach = known.largest + 1
    found = approximate(known.function, n, weight=weight, copies=copies, output=sigmoid, span=(-reach, reach))
    d = 1 / (2 * reach)  # g stays this far away from 0 and from 1, where the logit's slope is 1 / g(1 - g)
    logits = Known(None, known.slope / (2 * reach) / (d * (1 - d)), math.log((1 - d) / d))
    assert largest_error(known, found) <= 2 * reach / 4 * logits.bound(n, weight)


@anything
@given(functions, st.integers(1, 30), st.floats(0.5, 1000), st.sampled_from([tanh, between_2_and_3]))
def test_with_other_activations_the_error_is_within_its_bound(known, n, weight, activation):
    found = approximate(known.function, n, weight=weight, activation_fn=activation)
    assert largest_error(known, found) <= known.bound(n, 2 * weight if activation is tanh else weight)


@pytest.mark.parametrize("copies", [1, 2, 5, 10])
def test_copies_make_the_stairs_of_a_line_as_much_lower(copies):
    n, x = 10, 0.1 + (np.arange(8000) + 0.5) / 10_000  # a cell's width from the ends, where the outermost cells are cut
    found = approximate(lambda x: x, n, weight=1e7, copies=copies)
    assert abs(found(x) - x).max() == pytest.approx(1 / (2 * n * copies), rel=0.03)


def test_copies_mend_the_windows_of_failure():
    def hidden(copies):  # the error in the middle of two bumps' common edge, where their heights differ by 1
        found = approximate(lambda x: np.clip(20 * (x - 0.475), 0, 1), 2, weight=500, copies=copies)
        return abs(found(0.51) - 1)

    assert hidden(1) == pytest.approx(1 - (0 * s(-5) + 1 * s(5)), rel=1e-6)
    errors = [sup_error(goal, approximate(goal, 20, weight=600, copies=copies)) for copies in (1, 2, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 2


def test_more_bumps_are_closer():
    errors = [sup_error(goal, approximate(goal, n, weight=1e4)) for n in (5, 20, 80)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


BAD_VALUES = {
    "a number": (lambda x: 1.0, r"f: expected \(1001,\) numbers, one for each input; got \(\)"),
    "too few": (lambda x: x[1:], r"f: expected \(1001,\) numbers, one for each input; got \(1000,\)"),
    "nan": (lambda x: np.where(x == 0.25, NAN, x), r"f: expected finite numbers; got nan at 0.25"),
    "inf": (lambda x: np.where(x > 0.75, INF, x), r"f: expected finite numbers; got inf at 0.751"),
}


@pytest.mark.parametrize(("function", "message"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_bad_values_are_refused_with_their_place(function, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        approximate(function, 5, output=sigmoid)
    with pytest.raises(ValueError, match=r"^f: expected "):
        approximate(function, 10)
    for call in (
        lambda: piecewise_linear(function, 4),
        lambda: approximate_on_cube(lambda x, y: function(x), 10),
        lambda: sup_error(function, goal),
        lambda: mean_error(goal, function),
        lambda: modulus(function, 0.5),
        lambda: error_bound(function, 3, 100),
        lambda: score([0.1], function),
        lambda: best_heights(function, 2),
    ):
        with pytest.raises(ValueError, match=r"^f: expected "):
            call()


def test_the_place_of_a_bad_value_has_all_its_coordinates():
    with pytest.raises(ValueError, match=r"^f: expected finite numbers; got nan at 0\.25, 0\.75$"):
        approximate_on_cube(lambda x, y: np.where(x < y, NAN, 1.0), 2)


# Straight pieces.


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 2), st.floats(-5, 5)), min_size=2, max_size=9), st.floats(-3, 3))
def test_a_polyline_goes_through_its_points_and_straight_between(pairs, start):
    x = [start + at for at in itertools.accumulate(gap for gap, _ in pairs)]
    y = [height for _, height in pairs]
    net = polyline(x, y)
    assert [layer.n_out for layer in net.layers] == [len(x) - 1, 1]
    assert net.layers[0].activation_fn is ReLU
    tolerance = {"abs": 1e-7}  # steep lines cancel
    assert outputs(net, x).tolist() == pytest.approx(y, **tolerance)
    for part in (0.25, 0.5, 0.9):
        between = [a + part * (b - a) for a, b in itertools.pairwise(x)]
        heights = [a + part * (b - a) for a, b in itertools.pairwise(y)]
        assert outputs(net, between).tolist() == pytest.approx(heights, **tolerance)
    assert outputs(net, [x[0] - 3, x[0] - 0.1]).tolist() == pytest.approx([y[0]] * 2)
    last_slope = (y[-1] - y[-2]) / (x[-1] - x[-2])
    assert outputs(net, x[-1] + 2) == pytest.approx(y[-1] + 2 * last_slope, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y"), [([0], [1]), ([0, 1], [1]), ([[0, 1]], [[0, 1]]), (3, 4), ([], []), ([0, 1], [[1], [2]])]
)
def test_a_polyline_needs_two_rows_of_numbers(x, y):
    with pytest.raises(ValueError, match=r"^x, y: expected two rows of at least two numbers; got \(.*\) and \("):
        polyline(x, y)


@pytest.mark.parametrize("x", [[0, 0], [1, 0], [0, 1, 0.5], [0, NAN, 1]])
def test_a_polyline_goes_from_left_to_right(x):
    with pytest.raises(ValueError, match=r"^x: expected numbers that grow$"):
        polyline(x, [0.0] * len(x))


CURVES = {  # with the largest second derivative
    "parabola": (lambda x: x**2, 2),
    "sine": (lambda x: np.sin(9 * x), 81),
    "exponential": (lambda x: np.exp(-3 * x), 9),
    "cubic": (lambda x: x**3 - x, 6),
}


@pytest.mark.parametrize("n", [1, 3, 8, 40])
@pytest.mark.parametrize(("function", "bent"), CURVES.values(), ids=CURVES)
def test_straight_pieces_are_as_near_as_theory_says(function, bent, n, device):
    found = piecewise_linear(function, n, device=device)
    knots = np.arange(n + 1) / n
    assert found(knots).tolist() == pytest.approx(function(knots).tolist(), **close)
    error = abs(found(PLACES) - function(PLACES)).max()
    assert error <= bent / (8 * n**2) + 1e-12
    assert found.network.layers[0].n_out == n


def test_of_a_parabola_the_straight_pieces_are_as_far_as_they_may_be():
    x = (np.arange(8) + 0.5) / 8
    assert piecewise_linear(lambda x: x**2, 8)(x) - x**2 == pytest.approx(2 / (8 * 64))


@anything
@given(functions, st.integers(1, 30))
def test_straight_pieces_are_nearer_than_the_modulus_of_continuity(known, n):
    error = largest_error(known, piecewise_linear(known.function, n))
    assert error <= known.slope / n + 1e-9
    assert error <= modulus(known.function, 1 / n) + known.slope / 10_000 + 1e-9


# Towers.


def bump_along(x, interval, weight):
    return s(weight * (x - interval[0])) - s(weight * (x - interval[1]))


def crossed_by_hand(point, box, height, bias, weight):
    pairs = zip(point, box, strict=True)
    return bias + height * sum(bump_along(x, side, weight) for x, side in pairs if side is not None)


def tower_by_hand(point, box, height, weight):
    m = sum(side is not None for side in box)
    return s(crossed_by_hand(point, box, height, (0.5 - m) * height, weight))


def test_crossed_bumps_of_the_book(device):
    net = crossed_bumps([(0.4, 0.6), (0.3, 0.7)], 0.3, device=device)
    x, y = [0.5, 0.5, 0.1, 0.1, 0.4, 0.4], [0.5, 0.9, 0.5, 0.9, 0.5, 0.3]
    assert outputs(net, x, y).tolist() == pytest.approx([0.6, 0.3, 0.3, 0, 0.45, 0.3], **close)
    assert [(layer.n_in, layer.n_out) for layer in net.layers] == [(2, 4), (4, 1)]
    one = crossed_bumps([(0.3, 0.7), None], 0.6, device=device)  # a bump along x, the same for every y
    assert outputs(one, [0.5, 0.5, 0.2, 0.3], [0, 1, 0.5, 0.9]).tolist() == pytest.approx([0.6, 0.6, 0, 0.3], **close)
    other = crossed_bumps([None, (0.3, 0.7)], 0.6, bias=-0.1, device=device)
    assert outputs(other, [0.5, 0.5], [0.1, 0.5]).tolist() == pytest.approx([-0.1, 0.5], **close)


BOXES = {
    "one input": [(0.2, 0.7)],
    "two": [(0.4, 0.6), (0.3, 0.7)],
    "three": [(0.1, 0.4), (0.5, 0.9), (-0.2, 0.3)],
    "one of two": [None, (0.3, 0.7)],
    "two of three": [(0.4, 0.6), None, (0.3, 0.5)],
    "two of four": [None, (0.4, 0.6), None, (0.3, 0.5)],
}
boxes = pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)


@boxes
@pytest.mark.parametrize(("height", "weight"), [(20.0, 1000.0), (10, 30), (0.3, 8)])
def test_towers_are_sigmoids_of_sums_of_bumps(box, height, weight, device):
    points = np.random.default_rng(len(box)).uniform(-0.5, 1.5, (60, len(box)))
    found = outputs(tower(box, height, weight=weight, device=device), *points.T)
    expected = [tower_by_hand(point, box, height, weight) for point in points.tolist()]
    assert found.tolist() == pytest.approx(expected, **close)
    options = {"bias": -0.7, "weight": weight, "device": device}
    for output, last in ((linear, float), (sigmoid, s)):
        found = outputs(crossed_bumps(box, height, output=output, **options), *points.T)
        expected = [last(crossed_by_hand(point, box, height, -0.7, weight)) for point in points.tolist()]
        assert found.tolist() == pytest.approx(expected, **close)


@boxes
@pytest.mark.parametrize("height", [4.0, 20.0])
def test_a_tower_is_high_inside_low_outside_and_half_as_high_at_an_edge(box, height):
    net = tower(box, height)
    sides = [side or (0.0, 1.0) for side in box]
    standing = [axis for axis, side in enumerate(box) if side is not None]
    middle = [(a + b) / 2 for a, b in sides]

    def at(**changed):
        point = list(middle)
        for axis, x in changed.items():
            point[int(axis[1:])] = x
        return float(outputs(net, *point))

    assert at() == pytest.approx(s(height / 2), abs=1e-9)
    for axis in range(len(box)):
        start, end = sides[axis]
        away, edge = at(**{f"x{axis}": end + 0.2}), at(**{f"x{axis}": start})
        assert away == pytest.approx(s(-height / 2) if axis in standing else s(height / 2), abs=1e-9)
        assert edge == pytest.approx(0.5 if axis in standing else s(height / 2), abs=1e-9)
    if len(standing) > 1:
        one, other = standing[:2]
        corner = at(**{f"x{one}": sides[one][0], f"x{other}": sides[other][1]})
        assert corner == pytest.approx(s(-height / 2), abs=1e-9)


@pytest.mark.parametrize(("m", "bias"), [(1, -5.0), (2, -15.0), (3, -25.0), (4, -35.0)])
def test_a_towers_threshold_is_that_of_the_book(m, bias):
    assert tower([(0.2, 0.6)] * m, 10).layers[1].b.tolist() == [bias]  # -3h/2 and -5h/2, or (1/2 - m) h
    assert tower([(0.2, 0.6)] * m + [None], 10).layers[1].b.tolist() == [bias]


def test_a_tower_is_20_high_before_its_sigmoid():
    assert outputs(tower([(0.2, 0.6), (0.2, 0.6)]), 0.4, 0.4) == pytest.approx(s(10))


def test_the_two_towers(device):
    stand = [[(0.1, 0.2), (0.8, 0.9)], [(0.7, 0.8), (0.2, 0.3)]]
    net = towers(stand, [0.7, 0.5], device=device)
    assert [(layer.n_in, layer.n_out) for layer in net.layers] == [(2, 8), (8, 2), (2, 1)]
    x, y = [0.15, 0.75, 0.15, 0.75, 0.5, 0.1, 0.8], [0.85, 0.25, 0.25, 0.85, 0.5, 0.85, 0.3]
    assert outputs(net, x, y).tolist() == pytest.approx([0.7, 0.5, 0, 0, 0, 0.35, 0], abs=1e-4)
    for steepness, weight in ((20.0, 1000.0), (10.0, 60.0)):
        net = towers(stand, [0.7, 0.5], steepness=steepness, weight=weight, device=device)
        expected = [
            sum(h * tower_by_hand(point, box, steepness, weight) for box, h in zip(stand, (0.7, 0.5), strict=True))
            for point in zip(x, y, strict=True)
        ]
        assert outputs(net, x, y).tolist() == pytest.approx(expected, **close)


def test_towers_may_stand_on_different_axes():
    stand = [[(0.1, 0.5), None, (0.2, 0.6)], [None, (0.3, 0.4), None]]
    net = towers(stand, [2.0, -1.0], weight=50)
    points = np.random.default_rng(0).uniform(0, 1, (40, 3))
    expected = [2 * tower_by_hand(p, stand[0], 20, 50) - tower_by_hand(p, stand[1], 20, 50) for p in points.tolist()]
    assert outputs(net, *points.T).tolist() == pytest.approx(expected, **close)
    assert [layer.n_out for layer in net.layers] == [6, 2, 1]
    assert net.layers[1].b.tolist() == [-30, -10]


# Any function of several inputs.


def on_cube_by_hand(function, n, m, weight, steepness, copies, point):
    total = 0.0
    for copy in range(copies):
        edges = edges_by_hand(n, Fraction(copy, copies))
        sides = list(zip(middles_by_hand(edges), itertools.pairwise(edges), strict=True))
        for chosen in itertools.product(sides, repeat=m):
            box = [(float(a), float(b)) for _, (a, b) in chosen]
            height = function(*(float(middle) for middle, _ in chosen))
            total += height * tower_by_hand(point, box, steepness, weight)
    return total / copies


def slanted(*coordinates):
    """Different along each axis, so that none may be taken for another."""
    return sum((2 + axis) * x ** (axis + 1) for axis, x in enumerate(coordinates)) - 1


@pytest.mark.parametrize(("n", "m", "copies"), [(1, 1, 1), (4, 1, 3), (3, 2, 1), (3, 2, 2), (1, 2, 3), (2, 3, 2)])
def test_on_a_cube_an_approximation_is_the_average_of_towers(n, m, copies, device):
    points = np.random.default_rng(m).uniform(0, 1, (25, m))
    for weight, steepness in ((1000.0, 20.0), (25.0, 7.0)):
        found = approximate_on_cube(slanted, n, m, weight=weight, steepness=steepness, copies=copies, device=device)
        expected = [on_cube_by_hand(slanted, n, m, weight, steepness, copies, p) for p in points.tolist()]
        assert found(*points.T).tolist() == pytest.approx(expected, **close)
    assert (found.low, found.high) == (0, 1)
    shifted = copies - 1  # which have one cell more along each axis
    hidden = m * (n + 1 + shifted * (n + 2)), n**m + shifted * (n + 1) ** m
    assert [layer.n_out for layer in found.network.layers] == [*hidden, 1]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (6, 1), (5, 2), (3, 3)])
def test_away_from_edges_it_is_the_function_in_the_middle_of_the_cell(n, m):
    found = approximate_on_cube(slanted, n, m)
    assert [layer.n_out for layer in found.network.layers] == [m * (n + 1), n**m, 1]
    centres = [[(i + 0.5) / n for i in place] for place in itertools.product(range(n), repeat=m)]
    heights = [slanted(*centre) for centre in centres]
    tails = s(-10) * sum(map(abs, heights)) + TAILS  # each tower lacks s(-10) in its cell, or has it elsewhere
    aside = 0.4 / n if n > 1 else 0.3
    for shift in (0, -aside, aside):
        points = np.asarray(centres) + shift
        assert found(*points.T).tolist() == pytest.approx(heights, abs=tails)


def test_two_inputs_are_usual_and_the_books_many_towers_stand():
    def many(x, y):  # the book's (i^2 + j^2) / 50
        return (np.floor(4.999 * x) ** 2 + np.floor(4.999 * y) ** 2) / 50

    found = approximate_on_cube(many, 5)
    assert found.network.n_in == 2
    for i, j in itertools.product(range(5), repeat=2):
        assert found((i + 0.5) / 5, (j + 0.5) / 5) == pytest.approx((i * i + j * j) / 50, abs=1e-3)


def wave(x, y):
    return 1 + np.sin(3 * x) * np.cos(2 * y)


def test_where_four_towers_meet_there_is_none_and_copies_make_up_for_it():
    corner = (0.4, 0.6)  # of cells a fifth wide
    alone = approximate_on_cube(lambda x, y: 0 * x + 1, 5)
    assert alone(*corner) == pytest.approx(4 * s(-10), abs=1e-3)
    assert alone(0.4, 0.5) == pytest.approx(1, abs=2e-3)  # two towers half as high on an edge
    for copies in (2, 5):
        found = approximate_on_cube(lambda x, y: 0 * x + 1, 5, copies=copies)
        assert found(*corner) == pytest.approx(1 - 1 / copies, abs=2e-3)


def test_copies_lower_the_errors_on_a_square():
    x, y = np.meshgrid(np.linspace(0, 1, 61), np.linspace(0, 1, 61))
    errors = [abs(approximate_on_cube(wave, 4, weight=300, copies=copies)(x, y) - wave(x, y)) for copies in (1, 2, 4)]
    means, worst = [error.mean() for error in errors], [error.max() for error in errors]
    assert means[0] > 1.5 * means[1] > 2 * means[2]
    assert worst == sorted(worst, reverse=True)
    assert worst[0] > wave(0, 0) / 2 > worst[2]


# What a network says.


def test_outputs_have_the_coordinates_common_shape(device):
    net = neuron((1, 10), 0, linear, device=device)
    assert outputs(net, 1, 2) == 21
    assert outputs(net, 1, 2).shape == ()
    assert outputs(net, [1, 2], 3).tolist() == [31, 32]
    x, y = np.meshgrid(np.arange(3), np.arange(2))
    assert outputs(net, x, y).tolist() == [[0, 1, 2], [10, 11, 12]]
    assert outputs(net, np.arange(3), np.arange(2)[:, None]).tolist() == [[0, 1, 2], [10, 11, 12]]
    assert outputs(net, x[:, ::2], y[:, ::2]).tolist() == [[0, 2], [10, 12]]
    assert outputs(net, np.empty((0, 4)), 1).shape == (0, 4)
    assert isinstance(outputs(net, 1, 2), np.ndarray)
    many = np.arange(345.0)
    assert outputs(net, many, -many / 2).tolist() == (many - 5 * many).tolist()


def test_outputs_need_one_output_and_a_coordinate_for_each_input():
    wide = constructed((np.ones((2, 3)), np.zeros(3), linear))
    with pytest.raises(ValueError, match=r"^network: expected one of one output; got 3$"):
        outputs(wide, 1, 2)
    for coordinates in ([], [1], [1, 2, 3]):
        message = rf"^coordinates: expected 2, one for each input; got {len(coordinates)}$"
        with pytest.raises(ValueError, match=message):
            outputs(neuron((1, 1), 0), *coordinates)
    with pytest.raises(ValueError, match="broadcast"):
        outputs(neuron((1, 1), 0), [1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"^x: expected finite numbers"):
        outputs(neuron(1, 0), [0.5, NAN])


# Real networks.

REAL = {
    "neuron": lambda device: neuron((8, -3), -4, tanh, device=device),
    "steps": lambda device: steps([0.4, 0.6], [0.6, 1.2], device=device),
    "bumps": lambda device: bumps([(0.1, 0.3)], [2], activation_fn=tanh, output=sigmoid, device=device),
    "approximation": lambda device: approximate(goal, 8, copies=2, output=sigmoid, device=device).network,
    "polyline": lambda device: polyline([0, 0.5, 1], [1, 3, -2], device=device),
    "pieces": lambda device: piecewise_linear(goal, 9, device=device).network,
    "crossed bumps": lambda device: crossed_bumps([(0.4, 0.6), None], 2, device=device),
    "tower": lambda device: tower([(0.4, 0.6)] * 3, device=device),
    "towers": lambda device: towers([[(0.4, 0.6), None], [None, (0.1, 0.2)]], [1, 2], device=device),
    "cube": lambda device: approximate_on_cube(wave, 3, copies=2, device=device).network,
}


@pytest.mark.parametrize("make", REAL.values(), ids=REAL)
def test_they_are_networks_like_any_other(make, device, tmp_path):
    net = make(device)
    assert isinstance(net, Network)
    assert net.dtype == "float64"
    assert all(isinstance(layer, FullyConnectedLayer) for layer in net.layers)
    assert all(namespace(parameter) is device_namespace(device) for parameter in net.params)
    x = np.random.default_rng(0).uniform(0, 1, (130, net.n_in))
    a = x
    for layer in make("cpu").layers:
        a = layer.activation_fn(a @ layer.w + layer.b)
    np.testing.assert_allclose(net.forward(x), a, rtol=1e-9, atol=1e-9)
    net.save(tmp_path / "net.npz")
    loaded = Network.load(tmp_path / "net.npz", device=device)
    assert np.array_equal(loaded.forward(x), net.forward(x))
    assert repr(loaded) == repr(net)


def test_writing_into_their_parameters_changes_them(device):
    net = steps([0.5], [1.0], device=device)
    assert outputs(net, 0.7) == pytest.approx(1)
    net.layers[0].b[0] = -800
    assert outputs(net, 0.7) == pytest.approx(0)
    net.layers[1].w[...] = -3
    assert outputs(net, [0.7, 0.9]).tolist() == pytest.approx([0, -3])


def test_a_network_with_wobbly_units_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="only netlib's own can be saved"):
        steps([0.5], [1], activation_fn=wobbly).save(tmp_path / "net.npz")


def test_constructed_takes_what_it_is_given_and_copies_it(device):
    w, b = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5])
    net = constructed((w, b, linear), ([[1], [2]], [3], ReLU), device=device)
    w[...], b[...] = 0, 0
    numbers = [[[1, 2], [3, 4], [5, 6]], [0.5, -0.5], [[1], [2]], [3]]
    assert [to_host(parameter).tolist() for parameter in net.params] == numbers
    assert [layer.activation_fn for layer in net.layers] == [linear, ReLU]
    assert net.forward([[1, 0, 0], [0, -1, 0]]).tolist() == [[1.5 + 2 * 1.5 + 3], [0]]


# What is refused.

TWO_ROWS = "positions, heights: expected two rows of equally many numbers; got "

INTERVAL = [(0.2, 0.4)]
REFUSED = {
    "constructed: w of one axis": (
        lambda: constructed(([1.0], [1.0], linear)),
        r"layers\[0\]: expected w \(n_in, n_out\) and b \(n_out,\); got \(1,\) and \(1,\)",
    ),
    "constructed: b of another length": (
        lambda: constructed(([[1.0]], [0.0], linear), ([[1.0, 2.0]], [1.0], linear)),
        r"layers\[1\]: expected w \(n_in, n_out\) and b \(n_out,\); got \(1, 2\) and \(1,\)",
    ),
    "constructed: b of two axes": (
        lambda: constructed(([[1.0]], [[0.0]], linear)),
        r"layers\[0\]: expected w \(n_in, n_out\) and b \(n_out,\); got \(1, 1\) and \(1, 1\)",
    ),
    "constructed: nan in w": (lambda: constructed(([[NAN]], [0], linear)), r"layers\[0\]: expected finite weights"),
    "constructed: inf in b": (
        lambda: constructed(([[1]], [0], linear), ([[1]], [INF], linear)),
        r"layers\[1\]: expected finite weights and biases",
    ),
    "constructed: layers that do not fit": (
        lambda: constructed(([[1, 1]], [0, 0], linear), ([[1]], [0], linear)),
        r"layers\[1\]: .* expects \(1,\) for each image, but layers\[0\] gives \(2,\)",
    ),
    "constructed: none": (lambda: constructed(), "layers: expected at least one layer"),
    "steps: heights": (
        lambda: steps([0.1, 0.2], [1]),
        TWO_ROWS + re.escape("(2,) and (1,)"),
    ),
    "steps: none": (lambda: steps([], []), TWO_ROWS + re.escape("(0,)")),
    "error_bound: n": (lambda: error_bound(goal, 0, 100), "n: expected an integer of at least 1; got 0"),
    "steps: positions in rows": (
        lambda: steps([[0.1]], [[1]]),
        TWO_ROWS + re.escape("(1, 1)"),
    ),
    "steps: weight": (lambda: steps([0.1], [1], weight=0), "weight: expected a positive number; got 0"),
    "steps: negative weight": (lambda: steps([0.1], [1], weight=-5), "weight: expected a positive number; got -5"),
    "steps: nan for a weight": (lambda: steps([0.1], [1], weight=NAN), "weight: expected a positive number; got nan"),
    "steps: nan": (lambda: steps([NAN], [1]), r"layers\[0\]: expected finite weights and biases"),
    "steps: nan for a height": (lambda: steps([0.5], [NAN]), r"layers\[1\]: expected finite weights and biases"),
    "bumps: too few": (
        lambda: bumps(INTERVAL, [1, 2]),
        r"intervals: expected 2 pairs, one for each height; got \(1, 2\)",
    ),
    "bumps: no pairs": (
        lambda: bumps([0.2, 0.4], [1]),
        r"intervals: expected 1 pairs, one for each height; got \(2,\)",
    ),
    "bumps: weight": (lambda: bumps(INTERVAL, [1], weight=-1), "weight: expected a positive number; got -1"),
    "approximate: n": (lambda: approximate(goal, 0), "n: expected an integer of at least 1; got 0"),
    "approximate: copies": (lambda: approximate(goal, 2, copies=0), "copies: expected an integer of at least 1; got 0"),
    "approximate: weight": (lambda: approximate(goal, 2, weight=0), "weight: expected a positive number; got 0"),
    "approximate: output": (lambda: approximate(goal, 2, output=tanh), "output: expected linear or sigmoid; got tanh"),
    **{
        f"approximate: margin {margin}": (
            lambda margin=margin: approximate(goal, 2, output=sigmoid, margin=margin),
            f"margin: expected a number between 0 and 0.5; got {margin}$",
        )
        for margin in (0, 0.5, -0.1, NAN)
    },
    "approximate: span the wrong way round": (
        lambda: approximate(goal, 2, output=sigmoid, span=(1, 0)),
        r"span: expected \(low, high\) with low < high; got \(1, 0\)",
    ),
    "approximate: an empty span": (
        lambda: approximate(goal, 2, output=sigmoid, span=(1, 1)),
        r"span: expected \(low, high\) with low < high; got \(1, 1\)",
    ),
    "approximate: span too low": (
        lambda: approximate(lambda x: x, 2, output=sigmoid, span=(-1, 0.5)),
        "span: expected f between -1 and 0.5; it goes from 0 to 1",
    ),
    "approximate: span too high": (
        lambda: approximate(lambda x: x, 2, output=sigmoid, span=(0.5, 2)),
        "span: expected f between 0.5 and 2; it goes from 0 to 1",
    ),
    "approximate: span touched below": (
        lambda: approximate(lambda x: x, 2, output=sigmoid, span=(0, 2)),
        "span: expected f between 0 and 2; it goes from 0 to 1",
    ),
    "approximate: span touched above": (
        lambda: approximate(lambda x: x, 2, output=sigmoid, span=(-1, 1)),
        "span: expected f between -1 and 1; it goes from 0 to 1",
    ),
    "piecewise_linear: n": (lambda: piecewise_linear(goal, 0), "n: expected an integer of at least 1; got 0"),
    "polyline: nan": (lambda: polyline([0, 1], [0, NAN]), r"layers\[1\]: expected finite weights and biases"),
    "crossed_bumps: no interval": (
        lambda: crossed_bumps([None, None], 1),
        "box: expected an interval along at least one axis; got none",
    ),
    "crossed_bumps: interval": (
        lambda: crossed_bumps([None, (0.4, 0.4)], 1),
        r"boxes\[0\]: expected intervals \(start, end\) with start < end; got \(0.4, 0.4\)",
    ),
    "crossed_bumps: weight": (
        lambda: crossed_bumps(INTERVAL, 1, weight=0),
        "weight: expected a positive number; got 0",
    ),
    "tower: interval": (
        lambda: tower([(0.6, 0.4)]),
        r"boxes\[0\]: expected intervals \(start, end\) with start < end; got \(0.6, 0.4\)",
    ),
    "tower: weight": (lambda: tower(INTERVAL, weight=-2), "weight: expected a positive number; got -2"),
    "tower: nothing": (lambda: tower([]), "box: expected an interval along at least one axis; got none"),
    "towers: interval": (
        lambda: towers([INTERVAL, [(1, 0)]], [1, 1]),
        r"boxes\[1\]: expected intervals \(start, end\) with start < end; got \(1, 0\)",
    ),
    "towers: axes": (
        lambda: towers([INTERVAL * 2, INTERVAL], [1, 1]),
        r"boxes\[1\]: expected 2 intervals, as in the first; got 1",
    ),
    "towers: heights": (lambda: towers([INTERVAL], [1, 2]), "heights: expected one for each of 1 boxes; got 2"),
    "towers: none": (lambda: towers([], []), "heights: expected one for each of 0 boxes; got 0"),
    "towers: weight": (lambda: towers([INTERVAL], [1], weight=0), "weight: expected a positive number; got 0"),
    "cube: n": (lambda: approximate_on_cube(wave, 0), "n: expected an integer of at least 1; got 0"),
    "cube: m": (lambda: approximate_on_cube(wave, 2, 0), "m: expected an integer of at least 1; got 0"),
    "cube: copies": (
        lambda: approximate_on_cube(wave, 2, copies=0),
        "copies: expected an integer of at least 1; got 0",
    ),
    "cube: weight": (lambda: approximate_on_cube(wave, 2, weight=0), "weight: expected a positive number; got 0"),
    "cube: f": (
        lambda: approximate_on_cube(lambda x, y: 1.0, 3),
        r"f: expected \(9,\) numbers, one for each input; got \(\)",
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("n", lambda: approximate(goal, 2.0)),
        ("copies", lambda: approximate(goal, 2, copies="2")),
        ("n", lambda: piecewise_linear(goal, None)),
        ("n", lambda: approximate_on_cube(wave, 2.5)),
        ("m", lambda: approximate_on_cube(wave, 2, 2.0)),
        ("copies", lambda: approximate_on_cube(wave, 2, copies=1.0)),
        ("activation_fn", lambda: neuron(1, 0, "sigmoid")),
    ],
)
def test_what_is_of_another_kind_is_named(name, call):
    with pytest.raises(TypeError, match=f"^{name}: expected an? "):
        call()
