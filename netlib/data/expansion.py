"""More data from the same data: every image, and its copies moved by one pixel (book, chapter 6, expand_mnist.py)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netlib import checks, rng
from netlib.backend import Array, Workspace, gather, move, namespace
from netlib.data.derived import Derived, originals
from netlib.data.sets import Data

SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))  # (rows, columns): as it is, down, up, right, left


class Expanded(Derived):
    """The images of an expanded set, each made when it is asked for: 250,000 of MNIST's would fill 784 MB.

    Indexed by a number, a slice or a vector of integers, it answers as an array (5 n, features) would, and
    ``np.asarray`` turns it into one. The images are the same in every training step.

    Parameters
    ----------
    images : (n, features)
        The originals.
    image_shape : tuple of int
        Of an image, (..., H, W).
    order : (5 n,)
        Which picture stands where: number 5 i + k is image i, moved by SHIFTS[k].
    """

    def __init__(self, images: Array, image_shape: tuple[int, ...], order: Array) -> None:
        super().__init__(images, image_shape, order)
        source, outside = zip(*(_moved(image_shape, shift) for shift in SHIFTS), strict=True)
        xp = namespace(images)
        self._source, self._outside = xp.asarray(np.stack(source)), xp.asarray(np.stack(outside))

    def take(self, rows: Any, work: Workspace | None = None, step: int = 0) -> Array:
        """The images at these places, (..., features); with `work`, they live there, until the next are made there."""
        work = work or Workspace(namespace(self.images))
        number = self.order[rows]
        image, shift = number // len(SHIFTS), number % len(SHIFTS)
        shape = *number.shape, self.shape[1]
        pixel = gather(self._source, shift, work("pixel", shape, self._source.dtype))
        pixel += image[..., None] * self.shape[1]
        moved = gather(self.images.reshape(-1), pixel, work("moved", shape, self.dtype))
        xp = namespace(moved)
        xp.copyto(moved, xp.zeros((), moved.dtype), where=gather(self._outside, shift, work("outside", shape, bool)))
        return moved

    def replace(self, images: Array) -> Expanded:
        """The same set of other originals: cast, or on another device."""
        return Expanded(images, self.image_shape, self.order)


def _moved(image_shape: tuple[int, ...], shift: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel of a moved image, the pixel it comes from, and whether that lies outside the image."""
    *_, h, w = image_shape
    row, column = np.arange(h)[:, None] - shift[0], np.arange(w) - shift[1]
    nearest = row.clip(0, h - 1), column.clip(0, w - 1)
    outside = (row != nearest[0]) | (column != nearest[1])
    pixels = np.arange(math.prod(image_shape)).reshape(image_shape)
    return pixels[..., *nearest].ravel(), np.broadcast_to(outside, image_shape).ravel()


def expand(data: tuple[Array, Array], *, seed: int = 0) -> Data:
    """Five images for each one: itself, and itself moved by a pixel down, up, right and left.

    What moves over the edge is lost, and the row or column that is left behind is filled with zeros. The order is
    shuffled once, as in the book. For other distortions, other ones in every epoch, see `distort`.

    Parameters
    ----------
    data : (x, y)
        Images (n, ..., H, W), or as rows (n, H * H) of square grey images, and labels (n,).
    seed : int
        Decides the order.

    Returns
    -------
    Data
        Images as `Expanded` rows (5 n, features), made when they are asked for, and labels (5 n,).

    Raises
    ------
    TypeError, ValueError
        If `data` is no such pair, or rows are not square.
    """
    images, image_shape, y = originals(data)
    order = rng.permutation(rng.key(checks.integer("seed", seed, 0), rng.Purpose.EXPANSION), len(SHIFTS) * len(images))
    return Data(Expanded(images, image_shape, order), y[move(order // len(SHIFTS), namespace(y))])
