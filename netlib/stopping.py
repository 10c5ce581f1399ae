"""Early stopping with patience: training ends when it has long brought nothing, and the best weights are kept.

The scheme of the Theano deep learning tutorials. In any case `patience` mini-batches are looked at; whenever the loss
on the validation data becomes clearly better than the best so far, the patience grows to a multiple of the mini-batches
that it took. Looks are as frequent as that needs, whatever the epochs are.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netlib import checks
from netlib.backend import Array
from netlib.history import History

LOSSES = ("error", "cost")


class Standing(NamedTuple):
    """Where training stood when it ended: all that it needs to go on.

    `done` and `cost` are the mini-batches of the epoch that was not over, and the sum of their costs.
    """

    network: Any
    parameters: list[Array]
    memory: dict[str, Array]
    steps: int
    history: History
    best: dict[str, Array]
    done: int
    cost: float


@dataclass
class EarlyStopping:
    """When to stop, and what there was when it stopped.

    Given to SGD again, with more patience, it goes on from where training stood, not from the best weights.

    Parameters
    ----------
    patience : int
        Mini-batches that are looked at in any case.
    increase : float
        After a clearly better look, patience is at least so many times the mini-batches until then.
    threshold : float
        Clearly better is below so much of the best loss.
    loss : {"error", "cost"}
        What is looked at on the validation data: the fraction of images misread (0-1 loss), or the mean cost.

    Attributes
    ----------
    best : dict of str to array
        Parameters at the best look; SGD ends with these.
    stood : Standing or None
        Where training stood when it ended.
    """

    patience: int = 5000
    increase: float = 2.0
    threshold: float = 0.995
    loss: str = "error"
    best: dict[str, Array] = field(default_factory=dict, repr=False)
    stood: Standing | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        checks.integer("patience", self.patience, 1)
        checks.choice("loss", self.loss, LOSSES)
        checks.non_negative("increase", self.increase)
        checks.non_negative("threshold", self.threshold)

    def frequency(self, n_batches: int) -> int:
        """After how many mini-batches there is a look: an epoch's, or as many as let half of the patience pass."""
        return max(1, min(n_batches, self.patience // 2))

    def rule(self) -> str:
        """What does not change when training goes on with more patience, in words."""
        return f"{self.loss} below {self.threshold} of the best, patience {self.increase} times as long"

    def best_loss(self, history: History) -> float:
        """The lowest loss so far."""
        return min([math.inf, *(loss for _, loss, _ in history.looks)])  # nan is never below

    def best_iteration(self, history: History) -> int | None:
        """The mini-batch after which the loss was lowest, the first time."""
        best = self.best_loss(history)
        return next((iteration for iteration, loss, _ in history.looks if loss == best), None)

    def patience_now(self, history: History) -> float:
        """To how many mini-batches patience has grown, by the looks so far."""
        patience, best = float(self.patience), math.inf
        for iteration, loss, _ in history.looks:
            if loss < best * self.threshold:
                patience = max(patience, iteration * self.increase)
            best = min(best, loss)
        return patience

    def mini_batches_left(self, iteration: int, n_batches: int, history: History) -> int:
        """Mini-batches until the next look, or until patience ends, whichever comes first."""
        frequency = self.frequency(n_batches)
        return math.ceil(min(frequency - iteration % frequency, self.patience_now(history) + 1 - iteration))

    def is_over(self, iteration: int, history: History) -> bool:
        """Whether training is to end after this mini-batch."""
        return self.patience_now(history) <= iteration

    def keep(self, network: Any) -> None:
        """Keep the network's parameters as the best."""
        self.best = {str(i): parameter.copy() for i, parameter in enumerate(network.params)}

    def end(self, network: Any, memory: dict[str, Array], done: int, cost: float) -> None:
        """Remember where training stands, and give the network the best parameters."""
        parameters = [parameter.copy() for parameter in network.params]
        memory = {name: array.copy() for name, array in memory.items()}
        self.stood = Standing(network, parameters, memory, network.steps, network.history, self.best, done, cost)
        for i, parameter in enumerate(network.params):
            parameter[...] = self.best.get(str(i), parameter)

    def begin(self, network: Any) -> None:
        """Begin with no best parameters, or refuse another network than the one that this object has trained.

        Raises
        ------
        ValueError
            If it is another.
        """
        if self.stood is None:
            self.best = {}
        elif self.stood.network is not network:
            raise ValueError(f"early_stopping: expected one that has trained this network, or a new one; got {self!r}")

    def go_on(self, network: Any, memory: dict[str, Array]) -> None:
        """Put the network, and what its optimiser remembers, back to where they stood."""
        stood = self.stood
        for parameter, then in zip(network.params, stood.parameters, strict=True):
            parameter[...] = then
        memory.clear()
        memory.update({name: array.copy() for name, array in stood.memory.items()})
        network.steps, network.history, self.best = stood.steps, copy.deepcopy(stood.history), stood.best
