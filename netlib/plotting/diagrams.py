"""Drawings of networks: neurons as circles, connections as lines, and what is written beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Circle

RADIUS = 0.17
APART = 1.9  # between layers; neurons of a layer are between 0.45 and 1.5 apart

CROWDED = 4  # neurons in a layer, from which on there is no room between them


def network(
    axis: Axes,
    sizes: Sequence[int],
    *,
    neurons: Mapping[tuple[int, int], str] | None = None,
    connections: Mapping[tuple[int, int, int], str] | None = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> None:
    """Draw a fully connected network.

    Parameters
    ----------
    axis : Axes
        To draw into; its own axes are taken away.
    sizes : sequence of int
        Inputs, and neurons of each layer.
    neurons : mapping of (layer, number) to str, optional
        What to write at a neuron; layer 1 is the first after the inputs, numbers count from the top, from 0.
    connections : mapping of (layer, from, to) to str, optional
        What to write on the line that enters neuron `to` of this layer from number `from` of the layer before.
    inputs, outputs : sequence of str
        What to write before the inputs and behind the outputs.
    """
    step = max(0.45, min(1.5, 4.2 / max(sizes)))
    place = [[(APART * layer, step * ((n - 1) / 2 - i)) for i in range(n)] for layer, n in enumerate(sizes)]
    for layer, (before, here) in enumerate(pairwise(place), start=1):
        for i, start in enumerate(before):
            for j, end in enumerate(here):
                axis.plot(*zip(start, end, strict=True), color="gray", linewidth=0.8, zorder=1)
                _write(axis, (connections or {}).get((layer, i, j)), _between(start, end, 0.5), halo=True)
    for layer, column in enumerate(place):
        for i, centre in enumerate(column):
            axis.add_patch(Circle(centre, RADIUS, facecolor="white", edgecolor="black", linewidth=1, zorder=2))
            side = 1 if centre[1] > 0 else -1  # outwards, where no line runs; inside, if there is no room
            crowded = len(column) > CROWDED
            label = centre if crowded else (centre[0], centre[1] + side * (RADIUS + 0.06))
            _write(
                axis,
                (neurons or {}).get((layer, i)),
                label,
                va="center" if crowded else ("top", "", "bottom")[side + 1],
            )
    for names, column, side, align in ((inputs, place[0], -1, "right"), (outputs, place[-1], 1, "left")):
        for name, (x, y) in zip(names, column, strict=False):
            _write(axis, name, (x + side * (RADIUS + 0.1), y), ha=align)
    half = step * (max(sizes) - 1) / 2 + 0.6
    axis.set(xlim=(-0.6, place[-1][0][0] + 0.6), ylim=(-half, half), aspect="equal")
    axis.set_axis_off()


def beside(figure: FigureBase, sizes: Sequence[int], **labels: object) -> Axes:
    """Draw a network into the left part of a figure; returns axes for what it computes, to the right of it.

    Labels are those of `network`.
    """
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    network(left, sizes, **labels)
    return right


def _between(start: tuple[float, float], end: tuple[float, float], part: float) -> tuple[float, float]:
    return start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])


def _write(
    axis: Axes,
    text: str | None,
    place: tuple[float, float],
    *,
    ha: str = "center",
    va: str = "center",
    halo: bool = False,
) -> None:
    if text:
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8} if halo else None
        axis.text(*place, text, ha=ha, va=va, fontsize=8.5, bbox=paper, zorder=3)
