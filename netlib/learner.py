"""What learns: layers in a row, and stochastic gradient descent on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np

from netlib import checks, config
from netlib.backend import Array, device_namespace, namespace
from netlib.checkpoints import Checkpoints
from netlib.gpu import gpu_errors
from netlib.guard import Guard
from netlib.history import History
from netlib.layers import Layer
from netlib.layers.row import Row
from netlib.optimizers import NO_PENALTY, GradientDescent, Penalty
from netlib.schedules import Schedule, WhenStalled, described
from netlib.stopping import EarlyStopping
from netlib.threads import blas_threads
from netlib.training import Measures, Plan, Run, count_batches

PLAIN = GradientDescent()  # remembers nothing, so all networks can share it


class Learner:
    """A network as training sees it; `Network`, which adds what one does with it afterwards, tells of the arguments."""

    def __init__(
        self,
        layers: Sequence[Layer],
        mini_batch_size: int,
        *,
        seed: int = 0,
        device: str = "auto",
        dtype: Any = "auto",
    ) -> None:
        self.mini_batch_size = checks.integer("mini_batch_size", mini_batch_size, 1)
        self.seed = checks.integer("seed", seed, 0)
        dtype = np.dtype(dtype).name if isinstance(dtype, type | np.dtype) else dtype
        dtype, source = config.setting("dtype") if isinstance(dtype, str) and dtype == "auto" else (dtype, "dtype")
        self.dtype = np.dtype(checks.choice(source, dtype, ("float32", "float64")))
        self.row = Row(layers, self.mini_batch_size, self.seed, device_namespace(device), self.dtype)
        self.layers = self.row.layers
        self.steps = 0
        self.history: History | None = None
        self.x = self.y = None
        self._test_rows: Array | None = None

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
        eta: float | Schedule,
        validation_data: tuple[Array, Array] | None,
        test_data: tuple[Array, Array] | None,
        lmbda: float = 0.0,
        *,
        l1: float = 0.0,
        penalty_divisor: str = "batches",
        optimizer: GradientDescent | None = None,
        early_stopping: EarlyStopping | None = None,
        shuffle: bool = False,
        drop_last: bool = True,
        guard: bool = True,
        verbose: bool = True,
        checkpoint: str | PathLike | None = None,
        keep: int = 2,
        after_epoch: Callable[[Any], None] | None = None,
    ) -> History:
        """Train by mini-batch stochastic gradient descent (network3's method, arguments and printed lines).

        While it runs, BLAS uses as many threads as suit the mini-batch, or ``NETLIB_THREADS``; see `threads`. Test
        accuracy is measured whenever validation accuracy is at least the best so far. The weights at the end
        are those of the last epoch, or with early stopping the best.

        Parameters
        ----------
        training_data, validation_data, test_data : (x, y)
            Images (n, features) or (n, C, H, W) and integer labels (n,). Validation and test data may be None. With
            the quadratic or the cross-entropy cost, training data may have real targets (n, n_out) in place of labels.
        epochs : int
            Passes through the training data; 0 is allowed.
        mini_batch_size : int
            The network's.
        eta : float or Schedule
            Learning rate, or what gives it for each epoch; see `schedules`.
        lmbda, l1 : float
            Coefficients of the penalties ``0.5 * lmbda * sum(w**2) / divisor`` and ``l1 * sum(abs(w)) / divisor`` over
            the weights of all layers.
        penalty_divisor : {"batches", "examples", "mini_batch", "none"}
            What the penalties are divided by: the number of mini-batches in the training data (network3), the number
            of images (network2, book equation (87)), the mini-batch size (a widespread port of 2018, by mistake: on
            the book's data 500 times the penalty for the same lmbda), or 1.
        optimizer : GradientDescent, Momentum or RMSprop, optional
            What makes a step of a gradient; plain gradient descent if it is not given.
        early_stopping : EarlyStopping, optional
            Ends training when it has long brought nothing on the validation data; the epochs are then the most.
        shuffle : bool
            Go through the training data in another order each epoch. The book never does.
        drop_last : bool
            Leave out what fills no whole mini-batch, in training and in the accuracies, as the book does.
        guard : bool
            Stop at the first cost or gradient that is not finite, and say where it came from.
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
        NonFiniteError
            If a cost, gradient or weight is not finite; the network keeps the weights from before that step.
        DeviceError
            If the GPU has no memory left or fails; what `checkpoint` holds is then still there, and a run that
            goes on from it.
        """
        epochs = checks.integer("epochs", epochs, 0)
        if checks.integer("mini_batch_size", mini_batch_size, 1) != self.mini_batch_size:
            raise ValueError(f"mini_batch_size: expected the network's, {self.mini_batch_size}; got {mini_batch_size}")
        eta = eta if callable(eta) else checks.non_negative("eta", eta)
        lmbda, l1 = checks.non_negative("lmbda", lmbda), checks.non_negative("l1", l1)
        checks.choice("penalty_divisor", penalty_divisor, ("batches", "examples", "mini_batch", "none"))
        optimizer = GradientDescent() if optimizer is None else checks.kind("optimizer", optimizer, GradientDescent)
        if early_stopping is not None:
            checks.kind("early_stopping", early_stopping, EarlyStopping).begin(self)
        needs = "early_stopping" if early_stopping else "eta" if isinstance(eta, WhenStalled) else None
        if needs and validation_data is None:
            raise ValueError(f"{needs}: expected validation_data to look at; got None")
        self.row.check_cost()
        x, y = self.row.data("training_data", training_data, mini_batch_size, targets=True)

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
        divisor = {"batches": n_batches, "examples": len(x), "mini_batch": mini_batch_size, "none": 1}[penalty_divisor]
        penalty = Penalty(lmbda / divisor, l1 / divisor)
        plan = Plan(epochs, mini_batch_size, n_batches, eta, penalty, optimizer, shuffle, verbose)
        stood = early_stopping and early_stopping.stood
        taken = len(stood.history.cost) * n_batches + stood.done if stood else 0
        kept = None
        if checkpoint is not None:
            sets = [part for pair in ((x, y), validation, test) if pair for part in pair]
            options = {"shuffle": shuffle, "drop_last": drop_last, "penalty_divisor": penalty_divisor}
            options |= {"mini_batch_size": mini_batch_size, "eta": described(eta), "lmbda": lmbda}
            options |= {"steps before": stood.steps - taken if stood else self.steps}
            method = repr(optimizer) if type(optimizer) is not GradientDescent else None
            more = {"l1": l1, "method": method, "early_stopping": early_stopping and early_stopping.rule()}
            options |= {name: value for name, value in more.items() if value}  # older files know nothing of these
            kept = Checkpoints(checkpoint, keep, self, sets, optimizer, early_stopping, **options)
        if stood:
            early_stopping.go_on(self, optimizer.memory)
        else:
            self.history = kept.resume(epochs) if kept else History()
        run = Run(
            self,
            x,
            y,
            plan,
            self.history,
            self._measures(validation, test, early_stopping),
            guard=Guard(self, optimizer) if guard else None,
            stopping=early_stopping,
            done=stood.done if stood else 0,
            cost=stood.cost if stood else 0.0,
        )

        def finish_epoch() -> None:
            if after_epoch:
                after_epoch(self)
            if kept:
                kept.save()

        with blas_threads(mini_batch_size), gpu_errors("it trained", kept.told if kept else str):
            history = run.go(finish_epoch)
        if early_stopping:
            early_stopping.end(self, optimizer.memory, run.done, float(run.cost))
        return history

    def _measures(self, validation: Any, test: Any, stopping: EarlyStopping | None) -> Measures:
        """What SGD measures on the way."""

        def loss(data: tuple[Array, Array]) -> Callable[[], float]:
            return (
                (lambda: 1 - self.row.accuracy(*data))
                if stopping.loss == "error"
                else (lambda: self.row.mean_cost(*data))
            )

        return Measures(
            validation and (lambda: self.row.accuracy(*validation)),
            test and (lambda: self.row.accuracy(*test)),
            (loss(validation), test and loss(test)) if stopping else None,
        )

    def train_mini_batch(
        self,
        x: Array,
        y: Array,
        eta: float,
        penalty: Penalty = NO_PENALTY,
        optimizer: GradientDescent | None = None,
        look: Callable[[Array], None] | None = None,
    ) -> Array:
        """One step on checked rows (n, features) and labels; the cost before it, shape ().

        `look` is called with the cost when the gradients are there and have not been used.
        """
        cost = self._backpropagate(x, y, self.steps)
        if look:
            look(cost)
        (optimizer or PLAIN).step(self.layers, eta, penalty)
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
        x, y = self.row.data("data", data, 1, targets=True)
        self._backpropagate(x[:], y, checks.integer("step", step, 0))
        return [gradient.copy() for layer in self.layers for gradient in layer.gradients]

    def _backpropagate(self, x: Array, y: Array, step: int) -> Array:
        self.x, self.y = x, y
        return self.row.backpropagate(x, y, step)
