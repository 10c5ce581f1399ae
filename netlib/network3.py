"""The book's module ``network3``, name for name, on today's netlib.

The listings of chapter 6 run as printed once their import reads ``from netlib import network3``, and
``from netlib.network3 import ...`` for the layers. The defaults are the book's, its mistakes included where they
decide a result; each has an option beside it that does better. Mended without an option: dropout masks are independent
between layers, and all that is random comes from a seed. The book's switch ``GPU`` is Network's argument ``device``.
"""

from __future__ import annotations

from os import PathLike

from netlib.data import DataSets, load_pickle, size
from netlib.layers import ConvPoolLayer, FullyConnectedLayer, SoftmaxLayer
from netlib.network import Network
from netlib.ops import ReLU, dropout_layer, linear, sigmoid, tanh

__all__ = [
    "ConvPoolLayer",
    "FullyConnectedLayer",
    "Network",
    "ReLU",
    "SoftmaxLayer",
    "dropout_layer",
    "linear",
    "load_data_shared",
    "sigmoid",
    "size",
    "tanh",
]


def load_data_shared(filename: str | PathLike = "../data/mnist.pkl.gz") -> DataSets:
    """Training, validation and test data from the book's pickle, or any of its layout; see `data.load_pickle`."""
    return load_pickle(filename)
