"""Pooling: each window of an image is summed up in one number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netlib import checks
from netlib.backend import Array, namespace

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")
TIES = ("all", "first")


class _Grid(NamedTuple):
    """Where the windows lie: their size, their step, the padding, and how many fit in rows and columns."""

    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    count: tuple[int, int]

    def reach(self) -> tuple[int, int]:
        """Rows and columns from the start of the padded image to the end of the last window."""
        return tuple((n - 1) * s + k for n, s, k in zip(self.count, self.stride, self.window, strict=True))

    def slices(self) -> Iterator[tuple]:
        """For each place in the window, in reading order: the padded image's entries there, one for each window."""
        (KH, KW), (SH, SW), _, (OH, OW) = self
        for k in range(KH):
            for m in range(KW):
                yield ..., slice(k, k + SH * OH, SH), slice(m, m + SW * OW, SW)


def _fit(size: int, window: int, stride: int, padding: int, ignore_border: bool) -> int:
    """How many windows fit along one axis."""
    if ignore_border:
        return (size + 2 * padding - window) // stride + 1
    return -(-size // stride) if stride >= window else max(0, -(-(size - window) // stride)) + 1


def _grid(
    x: Array, window: int | tuple, stride: int | tuple | None, padding: int | tuple, ignore_border: bool
) -> _Grid:
    if x.ndim != 4 or 0 in x.shape[2:] or x.dtype.kind != "f":
        raise ValueError(f"x: expected images (N, C, H, W) of floats; got shape {x.shape}, dtype {x.dtype}")

    window, padding = checks.pair("window", window, 1), checks.pair("padding", padding, 0)
    stride = window if stride is None else checks.pair("stride", stride, 1)
    if any(p >= k for p, k in zip(padding, window, strict=True)):
        raise ValueError(f"padding: expected less than the window, {window}; got {padding}")
    if any(padding) and not ignore_border:
        raise ValueError(f"padding: expected 0 when ignore_border is False; got {padding}")
    if ignore_border and any(k > n + 2 * p for k, n, p in zip(window, x.shape[2:], padding, strict=True)):
        raise ValueError(f"window: expected no more than the padded image, {x.shape[2:]} + 2 * {padding}; got {window}")
    sizes = zip(x.shape[2:], window, stride, padding, strict=True)
    return _Grid(window, stride, padding, tuple(_fit(*size, ignore_border) for size in sizes))


def _padded(x: Array, grid: _Grid, fill: float) -> Array:
    """The image with `fill` around it, so far that every window lies inside."""
    edges = [(0, 0), (0, 0)]
    for size, before, reach in zip(x.shape[2:], grid.padding, grid.reach(), strict=True):
        edges.append((before, max(0, reach - size - before)))
    return namespace(x).pad(x, edges, constant_values=fill)


def _cells(x: Array, grid: _Grid, mode: str) -> Array:
    """The number of entries in each window, (OH, OW); padding counts or not, as the mode says."""
    xp = namespace(x)
    ones = xp.ones((1, 1, *x.shape[2:]), x.dtype)
    if mode == "average_inc_pad":
        (top, left) = grid.padding
        ones = xp.pad(ones, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=1)
        grid = grid._replace(padding=(0, 0))
    ones = _padded(ones, grid, 0)
    return sum(ones[place] for place in grid.slices())


def pool2d(
    x: Array,
    window: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    ignore_border: bool = True,
    mode: str = "max",
) -> Array:
    """Pool images over windows (book, chapter 6, "Pooling layers").

    Parameters
    ----------
    x : (N, C, H, W)
        Images.
    window : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Step from one window to the next; the window itself unless given, so that windows do not overlap.
    padding : int or (int, int)
        Rows and columns around the image that count as smaller than anything to a maximum and as 0 to a sum.
    ignore_border : bool
        Leave out windows that reach over the edge (True), or use the part of them that lies inside (False).
    mode : {"max", "sum", "average_inc_pad", "average_exc_pad"}
        What a window is summed up by; the averages divide by its entries with or without the padding.

    Returns
    -------
    (N, C, OH, OW)

    Raises
    ------
    ValueError
        If a window is larger than the padded image, or the padding reaches a window's size.
    """
    checks.choice("mode", mode, MODES)
    grid = _grid(x, window, stride, padding, ignore_border)
    padded = _padded(x, grid, -float("inf") if mode == "max" else 0)
    entries = (padded[place] for place in grid.slices())
    y = next(entries)
    for entry in entries:
        y = namespace(x).maximum(y, entry) if mode == "max" else y + entry
    return y / _cells(x, grid, mode) if mode.startswith("average") else y


def pool2d_gradient(
    x: Array,
    y: Array,
    dy: Array,
    window: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    ignore_border: bool = True,
    mode: str = "max",
    ties: str = "all",
) -> Array:
    """Gradient of a cost with respect to the images given to `pool2d`.

    A sum hands its gradient to all its entries, a maximum to the entry that was the maximum.

    Parameters
    ----------
    x, window, stride, padding, ignore_border, mode
        As given to `pool2d`.
    y : (N, C, OH, OW)
        The result of `pool2d`.
    dy : (N, C, OH, OW)
        Gradient of the cost with respect to `y`.
    ties : {"all", "first"}
        Where several entries of a window share the maximum, each gets the full gradient (network3's rule, under
        Theano), or the first in reading order gets it (PyTorch's).

    Returns
    -------
    (N, C, H, W)
    """
    checks.choice("mode", mode, MODES)
    checks.choice("ties", ties, TIES)
    xp = namespace(x, y, dy)
    grid = _grid(x, window, stride, padding, ignore_border)
    expected = (*x.shape[:2], *grid.count)
    if not y.shape == dy.shape == expected:
        raise ValueError(f"y, dy: expected the shape of pool2d's result, {expected}; got {y.shape} and {dy.shape}")
    if mode.startswith("average"):
        dy = dy / _cells(x, grid, mode)
    padded = _padded(x, grid, -float("inf"))
    dx = xp.zeros(padded.shape, x.dtype)
    unclaimed = xp.ones(y.shape, bool)
    for place in grid.slices():
        if mode == "max":
            winner = (padded[place] == y) & unclaimed
            dx[place] += dy * winner
            if ties == "first":
                unclaimed &= ~winner
        else:
            dx[place] += dy
    (top, left), (H, W) = grid.padding, x.shape[2:]
    return dx[:, :, top : top + H, left : left + W]
