"""The book's script, name for name, on the digits."""

import inspect
import subprocess
import sys
from collections import Counter

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from netlib import ConvPoolLayer, Network, ReLU, conv, sigmoid, tanh
from netlib.data import Data, expand, load, mnist
from netlib.experiments import RECIPES

mpl.use("Agg")
EXPERIMENTS = (
    "shallow basic_conv omit_FC dbl_conv regularized_dbl_conv dbl_conv_relu expanded_data expanded_data_double_fc"
)


@pytest.fixture
def small(monkeypatch):
    """The module on a part of the digits."""
    training, validation, test = (Data(x[:n], y[:n]) for (x, y), n in zip(load("digits"), (200, 40, 57), strict=True))
    monkeypatch.setitem(vars(conv), "training_data", training)
    monkeypatch.setitem(vars(conv), "validation_data", validation)
    monkeypatch.setitem(vars(conv), "test_data", test)
    yield training, validation, test
    plt.close("all")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shallow", [("n", 3), ("epochs", 60)]),
        ("basic_conv", [("n", 3), ("epochs", 60)]),
        ("omit_FC", []),
        ("dbl_conv", [("activation_fn", sigmoid)]),
        ("regularized_dbl_conv", []),
        ("dbl_conv_relu", []),
        ("expanded_data", [("n", 100)]),
        ("expanded_data_double_fc", [("n", 100)]),
        ("double_fc_dropout", ["p0", "p1", "p2", "repetitions"]),
        ("ensemble", ["nets"]),
        ("plot_errors", ["error_locations", ("erroneous_predictions", None)]),
        ("plot_filters", ["net", "layer", "x", "y"]),
        ("run_experiments", []),
    ],
)
def test_functions_have_the_books_names_arguments_and_defaults(name, expected):
    parameters = inspect.signature(getattr(conv, name)).parameters.values()
    by_place = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert [p.name if p.default is p.empty else (p.name, p.default) for p in by_place] == expected
    assert all(p.default is not p.empty for p in parameters if p.kind is p.KEYWORD_ONLY)


@pytest.mark.parametrize(
    ("name", "epochs"), [("omit_FC", 60), ("dbl_conv", 60), ("regularized_dbl_conv", 60), ("dbl_conv_relu", 60)]
)
def test_what_the_book_has_fixed_is_the_default(name, epochs):
    parameters = inspect.signature(getattr(conv, name)).parameters
    assert (parameters["epochs"].default, parameters["repetitions"].default) == (epochs, 3)
    assert inspect.signature(conv.double_fc_dropout).parameters["epochs"].default == 40


def direct(recipe, data, epochs, seed=0, layers=None, lmbda=None):
    """Weights after training without conv.py."""
    net = Network((layers or recipe.layers)(), 10, seed=seed)
    lmbda = recipe.lmbda if lmbda is None else lmbda
    net.SGD(data[0], epochs, 10, recipe.eta, data[1], data[2], lmbda, verbose=False)
    return net


def assert_same(net, other):
    assert len(net.params) == len(other.params)
    for one, two in zip(net.params, other.params, strict=True):
        np.testing.assert_array_equal(one, two)


def test_shallow_gives_as_many_networks_as_were_asked_for_each_of_another_seed(small, capsys):
    nets = conv.shallow(2, 3)
    assert [net.seed for net in nets] == [0, 1]
    for seed, net in enumerate(nets):
        assert_same(net, direct(RECIPES["shallow"], small, 3, seed))
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("A shallow net with 100 hidden neurons") == 2
    assert sum(line.startswith("Epoch 2: validation accuracy ") for line in lines) == 2


def test_basic_conv_and_omit_fc_give_the_last_network(small):
    assert_same(conv.basic_conv(n=2, epochs=1), direct(RECIPES["basic_conv"], small, 1, seed=1))
    assert_same(conv.omit_FC(repetitions=2, epochs=1), direct(RECIPES["omit_FC"], small, 1, seed=1))


@pytest.mark.parametrize(("arguments", "recipe"), [((), "dbl_conv"), ((tanh,), "dbl_conv_tanh")])
def test_dbl_conv_takes_an_activation_function(arguments, recipe, small):
    assert_same(conv.dbl_conv(*arguments, repetitions=1, epochs=2), direct(RECIPES[recipe], small, 2))


def test_the_sweeps_have_the_books_strengths(small, capsys):
    few = {"repetitions": 2, "epochs": 0}
    strengths = ["1e-05", "0.0001", "0.001", "0.01", "0.1", "1", "10", "100"]
    for sweep, expected in ((conv.regularized_dbl_conv, strengths), (conv.dbl_conv_relu, ["0", *strengths])):
        nets = sweep(**few)
        lines = [line for line in capsys.readouterr().out.splitlines() if "regularization" in line]
        assert [line.split()[-1] for line in lines] == [strength for strength in expected for _ in range(2)]
        assert [net.seed for net in nets] == [0, 1] * len(expected)


def test_the_sweeps_train_with_the_strengths_of_their_turns(small):
    for sweep, name in ((conv.regularized_dbl_conv, "dbl_conv"), (conv.dbl_conv_relu, "dbl_conv_relu")):
        nets = sweep(strengths=(0.0, 50.0), repetitions=1, epochs=1)
        for net, lmbda in zip(nets, (0.0, 50.0), strict=True):
            assert_same(net, direct(RECIPES[name], small, 1, lmbda=lmbda))


@pytest.mark.parametrize("name", ["expanded_data", "expanded_data_double_fc"])
def test_expanded_data_are_five_times_as_many_and_n_is_the_number_of_neurons(name, small):
    net = getattr(conv, name)(300, repetitions=1, epochs=1)
    data = (expand(small[0]), *small[1:])
    assert net.steps == 100
    assert_same(net, direct(RECIPES[f"{name}_300"], data, 1))


