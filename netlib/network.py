"""A network: layers in a row, trained by stochastic gradient descent and then used."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from netlib import checks, ops
from netlib.backend import Array, device_namespace, to_host
from netlib.layers import Layer
from netlib.layers.row import Row
from netlib.optimizers import gradient_descent
from netlib.training import PENALTY_DIVISORS, History, train

CHUNK = 100  # images in one evaluation pass: enough to keep the processor busy, few enough for its cache


class Network:
    """A feedforward network (network3's class, and what lies beyond it).

    Parameters
    ----------
    layers : sequence of Layer
        From input to output; each must take what the one before it gives.
    mini_batch_size : int
        Images in a training step. Everything else takes any number of them.
    seed : int
        Decides the initial weights, the dropout masks and the order of shuffled mini-batches.
    device : {"auto", "cpu", "gpu"}
        Where the network lives.
    dtype : {"float32", "float64"}
        Of its parameters, and of all that it computes.

    Attributes
    ----------
    row : layers.row.Row
        The layers in a row, and the passes through all of them.
    params : list of array
        The weights and biases of each layer in turn. Writing into them changes the network.
    steps : int
        Training steps taken so far.
    x, y : array
        Images and labels of the last training mini-batch.

    Raises
    ------
    TypeError, ValueError
        If layers do not fit together, belong to another network already, or another argument is out of range; the
        message names the argument, what it was, and what was expected.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        mini_batch_size: int,
        *,
        seed: int = 0,
        device: str = "auto",
        dtype: Any = "float32",
    ) -> None:
        self.mini_batch_size = checks.integer("mini_batch_size", mini_batch_size, 1)
        self.seed = checks.integer("seed", seed, 0)
        dtype = np.dtype(dtype).name if isinstance(dtype, type | np.dtype) else dtype
        self.dtype = np.dtype(checks.choice("dtype", dtype, ("float32", "float64")))
        self.xp = device_namespace(device)
        self.row = Row(layers, self.mini_batch_size, self.seed, self.xp, self.dtype)
        self.layers = self.row.layers
        self.params = [parameter for layer in self.layers for parameter in layer.params]
        self.steps = 0
        self.x = self.y = None
        self._test_rows: Array | None = None

    def __repr__(self) -> str:
        layers = ",\n    ".join(map(repr, self.layers))
        return f"Network([\n    {layers}],\n    mini_batch_size={self.mini_batch_size})"

    @property
    def n_in(self) -> int:
        """Numbers in one image."""
        return math.prod(self.layers[0].input_shape)

    @property
    def n_out(self) -> int:
        """Outputs for one image; for a classifier, the number of classes."""
        return self.row.n_out

    # Training

    def SGD(
        self,
        training_data: tuple[Array, Array],
        epochs: int,
        mini_batch_size: int,
        eta: float,
        validation_data: tuple[Array, Array] | None,
        test_data: tuple[Array, Array] | None,
        lmbda: float = 0.0,
        *,
        shuffle: bool = False,
        drop_last: bool = True,
        penalty_divisor: str = "batches",
        verbose: bool = True,
    ) -> History:
        """Train by mini-batch stochastic gradient descent (network3's method, arguments and printed lines).

        Test accuracy is measured whenever validation accuracy is at least the best so far. The weights at the end
        are those of the last epoch.

        Parameters
        ----------
        training_data, validation_data, test_data : (x, y)
            Images (n, features) or (n, C, H, W) and integer labels (n,). Validation and test data may be None.
        epochs : int
            Passes through the training data; 0 is allowed.
        mini_batch_size : int
            The network's.
        eta : float
            Learning rate.
        lmbda : float
            Coefficient of the penalty ``0.5 * lmbda * sum(w**2) / divisor`` over the weights of all layers.
        shuffle : bool
            Go through the training data in another order each epoch. The book never does.
        drop_last : bool
            Leave out what fills no whole mini-batch, in training and in the accuracies, as the book does.
        penalty_divisor : {"batches", "examples", "mini_batch"}
            See `training.weight_decay`; the book divides by the number of mini-batches.
        verbose : bool
            Print network3's lines.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError
            If an argument is out of range or data do not fit the network, all of them before the first step.
        """
        epochs = checks.integer("epochs", epochs, 0)
        if checks.integer("mini_batch_size", mini_batch_size, 1) != self.mini_batch_size:
            raise ValueError(f"mini_batch_size: expected the network's, {self.mini_batch_size}; got {mini_batch_size}")
        eta, lmbda = checks.number("eta", eta), checks.number("lmbda", lmbda)
        checks.choice("penalty_divisor", penalty_divisor, PENALTY_DIVISORS)
        self.row.check_cost()
        smallest = mini_batch_size if drop_last else 1
        x, y = self._checked_data("training_data", training_data, mini_batch_size)

        validation = (
            None if validation_data is None else self._checked_data("validation_data", validation_data, smallest)
        )
        test = None if test_data is None else self._checked_data("test_data", test_data, smallest)
        self._test_rows = None if test is None else test[0]

        def measure(data: tuple[Array, Array] | None) -> Callable[[], float] | None:
            if data is None:
                return None
            n = len(data[0]) // mini_batch_size * mini_batch_size if drop_last else len(data[0])
            return lambda: self._accuracy(data[0][:n], data[1][:n])

        return train(
            self,
            x,
            y,
            epochs,
            mini_batch_size,
            eta=eta,
            lmbda=lmbda,
            penalty_divisor=penalty_divisor,
            shuffle=shuffle,
            drop_last=drop_last,
            validate=measure(validation),
            test=measure(test),
            verbose=verbose,
        )

    def train_mini_batch(self, x: Array, y: Array, eta: float, decay: float = 1.0) -> Array:
        """One step of gradient descent on checked rows (n, features) and labels; the cost before it, shape ()."""
        self.x, self.y = x, y
        cost = self.row.backpropagate(x, y, self.steps)
        gradient_descent(self.layers, eta, decay)
        self.steps += 1
        return cost

    def gradients(self, data: tuple[Array, Array], *, step: int = 0) -> list[Array]:
        """Gradients of the mean cost over `data` by each of `params`, with the units dropped that `step` drops."""
        self.row.check_cost()
        x, y = self._checked_data("data", data, 1)
        self.row.backpropagate(x, y, checks.integer("step", step, 0))
        return [gradient.copy() for layer in self.layers for gradient in layer.gradients]

    # Use

    def forward(self, x: Array) -> np.ndarray:
        """Outputs of the last layer, (n, *output_shape), for any number of images; dropout is off.

        Parameters
        ----------
        x : (n, features) or (n, C, H, W)

        Raises
        ------
        TypeError, ValueError
            If `x` does not fit the first layer, or is not finite.
        """
        rows = self._checked_rows("x", x)
        outputs = np.empty((len(rows), *self.layers[-1].output_shape), self.dtype)
        for part in _chunks(len(rows)):
            outputs[part] = np.moveaxis(to_host(self.row.forward(rows[part])), -1, 0)
        return outputs

    def predict_proba(self, x: Array) -> np.ndarray:
        """Probabilities of the classes, (n, classes): the outputs of a network that ends in a SoftmaxLayer."""
        if self.layers[-1].activation_fn is not ops.softmax:
            raise ValueError(f"layers: expected a SoftmaxLayer at the end, for probabilities; got {self.layers[-1]!r}")
        return self.forward(x)

    def predict(self, x: Array) -> np.ndarray:
        """The likeliest label of each image, (n,); where outputs tie, the first."""
        return self.forward(x).reshape(-1, self.n_out).argmax(axis=1)

    def accuracy(self, data: tuple[Array, Array]) -> float:
        """The fraction of images, of any number, whose label is predicted."""
        return self._accuracy(*self._checked_data("data", data, 1))

    def cost(self, data: tuple[Array, Array]) -> float:
        """The mean cost over any number of images, dropout off, without the penalty."""
        self.row.check_cost()
        x, y = self._checked_data("data", data, 1)
        total = 0.0
        for part in _chunks(len(x)):
            total += float(self.row.cost(x[part], y[part])) * len(x[part])
        return total / len(x)

    def test_mb_predictions(self, i: int) -> np.ndarray:
        """Labels predicted now for test mini-batch `i` of the last call of SGD (network3's function)."""
        if self._test_rows is None:
            raise RuntimeError("test_mb_predictions: SGD has not been called with test_data")
        batches = len(self._test_rows) // self.mini_batch_size
        if checks.integer("i", i, 0) >= batches:
            raise IndexError(f"i: expected the number of a test mini-batch, of which there are {batches}; got {i}")
        return to_host(self.row.labels(self._test_rows[i * self.mini_batch_size : (i + 1) * self.mini_batch_size]))

    @property
    def output(self) -> Array:
        """Outputs of the last evaluation pass, (n, *output_shape)."""
        return self.layers[-1].output

    @property
    def output_dropout(self) -> Array:
        """Outputs of the last training pass, units dropped, (n, *output_shape)."""
        return self.layers[-1].output_dropout

    def _accuracy(self, x: Array, y: Array) -> float:
        hits = sum((self.row.labels(x[part]) == y[part]).sum() for part in _chunks(len(x)))
        return int(hits) / len(x)

    def _checked_rows(self, name: str, x: Any) -> Array:
        return checks.images(name, x, self.layers[0].input_shape, self.xp, self.dtype)

    def _checked_data(self, name: str, data: Any, minimum: int) -> tuple[Array, Array]:
        shape = self.layers[0].input_shape
        return checks.labelled_images(name, data, shape, self.n_out, minimum, self.xp, self.dtype)


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))
