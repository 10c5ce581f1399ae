"""Data sets, each as training, validation and test data of images and labels."""

from __future__ import annotations

from netlib import checks
from netlib.data import digits, mnist
from netlib.data.derived import Derived
from netlib.data.distortion import HANDWRITING, Distorted, Distortion, distort
from netlib.data.expansion import Expanded, expand
from netlib.data.mnist import DataError
from netlib.data.own import OwnImages, own_images
from netlib.data.pickles import load_pickle
from netlib.data.preparation import as_mnist
from netlib.data.sets import Data, DataSets, size

__all__ = [
    "HANDWRITING",
    "Data",
    "DataError",
    "DataSets",
    "Derived",
    "Distorted",
    "Distortion",
    "Expanded",
    "OwnImages",
    "as_mnist",
    "distort",
    "expand",
    "load",
    "load_pickle",
    "own_images",
    "size",
]

LOADERS = {"digits": digits.load, "mnist": mnist.load}


def load(name: str, *, expanded: bool = False) -> DataSets:
    """A data set by its name.

    Parameters
    ----------
    name : {"digits", "mnist"}
        "digits": 1,797 handwritten digits that come with the package (see `netlib.data.digits`). "mnist": the book's
        70,000, from a folder or a public mirror (see `netlib.data.mnist`). Each image is 28 x 28.
    expanded : bool
        Five training images for each one, as the book makes them: see `expand`.

    Returns
    -------
    DataSets
        (training, validation, test), each (x, y) with x (n, 784) in float32, between 0 and 1, and y (n,) integers.
        The arrays are shared by all callers and cannot be written to; expanded images are made when asked for.

    Raises
    ------
    ValueError
        If there is no data set of this name.
    DataError
        If it is not here and cannot be fetched, or is damaged.
    """
    sets = LOADERS[checks.choice("name", name, LOADERS)]()
    return sets._replace(training=expand(sets.training)) if expanded else sets
