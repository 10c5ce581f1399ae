"""Recipes: the book's experiments, as the book has them."""

import dataclasses

import numpy as np
import pytest

from netlib import ConvPoolLayer
from netlib.experiments import COMMITTEE, NETWORK2, NETWORK3, RECIPES
from netlib.layers.description import describe
from tests.experiments import DEPTHS

# The recipes.

PARAMETERS = {  # weights and biases of each layer, as one counts them in the book
    "depth_1": [784 * 30 + 30, 30 * 10 + 10],
    "depth_2": [784 * 30 + 30, 30 * 30 + 30, 30 * 10 + 10],
    "depth_3": [784 * 30 + 30, 30 * 30 + 30, 30 * 30 + 30, 30 * 10 + 10],
    "depth_4": [784 * 30 + 30, 30 * 30 + 30, 30 * 30 + 30, 30 * 30 + 30, 30 * 10 + 10],
    "shallow": [784 * 100 + 100, 100 * 10 + 10],
    "basic_conv": [20 * 5 * 5 + 20, 20 * 12 * 12 * 100 + 100, 100 * 10 + 10],
    "dbl_conv": [20 * 5 * 5 + 20, 40 * 20 * 5 * 5 + 40, 40 * 4 * 4 * 100 + 100, 100 * 10 + 10],
    "dbl_conv_relu": [20 * 5 * 5 + 20, 40 * 20 * 5 * 5 + 40, 40 * 4 * 4 * 100 + 100, 100 * 10 + 10],
    "omit_FC": [20 * 5 * 5 + 20, 20 * 12 * 12 * 10 + 10],
    "dbl_conv_tanh": [20 * 5 * 5 + 20, 40 * 20 * 5 * 5 + 40, 40 * 4 * 4 * 100 + 100, 100 * 10 + 10],
    "expanded_data_300": [520, 20_040, 640 * 300 + 300, 300 * 10 + 10],
    "expanded_data_double_fc_100": [520, 20_040, 640 * 100 + 100, 100 * 100 + 100, 100 * 10 + 10],
    "double_fc_dropout": [520, 20_040, 640 * 1000 + 1000, 1000 * 1000 + 1000, 1000 * 10 + 10],
}


def test_the_books_experiments_are_there_in_its_order():
    assert list(RECIPES) == [
        *(f"depth_{n}" for n in (1, 2, 3, 4)),
        "shallow",
        "shallow-corrected",
        "basic_conv",
        "basic_conv-corrected",
        "omit_FC",
        "dbl_conv",
        "dbl_conv-corrected",
        "dbl_conv_tanh",
        *(f"regularized_dbl_conv_{x}" for x in ("1e-05", "0.0001", "0.001", "0.01", "0.1", "1", "10", "100")),
        "dbl_conv_relu",
        "dbl_conv_relu-corrected",
        *(f"expanded_data_{n}" for n in (100, 300, 1000)),
        *(f"expanded_data_double_fc_{n}" for n in (100, 300, 1000)),
        "double_fc_dropout",
    ]
    assert [recipe.name for recipe in RECIPES.values()] == list(RECIPES)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_recipe_makes_a_network_with_as_many_parameters_as_the_books(name):
    net = RECIPES[name].network(0, "cpu")
    assert [layer.w.size + layer.b.size for layer in net.layers] == PARAMETERS[name]
    assert [net.n_in, net.n_out, net.mini_batch_size] == [784, 10, 10]
    assert net.forward(np.zeros((3, 784))).shape == (3, 10)


def test_the_counts_are_those_of_the_book():
    assert sum(PARAMETERS["shallow"]) == 79_510
    assert PARAMETERS["basic_conv"] == [520, 288_100, 1_010]
    assert PARAMETERS["dbl_conv"] == [520, 20_040, 64_100, 1_010]


@pytest.mark.parametrize(
    ("name", "eta", "lmbda", "book", "activations"),
    [
        ("shallow", 0.1, 0.0, 0.9780, ["sigmoid", "softmax"]),
        ("basic_conv", 0.1, 0.0, 0.9878, ["sigmoid", "sigmoid", "softmax"]),
        ("dbl_conv", 0.1, 0.0, 0.9906, ["sigmoid", "sigmoid", "sigmoid", "softmax"]),
        ("dbl_conv_relu", 0.03, 0.1, 0.9923, ["ReLU", "ReLU", "ReLU", "softmax"]),
    ],
)
def test_hyperparameters_are_those_of_the_book(name, eta, lmbda, book, activations):
    recipe = RECIPES[name]
    assert (recipe.epochs, recipe.eta, recipe.lmbda, recipe.book) == (60, eta, lmbda, book)
    assert (recipe.data, recipe.expanded, recipe.dtype, recipe.way) == ("mnist", False, "float32", NETWORK3)
    layers = recipe.network(0, "cpu").layers
    assert [str(layer.activation_fn.name) for layer in layers] == activations
    assert {(layer.p_dropout, layer.init) for layer in layers[:-1]} == {(0.0, "book")}
    assert layers[-1].p_dropout == 0
    assert {layer.poolsize for layer in layers if isinstance(layer, ConvPoolLayer)} <= {(2, 2)}


