"""Costs against arithmetic of many digits, their gradients against central differences."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from netlib import ops
from netlib.backend import to_host
from netlib.ops import COSTS, ReLU, cross_entropy, linear, log_likelihood, one_hot, quadratic, sigmoid, softmax, tanh
from tests.gradients import assert_gradient, random_like

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
PAIRS = [
    (log_likelihood, softmax),
    (cross_entropy, sigmoid),
    *[(quadratic, f) for f in (sigmoid, tanh, linear, softmax)],
]
pairs = pytest.mark.parametrize(("cost", "activation"), PAIRS, ids=lambda of: of.name)


def exactly(cost, z, targets):
    """The cost of saturating outputs by the book's formulas, with all the digits that they need."""
    total = Decimal(0)
    with localcontext(prec=1000):  # 1 - 1/(1 + e^-1000) needs 435 digits
        for column, wanted in zip(z.T.tolist(), targets.T.tolist(), strict=True):
            exponentials = [Decimal(number).exp() for number in column]
            for e, t in zip(exponentials, map(Decimal, wanted), strict=True):
                if cost is log_likelihood:
                    total -= t * (e / sum(exponentials)).ln()
                else:
                    a = e / (1 + e)
                    total -= t * a.ln() + (1 - t) * (1 - a).ln()
    return float(total) / z.shape[1]


MODERATE = np.array([[0.5, -3.0, 8.0], [1.5, 2.0, -9.0], [-1.0, 0.0, 0.25]])
CONFIDENT = np.array([[30.0, -40.0, -36.0], [-30.0, 40.0, -5.0], [-12.0, -60.0, 15.0]])
SATURATED = np.array([[1000.0, -1000.0, 300.0], [-1000.0, 1000.0, 300.0], [0.0, 900.0, -50.0]])
EXTREME_LABELS = [[0, 1, 2], [1, 0, 0], [2, 2, 1]]


@dtypes
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", EXTREME_LABELS)
@pytest.mark.parametrize("z", [MODERATE, CONFIDENT, SATURATED], ids=["moderate", "confident", "saturated"])
@pytest.mark.parametrize("cost", [log_likelihood, cross_entropy], ids=lambda cost: cost.name)
def test_costs_are_right_however_far_the_outputs_have_saturated(xp, cost, z, labels, dtype):
    targets = np.eye(3)[labels].T
    expected = exactly(cost, z, targets)
    z, targets = xp.asarray(z, dtype), xp.asarray(targets, dtype)
    a = cost.activation(z)
    value = cost.value(z, a, targets)
    assert value.dtype == dtype
    assert value.shape == ()
    smallest = float(np.finfo(dtype).eps) if cost is log_likelihood else 1e-30  # ln(1 + tiny)
    assert float(value) == pytest.approx(expected, rel=3e-6 if dtype == "float32" else 1e-14, abs=smallest)
    assert np.isfinite(to_host(cost.gradient(cost.activation, z, a, targets))).all()


def test_costs_of_an_example_worked_out_by_hand(xp):
    z, targets = xp.zeros((2, 1)), xp.asarray([[1.0], [0]])
    assert float(log_likelihood.value(z, softmax(z), targets)) == pytest.approx(math.log(2))
    assert float(cross_entropy.value(z, sigmoid(z), targets)) == pytest.approx(2 * math.log(2))
    a = xp.asarray([[0.5, 2.0], [3.0, 0.0]])
    targets = xp.asarray([[1.0, 0.0], [0.0, 0.0]])
    assert float(quadratic.value(a, a, targets)) == (0.25 + 9 + 4) / 4


@pairs
@pytest.mark.parametrize("shape", [(4, 3), (3, 1), (2, 5)])
def test_gradients_are_central_differences(xp, cost, activation, shape):
    z = random_like(xp, shape, 1)
    targets = one_hot(xp.arange(shape[1]) % shape[0], shape[0], "float64")
    computed = cost.gradient(activation, z, activation(z), targets)
    assert_gradient(computed, lambda: cost.value(z, activation(z), targets), z)


