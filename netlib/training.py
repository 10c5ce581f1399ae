"""The training loop: mini-batches, epochs, the best validation accuracy, and what happened along the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from netlib import rng
from netlib.backend import Array, Workspace, gather, move, namespace
from netlib.data import Expanded


class Trainable(Protocol):
    """What the loop needs of a network."""

    seed: int
    steps: int

    def train_mini_batch(self, x: Array, y: Array, eta: float, decay: float) -> Array: ...


@dataclass
class History:
    """What happened in a call of SGD, epoch by epoch.

    Attributes
    ----------
    cost : list of float
        Mean cost over the epoch's mini-batches, with dropout and while the weights were changing.
    validation_accuracy : list of float
        After each epoch, in [0, 1]; empty without validation data.
    test_accuracy : list of float or None
        After each epoch whose validation accuracy was the best so far, None after the others; without validation
        data, after the last epoch only. Empty without test data.
    seconds : list of float
        Duration of each epoch, evaluation included.
    best_epoch, best_iteration : int or None
        When validation accuracy was best (a tie counts for the later epoch); the iteration is the epoch's last
        mini-batch, counted from 0 over all epochs.
    """

    cost: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    best_iteration: int | None = None

    @property
    def best_validation_accuracy(self) -> float | None:
        """The best of the validation accuracies."""
        return None if self.best_epoch is None else self.validation_accuracy[self.best_epoch]

    @property
    def best_test_accuracy(self) -> float | None:
        """Test accuracy at the epoch of the best validation accuracy: the number that the book reports."""
        return None if self.best_epoch is None or not self.test_accuracy else self.test_accuracy[self.best_epoch]


def count_batches(n_images: int, mini_batch_size: int, *, drop_last: bool) -> int:
    """Mini-batches in an epoch, the last of which may be incomplete, or is left out."""
    return n_images // mini_batch_size if drop_last else -(-n_images // mini_batch_size)


def train(
    network: Trainable,
    x: Array,
    y: Array,
    epochs: int,
    mini_batch_size: int,
    *,
    n_batches: int,
    eta: float,
    decay: float,
    shuffle: bool,
    validate: Callable[[], float] | None,
    test: Callable[[], float] | None,
    verbose: bool,
    history: History,
    after_epoch: Callable[[], None] = lambda: None,
) -> History:
    """Stochastic gradient descent on checked data, printing network3's lines; `Network.SGD` tells of the arguments.

    It goes on after the epochs that are in `history`, adds to it, and calls `after_epoch` after each.
    """
    say = print if verbose else lambda line: None
    iteration = len(history.cost) * n_batches
    work = Workspace(namespace(y))
    for epoch in range(len(history.cost), epochs):
        started = time.perf_counter()
        order = _shuffled(network, y) if shuffle else None
        cost = namespace(y).zeros(())  # on the device, in float64: it comes to the host once an epoch
        for start in range(0, n_batches * mini_batch_size, mini_batch_size):
            if iteration % 1000 == 0:
                say(f"Training mini-batch number {iteration}")
            batch = slice(start, start + mini_batch_size)
            chosen = batch if order is None else order[batch]
            cost += network.train_mini_batch(_images(x, chosen, work), y[chosen], eta, decay)
            iteration += 1
        history.cost.append(float(cost) / n_batches)
        if validate:
            _evaluate_epoch(history, epoch, iteration - 1, validate, test, say)
        elif test:
            history.test_accuracy.append(test() if epoch == epochs - 1 else None)
        history.seconds.append(time.perf_counter() - started)
        after_epoch()
    say("Finished training network.")
    if history.best_epoch is not None:
        best = history.best_validation_accuracy
        say(f"Best validation accuracy of {best:.2%} obtained at iteration {history.best_iteration}")
        if test:
            say(f"Corresponding test accuracy of {history.best_test_accuracy:.2%}")
    return history


def _images(x: Array | Expanded, chosen: slice | Array, work: Workspace) -> Array:
    """The images of a mini-batch, without a new array."""
    if isinstance(x, Expanded):
        return x.take(chosen, work)
    if isinstance(chosen, slice):
        return x[chosen]
    return gather(x, chosen, work("images", (len(chosen), *x.shape[1:]), x.dtype))


def _shuffled(network: Trainable, y: Array) -> Array:
    """An order of the images that the seed and the steps taken so far decide."""
    stream = rng.key(network.seed, rng.Purpose.ORDER, network.steps)
    return move(rng.permutation(stream, len(y)), namespace(y))


def _evaluate_epoch(
    history: History,
    epoch: int,
    iteration: int,
    validate: Callable[[], float],
    test: Callable[[], float] | None,
    say: Callable[[str], None],
) -> None:
    """Measure validation accuracy, and test accuracy if that was the best so far."""
    accuracy = validate()
    say(f"Epoch {epoch}: validation accuracy {accuracy:.2%}")
    is_best = accuracy >= (history.best_validation_accuracy or 0.0)
    history.validation_accuracy.append(accuracy)
    if is_best:
        history.best_epoch, history.best_iteration = epoch, iteration
        say("This is the best validation accuracy to date.")
    if test:
        history.test_accuracy.append(test() if is_best else None)
        if is_best:
            say(f"The corresponding test accuracy is {history.test_accuracy[-1]:.2%}")
