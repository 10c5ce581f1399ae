"""Pictures: images, filters, feature maps, and what a network makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from netlib.backend import Array, to_host

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
        _frame(axis)
    return figure, list(axes.flat[:n])


def _frame(axis: Axes) -> None:
    """No ticks, and a thin line around: paper ends there."""
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    axis.spines[:].set(visible=True, color="lightgray")


def _pictures(
    x: np.ndarray, low: np.ndarray, high: np.ndarray, captions: Sequence[object] | None, columns: int, cell: float
) -> Figure:
    """Pictures in a grid, picture i from `low[i]`, as light as paper, to `high[i]`, as dark as ink."""
    figure, axes = _grid(len(x), columns, cell, captions is not None)
    for i, axis in enumerate(axes):
        axis.imshow(x[i], cmap=PAPER, vmin=low[i], vmax=high[i])
        if captions is not None:
            axis.set_title(str(captions[i]))
    return figure


def images(x: Array, captions: Sequence[object] | None = None, *, columns: int = 10, cell: float = 0.7) -> Figure:
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
    x = _squares(x)
    return _pictures(x, np.zeros(len(x)), np.ones(len(x)), captions, columns, cell)


def _squares(x: Array) -> np.ndarray:
    """Images (n, H, W) on the host, which may come as rows of square ones."""
    x = to_host(x)
    return x.reshape(len(x), *[math.isqrt(x.shape[1])] * 2) if x.ndim == 2 else x


def filters(w: Array, captions: Sequence[object] | None = None, *, columns: int = 10, cell: float = 0.7) -> Figure:
    """The filters of one input map, each on its own scale: dark for positive weights, light for negative, grey for 0.

    Parameters
    ----------
    w : (n, KH, KW)
        Filters, for instance ``layer.w[:, 0]``.
    captions : sequence of n, optional
        What to write above each.
    columns, cell
        As in `images`.
    """
    w = to_host(w)
    bounds = np.abs(w).max(axis=(1, 2), initial=0)
    bounds[bounds == 0] = 1  # a filter of zeros is grey
    return _pictures(w, -bounds, bounds, captions, columns, cell)


def errors(
    x: Array,
    truth: Sequence[object],
    votes: Sequence[object] | None = None,
    columns: int = 8,
    rows: int = 5,
    *,
    cell: float = 0.95,
) -> Figure:
    """Images that were misread, in the book's layout: the true label at the top right, the answer at the bottom right.

    Parameters
    ----------
    x : (n, H, W) or (n, H * H)
        Grey images, 0 paper and 1 ink.
    truth, votes : sequence of n
        Their labels, and what was answered, if that is known.
    columns, rows : int
        The figure has room for ``columns * rows`` images; those after them are not drawn.
    cell : float
        Side of an image in inches.
    """
    x = _squares(x)
    if {len(x)} != {len(labels) for labels in (truth, votes) if labels is not None}:
        raise ValueError(f"truth, votes: expected {len(x)} of each, as many as images")
    figure = images(x[: columns * rows], columns=columns, cell=cell)
    for i, axis in enumerate(axis for axis in figure.axes if axis.images):
        style = {"transform": axis.transAxes, "ha": "right"}
        axis.text(0.97, 0.97, str(truth[i]), va="top", **style)
        if votes is not None:
            axis.text(0.97, 0.03, str(votes[i]), va="bottom", color="C1", weight="bold", **style)
    return figure


def probabilities(x: Array, p: np.ndarray, captions: Sequence[object] | None = None) -> Figure:
    """Images, and beside each the probabilities that a network gives to the classes.

    Parameters
    ----------
    x : (n, H, W)
        Grey images.
    p : (n, classes)
        Probabilities.
    captions : sequence of n, optional
        What to write beside each image.
    """
    x, n = to_host(x), len(x)
    size = (6, 1.1 * n)
    figure, axes = plt.subplots(n, 2, figsize=size, squeeze=False, sharex="col", width_ratios=(1, 4))
    for i, ((picture, bars), image, row) in enumerate(zip(axes, x, p, strict=True)):
        picture.imshow(image, cmap=PAPER, vmin=0, vmax=1)
        _frame(picture)
        if captions is not None:
            picture.set_ylabel(str(captions[i]), rotation=0, ha="right", va="center")
        _bars(bars, row)
        bars.set(yticks=(0, 0.5, 1))
    axes[-1, 1].set_xlabel("digit")
    axes[0, 1].set_title("probability")
    figure.tight_layout()
    return figure


def journey(x: Array, maps: Sequence[Array], p: np.ndarray) -> Figure:
    """From pixels to an answer: an image, the maps that each layer's filters make of it, the classes' probabilities.

    Parameters
    ----------
    x : (H, W)
        A grey image.
    maps : sequence of (n, h, w)
        Feature maps of each convolutional layer, on one scale: the darker, the stronger the answer.
    p : (classes,)
        Probabilities.
    """
    panels = (2, *(3 for _ in maps), 3)
    figure, (left, *middle, right) = plt.subplots(1, len(panels), width_ratios=panels, layout="constrained")
    left.imshow(to_host(x), cmap=PAPER, vmin=0, vmax=1)
    left.set_title("image")
    _frame(left)
    for i, (axis, layer) in enumerate(zip(middle, maps, strict=True)):
        axis.imshow(_sheet(to_host(layer)), cmap=PAPER, vmin=0)
        axis.set_facecolor("lightsteelblue")
        axis.set_title("what its filters answer" if len(maps) == 1 else f"what layer {i} answers")
        _frame(axis)
    _bars(right, p)
    right.set(title="what it answers", xlabel="digit", ylabel="probability")
    return figure


def seen(originals: Sequence[Array], x: Array, p: np.ndarray, captions: Sequence[object] | None = None) -> Figure:
    """What a network made of pictures: each picture, the image that the network saw, the classes' probabilities.

    The likeliest class has a bar of another colour, and its probability above it.

    Parameters
    ----------
    originals : sequence of (H, W), (H, W, 3) or (H, W, 4)
        n pictures of any size, integers from 0 to 255 or floats from 0 to 1, 0 being black.
    x : (n, H, W), (n, H * H) or (n, H, W, 3)
        Grey images, 0 paper and 1 ink, or colours from 0 to 1.
    p : (n, classes)
        Probabilities.
    captions : sequence of n, optional
        What to write above the bars of each, for instance a file's name.
    """
    x, n = _squares(x), len(x)
    figure, axes = plt.subplots(
        n, 3, figsize=(8, 1.6 * n + 0.5), squeeze=False, width_ratios=(1, 1, 3), layout="constrained"
    )
    for i, ((left, middle, right), original, image, row) in enumerate(zip(axes, originals, x, p, strict=True)):
        original = to_host(original)
        left.imshow(original, cmap="gray", vmin=0, vmax=1 if original.dtype.kind == "f" else 255)
        middle.imshow(image, cmap=PAPER, vmin=0, vmax=1)
        for axis in (left, middle):
            _frame(axis)
        bars, best = _bars(right, row), int(np.argmax(row))
        bars[best].set_color("C1")
        right.annotate(f"{row[best]:.0%}", (best, row[best]), (0, 2), textcoords="offset points", ha="center")
        right.set(ylim=(0, 1.25), yticks=(0, 0.5, 1))  # room for the number above a certain answer
        if captions is not None:
            right.set_title(str(captions[i]), loc="left", parse_math=False)  # a file may be called $_$.png
    axes[0, 0].set_title("picture")
    axes[0, 1].set_title("network's view")
    axes[-1, 2].set_xlabel(f"probability of each {'digit' if p.shape[1] == 10 else 'class'}")
    return figure


def _bars(axis: Axes, p: np.ndarray) -> BarContainer:
    """A bar for each class, as high as its probability."""
    bars = axis.bar(np.arange(len(p)), p)
    axis.set(ylim=(0, 1), xticks=np.arange(len(p)))
    if len(p) > 26:  # their numbers would run into each other
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return bars


def _sheet(maps: np.ndarray) -> np.ndarray:
    """Maps (n, h, w) side by side in a square of rows, with a line without a value between them."""
    columns = math.ceil(len(maps) ** 0.5)
    rows = math.ceil(len(maps) / columns)
    h, w = maps.shape[1:]
    sheet = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1), np.nan)
    for i, answers in enumerate(maps):
        top, start = i // columns * (h + 1), i % columns * (w + 1)
        sheet[top : top + h, start : start + w] = answers
    return sheet
