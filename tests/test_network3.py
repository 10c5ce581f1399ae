"""The book's module, point by point: what network3 does, and where the mended behaviour is better than the book's.

The points are those of the specification that network3 was read into; a test's name says which one it holds. Numbers
come from `reference_step`, network3's training step written a second time in (N, C, H, W), with the naive loops.
"""

import gzip
import inspect
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import netlib.data
from netlib import network3
from netlib.history import History
from netlib.network3 import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, linear, sigmoid, tanh
from netlib.ops import Activation, dropout_mask, naive
from netlib.optimizers import Penalty
from netlib.training import Measures, Plan, Run

SEED = 5
CURVES = {  # each activation and its slope, both as functions of z
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "ReLU": (lambda z: np.where(z > 0, z, 0.0), lambda z: np.where(z > 0, 1.0, 0.0)),
}


def softmax_rows(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def reference_step(layers, x, y, step, eta, penalty=0.0):
    """One step of network3 on images (N, C, H, W) or rows; changes the "w" and "b" of each of `layers`.

    A layer is a dictionary: "w" and "b", "pool" if it is convolutional, "activation" unless it is the softmax at the
    end, "p_dropout", "dropout" and "ties". `penalty` is lmbda divided by the number of mini-batches.
    """
    a, da, passed = x, None, []
    for place, layer in enumerate(layers):
        pool, p = layer.get("pool"), layer.get("p_dropout", 0)
        a = a if pool else a.reshape(len(a), -1)
        kept = dropout_mask(np, (a[0].size, len(a)), p, seed=SEED, place=place, step=step).T.reshape(a.shape)
        mask = kept / (1 - p) if layer.get("dropout") == "inverted" else 1.0 * kept
        a = a * mask
        convolved = naive.conv2d(a, layer["w"]) if pool else None
        z = naive.max_pool(convolved, pool) + layer["b"][:, None, None] if pool else a @ layer["w"] + layer["b"]
        passed.append((a, mask, convolved, z))
        a = CURVES[layer["activation"]][0](z) if "activation" in layer else softmax_rows(z)
    dz = (a - np.eye(a.shape[1])[y]) / len(y)
    for layer, (a, mask, convolved, z) in zip(reversed(layers), reversed(passed), strict=True):
        if "activation" in layer:
            dz = da.reshape(z.shape) * CURVES[layer["activation"]][1](z)
        if convolved is None:
            da, dw, db = dz @ layer["w"].T, a.T @ dz, dz.sum(axis=0)
        else:
            dconvolved = naive.max_pool_gradient(convolved, dz, layer["pool"], ties=layer.get("ties", "all"))
            (da, dw), db = naive.conv2d_gradients(a, layer["w"], dconvolved), dz.sum(axis=(0, 2, 3))
        da = da * mask
        layer["w"] -= eta * (dw + penalty * layer["w"])
        layer["b"] -= eta * db


def reference_layers(net, plan):
    """The layers of `plan`, one dictionary each, with copies of the network's parameters."""
    return [{**extra, "w": layer.w.copy(), "b": layer.b.copy()} for layer, extra in zip(net.layers, plan, strict=True)]


def assert_same_parameters(net, layers, tolerance=1e-10):
    for place, (layer, expected) in enumerate(zip(net.layers, layers, strict=True)):
        np.testing.assert_allclose(layer.w, expected["w"], rtol=0, atol=tolerance, err_msg=f"w of layer {place}")
        np.testing.assert_allclose(layer.b, expected["b"], rtol=0, atol=tolerance, err_msg=f"b of layer {place}")


def float64_network(layers, mini_batch_size, seed=SEED):
    return Network(layers, mini_batch_size, seed=seed, dtype="float64", device="cpu")


def with_random_softmax(net):
    """The same network, its last weights no longer zero: gradients reach the first layer in the first step already."""
    net.layers[-1].w[...] = np.random.default_rng(1).standard_normal(net.layers[-1].w.shape)
    return net


def random_data(n, *shape, classes=3, seed=0):
    draws = np.random.default_rng(seed)
    return draws.standard_normal((n, *shape)), draws.integers(classes, size=n)


def rows_for_labels(labels):
    return np.zeros((len(labels), 2)), np.array(labels)


def recorded(net, monkeypatch):
    """A list that collects the mini-batches that the network is trained with."""
    batches, step = [], net.train_mini_batch
    monkeypatch.setattr(net, "train_mini_batch", lambda x, *rest: batches.append(x.copy()) or step(x, *rest))
    return batches


def scripted(validation, test, *, verbose=False):
    """The history of a training run in which the accuracies after each epoch are those given."""
    net = SimpleNamespace(seed=0, steps=0, train_mini_batch=lambda *step: 1.0)
    validate, measure = iter(validation).__next__, iter(test).__next__
    x, y = np.zeros((6, 1)), np.zeros(6, int)
    return Run(
        net, x, y, Plan(len(validation), 2, 3, 1.0, verbose=verbose), History(), Measures(validate, measure)
    ).go()


# What the reference is compared with: layers, and what distinguishes them from a plain fully connected layer.

FC = (
    [lambda: FullyConnectedLayer(n_in=8, n_out=5), lambda: SoftmaxLayer(n_in=5, n_out=3)],
    [{"activation": "sigmoid"}, {}],
)
CONV = (
    [
        lambda: ConvPoolLayer((2, 1, 3, 2), (4, 1, 8, 7), poolsize=(2, 3), activation_fn=ReLU),
        lambda: FullyConnectedLayer(n_in=12, n_out=5, activation_fn=ReLU),
        lambda: SoftmaxLayer(n_in=5, n_out=3),
    ],
    [{"pool": (2, 3), "activation": "ReLU"}, {"activation": "ReLU"}, {}],
)


def dropout_case(dropout):
    layers = [
        lambda: ConvPoolLayer(
            (2, 1, 3, 3), (4, 1, 6, 8), activation_fn=tanh, p_dropout=0.25, dropout=dropout, init="corrected"
        ),
        lambda: FullyConnectedLayer(12, 6, p_dropout=0.5, dropout=dropout),
        lambda: SoftmaxLayer(6, 3, p_dropout=0.3, dropout=dropout),
    ]
    plan = [
        {"pool": (2, 2), "activation": "tanh", "p_dropout": 0.25, "dropout": dropout},
        {"activation": "sigmoid", "p_dropout": 0.5, "dropout": dropout},
        {"p_dropout": 0.3, "dropout": dropout},
    ]
    return layers, plan


CASES = [
    pytest.param(*FC, (8,), 0.0, id="fully connected, sigmoid"),
    pytest.param(*FC, (8,), 0.7, id="fully connected, sigmoid, penalty"),
    pytest.param(*CONV, (1, 8, 7), 0.0, id="convolutional, ReLU"),
    pytest.param(*CONV, (1, 8, 7), 0.7, id="convolutional, ReLU, penalty"),
    pytest.param(*dropout_case("rescale"), (1, 6, 8), 0.0, id="dropout, rescale"),
    pytest.param(*dropout_case("inverted"), (1, 6, 8), 0.4, id="dropout, inverted, penalty"),
]


def test_point_01_mini_batches_keep_their_order(monkeypatch):
    net = float64_network([SoftmaxLayer(2, 3)], 4)
    batches = recorded(net, monkeypatch)
    x, y = random_data(12, 2)
    net.SGD((x, y), 3, 4, 0.1, None, None, verbose=False)
    np.testing.assert_array_equal(batches, [x[0:4], x[4:8], x[8:12]] * 3)


@pytest.mark.parametrize(("n", "count"), [(4, 1), (7, 1), (8, 2), (11, 2), (12, 3)])
def test_point_02_an_incomplete_last_mini_batch_is_left_out_of_training(n, count, monkeypatch):
    net = float64_network([SoftmaxLayer(2, 3)], 4)
    batches = recorded(net, monkeypatch)
    x, y = random_data(n, 2)
    net.SGD((x, y), 2, 4, 0.1, None, None, verbose=False)
    np.testing.assert_array_equal(batches, [x[4 * i : 4 * i + 4] for i in range(count)] * 2)


def test_point_02_an_incomplete_last_mini_batch_is_left_out_of_the_accuracies():
    net = float64_network([SoftmaxLayer(2, 3)], 4)  # untrained, it answers 0
    validation, test = rows_for_labels([0, 0, 1, 1, 1, 1, 1]), rows_for_labels([0, 1, 1, 1, 0, 0, 0, 0, 2])
    history = net.SGD(random_data(4, 2), 1, 4, 0.0, validation, test, verbose=False)
    assert (history.validation_accuracy, history.test_accuracy) == ([2 / 4], [5 / 8])


@pytest.mark.parametrize("first_weights", ["as drawn", "softmax not zero"])
@pytest.mark.parametrize(("makers", "plan", "shape", "lmbda"), CASES)
def test_point_03_three_steps_of_sgd_follow_the_gradient_of_the_dropped_output(
    makers, plan, shape, lmbda, first_weights
):
    net = float64_network([make() for make in makers], 4)
    net = net if first_weights == "as drawn" else with_random_softmax(net)
    layers = reference_layers(net, plan)
    x, y = random_data(12, *shape)
    net.SGD((x, y), 1, 4, 0.5, None, None, lmbda, verbose=False)
    for step in range(3):
        batch = slice(4 * step, 4 * step + 4)
        reference_step(layers, x[batch], y[batch], step, 0.5, lmbda / 3)
    assert_same_parameters(net, layers)


@pytest.mark.parametrize(("makers", "plan", "shape", "lmbda"), CASES)
def test_point_03_train_mini_batch_is_that_step(makers, plan, shape, lmbda):
    net = with_random_softmax(float64_network([make() for make in makers], 4))
    layers = reference_layers(net, plan)
    x, y = random_data(4, *shape)
    for step in range(3):
        net.train_mini_batch(x.reshape(4, -1), y, 0.5, Penalty(lmbda / 10))
        reference_step(layers, x, y, step, 0.5, lmbda / 10)
    assert_same_parameters(net, layers)


def test_point_04_the_penalty_is_divided_by_the_number_of_mini_batches_and_spares_the_biases():
    def after_one_epoch(lmbda):
        net = with_random_softmax(float64_network([SoftmaxLayer(8, 3)], 4))
        blank = np.zeros((20, 8)), np.arange(20) % 3  # five mini-batches of images that give the weights no gradient
        net.SGD(blank, 1, 4, 0.5, None, None, lmbda, verbose=False)
        return net.params

    (w, b), (w_penalised, b_penalised) = after_one_epoch(0.0), after_one_epoch(0.3)
    np.testing.assert_allclose(w_penalised, w * (1 - 0.5 * 0.3 / 5) ** 5, rtol=1e-12)
    assert np.any(b)
    np.testing.assert_array_equal(b_penalised, b)


def test_point_04_network2s_penalty_is_the_mini_batch_size_times_as_large_a_number():
    def weights(lmbda, **divisor):
        net = float64_network([FullyConnectedLayer(8, 5), SoftmaxLayer(5, 3)], 4)
        net.SGD(random_data(12, 8), 2, 4, 0.5, None, None, lmbda, verbose=False, **divisor)
        return net.layers[0].w

    np.testing.assert_allclose(weights(0.1), weights(0.4, penalty_divisor="examples"), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "n_out", "n_in"),
    [
        pytest.param(lambda init: FullyConnectedLayer(200, 100, init=init), 100, 200, id="fully connected"),
        pytest.param(lambda init: ConvPoolLayer((400, 3, 5, 5), (1, 3, 9, 9), init=init), 400 * 25 / 4, 75, id="2x2"),
        pytest.param(
            lambda init: ConvPoolLayer((400, 3, 5, 4), (1, 3, 9, 9), (1, 3), init=init), 400 * 20 / 3, 60, id="1x3"
        ),
    ],
)
def test_point_05_weights_are_normal_with_variance_one_over_n_out(make, n_out, n_in):
    (w, b), (w_corrected, _) = (float64_network([make(init)], 1).params for init in ("book", "corrected"))
    assert w.std() * math.sqrt(n_out) == pytest.approx(1, abs=4 / math.sqrt(2 * w.size))
    assert w.mean() * math.sqrt(n_out) == pytest.approx(0, abs=4 / math.sqrt(w.size))
    assert b.std() == pytest.approx(1, abs=4 / math.sqrt(2 * b.size))
    assert b.mean() == pytest.approx(0, abs=4 / math.sqrt(b.size))
    assert np.mean(np.abs(w) * math.sqrt(n_out) < 1) == pytest.approx(0.6827, abs=2 / math.sqrt(w.size))
    np.testing.assert_allclose(w / w_corrected, math.sqrt(n_in / n_out))


