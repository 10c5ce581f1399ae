"""The slope of an activation function, and the units where it is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netlib import checks
from netlib.backend import Array, namespace, to_host
from netlib.layers.row import chunks
from netlib.network import Network
from netlib.ops import Activation, softmax


def slope(activation_fn: Activation, z: Array) -> Array:
    """``s'(z)``, entry by entry, in an array like z.

    Raises
    ------
    ValueError
        If the activation of one unit depends on the others, as the softmax's does.
    """
    if activation_fn == softmax:
        raise ValueError("activation_fn: expected one that looks at each unit alone; got softmax")
    return activation_fn.backward(z, activation_fn(z), namespace(z).ones_like(z))


@dataclass(frozen=True, eq=False)
class Silence:
    """How many units of each hidden layer hand no gradient back.

    Attributes
    ----------
    silent : (layers,)
        The fraction that is silent for an image, averaged over the images.
    dead : (layers,)
        The fraction that is silent for every one of them.
    """

    silent: np.ndarray
    dead: np.ndarray


def silent(net: Network, x: Array, *, at_most: float = 0.0) -> Silence:
    """Count the units of the hidden layers whose slope is 0: they hand nothing back, and learn nothing from the image.

    A ReLU is silent where its activation is 0; a sigmoid never quite, so that `at_most` can say from where on it counts
    as saturated. Units of a convolutional layer are its outputs, one for each place in each map. Dropout is off.

    Parameters
    ----------
    net : Network
    x : (n, features) or (n, C, H, W)
        At least one image.
    at_most : float
        A unit is silent where the size of its slope is no larger than this.

    Raises
    ------
    TypeError, ValueError
        If `x` does not fit the network or is empty, or `at_most` is negative.
    """
    at_most = checks.non_negative("at_most", at_most)
    rows = net.row.images("x", x)
    if not len(rows):
        raise ValueError("x: expected at least one image; got 0")
    hidden = net.layers[:-1]
    images = [net.xp.zeros(layer.output_shape, int) for layer in hidden]  # for which a unit is silent
    for part in chunks(len(rows)):
        net.row.forward(rows[part])
        for layer, count in zip(hidden, images, strict=True):
            z, _ = layer.passed("evaluation")
            count += (abs(slope(layer.activation_fn, z)) <= at_most).sum(axis=-1)
    images = [to_host(count) for count in images]
    return Silence(
        np.array([count.mean() / len(rows) for count in images]),
        np.array([(count == len(rows)).mean() for count in images]),
    )
