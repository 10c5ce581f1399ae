"""Figures of what others computed: each function draws the arrays it is given, and returns the figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from netlib.training import History

PAPER = "gray_r"  # ink dark on light paper, as one writes


def _grid(n: int, columns: int, cell: float, captions: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with n framed cells of `cell` inches in rows of `columns`, and room for captions if there are any."""
    columns = max(1, min(columns, n))
    rows = max(1, -(-n // columns))
    height = cell + 0.25 * captions
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * cell, rows * height), squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for axis in axes.flat[n:]:
        axis.set_axis_off()
    for axis in axes.flat[:n]:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(visible=True, color="lightgray")
    return figure, list(axes.flat[:n])


def images(x: np.ndarray, captions: Sequence[object] | None = None, *, columns: int = 10, cell: float = 0.7) -> Figure:
    """Images in a grid, each with a caption above it.

    Parameters
    ----------
    x : (n, H, W) or (n, H * H)
        Grey images, 0 paper and 1 ink.
    captions : sequence of n, optional
        What to write above each.
    columns : int
        Images in a row.
    cell : float
        Side of an image in inches.
    """
    x = np.asarray(x)
    if x.ndim == 2:
        side = round(x.shape[1] ** 0.5)
        x = x.reshape(-1, side, side)
    figure, axes = _grid(len(x), columns, cell, captions is not None)
    for i, (axis, image) in enumerate(zip(axes, x, strict=True)):
        axis.imshow(image, cmap=PAPER, vmin=0, vmax=1)
        if captions is not None:
            axis.set_title(str(captions[i]))
    return figure


def filters(w: np.ndarray, *, columns: int = 10, cell: float = 0.7) -> Figure:
    """The filters of one input map, each on its own scale: dark for positive weights, light for negative, grey for 0.

    Parameters
    ----------
    w : (n, KH, KW)
        Filters, for instance ``layer.w[:, 0]``.
    """
    figure, axes = _grid(len(w), columns, cell)
    for axis, kernel in zip(axes, w, strict=True):
        bound = np.abs(kernel).max()
        axis.imshow(kernel, cmap=PAPER, vmin=-bound, vmax=bound)
    return figure


def training(history: History) -> Figure:
    """Two panels over the epochs: the mean training cost, on a log axis, and the validation accuracy."""
    epochs = np.arange(1, len(history.cost) + 1)
    figure, (left, right) = plt.subplots(1, 2)
    left.semilogy(epochs, history.cost, marker="o")
    left.set(xlabel="epoch", ylabel="training cost")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    right.plot(epochs, history.validation_accuracy, marker="o")
    right.set(xlabel="epoch", ylabel="validation accuracy")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axis in (left, right):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.tight_layout()
    return figure


def probabilities(x: np.ndarray, p: np.ndarray) -> Figure:
    """Images, and beside each the probabilities that a network gives to the classes.

    Parameters
    ----------
    x : (n, H, W)
        Grey images.
    p : (n, classes)
        Probabilities.
    """
    n = len(x)
    size = (6, 1.2 * n)
    figure, axes = plt.subplots(n, 2, figsize=size, squeeze=False, sharex="col", width_ratios=(1, 4))
    for (picture, bars), image, row in zip(axes, x, p, strict=True):
        picture.imshow(image, cmap=PAPER, vmin=0, vmax=1)
        picture.set_axis_off()
        bars.bar(np.arange(len(row)), row)
        bars.set(ylim=(0, 1), xticks=np.arange(len(row)), yticks=(0, 0.5, 1))
    axes[-1, 1].set_xlabel("digit")
    axes[n // 2, 1].set_ylabel("probability")
    figure.tight_layout()
    return figure


def journey(x: np.ndarray, maps: np.ndarray, p: np.ndarray) -> Figure:
    """From pixels to an answer: an image, the maps that its filters make of it, the probabilities of the classes.

    Parameters
    ----------
    x : (H, W)
        A grey image.
    maps : (n, h, w)
        Feature maps, drawn on one scale from 0 to the largest value.
    p : (classes,)
        Probabilities.
    """
    figure, (left, middle, right) = plt.subplots(1, 3, width_ratios=(2, 3, 3), layout="constrained")
    left.imshow(x, cmap=PAPER, vmin=0, vmax=1)
    left.set(title="image", xticks=[], yticks=[])
    columns = math.ceil(len(maps) ** 0.5)
    rows = math.ceil(len(maps) / columns)
    h, w = maps.shape[1:]
    sheet = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1), np.nan)  # a blank line between maps
    for i, answers in enumerate(maps):
        top, start = i // columns * (h + 1), i % columns * (w + 1)
        sheet[top : top + h, start : start + w] = answers
    middle.imshow(sheet, cmap="viridis", vmin=0)
    middle.set(title="what the filters answer", xticks=[], yticks=[])
    right.bar(np.arange(len(p)), p)
    right.set(title="probabilities", xlabel="digit", xticks=np.arange(len(p)), ylim=(0, 1))
    for axis in (left, middle):
        axis.spines[:].set_visible(False)
    return figure
