"""Layers, alone and in rows: gradients against central differences, outputs against loops and plain arithmetic."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, linear, sigmoid, tanh
from netlib.backend import to_host
from netlib.ops import dropout_mask, naive, softmax
from tests.gradients import assert_gradient, random_like, weighted_sum

ACTIVATIONS = (sigmoid, tanh, ReLU, linear)
DROPOUTS = ("rescale", "inverted")


def randomised(layers, mini_batch_size=4, device="cpu", dtype="float64", seed=0):
    """A network whose every parameter is a normal draw, also those that start at zero."""
    net = Network(layers, mini_batch_size, device=device, dtype=dtype)
    for i, parameter in enumerate(net.params):
        parameter[...] = 0.7 * random_like(net.xp, parameter.shape, 100 * seed + i)
    return net


def images(n, *shape):
    return np.random.default_rng(n).standard_normal((n, *shape))


def labels(n, classes):
    return np.arange(n) % classes


# Gradients of whole networks. Each case makes its layers, on images of the first layer's shape.


def conv(filters, image, *rest, **options):
    return ConvPoolLayer(filters, image, *rest, **options)


def with_activation(activation):
    return lambda: [
        conv((3, 1, 2, 3), (1, 6, 7), (2, 2), activation),
        FullyConnectedLayer(12, 5, activation),
        SoftmaxLayer(5, 3),
    ]


def with_dropout(dropout):
    return lambda: [
        conv((2, 2, 3, 3), (2, 6, 6), activation_fn=tanh, p_dropout=0.3, dropout=dropout),
        FullyConnectedLayer(8, 6, tanh, 0.4, dropout=dropout),
        SoftmaxLayer(6, 3, 0.2, dropout=dropout),
    ]


def with_cost(cost, activation):
    return lambda: [FullyConnectedLayer(5, 4, tanh), FullyConnectedLayer(4, 3, activation, cost=cost)]


NETWORKS = {
    **{f"all layers {activation}": with_activation(activation) for activation in ACTIVATIONS},
    **{f"dropout {dropout}": with_dropout(dropout) for dropout in DROPOUTS},
    **{f"quadratic, {activation}": with_cost("quadratic", activation) for activation in (*ACTIVATIONS, softmax)},
    "cross-entropy": with_cost("cross_entropy", sigmoid),
    "softmax alone": lambda: [SoftmaxLayer(4, 3)],
    "softmax alone with dropout": lambda: [SoftmaxLayer(8, 3, 0.5)],
    "convolutional and softmax": lambda: [conv((3, 1, 3, 2), (1, 7, 5)), SoftmaxLayer(12, 3)],
    "pools that do not divide the image": lambda: [conv((2, 1, 2, 3), (1, 8, 7), (3, 2)), SoftmaxLayer(8, 3)],
    "two convolutional in a row": lambda: [
        conv((2, 1, 2, 2), (1, 9, 8), (2, 1), tanh),
        conv((3, 2, 3, 2), (2, 4, 7), (1, 2), tanh),
        SoftmaxLayer(18, 3),
    ],
    "three maps, no pooling": lambda: [conv((2, 3, 2, 2), (3, 4, 3), (1, 1)), SoftmaxLayer(12, 3)],
    "filters of one pixel": lambda: [conv((4, 2, 1, 1), (2, 3, 4), (3, 2)), SoftmaxLayer(8, 3)],
    "filters as large as the image": lambda: [conv((4, 1, 3, 5), (1, 3, 5), (1, 1)), SoftmaxLayer(4, 3)],
    "one pool over everything": lambda: [conv((4, 1, 2, 2), (1, 4, 5), (3, 4)), SoftmaxLayer(4, 3)],
    "fully connected before convolutional": lambda: [
        FullyConnectedLayer(3, 12, tanh),
        conv((2, 1, 2, 2), (1, 4, 3), (1, 2)),
        SoftmaxLayer(6, 3),
    ],
}


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_gradients_of_the_training_cost_are_central_differences(make, n, device):
    net = randomised(make(), n, device)
    x, y = net.xp.asarray(images(n, net.n_in)), net.xp.asarray(labels(n, 3) + 1) % 3
    computed = net.gradients((x, y), step=3)
    assert len(computed) == len(net.params)
    for gradient, parameter in zip(computed, net.params, strict=True):
        assert_gradient(gradient, lambda: net.row.backpropagate(x, y, 3), parameter)
    assert all(net.xp.any(gradient != 0) for gradient in computed), "a gradient is zero all over: nothing was compared"


@pytest.mark.parametrize("make", [NETWORKS["all layers tanh"], NETWORKS["cross-entropy"], NETWORKS["quadratic, ReLU"]])
def test_without_dropout_the_gradients_are_those_of_the_evaluated_cost(make, device):
    net = randomised(make(), 4, device)
    data = images(4, net.n_in), labels(4, 3)
    for gradient, parameter in zip(net.gradients(data), net.params, strict=True):
        assert_gradient(gradient, lambda: net.cost(data), parameter)


@pytest.mark.parametrize("dropout", DROPOUTS)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda dropout: conv((2, 2, 3, 2), (2, 6, 5), p_dropout=0.4, dropout=dropout), id="convolutional"),
        pytest.param(lambda dropout: FullyConnectedLayer(6, 4, tanh, 0.4, dropout=dropout), id="fully connected"),
        pytest.param(lambda dropout: SoftmaxLayer(6, 4, 0.4, dropout=dropout), id="softmax"),
    ],
)
def test_a_layer_hands_the_gradient_on_to_its_input(make, dropout, device):
    net = randomised([make(dropout)], 3, device)
    layer = net.layers[0]
    x, weights = random_like(net.xp, (*layer.input_shape, 3), 1), random_like(net.xp, (*layer.output_shape, 3), 2)
    layer.forward(x, step=5)
    dx = layer.backward(weights)
    assert_gradient(dx, lambda: weighted_sum(layer.forward(x, step=5), weights), x)
    assert float((dx == 0).mean()) > 0.1, "no input was silent"


EITHER = pytest.mark.parametrize(
    "make", [lambda: FullyConnectedLayer(6, 4), lambda: conv((2, 1, 2, 2), (1, 4, 5))], ids=["connected", "conv"]
)


@EITHER
def test_a_layer_computes_the_inputs_gradient_only_if_it_is_wanted(make):
    layer = randomised([make()]).layers[0]
    layer.forward(random_like(np, (*layer.input_shape, 3), 1), step=0)
    assert layer.backward(random_like(np, (*layer.output_shape, 3), 2), input_gradient=False) is None
    assert len(layer.gradients) == 2


@EITHER
def test_a_second_step_of_a_layer_writes_where_the_first_did(make):
    layer = randomised([make()]).layers[0]
    steps = []
    for step in range(2):
        a = layer.forward(random_like(np, (*layer.input_shape, 3), 1), step)
        dx = layer.backward(random_like(np, (*layer.output_shape, 3), 2))
        steps.append([a, dx, *layer.gradients])
    assert all(first is second for first, second in zip(*steps, strict=True))


@pytest.mark.parametrize(
    ("make", "n"), [(lambda: FullyConnectedLayer(100, 250), 125), (lambda: conv((8, 1, 5, 5), (1, 20, 20)), 800)]
)
def test_a_second_step_of_a_layer_takes_no_new_memory(make, n):
    layer = randomised([make()], dtype="float32").layers[0]
    x, da = (np.ones((*shape, n), "float32") for shape in (layer.input_shape, layer.output_shape))

    def step(number):
        layer.forward(x, number)
        layer.backward(da)

    step(0)
    tracemalloc.start()
    try:
        step(1)
        assert tracemalloc.get_traced_memory()[1] < 100_000, "an array of all images has more"
    finally:
        tracemalloc.stop()


def test_a_backward_pass_without_a_forward_pass_of_its_own_raises():
    layer = randomised([FullyConnectedLayer(6, 4)]).layers[0]
    with pytest.raises(
        RuntimeError, match=r"FullyConnectedLayer\(n_in=6, n_out=4\): there has been no forward pass in"
    ):
        layer.backward(images(4, 4))
    layer.forward(images(6, 4), step=0)
    layer.backward(images(4, 4))
    with pytest.raises(RuntimeError, match=r"FullyConnectedLayer\(n_in=6, n_out=4\): a backward pass needs a forward"):
        layer.backward(images(4, 4))


@pytest.mark.parametrize(
    "make", [with_dropout("rescale"), lambda: [FullyConnectedLayer(72, 5), SoftmaxLayer(5, 3)]], ids=["conv", "fc"]
)
def test_an_evaluation_between_forward_and_backward_does_not_disturb_them(make):
    def gradients(*, disturb):
        net = randomised(make(), 4)
        net.row.forward(images(4, 72), step=1)
        if disturb:
            net.forward(3 * images(4, 72))  # as many images: arrays of the same shapes
        da = net.layers[-1].backward_from_cost(np.eye(3)[labels(4, 3)].T)
        for layer in net.layers[-2::-1]:
            da = layer.backward(da)
        return [gradient for layer in net.layers for gradient in layer.gradients]

    for left_alone, disturbed in zip(gradients(disturb=False), gradients(disturb=True), strict=True):
        np.testing.assert_array_equal(left_alone, disturbed)


# Outputs.


def conv_pool_by_loops(x, w, b, poolsize):
    return naive.max_pool(naive.conv2d(x, w), poolsize) + b[:, None, None]


@st.composite
def conv_pool_shapes(draw):
    """Filters, image and pool of any shape that fits, and a number of images."""
    sides = st.integers(1, 3)
    n, F, C, KH, KW, P, Q = (draw(sides) for _ in range(7))
    H, W = (k + p - 1 + draw(st.integers(0, 3)) for k, p in ((KH, P), (KW, Q)))
    return n, (F, C, KH, KW), (C, H, W), (P, Q)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(shapes=conv_pool_shapes())
def test_a_convolutional_layer_of_any_shape_agrees_with_the_loops(shapes):
    n, filters, image, pool = shapes
    net = randomised([conv(filters, image, pool, linear)], n)
    x = images(n, *image)
    expected = conv_pool_by_loops(x, *net.params, pool)
    np.testing.assert_allclose(net.forward(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("flat", [False, True], ids=["images", "rows"])
def test_a_network_that_ends_in_a_convolutional_layer_shows_its_maps_in_the_public_layout(flat, device):
    net = randomised([conv((3, 2, 3, 2), (2, 7, 8), (2, 3), tanh)], 4, device)
    x = images(5, 2, 7, 8)
    expected = np.tanh(conv_pool_by_loops(x, *map(to_host, net.params), (2, 3)))
    assert expected.shape == (5, 3, 2, 2)
    np.testing.assert_allclose(net.forward(x.reshape(5, -1) if flat else x), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(to_host(net.output), expected, rtol=0, atol=1e-12)
    net.layers[0].forward(net.xp.asarray(np.ascontiguousarray(np.moveaxis(x, 0, -1))), step=0)
    np.testing.assert_allclose(to_host(net.output_dropout), expected, rtol=0, atol=1e-12)


def test_a_fully_connected_layer_reads_the_maps_before_it_map_by_map_and_row_by_row(device):
    net = randomised([conv((3, 1, 2, 2), (1, 5, 7), (2, 2), linear), FullyConnectedLayer(18, 4, linear)], 4, device)
    w_conv, b_conv, w, b = map(to_host, net.params)
    x = images(3, 1, 5, 7)
    expected = conv_pool_by_loops(x, w_conv, b_conv, (2, 2)).reshape(3, 18) @ w + b
    np.testing.assert_allclose(net.forward(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        (sigmoid, lambda z: 1 / (1 + np.exp(-z))),
        (tanh, np.tanh),
        (ReLU, lambda z: np.where(z > 0, z, 0)),
        (linear, lambda z: z),
    ],
    ids=str,
)
def test_a_fully_connected_layer_is_the_formula(activation, formula, device):
    net = randomised([FullyConnectedLayer(6, 4, activation)], 3, device)
    w, b = map(to_host, net.params)
    x = images(5, 6)
    np.testing.assert_allclose(net.forward(x), formula(x @ w + b), rtol=0, atol=1e-12)


def test_a_softmax_layer_gives_probabilities(device):
    net = randomised([SoftmaxLayer(6, 4)], 3, device)
    w, b = map(to_host, net.params)
    x = images(5, 6)
    powers = np.exp(x @ w + b)
    np.testing.assert_allclose(net.predict_proba(x), powers / powers.sum(axis=1, keepdims=True), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dropout", DROPOUTS)
def test_evaluation_never_drops_units(dropout, device):
    net = randomised(with_dropout(dropout)(), 4, device)
    scales = [1 - layer.p_dropout if dropout == "rescale" else 1 for layer in net.layers]
    x = images(9, 2, 6, 6)
    params = [to_host(parameter) for parameter in net.params]
    a = np.tanh(conv_pool_by_loops(scales[0] * x, *params[:2], (2, 2))).reshape(9, 8)
    a = np.tanh(scales[1] * a @ params[2] + params[3])
    z = scales[2] * a @ params[4] + params[5]
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for _ in range(2):
        np.testing.assert_allclose(net.forward(x), expected, rtol=0, atol=1e-12)
        net.gradients((x, labels(9, 3)))  # a training pass in between changes nothing


@pytest.mark.parametrize(("dropout", "scale"), [("rescale", 1), ("inverted", 2)])
def test_training_silences_inputs_and_inverted_dropout_doubles_the_others(dropout, scale, device):
    net = randomised([FullyConnectedLayer(8, 8, linear, 0.5, dropout=dropout)], 5, device)
    layer, xp = net.layers[0], net.xp
    layer.w[...], layer.b[...] = xp.eye(8), 0
    x = random_like(xp, (8, 5))
    mask = dropout_mask(xp, (8, 5), 0.5, seed=0, place=0, step=2)
    np.testing.assert_allclose(to_host(layer.forward(x, step=2)), to_host(scale * x * mask), rtol=0, atol=1e-15)
    assert 0.2 < float(mask.mean()) < 0.8


# What layers show.


@pytest.mark.parametrize(
    ("make", "w", "b"),
    [
        pytest.param(lambda: FullyConnectedLayer(6, 4), (6, 4), (4,), id="fully connected"),
        pytest.param(lambda: SoftmaxLayer(6, 4), (6, 4), (4,), id="softmax"),
        pytest.param(lambda: ConvPoolLayer((5, 2, 3, 4), (10, 2, 8, 9)), (5, 2, 3, 4), (5,), id="convolutional"),
    ],
)
def test_parameters_are_the_weights_and_then_the_biases_in_the_books_shapes(make, w, b):
    layer = make()
    assert layer.w is layer.b is None
    Network([layer], 10, device="cpu")
    assert (layer.w.shape, layer.b.shape) == (w, b)
    assert layer.params[0] is layer.w
    assert layer.params[1] is layer.b


@pytest.mark.parametrize(
    ("init", "scale"), [("book", 1 / np.sqrt(50)), ("corrected", 1 / np.sqrt(200)), ("he", 0.1), ("zeros", 0.0)]
)
def test_init_chooses_the_scale_of_the_weights(init, scale):
    net = Network([FullyConnectedLayer(200, 50, init=init)], 1, device="cpu")
    w, b = net.params
    assert w.std() == pytest.approx(scale, rel=0.03)
    assert b.std() == pytest.approx(scale and 1, rel=0.3)


def test_labels_and_accuracy_are_those_of_the_last_evaluation(device):
    net = randomised([SoftmaxLayer(6, 4)], 3, device)
    x = images(20, 6)
    predicted = net.forward(x).argmax(axis=1)
    np.testing.assert_array_equal(to_host(net.layers[0].y_out), predicted)
    wrong_in_five = np.where(np.arange(20) < 5, (predicted + 1) % 4, predicted)
    assert net.layers[0].accuracy(wrong_in_five) == 0.75


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-12)])
def test_the_softmax_layers_cost_is_that_of_the_last_training_mini_batch(dtype, tolerance, device):
    net = randomised([FullyConnectedLayer(6, 5, p_dropout=0.5), SoftmaxLayer(5, 4)], 3, device, dtype)
    x, y = net.xp.asarray(images(3, 6), dtype), net.xp.asarray([3, 0, 1])
    cost = float(net.train_mini_batch(x, y, 0.1))
    assert net.layers[-1].cost(net) == cost
    assert cost == pytest.approx(-np.log(to_host(net.output_dropout)[range(3), [3, 0, 1]]).mean(), abs=tolerance)


def test_a_layer_says_what_it_is():
    assert repr(SoftmaxLayer(n_in=5, n_out=3)) == "SoftmaxLayer(n_in=5, n_out=3)"
    assert repr(conv((2, 1, 3, 3), (10, 1, 8, 8))) == (
        "ConvPoolLayer(filter_shape=(2, 1, 3, 3), image_shape=(10, 1, 8, 8))"
    )


@pytest.mark.parametrize("image", [(1, 8, 8), (None, 1, 8, 8), (4, 1, 8, 8), [4, 1, 8, 8]])
def test_the_mini_batch_size_in_image_shape_may_be_left_open(image):
    net = Network([conv((2, 1, 3, 3), image), SoftmaxLayer(18, 3)], 4, device="cpu")
    assert net.forward(images(7, 1, 8, 8)).shape == (7, 3)


@pytest.mark.parametrize(
    "make", [NETWORKS["all layers ReLU"], NETWORKS["dropout rescale"], NETWORKS["dropout inverted"]]
)
def test_float32_agrees_with_float64(make, device):
    single, double = (randomised(make(), 4, device, dtype) for dtype in ("float32", "float64"))
    data = images(4, single.n_in).astype(np.float32), labels(4, 3)
    np.testing.assert_allclose(single.forward(data[0]), double.forward(data[0]), rtol=0, atol=1e-5)
    for half, whole in zip(single.gradients(data), double.gradients(data), strict=True):
        assert (half.dtype, whole.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(to_host(half), to_host(whole), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_array_of_a_layer_has_another_dtype(dtype, device):
    net = randomised(with_dropout("inverted")(), 4, device, dtype)
    x = images(4, 72).astype("float32")
    net.SGD((x, labels(4, 3)), 1, 4, 0.1, None, None, 0.1, verbose=False)
    assert {net.dtype, net.forward(x).dtype, net.output_dropout.dtype} == {np.dtype(dtype)}
    assert {array.dtype for layer in net.layers for array in (*layer.params, *layer.gradients)} == {np.dtype(dtype)}
