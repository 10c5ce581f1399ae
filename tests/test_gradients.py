"""Speeds of learning, and the products that they come from: by hand, by central differences, by backpropagation."""

import copy
import math

import numpy as np
import pytest

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, gradients, linear, sigmoid, tanh
from netlib.backend import to_host
from netlib.data import expand, load
from netlib.gradients import (
    Recorder,
    biases_for_zero,
    chain,
    chain_terms,
    deep,
    matrix_form,
    mean_gradients,
    measured_window,
    silent,
    slope,
    speeds,
    widest_window,
    window_width,
)
from netlib.ops import Activation, softmax
from tests.committed import needs_mnist
from tests.gradients import central_differences, random_like

ACTIVATIONS = (sigmoid, tanh, ReLU, linear)
SLOPES = {  # written out, by the weighted input
    sigmoid: lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    tanh: lambda z: 1 / np.cosh(z) ** 2,
    ReLU: lambda z: (z > 0) * 1.0,
    linear: lambda z: np.ones_like(z),
}


def randomised(layers, mini_batch_size=4, device="cpu", dtype="float64", seed=0):
    """A network whose every parameter is a normal draw, also those that start at zero."""
    net = Network(layers, mini_batch_size, device=device, dtype=dtype)
    for i, parameter in enumerate(net.params):
        parameter[...] = 0.7 * random_like(net.xp, parameter.shape, 100 * seed + i)
    return net


def some(n, n_in, classes=3):
    """Images and labels."""
    return np.random.default_rng(n).standard_normal((n, n_in)), np.arange(n) % classes


def convolutional(dropout="rescale", p=0.0):
    return [
        ConvPoolLayer((2, 1, 2, 3), (1, 6, 7), (2, 2), tanh, p_dropout=p, dropout=dropout),
        FullyConnectedLayer(8, 5, ReLU, p, dropout=dropout),
        FullyConnectedLayer(5, 4, sigmoid, p, dropout=dropout),
        SoftmaxLayer(4, 3, p, dropout=dropout),
    ]


def sigmoids():
    return [FullyConnectedLayer(5, 4), FullyConnectedLayer(4, 2, tanh), FullyConnectedLayer(2, 3, cost="cross_entropy")]


NETWORKS = {
    "sigmoids": sigmoids,
    "convolutional": convolutional,
    "one layer": lambda: [SoftmaxLayer(5, 3)],
    "quadratic": lambda: [FullyConnectedLayer(5, 3, tanh), FullyConnectedLayer(3, 3, tanh, cost="quadratic")],
    "dropout, rescale": lambda: convolutional("rescale", 0.3),
    "dropout, inverted": lambda: convolutional("inverted", 0.3),
}
each_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


# Speeds.


def test_the_speeds_of_two_neurons_by_hand(device):
    w1, b1, w2, b2 = 0.5, -0.25, 2.0, 0.125
    net = chain([w1, w2], [b1, b2], device=device)
    x = np.array([[1.0], [-0.5]])
    a1 = 1 / (1 + np.exp(-(w1 * x[:, 0] + b1)))
    a2 = 1 / (1 + np.exp(-(w2 * a1 + b2)))
    delta2 = (a2 - 1) * a2 * (1 - a2)
    delta1 = delta2 * w2 * a1 * (1 - a1)
    data = x, [0, 0]
    assert speeds(net, data).tolist() == pytest.approx([abs(delta1.mean())], rel=1e-12)
    assert speeds(net, data, output=True).tolist() == pytest.approx([abs(delta1.mean()), abs(delta2.mean())], rel=1e-12)
    weights = [abs((x[:, 0] * delta1).mean()), abs((a1 * delta2).mean())]
    assert speeds(net, data, "weights", output=True).tolist() == pytest.approx(weights, rel=1e-12)


def test_the_gradient_is_averaged_before_its_length_is_taken():
    net = chain([1.0, 1.0], [0.0, 0.0], linear)
    data = np.array([[3.0], [-1.0]]), [0, 0]  # outputs 3 and -1, errors 2 and -2: they cancel out
    assert speeds(net, data).tolist() == [0]
    assert speeds(net, data, "weights").tolist() == [4]  # (3 * 2 + (-1) * (-2)) / 2


