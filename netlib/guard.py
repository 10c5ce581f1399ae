"""A guard against numbers that are none: training stops at the first cost or gradient that is not finite.

One NaN makes all that it meets NaN, so that a look at the cost now and then is enough to know that something went
wrong, and costs next to nothing. To know what: the parameters as they were at the last look are put back, and the
steps since then are taken again, the same ones, each number looked at on its way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
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
        What gave it: "images", "w", "b", "weighted sum", "activation", "cost", "gradient of w", "gradient of b", or,
        where the step went too far, "step of w" or "step of b".
    cause : str
        The likely one.
    """

    def __init__(self, step: int, layer: int | None, operation: str, cause: str, name: str = "") -> None:
        where = operation if layer is None else f"{operation} of layer {layer}, {name}"
        kept = "The network keeps the weights from before this step"
        super().__init__(f"training step {step}: not finite: the {where}. Likely cause: {cause}. {kept}")
        self.step, self.layer, self.operation, self.cause = step, layer, operation, cause


class Guard:
    """Watches over a network while an optimiser changes it."""

    def __init__(self, network: Any, optimizer: GradientDescent) -> None:
        self.network, self.optimizer = network, optimizer
        self.xp = network.xp
        self._work = Workspace(self.xp)
        self._steps = 0
        self._largest, self._largest_pixel = self._largest_parameter(), 0.0

    @property
    def every(self) -> int | None:
        """Mini-batches between two looks; None for an epoch."""
        return EVERY if self.xp is np else None

    def _arrays(self) -> Iterator[tuple[str, Array]]:
        yield from ((str(i), parameter) for i, parameter in enumerate(self.network.params))
        yield from self.optimizer.memory.items()

    def keep(self) -> None:
        """Remember how things are, as those to return to."""
        self._steps = self.network.steps
        self._kept = [name for name, _ in self._arrays()]
        for name, array in self._arrays():
            self.xp.copyto(self._work(name, array.shape, array.dtype), array)

    def check(self, cost: Array, again: Iterable[tuple[Array, Callable[[Callable[[Array], None]], Array]]]) -> None:
        """See whether all is well.

        Parameters
        ----------
        cost : array of shape ()
            A sum that the costs since `keep` are part of.
        again : iterable of (x, step)
            The steps since `keep`: the images, and a function that takes the step and calls its argument with the cost
            when there are gradients that have not been used yet.

        Raises
        ------
        NonFiniteError
            If a cost, a gradient or a parameter is not finite.
        """
        probe = sum((parameter.sum() for parameter in self.network.params), self.xp.zeros((), "float64"))
        if all(map(math.isfinite, to_host(self.xp.stack([cost, probe])).tolist())):
            return
        self._put_back()
        with np.errstate(all="ignore"):
            for x, step in again:  # to their end only if numbers overflowed in nothing but the sums
                self.keep()
                self._look_forward(x)
                step(self._look_back)
                self._look_at_parameters("step of ")

    def _put_back(self) -> None:
        self.network.steps = self._steps
        for name in [name for name in self.optimizer.memory if name not in self._kept]:
            del self.optimizer.memory[name]
        for name, array in self._arrays():
            self.xp.copyto(array, self._work(name, array.shape, array.dtype))

    def _look_forward(self, x: Array) -> None:
        """Look at images, parameters, weighted sums and activations."""
        self._largest_pixel = max(self._largest_pixel, float(abs(x).max()))  # a step before may have met the cause
        self._refuse(x, None, "images", "the images of this mini-batch are not finite")
        self._look_at_parameters("", "it was not finite before the step")
        self.network.row.forward(x, self.network.steps)
        for i, layer in enumerate(self.network.layers):
            for operation, array in zip(("weighted sum", "activation"), layer.passed("training"), strict=True):
                self._refuse(array, i, operation)

    def _look_back(self, cost: Array) -> None:
        """Look at the cost and the gradients."""
        logarithm = self.network.layers[-1].cost_function.name != "quadratic"
        zero = "log of zero: an output that should be 1 is 0, as far as this dtype can tell; " * logarithm
        self._refuse(cost, None, "cost", zero + self._growth())
        for i, layer in reversed(list(enumerate(self.network.layers))):
            for name, gradient in zip("wb", layer.gradients, strict=True):
                self._refuse(gradient, i, f"gradient of {name}")

    def _look_at_parameters(self, operation: str, cause: str = "") -> None:
        for i, layer in enumerate(self.network.layers):
            for name, parameter in zip("wb", layer.params, strict=True):
                self._refuse(parameter, i, operation + name, cause)

    def _growth(self) -> str:
        """What makes numbers grow."""
        if self._largest_pixel > LARGE:
            return f"the images, which go up to {self._largest_pixel:.3g} and should lie between 0 and 1"
        largest = self._largest_parameter()
        if largest == self._largest:
            return f"weights that were large before training, up to {largest:.3g}"
        grown = f"the largest parameter has grown from {self._largest:.3g} to {largest:.3g}"
        return f"a learning rate that is too high ({grown}); try a tenth of it"

    def _largest_parameter(self) -> float:
        return max(float(abs(parameter).max()) for parameter in self.network.params)

    def _refuse(self, array: Array, layer: int | None, operation: str, cause: str = "") -> None:
        """Raise the error if an array is not finite, with everything as it was before the step."""
        if not bool(namespace(array).isfinite(array).all()):
            cause = cause or self._growth()
            self._put_back()
            name = "" if layer is None else repr(self.network.layers[layer])
            raise NonFiniteError(self.network.steps, layer, operation, cause, name)
