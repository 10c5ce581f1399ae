"""Costs: how wrong a mini-batch's output is, and the gradient with which backpropagation starts.

Outputs and targets are (K, N): one row a class, one column an image. Each cost is the mean over the N images.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from netlib.backend import Array, namespace
from netlib.ops.activations import Activation, sigmoid, softmax


@dataclass(frozen=True)
class Cost:
    """A cost of the last layer.

    Attributes
    ----------
    name : str
    activation : Activation or None
        The activation that it is made for; the gradient with respect to z is then simply (a - target) / N. None: any.
    value : callable (z, a, targets) -> array of shape ()
    targets : (lowest, highest) or None
        The real numbers that may be aimed at; None if only labels may.
    """

    name: str
    activation: Activation | None
    value: Callable[[Array, Array, Array], Array]
    targets: tuple[float, float] | None = None

    def gradient(self, activation: Activation, z: Array, a: Array, targets: Array) -> Array:
        """Gradient with respect to the weighted input z of the last layer, whose output is ``a = activation(z)``.

        Raises
        ------
        ValueError
            If the cost is made for another activation.
        """
        if self.activation not in (None, activation):
            raise ValueError(f"activation: the {self.name} cost is made for {self.activation}; got {activation}")
        difference = (a - targets) / a.dtype.type(a.shape[1])
        return difference if self.activation else activation.backward(z, a, difference, out=difference)


def one_hot(labels: Array, classes: int, dtype: object) -> Array:
    """Targets (classes, N): a 1 in the row of each image's label, 0 elsewhere; labels are 0 .. classes-1."""
    return (labels == namespace(labels).arange(classes)[:, None]).astype(dtype)


def targets(y: Array, outputs: int, dtype: object) -> Array:
    """Targets (outputs, N), from labels (N,), or from targets (N, outputs) as they come with data."""
    return one_hot(y, outputs, dtype) if y.ndim == 1 else y.T


def _log_likelihood(z: Array, a: Array, targets: Array) -> Array:
    # ln softmax(z) = z - ln sum e^z, with the largest z subtracted: exact where the softmax itself underflows to 0
    xp = namespace(z)
    z = z - z.max(axis=0)
    minus_log_a = xp.log(xp.exp(z).sum(axis=0)) - z
    return (targets * minus_log_a).sum() / z.shape[1]


def _cross_entropy(z: Array, a: Array, targets: Array) -> Array:
    # -t ln s(z) - (1-t) ln(1-s(z)) = ln(1 + e^z) - t z, written so that nothing overflows and, where the sigmoid has
    # saturated on the right side, no large terms cancel
    xp = namespace(z)
    return (xp.maximum(z, 0) - targets * z + xp.log1p(xp.exp(-abs(z)))).sum() / z.shape[1]


def _quadratic(z: Array, a: Array, targets: Array) -> Array:
    return ((a - targets) ** 2).sum() / (2 * z.shape[1])


log_likelihood = Cost("log_likelihood", softmax, _log_likelihood)  # book, equation (80)
cross_entropy = Cost("cross_entropy", sigmoid, _cross_entropy, targets=(0, 1))  # book, equation (63)
quadratic = Cost("quadratic", None, _quadratic, targets=(-math.inf, math.inf))  # book, equation (26)

COSTS = {cost.name: cost for cost in (log_likelihood, cross_entropy, quadratic)}