@each_network
@pytest.mark.parametrize("n", [1, 7])
def test_speeds_are_the_norms_of_central_differences_of_the_mean_cost(make, n, device):
    net = randomised(make(), 4, device)
    data = some(n, net.n_in)
    numeric = [central_differences(lambda: net.cost(data), parameter) for parameter in net.params]
    computed = mean_gradients(net, data)
    assert len(computed) == len(numeric)
    for gradient, expected in zip(computed, numeric, strict=True):
        assert gradient.shape == expected.shape
        assert gradient.dtype == np.float64
        np.testing.assert_allclose(to_host(gradient), expected, rtol=0, atol=1e-6 * max(abs(expected).max(), 1e-3))
        assert expected.any()
    for which, first in (("weights", 0), ("biases", 1)):
        norms = [math.sqrt((expected**2).sum()) for expected in numeric[first::2]]
        assert speeds(net, data, which, output=True).tolist() == pytest.approx(norms, rel=1e-5)
        assert speeds(net, data, which).tolist() == pytest.approx(norms[:-1], rel=1e-5)
    assert speeds(net, data).tolist() == speeds(net, data, "biases").tolist()


@pytest.mark.parametrize("n", [99, 100, 101, 257])
def test_chunks_make_the_mean_of_one_batch_of_all_images(n, device):
    net = randomised(convolutional(), 4, device)
    x, y = some(n, net.n_in)
    expected = net.gradients((x, y))  # without dropout, and in one batch
    for gradient, whole in zip(mean_gradients(net, (x, y)), expected, strict=True):
        np.testing.assert_allclose(to_host(gradient), to_host(whole), rtol=1e-11, atol=1e-14)


def test_few_images_are_looked_at_at_a_time(monkeypatch):
    net, passes = randomised(sigmoids()), []
    go = type(net.row).backpropagate
    monkeypatch.setattr(type(net.row), "backpropagate", lambda *given: passes.append(len(given[1])) or go(*given))
    speeds(net, some(1234, 5))
    assert sum(passes) == 1234
    assert max(passes) <= 100