def test_dropout_goes_into_the_last_three_layers_in_turn(small):
    nets = conv.double_fc_dropout(0.1, 0.2, 0.3, 2, epochs=0)
    assert [net.seed for net in nets] == [0, 1]
    for net in nets:
        assert [layer.p_dropout for layer in net.layers] == [0, 0, 0.1, 0.2, 0.3]
        assert [layer.w.shape for layer in net.layers[2:]] == [(640, 1000), (1000, 1000), (1000, 10)]
    assert_same(nets[1], RECIPES["double_fc_dropout"].network(1, "cpu"))


def test_double_fc_dropout_trains_on_expanded_data_as_its_recipe_does(small):
    (net,) = conv.double_fc_dropout(0.5, 0.5, 0.5, 1, epochs=1)
    assert_same(net, direct(RECIPES["double_fc_dropout"], (expand(small[0]), *small[1:]), 1))


def test_an_ensemble_votes_by_plurality(small, capsys):
    nets = conv.shallow(5, 1)
    capsys.readouterr()
    locations, predictions = conv.ensemble(nets)
    x, y = small[2]
    votes = [
        Counter(each).most_common(1)[0][0] for each in zip(*(net.predict(x).tolist() for net in nets), strict=True)
    ]
    assert locations == [i for i, vote in enumerate(votes) if vote != y[i]]
    assert predictions == [votes[i] for i in locations]
    assert 0 < len(locations) < 57
    assert capsys.readouterr().out == f"Accuracy is {100 * (57 - len(locations)) / 57:.2f}%\n"


def test_plot_errors_draws_the_images_their_labels_and_the_votes(small):
    x, y = small[2]
    figure = conv.plot_errors([3, 50, 7], [1, 2, 3])
    assert [np.asarray(axis.images[0].get_array()).ravel().tolist() for axis in figure.axes] == x[[3, 50, 7]].tolist()
    told = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert told == [[str(y[3]), "1"], [str(y[50]), "2"], [str(y[7]), "3"]]
    alone = conv.plot_errors([3, 50])
    assert [[text.get_text() for text in axis.texts] for axis in alone.axes] == [[str(y[3])], [str(y[50])]]


def test_plot_errors_draws_at_most_forty_and_none_if_there_is_none(small):
    assert sum(bool(axis.images) for axis in conv.plot_errors(list(range(45)), [0] * 45).axes) == 40
    assert not any(axis.images for axis in conv.plot_errors([], []).axes)


def test_plot_filters_draws_those_of_the_first_input_map_x_in_a_row():
    net = RECIPES["dbl_conv"].network(0, "cpu")
    for layer, x, y in ((0, 5, 4), (1, 8, 5)):
        figure = conv.plot_filters(net, layer, x, y)
        assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (y, x)
        filters = [np.asarray(axis.images[0].get_array()) for axis in figure.axes]
        np.testing.assert_array_equal(filters, net.layers[layer].w[:, 0])
    plt.close("all")


@pytest.mark.parametrize(("layer", "x", "y"), [(0, 5, 3), (2, 50, 50)])
def test_filters_that_do_not_fit_or_are_none_are_refused(layer, x, y):
    with pytest.raises(ValueError, match=r"layer, x, y: expected a convolutional layer of up to \d+ filters"):
        conv.plot_filters(RECIPES["dbl_conv"].network(0, "cpu"), layer, x, y)


def test_all_experiments_run_in_the_books_order_and_leave_its_pictures(small, tmp_path, monkeypatch):
    made, double_fc_dropout = [], conv.double_fc_dropout

    def dropout(*arguments):
        made.append(("double_fc_dropout", arguments))
        return double_fc_dropout(*arguments[:3], 2, epochs=0)

    for name in EXPERIMENTS.split():
        monkeypatch.setattr(conv, name, lambda *arguments, name=name: made.append((name, arguments)))
    monkeypatch.setattr(conv, "double_fc_dropout", dropout)
    monkeypatch.chdir(tmp_path)
    conv.run_experiments()
    assert made == [
        ("shallow", ()),
        ("basic_conv", ()),
        ("omit_FC", ()),
        ("dbl_conv", (sigmoid,)),
        ("dbl_conv_relu", ()),
        *(("expanded_data", (n,)) for n in (100, 300, 1000)),
        *(("expanded_data_double_fc", (n,)) for n in (100, 300, 1000)),
        ("double_fc_dropout", (0.5, 0.5, 0.5, 5)),
    ]
    pictures = {"ensemble_errors.png", "net_full_layer_0.png", "net_full_layer_1.png"}
    assert {path.name for path in tmp_path.iterdir()} == pictures


def test_the_data_are_mnists_when_they_are_looked_at(monkeypatch):
    sets = load("digits")
    monkeypatch.setattr("netlib.conv.load", lambda name: {"mnist": sets}[name])
    assert (conv.training_data, conv.validation_data, conv.test_data) == tuple(sets)
    with pytest.raises(AttributeError, match=r"module 'netlib\.conv' has no attribute 'trainig_data'"):
        _ = conv.trainig_data


def test_importing_loads_no_data_and_no_matplotlib():
    code = "import sys, netlib.conv; from netlib.data import mnist; print('matplotlib' in sys.modules, end=' ');"
    code += "print(mnist.load.cache_info().currsize)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("False 0\n", "")
    assert mnist.load.cache_info


def test_the_layers_are_those_of_the_book(small):
    net = conv.expanded_data(50, repetitions=1, epochs=0)
    assert [type(layer) is ConvPoolLayer for layer in net.layers] == [True, True, False, False]
    assert {layer.activation_fn for layer in net.layers[:-1]} == {ReLU}
    assert net.layers[2].w.shape == (640, 50)