def test_point_05_the_book_s_way_is_the_default():
    for layer in (FullyConnectedLayer(2, 3), ConvPoolLayer((2, 1, 3, 3), (1, 1, 8, 8))):
        assert (layer.init, layer.activation_fn, layer.p_dropout) == ("book", sigmoid, 0)


def test_point_05_softmax_starts_at_zero_with_cost_ln_10_and_stops_the_first_gradient():
    net = float64_network([FullyConnectedLayer(8, 5), SoftmaxLayer(5, 10)], 4)
    data = random_data(4, 8, classes=10)
    assert net.cost(data) == pytest.approx(math.log(10), abs=1e-12)
    dw_hidden, db_hidden, dw, db = net.gradients(data)
    assert [np.any(gradient) for gradient in (dw_hidden, db_hidden, dw, db)] == [False, False, True, True]
    history = net.SGD(data, 1, 4, 0.1, None, None, verbose=False)
    assert history.cost == pytest.approx([math.log(10)], abs=1e-12)


def test_point_06_filters_are_turned_so_that_a_single_bright_pixel_shows_the_filter():
    net = float64_network([ConvPoolLayer((1, 1, 3, 3), (1, 1, 5, 5), (1, 1), activation_fn=linear)], 1)
    net.layers[0].b[...] = 0
    image = np.zeros((1, 1, 5, 5))
    image[0, 0, 2, 2] = 1
    np.testing.assert_array_equal(net.forward(image)[0, 0], net.layers[0].w[0, 0])


