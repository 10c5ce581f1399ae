"""Many networks of one shape, trained as one: each operation is called once for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netlib import ops
from netlib.backend import Array, Workspace
from netlib.layers import FullyConnectedLayer, SoftmaxLayer
from netlib.network import Network


class Together:
    """K networks that differ in their weights alone, and see the same mini-batches.

    The weights of a layer lie in one array with the networks as its first axis, so that one call of ``matmul`` makes
    the K products of all networks. What a step computes for each of them is what `Network.train_mini_batch` computes.

    Parameters
    ----------
    networks : sequence of Network
        With the same fully connected layers, without dropout, and a SoftmaxLayer at the end. They are copied.

    Attributes
    ----------
    params : list of array
        Weights (K, n_in, n_out) and biases (K, n_out, 1) of each layer in turn.

    Raises
    ------
    ValueError
        If there are no networks, or they are of another kind, or differ.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        networks = list(networks)
        if not networks:
            raise ValueError("networks: expected at least one; got none")
        first = networks[0]
        for net in networks:
            _check(net)
            if _shape(net) != _shape(first):
                raise ValueError(f"networks: expected the same layers and dtype in each; got {first!r} and {net!r}")
        self.xp, self.dtype = first.xp, first.dtype
        self.activations = [layer.activation_fn for layer in first.layers[:-1]]
        layers = list(zip(*(net.layers for net in networks), strict=True))
        weights = [self.xp.stack([layer.w for layer in place]) for place in layers]
        biases = [self.xp.stack([layer.b for layer in place])[:, :, None] for place in layers]
        self.params = [parameter for pair in zip(weights, biases, strict=True) for parameter in pair]
        self._work = Workspace(self.xp)

    def step(self, x: Array, y: Array, eta: float) -> Array:
        """One step of each network.

        Parameters
        ----------
        x : (N, n_in)
            The mini-batch, on the networks' device and in their dtype.
        y : (N,)
            Its labels.
        eta : float
            Learning rate.

        Returns
        -------
        (K,)
            The cost of each network before the step.
        """
        weights, biases = self.params[::2], self.params[1::2]
        z, a = [], [x.T]  # a[0] is (n_in, N), the same for all; the others are (K, n, N)
        for place, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z.append(self._product(f"z{place}", w.transpose(0, 2, 1), a[-1]))
            z[-1] += b
            if place < len(self.activations):
                a.append(self.activations[place](z[-1], self._like(f"a{place}", z[-1])))
        z[-1] -= z[-1].max(axis=1, keepdims=True)
        e = self.xp.exp(z[-1], out=self._like("softmax", z[-1]))
        total = e.sum(axis=1, keepdims=True)
        targets = ops.one_hot(y, z[-1].shape[1], self.dtype)
        cost = (targets * (self.xp.log(total) - z[-1])).sum(axis=(1, 2)) / self.dtype.type(len(x))
        e /= total
        e -= targets
        e /= self.dtype.type(len(x))
        dz = e
        for place in reversed(range(len(weights))):
            dw = self._product(f"dw{place}", a[place], dz.transpose(0, 2, 1))
            db = dz.sum(axis=2, keepdims=True)
            if place:
                da = self._product(f"da{place}", weights[place], dz)
                dz = self._like(f"dz{place}", da)
                self.activations[place - 1].gradient(z[place - 1], a[place], da, dz)
            for parameter, gradient in ((weights[place], dw), (biases[place], db)):
                gradient *= self.dtype.type(eta)
                parameter -= gradient
        return cost

    def _product(self, name: str, left: Array, right: Array) -> Array:
        """The K products of matrices, in an array that is used again."""
        K = max(matrices.shape[0] if matrices.ndim == 3 else 1 for matrices in (left, right))
        out = self._work(name, (K, left.shape[-2], right.shape[-1]), self.dtype)
        return self.xp.matmul(left, right, out=out)

    def _like(self, name: str, array: Array) -> Array:
        return self._work(name, array.shape, self.dtype)


def _check(net: Network) -> None:
    *hidden, last = net.layers
    plain = all(type(layer) is FullyConnectedLayer for layer in hidden) and type(last) is SoftmaxLayer
    if not plain or any(layer.p_dropout for layer in net.layers):
        raise ValueError(f"networks: expected fully connected layers without dropout and a SoftmaxLayer; got {net!r}")


def _shape(net: Network) -> tuple:
    return net.xp, np.dtype(net.dtype), [(layer.w_shape, layer.activation_fn.name) for layer in net.layers]
