"""The training loop: mini-batches, epochs, the best validation accuracy, and what happened along the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from netlib import rng, schedules
from netlib.backend import Array, Workspace, gather, move, namespace
from netlib.data import Derived
from netlib.guard import Guard
from netlib.history import History
from netlib.optimizers import NO_PENALTY, GradientDescent, Penalty
from netlib.schedules import Schedule
from netlib.stopping import EarlyStopping


class Trainable(Protocol):
    """What the loop needs of a network."""

    seed: int
    steps: int

    def train_mini_batch(
        self,
        x: Array,
        y: Array,
        eta: float,
        penalty: Penalty,
        optimizer: GradientDescent,
        look: Callable[[Array], None] | None = None,
    ) -> Array: ...


@dataclass(frozen=True)
class Plan:
    """How a network is trained; `Network.SGD` tells of it."""

    epochs: int
    mini_batch_size: int
    n_batches: int
    eta: float | Schedule
    penalty: Penalty = NO_PENALTY
    optimizer: GradientDescent = field(default_factory=GradientDescent)
    shuffle: bool = False
    verbose: bool = True


@dataclass
class Measures:
    """What is measured on the way; None is left out.

    `validate` and `test` give accuracies, `losses` the loss that early stopping looks at, on validation and test data.
    """

    validate: Callable[[], float] | None = None
    test: Callable[[], float] | None = None
    losses: tuple[Callable[[], float], Callable[[], float] | None] | None = None


def count_batches(n_images: int, mini_batch_size: int, *, drop_last: bool) -> int:
    """Mini-batches in an epoch, the last of which may be incomplete, or is left out."""
    return n_images // mini_batch_size if drop_last else -(-n_images // mini_batch_size)


class Run:
    """A run of the loop: a network, checked data, a plan, and how far it is.

    Parameters
    ----------
    network : Trainable
    x, y : array
        Images as rows and labels, on the network's device.
    plan : Plan
    history : History
        Of what has been run already; it is added to.
    measures : Measures
    guard : Guard, optional
        Looks out for numbers that are not finite.
    stopping : EarlyStopping, optional
    done : int
        Mini-batches of the epoch that `history` does not hold yet, for a run that stood in its middle.
    cost : float
        The sum of their costs.
    """

    def __init__(
        self,
        network: Trainable,
        x: Array,
        y: Array,
        plan: Plan,
        history: History,
        measures: Measures,
        *,
        guard: Guard | None = None,
        stopping: EarlyStopping | None = None,
        done: int = 0,
        cost: float = 0.0,
    ) -> None:
        self.network, self.x, self.y, self.plan = network, x, y, plan
        self.history, self.measures, self.guard, self.stopping = history, measures, guard, stopping
        self.done = done
        self.cost = namespace(y).asarray(cost)  # on the device, in float64: it comes to the host once an epoch
        self.is_over = stopping is not None and stopping.is_over(self.iteration - 1, history)
        self._work = Workspace(namespace(y))

    @property
    def iteration(self) -> int:
        """Mini-batches taken in the whole run."""
        return len(self.history.cost) * self.plan.n_batches + self.done

    def say(self, line: str) -> None:
        """Print a line, if lines are wanted."""
        if self.plan.verbose:
            print(line)

    def go(self, after_epoch: Callable[[], None] = lambda: None) -> History:
        """Train to the end, printing network3's lines; call `after_epoch` after each epoch."""
        while len(self.history.cost) < self.plan.epochs and not self.is_over:
            eta = schedules.value("eta", self.plan.eta, self.history)
            if eta is None:
                self.say("The schedule of eta has ended.")
                self._test_at_last()
                break
            self.plan.optimizer.begin_epoch(self.history)
            if self._epoch(eta):
                after_epoch()
        self.say("Finished training network.")
        if self.history.best_epoch is not None:
            best = self.history.best_validation_accuracy
            self.say(f"Best validation accuracy of {best:.2%} obtained at iteration {self.history.best_iteration}")
            if self.measures.test:
                self.say(f"Corresponding test accuracy of {self.history.best_test_accuracy:.2%}")
        return self.history

    def _epoch(self, eta: float) -> bool:
        """An epoch, or the rest of one; False if training ended before its end."""
        started = time.perf_counter()
        order = shuffled(self.network, self.y, self.done) if self.plan.shuffle else None
        while self.done < self.plan.n_batches and not self.is_over:
            self._stretch(eta, order)
        if self.done < self.plan.n_batches:
            return False
        self.history.cost.append(float(self.cost) / self.plan.n_batches)
        self.history.eta.append(eta)
        self.done, self.cost = 0, namespace(self.y).zeros(())
        if self.measures.validate:
            self._evaluate_epoch()
        elif self.measures.test:
            self.history.test_accuracy.append(None)
            if len(self.history.cost) == self.plan.epochs:
                self._test_at_last()
        self.history.seconds.append(time.perf_counter() - started)
        return True

    def _stretch(self, eta: float, order: Array | None) -> None:
        """Mini-batches up to the next look, of the guard or of early stopping: the guard looks first."""
        first, stop = self.done, self.plan.n_batches
        if self.guard:
            self.guard.keep()
            stop = min(stop, first + (self.guard.every or stop))
        if self.stopping:
            stop = min(stop, first + self.stopping.mini_batches_left(self.iteration, self.plan.n_batches, self.history))
        while self.done < stop:
            if self.iteration % 1000 == 0:
                self.say(f"Training mini-batch number {self.iteration}")
            self.cost += self._step(self.done, order, eta)
            self.done += 1
        if self.guard:
            numbers = range(first, stop)
            again = ((self._mini_batch(n, order)[0], partial(self._step, n, order, eta)) for n in numbers)
            self.guard.check(self.cost, again)
        if self.stopping:
            self._look()

    def _step(self, number: int, order: Array | None, eta: float, look: Callable[[Array], None] | None = None) -> Array:
        x, y = self._mini_batch(number, order)
        more = {"look": look} if look else {}
        return self.network.train_mini_batch(x, y, eta, self.plan.penalty, self.plan.optimizer, **more)

    def _mini_batch(self, number: int, order: Array | None) -> tuple[Array, Array]:
        """Images and labels of a mini-batch of this epoch, without a new array of images."""
        size = self.plan.mini_batch_size
        places = slice(number * size, (number + 1) * size)
        chosen = places if order is None else order[places]
        if isinstance(self.x, Derived):
            return self.x.take(chosen, self._work, self.network.steps), self.y[chosen]
        if order is None:
            return self.x[chosen], self.y[chosen]
        out = self._work("images", (len(chosen), *self.x.shape[1:]), self.x.dtype)
        return gather(self.x, chosen, out), self.y[chosen]

    def _look(self) -> None:
        """What early stopping does after a stretch."""
        stopping, last = self.stopping, self.iteration - 1
        if self.iteration % stopping.frequency(self.plan.n_batches) == 0:
            validation, test = self.measures.losses
            loss, best = validation(), stopping.best_loss(self.history)
            is_best = loss < best
            self.history.looks.append((last, loss, test() if test and is_best else None))
            self.say(f"Iteration {last}: validation {stopping.loss} {loss:.4g}" + ", the best so far" * is_best)
            if is_best:
                stopping.keep(self.network)
        if stopping.is_over(last, self.history):
            self.say(f"Iteration {last}: patience has ended.")
            self.is_over = True

    def _test_at_last(self) -> None:
        """Measure test accuracy after the last epoch, if there is no validation data to say when."""
        if self.measures.test and not self.measures.validate and self.history.test_accuracy[-1:] == [None]:
            self.history.test_accuracy[-1] = self.measures.test()

    def _evaluate_epoch(self) -> None:
        """Measure validation accuracy, and test accuracy if that was the best so far."""
        history, test = self.history, self.measures.test
        accuracy = self.measures.validate()
        self.say(f"Epoch {len(history.cost) - 1}: validation accuracy {accuracy:.2%}")
        is_best = accuracy >= (history.best_validation_accuracy or 0.0)
        history.validation_accuracy.append(accuracy)
        if is_best:
            history.best_epoch, history.best_iteration = len(history.cost) - 1, self.iteration - 1
            self.say("This is the best validation accuracy to date.")
        if test:
            history.test_accuracy.append(test() if is_best else None)
            if is_best:
                self.say(f"The corresponding test accuracy is {history.test_accuracy[-1]:.2%}")


def shuffled(network: Trainable, y: Array, done: int = 0) -> Array:
    """The order in which an epoch takes its images, decided by the seed and the steps before the epoch.

    Parameters
    ----------
    network : Trainable
        Whose seed and steps these are.
    y : (n,)
        Labels; the order lies where they do.
    done : int
        How many of the network's steps belong to this epoch already.

    Returns
    -------
    (n,)
        Places of the images.
    """
    stream = rng.key(network.seed, rng.Purpose.ORDER, network.steps - done)
    return move(rng.permutation(stream, len(y)), namespace(y))
