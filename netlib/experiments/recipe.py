"""What an experiment is: all that decides its outcome, but for the seed and the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from netlib.layers import Layer
from netlib.network import Network

MINI_BATCH_SIZE = 10  # in every experiment of the book
QUICK_EPOCHS = 2  # enough to see that a recipe learns, and no recipe's own number


@dataclass(frozen=True)
class Way:
    """How a program of the book trains, and which of the numbers that come out the book reports.

    Attributes
    ----------
    shuffle, penalty_divisor
        See `Network.SGD`.
    reports : {"test", "validation"}
        On which data the book's accuracies are, after the epoch of the best validation accuracy.
    runs : int
        Of so many runs they are those of the one with the best validation accuracy.
    """

    shuffle: bool
    penalty_divisor: str
    reports: str
    runs: int

    @property
    def options(self) -> dict[str, Any]:
        """What `Network.SGD` is called with."""
        return {"shuffle": self.shuffle, "drop_last": True, "penalty_divisor": self.penalty_divisor}


NETWORK2 = Way(shuffle=True, penalty_divisor="examples", reports="validation", runs=1)  # chapter 5
NETWORK3 = Way(shuffle=False, penalty_divisor="batches", reports="test", runs=3)  # chapter 6


@dataclass(frozen=True)
class Recipe:
    """An experiment: all that decides its outcome, but for the seed and the machine.

    Attributes
    ----------
    name : str
        As in the book's conv.py; those of chapter 5 are called by their number of hidden layers.
    layers : callable
        Makes the network's layers.
    epochs, eta, lmbda
        See `Network.SGD`.
    title : str
        What it is, in a line.
    book : float or None
        The accuracy that the book reports, on the data that its way says.
    data : str
        Name of the data set.
    expanded : bool
        Whether training data are expanded by shifted images.
    dtype : {"float32", "float64"}
        Of the network.
    way : Way
        What else it is trained with.
    """

    name: str
    layers: Callable[[], list[Layer]]
    epochs: int
    eta: float
    title: str
    lmbda: float = 0.0
    book: float | None = None
    data: str = "mnist"
    expanded: bool = False
    dtype: str = "float32"
    way: Way = NETWORK3

    def network(self, seed: int, device: str = "auto") -> Network:
        """A network of this recipe, before training."""
        return Network(self.layers(), MINI_BATCH_SIZE, seed=seed, device=device, dtype=self.dtype)

    def quick(self) -> Recipe:
        """The same on the embedded digits for a few epochs: seconds, to see that all of it runs."""
        return replace(self, data="digits", epochs=QUICK_EPOCHS)


@dataclass(frozen=True)
class Committee:
    """Several networks of one recipe that vote; nothing is trained for it but its members.

    Attributes
    ----------
    name, title, book
        As of a `Recipe`.
    recipe : Recipe
        Of the members, which differ in their seeds.
    members : int
        How many vote.
    """

    name: str
    title: str
    book: float
    recipe: Recipe
    members: int

    @property
    def epochs(self) -> int:
        """Of each member."""
        return self.recipe.epochs

    @property
    def way(self) -> Way:
        """How the members are trained."""
        return self.recipe.way

    @property
    def data(self) -> str:
        """Name of the data set."""
        return self.recipe.data

    def seeds(self, number: int) -> range:
        """Seeds of the members of committee `number`, from 0: each network belongs to one."""
        return range(number * self.members, (number + 1) * self.members)

    def quick(self) -> Committee:
        """The same of members that are; see `Recipe.quick`."""
        return replace(self, recipe=self.recipe.quick())
