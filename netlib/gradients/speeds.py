"""How fast each layer learns: the norm of its part of the gradient (book, chapter 5).

The cost is the one that `Network.cost` tells, and so are its gradients: those of all images together, without the
penalty, and with every unit taking part. With ``dropout="rescale"`` that is the network whose weights are multiplied by
1 - p, and the gradient is the one with respect to the weights before that.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from netlib import checks
from netlib.backend import Array, to_host
from netlib.layers import Layer
from netlib.layers.row import Row, chunks
from netlib.network import Network


def mean_gradients(net: Network, data: tuple[Array, Array]) -> list[Array]:
    """Gradients of ``net.cost(data)`` with respect to each of ``net.params``.

    Unlike those of `Network.gradients`, they are not of training: nothing is dropped, there may be any number of
    images, of which few are looked at at a time, and the network is left as it is.

    Parameters
    ----------
    net : Network
        On any device; its last layer has a cost.
    data : (x, y)
        At least one image, (n, features) or (n, C, H, W), and labels (n,).

    Returns
    -------
    list of array
        [dw, db, dw, db, ...] in the shapes of ``net.params``, in float64, on the network's device.

    Raises
    ------
    TypeError, ValueError
        If `data` do not fit the network, or the last layer has no cost.
    """
    row = undropped(net)
    row.check_cost()
    rows, y = row.data("data", data, 1)
    means = [net.xp.zeros(parameter.shape) for parameter in net.params]
    for part in chunks(len(rows)):
        row.backpropagate(rows[part], y[part], 0)
        share = len(y[part]) / len(rows)
        gradients = (gradient for layer in row.layers for gradient in layer.gradients)
        for mean, gradient in zip(means, gradients, strict=True):
            mean += gradient.astype(mean.dtype) * share
    for layer, mean in zip(net.layers, means[::2], strict=True):
        mean *= _kept(layer)
    return means


def speeds(net: Network, data: tuple[Array, Array], which: str = "biases", *, output: bool = False) -> np.ndarray:
    """The speed of learning of each hidden layer: the norm of the gradient by its biases, or by its weights.

    That of the biases is what the book draws: the length of the vector of all ``dC/db`` of a layer, averaged over the
    images before its length is taken.

    Parameters
    ----------
    net, data
        See `mean_gradients`.
    which : {"biases", "weights"}
        Of which parameters.
    output : bool
        Whether the last layer is among them, which the book leaves out.

    Returns
    -------
    (layers,)
        From the first layer to the last, in float64, on the host.

    Raises
    ------
    TypeError, ValueError
        As `mean_gradients` does, and if `which` is neither of the two.
    """
    first = ("weights", "biases").index(checks.choice("which", which, ("weights", "biases")))
    chosen = mean_gradients(net, data)[first::2]
    return np.array([math.sqrt(float((gradient**2).sum())) for gradient in (chosen if output else chosen[:-1])])


class Recorder:
    """What something measured of a network was before training, and after each epoch of it.

    ``record = Recorder(net, lambda net: speeds(net, data))`` measures at once; then
    ``net.SGD(..., after_epoch=record)`` measures after every epoch. Training is none the wiser, as long as `measure`
    leaves the network as it is. The book looks before each step instead: that is all but the last of these values.

    Parameters
    ----------
    net : Network
        Before training.
    measure : callable (net) -> number or array
        Of the same shape each time.
    """

    def __init__(self, net: Network, measure: Callable[[Network], Any]) -> None:
        self.measure = measure
        self._values: dict[int, np.ndarray] = {}  # by steps: what is measured twice, after a resumption, counts once
        self(net)

    def __call__(self, net: Network) -> None:
        """Measure now."""
        self._values[net.steps] = np.array(to_host(self.measure(net)))

    @property
    def steps(self) -> np.ndarray:
        """Training steps that the network had taken at each measurement, (measurements,)."""
        return np.array(list(self._values))

    @property
    def values(self) -> np.ndarray:
        """What was measured, (measurements, ...)."""
        return np.array(list(self._values.values()))


def undropped(net: Network) -> Row:
    """Layers that compute in a training pass what those of `net` compute in evaluation; their arrays are their own."""
    row = copy.deepcopy(net.row)
    for layer in row.layers:
        layer.w *= _kept(layer)
        layer.p_dropout = 0.0
    return row


def _kept(layer: Layer) -> float:
    """What evaluation multiplies a layer's inputs by."""
    return 1 - layer.p_dropout if layer.dropout == "rescale" else 1.0
