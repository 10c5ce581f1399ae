"""Steps, bumps and towers of many inputs: book chapter 4, "Many input variables"."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from netlib import checks
from netlib.network import Network
from netlib.ops import Activation, linear, sigmoid
from netlib.universality.approximation import Approximation, Function, cells, middles, values
from netlib.universality.construction import constructed
from netlib.universality.units import SHARP, check_weight, step_layer

Box = Sequence[tuple[float, float] | None]  # an interval along each axis; None: the axis does not matter
STEEP = 20.0  # of a bump that goes through a sigmoid: in a tower it gives s(10), which is 1 - 0.00005


def crossed_bumps(
    box: Box,
    height: float,
    *,
    bias: float = 0.0,
    weight: float = SHARP,
    output: Activation = linear,
    device: str = "auto",
) -> Network:
    """A network m-2m-1 whose weighted output adds up bumps of the same height, one along each of m axes.

    Parameters
    ----------
    box : sequence of m (start, end)
        Where the bump along each axis stands. None in place of a pair: no bump along this axis.
    height : float
        Of each bump; where all cross, the weighted output is m times as high.
    bias : float
        Of the output neuron.
    weight : float
        See `steps`.
    output : Activation
        `linear` shows the weighted output; with `sigmoid` and the right bias this is a tower.
    device : {"auto", "cpu", "gpu"}
    """
    first, second = _stacked([box], height, weight, [bias], output)
    return constructed(first, second, device=device)


def tower(box: Box, height: float = STEEP, *, weight: float = SHARP, device: str = "auto") -> Network:
    """A network m-2m-1 whose output is 1 inside the box and 0 outside.

    Inside, the bumps add up to m `height`; outside at least one of them is missing. The bias (1/2 - m) `height` puts
    the threshold of the output neuron between the two.
    """
    return crossed_bumps(box, height, bias=_threshold(box, height), weight=weight, output=sigmoid, device=device)


def towers(
    boxes: Sequence[Box],
    heights: Sequence[float],
    *,
    steepness: float = STEEP,
    weight: float = SHARP,
    device: str = "auto",
) -> Network:
    """A network m-2mk-k-1 whose weighted output is `heights[i]` inside `boxes[i]`, and 0 where there is no box.

    Parameters
    ----------
    boxes : sequence of k boxes
        Each a sequence of m (start, end).
    heights : sequence of k
    steepness : float
        Height of the bumps inside a tower, before the sigmoid.
    weight, device
        See `steps`.
    """
    if len(boxes) != len(heights) or not len(boxes):
        raise ValueError(f"heights: expected one for each of {len(boxes)} boxes; got {len(heights)}")
    biases = [_threshold(box, steepness) for box in boxes]
    first, second = _stacked(boxes, steepness, weight, biases, sigmoid)
    return constructed(first, second, (np.reshape(heights, (-1, 1)), [0.0], linear), device=device)


def approximate_on_cube(
    f: Function,
    n: int,
    m: int = 2,
    *,
    weight: float = SHARP,
    steepness: float = STEEP,
    copies: int = 1,
    device: str = "auto",
) -> Approximation:
    """A network with two hidden layers that approximates f on [0, 1]^m by n^m towers.

    Towers in a row share the steps at their edges, so that there are m (n + 1) neurons in the first hidden layer, and
    n^m in the second; a shifted copy adds m (n + 2) and (n + 1)^m.

    Parameters
    ----------
    f : callable
        Continuous; takes m arrays of one shape with numbers in [0, 1], gives an array of that shape.
    n : int
        Towers along an axis.
    m : int
        Inputs.
    weight, device
        See `steps`.
    steepness : float
        See `towers`.
    copies : int
        Sets of towers, each of 1/M of the height and shifted against the last by 1/(M n) along all axes: at the
        corners where towers meet, no step of theirs is where it should be, and the others make up for it.
    """
    checks.integer("n", n, 1)
    checks.integer("m", m, 1)
    checks.integer("copies", copies, 1)
    edges, starts, heights = [], [], []
    for shift in np.arange(copies) / copies:
        grid = cells(n, shift)
        middle = middles(grid)
        place = np.array(list(product(range(len(middle)), repeat=m)))  # (towers, m): which cell along each axis
        starts.append(sum(map(len, edges)) + place)  # the steps at which each tower begins
        edges.append(grid)
        heights.append(values(f, *middle[place].T) / copies)
    edges, starts, heights = np.concatenate(edges), np.concatenate(starts), np.concatenate(heights)
    towers = np.arange(len(heights))
    second = np.zeros((m, len(edges), len(heights)))
    for axis in range(m):
        second[axis, starts[:, axis], towers] = steepness
        second[axis, starts[:, axis] + 1, towers] = -steepness
    network = constructed(
        step_layer(np.tile(edges, (m, 1)), weight, sigmoid),
        (second.reshape(-1, len(heights)), np.full(len(heights), (0.5 - m) * steepness), sigmoid),
        (heights[:, None], [0.0], linear),
        device=device,
    )
    return Approximation(network)


def _stacked(
    boxes: Sequence[Box], height: float, weight: float, biases: Sequence[float], output: Activation
) -> tuple[tuple, tuple]:
    """Two layers: pairs of steps for each side of each box, and a neuron for each box that adds up its bumps."""
    m = len(boxes[0])
    check_weight(weight)
    w, b, second = [], [], []
    for i, box in enumerate(boxes):
        if len(box) != m:
            raise ValueError(f"boxes[{i}]: expected {m} intervals, as in the first; got {len(box)}")
        for axis, interval in enumerate(box):
            if interval is None:
                continue
            start, end = interval
            if not start < end:
                raise ValueError(f"boxes[{i}]: expected intervals (start, end) with start < end; got {tuple(interval)}")
            w += [weight * np.eye(m)[axis]] * 2
            b += [-weight * start, -weight * end]
            up = height * np.eye(len(boxes))[i]
            second += [up, -up]
    if not w:
        raise ValueError("box: expected an interval along at least one axis; got none")
    return (np.transpose(w), b, sigmoid), (second, biases, output)


def _threshold(box: Box, height: float) -> float:
    """The bias that lets only the place through where the bumps along all axes cross."""
    return (0.5 - sum(interval is not None for interval in box)) * height