def test_expanded_data_are_five_times_as_many_images():
    digits = load("digits").training
    few = type(digits)(digits.x[:30], digits.y[:30])
    more = expand(few)
    net = deep([784, 6, 10], device="cpu", dtype="float64")
    assert speeds(net, more) == pytest.approx(speeds(net, (np.asarray(more.x[:]), more.y)), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_may_be_of_any_layout_and_shape(dtype, device):
    net = randomised(convolutional(), 4, device, dtype)
    x, y = some(12, 42)
    expected = speeds(net, (x, y))
    assert expected.dtype == np.float64
    assert isinstance(expected, np.ndarray)
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    twice = np.repeat(np.asfortranarray(x), 2, axis=1)[:, ::2]
    for same in (twice, x.reshape(12, 1, 6, 7), net.xp.asarray(x), x.tolist()):
        assert speeds(net, (same, y)) == pytest.approx(expected, rel=tolerance)
    backwards = speeds(net, (x[::-1], y[::-1]))
    assert backwards == pytest.approx(expected, rel=tolerance)
    exact = randomised(convolutional(), 4, device)
    assert expected == pytest.approx(speeds(exact, (x, y)), rel=tolerance)


def test_one_hidden_layer_is_all_there_is_below_one_output_layer():
    assert speeds(randomised([SoftmaxLayer(5, 3)]), some(4, 5)).shape == (0,)
    assert speeds(randomised([SoftmaxLayer(5, 3)]), some(4, 5), output=True).shape == (1,)


@each_network
def test_a_look_leaves_the_network_as_it_is(make, device):
    net = randomised(make(), 4, device)
    data = some(8, net.n_in)
    net.SGD(data, 2, 4, 0.1, data, data, verbose=False)
    net.forward(data[0])
    layers = list(net.layers)

    def state():
        arrays = [*net.params, net.x, net.y, net.output, net.output_dropout, *(layer.output for layer in net.layers)]
        numbers = [net.steps, copy.deepcopy(net.history), *((layer.p_dropout, layer.gradients) for layer in net.layers)]
        return [to_host(array).copy() for array in arrays], numbers

    parameters, (arrays, numbers) = [id(parameter) for parameter in net.params], state()
    speeds(net, some(5, net.n_in))
    mean_gradients(net, data)
    after, numbers_after = state()
    assert numbers_after == numbers
    assert [id(parameter) for parameter in net.params] == parameters
    assert all(map(np.array_equal, after, arrays))
    assert all(one is other for one, other in zip(net.layers, layers, strict=True))


def test_a_look_between_the_way_forward_and_the_way_back_does_not_disturb_them():
    def ends(*, look):
        net = randomised(convolutional("inverted", 0.3), 4)
        x, y = some(4, 42)
        net.row.forward(net.row.images("x", x), 3)
        if look:
            speeds(net, (x, y))
        da = net.layers[-1].backward_from_cost(np.eye(3)[y].T)
        for layer in net.layers[-2::-1]:
            da = layer.backward(da)
        return [gradient for layer in net.layers for gradient in layer.gradients]

    assert all(map(np.array_equal, ends(look=True), ends(look=False)))


def test_a_gradient_does_not_depend_on_training_steps_and_masks():
    net = randomised(convolutional("rescale", 0.5), 4)
    data = some(6, 42)
    before = speeds(net, data)
    net.steps = 17
    assert np.array_equal(speeds(net, data), before)


@pytest.mark.parametrize(
    ("error", "message", "look"),
    [
        (ValueError, "data: expected at least one image; got 0", lambda net: speeds(net, (np.zeros((0, 5)), []))),
        (ValueError, r"data images: expected images \(n, 5\)", lambda net: speeds(net, (np.zeros((2, 4)), [0, 1]))),
        (ValueError, "data labels: expected 2 labels", lambda net: speeds(net, (np.zeros((2, 5)), [0]))),
        (TypeError, "data: expected a pair", lambda net: speeds(net, 3)),
        (ValueError, "which: expected one of", lambda net: speeds(net, some(3, 5), "both")),
        (ValueError, "x: expected at least one image; got 0", lambda net: silent(net, np.zeros((0, 5)))),
        (ValueError, r"x: expected images \(n, 5\)", lambda net: silent(net, np.zeros((2, 4)))),
        (ValueError, "at_most: expected a finite number", lambda net: silent(net, some(3, 5)[0], at_most=-0.1)),
        (ValueError, r"image: expected images \(n, 5\)", lambda net: matrix_form(net, np.zeros(4), 0)),
        (ValueError, "label: expected one of 3 classes, from 0; got 3", lambda net: matrix_form(net, np.zeros(5), 3)),
        (ValueError, "label: expected an integer of at least 0", lambda net: matrix_form(net, np.zeros(5), -1)),
    ],
)
def test_what_does_not_fit_is_named(error, message, look):
    with pytest.raises(error, match=message):
        look(randomised(sigmoids()))


def test_a_network_without_cost_has_no_speed():
    net = Network([FullyConnectedLayer(5, 4), FullyConnectedLayer(4, 3)], 2)
    for look in (speeds, lambda net, data: matrix_form(net, data[0][0], 0)):
        with pytest.raises(ValueError, match="layers: expected the last to have a cost"):
            look(net, some(3, 5))


# The recorder.


def test_the_recorder_has_the_speeds_before_training_and_after_each_epoch(device):
    data = some(12, 5)
    net = randomised(sigmoids(), 4, device)
    record = Recorder(net, lambda net: speeds(net, data))
    history = net.SGD(data, 3, 4, 0.3, None, None, 0.1, shuffle=True, verbose=False, after_epoch=record)
    assert len(history.cost) == 3
    assert record.steps.tolist() == [0, 3, 6, 9]
    assert record.values.shape == (4, 2)
    again = randomised(sigmoids(), 4, device)
    expected = [speeds(again, data)]
    for epochs in (1, 1, 1):
        again.SGD(data, epochs, 4, 0.3, None, None, 0.1, shuffle=True, verbose=False)
        expected.append(speeds(again, data))
    assert np.array_equal(record.values, expected)
    assert len({tuple(row) for row in record.values.tolist()}) == 4


@pytest.mark.parametrize("make", [sigmoids, NETWORKS["dropout, rescale"], NETWORKS["dropout, inverted"]])
def test_recording_does_not_change_training(make, device):
    def trained(*, recorded):
        net = randomised(make(), 4, device)
        data = some(12, net.n_in)
        record = Recorder(net, lambda net: speeds(net, data, "weights")) if recorded else None
        history = net.SGD(data, 3, 4, 0.3, data, None, 0.1, shuffle=True, verbose=False, after_epoch=record)
        return [to_host(parameter) for parameter in net.params], history.cost, net.steps

    (plain, cost, steps), (looked_at, same_cost, same_steps) = trained(recorded=False), trained(recorded=True)
    assert all(map(np.array_equal, plain, looked_at))
    assert (cost, steps) == (same_cost, same_steps)


def test_what_is_measured_twice_after_a_resumption_counts_once(tmp_path):
    data = some(8, 5)
    options = {"verbose": False, "checkpoint": tmp_path}
    net = randomised(sigmoids(), 4)
    record = Recorder(net, lambda net: net.cost(data))

    def killed(net):
        record(net)
        if net.steps == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.SGD(data, 3, 4, 0.3, None, None, **options, after_epoch=killed)
    net = randomised(sigmoids(), 4)
    net.SGD(data, 3, 4, 0.3, None, None, **options, after_epoch=record)
    assert record.steps.tolist() == [0, 2, 4, 6]
    assert record.values.shape == (4,)
    assert record.values[-1] == net.cost(data)


def test_the_recorder_keeps_numbers_of_its_own(device):
    net = randomised(sigmoids(), device=device)
    record = Recorder(net, lambda net: net.params[1])
    before = record.values.copy()
    net.params[1][...] += 1
    assert np.array_equal(record.values, before)
    assert isinstance(before, np.ndarray)


# Chains of single neurons.


def test_the_books_formula_for_four_neurons_by_hand():
    weights, biases, x, target = [0.5, -2.0, 1.5, 3.0], [0.25, 1.0, -0.5, -1.0], 0.75, 0.2
    s = lambda z: 1 / (1 + math.exp(-z))  # noqa: E731
    z1 = 0.5 * 0.75 + 0.25
    z2 = -2.0 * s(z1) + 1.0
    z3 = 1.5 * s(z2) - 0.5
    z4 = 3.0 * s(z3) - 1.0
    d1, d2, d3, d4 = (s(z) * (1 - s(z)) for z in (z1, z2, z3, z4))
    terms = chain_terms(weights, biases, x, target=target)
    assert terms.z.tolist() == pytest.approx([z1, z2, z3, z4], rel=1e-14)
    assert terms.a.tolist() == pytest.approx([x, s(z1), s(z2), s(z3), s(z4)], rel=1e-14)
    assert terms.slopes.tolist() == pytest.approx([d1, d2, d3, d4], rel=1e-13)
    assert terms.factors.tolist() == pytest.approx([0.5 * d1, -2 * d2, 1.5 * d3, 3 * d4], rel=1e-13)
    assert terms.cost_gradient == pytest.approx(s(z4) - target, rel=1e-14)
    dC = s(z4) - target
    expected = [
        d1 * -2.0 * d2 * 1.5 * d3 * 3.0 * d4 * dC,
        d2 * 1.5 * d3 * 3.0 * d4 * dC,
        d3 * 3.0 * d4 * dC,
        d4 * dC,
    ]
    assert terms.bias_gradients.tolist() == pytest.approx(expected, rel=1e-13)
    inputs = [x, s(z1), s(z2), s(z3)]
    assert terms.weight_gradients.tolist() == pytest.approx(np.multiply(inputs, expected).tolist(), rel=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("length", [1, 2, 4, 9])
def test_the_product_along_a_chain_is_what_backpropagation_finds(activation, length, device):
    rng = np.random.default_rng(length)
    for _ in range(5):
        weights, biases, x = rng.uniform(0.5, 2, length), rng.uniform(0.1, 1, length), rng.uniform(0, 1)
        if activation in (sigmoid, tanh):
            weights, biases = rng.normal(0, 3, length), rng.normal(0, 1, length)
        net = chain(weights, biases, activation, device=device)
        terms = chain_terms(weights, biases, x, activation)
        assert net.forward([[x]])[0, 0] == pytest.approx(terms.a[-1], rel=1e-13)
        assert net.cost(([[x]], [0])) == pytest.approx((terms.a[-1] - 1) ** 2 / 2, rel=1e-12)
        backpropagated = [float(gradient.reshape(-1)[0]) for gradient in mean_gradients(net, ([[x]], [0]))]
        assert terms.weight_gradients.tolist() == pytest.approx(backpropagated[::2], rel=1e-12)
        assert terms.bias_gradients.tolist() == pytest.approx(backpropagated[1::2], rel=1e-12)
        assert all(backpropagated), "a gradient is zero: nothing was compared"


def test_a_chain_of_ordinary_weights_vanishes():
    terms = chain_terms([0.9] * 4, [0.0] * 4, 0.5)
    assert (terms.factors < 1 / 4).all()
    lacks = 0.9 * 0.9 * terms.slopes[0] * terms.slopes[1]
    assert terms.bias_gradients[0] == pytest.approx(lacks * terms.bias_gradients[2])
    assert abs(terms.bias_gradients[0]) < abs(terms.bias_gradients[2]) / 16


def test_a_chain_of_weights_of_100_explodes_where_all_weighted_inputs_are_0(device):
    weights = [100.0] * 4
    biases = biases_for_zero(weights, 0.3)
    assert biases.tolist() == pytest.approx([-30, -50, -50, -50])
    terms = chain_terms(weights, biases, 0.3)
    assert terms.z.tolist() == [0] * 4
    assert terms.factors.tolist() == [25] * 4
    assert abs(terms.bias_gradients).tolist() == pytest.approx([25**3 / 8, 25**2 / 8, 25 / 8, 1 / 8], rel=1e-12)
    net = chain(weights, biases, device=device)
    assert speeds(net, ([[0.3]], [0]), output=True) == pytest.approx(abs(terms.bias_gradients), rel=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_biases_for_zero_are_for_any_activation_and_weights(activation):
    weights = [3.0, -2.0, 0.5]
    terms = chain_terms(weights, biases_for_zero(weights, -0.7, activation), -0.7, activation)
    assert terms.z.tolist() == pytest.approx([0, 0, 0], abs=1e-15)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "biases: expected 2, one for each weight; got 1", lambda: chain_terms([1, 2], [3], 0.5)),
        (ValueError, "biases: expected 2, one for each weight; got 3", lambda: chain([1, 2], [3, 4, 5])),
        (ValueError, "weights: expected finite numbers, at least one", lambda: chain_terms([], [], 0.5)),
        (ValueError, "weights: expected finite numbers", lambda: biases_for_zero([], 0.5)),
        (ValueError, "weights: expected finite numbers", lambda: chain_terms([math.nan], [1], 0.5)),
        (ValueError, "weights: expected finite numbers", lambda: chain([[1.0]], [[1.0]])),
        (ValueError, "x: expected finite numbers", lambda: chain_terms([1], [1], math.inf)),
        (ValueError, "x: expected finite numbers", lambda: biases_for_zero([1], math.inf)),
        (ValueError, "target: expected finite numbers", lambda: chain_terms([1], [1], 0, target=math.inf)),
        (TypeError, "biases: expected real numbers; got 'a'", lambda: chain_terms([1], "a", 0)),
        (ValueError, "activation_fn: expected one that looks at each unit alone", lambda: slope(softmax, np.ones(3))),
        (ValueError, "activation_fn: expected one that looks", lambda: chain_terms([1, 2], [1, 2], 0, softmax)),
        (ValueError, "activation_fn: expected one that looks", lambda: measured_window(5, 0, softmax)),
        (ValueError, "n: expected an integer of at least 1; got 0", lambda: measured_window(5, 0, n=0)),
        (ValueError, "sizes: expected numbers of inputs and of classes", lambda: deep([784])),
        (ValueError, r"sizes\[1\]: expected an integer of at least 1; got 0", lambda: deep([784, 0, 10])),
        (TypeError, r"sizes\[0\]: expected an integer", lambda: deep([2.5, 10])),
        (ValueError, "init: expected one of", lambda: deep([4, 3], init="xavier")),
        (ValueError, "cost: expected one of", lambda: deep([4, 3], cost="hinge")),
        (ValueError, "scale: expected a finite number", lambda: deep([4, 3], scale=-1)),
        (ValueError, "bias_scale: expected a finite number", lambda: deep([4, 3], bias_scale=math.inf)),
    ],
)
def test_arguments_that_make_no_sense_are_named(error, message, call):
    with pytest.raises(error, match=message):
        call()


