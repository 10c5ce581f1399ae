"""Any continuous function of one number between 0 and 1, from bumps or from straight pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from netlib import checks
from netlib.network import Network
from netlib.ops import Activation, ReLU, linear, sigmoid
from netlib.universality.construction import constructed, outputs
from netlib.universality.units import SHARP, bumps

Function = Callable[[np.ndarray], ArrayLike]
SAMPLES = 1001  # points at which a function's range is looked up


@dataclass(frozen=True)
class Approximation:
    """A network that stands for a function.

    Attributes
    ----------
    network : Network
    low, high : float
        The function's values that outputs of 0 and of 1 stand for.
    """

    network: Network
    low: float = 0.0
    high: float = 1.0

    def __call__(self, *coordinates: ArrayLike) -> np.ndarray:
        """The approximation at these coordinates, one array for each input."""
        return self.low + (self.high - self.low) * outputs(self.network, *coordinates)


def logit(y: ArrayLike) -> np.ndarray:
    """The inverse of the sigmoid, ln(y / (1 - y)), for y between 0 and 1."""
    y = np.asarray(y, dtype=float)
    if not ((y > 0) & (y < 1)).all():
        raise ValueError(f"y: expected numbers between 0 and 1; got {y.min():g} to {y.max():g}")
    return np.log(y) - np.log1p(-y)


def approximate(
    f: Function,
    n: int,
    *,
    weight: float = SHARP,
    copies: int = 1,
    output: Activation = linear,
    span: tuple[float, float] | None = None,
    margin: float = 0.1,
    activation_fn: Activation = sigmoid,
    device: str = "auto",
) -> Approximation:
    """A network with one hidden layer that approximates f on [0, 1] by n bumps, each as high as f in its middle.

    The first bump begins, and the last one ends, a bump's width outside of [0, 1]: at the ends of the interval the
    steps would be halfway up.

    Parameters
    ----------
    f : callable
        Continuous; takes an array (k,) of numbers in [0, 1], gives as many.
    n : int
        Bumps; a shifted copy has one more, and the outermost two are cut off at the ends of the interval.
    weight, activation_fn, device
        See `steps`.
    copies : int
        M rows of bumps, each of 1/M of the height, each shifted by 1/(M n) against the last: where the bumps of one
        meet, all the others are in the middle of theirs (book: "Fixing up the step functions").
    output : linear or sigmoid
        Of the output neuron. With `linear`, the weighted output approximates f. With `sigmoid`, it approximates
        logit(g), where g is f mapped onto numbers between 0 and 1; the result maps back.
    span : (low, high), optional
        With `sigmoid`, the values of f that are mapped to 0 and 1; f must stay between them. If it is not given, they
        are chosen so that f goes from `margin` to 1 - `margin`.
    margin : float

    Raises
    ------
    ValueError
        If f gives numbers that are not finite, or of another shape, or leaves `span`, or an argument is out of range.
    """
    checks.integer("n", n, 1)
    checks.integer("copies", copies, 1)
    if output not in (linear, sigmoid):
        raise ValueError(f"output: expected linear or sigmoid; got {output}")
    low, high = (0.0, 1.0) if output is linear else span or _span(f, margin)
    target = f if output is linear else _mapped(f, low, high)
    intervals, heights = [], []
    for shift in np.arange(copies) / copies:
        edges = cells(n, shift)
        intervals += pairwise(edges)
        heights.append(values(target, middles(edges)) / copies)
    options = {"weight": weight, "activation_fn": activation_fn, "output": output, "device": device}
    return Approximation(bumps(intervals, np.concatenate(heights), **options), low, high)


def cells(n: int, shift: float = 0.0) -> np.ndarray:
    """Ends of cells of the width 1/n that cover [0, 1], shifted by `shift` of a width; the outermost lie outside."""
    inner = (np.arange(n + 1) + shift) / n
    inner = inner[(inner > 0) & (inner < 1)]
    return np.concatenate([[-1 / n], inner, [1 + 1 / n]])


def middles(edges: np.ndarray) -> np.ndarray:
    """The middle of each cell, or of the part of it that lies in [0, 1]."""
    inside = np.clip(edges, 0, 1)
    return (inside[:-1] + inside[1:]) / 2


def values(f: Function, *coordinates: np.ndarray) -> np.ndarray:
    """f at these coordinates, checked: finite numbers, as many as were asked for."""
    found = np.asarray(f(*coordinates), dtype=float)
    if found.shape != coordinates[0].shape:
        raise ValueError(f"f: expected {coordinates[0].shape} numbers, one for each input; got {found.shape}")
    if not np.isfinite(found).all():
        place = int(np.argmin(np.isfinite(found)))
        where = ", ".join(f"{c.flat[place]:g}" for c in coordinates)
        raise ValueError(f"f: expected finite numbers; got {found.flat[place]} at {where}")
    return found


def _span(f: Function, margin: float) -> tuple[float, float]:
    """What 0 and 1 must stand for so that f goes from `margin` to 1 - `margin`."""
    if not 0 < margin < 0.5:
        raise ValueError(f"margin: expected a number between 0 and 0.5; got {margin!r}")
    found = values(f, np.linspace(0, 1, SAMPLES))
    lowest, highest = float(found.min()), float(found.max())
    if lowest == highest:
        return lowest - 0.5, lowest + 0.5
    beyond = margin / (1 - 2 * margin) * (highest - lowest)
    return lowest - beyond, highest + beyond


def _mapped(f: Function, low: float, high: float) -> Function:
    """logit(g), where g is f mapped so that `low` and `high` become 0 and 1."""
    if not low < high:
        raise ValueError(f"span: expected (low, high) with low < high; got {(low, high)}")
    found = values(f, np.linspace(0, 1, SAMPLES))
    if not low < found.min() <= found.max() < high:
        raise ValueError(
            f"span: expected f between {low:g} and {high:g}; it goes from {found.min():g} to {found.max():g}"
        )
    return lambda x: logit((values(f, x) - low) / (high - low))


def polyline(x: ArrayLike, y: ArrayLike, *, device: str = "auto") -> Network:
    """A network 1-n-1 with ReLU that draws straight lines from each point (x[i], y[i]) to the next.

    Each hidden neuron, max(0, x - x[i]), adds what the slope changes by at x[i]. Left of x[0] the output is y[0];
    right of the last point, the last line goes on.

    Parameters
    ----------
    x, y : array_like (n + 1,)
        Points, with x growing.
    device : {"auto", "cpu", "gpu"}

    Raises
    ------
    ValueError
        If there are fewer than two points, not as many y as x, or x does not grow.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.size < 2 or x.shape != y.shape:
        raise ValueError(f"x, y: expected two rows of at least two numbers; got {x.shape} and {y.shape}")
    if not (np.diff(x) > 0).all():
        raise ValueError("x: expected numbers that grow")
    slopes = np.diff(y) / np.diff(x)
    changes = np.diff(slopes, prepend=0)
    hidden = (np.ones((1, len(changes))), -x[:-1], ReLU)
    return constructed(hidden, (changes[:, None], y[:1], linear), device=device)


def piecewise_linear(f: Function, n: int, *, device: str = "auto") -> Approximation:
    """The same aim with n ReLU neurons: f at n + 1 evenly spaced points, and straight lines between them."""
    x = np.linspace(0, 1, checks.integer("n", n, 1) + 1)
    return Approximation(polyline(x, values(f, x), device=device))
