"""Activations against formulas in plain Python, their gradients against central differences."""

import math

import numpy as np
import pytest

from netlib.backend import to_host
from netlib.ops import ReLU, linear, sigmoid, softmax, tanh
from tests.gradients import assert_gradient, random_like, weighted_sum

FORMULAS = {
    sigmoid: lambda column: [1 / (1 + math.exp(-z)) for z in column],
    tanh: lambda column: [math.tanh(z) for z in column],
    ReLU: lambda column: [max(z, 0.0) for z in column],
    linear: list,
    softmax: lambda column: [math.exp(z) / math.fsum(map(math.exp, column)) for z in column],
}
activations = pytest.mark.parametrize("activation", FORMULAS, ids=repr)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@activations
@dtypes
def test_activations_are_what_their_formulas_say(xp, activation, dtype):
    z = random_like(np, (5, 3), 1).astype(dtype)
    expected = np.array([FORMULAS[activation](column) for column in z.T.tolist()]).T
    a = activation(xp.asarray(z))
    assert a.dtype == dtype
    np.testing.assert_allclose(to_host(a), expected, rtol=3e-6 if dtype == "float32" else 1e-14)


@activations
@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 2, 2), (4, 1), (4, 0), (1, 5)])
def test_gradients_are_central_differences(xp, activation, shape):
    z, weights = random_like(xp, shape, 1), random_like(xp, shape, 2)
    dz = activation.backward(z, activation(z), weights)
    assert_gradient(dz, lambda: weighted_sum(activation(z), weights), z)


@activations
@dtypes
def test_results_are_written_where_they_are_wanted_and_nothing_else_is_changed(xp, activation, dtype):
    z, da = (xp.asarray(random_like(np, (4, 3), seed).astype(dtype)) for seed in (1, 2))
    kept = to_host(z).copy()
    a, out = activation(z), xp.empty_like(z)
    assert activation(z, out=out) is out
    np.testing.assert_array_equal(to_host(out), to_host(a))

    dz = activation.backward(z, a, da)
    assert dz.dtype == dtype
    assert activation.backward(z, a, da, out=da) is da
    np.testing.assert_array_equal(to_host(da), to_host(dz))
    np.testing.assert_array_equal(to_host(z), kept)
    np.testing.assert_array_equal(to_host(out), to_host(a))


@activations
def test_results_do_not_depend_on_how_arrays_lie_in_memory(xp, activation):
    z, da = random_like(xp, (4, 3), 1), random_like(xp, (4, 3), 2)
    a = activation(z)
    dz = activation.backward(z, a, da)
    turned, backwards = xp.asfortranarray(z), xp.ascontiguousarray(da[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(to_host(activation(turned)), to_host(a), rtol=1e-14)
    np.testing.assert_allclose(to_host(activation.backward(turned, a, backwards)), to_host(dz), rtol=1e-14)


def test_the_slope_of_relu_at_its_kink_is_zero(xp):
    z = xp.asarray([[-1.0, 0.0, -0.0, 1.0]])
    assert to_host(ReLU(z)).tolist() == [[0, 0, 0, 1]]
    assert to_host(ReLU.backward(z, ReLU(z), xp.full((1, 4), 7.0))).tolist() == [[0, 0, 0, 7]]


@dtypes
@pytest.mark.filterwarnings("error")
@np.errstate(over="raise", divide="raise", invalid="raise")
def test_saturated_neurons_are_finite_and_give_no_warning(xp, dtype):
    z, ones = xp.asarray([[-1000, 1000]], dtype), xp.ones((1, 2), dtype)
    for activation, expected in (sigmoid, [[0, 1]]), (tanh, [[-1, 1]]):
        a = activation(z)
        assert to_host(a).tolist() == expected
        assert to_host(activation.backward(z, a, ones)).tolist() == [[0, 0]]


@pytest.mark.parametrize("z", [-80.0, -20.0, -1e-3, 0.0, 5.0, 20.0])
def test_the_sigmoid_is_precise_far_from_zero(xp, z):
    assert float(sigmoid(xp.asarray([z]))[0]) == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-14)


@dtypes
@pytest.mark.filterwarnings("error")
@np.errstate(over="raise", divide="raise", invalid="raise")
def test_softmax_of_huge_weighted_inputs_is_finite_and_gives_no_warning(xp, dtype):
    z = xp.asarray([[10000, -10000, 1000], [10001, 0, 1000], [-10000, 10000, 1000]], dtype)
    small = 1 / (1 + math.e)
    a = softmax(z)
    np.testing.assert_allclose(
        to_host(a),
        [[small, 0, 1 / 3], [1 - small, 0, 1 / 3], [0, 1, 1 / 3]],
        rtol=3e-6 if dtype == "float32" else 1e-12,
    )
    assert np.isfinite(to_host(softmax.backward(z, a, xp.ones_like(z)))).all()


def test_softmax_gives_probabilities_that_a_shift_of_all_inputs_leaves_alone(xp):
    z = random_like(xp, (6, 4), 1)
    np.testing.assert_allclose(to_host(softmax(z).sum(axis=0)), np.ones(4), rtol=1e-14)
    np.testing.assert_allclose(to_host(softmax(z + 50)), to_host(softmax(z)), rtol=1e-12)


def test_activations_are_shown_by_their_names():
    assert repr([sigmoid, tanh, ReLU, linear, softmax]) == "[sigmoid, tanh, ReLU, linear, softmax]"