# Matrices.


def fully_connected(cost, activation=tanh):
    return lambda: [
        FullyConnectedLayer(5, 4, activation),
        FullyConnectedLayer(4, 6, tanh),
        FullyConnectedLayer(6, 3, {"cross_entropy": sigmoid, "log_likelihood": softmax}.get(cost, tanh), cost=cost),
    ]


@pytest.mark.parametrize(
    "make",
    [
        fully_connected("quadratic"),
        fully_connected("cross_entropy", sigmoid),
        fully_connected("log_likelihood", ReLU),
        lambda: [FullyConnectedLayer(5, 3, softmax, cost="quadratic")],
        lambda: [FullyConnectedLayer(5, 4, softmax), SoftmaxLayer(4, 3)],
        lambda: [FullyConnectedLayer(5, 4, p_dropout=0.2), SoftmaxLayer(4, 3, 0.4)],
        lambda: [FullyConnectedLayer(5, 4), SoftmaxLayer(4, 3, 0.4, dropout="inverted")],
    ],
)
def test_the_product_of_matrices_is_what_backpropagation_finds(make, device):
    net = randomised(make(), 4, device)
    for seed in range(3):
        image, label = np.random.default_rng(seed).standard_normal(5), seed
        form = matrix_form(net, net.xp.asarray(image), label)
        backpropagated = mean_gradients(net, (image[None], [label]))[1::2]
        assert len(form.deltas) == len(form.weights) == len(form.slopes) == len(backpropagated)
        for delta, expected in zip(form.deltas, backpropagated, strict=True):
            expected = to_host(expected)
            np.testing.assert_allclose(delta, expected, rtol=0, atol=1e-12 * max(abs(expected).max(), 1e-3))
            assert delta.any()


