"""Real handwriting that comes with the package: the test part of UCI's optical digits, 28 x 28 like MNIST.

``data/README.md`` tells where the digits are from and how they were scaled; ``data/make_digits.py`` does it.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from netlib.data.sets import Data, DataSets
from netlib.files import carried

N_TRAINING, N_VALIDATION = 1297, 250


def path() -> Path:
    """The file of the digits."""
    return carried("digits.npz")


@cache
def load() -> DataSets:
    """1,297 digits for training, 250 for validation, 250 for test; x = byte / 256, as in the book's MNIST.

    The order is fixed, and in each set the ten digits are as frequent as in the whole: in the order of the source,
    the sets would have different writers, and accuracy would measure that.
    """
    with np.load(path(), allow_pickle=False) as file:
        x = file["images"].reshape(-1, 784) / np.float32(256)
        y = file["labels"].astype(np.int32)
    bounds = [0, N_TRAINING, N_TRAINING + N_VALIDATION, len(x)]
    for array in (x, y):
        array.flags.writeable = False  # one copy serves every caller
    return DataSets(*(Data(x[a:b], y[a:b]) for a, b in pairwise(bounds)))
