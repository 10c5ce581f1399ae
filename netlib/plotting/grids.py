"""Grids of numbers with a field framed in them, and layers of feature maps: convolution and pooling, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, ConnectionPatch, Rectangle

from netlib.backend import Array, to_host
from netlib.plotting.pictures import PAPER

Field = tuple[int, int, int, int]  # top, left, rows, columns

SMALL = 5  # rows or columns, from which on numbers are written small
FINE = 12  # rows or columns, up to which cells are told apart by lines unless one asks otherwise
HEIGHT = 3.0  # of the largest map of a drawing of layers, and of a column of neurons
SHIFT = 0.16  # from one map of a layer to the next, down and to the right
APART = 1.5  # between layers
WINDOWS = (0.25, 0.55)  # where in its map a window begins: by turns, so that it does not cover the neuron of the last


def grid(
    axis: Axes,
    values: Array,
    *,
    limits: tuple[float, float] | None = None,
    numbers: str | None = None,
    fields: Sequence[Field | None] = (),
    lines: bool | None = None,
    title: str = "",
) -> None:
    """Draw a matrix as a grid of grey cells.

    Parameters
    ----------
    axis : Axes
        To draw into; it loses its ticks.
    values : (H, W)
        The darker, the larger.
    limits : (lightest, darkest), optional
        Values of paper and of ink. Unless given, 0 is paper if nothing is negative, and else the grey in the middle.
    numbers : str, optional
        Format in which each value is written into its cell, for instance ".1f".
    fields : sequence of (top, left, rows, columns) or None
        Rectangles to be framed, the first in one colour, the second in the next, and so on; None skips a colour.
    lines : bool, optional
        Whether to draw lines between the cells; unless given, only between few.
    title : str
    """
    values = to_host(values)
    largest = float(np.abs(values).max(initial=0)) or 1.0
    low, high = limits or (-largest if values.min(initial=0) < 0 else 0.0, largest)
    axis.imshow(values, cmap=PAPER, vmin=low, vmax=high)
    H, W = values.shape
    axis.set(xticks=[], yticks=[], title=title)
    axis.grid(visible=False)
    axis.spines[:].set(visible=True, color="lightgray")
    if max(H, W) <= FINE if lines is None else lines:
        axis.hlines(np.arange(1, H) - 0.5, -0.5, W - 0.5, color="lightgray", linewidth=0.6)
        axis.vlines(np.arange(1, W) - 0.5, -0.5, H - 0.5, color="lightgray", linewidth=0.6)
    if numbers is not None:
        size = 9 if max(H, W) < SMALL else 7
        for (i, j), value in np.ndenumerate(values):
            color = "white" if value > low + 0.6 * (high - low) else "black"
            axis.text(j, i, _written(value, numbers), ha="center", va="center", fontsize=size, color=color)
    for number, field in enumerate(fields, start=1):
        if field is not None:
            top, left, rows, columns = field
            frame = Rectangle((left - 0.5, top - 0.5), columns, rows, fill=False, edgecolor=f"C{number}")
            axis.add_patch(frame).set(linewidth=2, zorder=3)


def _written(value: float, form: str) -> str:
    """The number in this format, without the minus of a zero."""
    text = f"{value:{form}}"
    return text.lstrip("-") if float(text) == 0 else text


def project(axis: Axes, field: Field, other: Axes, target: Field, *, color: str = "C1") -> None:
    """Draw two lines from the right corners of a field in one grid to the left corners of one in a grid beside it.

    Parameters
    ----------
    axis, other : Axes
        Of the left and the right grid, in one figure.
    field, target : (top, left, rows, columns)
        In the left and in the right grid.
    color : str
    """
    top, left, rows, columns = field
    to_top, to_left, to_rows, _ = target
    for start, end in ((top, to_top), (top + rows, to_top + to_rows)):
        ends = {"xyA": (left + columns - 0.5, start - 0.5), "xyB": (to_left - 0.5, end - 0.5)}
        line = ConnectionPatch(**ends, coordsA="data", coordsB="data", axesA=axis, axesB=other, color=color)
        line.set(linewidth=0.9, zorder=4)
        axis.figure.add_artist(line)


def layers(
    axis: Axes,
    shapes: Sequence[tuple[int, ...]],
    windows: Sequence[tuple[int, int] | None] = (),
    *,
    captions: Sequence[str] = (),
) -> None:
    """Draw layers from left to right: each as its feature maps, one behind the other, or as a column of neurons.

    Parameters
    ----------
    axis : Axes
        To draw into; its own axes are taken away.
    shapes : sequence of (maps, rows, columns) or (neurons,)
    windows : sequence of (rows, columns) or None
        For each layer but the first: the window that one of its neurons reads in the layer before, or None if a neuron
        reads all of it.
    captions : sequence of str
        What to write above each layer; its shape stands below.
    """
    scale = HEIGHT / max([shape[1] for shape in shapes if len(shape) == 3], default=1)
    start = 0.0
    before: tuple[float, float, float, float] | None = None  # left, top, right, bottom of the last map drawn
    for number, shape in enumerate(shapes):
        window = windows[number - 1] if 0 < number <= len(windows) else None
        front = _neurons(axis, start, *shape) if len(shape) == 1 else _maps(axis, start, shape, scale)
        if before is not None:
            _link(axis, before, front, window, scale, WINDOWS[(number - 1) % 2])
        middle = (start + front[2]) / 2
        if number < len(captions):
            axis.text(middle, HEIGHT / 2 + 0.5, captions[number], ha="center", va="bottom")
        axis.text(middle, -HEIGHT / 2 - 0.65, " x ".join(map(str, shape)), ha="center", va="top")
        start, before = front[2] + APART, front
    axis.set(xlim=(-0.3, start - APART + 0.3), ylim=(-HEIGHT / 2 - 1.1, HEIGHT / 2 + 1.0), aspect="equal")
    axis.set_axis_off()


def _maps(axis: Axes, start: float, shape: tuple[int, ...], scale: float) -> tuple[float, float, float, float]:
    """Squares one behind the other; edges of the one in front."""
    n, rows, columns = shape
    width, height = columns * scale, rows * scale
    for i in range(n):
        left, top = start + i * SHIFT, height / 2 + (n - 1) / 2 * SHIFT - i * SHIFT
        axis.add_patch(
            Rectangle((left, top - height), width, height, facecolor="white", edgecolor="black", linewidth=1, zorder=2)
        )
    return left, top, left + width, top - height


def _neurons(axis: Axes, start: float, n: int) -> tuple[float, float, float, float]:
    """A column of circles; edges of the column."""
    step = HEIGHT / n
    radius = min(0.4 * step, 0.17)
    for i in range(n):
        centre = (start + radius, HEIGHT / 2 - (i + 0.5) * step)
        axis.add_patch(Circle(centre, radius, facecolor="white", edgecolor="black", linewidth=1, zorder=2))
    return start, HEIGHT / 2, start + 2 * radius, -HEIGHT / 2


def _link(
    axis: Axes,
    before: tuple[float, float, float, float],
    front: tuple[float, float, float, float],
    window: tuple[int, int] | None,
    scale: float,
    share: float,
) -> None:
    """From a window in the last map of one layer to one neuron of the next; or from all of it to all of them.

    The window begins at this share of the map's width and height, unless it would reach over the edge there.
    """
    left, top, right, bottom = before
    if window is None:
        for a, b in ((top, front[1]), (bottom, front[3])):
            axis.plot([right, front[0]], [a, b], color="gray", linewidth=0.8, zorder=1)
        return
    rows, columns = (size * scale for size in window)
    across, down = min(share * (right - left), right - left - columns), min(share * (top - bottom), top - bottom - rows)
    frame = left + across, top - down  # upper left corner of the window
    place = front[0] + share * (front[2] - front[0]), front[1] - share * (front[1] - front[3])
    axis.add_patch(
        Rectangle((frame[0], frame[1] - rows), columns, rows, fill=False, edgecolor="C1", linewidth=1.5, zorder=3)
    )
    axis.add_patch(Rectangle((place[0], place[1] - scale), scale, scale, color="C1", zorder=3))
    for a, b in ((frame[1], place[1]), (frame[1] - rows, place[1] - scale)):
        axis.plot([frame[0] + columns, place[0]], [a, b], color="C1", linewidth=0.9, zorder=3)
