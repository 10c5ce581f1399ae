"""Activation functions, each with the gradient that goes back through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netlib.backend import Array, namespace


@dataclass(frozen=True)
class Activation:
    """A function of the weighted input z and the way back through it.

    Attributes
    ----------
    name : str
        What it is called in errors and files.
    function : callable (z, out) -> None
        Writes the activation a into `out`.
    gradient : callable (z, a, da, out) -> None
        Writes the gradient of the cost with respect to z into `out`, given that by a. `out` may be `da` itself. It may
        write into z as well, which a training step needs no longer: so none of it needs new memory.
    """

    name: str
    function: Callable[[Array, Array], None]
    gradient: Callable[[Array, Array, Array, Array], None]

    def __call__(self, z: Array, out: Array | None = None) -> Array:
        """The activation, in an array like z; the units are its first axis, which only softmax looks at."""
        out = namespace(z).empty_like(z) if out is None else out
        self.function(z, out)
        return out

    def backward(self, z: Array, a: Array, da: Array, out: Array | None = None) -> Array:
        """Gradient with respect to z of a cost whose gradient with respect to ``a = self(z)`` is `da`."""
        out = namespace(z).empty_like(z) if out is None else out
        self.gradient(z.copy(), a, da, out)
        return out

    def __repr__(self) -> str:
        return self.name


def _sigmoid(z: Array, out: Array) -> None:
    xp = namespace(z)
    xp.negative(z, out=out)
    with np.errstate(over="ignore"):  # e^-z = inf is right: the sigmoid is then 0
        xp.exp(out, out=out)
    out += 1
    xp.reciprocal(out, out=out)


def _sigmoid_gradient(z: Array, a: Array, da: Array, out: Array) -> None:
    slope = namespace(z).subtract(1, a, out=z)
    slope *= a
    namespace(z).multiply(da, slope, out=out)


def _tanh(z: Array, out: Array) -> None:
    namespace(z).tanh(z, out=out)


def _tanh_gradient(z: Array, a: Array, da: Array, out: Array) -> None:
    xp = namespace(z)
    slope = xp.multiply(a, a, out=z)
    xp.subtract(1, slope, out=slope)
    xp.multiply(da, slope, out=out)


def _relu(z: Array, out: Array) -> None:
    namespace(z).maximum(z, 0, out=out)


def _relu_gradient(z: Array, a: Array, da: Array, out: Array) -> None:
    xp = namespace(z)
    slope = xp.greater(z, 0, out=z)  # at the kink, z = 0, the slope is taken as 0
    xp.multiply(da, slope, out=out)


def _linear(z: Array, out: Array) -> None:
    out[...] = z


def _linear_gradient(z: Array, a: Array, da: Array, out: Array) -> None:
    out[...] = da


def _softmax(z: Array, out: Array) -> None:
    xp = namespace(z)
    xp.subtract(z, z.max(axis=0), out=out)  # the largest exponent becomes 0: no overflow
    xp.exp(out, out=out)
    out /= out.sum(axis=0)


def _softmax_gradient(z: Array, a: Array, da: Array, out: Array) -> None:
    mean = (a * da).sum(axis=0)
    namespace(z).subtract(da, mean, out=out)
    out *= a


sigmoid = Activation("sigmoid", _sigmoid, _sigmoid_gradient)
tanh = Activation("tanh", _tanh, _tanh_gradient)
ReLU = Activation("ReLU", _relu, _relu_gradient)
linear = Activation("linear", _linear, _linear_gradient)
softmax = Activation("softmax", _softmax, _softmax_gradient)

ACTIVATIONS = {activation.name: activation for activation in (sigmoid, tanh, ReLU, linear, softmax)}
