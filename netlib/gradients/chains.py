"""A chain of single neurons, where the gradient is a product that one can read (book, chapter 5).

Neuron j has weight w_j, bias b_j, weighted input ``z_j = w_j a_(j-1) + b_j`` and activation ``a_j = s(z_j)``; a_0 is
the input x. The cost is the quadratic one, ``C = (a_L - target)^2 / 2``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netlib.gradients.slopes import slope
from netlib.layers import FullyConnectedLayer
from netlib.network import Network
from netlib.ops import Activation, sigmoid


@dataclass(frozen=True, eq=False)
class ChainTerms:
    """What the gradient of a chain of L neurons is made of; neuron j is entry j - 1.

    Attributes
    ----------
    z : (L,)
        Weighted inputs.
    a : (L + 1,)
        The input, then the activations.
    slopes : (L,)
        s'(z_j).
    factors : (L,)
        w_j s'(z_j): by how much the gradient grows on its way back through neuron j.
    cost_gradient : float
        dC/da_L.
    """

    z: np.ndarray
    a: np.ndarray
    slopes: np.ndarray
    factors: np.ndarray
    cost_gradient: float

    @property
    def bias_gradients(self) -> np.ndarray:
        """dC/db_j of each neuron, (L,): ``s'(z_j) w_(j+1) s'(z_(j+1)) ... w_L s'(z_L) dC/da_L`` (book, eq. (122))."""
        behind = np.append(self.factors[1:], self.cost_gradient)  # the factors of all neurons after this one, and dC/da
        return self.slopes * behind[::-1].cumprod()[::-1]

    @property
    def weight_gradients(self) -> np.ndarray:
        """dC/dw_j of each neuron, (L,)."""
        return self.a[:-1] * self.bias_gradients


def chain_terms(
    weights: Sequence[float],
    biases: Sequence[float],
    x: float,
    activation_fn: Activation = sigmoid,
    *,
    target: float = 1.0,
) -> ChainTerms:
    """Go along a chain of neurons, and note what its gradient is a product of.

    Parameters
    ----------
    weights, biases : (L,)
        Of each neuron, at least one.
    x : float
        The input.
    activation_fn : Activation
        Of every neuron.
    target : float
        What the last activation should be.

    Raises
    ------
    ValueError
        If there are not as many biases as weights, a number is not finite, or the activation is the softmax.
    """
    weights, biases = _parameters(weights, biases)
    (a,) = _numbers("x", [x])
    (target,) = _numbers("target", [target])
    z, activations = [], [a]
    for w, b in zip(weights, biases, strict=True):
        z.append(w * activations[-1] + b)
        activations.append(float(activation_fn(np.array([z[-1]]))[0]))
    slopes = slope(activation_fn, np.array(z))
    return ChainTerms(np.array(z), np.array(activations), slopes, weights * slopes, float(activations[-1] - target))


def chain(
    weights: Sequence[float],
    biases: Sequence[float],
    activation_fn: Activation = sigmoid,
    *,
    device: str = "auto",
) -> Network:
    """The same chain as a network, in float64, whose backpropagation knows nothing of products along a chain.

    Its last layer has the quadratic cost. It has one class, so every label is 0, and the target is 1.

    Parameters
    ----------
    weights, biases, activation_fn
        See `chain_terms`.
    device : {"auto", "cpu", "gpu"}

    Raises
    ------
    ValueError
        As `chain_terms` does.
    """
    weights, biases = _parameters(weights, biases)
    last = len(weights) - 1
    layers = [
        FullyConnectedLayer(1, 1, activation_fn, cost="quadratic" if j == last else None) for j in range(last + 1)
    ]
    net = Network(layers, 1, device=device, dtype="float64")
    for layer, w, b in zip(net.layers, weights, biases, strict=True):
        layer.w[...], layer.b[...] = float(w), float(b)
    return net


def biases_for_zero(weights: Sequence[float], x: float, activation_fn: Activation = sigmoid) -> np.ndarray:
    """Biases (L,) with which every weighted input of the chain is 0 (the book's example of an exploding gradient).

    There the slope of the sigmoid is 1/4, its largest: with weights of 100 each factor ``w s'(z)`` is 25.

    Raises
    ------
    ValueError
        If there is no weight, or a number is not finite.
    """
    weights = _numbers("weights", weights)
    (x,) = _numbers("x", [x])
    at_zero = float(activation_fn(np.zeros(1))[0])
    return -weights * np.array([x] + [at_zero] * (len(weights) - 1))


def _parameters(weights: Sequence[float], biases: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    weights, biases = _numbers("weights", weights), _numbers("biases", biases)
    if len(weights) != len(biases):
        raise ValueError(f"biases: expected {len(weights)}, one for each weight; got {len(biases)}")
    return weights, biases


def _numbers(name: str, values: Sequence[float]) -> np.ndarray:
    """At least one finite number, as a vector of float64."""
    try:
        numbers = np.array(values, float)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected real numbers; got {values!r}") from None
    if numbers.ndim != 1 or not len(numbers) or not np.isfinite(numbers).all():
        raise ValueError(f"{name}: expected finite numbers, at least one, in a row; got {values!r}")
    return numbers