def test_point_07_rows_and_columns_that_fill_no_pool_are_ignored():
    net = float64_network([ConvPoolLayer((2, 1, 2, 2), (3, 1, 8, 6), (2, 3))], 3)  # 7 x 5 before pooling
    x, _ = random_data(3, 1, 8, 6)
    kept = net.forward(x)
    x[:, :, 7], x[:, :, :, 4:] = 100, 100  # seen by the last row and the last two columns only
    assert kept.shape == (3, 2, 3, 1)
    np.testing.assert_array_equal(net.forward(x), kept)


def test_point_07_the_activation_comes_after_the_pool():
    falling = Activation(
        "falling", lambda z, out: np.negative(z, out=out), lambda z, a, da, out: np.negative(da, out=out)
    )
    net = float64_network([ConvPoolLayer((1, 1, 1, 1), (1, 1, 2, 2), activation_fn=falling)], 1)
    net.layers[0].w[...], net.layers[0].b[...] = 1, 10
    assert net.forward(np.array([[1.0, 2.0, 3.0, 4.0]])).item() == -14


def test_point_07_the_bias_comes_after_the_pool_and_cannot_make_ties():
    net = float64_network([ConvPoolLayer((1, 1, 1, 1), (1, 1, 2, 2), activation_fn=linear)], 1)
    layer = net.layers[0]
    layer.w[...], layer.b[...] = 1, 2.0**60  # 2^60 + 1 to 2^60 + 4 are the same float
    layer.forward(np.array([[1.0], [2.0], [3.0], [4.0]]), step=0)
    layer.backward(np.ones((1, 1, 1, 1)))
    assert layer.gradients[0].item() == 4


