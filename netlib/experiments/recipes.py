"""What the book trained, on what and how.

Chapter 5, "Why are deep neural networks hard to train?", and chapter 6, "Convolutional neural networks in practice",
with its conv.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from netlib.experiments.recipe import MINI_BATCH_SIZE, NETWORK2, Committee, Recipe
from netlib.gradients import deep_layers
from netlib.layers import ConvPoolLayer, FullyConnectedLayer, Layer, SoftmaxLayer
from netlib.layers.description import describe, rebuild
from netlib.ops import Activation, ReLU, sigmoid, tanh


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


def _expanded(name: str, layers: Callable[[], list[Layer]], title: str, book: float) -> Recipe:
    """A recipe on expanded data, for the rest as `dbl_conv_relu`."""
    return Recipe(name, layers, 60, 0.03, title, lmbda=0.1, book=book, expanded=True)


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
            _expanded(f"expanded_data_{n}", partial(dbl_conv, ReLU, n), f"that on expanded data, {n} neurons", accuracy)
            for n, accuracy in EXPANDED_BOOK.items()
        ),
        *(
            _expanded(
                f"expanded_data_double_fc_{n}",
                partial(double_fc, n),
                f"and two fully connected layers of {n}",
                accuracy,
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
