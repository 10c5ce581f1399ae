"""Steps and bumps of one input: book chapter 4, "Universality with one input and one output"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netlib.backend import Array, namespace
from netlib.network import Network
from netlib.ops import Activation, linear, sigmoid
from netlib.universality.construction import constructed

SHARP = 1000.0  # the book's weight for a step that looks like one
FAR = 10.0 ** np.arange(4, 13)  # where an activation is asked for its limits
NEAR_ENOUGH = 1e-3  # what it may still move by there, as a part of the way from one limit to the other


def steps(
    positions: Sequence[float],
    heights: Sequence[float],
    *,
    weight: float = SHARP,
    bias: float = 0.0,
    activation_fn: Activation = sigmoid,
    output: Activation = linear,
    device: str = "auto",
) -> Network:
    """A network 1-n-1 whose weighted output climbs by `heights[i]` where its input passes `positions[i]`.

    A hidden neuron a(w x + b) is in the middle of its climb at s = -b/w: so a step at s has the bias -w s.

    Parameters
    ----------
    positions, heights : sequence of n
    weight : float
        Of every hidden neuron: the larger it is, the sharper the step. A step of the sigmoid climbs from 5 % to 95 %
        of its height over 5.9 / weight.
    bias : float
        Of the output neuron.
    activation_fn : Activation
        Of the hidden neurons. Where its limits are not 0 and 1, the output weights and bias make up for it.
    output : Activation
        Of the output neuron: `linear` shows the weighted output itself.
    device : {"auto", "cpu", "gpu"}

    Raises
    ------
    ValueError
        If there are not as many heights as positions, `weight` is not positive, or the activation has no two limits.
    """
    positions, heights = np.asarray(positions, dtype=float), np.asarray(heights, dtype=float)
    if positions.ndim != 1 or not positions.size or positions.shape != heights.shape:
        raise ValueError(
            f"positions, heights: expected two rows of equally many numbers; got {positions.shape} and {heights.shape}"
        )
    low, high = limits(activation_fn)
    heights = heights / (high - low)
    last = heights[:, None], [bias - low * heights.sum()], output
    return constructed(step_layer(positions[None], weight, activation_fn), last, device=device)


def step_layer(
    positions: np.ndarray, weight: float, activation_fn: Activation
) -> tuple[np.ndarray, np.ndarray, Activation]:
    """The weights (m, m n) and biases of n steps along each of m axes, at `positions` (m, n): axis after axis."""
    check_weight(weight)
    m, n = positions.shape
    return weight * np.repeat(np.eye(m), n, axis=1), -weight * positions.ravel(), activation_fn


def check_weight(weight: float) -> None:
    """Refuse a weight with which a neuron would not climb."""
    if not weight > 0:
        raise ValueError(f"weight: expected a positive number; got {weight!r}")


def bumps(intervals: Sequence[tuple[float, float]], heights: Sequence[float], **options) -> Network:
    """A network 1-2n-1 whose weighted output is `heights[i]` between the two ends of `intervals[i]`, and else 0.

    A bump is a pair of hidden neurons, a step up and a step down. Options are those of `steps`.
    """
    intervals, heights = np.asarray(intervals, dtype=float), np.asarray(heights, dtype=float)
    if intervals.shape != (heights.size, 2):
        raise ValueError(f"intervals: expected {heights.size} pairs, one for each height; got {intervals.shape}")
    return steps(intervals.ravel(), np.outer(heights, [1, -1]).ravel(), **options)


def limits(activation_fn: Activation) -> tuple[float, float]:
    """What an activation tends to far to the left and far to the right.

    Raises
    ------
    ValueError
        If it tends to no finite number on one of the sides, or to the same on both: then no weights make it a step.
    """
    sides = left, right = activation_fn(-FAR), activation_fn(FAR)
    if not all(np.isfinite(side).all() and np.ptp(side) < NEAR_ENOUGH * abs(right[-1] - left[-1]) for side in sides):
        raise ValueError(
            f"activation_fn: expected two different finite limits; far to the left, {activation_fn} is {left[-1]:g}, "
            f"far to the right {right[-1]:g}"
        )
    return float(left[-1]), float(right[-1])


def wobbling(amplitude: float) -> Activation:
    """An activation that goes from 0 to 1 as the sigmoid does, but wobbles on its way.

    It is ``sigmoid(z) + amplitude * sin(10 z) * exp(-abs(z))``.
    """

    def function(z: Array, out: Array) -> None:
        xp = namespace(z)
        out[...] = sigmoid(z) + amplitude * xp.sin(10 * z) * xp.exp(-abs(z))

    def gradient(z: Array, a: Array, da: Array, out: Array) -> None:
        xp, s = namespace(z), sigmoid(z)
        slope = 10 * xp.cos(10 * z) - xp.sign(z) * xp.sin(10 * z)
        out[...] = da * (s * (1 - s) + amplitude * xp.exp(-abs(z)) * slope)

    return Activation(f"wobbling({amplitude:g})", function, gradient)


wobbly = wobbling(0.2)  # the book's example of an activation that is not the sigmoid