@pytest.mark.parametrize(
    ("name", "epochs", "eta", "lmbda", "expanded", "p_dropout", "activations"),
    [
        ("omit_FC", 60, 0.1, 0.0, False, 0.0, {"sigmoid"}),
        ("dbl_conv_tanh", 60, 0.1, 0.0, False, 0.0, {"tanh"}),
        ("regularized_dbl_conv_1e-05", 10, 0.1, 1e-5, False, 0.0, {"sigmoid"}),
        ("regularized_dbl_conv_100", 10, 0.1, 100.0, False, 0.0, {"sigmoid"}),
        ("expanded_data_1000", 60, 0.03, 0.1, True, 0.0, {"ReLU"}),
        ("expanded_data_double_fc_1000", 60, 0.03, 0.1, True, 0.0, {"ReLU"}),
        ("double_fc_dropout", 40, 0.03, 0.0, True, 0.5, {"ReLU"}),
    ],
)
def test_hyperparameters_of_the_scripts_other_experiments(name, epochs, eta, lmbda, expanded, p_dropout, activations):
    recipe = RECIPES[name]
    assert (recipe.epochs, recipe.eta, recipe.lmbda, recipe.expanded) == (epochs, eta, lmbda, expanded)
    assert recipe.way == NETWORK3
    layers = recipe.network(0, "cpu").layers
    assert {str(layer.activation_fn.name) for layer in layers[:-1]} == activations
    assert {layer.p_dropout for layer in layers if not isinstance(layer, ConvPoolLayer)} == {p_dropout}
    assert {layer.p_dropout for layer in layers if isinstance(layer, ConvPoolLayer)} <= {0.0}


@pytest.mark.parametrize("name", ["shallow", "basic_conv", "dbl_conv", "dbl_conv_relu"])
def test_the_corrected_recipes_differ_in_the_scale_of_initial_weights_alone(name):
    book, corrected = RECIPES[name], RECIPES[f"{name}-corrected"]
    told = {"name": book.name, "title": book.title, "book": book.book, "layers": book.layers}
    assert corrected.book is None
    assert corrected.title == f"{book.title}; corrected initial weights"
    assert dataclasses.replace(corrected, **told) == book
    nets = book.network(3, "cpu"), corrected.network(3, "cpu")
    for one, other in zip(*(net.layers for net in nets), strict=True):
        before, after = describe(one), describe(other)
        assert (before.pop("init", "zeros"), after.pop("init", "zeros")) in [("book", "corrected"), ("zeros", "zeros")]
        assert before == after
        np.testing.assert_array_equal(one.b, other.b)
        scale = {2: lambda w: (w.shape[1] / w.shape[0]) ** 0.5, 4: lambda w: (w.shape[0] / 4 / w.shape[1]) ** 0.5}
        np.testing.assert_allclose(other.w, one.w * scale[one.w.ndim](one.w), rtol=1e-5)
    assert nets[1].layers[0].init == "corrected"


def test_the_committee_is_five_of_the_dropout_networks():
    assert (COMMITTEE.name, COMMITTEE.book, COMMITTEE.members) == ("committee", 0.9967, 5)
    assert COMMITTEE.recipe is RECIPES["double_fc_dropout"]
    assert (COMMITTEE.epochs, COMMITTEE.way, COMMITTEE.data) == (40, NETWORK3, "mnist")
    assert [list(COMMITTEE.seeds(number)) for number in (0, 1)] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


@pytest.mark.parametrize("name", ["shallow", "dbl_conv_relu-corrected", "double_fc_dropout"])
def test_a_quick_recipe_is_the_same_on_digits_for_a_few_epochs(name):
    quick = RECIPES[name].quick()
    assert (quick.data, quick.epochs) == ("digits", 2)
    assert dataclasses.replace(quick, data="mnist", epochs=RECIPES[name].epochs) == RECIPES[name]
    assert all(quick.epochs < recipe.epochs for recipe in RECIPES.values()), "it would count as a whole run"
    assert COMMITTEE.quick() == dataclasses.replace(COMMITTEE, recipe=RECIPES["double_fc_dropout"].quick())


@pytest.mark.parametrize(("name", "book"), DEPTHS.items())
def test_hyperparameters_of_chapter_5_are_those_of_the_book(name, book):
    recipe = RECIPES[name]
    assert (recipe.epochs, recipe.eta, recipe.lmbda, recipe.book) == (30, 0.1, 5.0, book)
    assert (recipe.data, recipe.expanded, recipe.dtype, recipe.way) == ("mnist", False, "float32", NETWORK2)
    layers = recipe.network(0, "cpu").layers
    assert len(layers) == int(name[-1]) + 1
    assert {(layer.activation_fn.name, layer.p_dropout, layer.init) for layer in layers} == {
        ("sigmoid", 0.0, "corrected")
    }
    assert [layer.cost_function and layer.cost_function.name for layer in layers] == [
        *[None] * int(name[-1]),
        "cross_entropy",
    ]


def test_each_chapter_trains_in_its_programs_way_and_reports_its_numbers():
    assert NETWORK2.options == {"shuffle": True, "drop_last": True, "penalty_divisor": "examples"}
    assert NETWORK3.options == {"shuffle": False, "drop_last": True, "penalty_divisor": "batches"}
    assert [(way.reports, way.runs) for way in (NETWORK2, NETWORK3)] == [("validation", 1), ("test", 3)]
    assert {name for name, recipe in RECIPES.items() if recipe.way != NETWORK3} == set(DEPTHS)


def test_a_network_is_the_seeds_alone_and_each_is_made_of_new_layers():
    one, again, other = (RECIPES["shallow"].network(seed, "cpu") for seed in (1, 1, 2))
    assert np.array_equal(one.params[0], again.params[0])
    assert not np.array_equal(one.params[0], other.params[0])
    assert (one.seed, one.dtype) == (1, np.float32)
    assert not set(one.layers) & set(again.layers)
