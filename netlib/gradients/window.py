"""How narrow the window is in which a neuron's factor ``w s'(w a + b)`` does not make a gradient smaller.

The book's problem of chapter 5: for which activations a of the neuron before is ``|w s'(w a + b)| >= 1``? For the
sigmoid, whose slope is at most 1/4, that takes ``|w| >= 4``. Then ``s (1 - s) = 1 / |w|`` at the ends, so that
``|w a + b| = ln(|w| (1 + sqrt(1 - 4 / |w|)) / 2 - 1)`` there.
"""

from __future__ import annotations

import math

import numpy as np

from netlib import checks
from netlib.gradients.slopes import slope
from netlib.ops import Activation, sigmoid

GOLDEN = (math.sqrt(5) - 1) / 2


def window_width(w: float | np.ndarray) -> np.ndarray:
    """The width of the interval of those a, for the sigmoid, whatever b is; 0 where ``|w| < 4``.

    ``(2 / |w|) ln(|w| (1 + sqrt(1 - 4 / |w|)) / 2 - 1)``, in the shape of w (book, equation (123)).
    """
    size = np.maximum(np.abs(np.asarray(w, float)), 4.0)  # the formula gives 0 at 4
    return 2 / size * np.log(size * (1 + np.sqrt(1 - 4 / size)) / 2 - 1)


def widest_window(precision: float = 1e-7) -> tuple[float, float]:
    """The weight |w| whose window is the widest, and that width, by golden section.

    The width rises from 0 at 4 to one maximum, and falls from there on: of two inner points the lower one can take the
    end's place on its side.
    """
    low, high = 4.0, 100.0
    while high - low > precision:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if window_width(left) < window_width(right):
            low = left
        else:
            high = right
    w = (low + high) / 2
    return w, float(window_width(w))


def measured_window(w: float, b: float, activation_fn: Activation = sigmoid, *, n: int = 100_000) -> float:
    """The part of the activations between 0 and 1 for which ``|w s'(w a + b)| >= 1``, counted at n of them.

    It is the formula's width if the whole window lies between 0 and 1, as for ``b = -w / 2``, and right to 2 / n.

    Raises
    ------
    ValueError
        If `n` is not positive, or the activation is the softmax.
    """
    a = (np.arange(checks.integer("n", n, 1)) + 0.5) / n
    return float((abs(w * slope(activation_fn, w * a + b)) >= 1).mean())
