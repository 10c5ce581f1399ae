"""How far a network is from the function that it stands for, and how far it may be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from netlib import checks
from netlib.universality.approximation import Function, values

POINTS = 10_001  # on [0, 1], both ends among them
CHALLENGE = np.arange(100) / 100  # where the book's score looks


def goal(x: ArrayLike) -> np.ndarray:
    """The function that the book's chapter 4 approximates throughout."""
    x = np.asarray(x, dtype=float)
    return 0.2 + 0.4 * x**2 + 0.3 * x * np.sin(15 * x) + 0.05 * np.cos(50 * x)


def mean_error(f: Function, g: Function, points: int = POINTS) -> float:
    """The mean of abs(f - g) over evenly spaced points of [0, 1]."""
    x = np.linspace(0, 1, points)
    return float(np.abs(values(f, x) - values(g, x)).mean())


def sup_error(f: Function, g: Function, points: int = POINTS) -> float:
    """The largest abs(f - g) among evenly spaced points of [0, 1]."""
    x = np.linspace(0, 1, points)
    return float(np.abs(values(f, x) - values(g, x)).max())


def modulus(f: Function, width: float, points: int = POINTS) -> float:
    """The modulus of continuity: the most by which f differs at two points of [0, 1] that are at most `width` apart.

    Measured between `points` evenly spaced ones, of which those within `width`, rounded up, are compared.
    """
    if not 0 <= width <= 1:
        raise ValueError(f"width: expected a number from 0 to 1; got {width!r}")
    found = values(f, np.linspace(0, 1, points))
    apart = min(int(np.ceil(width * (points - 1) - 1e-9)), points - 1)
    windows = np.lib.stride_tricks.sliding_window_view(found, apart + 1)
    return float(np.ptp(windows, axis=1).max())


def error_bound(f: Function, n: int, weight: float) -> float:
    r"""What the sup error of ``approximate(f, n, weight=weight)`` with a linear output cannot exceed, with any copies.

    Its weighted output is an average of the bumps' heights, in which the bump of x's own cell and its nearest neighbour
    have nearly all the weight. Both have their height from f at a distance of at most 1/n. The others together have at
    most :math:`2 e^{-w/2n}`; and what is missing to a sum of 1, because the outermost steps are finite too, is at most
    :math:`2 e^{-w/n}`:

    .. math:: \omega_f(1/n) + 2 e^{-w/2n} (\max f - \min f) + 2 e^{-w/n} \max |f|
    """
    checks.integer("n", n, 1)
    found = values(f, np.linspace(0, 1, POINTS))
    others, missing = 2 * np.exp(-weight / (2 * n)), 2 * np.exp(-weight / n)
    return modulus(f, 1 / n) + float(others * np.ptp(found) + missing * np.abs(found).max())


def score(heights: ArrayLike, target: Callable[[np.ndarray], ArrayLike]) -> float:
    """The book's score of n bumps of equal width: the mean of abs(target - height) over x = 0, 0.01 ... 0.99.

    Parameters
    ----------
    heights : array_like (n,)
    target : callable
        What the weighted output should be; in the book's challenge logit f.
    """
    heights = np.asarray(heights, dtype=float)
    return float(np.abs(values(target, CHALLENGE) - heights[_bin(len(heights))]).mean())


def best_heights(target: Callable[[np.ndarray], ArrayLike], n: int) -> np.ndarray:
    """The heights (n,) with the lowest `score`: in each bin the median, which no number is nearer to on average."""
    found, place = values(target, CHALLENGE), _bin(n)
    return np.array([np.median(found[place == i]) for i in range(n)])


def _bin(n: int) -> np.ndarray:
    """For each point of the score, which of n bumps it lies in."""
    if not 1 <= n <= len(CHALLENGE):
        raise ValueError(f"heights: expected 1 to {len(CHALLENGE)} bumps; got {n}")
    return np.arange(len(CHALLENGE)) * n // len(CHALLENGE)