@pytest.mark.parametrize("ties", ["all", "first"])
def test_point_08_tied_maxima_get_the_full_gradient_each_unless_only_the_first_is_asked_for(ties):
    layer = (
        ConvPoolLayer((2, 1, 3, 3), (4, 1, 8, 8))
        if ties == "all"
        else ConvPoolLayer((2, 1, 3, 3), (4, 1, 8, 8), ties=ties)
    )
    net = with_random_softmax(float64_network([layer, SoftmaxLayer(18, 3)], 4))
    layers = {
        rule: reference_layers(net, [{"pool": (2, 2), "activation": "sigmoid", "ties": rule}, {}])
        for rule in ("all", "first")
    }
    draws, y = np.random.default_rng(3), np.array([0, 1, 2, 1])
    x = draws.integers(2, size=(4, 1, 8, 8)).astype(float)
    for step in range(3):
        small_integers = draws.integers(-1, 2, size=(2, 1, 3, 3))  # every sum is exact, so ties are ties everywhere
        for w in (layer.w, layers["all"][0]["w"], layers["first"][0]["w"]):
            w[...] = small_integers
        net.train_mini_batch(x.reshape(4, -1), y, 0.5)
        for rule in layers:
            reference_step(layers[rule], x, y, step, 0.5)
    assert_same_parameters(net, layers[ties])
    assert np.abs(layers["all"][0]["w"] - layers["first"][0]["w"]).max() > 0.01, "there were no ties"


