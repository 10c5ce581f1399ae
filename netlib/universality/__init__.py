"""Networks that compute any function, constructed step by step: book chapter 4.

Nothing here is learned. Each function writes down weights and biases, and returns the `Network` that has them.
"""

from netlib.universality.approximation import Approximation, approximate, logit, piecewise_linear, polyline
from netlib.universality.construction import constructed, neuron, outputs
from netlib.universality.measures import best_heights, error_bound, goal, mean_error, modulus, score, sup_error
from netlib.universality.towers import approximate_on_cube, crossed_bumps, tower, towers
from netlib.universality.units import SHARP, bumps, limits, steps, wobbling, wobbly

__all__ = [
    "SHARP",
    "Approximation",
    "approximate",
    "approximate_on_cube",
    "best_heights",
    "bumps",
    "constructed",
    "crossed_bumps",
    "error_bound",
    "goal",
    "limits",
    "logit",
    "mean_error",
    "modulus",
    "neuron",
    "outputs",
    "piecewise_linear",
    "polyline",
    "score",
    "steps",
    "sup_error",
    "tower",
    "towers",
    "wobbling",
    "wobbly",
]
