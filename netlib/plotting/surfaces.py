"""Surfaces over the unit square, seen from a fixed place that a slider may turn."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

AZIMUTH, ELEVATION = -114, 22  # degrees: from the front, a little from the left and from above
SEGMENTS = 50


def square(segments: int = SEGMENTS) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates x and y, (segments + 1, segments + 1) each, of a mesh over the unit square."""
    return np.meshgrid(*[np.linspace(0, 1, segments + 1)] * 2)


def surface(
    figure: FigureBase,
    z: np.ndarray,
    *,
    zlim: tuple[float, float],
    title: str = "",
    turn: float = 0,
    place: tuple[int, int, int] = (1, 1, 1),
) -> Axes:
    """Draw a surface of heights z over a mesh of the unit square, as `square` gives it.

    Parameters
    ----------
    figure : Figure or SubFigure
    z : (n, n)
        Heights; rows go with y, columns with x.
    zlim : (lowest, highest)
        Of the axis, and of the colours.
    title : str
    turn : float
        Degrees by which to walk around it.
    place : (rows, columns, number)
        Of the axes in the figure.
    """
    figure.subplots_adjust(left=0.06, right=0.94, bottom=0.08, top=0.9, wspace=0.1)
    axis = figure.add_subplot(*place, projection="3d")
    x, y = square(len(z) - 1)
    low, high = zlim
    axis.plot_surface(
        x,
        y,
        z,
        rcount=SEGMENTS,
        ccount=SEGMENTS,
        cmap="viridis",
        vmin=low,
        vmax=high,
        edgecolor="white",
        linewidth=0.15,
    )
    axis.view_init(elev=ELEVATION, azim=AZIMUTH + turn)
    ticks = (0, 0.5, 1)
    axis.set(xlabel="x", ylabel="y", zlim=zlim, xticks=ticks, yticks=ticks, title=title)
    axis.tick_params(labelsize=8, pad=-2)
    axis.zaxis.set_major_locator(MaxNLocator(4))
    for which in (axis.xaxis, axis.yaxis, axis.zaxis):
        which.labelpad = -6
    axis.set_box_aspect((1, 1, 0.75), zoom=1.05)
    return axis
