"""The gradient of a network as a product of matrices (book, chapter 5, equation (124)).

    delta^l = S'(z^l) (w^(l+1))^T S'(z^(l+1)) (w^(l+2))^T ... S'(z^L) grad_a C

delta^l is the gradient of one image's cost by the weighted inputs of layer l, which is that by its biases. S'(z) is
the matrix of the slopes, diagonal where every unit looks at itself alone. The book's w^T is `layer.w` here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netlib import checks
from netlib.backend import Array, to_host
from netlib.gradients.speeds import undropped
from netlib.layers import FullyConnectedLayer
from netlib.network import Network
from netlib.ops import Activation

COST_GRADIENTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {  # by the activations, for one image
    "quadratic": lambda a, target: a - target,
    "cross_entropy": lambda a, target: (a - target) / (a * (1 - a)),
    "log_likelihood": lambda a, target: -target / a,
}


@dataclass(frozen=True, eq=False)
class MatrixForm:
    """What the gradient of a network of L layers is made of, for one image; layer l is entry l - 1.

    Attributes
    ----------
    weights : list of (n_(l-1), n_l)
        The book's (w^l)^T.
    slopes : list of (n_l, n_l)
        S'(z^l).
    cost_gradient : (n_L,)
        grad_a C.
    """

    weights: list[np.ndarray]
    slopes: list[np.ndarray]
    cost_gradient: np.ndarray

    @property
    def factors(self) -> list[np.ndarray]:
        """``(w^l)^T S'(z^l)`` for each layer, (n_(l-1), n_l): what carries a gradient back through layer l."""
        return [w @ slopes for w, slopes in zip(self.weights, self.slopes, strict=True)]

    @property
    def growth(self) -> np.ndarray:
        """The norm of each factor, (L,): by how much a gradient can grow at most on its way back through layer l."""
        return np.array([np.linalg.norm(factor, 2) for factor in self.factors])

    @property
    def deltas(self) -> list[np.ndarray]:
        """delta^l for each layer, (n_l,), the product written out: matrix by matrix, from the left."""
        found = []
        for place, product in enumerate(self.slopes):
            for factor in self.factors[place + 1 :]:
                product = product @ factor
            found.append(product @ self.cost_gradient)
        return found


def matrix_form(net: Network, image: Array, label: int) -> MatrixForm:
    """The matrices whose product is the gradient of one image's cost; dropout is off.

    Parameters
    ----------
    net : Network
        Of fully connected layers, the last with a cost.
    image : (features,)
    label : int
        Its class, from 0.

    Returns
    -------
    MatrixForm
        Its arrays are on the host, in float64.

    Raises
    ------
    TypeError, ValueError
        If a layer is not fully connected, the last has no cost, or image and label do not fit the network.
    """
    for place, layer in enumerate(net.layers):
        if not isinstance(layer, FullyConnectedLayer):
            raise TypeError(f"layers[{place}]: expected a fully connected layer; got {layer!r}")
    row = undropped(net)
    row.check_cost()
    if checks.integer("label", label, 0) >= row.n_out:
        raise ValueError(f"label: expected one of {row.n_out} classes, from 0; got {label}")
    row.forward(row.images("image", np.asarray(to_host(image))[None]))
    passed = [[to_host(array)[:, 0].astype(float) for array in layer.passed("evaluation")] for layer in row.layers]
    target = np.eye(row.n_out)[label]
    return MatrixForm(
        [to_host(layer.w).astype(float) for layer in row.layers],
        [_slopes(layer.activation_fn, z) for layer, (z, _) in zip(row.layers, passed, strict=True)],
        COST_GRADIENTS[row.layers[-1].cost_function.name](passed[-1][1], target),
    )


def _slopes(activation_fn: Activation, z: np.ndarray) -> np.ndarray:
    """S'(z), (n, n): what the way back makes of each unit vector."""
    each = np.repeat(z[:, None], len(z), axis=1)
    return activation_fn.backward(each, activation_fn(each), np.eye(len(z)))