def test_the_matrices_are_those_of_the_book():
    net = randomised(fully_connected("quadratic", sigmoid)())
    image = np.random.default_rng(5).standard_normal(5)
    form = matrix_form(net, image, 2)
    w1, b1, w2, b2, w3, b3 = net.params
    z1 = image @ w1 + b1
    z2 = sigmoid(z1) @ w2 + b2
    z3 = np.tanh(z2) @ w3 + b3
    expected = [np.diag(SLOPES[sigmoid](z1)), np.diag(SLOPES[tanh](z2)), np.diag(SLOPES[tanh](z3))]
    for matrix, slopes in zip(form.slopes, expected, strict=True):
        np.testing.assert_allclose(matrix, slopes, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(form.cost_gradient, np.tanh(z3) - [0, 0, 1], rtol=1e-12)
    assert all(map(np.array_equal, form.weights, (w1, w2, w3)))
    np.testing.assert_allclose(form.factors[2], w3 * SLOPES[tanh](z3), rtol=1e-12)
    np.testing.assert_allclose(form.growth[1], np.sqrt(np.linalg.eigvalsh(form.factors[1].T @ form.factors[1])[-1]))
    assert form.growth.shape == (3,)
    form.weights[0][...] = 0
    assert net.params[0].all()


def test_the_matrix_form_of_a_chain_has_its_factors():
    weights, biases = [0.5, -2.0, 1.5], [0.25, 1.0, -0.5]
    form = matrix_form(chain(weights, biases), [0.4], 0)
    terms = chain_terms(weights, biases, 0.4)
    assert np.ravel(form.factors).tolist() == pytest.approx(terms.factors.tolist(), rel=1e-13)
    assert form.growth.tolist() == pytest.approx(abs(terms.factors).tolist(), rel=1e-13)
    assert np.ravel(form.deltas).tolist() == pytest.approx(terms.bias_gradients.tolist(), rel=1e-13)


def test_convolutional_layers_have_no_matrix_here():
    with pytest.raises(TypeError, match=r"layers\[0\]: expected a fully connected layer"):
        matrix_form(randomised(convolutional()), np.zeros(42), 0)


# The window.


def test_no_window_is_open_below_a_weight_of_4():
    assert window_width(np.array([0, 1, -3.99, 4, -4])).tolist() == [0] * 5
    assert window_width(4.01) > 0
    assert window_width(6.0) == window_width(-6.0)


@pytest.mark.parametrize("w", [4.5, 6.894, -10.0, 100.0, -1000.0])
def test_the_formula_is_the_width_that_one_measures(w):
    width = float(window_width(w))
    assert measured_window(w, -w / 2) == pytest.approx(width, abs=2e-5)
    assert measured_window(w, -w * 0.5 - 0.1 * math.copysign(1, w)) == pytest.approx(width, abs=2e-5)
    assert measured_window(w, 0) == pytest.approx(width / 2, abs=2e-5)  # half of it is below 0
    for a in (0.5 - width / 2, 0.5 + width / 2):  # at its ends the factor is 1
        assert abs(w) * SLOPES[sigmoid](w * (a - 0.5)) == pytest.approx(1, rel=1e-9)


def test_the_widest_window_is_the_books():
    w, width = widest_window()
    assert w == pytest.approx(6.894, abs=5e-4)
    assert width == pytest.approx(0.4477, abs=5e-5)
    assert window_width(np.linspace(4, 1000, 100_000)).max() <= width + 1e-12
    assert round(w, 1) == 6.9
    assert round(width, 2) == 0.45


def test_other_activations_have_other_windows():
    assert measured_window(3, -1.5) == 0
    assert measured_window(1.0, -0.5, ReLU) == 0.5
    assert measured_window(0.99, -0.5, ReLU) == 0
    a = np.arccosh(math.sqrt(3)) / 3  # 3 / cosh(3 a)^2 = 1
    assert measured_window(3, -1.5, tanh) == pytest.approx(2 * a, abs=2e-5)
    assert measured_window(2, 0, linear, n=7) == 1


# Slopes and silence.


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_slopes_are_those_one_writes_down(activation, xp):
    z = np.linspace(-3, 3, 24).reshape(4, 6)
    given = xp.asarray(z)
    np.testing.assert_allclose(to_host(slope(activation, given)), SLOPES[activation](z), rtol=1e-12)
    assert np.array_equal(to_host(given), z)
    assert slope(activation, given.astype("float32")).dtype == np.float32


def test_silent_and_dead_units_by_hand(device):
    net = Network(
        [FullyConnectedLayer(2, 4, ReLU), FullyConnectedLayer(4, 2, ReLU), SoftmaxLayer(2, 2)], 1, device=device
    )
    one, two = net.layers[:2]
    one.w[...] = net.xp.asarray([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    one.b[...] = net.xp.asarray([0.0, 0.0, 0.0, -1.0])  # silent at x1 <= 0, at x1 >= 0, at x2 <= 0, always
    two.w[...], two.b[...] = 0, 1
    found = silent(net, [[1, 1], [2, -1], [-1, 3]])
    assert found.silent.tolist() == pytest.approx([(1 + 2 + 1 + 3) / 12, 0])
    assert found.dead.tolist() == [0.25, 0]
    found = silent(net, [[1, 1]])
    assert found.silent.tolist() == found.dead.tolist() == [0.5, 0]


@pytest.mark.parametrize("n", [1, 100, 230])
def test_silence_is_counted_over_all_images_and_in_convolutional_layers_too(n, device):
    layers = [
        ConvPoolLayer((2, 1, 3, 2), (1, 6, 7), (2, 2), ReLU),
        FullyConnectedLayer(12, 6, ReLU, 0.5, dropout="inverted"),
        SoftmaxLayer(6, 3),
    ]
    net = randomised(layers, 4, device)
    net.layers[1].b[...] -= 2
    x = np.abs(some(n, 42)[0])
    first = Network([layer := ConvPoolLayer((2, 1, 3, 2), (1, 6, 7), (2, 2), ReLU)], 4, device="cpu", dtype="float64")
    for mine, theirs in zip(layer.params, net.layers[0].params, strict=True):
        mine[...] = to_host(theirs)
    maps = first.forward(x)
    hidden = maps.reshape(n, -1) @ to_host(net.layers[1].w) + to_host(net.layers[1].b)
    off = [maps.reshape(n, -1) == 0, hidden <= 0]
    found = silent(net, x.reshape(n, 1, 6, 7))
    assert found.silent == pytest.approx([part.mean() for part in off], rel=1e-12)
    assert found.dead == pytest.approx([part.all(axis=0).mean() for part in off], rel=1e-12)
    assert 0 < found.silent[1] < 1 or n == 1


def test_silent_units_hand_no_gradient_back():
    net = deep([5, 40, 3], activation_fn=ReLU, device="cpu", dtype="float64", bias_scale=2)
    data = some(3, 5)
    _, db, *_ = mean_gradients(net, data)
    assert silent(net, data[0]).dead[0] == (db == 0).mean() > 0


def test_sigmoids_are_silent_only_where_one_counts_the_saturated():
    net = deep([5, 30, 3], device="cpu", dtype="float64", scale=4)
    x = some(50, 5)[0]
    z = x @ net.params[0] + net.params[1]
    assert silent(net, x).silent.tolist() == [0]
    found = silent(net, x, at_most=0.05)
    assert found.silent[0] == pytest.approx((SLOPES[sigmoid](z) <= 0.05).mean(), abs=1e-12)
    assert found.silent[0] > 0.05


def test_a_slope_below_zero_is_a_slope():
    def down(z, out):
        out[...] = -2 * z

    def gradient(z, a, da, out):
        out[...] = -2 * da

    net = Network([FullyConnectedLayer(2, 3, Activation("down", down, gradient)), SoftmaxLayer(3, 2)], 1, device="cpu")
    assert silent(net, some(4, 2)[0], at_most=1).silent.tolist() == [0]


# The book's network, and its numbers.


def test_the_books_network_is_of_sigmoids_with_its_initial_weights(device):
    net = deep([400, 300, 200, 10], seed=3, device=device, dtype="float64")
    assert [layer.activation_fn for layer in net.layers] == [sigmoid] * 3
    assert [layer.cost_function and layer.cost_function.name for layer in net.layers] == [None, None, "cross_entropy"]
    for layer, n_in in zip(net.layers, (400, 300, 200), strict=True):
        assert layer.w.shape[0] == n_in
        assert float(layer.w.std()) == pytest.approx(1 / math.sqrt(n_in), rel=0.05)
    for layer in net.layers[:2]:
        assert float(layer.b.std()) == pytest.approx(1, rel=0.15)
    assert (net.mini_batch_size, net.seed, net.dtype) == (10, 3, np.float64)


def test_its_options_are_those_of_the_layers():
    plain = deep([6, 5, 4, 3], activation_fn=tanh, init="he", seed=2, device="cpu", dtype="float64")
    layers = [FullyConnectedLayer(6, 5, tanh, init="he"), FullyConnectedLayer(5, 4, tanh, init="he")]
    same = Network([*layers, FullyConnectedLayer(4, 3, init="he")], 1, seed=2, device="cpu", dtype="float64")
    assert all(map(np.array_equal, plain.params, same.params))
    assert [layer.activation_fn for layer in plain.layers] == [tanh, tanh, sigmoid]
    scaled = deep([6, 5, 4, 3], init="he", seed=2, device="cpu", dtype="float64", scale=3, bias_scale=0.5)
    for scale, one, other in zip([3, 0.5] * 3, scaled.params, plain.params, strict=True):
        np.testing.assert_allclose(one, scale * other, rtol=1e-15)
    costs = "quadratic", "log_likelihood", "cross_entropy"
    outputs = {cost: deep([6, 4, 3], activation_fn=ReLU, cost=cost).layers[-1] for cost in costs}
    assert {cost: layer.activation_fn.name for cost, layer in outputs.items()} == {
        "quadratic": "sigmoid",
        "log_likelihood": "softmax",
        "cross_entropy": "sigmoid",
    }
    assert all(float(abs(layer.w).max()) > 0 for layer in outputs.values())
    assert deep([6, 3], mini_batch_size=7, dtype="float32").mini_batch_size == 7


def test_its_step_of_full_batch_descent_is_network2s():
    x, y = some(20, 5)
    net = deep([5, 4, 3], mini_batch_size=20, device="cpu", dtype="float64")
    before = [parameter.copy() for parameter in net.params]
    gradients = mean_gradients(net, (x, y))
    net.SGD((x, y), 1, 20, 0.1, None, None, 5.0, shuffle=True, penalty_divisor="examples", verbose=False)
    for place, (old, new, gradient) in enumerate(zip(before, net.params, gradients, strict=True)):
        decay = 1 - 0.1 * 5.0 / 20 if place % 2 == 0 else 1
        np.testing.assert_allclose(new, decay * old - 0.1 * gradient, rtol=1e-10, atol=1e-13)


def initial_speeds(depth, data, seeds=50):
    """(seeds, depth)."""
    sizes = [784, *[30] * depth, 10]
    return np.array([speeds(deep(sizes, seed=seed, device="cpu", dtype="float64"), data) for seed in range(seeds)])


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_on_the_digits_layers_begin_the_slower_the_earlier_they_are(depth):
    x, y = load("digits").training
    found = initial_speeds(depth, (x[:300], y[:300]))
    assert (np.diff(found, axis=1) > 0).all(axis=1).mean() > 0.9
    medians = np.median(found, axis=0)
    ratios = medians[1:] / medians[:-1]
    assert (ratios > 3).all()
    assert (ratios < 8).all()


@needs_mnist
@pytest.mark.parametrize(
    ("medians", "first", "book"),
    [
        ((0.059, 0.283), (0.037, 0.083), (0.07, 0.31)),
        ((0.012, 0.057, 0.294), (0.007, 0.019), (0.012, 0.060, 0.283)),
        ((0.002, 0.011, 0.058, 0.292), (0.001, 0.004), (0.003, 0.017, 0.070, 0.285)),
    ],
)
def test_on_mnist_they_begin_as_the_books_do(medians, first, book):
    x, y = load("mnist").training
    found = initial_speeds(len(medians), (x[:1000], y[:1000]))
    assert (np.diff(found, axis=1) > 0).all()
    assert np.median(found, axis=0) == pytest.approx(medians, rel=0.15, abs=0.0005)
    low, high = np.quantile(found, [0.05, 0.95], axis=0)
    assert (low[0], high[0]) == pytest.approx(first, rel=0.2, abs=0.0005)
    assert ((found.min(axis=0) < book) & (book < found.max(axis=0))).all()


def test_all_of_the_rooms_public_names_are_there():
    assert all(getattr(gradients, name).__doc__ for name in gradients.__all__)
