"""What a data set is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Data(NamedTuple):
    """Images x, one a row (n, features), and their labels y (n,)."""

    x: np.ndarray
    y: np.ndarray


class DataSets(NamedTuple):
    """Three sets without an image in common; unpacks as the book's do."""

    training: Data
    validation: Data
    test: Data


def size(data: tuple[np.ndarray, np.ndarray]) -> int:
    """The number of images in a pair (x, y); network3's function of this name."""
    return len(data[0])
