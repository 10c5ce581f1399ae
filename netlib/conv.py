"""The book's script ``conv.py``, name for name: the experiments of chapter 6 as functions, on its recipes.

As in the script, the data are names of the module: `training_data`, `validation_data` and `test_data`. They are
MNIST's, loaded when they are first looked at; set them to have all functions work on other data::

    conv.training_data, conv.validation_data, conv.test_data = netlib.data.load("digits")

Run number j has the seed j, and nothing is kept but what is returned. Runs that can be interrupted, and leave records,
are those of `experiments`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from netlib.backend import to_host
from netlib.committee import plurality
from netlib.data import Data, DataSets, expand, load
from netlib.experiments import RECIPES, Recipe, recipes, train
from netlib.network import Network
from netlib.ops import Activation, ReLU, sigmoid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETS = ("training_data", "validation_data", "test_data")


def __getattr__(name: str) -> Data:
    """MNIST's three sets, unless they were set."""
    if name not in SETS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return load("mnist")[SETS.index(name)]


def _sets() -> DataSets:
    return DataSets(*(getattr(sys.modules[__name__], name) for name in SETS))


def _nets(recipe: Recipe, told: str, repetitions: int, epochs: int) -> list[Network]:
    """So many networks of a recipe, trained one after the other; `told` is printed before each."""
    nets, sets = [], _sets()
    if recipe.expanded:
        sets = sets._replace(training=expand(sets.training))
    for j in range(repetitions):
        print(told.format(j))
        nets.append(recipe.network(j))
        train(recipe, nets[-1], sets, epochs)
    return nets


def shallow(n: int = 3, epochs: int = 60) -> list[Network]:
    """One fully connected layer of 100 neurons; n networks."""
    return _nets(RECIPES["shallow"], "A shallow net with 100 hidden neurons", n, epochs)


def basic_conv(n: int = 3, epochs: int = 60) -> Network:
    """A convolutional layer and a fully connected one; the last of n networks."""
    return _nets(RECIPES["basic_conv"], "Convolution, fully connected", n, epochs)[-1]


def omit_FC(*, repetitions: int = 3, epochs: int = 60) -> Network:
    """A convolutional layer and nothing else; the last network."""
    return _nets(RECIPES["omit_FC"], "Convolution alone", repetitions, epochs)[-1]


def dbl_conv(activation_fn: Activation = sigmoid, *, repetitions: int = 3, epochs: int = 60) -> Network:
    """Two convolutional layers and a fully connected one; the last network."""
    recipe = replace(RECIPES["dbl_conv"], layers=partial(recipes.dbl_conv, activation_fn))
    return _nets(recipe, "Convolution twice, fully connected", repetitions, epochs)[-1]


def regularized_dbl_conv(
    *, strengths: Iterable[float] = recipes.STRENGTHS, repetitions: int = 3, epochs: int = 60
) -> list[Network]:
    """The same with an L2 penalty of each strength, which did not help much: left out of the book; all networks."""
    return _sweep(RECIPES["dbl_conv"], strengths, repetitions, epochs)


def dbl_conv_relu(
    *, strengths: Iterable[float] = (0.0, *recipes.STRENGTHS), repetitions: int = 3, epochs: int = 60
) -> list[Network]:
    """The same with ReLU; all networks. The book reports those of strength 0.1."""
    return _sweep(RECIPES["dbl_conv_relu"], strengths, repetitions, epochs)


def _sweep(recipe: Recipe, strengths: Iterable[float], repetitions: int, epochs: int) -> list[Network]:
    nets = []
    for lmbda in strengths:
        told = f"{recipe.name}, number {{}}, with regularization {lmbda:g}"
        nets += _nets(replace(recipe, lmbda=lmbda), told, repetitions, epochs)
    return nets


def expanded_data(n: int = 100, *, repetitions: int = 3, epochs: int = 60) -> Network:
    """Training data five times as many, by shifts, and n fully connected neurons with ReLU; the last network."""
    recipe = replace(RECIPES["expanded_data_100"], layers=partial(recipes.dbl_conv, ReLU, n))
    return _nets(recipe, f"Expanded data, {n} fully connected neurons, run number {{}}", repetitions, epochs)[-1]


def expanded_data_double_fc(n: int = 100, *, repetitions: int = 3, epochs: int = 60) -> Network:
    """The same with two fully connected layers of n neurons; the last network."""
    recipe = replace(RECIPES["expanded_data_double_fc_100"], layers=partial(recipes.double_fc, n))
    return _nets(recipe, f"Expanded data, twice {n} fully connected neurons, run number {{}}", repetitions, epochs)[-1]


def double_fc_dropout(p0: float, p1: float, p2: float, repetitions: int, *, epochs: int = 40) -> list[Network]:
    """Two fully connected layers of 1,000 and dropout into the last three layers; so many networks, for `ensemble`."""
    recipe = replace(RECIPES["double_fc_dropout"], layers=partial(recipes.double_fc, 1000, p0, p1, p2))
    return _nets(recipe, f"Expanded data, dropout of {p0}, {p1} and {p2}, run number {{}}", repetitions, epochs)


def ensemble(nets: Sequence[Network]) -> tuple[list[int], list[int]]:
    """Let networks vote on the test data, and print how many images they read rightly.

    Where votes tie, the first of the tied networks decides.

    Returns
    -------
    error_locations, erroneous_predictions : list of int
        Which images they misread, and as what.
    """
    x, y = _sets().test
    votes = plurality([net.predict(x) for net in nets], ties="first")
    wrong = np.flatnonzero(votes != to_host(y))
    print(f"Accuracy is {1 - len(wrong) / len(votes):.2%}")
    return wrong.tolist(), votes[wrong].tolist()


def plot_errors(error_locations: Sequence[int], erroneous_predictions: Sequence[int] | None = None) -> Figure:
    """Draw the first 40 of these test images, with their labels and what they were read as; see `plotting.errors`."""
    from netlib import plotting

    x, y = _sets().test
    places = np.asarray(error_locations, int)
    return plotting.errors(x[places], y[places], erroneous_predictions)


def plot_filters(net: Network, layer: int, x: int, y: int) -> Figure:
    """Draw a convolutional layer's filters of its first input map, x in a row, in y rows; see `plotting.filters`."""
    from netlib import plotting

    w = net.layers[layer].w
    if w.ndim != 4 or len(w) > x * y:
        raise ValueError(f"layer, x, y: expected a convolutional layer of up to {x * y} filters; got {w.shape}")
    return plotting.filters(w[:, 0], columns=x)


def run_experiments() -> None:
    """Run what the book tells of, one thing after the other, for days; its pictures go into the folder one is in."""
    shallow()
    basic_conv()
    omit_FC()
    dbl_conv(sigmoid)
    dbl_conv_relu()
    for n in recipes.EXPANDED_BOOK:
        expanded_data(n)
    for n in recipes.DOUBLE_FC_BOOK:
        expanded_data_double_fc(n)
    nets = double_fc_dropout(0.5, 0.5, 0.5, 5)
    plot_errors(*ensemble(nets)).savefig("ensemble_errors.png")
    plot_filters(nets[0], 0, 5, 4).savefig("net_full_layer_0.png")
    plot_filters(nets[0], 1, 8, 5).savefig("net_full_layer_1.png")
