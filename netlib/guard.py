"""A guard against numbers that are none: training stops at the first cost or gradient that is not finite.

One NaN makes all that it meets NaN, so that a look at the cost now and then is enough to know that something went
wrong, and costs next to nothing. To know what: the parameters as they were at the last look are put back, and the
steps since then are taken again, the same ones, each number looked at on its way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from netlib.backend import Array, Workspace, namespace, to_host
from netlib.optimizers import GradientDescent

EVERY = 100  # mini-batches between two looks; on a GPU an epoch, since a look fetches a number
LARGE = 100.0  # images are numbers between 0 and 1; far beyond, they are the likely cause


class NonFiniteError(ArithmeticError):
    """Training came to a number that is not finite.

    Attributes
    ----------
    step : int
        The network's training step, from 0, in which that happened; the weights are those before it.
    layer : int or None
        Whose number it was, from 0; None for the images and the cost.
    operation : str
        What gave it: "images", "weights", "weighted sum", "activation", "cost", "gradient of w" or "gradient of b".
    cause : str
        The likely one.
    """

    def __init__(self, step: int, layer: int | None, operation: str, cause: str, name: str = "") -> None:
        where = operation if layer is None else f"{operation} of layer {layer}, {name}"
        kept = "The network keeps the weights from before this step"
        super().__init__(f"training step {step}: not finite: the {where}. Likely cause: {cause}. {kept}")
        self.step, self.layer, self.operation, self.cause = step, layer, operation, cause


class Guard:
    """Watches over a network while an optimizer changes it."""

    def __init__(self, network: Any, optimizer: GradientDescent) -> None:
        self.network, self.optimizer = network, optimizer
        self.xp = network.xp
        self._work = Workspace(self.xp)
        self._steps = 0
        self._largest = max((float(abs(w).max()) for w in network.params[::2]), default=0.0)

    @property
    def every(self) -> int | None:
        """Mini-batches between two looks; None for an epoch."""
        return EVERY if self.xp is np else None

    def _arrays(self) -> Iterable[tuple[str, Array]]:
        yield from ((str(i), parameter) for i, parameter in enumerate(self.network.params))
        yield from self.optimizer.memory.items()

    def keep(self) -> None:
        """Remember how things are, as those to return to."""
        self._steps = self.network.steps
        self._kept = [name for name, _ in self._arrays()]
        for name, array in self._arrays():
            self.xp.copyto(self._work(name, array.shape, array.dtype), array)

    def checked(self, cost: Array, again: Callable[[Callable, Callable], None]) -> float:
        """The sum of costs since `keep`, fetched, if all is well.

        Parameters
        ----------
        cost : array of shape ()
        again : callable
            Takes the steps since `keep` again. It calls its first argument with the images and the step's number
            before each, and its second with the cost, when there are gradients that have not been used yet.

        Raises
        ------
        NonFiniteError
            If a cost, a gradient or a parameter is not finite.
        """
        probe = sum((parameter.sum() for parameter in self.network.params), self.xp.zeros((), "float64"))
        total, probe = to_host(self.xp.stack([cost, probe])).tolist()
        if math.isfinite(total) and math.isfinite(probe):
            return total
        self._put_back()
        with np.errstate(all="ignore"):
            again(self._look_forward, self._look_back)
        return total  # a cost that overflowed only in the sum

    def _put_back(self) -> None:
        self.network.steps = self._steps
        for name in [name for name in self.optimizer.memory if name not in self._kept]:
            del self.optimizer.memory[name]
        for name, array in self._arrays():
            self.xp.copyto(array, self._work(name, array.shape, array.dtype))

    def _look_forward(self, x: Array, step: int) -> None:
        """Look at images, weights, weighted sums and activations."""
        self._largest_pixel = float(abs(x).max())
        self._refuse(x, None, "images", "the images of this mini-batch are not finite")
        for i, layer in enumerate(self.network.layers):
            for parameter in layer.params:
                self._refuse(parameter, i, "weights", "they were not finite before the step")
        self.network.row.forward(x, step)
        for i, layer in enumerate(self.network.layers):
            for operation, array in zip(("weighted sum", "activation"), layer.passed("training"), strict=True):
                self._refuse(array, i, operation, self._rate())

    def _look_back(self, cost: Array) -> None:
        """Look at the cost and the gradients."""
        zero = "log of zero: an output that should be 1 is 0, as far as this dtype can tell; " + self._rate()
        self._refuse(cost, None, "cost", zero)
        for i, layer in reversed(list(enumerate(self.network.layers))):
            for name, gradient in zip("wb", layer.gradients, strict=True):
                self._refuse(gradient, i, f"gradient of {name}", self._rate())

    def _rate(self) -> str:
        """What makes numbers grow."""
        if self._largest_pixel > LARGE:
            return f"the images, which go up to {self._largest_pixel:.3g} and should lie between 0 and 1"
        largest = max(float(abs(w).max()) for w in self.network.params[::2])
        grown = f"the largest weight has grown from {self._largest:.3g} to {largest:.3g}"
        return f"a learning rate that is too high ({grown}); try a tenth of it"

    def _refuse(self, array: Array, layer: int | None, operation: str, cause: str) -> None:
        if not bool(namespace(array).isfinite(array).all()):
            name = "" if layer is None else repr(self.network.layers[layer])
            raise NonFiniteError(self.network.steps, layer, operation, cause, name)