def test_point_08_relu_has_no_slope_at_zero():
    net = with_random_softmax(float64_network([FullyConnectedLayer(2, 4, activation_fn=ReLU), SoftmaxLayer(4, 3)], 1))
    net.layers[0].b[...] = [0, 0, 1, -1]
    _, db, *_ = net.gradients((np.zeros((1, 2)), np.array([1])))
    assert (db != 0).tolist() == [False, False, True, False]


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_point_09_dropout_silences_inputs_in_training_and_evaluation_scales_them(p):
    net = float64_network([FullyConnectedLayer(50, 4, activation_fn=linear, p_dropout=p)], 20)
    w, b = net.params
    x, _ = random_data(20, 50)
    np.testing.assert_allclose(net.forward(x), (1 - p) * x @ w + b, atol=1e-12)
    net.layers[0].forward(x.T.copy(), step=7)
    mask = dropout_mask(np, (50, 20), p, seed=SEED, place=0, step=7)
    np.testing.assert_allclose(net.output_dropout, (x * mask.T) @ w + b, atol=1e-12)
    assert mask.mean() == pytest.approx(1 - p, abs=0.06)


def test_point_09_convolutional_layers_drop_nothing():
    net = float64_network([ConvPoolLayer((2, 1, 3, 3), (4, 1, 8, 8))], 4)
    x, _ = random_data(4, 1, 8, 8)
    net.layers[0].forward(np.moveaxis(x, 0, -1).copy(), step=0)
    np.testing.assert_array_equal(net.output_dropout, net.forward(x))


def masks(seed, step):
    """The inputs that two layers of equal shape keep: their weights are the identity, and every input is 1."""
    layers = [FullyConnectedLayer(60, 60, activation_fn=linear, p_dropout=0.5) for _ in range(2)]
    for layer in float64_network(layers, 10, seed=seed).layers:
        layer.w[...], layer.b[...] = np.eye(60), 0
    return np.array([layer.forward(np.ones((60, 10)), step) for layer in layers])


def test_point_10_mended_masks_are_independent_across_layers_steps_and_seeds():
    drawn = np.concatenate([masks(seed, step) for seed in (0, 1) for step in (0, 1)]).reshape(8, -1)
    correlation = np.corrcoef(drawn) - np.eye(8)
    assert np.abs(correlation).max() < 4 / math.sqrt(drawn.shape[1])
    np.testing.assert_array_equal(masks(1, 1), masks(1, 1))


def evaluated(net, x):
    """The labels that plain arithmetic finds for a fully connected layer with sigmoid and a softmax layer."""
    hidden, last = net.layers
    a = CURVES["sigmoid"][0]((1 - hidden.p_dropout) * x @ hidden.w + hidden.b)
    return ((1 - last.p_dropout) * a @ last.w + last.b).argmax(axis=1)


def test_point_11_accuracy_and_labels_come_from_the_whole_network():
    net = float64_network([FullyConnectedLayer(8, 20, p_dropout=0.5), SoftmaxLayer(20, 3, p_dropout=0.8)], 10)
    x, y = random_data(90, 8)
    x[np.arange(90), y] += 3
    history = net.SGD((x, y), 5, 10, 0.3, (x[:50], y[:50]), (x[50:], y[50:]), verbose=False)
    labels = evaluated(net, x)
    hits = labels == y
    assert history.validation_accuracy[-1] == hits[:50].mean()
    assert net.accuracy((x[50:], y[50:])) == hits[50:].mean()
    np.testing.assert_array_equal([net.test_mb_predictions(i) for i in range(4)], labels[50:].reshape(4, 10))
    net.forward(x)
    np.testing.assert_array_equal(net.layers[-1].y_out, labels)
    assert net.layers[-1].accuracy(y) == hits.mean()
    net.gradients((x, y))
    dropped = net.output_dropout.argmax(axis=1)
    assert not np.array_equal(dropped, labels), "the dropped network gives the same labels: nothing was shown"


def test_point_11_the_first_of_equal_outputs_wins():
    net = float64_network([SoftmaxLayer(2, 4)], 4)
    net.layers[0].b[...] = [0, 1, 1, 1]
    data = rows_for_labels([1, 2, 3, 1])
    assert net.predict(data[0]).tolist() == net.layers[0].y_out.tolist() == [1, 1, 1, 1]
    assert net.accuracy(data) == net.layers[0].accuracy(data[1]) == 0.5


def test_point_12_a_tie_is_a_new_best_and_only_then_is_test_accuracy_measured():
    history = scripted([0.5, 0.7, 0.7, 0.6, 0.5], [0.1, 0.2, 0.3])
    assert history.test_accuracy == [0.1, 0.2, 0.3, None, None]
    assert (history.best_epoch, history.best_iteration) == (2, 8)
    assert (history.best_validation_accuracy, history.best_test_accuracy) == (0.7, 0.3)


def test_point_12_the_best_starts_at_zero_so_that_no_hits_at_all_are_a_best_too():
    assert scripted([0.0, 0.0], [0.1, 0.2]).best_epoch == 1


