"""Layers in a row: whether they fit together, and the way forward and back through all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from netlib import checks, ops
from netlib.backend import Array, Workspace, namespace
from netlib.data import Derived
from netlib.gpu import gpu_errors
from netlib.layers.base import Layer

CHUNK = 100  # images in one evaluation pass: enough to keep the processor busy, few enough for its cache


class Row:
    """Layers that have taken their places, from input to output.

    Images come in as checked rows (n, features), and are turned batch innermost here.

    Raises
    ------
    TypeError, ValueError
        If the layers do not fit together or one is part of a network already; then none of them has been touched.
    """

    def __init__(self, layers: Any, mini_batch_size: int, seed: int, xp: ModuleType, dtype: np.dtype) -> None:
        if not isinstance(layers, Iterable):
            raise TypeError(f"layers: expected a list of layers; got {layers!r}")
        self.layers = list(layers)
        check_chain(self.layers, mini_batch_size)
        self.dtype = dtype
        self._work = {"evaluation": Workspace(xp), "training": Workspace(xp)}
        for place, layer in enumerate(self.layers):
            layer.join(place, seed, xp, dtype)

    @property
    def n_in(self) -> int:
        """Numbers in one image."""
        return math.prod(self.layers[0].input_shape)

    @property
    def n_out(self) -> int:
        """Outputs for one image; for a classifier, the number of classes."""
        return math.prod(self.layers[-1].output_shape)

    def images(self, name: str, x: Any) -> Array:
        """Images as checked rows on the network's device, in its dtype; see `checks.images`."""
        shape = self.layers[0].input_shape
        if isinstance(x, Derived):
            same = len(x.image_shape) == len(shape)
            originals = x.images.reshape(len(x.images), *x.image_shape) if same else x.images
            return x.replace(self.images(name, originals))
        return checks.images(name, x, shape, namespace(self.layers[0].w), self.dtype)

    def data(self, name: str, data: Any, minimum: int, *, targets: bool = False) -> tuple[Array, Array]:
        """At least `minimum` such rows, with their labels; see `checks.labelled_images`.

        With `targets`, in place of labels there may be real targets (n, n_out), if the cost can aim at them.
        """
        cost = self.layers[-1].cost_function
        aims = cost.targets if targets and cost else None
        with gpu_errors(f"{name} were moved there"):
            xp = namespace(self.layers[0].w)
            rows, y = checks.labelled_images(name, data, self.images, self.n_out, minimum, xp, aims)
            if y.ndim == 1:
                return rows, y
            with np.errstate(over="ignore"):  # what overflows in the cast is refused in the next line
                y = xp.asarray(y, dtype=self.dtype)
            checks.finite(f"{name} targets", y)
            return rows, y

    def forward(self, rows: Array, step: int | None = None) -> Array:
        """Output (*output_shape, n); with `step`, that training step's units are dropped."""
        work = self._work["evaluation" if step is None else "training"]
        a = work("images", rows.shape[::-1], self.dtype)
        a[...] = rows.T
        for layer in self.layers:
            a = layer.forward(a, step)
        return a

    def labels(self, rows: Array) -> Array:
        """The label of the largest output for each image; the first, where outputs tie."""
        self.forward(rows)
        return self.layers[-1].y_out

    def accuracy(self, rows: Array, y: Array) -> float:
        """The fraction of any number of images whose label is that in `y`."""
        hits = sum((self.labels(rows[part]) == y[part]).sum() for part in chunks(len(rows)))
        return int(hits) / len(rows)

    def mean_cost(self, rows: Array, y: Array) -> float:
        """The mean cost in evaluation over any number of images."""
        total = namespace(y).zeros(())  # in float64
        for part in chunks(len(rows)):
            total += self.cost(rows[part], y[part]) * len(rows[part])
        return float(total) / len(rows)

    def cost(self, rows: Array, y: Array) -> Array:
        """Mean cost in evaluation, an array of shape ()."""
        self.forward(rows)
        return self.layers[-1].mean_cost(ops.targets(y, self.n_out, self.dtype), "evaluation")

    def backpropagate(self, rows: Array, y: Array, step: int) -> Array:
        """Forward in training, and back: leaves each layer's gradients, returns the mean cost, shape ()."""
        *others, last = self.layers
        self.forward(rows, step)
        targets = ops.targets(y, self.n_out, self.dtype)
        cost = last.mean_cost(targets, "training")
        da = last.backward_from_cost(targets, input_gradient=bool(others))
        for layer in reversed(others):
            da = layer.backward(da, input_gradient=layer.place > 0)
        return cost

    def check_cost(self) -> None:
        """Refuse to train or to measure a cost where the last layer has none."""
        last = self.layers[-1]
        if last.cost_function is None:
            raise ValueError(f"layers: expected the last to have a cost, such as a SoftmaxLayer; {last!r} has none")


def chunks(n: int) -> Iterator[slice]:
    """Parts of n images for one pass in evaluation each."""
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))


def check_chain(layers: list[Layer], mini_batch_size: int) -> None:
    """Refuse layers that cannot form a network, before any of them is touched."""
    if not layers:
        raise ValueError("layers: expected at least one layer; got none")
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{i}]: expected a layer; got {layer!r}")
        if layer.place is not None or layer in layers[:i]:
            raise ValueError(f"layers[{i}]: {layer!r} is part of a network already; make a new layer for each place")
        given = getattr(layer, "image_shape", ())
        if len(given) == 4 and given[0] not in (None, mini_batch_size):
            raise ValueError(
                f"layers[{i}]: expected image_shape to begin with the network's mini_batch_size, {mini_batch_size}; "
                f"got {given}"
            )
        if i == 0:
            continue
        arriving, expected = layers[i - 1].output_shape, layer.input_shape
        flat = len(expected) == 1 or len(arriving) == 1
        if math.prod(arriving) != math.prod(expected) if flat else arriving != expected:
            raise ValueError(
                f"layers[{i}]: {layer!r} expects {expected} for each image, but layers[{i - 1}] gives {arriving}"
            )
