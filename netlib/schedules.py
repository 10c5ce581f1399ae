"""Numbers that change from epoch to epoch: learning rates, and the coefficient of momentum.

A schedule is asked before every epoch, and answers from the history of the run so far. It has no memory of its own, so
a run that is interrupted goes on with the same rates. Where a schedule answers None, training ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netlib import checks
from netlib.history import History

Schedule = Callable[[History], float | None]


def value(name: str, schedule: float | Schedule, history: History) -> float | None:
    """What a number or a schedule is in the next epoch.

    Raises
    ------
    TypeError, ValueError
        If it is no finite number from 0.
    """
    answer = schedule(history) if callable(schedule) else schedule
    return None if answer is None else checks.non_negative(name, answer)


def described(schedule: float | Schedule) -> object:
    """A schedule in words that are the same in another process, or the number."""
    if not callable(schedule):
        return schedule
    return getattr(schedule, "__qualname__", None) or re.sub(r" at 0x\w+", "", repr(schedule))


@dataclass(frozen=True)
class OfEpoch:
    """A function of the epoch, counted from 0 (the book's problem in chapter 6: eta as a function of the epoch).

    Parameters
    ----------
    function : callable
        Takes the number of the epoch; may answer None to end training.
    """

    function: Callable[[int], float | None]

    def __call__(self, history: History) -> float | None:
        return self.function(len(history.cost))

    def __repr__(self) -> str:
        return f"OfEpoch({described(self.function)})"


@dataclass(frozen=True)
class Every:
    """Multiplied by `factor` every `epochs` epochs.

    Parameters
    ----------
    start : float
        In the first epochs.
    epochs : int
        How long each value is kept.
    factor : float
    """

    start: float
    epochs: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        checks.non_negative("start", self.start)
        checks.integer("epochs", self.epochs, 1)
        checks.non_negative("factor", self.factor)

    def __call__(self, history: History) -> float:
        return self.start * self.factor ** (len(history.cost) // self.epochs)


@dataclass(frozen=True)
class Through:
    """One value after the other, each for so many epochs, the last for all that follow.

    Momentum, for instance, is annealed by ``Through((0.5, 0.9, 0.95, 0.99), 5)``.
    """

    values: Sequence[float]
    epochs: int

    def __post_init__(self) -> None:
        checks.integer("epochs", self.epochs, 1)
        if not isinstance(self.values, Sequence) or not self.values:
            raise ValueError(f"values: expected a sequence of at least one; got {self.values!r}")
        for i, number in enumerate(self.values):
            checks.non_negative(f"values[{i}]", number)

    def __call__(self, history: History) -> float:
        return self.values[min(len(history.cost) // self.epochs, len(self.values) - 1)]


@dataclass(frozen=True)
class WhenStalled:
    """Multiplied by `factor` whenever validation accuracy has not become better for `epochs` epochs (book, chapter 3).

    Parameters
    ----------
    start : float
        At first.
    factor : float
        0.5 halves, 0.1 divides by ten.
    epochs : int
        How many epochs without a new best are waited for; the count begins anew after each change.
    least : float
        Below ``least * start``, training ends; the book proposes 1/128.
    """

    start: float
    factor: float = 0.5
    epochs: int = 10
    least: float = 0.0

    def __post_init__(self) -> None:
        for name in ("start", "factor", "least"):
            checks.non_negative(name, getattr(self, name))
        checks.integer("epochs", self.epochs, 1)

    def __call__(self, history: History) -> float | None:
        accuracies = history.validation_accuracy
        if len(accuracies) < len(history.cost):
            raise ValueError("eta: WhenStalled needs validation_data, whose accuracy it waits for")
        changes, best, waited = 0, -1.0, 0
        for accuracy in accuracies:
            waited = 0 if accuracy > best else waited + 1
            best = max(best, accuracy)
            if waited == self.epochs:
                changes, waited = changes + 1, 0
        left = self.factor**changes
        return self.start * left if left >= self.least else None
