"""How weights and biases start: Gaussians, whose width is the whole question."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from netlib import rng

SCALES: dict[str, Callable[[float, float], float]] = {
    # network3's way. Dividing by n_out is a slip that the book keeps, and owns up to in a footnote of chapter 6,
    # because its experiments were not run again (issue 30 of its code repository).
    "book": lambda fan_in, fan_out: math.sqrt(1 / fan_out),
    # What it meant: the weighted input of a neuron then has about unit variance, however many inputs it has.
    "corrected": lambda fan_in, fan_out: math.sqrt(1 / fan_in),
    # For ReLUs, which halve the mean square of what they let through (He and others, arXiv 1502.01852, 2015).
    "he": lambda fan_in, fan_out: math.sqrt(2 / fan_in),
    # A compromise between the way forward and the way back (Glorot and Bengio, AISTATS 2010).
    "glorot": lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
    # Nothing: every class is as likely as any other at the start, and the cost is ln(number of classes).
    "zeros": lambda fan_in, fan_out: 0.0,
}


def draw(
    init: str, w_shape: tuple[int, ...], n_biases: int, fan_in: float, fan_out: float, *, seed: int, place: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights from N(0, scale^2) and biases from N(0, 1), float64, or zeros for both if the scale is 0.

    Parameters
    ----------
    init : {"book", "corrected", "he", "glorot", "zeros"}
        The scale of the weights: ``sqrt(1/fan_out)``, ``sqrt(1/fan_in)``, ``sqrt(2/fan_in)``,
        ``sqrt(2/(fan_in + fan_out))``, or 0.
    w_shape, n_biases
        Shape of the weights, number of biases.
    fan_in, fan_out : float
        Inputs and outputs of a neuron, as the layer counts them.
    seed, place : int
        The network's seed and the layer's place in it, which together decide the draw.
    """
    scale = SCALES[init](fan_in, fan_out)
    if scale == 0:
        return np.zeros(w_shape), np.zeros(n_biases)
    w = scale * rng.normals(rng.key(seed, rng.Purpose.WEIGHTS, place), w_shape)
    b = rng.normals(rng.key(seed, rng.Purpose.BIASES, place), (n_biases,))
    return w, b
