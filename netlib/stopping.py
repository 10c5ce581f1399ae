"""Early stopping with patience: training ends when it has long brought nothing, and the best weights are kept.

The scheme of the Theano deep learning tutorials. In any case `patience` mini-batches are looked at; whenever the loss
on the validation data becomes clearly better than the best so far, the patience grows to a multiple of the mini-batches
that it took. Looks are as frequent as that needs, whatever the epochs are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from netlib import checks
from netlib.history import History

LOSSES = ("error", "cost")


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
    stood : object or None
        Where training stood when it ended.
    """

    patience: int = 5000
    increase: float = 2.0
    threshold: float = 0.995
    loss: str = "error"
    best: dict[str, Any] = field(default_factory=dict, repr=False)
    stood: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        checks.integer("patience", self.patience, 1)
        checks.choice("loss", self.loss, LOSSES)
        checks.non_negative("increase", self.increase)
        checks.non_negative("threshold", self.threshold)

    def frequency(self, n_batches: int) -> int:
        """After how many mini-batches there is a look: an epoch's, or as many as let half of the patience pass."""
        return max(1, min(n_batches, self.patience // 2))

    def best_loss(self, history: History) -> float:
        """The lowest loss so far."""
        return min((loss for _, loss, _ in history.looks), default=math.inf)

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

    def is_over(self, iteration: int, history: History) -> bool:
        """Whether training is to end after this mini-batch."""
        return self.patience_now(history) <= iteration

    def keep(self, network: Any) -> None:
        """Keep the network's parameters as the best."""
        self.best = {str(i): parameter.copy() for i, parameter in enumerate(network.params)}

    def end(self, network: Any, memory: dict[str, Any], done: int) -> None:
        """Remember where training stands, and give the network the best parameters."""
        parameters = [parameter.copy() for parameter in network.params]
        remembered = {name: array.copy() for name, array in memory.items()}
        self.stood = parameters, remembered, network.steps, network.history, done
        for i, parameter in enumerate(network.params):
            parameter[...] = self.best.get(str(i), parameter)

    def go_on(self, network: Any, memory: dict[str, Any]) -> int:
        """Put a network back to where it stood; the mini-batches of an epoch that was not over.

        Raises
        ------
        ValueError
            If another network was trained with this object.
        """
        parameters, remembered, network.steps, network.history, done = self.stood
        if [p.shape for p in parameters] != [p.shape for p in network.params]:
            raise ValueError("early_stopping: expected one that belongs to this network, or a new one")
        for parameter, then in zip(network.params, parameters, strict=True):
            parameter[...] = then
        memory.clear()
        memory.update({name: array.copy() for name, array in remembered.items()})
        return done
