"""A network: layers in a row, trained by stochastic gradient descent and then used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np

from netlib import checks, ops, storage
from netlib.backend import Array, device_namespace, namespace, to_host
from netlib.checkpoints import Checkpoints
from netlib.gpu import gpu_errors
from netlib.layers import Layer
from netlib.layers.row import Row
from netlib.optimizers import gradient_descent
from netlib.threads import blas_threads
from netlib.training import History, count_batches, train

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
    steps : int
        Training steps taken so far.
    history : History or None
        Of the last call of SGD.
    x, y : array
        Images, as rows, and labels of the last pass in training.

    Raises
    ------
    TypeError, ValueError
        If layers do not fit together, belong to another network already, or another argument is out of range; the
        message names the argument, what it was, and what was expected.
    DeviceError
        If a GPU is asked for and there is none.
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
        self.row = Row(layers, self.mini_batch_size, self.seed, device_namespace(device), self.dtype)
        self.layers = self.row.layers
        self.steps = 0
        self.history: History | None = None
        self.x = self.y = None
        self._test_rows: Array | None = None

    def __repr__(self) -> str:
        layers = ",\n    ".join(map(repr, self.layers))
        return f"Network([\n    {layers}],\n    mini_batch_size={self.mini_batch_size})"

    @property
    def params(self) -> list[Array]:
        """The weights and biases of each layer in turn, [w, b, w, b, ...]. Writing into them changes the network."""
        return [parameter for layer in self.layers for parameter in layer.params]

    @property
    def xp(self) -> ModuleType:
        """The array library of the network's device: NumPy, or CuPy."""
        return namespace(self.layers[0].w)

    @property
    def n_in(self) -> int:
        """Numbers in one image."""
        return self.row.n_in

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
        checkpoint: str | PathLike | None = None,
        keep: int = 2,
        after_epoch: Callable[[Network], None] | None = None,
    ) -> History:
        """Train by mini-batch stochastic gradient descent (network3's method, arguments and printed lines).

        While it runs, BLAS uses as many threads as suit the mini-batch, or ``NETLIB_THREADS``; see `threads`. Test
        accuracy is measured whenever validation accuracy is at least the best so far. The weights at the end
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
            What the penalty is divided by: the number of mini-batches in the training data (network3), the number of
            images (network2, book equation (87)), or the mini-batch size (a widespread port of 2018, by mistake: on
            the book's data 500 times the penalty for the same lmbda).
        verbose : bool
            Print network3's lines.
        checkpoint : path, optional
            A folder for a model file after every epoch. If it holds some of this very run already, the run goes on
            after the newest, and ends with the same bits as if it had never been interrupted.
        keep : int
            How many of them to keep.
        after_epoch : callable, optional
            Called with the network after every epoch, when `history` tells of it, and before its model file is kept:
            a run that is killed in between does both again.

        Returns
        -------
        History

        Raises
        ------
        TypeError, ValueError
            If an argument is out of range, data do not fit the network, or `checkpoint` holds another run; all of it
            before the first step.
        DeviceError
            If the GPU has no memory left or fails; what `checkpoint` holds is then still there, and a run that
            goes on from it.
        """
        epochs = checks.integer("epochs", epochs, 0)
        if checks.integer("mini_batch_size", mini_batch_size, 1) != self.mini_batch_size:
            raise ValueError(f"mini_batch_size: expected the network's, {self.mini_batch_size}; got {mini_batch_size}")
        eta, lmbda = checks.non_negative("eta", eta), checks.non_negative("lmbda", lmbda)
        checks.choice("penalty_divisor", penalty_divisor, ("batches", "examples", "mini_batch"))
        self.row.check_cost()
        x, y = self.row.data("training_data", training_data, mini_batch_size)

        whole = mini_batch_size if drop_last else 1

        def evaluated(name: str, data: Any) -> tuple[Array, Array] | None:
            if data is None:
                return None
            rows, labels = self.row.data(name, data, whole)
            n = len(rows) // whole * whole
            return (rows, labels) if n == len(rows) else (rows[:n], labels[:n])

        validation, test = evaluated("validation_data", validation_data), evaluated("test_data", test_data)
        self._test_rows = test and test[0]
        n_batches = count_batches(len(x), mini_batch_size, drop_last=drop_last)
        sizes = {"batches": n_batches, "examples": len(x), "mini_batch": mini_batch_size}
        kept = None
        if checkpoint is not None:
            sets = [part for pair in ((x, y), validation, test) if pair for part in pair]
            options = {"shuffle": shuffle, "drop_last": drop_last, "penalty_divisor": penalty_divisor}
            kept = Checkpoints(
                checkpoint, keep, self, sets, mini_batch_size=mini_batch_size, eta=eta, lmbda=lmbda, **options
            )
        self.history = kept.resume(epochs) if kept else History()

        def finish_epoch() -> None:
            if after_epoch:
                after_epoch(self)
            if kept:
                kept.save()

        with blas_threads(mini_batch_size), gpu_errors("it trained", kept.told if kept else str):
            return train(
                self,
                x,
                y,
                epochs,
                mini_batch_size,
                n_batches=n_batches,
                eta=eta,
                decay=1 - eta * lmbda / sizes[penalty_divisor],
                shuffle=shuffle,
                validate=validation and (lambda: self._accuracy(*validation)),
                test=test and (lambda: self._accuracy(*test)),
                verbose=verbose,
                history=self.history,
                after_epoch=finish_epoch,
            )

    def train_mini_batch(self, x: Array, y: Array, eta: float, decay: float = 1.0) -> Array:
        """One step of gradient descent on checked rows (n, features) and labels; the cost before it, shape ()."""
        cost = self._backpropagate(x, y, self.steps)
        gradient_descent(self.layers, eta, decay)
        self.steps += 1
        return cost

    def gradients(self, data: tuple[Array, Array], *, step: int = 0) -> list[Array]:
        """Gradients of the mean cost over `data` with respect to each of `params`.

        They are those of training: with dropout, the units are silent that training step number `step` silences.

        Raises
        ------
        TypeError, ValueError
            If `data` do not fit the network, `step` is no integer from 0, or the last layer has no cost.
        """
        self.row.check_cost()
        x, y = self.row.data("data", data, 1)
        self._backpropagate(x[:], y, checks.integer("step", step, 0))
        return [gradient.copy() for layer in self.layers for gradient in layer.gradients]

    def _backpropagate(self, x: Array, y: Array, step: int) -> Array:
        self.x, self.y = x, y
        return self.row.backpropagate(x, y, step)

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
        rows = self.row.images("x", x)
        outputs = np.empty((len(rows), *self.layers[-1].output_shape), self.dtype)
        for part in _chunks(len(rows)):
            outputs[part] = np.moveaxis(to_host(self.row.forward(rows[part])), -1, 0)
        return outputs

    def predict_proba(self, x: Array) -> np.ndarray:
        """Probabilities of the classes, (n, classes): the outputs of a network that ends in a SoftmaxLayer."""
        if self.layers[-1].activation_fn != ops.softmax:
            raise ValueError(f"layers: expected a SoftmaxLayer at the end, for probabilities; got {self.layers[-1]!r}")
        return self.forward(x)

    def predict(self, x: Array) -> np.ndarray:
        """The likeliest label of each image, (n,); where outputs tie, the first."""
        rows = self.row.images("x", x)
        labels = np.empty(len(rows), np.int64)
        for part in _chunks(len(rows)):
            labels[part] = to_host(self.row.labels(rows[part]))
        return labels

    def accuracy(self, data: tuple[Array, Array]) -> float:
        """The fraction of images, of any number, whose label is predicted."""
        return self._accuracy(*self.row.data("data", data, 1))

    def cost(self, data: tuple[Array, Array]) -> float:
        """The mean cost over any number of images, dropout off, without the penalty.

        Raises
        ------
        TypeError, ValueError
            If `data` do not fit the network, or the last layer has no cost.
        """
        self.row.check_cost()
        x, y = self.row.data("data", data, 1)
        total = self.xp.zeros(())  # in float64
        for part in _chunks(len(x)):
            total += self.row.cost(x[part], y[part]) * len(x[part])
        return float(total) / len(x)

    def save(self, path: str | PathLike) -> None:
        """Write the network to a file, from which `load` makes it again; see `storage.save`."""
        storage.save(self, path)

    @classmethod
    def load(cls, path: str | PathLike, *, device: str = "auto") -> Network:
        """The network that `save` wrote, on any device; see `storage.load`."""
        return storage.load(cls, path, device)

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
        """Outputs of the last evaluation pass, (n, *output_shape); see `Layer.output`."""
        return self.layers[-1].output

    @property
    def output_dropout(self) -> Array:
        """Outputs of the last training pass, units dropped, (n, *output_shape)."""
        return self.layers[-1].output_dropout

    def _accuracy(self, x: Array, y: Array) -> float:
        hits = sum((self.row.labels(x[part]) == y[part]).sum() for part in _chunks(len(x)))
        return int(hits) / len(x)


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))