@pairs
def test_gradients_are_central_differences_for_targets_between_0_and_1(xp, cost, activation):
    z, targets = random_like(xp, (3, 4), 1), softmax(random_like(xp, (3, 4), 2))
    computed = cost.gradient(activation, z, activation(z), targets)
    assert_gradient(computed, lambda: cost.value(z, activation(z), targets), z)


def test_the_quadratic_cost_goes_back_through_a_relu(xp):
    z, targets = xp.asarray([[2.0, -1.0], [0.0, 3.0]]), xp.asarray([[1.0, 1.0], [1.0, 0.0]])
    assert to_host(quadratic.gradient(ReLU, z, ReLU(z), targets)).tolist() == [[0.5, 0], [0, 1.5]]


@pairs
@dtypes
def test_gradients_keep_the_dtype_and_leave_outputs_and_targets_alone(xp, cost, activation, dtype):
    z, targets = xp.asarray(random_like(np, (3, 7), 1).astype(dtype)), one_hot(xp.arange(7) % 3, 3, dtype)
    a = activation(z)
    before = [to_host(array).copy() for array in (z, a, targets)]
    assert cost.gradient(activation, z, a, targets).dtype == dtype
    assert cost.value(z, a, targets).dtype == dtype
    for array, kept in zip((z, a, targets), before, strict=True):
        np.testing.assert_array_equal(to_host(array), kept)


@pairs
def test_costs_are_means_over_the_images(xp, cost, activation):
    z, targets = random_like(xp, (3, 4), 1), one_hot(xp.asarray([0, 2, 1, 2]), 3, "float64")

    def value(columns):
        return float(cost.value(z[:, columns], activation(z[:, columns]), targets[:, columns]))

    assert value([0, 1, 2, 3]) == pytest.approx(sum(value([i]) for i in range(4)) / 4)


@pairs
def test_an_empty_mini_batch_has_an_empty_gradient(xp, cost, activation):
    nothing = xp.empty((3, 0), "float32")
    assert cost.gradient(activation, nothing, nothing, nothing).shape == (3, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_one_hot_puts_a_1_in_the_row_of_each_label(xp, dtype):
    targets = one_hot(xp.asarray([2, 0, 2]), 4, dtype)
    assert targets.dtype == dtype
    assert to_host(targets).tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert one_hot(xp.asarray([], "int64"), 4, dtype).shape == (4, 0)


def test_targets_are_made_of_labels_or_turned_over(xp):
    made = ops.targets(xp.asarray([2, 0, 2]), 4, "float32")
    assert made.dtype == "float32"
    assert to_host(made).tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0]]
    given = xp.asarray([[0.5, 2], [3, 4], [5, 6]])
    assert to_host(ops.targets(given, 2, "float64")).tolist() == [[0.5, 3, 5], [2, 4, 6]]


def test_costs_are_found_by_name_and_know_their_activation():
    assert {name: cost.activation for name, cost in COSTS.items()} == {
        "log_likelihood": softmax,
        "cross_entropy": sigmoid,
        "quadratic": None,
    }
    assert all(cost.name == name for name, cost in COSTS.items())


@pytest.mark.parametrize("cost", [log_likelihood, cross_entropy], ids=lambda cost: cost.name)
def test_a_cost_refuses_an_activation_that_it_is_not_made_for(cost):
    z = np.zeros((3, 2))
    with pytest.raises(ValueError, match=f"^activation: the {cost.name} cost is made for {cost.activation}; got tanh"):
        cost.gradient(tanh, z, z, z)


def test_no_cost_is_negative_not_even_zero():
    z = np.array([[100.0], [0.0]])
    value = log_likelihood.value(z, softmax(z), np.array([[1.0], [0.0]]))
    assert not np.signbit(value)
