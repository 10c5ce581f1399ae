"""Images that are made from others when they are asked for, and answer as an array of them would."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from netlib.backend import Array, Workspace, move, namespace, to_host


class Derived(ABC):
    """Images made from originals, each when it is asked for.

    Indexed by a number, a slice or a vector of integers, it answers as an array (len(order), features) would, and
    ``np.asarray`` turns it into one.

    Parameters
    ----------
    images : (n, features)
        The originals.
    image_shape : tuple of int
        Of an image, (..., H, W).
    order : (m,)
        Which picture stands where.
    """

    ndim = 2

    def __init__(self, images: Array, image_shape: tuple[int, ...], order: Array) -> None:
        xp = namespace(images)
        self.images, self.image_shape, self.order = xp.ascontiguousarray(images), image_shape, move(order, xp)

    @property
    def shape(self) -> tuple[int, int]:
        """Images, and numbers in each."""
        return len(self.order), self.images.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers."""
        return self.images.dtype

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, rows: Any) -> Array:
        return self.take(rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("images that are made when asked for can only be made into an array by a copy")
        return np.asarray(to_host(self[:]), dtype)

    @abstractmethod
    def take(self, rows: Any, work: Workspace | None = None, step: int = 0) -> Array:
        """The images at these places, (..., features), as training step number `step` sees them.

        With `work`, they live there, until the next are made there.
        """

    @abstractmethod
    def replace(self, images: Array) -> Self:
        """The same set of other originals: cast, or on another device."""


def originals(data: tuple[Array, Array]) -> tuple[Array, tuple[int, ...], Array]:
    """Images to make others from, as rows (n, features), the shape (..., H, W) of one, and labels (n,).

    Parameters
    ----------
    data : (x, y)
        Images (n, ..., H, W), or as rows (n, H * H) of square grey images, and labels (n,).

    Raises
    ------
    TypeError, ValueError
        If `data` is no such pair, or rows are not square.
    """
    try:
        x, y = (move(array, namespace(array)) for array in data)
    except (TypeError, ValueError):
        raise TypeError(f"data: expected a pair of arrays (images, labels); got {type(data).__name__}") from None
    if x.ndim < 2 or y.shape != x.shape[:1]:
        raise ValueError(f"data: expected images (n, ..., H, W) or (n, H * H) and n labels; got {x.shape}, {y.shape}")
    image_shape = x.shape[1:] if x.ndim > 2 else (math.isqrt(x.shape[1]),) * 2
    if math.prod(image_shape) != math.prod(x.shape[1:]):
        raise ValueError(f"data: expected rows of square images, or images (n, H, W); got rows of {x.shape[1]} numbers")
    return x.reshape(len(x), math.prod(image_shape)), image_shape, y
