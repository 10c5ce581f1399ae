"""What the book trained, on what and how.

Chapter 5, "Why are deep neural networks hard to train?", and chapter 6, "Convolutional neural networks in practice",
with its conv.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from netlib.gradients import deep_layers
from netlib.layers import ConvPoolLayer, FullyConnectedLayer, Layer, SoftmaxLayer
from netlib.layers.description import describe, rebuild
from netlib.network import Network
from netlib.ops import Activation, ReLU, sigmoid, tanh

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


def deep_sizes(depth: int) -> list[int]:
    """Numbers of inputs, of neurons in each hidden layer, and of classes in chapter 5."""
    return [784, *[30] * depth, 10]


def hidden(depth: int) -> list[Layer]:
    """So many hidden layers of 30 neurons."""
    return deep_layers(deep_sizes(depth))


def _conv_pool(n_filters: int, n_maps: int, side: int, activation_fn: Activation) -> ConvPoolLayer:
    """The book's: filters of 5 x 5 over n_maps maps, then the largest of 2 x 2."""
    image_shape = (MINI_BATCH_SIZE, n_maps, side, side)
    return ConvPoolLayer((n_filters, n_maps, 5, 5), image_shape, (2, 2), activation_fn)


def shallow() -> list[Layer]:
    """One fully connected layer of 100 neurons."""
    return [FullyConnectedLayer(784, 100), SoftmaxLayer(100, 10)]


def basic_conv(activation_fn: Activation = sigmoid) -> list[Layer]:
    """A convolutional layer below it."""
    return [
        _conv_pool(20, 1, 28, activation_fn),
        FullyConnectedLayer(20 * 12 * 12, 100, activation_fn),
        SoftmaxLayer(100, 10),
    ]


def omit_fc() -> list[Layer]:
    """A convolutional layer and nothing between it and the output."""
    return [_conv_pool(20, 1, 28, sigmoid), SoftmaxLayer(20 * 12 * 12, 10)]


def dbl_conv(activation_fn: Activation = sigmoid, n: int = 100) -> list[Layer]:
    """Two convolutional layers, and n fully connected neurons."""
    return [*_two_conv_pools(activation_fn), FullyConnectedLayer(640, n, activation_fn), SoftmaxLayer(n, 10)]


def double_fc(n: int, p0: float = 0.0, p1: float = 0.0, p2: float = 0.0) -> list[Layer]:
    """Two convolutional layers and two fully connected ones of n neurons, with ReLU; dropout into the last three."""
    return [
        *_two_conv_pools(ReLU),
        FullyConnectedLayer(640, n, ReLU, p0),
        FullyConnectedLayer(n, n, ReLU, p1),
        SoftmaxLayer(n, 10, p2),
    ]


def corrected(layers: Callable[[], list[Layer]]) -> list[Layer]:
    """The same layers, but that their weights start at sqrt(1/n_in), as the book's author meant; see `initializers`."""
    described = [describe(layer) for layer in layers()]
    return [rebuild(one | {"init": "corrected"} if "init" in one else one) for one in described]


def _both(recipe: Recipe) -> tuple[Recipe, Recipe]:
    """A recipe, and the same from the corrected initial weights, which the book has no number for."""
    title = f"{recipe.title}; corrected initial weights"
    layers = partial(corrected, recipe.layers)
    return recipe, replace(recipe, name=f"{recipe.name}-corrected", layers=layers, title=title, book=None)


def _two_conv_pools(activation_fn: Activation) -> list[Layer]:
    """From 28 x 28 pixels to 40 maps of 4 x 4, which are 640 numbers."""
    return [_conv_pool(20, 1, 28, activation_fn), _conv_pool(40, 20, 12, activation_fn)]


STRENGTHS = tuple(10.0**power for power in range(-5, 3))  # of L2, in the sweep that the book's script makes
EXPANDED_BOOK = {100: 0.9937, 300: 0.9946, 1000: 0.9943}
DOUBLE_FC_BOOK = {100: 0.9943, 300: 0.9948, 1000: 0.9947}
DEPTH_BOOK = {
    1: (0.9648, "one hidden layer of 30 neurons"),
    2: (0.9690, "two of them"),
    3: (0.9657, "three"),
    4: (0.9653, "four"),
}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        *(
            Recipe(f"depth_{n}", partial(hidden, n), 30, 0.1, title, lmbda=5.0, book=accuracy, way=NETWORK2)
            for n, (accuracy, title) in DEPTH_BOOK.items()
        ),
        *_both(Recipe("shallow", shallow, 60, 0.1, "fully connected, 100 neurons", book=0.9780)),
        *_both(Recipe("basic_conv", basic_conv, 60, 0.1, "one convolutional layer", book=0.9878)),
        Recipe("omit_FC", omit_fc, 60, 0.1, "the same without fully connected layer"),
        *_both(Recipe("dbl_conv", dbl_conv, 60, 0.1, "two convolutional layers", book=0.9906)),
        Recipe("dbl_conv_tanh", partial(dbl_conv, tanh), 60, 0.1, "the same with tanh"),
        *(
            Recipe(f"regularized_dbl_conv_{x:g}", dbl_conv, 10, 0.1, f"with L2 of {x:g}, ten epochs", lmbda=x)
            for x in STRENGTHS
        ),
        *_both(
            Recipe(
                "dbl_conv_relu", partial(dbl_conv, ReLU), 60, 0.03, "the same with ReLU and L2", lmbda=0.1, book=0.9923
            )
        ),
        *(
            Recipe(
                f"expanded_data_{n}",
                partial(dbl_conv, ReLU, n),
                60,
                0.03,
                f"that on expanded data, {n} neurons",
                lmbda=0.1,
                book=accuracy,
                expanded=True,
            )
            for n, accuracy in EXPANDED_BOOK.items()
        ),
        *(
            Recipe(
                f"expanded_data_double_fc_{n}",
                partial(double_fc, n),
                60,
                0.03,
                f"and two fully connected layers of {n}",
                lmbda=0.1,
                book=accuracy,
                expanded=True,
            )
            for n, accuracy in DOUBLE_FC_BOOK.items()
        ),
        Recipe(
            "double_fc_dropout",
            partial(double_fc, 1000, 0.5, 0.5, 0.5),
            40,
            0.03,
            "two of 1,000, with dropout",
            book=0.9960,
            expanded=True,
        ),
    )
}

COMMITTEE = Committee("committee", "five of these vote", 0.9967, RECIPES["double_fc_dropout"], 5)
