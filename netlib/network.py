"""A network: layers in a row, trained by stochastic gradient descent and then used."""

from __future__ import annotations

from os import PathLike

import numpy as np

from netlib import checks, ops, storage
from netlib.backend import Array, to_host
from netlib.layers.row import chunks
from netlib.learner import Learner


class Network(Learner):
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
    dtype : {"auto", "float32", "float64"}
        Of its parameters, and of all that it computes; "auto" is the user's (see `config`), or else float32.

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

    def __repr__(self) -> str:
        layers = ",\n    ".join(map(repr, self.layers))
        return f"Network([\n    {layers}],\n    mini_batch_size={self.mini_batch_size})"

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
        for part in chunks(len(rows)):
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
        for part in chunks(len(rows)):
            labels[part] = to_host(self.row.labels(rows[part]))
        return labels

    def error(self, data: tuple[Array, Array]) -> float:
        """The mean 0-1 loss: the fraction of images, of any number, that are misread."""
        return 1 - self.accuracy(data)

    def accuracy(self, data: tuple[Array, Array]) -> float:
        """The fraction of images, of any number, whose label is predicted."""
        return self.row.accuracy(*self.row.data("data", data, 1))

    def cost(self, data: tuple[Array, Array]) -> float:
        """The mean cost over any number of images, labelled or with targets, dropout off, without the penalty.

        Raises
        ------
        TypeError, ValueError
            If `data` do not fit the network, or the last layer has no cost.
        """
        self.row.check_cost()
        return self.row.mean_cost(*self.row.data("data", data, 1, targets=True))

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
