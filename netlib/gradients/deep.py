"""The deep networks of the book's chapter 5, as options of the same Network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from netlib import checks, ops
from netlib.layers import FullyConnectedLayer, Layer
from netlib.network import Network


def deep_layers(
    sizes: Sequence[int],
    *,
    activation_fn: ops.Activation = ops.sigmoid,
    init: str = "corrected",
    cost: str = "cross_entropy",
) -> list[Layer]:
    """The layers of a deep network, to be put into one; `deep` tells of the arguments."""
    sizes = [checks.integer(f"sizes[{place}]", size, 1) for place, size in enumerate(sizes)]
    if len(sizes) < 2:
        raise ValueError(f"sizes: expected numbers of inputs and of classes at least; got {sizes}")
    at_the_end = ops.COSTS[checks.choice("cost", cost, ops.COSTS)].activation or ops.sigmoid
    *hidden, last = pairwise(sizes)
    return [
        *(FullyConnectedLayer(*fans, activation_fn, init=init) for fans in hidden),
        FullyConnectedLayer(*last, at_the_end, init=init, cost=cost),
    ]


def deep(
    sizes: Sequence[int],
    *,
    activation_fn: ops.Activation = ops.sigmoid,
    init: str = "corrected",
    scale: float = 1.0,
    bias_scale: float = 1.0,
    cost: str = "cross_entropy",
    mini_batch_size: int = 10,
    seed: int = 0,
    device: str = "auto",
    dtype: Any = "auto",
) -> Network:
    """A network of fully connected layers; by default the book's of chapter 5 (network2.py).

    That is sigmoids throughout, the cross-entropy, weights from N(0, 1/n_in) and biases from N(0, 1). The book trains
    it with ``net.SGD(..., 0.1, ..., lmbda=5.0, shuffle=True, penalty_divisor="examples")``; a mini-batch of all images
    makes full-batch descent of the same call.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of neurons in each hidden layer, and of classes: ``[784, 30, 30, 10]``.
    activation_fn : Activation
        Of the hidden layers. The output layer's belongs to the cost: softmax to the log-likelihood, else sigmoid.
    init : {"corrected", "book", "he", "glorot", "zeros"}
        See `initializers.draw`. The book's chapter 5 has what chapter 6, the option "book", means to have.
    scale, bias_scale : float
        What the initial weights and biases are multiplied by.
    cost : {"cross_entropy", "quadratic", "log_likelihood"}
        Of the output layer.
    mini_batch_size, seed, device, dtype
        See `Network`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or out of range; the message names it.
    """
    scale, bias_scale = checks.non_negative("scale", scale), checks.non_negative("bias_scale", bias_scale)
    layers = deep_layers(sizes, activation_fn=activation_fn, init=init, cost=cost)
    net = Network(layers, mini_batch_size, seed=seed, device=device, dtype=dtype)
    for layer in net.layers:
        layer.w *= scale
        layer.b *= bias_scale
    return net