def test_point_12_the_weights_kept_are_those_of_the_last_epoch():
    x, y = random_data(40, 8)
    wrong = (x, (y + 1) % 3)  # the better the network learns, the worse it does here
    net, plain = (float64_network([FullyConnectedLayer(8, 20), SoftmaxLayer(20, 3)], 10) for _ in range(2))
    history = net.SGD((x, y), 30, 10, 0.5, wrong, None, verbose=False)
    assert history.best_epoch < 29
    for _ in range(30):
        for batch in range(0, 40, 10):
            plain.train_mini_batch(x[batch : batch + 10], y[batch : batch + 10], 0.5)
    for kept, expected in zip(net.params, plain.params, strict=True):
        np.testing.assert_array_equal(kept, expected)


def test_point_13_the_printed_lines_of_a_training_run(capsys):
    net = Network([SoftmaxLayer(2, 3)], 1)  # with eta = 0 it answers 0 for ever
    validation, test = rows_for_labels([0, 1, 0]), rows_for_labels([2, 2, 0, 2])
    net.SGD(rows_for_labels([0] * 600), 2, 1, 0.0, validation, test)
    assert capsys.readouterr().out == (
        "Training mini-batch number 0\n"
        "Epoch 0: validation accuracy 66.67%\n"
        "This is the best validation accuracy to date.\n"
        "The corresponding test accuracy is 25.00%\n"
        "Training mini-batch number 1000\n"
        "Epoch 1: validation accuracy 66.67%\n"
        "This is the best validation accuracy to date.\n"
        "The corresponding test accuracy is 25.00%\n"
        "Finished training network.\n"
        "Best validation accuracy of 66.67% obtained at iteration 1199\n"
        "Corresponding test accuracy of 25.00%\n"
    )


def test_point_13_an_epoch_that_is_not_the_best_prints_one_line(capsys):
    scripted([0.98, 0.97561], [0.96], verbose=True)
    assert capsys.readouterr().out == (
        "Training mini-batch number 0\n"
        "Epoch 0: validation accuracy 98.00%\n"
        "This is the best validation accuracy to date.\n"
        "The corresponding test accuracy is 96.00%\n"
        "Epoch 1: validation accuracy 97.56%\n"
        "Finished training network.\n"
        "Best validation accuracy of 98.00% obtained at iteration 2\n"
        "Corresponding test accuracy of 96.00%\n"
    )


@pytest.mark.parametrize("given", [(), ("validation",), ("test",), ("validation", "test")], ids=" and ".join)
def test_point_14_mended_no_epochs_give_an_empty_history(given, capsys):
    net = float64_network([SoftmaxLayer(2, 3)], 2)
    validation, test = (rows_for_labels([0, 1]) if name in given else None for name in ("validation", "test"))
    history = net.SGD(rows_for_labels([0, 1]), 0, 2, 0.1, validation, test)
    assert (history.cost, history.validation_accuracy, history.test_accuracy, history.seconds) == ([], [], [], [])
    assert (history.best_epoch, history.best_validation_accuracy, history.best_test_accuracy) == (None, None, None)
    assert capsys.readouterr().out == "Finished training network.\n"


def test_point_14_mended_training_goes_without_test_data(capsys):
    net = float64_network([SoftmaxLayer(2, 3)], 2)
    history = net.SGD(rows_for_labels([0, 1]), 2, 2, 0.0, rows_for_labels([0, 1]), None)
    assert (history.validation_accuracy, history.test_accuracy, history.best_epoch) == ([0.5, 0.5], [], 1)
    assert history.best_test_accuracy is None
    assert "test" not in capsys.readouterr().out


def test_point_14_mended_training_goes_without_validation_data(capsys):
    net = float64_network([SoftmaxLayer(2, 3)], 2)
    history = net.SGD(rows_for_labels([0, 1]), 3, 2, 0.0, None, rows_for_labels([0, 1]))
    assert (history.validation_accuracy, history.test_accuracy, history.best_epoch) == ([], [None, None, 0.5], None)
    assert capsys.readouterr().out == "Training mini-batch number 0\nFinished training network.\n"


def test_point_15_softmax_and_logarithm_stay_exact_where_exponentials_overflow():
    net = float64_network([SoftmaxLayer(1, 3)], 2)
    net.layers[0].w[...] = [[0, 1e4, -1e4]]
    data = np.array([[1.0], [1.0]]), np.array([0, 2])
    np.testing.assert_array_equal(net.forward(data[0]), [[0, 1, 0]] * 2)
    assert net.cost(data) == (1e4 + 2e4) / 2
    dw, db = net.gradients(data)
    np.testing.assert_allclose(db, [-0.5, 1, -0.5])
    np.testing.assert_allclose(dw, [[-0.5, 1, -0.5]])


