"""What all kinds of layer share.

A layer turns a batch-innermost array x into ``activation_fn(z)``, where z is a weighted sum of x plus biases; what
kind of weighted sum is all that the kinds differ in. Dropout, as in network3, acts on a layer's input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any

import numpy as np

from netlib import checks, initializers, ops
from netlib.backend import Array, Workspace, move, namespace

DROPOUTS = ("rescale", "inverted")


class Layer(ABC):
    """What all layers share: parameters, a place in a network, dropout, the way forward and the way back.

    Attributes
    ----------
    w, b : array
        Weights and biases, on the network's device; None until the layer is part of a network, which draws them.
        Writing into them changes the network.
    input_shape, output_shape : tuple of int
        Of one image.
    w_shape, fans : tuple
        Shape of the weights; inputs and outputs of a neuron, as the initial scale counts them.
    place, seed : int
        Its place in the network, from 0, and the network's seed; they decide its random numbers.
    cost_function : ops.Cost or None
        What the layer minimises if it is a network's last.
    gradients : list of array
        Gradients of the cost with respect to w and b, after a backward pass.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        output_shape: tuple[int, ...],
        w_shape: tuple[int, ...],
        fans: tuple[float, float],
        *,
        activation_fn: ops.Activation,
        p_dropout: float,
        init: str,
        dropout: str,
        cost: str | None = None,
    ) -> None:
        if not isinstance(activation_fn, ops.Activation):
            raise TypeError(
                "activation_fn: expected a netlib Activation such as sigmoid, tanh, ReLU or linear; "
                f"got {activation_fn!r}"
            )
        self.input_shape, self.output_shape, self.w_shape, self.fans = input_shape, output_shape, w_shape, fans
        self.activation_fn = activation_fn
        self.p_dropout = checks.non_negative("p_dropout", p_dropout, below=1)
        self.init = checks.choice("init", init, initializers.SCALES)
        self.dropout = checks.choice("dropout", dropout, DROPOUTS)
        self.cost_function = None if cost is None else ops.COSTS[checks.choice("cost", cost, ops.COSTS)]
        if self.cost_function and self.cost_function.activation not in (None, activation_fn):
            raise ValueError(
                f"cost: {cost!r} belongs to the activation {self.cost_function.activation}; got {activation_fn}"
            )
        self.place: int | None = None
        self.w = self.b = None
        self.gradients: list[Array] = []
        self._passes: dict[str, tuple[Array, Array]] = {}  # (z, a) of the last "evaluation" and "training" pass
        self._pending: tuple | None = None  # what a forward pass in training leaves for the backward pass

    def join(self, place: int, seed: int, xp: ModuleType, dtype: np.dtype) -> None:
        """Take this place in a network, and draw the parameters that its seed gives to it."""
        self.place, self.seed = place, seed
        n_biases = self.output_shape[0]
        drawn = initializers.draw(self.init, self.w_shape, n_biases, *self.fans, seed=seed, place=place)
        self.w, self.b = (xp.asarray(parameter.astype(dtype)) for parameter in drawn)
        self._work = {"evaluation": Workspace(xp), "training": Workspace(xp)}

    @property
    def _xp(self) -> ModuleType:
        return namespace(self.w)

    @property
    def params(self) -> list[Array]:
        """Weights and biases, [w, b]."""
        return [self.w, self.b]

    def forward(self, x: Array, step: int | None = None) -> Array:
        """Activations (*output_shape, N) for inputs x of N images, batch innermost.

        With `step`, the number of a training step, that step's units are dropped and the layer is ready for
        `backward`; without, this is evaluation: every unit takes part.
        """
        if self.place is None:
            raise RuntimeError(f"{self!r}: expected to be part of a network, which draws its parameters")
        mode = "evaluation" if step is None else "training"
        work = self._work[mode]
        x, mask = self._dropped(x.reshape(*self.input_shape, x.shape[-1]), step, work)
        weighted, saved = self._weighted_sum(x, work)
        z = work("weighted_input", weighted.shape, weighted.dtype)
        self._xp.add(weighted, self.b.reshape(-1, *[1] * (z.ndim - 1)), out=z)
        a = self.activation_fn(z, out=work("activation", z.shape, z.dtype))
        self._passes[mode] = z, a
        if mode == "training":
            self._pending = saved, mask
        return a

    def backward(self, da: Array, *, input_gradient: bool = True) -> Array | None:
        """Gradient of the cost with respect to the layer's input, given that by its activations; fills `gradients`."""
        z, a = self.passed("training")
        dz = self._work["training"]("activation_gradient", z.shape, z.dtype)
        self.activation_fn.gradient(z, a, da.reshape(z.shape), dz)
        return self._backward_from(dz, input_gradient)

    def backward_from_cost(self, targets: Array, *, input_gradient: bool = True) -> Array | None:
        """The same for a last layer, where its cost against `targets` (K, N) begins the way back."""
        dz = self.cost_function.gradient(self.activation_fn, *self.passed("training"), targets)
        return self._backward_from(dz, input_gradient)

    def mean_cost(self, targets: Array, mode: str) -> Array:
        """The cost, shape (), of the last pass in "training" or "evaluation" against `targets` (K, N)."""
        return self.cost_function.value(*self.passed(mode), targets)

    def passed(self, mode: str) -> tuple[Array, Array]:
        """Weighted inputs and activations (z, a) of the last pass in this mode."""
        if mode not in self._passes:
            raise RuntimeError(f"{self!r}: there has been no forward pass in {mode} yet")
        return self._passes[mode]

    def _backward_from(self, dz: Array, input_gradient: bool) -> Array | None:
        if self._pending is None:
            raise RuntimeError(f"{self!r}: a backward pass needs a forward pass in training before it, one for each")
        (saved, mask), self._pending = self._pending, None
        work = self._work["training"]
        dx, dw = self._weighted_sum_gradients(dz, saved, input_gradient, work)
        self.gradients = [dw, dz.reshape(len(dz), -1).sum(axis=1, out=work("bias_gradient", self.b.shape, dz.dtype))]
        if dx is not None and mask is not None:
            ops.dropout(dx, mask, self._kept_scale(), out=dx)
        return dx

    def _dropped(self, x: Array, step: int | None, work: Workspace) -> tuple[Array, Array | None]:
        """The input after dropout, and the mask."""
        if self.p_dropout == 0 or (step is None and self.dropout == "inverted"):
            return x, None
        out = work("dropped", x.shape, x.dtype)
        if step is None:  # network3 weakens the inputs of evaluation instead of strengthening those of training
            return self._xp.multiply(x, x.dtype.type(1 - self.p_dropout), out=out), None
        place = {"seed": self.seed, "place": self.place, "step": step}
        mask = ops.dropout_mask(self._xp, x.shape, self.p_dropout, **place, work=work)
        return ops.dropout(x, mask, self._kept_scale(), out=out), mask

    def _kept_scale(self) -> float:
        return 1 / (1 - self.p_dropout) if self.dropout == "inverted" else 1.0

    @abstractmethod
    def _weighted_sum(self, x: Array, work: Workspace) -> tuple[Array, Any]:
        """The weighted sum of the inputs, and what its gradient will need."""

    @abstractmethod
    def _weighted_sum_gradients(
        self, dz: Array, saved: Any, input_gradient: bool, work: Workspace
    ) -> tuple[Array | None, Array]:
        """Gradients (dx, dw) with respect to inputs and weights."""

    # What network3's layers show of the last pass: outputs as (N, ...), labels, accuracy.

    @property
    def output(self) -> Array:
        """Activations of the last evaluation pass, (N, *output_shape), for a look at them right after it.

        A view that the next pass overwrites; and since `Network` evaluates many images a hundred at a time, it
        shows the last hundred or fewer.
        """
        a = self.passed("evaluation")[1]
        return self._xp.moveaxis(a, -1, 0)

    @property
    def output_dropout(self) -> Array:
        """Activations of the last training pass, with units dropped, (N, *output_shape); a view, as `output` is."""
        a = self.passed("training")[1]
        return self._xp.moveaxis(a, -1, 0)

    @property
    def y_out(self) -> Array:
        """Labels that the last evaluation pass predicts, (N,): the first of the largest outputs."""
        a = self.passed("evaluation")[1]
        return a.reshape(-1, a.shape[-1]).argmax(axis=0)

    def accuracy(self, y: Array) -> float:
        """The fraction of the last evaluation pass's images whose predicted label is that in `y`, (N,)."""
        y_out = self.y_out
        y = move(y, self._xp)
        if y.shape != y_out.shape:
            raise ValueError(f"y: expected {len(y_out)} labels, as many as images in the last pass; got {y.shape}")
        return float((y == y_out).mean())
