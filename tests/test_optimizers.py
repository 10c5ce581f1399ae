"""The step of gradient descent, on layers that are nothing but arrays."""

from types import SimpleNamespace

import numpy as np
import pytest

from netlib.backend import to_host
from netlib.optimizers import GradientDescent, Penalty
from tests.gradients import random_like


def make_layer(xp, seed=0, dtype="float64"):
    w, b, dw, db = (random_like(xp, shape, seed + i).astype(dtype) for i, shape in enumerate([(3, 4), (4,)] * 2))
    return SimpleNamespace(w=w, b=b, params=[w, b], gradients=[dw, db])


def copies(layer):
    return [to_host(array).copy() for array in (*layer.params, *layer.gradients)]


def test_every_parameter_moves_against_its_gradient(xp):
    layers = [make_layer(xp, seed) for seed in (0, 10)]
    before = [copies(layer) for layer in layers]
    GradientDescent().step(layers, 0.25)
    for layer, (w, b, dw, db) in zip(layers, before, strict=True):
        np.testing.assert_allclose(to_host(layer.w), w - 0.25 * dw, rtol=1e-15)
        np.testing.assert_allclose(to_host(layer.b), b - 0.25 * db, rtol=1e-15)


def test_the_penalty_shrinks_the_weights_before_the_step_and_never_the_biases(xp):
    layer = make_layer(xp)
    w, b, dw, db = copies(layer)
    GradientDescent().step([layer], 0.25, Penalty(l2=0.4))
    np.testing.assert_allclose(to_host(layer.w), 0.9 * w - 0.25 * dw, rtol=1e-14)
    np.testing.assert_allclose(to_host(layer.b), b - 0.25 * db, rtol=1e-15)


@pytest.mark.parametrize("decay", [1.0, 0.5, 0.0, -0.5])
def test_without_gradients_only_the_penalty_acts(decay, xp):
    layer = make_layer(xp)
    w, b, *_ = copies(layer)
    for gradient in layer.gradients:
        gradient[...] = 0
    GradientDescent().step([layer], 0.25, Penalty(l2=4 * (1 - decay)))
    np.testing.assert_array_equal(to_host(layer.w), decay * w)
    np.testing.assert_array_equal(to_host(layer.b), b)


def test_a_learning_rate_of_zero_changes_nothing(xp):
    layer = make_layer(xp)
    w, b, *_ = copies(layer)
    GradientDescent().step([layer], 0.0)
    np.testing.assert_array_equal(to_host(layer.w), w)
    np.testing.assert_array_equal(to_host(layer.b), b)


def test_parameters_are_changed_in_place_and_keep_their_dtype(xp):
    layer = make_layer(xp, dtype="float32")
    w, b = layer.w, layer.b
    GradientDescent().step([layer], 0.25, Penalty(0.4))
    assert layer.w is w
    assert layer.b is b
    assert w.dtype == b.dtype == np.float32
