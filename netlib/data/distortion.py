"""Data without end: images that are distorted anew each time training sees them, as if they were written again.

The book moves images by a pixel, and names the paper that goes further: P. Simard, D. Steinkraus and J. Platt, "Best
practices for convolutional neural networks applied to visual document analysis", ICDAR 2003. They shift, rotate and
skew, and they stretch images like rubber: each pixel is displaced at random, and the displacements are smoothed so
that neighbours go nearly the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from netlib import checks, rng
from netlib.backend import Array, Workspace, gather, namespace
from netlib.data.derived import Derived, originals
from netlib.data.sets import Data
from netlib.data.warping import HALF, affine, displacements, gaussian, interpolate

HANDWRITING = {"rotation": 10.0, "skew": 10.0, "scale": 0.1, "shift": 1.0, "elastic": (4.0, 24.0)}
AFFINE, ELASTIC = range(2)  # streams of draws: with or without elastic deformation, the other draws are the same


@dataclass(frozen=True)
class Distortion:
    """How far images are distorted; `distort` tells of the arguments and errors."""

    rotation: float = 0.0
    skew: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    whole_pixels: bool = False
    elastic: tuple[float, float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        bounds = {"rotation": math.inf, "skew": 90, "scale": 1, "shift": math.inf}
        checked: dict[str, Any] = {
            name: checks.non_negative(name, getattr(self, name), below=bound) for name, bound in bounds.items()
        }
        checked["seed"] = checks.integer("seed", self.seed, 0)
        checks.kind("whole_pixels", self.whole_pixels, bool)
        if self.whole_pixels and checked["shift"] % 1:
            raise ValueError(f"shift: expected an integer, as whole_pixels is set; got {self.shift!r}")
        if self.elastic is not None:
            if not isinstance(self.elastic, tuple | list) or len(self.elastic) != 2:
                raise TypeError(f"elastic: expected a pair (sigma, alpha), or None; got {self.elastic!r}")
            sigma = checks.non_negative("elastic sigma", self.elastic[0], below=1000)
            if sigma == 0:
                raise ValueError(f"elastic sigma: expected a number above 0; got {self.elastic[0]!r}")
            checked["elastic"] = sigma, checks.non_negative("elastic alpha", self.elastic[1])
        for name, value in checked.items():
            object.__setattr__(self, name, value)


class Distorted(Derived):
    """Distorted images, each made when it is asked for, and in each training step another.

    Indexed as an array (n, features) would be, it answers with the images of step 0; `take` with those of any step.

    Parameters
    ----------
    images : (n, features)
        The originals; integers are made floats.
    image_shape : tuple of int
        Of an image, (..., H, W). All that lies before H and W, such as channels, is distorted alike.
    distortion : Distortion
        How far.
    """

    def __init__(self, images: Array, image_shape: tuple[int, ...], distortion: Distortion) -> None:
        xp = namespace(images)
        images = images.astype(np.result_type(images.dtype, np.float32), copy=False)
        super().__init__(images, image_shape, xp.arange(len(images)))
        self.distortion = distortion
        *channels, H, W = image_shape
        self._maps = math.prod(channels), H, W
        self._rows, self._columns = (xp.arange(size) - (size - 1) / 2 for size in (H, W))  # from the centre
        self._smooth = None
        if distortion.elastic:
            sigma, alpha = distortion.elastic
            weights = gaussian(H, sigma) * (alpha / HALF), gaussian(W, sigma)
            self._smooth = [xp.asarray(smooth, dtype=images.dtype) for smooth in weights]

    def take(self, rows: Any, work: Workspace | None = None, step: int = 0) -> Array:
        """The images at these places, (..., features), as training step number `step` sees them.

        With `work`, they live there, until the next are made there.
        """
        work = work or Workspace(namespace(self.images))
        number = self.order[rows]
        pictures = work("pictures", (*number.shape, self.shape[1]), self.dtype)
        image, made = number.reshape(number.size), pictures.reshape(number.size, self.shape[1])
        together = 20 if work.xp is np else 1000  # few enough for a CPU's cache, enough to keep a GPU busy
        for start in range(0, len(image), together):
            part = slice(start, start + together)
            made[part] = self._made(image[part], step, work)
        return pictures

    def _made(self, image: Array, step: int, work: Workspace) -> Array:
        n, (C, H, W) = len(image), self._maps
        position = work("position", (2, n, H, W), self.dtype)
        if self._smooth:
            stream = rng.key(self.distortion.seed, rng.Purpose.DISTORTION, ELASTIC, step)
            displacements(image, stream, *self._smooth, position, work)
        else:
            position[...] = 0
        maps = self._affine(image, step)
        for at, size, (by_row, by_column, offset) in zip(position, (H, W), maps, strict=True):
            offset += (size - 1) / 2
            at += (by_row[:, None] * self._rows + offset[:, None]).astype(self.dtype)[:, :, None]
            at += (by_column[:, None] * self._columns).astype(self.dtype)[:, None]
        chosen = gather(self.images, image, work("chosen", (n, self.shape[1]), self.dtype))
        return interpolate(chosen.reshape(n, C, H, W), position, work).reshape(chosen.shape)

    def _affine(self, image: Array, step: int) -> tuple[tuple[Array, Array, Array], ...]:
        """What `affine` gives for the draws of these images."""
        xp, may = namespace(image), self.distortion
        stream = rng.key(may.seed, rng.Purpose.DISTORTION, AFFINE, step)
        drawn = (rng.words_of(image, stream, 6) >> np.uint64(11)).T * 2.0**-53  # (6, n), from 0 to 1
        angle, lean, tall, wide, *shifts = 2 * drawn - 1
        if may.whole_pixels:
            down, right = xp.floor(drawn[4:] * (2 * may.shift + 1)) - may.shift
        else:
            down, right = (may.shift * shift for shift in shifts)
        angle, lean = math.radians(may.rotation) * angle, math.radians(may.skew) * lean
        return affine(angle, lean, 1 + may.scale * tall, 1 + may.scale * wide, down, right)

    def replace(self, images: Array) -> Distorted:
        """The same set of other originals: cast, or on another device."""
        return Distorted(images, self.image_shape, self.distortion)


def distort(
    data: tuple[Array, Array],
    *,
    rotation: float = 0.0,
    skew: float = 0.0,
    scale: float = 0.0,
    shift: float = 0.0,
    whole_pixels: bool = False,
    elastic: tuple[float, float] | None = None,
    seed: int = 0,
) -> Data:
    """The same images, distorted at random, and anew each time that training sees them.

    Nothing is done that is not asked for; ``distort(data, **HANDWRITING)`` asks for what leaves digits readable. Each
    image is made when its mini-batch asks for it. How it is distorted is decided by the seed, its place in `data` and
    the training step, and by nothing else: a run that goes on after an interruption sees the same images, and a GPU
    sees those that a CPU sees, up to rounding. Outside training, they are those of training step 0.

    What is drawn is distributed evenly between its bounds.

    Parameters
    ----------
    data : (x, y)
        Images (n, ..., H, W), or as rows (n, H * H) of square grey images, and labels (n,).
    rotation : float
        Degrees by which an image is turned at most, either way, about its centre.
    skew : float
        Degrees by which uprights lean at most to the right or to the left, as in handwriting; below 90.
    scale : float
        By which part of its height an image is made taller or less tall at most, and independently wider or narrower:
        0.1 for factors from 0.9 to 1.1. Below 1.
    shift : float
        Pixels by which it is moved at most, up or down, and independently to the left or to the right.
    whole_pixels : bool
        Shift by whole pixels only, as the book does.
    elastic : (sigma, alpha), optional
        Displace each pixel, by a smooth field: numbers between -1 and 1, one for its row and one for its column,
        smoothed by a Gaussian of standard deviation `sigma`, in pixels, and multiplied by `alpha`, in pixels. For
        sigma from about 1, that is ``alpha / (sigma sqrt(12 pi))`` pixels in the mean square. Simard, Steinkraus and
        Platt take (4, 34).
    seed : int
        Decides all that is drawn.

    Returns
    -------
    Data
        Images as `Distorted` rows (n, features), and the labels.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such pair, rows are not square, or an argument is out of range.
    """
    distortion = Distortion(rotation, skew, scale, shift, whole_pixels, elastic, seed)
    if isinstance(data, tuple | list) and data and isinstance(data[0], Derived):
        raise TypeError(f"data: expected images that are stored; got {type(data[0]).__name__}, made when asked for")
    images, image_shape, y = originals(data)
    return Data(Distorted(images, image_shape, distortion), y)