@pytest.mark.parametrize("n", [3, 10, 11, 250])
def test_point_16_mended_predictions_for_votes_come_for_any_number_of_test_images(n):
    x, y = random_data(n, 8)
    net = float64_network([FullyConnectedLayer(8, 5), SoftmaxLayer(5, 3)], 3)
    net.SGD(random_data(12, 8), 20, 3, 0.5, None, (x, y), verbose=False)
    whole = n // 3
    predicted = np.concatenate([net.test_mb_predictions(i) for i in range(whole)])
    np.testing.assert_array_equal(predicted, evaluated(net, x)[: 3 * whole])
    with pytest.raises(IndexError, match=f"test mini-batch, of which there are {whole}; got {whole}"):
        net.test_mb_predictions(whole)


# The module as its users meet it.


def parameters(function):
    """Names and defaults of a function's parameters: those given by place, and the names of those given by keyword."""
    every = inspect.signature(function).parameters.values()
    by_place = [
        (p.name, p.default) if p.default is not p.empty else p.name for p in every if p.kind is not p.KEYWORD_ONLY
    ]
    return by_place, [p for p in every if p.kind is p.KEYWORD_ONLY]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (network3.load_data_shared, [("filename", "../data/mnist.pkl.gz")]),
        (network3.Network, ["layers", "mini_batch_size"]),
        (
            network3.Network.SGD,
            [
                "self",
                "training_data",
                "epochs",
                "mini_batch_size",
                "eta",
                "validation_data",
                "test_data",
                ("lmbda", 0.0),
            ],
        ),
        (
            network3.ConvPoolLayer,
            ["filter_shape", "image_shape", ("poolsize", (2, 2)), ("activation_fn", sigmoid)],
        ),
        (network3.FullyConnectedLayer, ["n_in", "n_out", ("activation_fn", sigmoid), ("p_dropout", 0.0)]),
        (network3.SoftmaxLayer, ["n_in", "n_out", ("p_dropout", 0.0)]),
        (network3.dropout_layer, ["layer", "p_dropout"]),
        (network3.size, ["data"]),
    ],
)
def test_arguments_have_the_books_names_order_and_defaults_and_all_others_are_optional_keywords(function, expected):
    by_place, by_keyword = parameters(function)
    assert by_place == expected
    assert all(parameter.default is not parameter.empty for parameter in by_keyword)


def test_the_module_has_the_books_names():
    names = "linear ReLU sigmoid tanh load_data_shared Network FullyConnectedLayer ConvPoolLayer SoftmaxLayer size"
    assert {*names.split(), "dropout_layer"} == set(network3.__all__)
    assert all(hasattr(network3, name) for name in network3.__all__)
    net = Network([SoftmaxLayer(2, 3)], 1)
    assert all(hasattr(net, name) for name in ("layers", "mini_batch_size", "params", "x", "y"))


