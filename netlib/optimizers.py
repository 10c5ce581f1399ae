"""The step that training takes with a gradient."""

from __future__ import annotations

from collections.abc import Iterable

from netlib.layers import Layer


def gradient_descent(layers: Iterable[Layer], eta: float, decay: float = 1.0) -> None:
    """Move every parameter against its gradient: ``w <- decay * w - eta * dw``, ``b <- b - eta * db``.

    The gradients are used up: their arrays become the step, and the layers' lists of them are empty afterwards.

    Parameters
    ----------
    layers : iterable of Layer
        Each with `gradients` from a backward pass.
    eta : float
        Learning rate.
    decay : float
        What an L2 penalty leaves of the weights in one step, ``1 - eta * lmbda / divisor``; biases are not penalised.
    """
    for layer in layers:
        if decay != 1:
            layer.w *= layer.w.dtype.type(decay)
        for parameter, gradient in zip(layer.params, layer.gradients, strict=True):
            gradient *= gradient.dtype.type(eta)
            parameter -= gradient
        layer.gradients = []
