"""Figures of what others computed: each function draws the arrays that it is given, and returns the Figure.

Arrays may live on a GPU; they are copied to the host to be drawn.
"""

from netlib.plotting.curves import epochs, training
from netlib.plotting.diagrams import beside, network
from netlib.plotting.graphs import graph
from netlib.plotting.grids import grid, layers, project
from netlib.plotting.pictures import PAPER, errors, filters, images, journey, probabilities, seen
from netlib.plotting.surfaces import square, surface

__all__ = [
    "PAPER",
    "beside",
    "epochs",
    "errors",
    "filters",
    "graph",
    "grid",
    "images",
    "journey",
    "layers",
    "network",
    "probabilities",
    "project",
    "seen",
    "square",
    "surface",
    "training",
]