def test_importing_prints_nothing_and_does_not_load_cupy():
    root = str(Path(network3.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    script = "import netlib.network3, sys; sys.exit('cupy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_size_counts_images():
    assert network3.size(random_data(7, 2)) == 7


def test_dropout_layer_silences_entries_and_scales_none():
    ones = np.ones((100, 100))
    dropped = network3.dropout_layer(ones, 0.3)
    assert set(np.unique(dropped)) == {0, 1}
    assert dropped.mean() == pytest.approx(0.7, abs=0.02)
    assert np.array_equal(ones, np.ones((100, 100)))


@pytest.fixture
def pickled_digits(tmp_path):
    """The digits in a file like the book's mnist.pkl.gz."""
    path = tmp_path / "digits.pkl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        pickle.dump([(x, y.astype(np.int64)) for x, y in netlib.data.load("digits")], file, protocol=2)
    return path


def test_the_books_shallow_listing_runs_and_learns(pickled_digits):
    training_data, validation_data, test_data = network3.load_data_shared(pickled_digits)
    mini_batch_size = 10
    net = Network([
        FullyConnectedLayer(n_in=784, n_out=100),
        SoftmaxLayer(n_in=100, n_out=10)], mini_batch_size)  # fmt: skip
    history = net.SGD(training_data, 10, mini_batch_size, 0.1, validation_data, test_data)
    assert history.best_validation_accuracy > 0.93


def test_the_books_convolutional_listing_runs_and_learns(pickled_digits):
    training_data, validation_data, test_data = network3.load_data_shared(filename=pickled_digits)
    mini_batch_size = 10
    net = Network([
        ConvPoolLayer(image_shape=(mini_batch_size, 1, 28, 28),
                      filter_shape=(20, 1, 5, 5),
                      poolsize=(2, 2)),
        FullyConnectedLayer(n_in=20*12*12, n_out=100),
        SoftmaxLayer(n_in=100, n_out=10)], mini_batch_size)  # fmt: skip
    history = net.SGD(training_data, 8, mini_batch_size, 0.1, validation_data, test_data)
    assert history.best_validation_accuracy > 0.85


def first(n, data):
    return data.x[:n], data.y[:n]


def test_the_books_listing_with_relu_dropout_and_a_penalty_runs():
    training_data, validation_data, test_data = netlib.data.load("digits")
    mini_batch_size = 10
    net = Network([
        ConvPoolLayer(image_shape=(mini_batch_size, 1, 28, 28),
                      filter_shape=(20, 1, 5, 5),
                      poolsize=(2, 2),
                      activation_fn=ReLU),
        ConvPoolLayer(image_shape=(mini_batch_size, 20, 12, 12),
                      filter_shape=(40, 20, 5, 5),
                      poolsize=(2, 2),
                      activation_fn=ReLU),
        FullyConnectedLayer(
            n_in=40*4*4, n_out=1000, activation_fn=ReLU, p_dropout=0.5),
        FullyConnectedLayer(
            n_in=1000, n_out=1000, activation_fn=ReLU, p_dropout=0.5),
        SoftmaxLayer(n_in=1000, n_out=10, p_dropout=0.5)],
        mini_batch_size)  # fmt: skip
    history = net.SGD(first(100, training_data), 1, mini_batch_size, 0.03, validation_data, test_data, lmbda=0.1)
    assert len(history.cost) == 1
    assert [parameter.shape for parameter in net.params] == [
        (20, 1, 5, 5), (20,), (40, 20, 5, 5), (40,), (640, 1000), (1000,), (1000, 1000), (1000,), (1000, 10), (10,)
    ]  # fmt: skip


def test_the_demo_network_of_the_2018_variant_runs_and_its_cost_falls():
    training_data, validation_data, test_data = netlib.data.load("digits")
    mini_batch_size = 10
    net = Network([
        ConvPoolLayer(image_shape=(mini_batch_size, 1, 28, 28),
                      filter_shape=(20, 1, 5, 5),
                      poolsize=(2, 2),
                      activation_fn=ReLU),
        ConvPoolLayer(image_shape=(mini_batch_size, 20, 12, 12),
                      filter_shape=(40, 20, 5, 5),
                      poolsize=(2, 2),
                      activation_fn=ReLU),
        FullyConnectedLayer(n_in=40*4*4, n_out=1000, activation_fn=ReLU, p_dropout=0.5),
        FullyConnectedLayer(n_in=1000, n_out=100, activation_fn=ReLU, p_dropout=0.5),
        SoftmaxLayer(n_in=100, n_out=10)], mini_batch_size)  # fmt: skip
    data = first(200, training_data)
    before = net.cost(data)
    history = net.SGD(data, 1, mini_batch_size, 0.015, first(50, validation_data), first(50, test_data), lmbda=0.0)
    assert before == pytest.approx(math.log(10), abs=1e-4)
    assert net.cost(data) < before
    assert history.validation_accuracy == [net.accuracy(first(50, validation_data))]


MNIST = Path(os.environ.get("NETLIB_DATA", ".")) / "mnist.pkl.gz"


@pytest.mark.skipif(not MNIST.is_file(), reason="needs the book's mnist.pkl.gz in the folder that NETLIB_DATA names")
def test_one_epoch_of_the_shallow_network_on_mnist_passes_90_percent(capsys):
    training_data, validation_data, test_data = network3.load_data_shared(MNIST)
    assert [network3.size(data) for data in (training_data, validation_data, test_data)] == [50_000, 10_000, 10_000]
    assert training_data.x.max() * 256 == 255
    net = network3.Network([FullyConnectedLayer(n_in=784, n_out=100), SoftmaxLayer(n_in=100, n_out=10)], 10)
    net.SGD(training_data, 1, 10, 0.1, validation_data, test_data)
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "Training mini-batch number 4000"
    assert net.accuracy(test_data) > 0.9
