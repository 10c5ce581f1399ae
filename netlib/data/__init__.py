"""Data sets, each as training, validation and test data of images and labels."""

from __future__ import annotations

from netlib import checks
from netlib.data import digits
from netlib.data.pickles import load_pickle
from netlib.data.sets import Data, DataSets, size

__all__ = ["Data", "DataSets", "load", "load_pickle", "size"]

LOADERS = {"digits": digits.load}


def load(name: str) -> DataSets:
    """A data set by its name.

    Parameters
    ----------
    name : {"digits"}
        "digits": 1,797 handwritten digits, 28 x 28, that come with the package (see `netlib.data.digits`).

    Returns
    -------
    DataSets
        (training, validation, test), each (x, y) with x (n, 784) in float32, between 0 and 1, and y (n,) integers.
    """
    return LOADERS[checks.choice("name", name, LOADERS)]()
