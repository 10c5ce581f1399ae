"""Networks whose weights nobody learned: they are written down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from netlib.backend import to_host
from netlib.layers import FullyConnectedLayer
from netlib.network import Network
from netlib.ops import Activation, sigmoid

LayerNumbers = tuple[ArrayLike, ArrayLike, Activation]


def constructed(*layers: LayerNumbers, device: str = "auto") -> Network:
    """A network of fully connected layers with these weights, in float64.

    Parameters
    ----------
    layers : (w, b, activation_fn)
        Of each layer, from input to output: weights (n_in, n_out), biases (n_out,), and what is applied to the sums.
    device : {"auto", "cpu", "gpu"}

    Raises
    ------
    ValueError
        If numbers of one layer do not fit together or are not finite, or do not fit those of the next.
    """
    numbers = []
    for place, (w, b, activation_fn) in enumerate(layers):
        w, b = (np.asarray(to_host(array), dtype=float) for array in (w, b))
        if w.ndim != 2 or b.shape != w.shape[1:]:
            raise ValueError(f"layers[{place}]: expected w (n_in, n_out) and b (n_out,); got {w.shape} and {b.shape}")
        if not (np.isfinite(w).all() and np.isfinite(b).all()):
            raise ValueError(f"layers[{place}]: expected finite weights and biases")
        numbers.append((w, b, activation_fn))
    shells = [FullyConnectedLayer(*w.shape, activation_fn, init="zeros") for w, _, activation_fn in numbers]
    network = Network(shells, 1, device=device, dtype="float64")
    for layer, (w, b, _) in zip(network.layers, numbers, strict=True):
        layer.w[...], layer.b[...] = network.xp.asarray(w), network.xp.asarray(b)
    return network


def neuron(
    w: float | Sequence[float], b: float, activation_fn: Activation = sigmoid, *, device: str = "auto"
) -> Network:
    """A single neuron, a(w x + b), as a network without hidden layers.

    Parameters
    ----------
    w : float, or sequence of m
        A weight for each input.
    b : float
    activation_fn : Activation
    device : {"auto", "cpu", "gpu"}
    """
    return constructed((np.reshape(np.asarray(w, dtype=float), (-1, 1)), [b], activation_fn), device=device)


def outputs(network: Network, *coordinates: ArrayLike) -> np.ndarray:
    """The outputs of a network of m inputs, given m arrays of coordinates; they have the coordinates' common shape.

    Raises
    ------
    ValueError
        If the network has more than one output, or another number of inputs.
    """
    if network.n_out != 1:
        raise ValueError(f"network: expected one of one output; got {network.n_out}")
    if len(coordinates) != network.n_in:
        raise ValueError(f"coordinates: expected {network.n_in}, one for each input; got {len(coordinates)}")
    arrays = np.broadcast_arrays(*(np.asarray(c, dtype=float) for c in coordinates))
    return network.forward(np.stack([array.ravel() for array in arrays], axis=1))[:, 0].reshape(arrays[0].shape)
