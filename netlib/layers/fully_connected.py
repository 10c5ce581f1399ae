"""Fully connected layers, the softmax layer among them."""

from __future__ import annotations

from typing import Any

from netlib import checks, ops
from netlib.backend import Array, Workspace
from netlib.layers.base import Layer


class FullyConnectedLayer(Layer):
    """Every neuron sees every input: ``activation_fn(w^T x + b)`` (book, chapter 6, and network3).

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and of neurons; w is (n_in, n_out), b is (n_out,).
    activation_fn : Activation
        sigmoid, tanh, ReLU or linear.
    p_dropout : float
        Probability in [0, 1) that an input is silent in a training step.
    init : {"book", "corrected", "he", "glorot", "zeros"}
        Scale of the initial weights: sqrt(1/n_out) as in network3, or sqrt(1/n_in), which its author meant.
    cost : {"cross_entropy", "quadratic", "log_likelihood"}, optional
        What is minimised if the layer is a network's last. The cross-entropy needs the sigmoid; the log-likelihood
        the softmax, and is what a `SoftmaxLayer` brings along.
    dropout : {"rescale", "inverted"}
        Where the missing inputs are made up for: evaluation multiplies by 1 - p (the book's way), or training
        divides by it.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or out of range; the message names it.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation_fn: ops.Activation = ops.sigmoid,
        p_dropout: float = 0.0,
        *,
        init: str = "book",
        cost: str | None = None,
        dropout: str = "rescale",
    ) -> None:
        self.n_in, self.n_out = checks.integer("n_in", n_in, 1), checks.integer("n_out", n_out, 1)
        super().__init__(
            (self.n_in,),
            (self.n_out,),
            (self.n_in, self.n_out),
            (self.n_in, self.n_out),
            activation_fn=activation_fn,
            p_dropout=p_dropout,
            init=init,
            dropout=dropout,
            cost=cost,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_in={self.n_in}, n_out={self.n_out})"

    def _weighted_sum(self, x: Array, work: Workspace) -> tuple[Array, Array]:
        return ops.weighted_sum(x, self.w, work), x

    def _weighted_sum_gradients(
        self, dz: Array, saved: Array, input_gradient: bool, work: Workspace
    ) -> tuple[Array | None, Array]:
        return ops.weighted_sum_gradients(saved, self.w, dz, input_gradient=input_gradient, work=work)


class SoftmaxLayer(FullyConnectedLayer):
    """A fully connected layer whose outputs are probabilities, with the log-likelihood as its cost.

    Weights and biases start at zero, as in network3: all classes are equally likely, and the first step's gradient
    stops here, because it goes back through weights that are all zero.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and of classes.
    p_dropout : float
        Probability in [0, 1) that an input is silent in a training step.
    dropout : {"rescale", "inverted"}
        See `FullyConnectedLayer`.
    """

    def __init__(self, n_in: int, n_out: int, p_dropout: float = 0.0, *, dropout: str = "rescale") -> None:
        super().__init__(n_in, n_out, ops.softmax, p_dropout, init="zeros", cost="log_likelihood", dropout=dropout)

    def cost(self, net: Any) -> float:
        """The mean log-likelihood cost of the last training mini-batch, ``net.y`` being its labels."""
        return float(self.mean_cost(ops.targets(net.y, self.n_out, self.w.dtype), "training"))
