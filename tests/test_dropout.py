"""Dropout: what a mask does, which mask is drawn, and the gradient."""

import numpy as np
import pytest

from netlib import ops
from netlib.backend import Workspace, namespace, to_host
from netlib.ops import dropout, dropout_layer, dropout_mask
from tests.gradients import assert_gradient, random_like, weighted_sum


def mask_of(xp, shape=(1000,), p_dropout=0.5, *, seed=0, place=0, step=0):
    return to_host(dropout_mask(xp, shape, p_dropout, seed=seed, place=place, step=step))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropped_units_are_silent_and_the_others_scaled(xp, dtype):
    x, mask = xp.asarray([[1, -2, 3], [4, 5, -6]], dtype), xp.asarray([[True, False, True], [False, True, True]])
    assert to_host(dropout(x, mask)).tolist() == [[1, 0, 3], [0, 5, -6]]
    assert to_host(dropout(x, mask, 2.0)).tolist() == [[2, 0, 6], [0, 10, -12]]
    assert to_host(x).tolist() == [[1, -2, 3], [4, 5, -6]]
    assert dropout(x, mask, 1 / 0.7).dtype == dtype


def test_the_result_is_written_where_it_is_wanted_even_over_the_input(xp):
    x, mask = xp.asarray([1.0, 2, 3]), xp.asarray([True, False, True])
    out = xp.empty(3)
    assert dropout(x, mask, 2.0, out=out) is out
    assert to_host(out).tolist() == [2, 0, 6]
    assert dropout(x, mask, 2.0, out=x) is x
    assert to_host(x).tolist() == [2, 0, 6]


@pytest.mark.parametrize("scale", [1.0, 1 / 0.6])
def test_the_gradient_goes_back_the_same_way(xp, scale):
    x, dy = random_like(xp, (4, 3), 1), random_like(xp, (4, 3), 2)
    mask = dropout_mask(xp, x.shape, 0.4, seed=1, place=2, step=3)
    assert_gradient(dropout(dy, mask, scale), lambda: weighted_sum(dropout(x, mask, scale), dy), x)


def test_a_mask_can_be_drawn_again_and_every_seed_place_and_step_has_its_own(xp):
    masks = [mask_of(xp, seed=seed, place=place, step=step) for seed in (0, 1) for place in (0, 1) for step in (0, 1)]
    np.testing.assert_array_equal(masks[5], mask_of(xp, seed=1, place=0, step=1))
    for i, mask in enumerate(masks):
        for other in masks[:i]:
            assert 400 < (mask == other).sum() < 600


def test_a_mask_lives_in_the_workspace_that_is_given(xp):
    work, place = Workspace(xp), {"seed": 0, "place": 0}
    first, second = (dropout_mask(xp, (1000,), 0.5, **place, step=step, work=work) for step in (0, 1))
    assert first is second
    np.testing.assert_array_equal(to_host(second), mask_of(xp, step=1))


def test_the_masks_are_those_of_all_earlier_versions(xp):
    # by hand: splitmix64, as tests/test_rng.py writes it, over (seed, 3, place, step), 16 bits a unit
    drawn = mask_of(xp, (2, 6), 0.3, seed=7, place=1, step=40)
    assert drawn.astype(int).tolist() == [[0, 1, 1, 0, 1, 1], [1, 1, 0, 1, 1, 1]]


def test_dropout_layer_drops_at_the_given_rate_and_scales_nothing(xp):
    layer = xp.ones((100, 100), "float32")
    dropped = dropout_layer(layer, 0.25)
    assert namespace(dropped) is xp
    dropped = to_host(dropped)
    assert dropped.dtype == "float32"
    assert set(np.unique(dropped)) == {0, 1}
    assert abs((dropped == 0).mean() - 0.25) < 5 * (0.25 * 0.75 / 10_000) ** 0.5
    np.testing.assert_array_equal(to_host(dropout_layer(layer, 0)), to_host(layer))


def test_dropout_layer_draws_the_mask_of_its_seed_place_and_step(xp):
    layer = xp.ones(1000)
    for drawn in {"seed": 3}, {"place": 3}, {"step": 3}:
        np.testing.assert_array_equal(to_host(dropout_layer(layer, 0.5, **drawn)), mask_of(xp, **drawn))


@pytest.mark.parametrize(
    ("p", "error", "shown"),
    [(1, ValueError, "1"), (-0.1, ValueError, "-0.1"), (float("nan"), ValueError, "nan"), (None, TypeError, "None")],
)
def test_a_probability_outside_0_to_1_is_refused(p, error, shown):
    with pytest.raises(error, match=f"p_dropout: .*below 1.*; got {shown}"):
        dropout_layer(np.ones(3), p)


def test_integers_cannot_be_scaled():
    with pytest.raises(TypeError, match=r"^x: expected an array of floats; got dtype int"):
        ops.dropout(np.arange(5), np.ones(5, bool), 1.5)
