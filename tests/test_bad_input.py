"""Bad input, of every kind that users have: refused before anything happened, by an error that helps.

Each message names the argument, says what was expected, and shows what was given.
"""

import re

import numpy as np
import pytest

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, SoftmaxLayer, network3, sigmoid, tanh
from netlib.gpu import DeviceError, gpu_problem

NAN, INF = float("nan"), float("inf")


def conv(filter_shape=(2, 1, 3, 3), image_shape=(4, 1, 8, 8), *rest, **options):
    return ConvPoolLayer(filter_shape, image_shape, *rest, **options)


def make_network():
    """A network of 8 inputs and 3 classes, with mini-batches of 4."""
    return Network([FullyConnectedLayer(8, 5), SoftmaxLayer(5, 3)], 4, device="cpu")


def good_data(n=8):
    return np.random.default_rng(0).random((n, 8)), np.arange(n) % 3


def spoiled(value, row):
    x, y = good_data()
    x[row, 3] = value
    return x, y


def refusal(error, *pieces):
    """What pytest.raises expects: an error with these pieces in its message, in order, from the start of a word."""
    return pytest.raises(error, match=r"(?<!\w)" + ".*".join(map(re.escape, pieces)))


def cases(*rows):
    """Rows of (what is done, kind of error, pieces of its message in order), named after the message."""
    return pytest.mark.parametrize(
        ("make", "error", "pieces"),
        [pytest.param(make, error, pieces, id=" ".join(pieces)) for make, error, *pieces in rows],
    )


# Layers.


@cases(
    (lambda: FullyConnectedLayer(0, 5), ValueError, "n_in: expected an integer of at least 1", "got 0"),
    (lambda: FullyConnectedLayer(8, -5), ValueError, "n_out: expected an integer of at least 1", "got -5"),
    (lambda: SoftmaxLayer(8, 2.5), TypeError, "n_out: expected an integer", "got 2.5"),
    (lambda: SoftmaxLayer("8", 5), TypeError, "n_in: expected an integer", "got '8'"),
    (lambda: FullyConnectedLayer(8, True), ValueError, "n_out: expected an integer", "got True"),
)
def test_numbers_of_neurons(make, error, pieces):
    with refusal(error, *pieces):
        make()


FOUR = "filter_shape: expected 4 positive integers (filters, maps, rows, columns)"


@cases(
    (lambda: conv((1, 3, 3)), ValueError, FOUR, "got (1, 3, 3)"),
    (lambda: conv((2, 1, 3.0, 3)), TypeError, FOUR, "got (2, 1, 3.0, 3)"),
    (lambda: conv((2, 1, 0, 3)), ValueError, "filter_shape: expected 4 positive integers", "got (2, 1, 0, 3)"),
    (
        lambda: conv((True, 1, 3, 3)),
        ValueError,
        "filter_shape: expected 4 positive integers",
        "got (True, 1, 3, 3)",
    ),
    (lambda: conv(5), TypeError, "filter_shape: expected 4 positive integers", "got 5"),
    (
        lambda: conv((2, 1, 9, 3)),
        ValueError,
        "filter_shape: expected filters no larger than the image, 8 x 8",
        "got 9 x 3",
    ),
    (
        lambda: conv((2, 1, 3, 9)),
        ValueError,
        "filter_shape: expected filters no larger than the image, 8 x 8",
        "got 3 x 9",
    ),
    (
        lambda: conv((2, 3, 3, 3)),
        ValueError,
        "image_shape: expected (mini-batch size, 3, rows, columns)",
        "got (4, 1, 8, 8)",
    ),
    (
        lambda: conv(image_shape=(8, 8)),
        ValueError,
        "image_shape: expected 3 positive integers (maps, rows, columns)",
        "got (8, 8)",
    ),
    (
        lambda: conv(image_shape=(4, 1, 8, -8)),
        ValueError,
        "image_shape: expected 4 positive integers (mini-batch size, maps, rows, columns)",
        "got (4, 1, 8, -8)",
    ),
    (
        lambda: conv(image_shape=(0, 1, 8, 8)),
        ValueError,
        "image_shape: expected 4 positive integers",
        "got (0, 1, 8, 8)",
    ),
    (
        lambda: conv(image_shape=(4, 1, "8", 8)),
        TypeError,
        "image_shape: expected 4 positive integers",
        "got (4, 1, '8', 8)",
    ),
    (
        lambda: conv(image_shape=(9, 4, 1, 8, 8)),
        ValueError,
        "image_shape: expected (mini-batch size, 1",
        "got (9, 4, 1, 8, 8)",
    ),
    (lambda: conv(poolsize=2), TypeError, "poolsize: expected 2 positive integers (rows, columns)", "got 2"),
    (lambda: conv(poolsize=(2, 0)), ValueError, "poolsize: expected 2 positive integers (rows, columns)", "got (2, 0)"),
    (
        lambda: conv(poolsize=(7, 2)),
        ValueError,
        "poolsize: expected no more than the convolved image, 6 x 6",
        "got 7 x 2",
    ),
    (
        lambda: conv(poolsize=(2, 7)),
        ValueError,
        "poolsize: expected no more than the convolved image, 6 x 6",
        "got 2 x 7",
    ),
)
def test_shapes_of_a_convolutional_layer(make, error, pieces):
    with refusal(error, *pieces):
        make()


@pytest.mark.parametrize(
    "make",
    [lambda p: conv(p_dropout=p), lambda p: FullyConnectedLayer(8, 5, p_dropout=p), lambda p: SoftmaxLayer(5, 3, p)],
    ids=["convolutional", "fully connected", "softmax"],
)
@pytest.mark.parametrize(
    ("p", "error"),
    [
        (1, ValueError),
        (1.5, ValueError),
        (-0.1, ValueError),
        (NAN, ValueError),
        (None, TypeError),
        (sigmoid, TypeError),
    ],
)
def test_probabilities_of_dropout(make, p, error):
    with refusal(error, "p_dropout: expected a number below 1, zero or positive", f"got {p!r}"):
        make(p)


@cases(
    (
        lambda: FullyConnectedLayer(8, 5, np.tanh),
        TypeError,
        "activation_fn: expected a netlib Activation",
        "<ufunc 'tanh'>",
    ),
    (
        lambda: FullyConnectedLayer(8, 5, "ReLU"),
        TypeError,
        "activation_fn: expected",
        "sigmoid, tanh, ReLU",
        "got 'ReLU'",
    ),
    (lambda: FullyConnectedLayer(8, 5, None), TypeError, "activation_fn: expected a netlib Activation", "got None"),
    (lambda: conv(activation_fn=abs), TypeError, "activation_fn: expected", "got <built-in function abs>"),
    (lambda: FullyConnectedLayer(8, 5, init="He"), ValueError, "init: expected one of 'book', 'corrected'", "got 'He'"),
    (lambda: conv(init=1), ValueError, "init: expected one of 'book', 'corrected'", "got 1"),
    (lambda: conv(ties="last"), ValueError, "ties: expected one of 'all', 'first'", "got 'last'"),
    (
        lambda: SoftmaxLayer(5, 3, dropout="off"),
        ValueError,
        "dropout: expected one of 'rescale', 'inverted'",
        "got 'off'",
    ),
    (lambda: FullyConnectedLayer(8, 5, dropout=None), ValueError, "dropout: expected one of", "got None"),
    (
        lambda: FullyConnectedLayer(8, 5, cost="hinge"),
        ValueError,
        "cost: expected one of",
        "'quadratic'",
        "got 'hinge'",
    ),
    (
        lambda: FullyConnectedLayer(8, 5, tanh, cost="cross_entropy"),
        ValueError,
        "cost: 'cross_entropy' belongs to the activation sigmoid",
        "got tanh",
    ),
)
def test_options_of_a_layer(make, error, pieces):
    with refusal(error, *pieces):
        make()


# Networks.


@cases(
    (
        lambda: Network([FullyConnectedLayer(8, 5), SoftmaxLayer(6, 3)], 4),
        ValueError,
        "layers[1]: SoftmaxLayer(n_in=6, n_out=3) expects (6,)",
        "layers[0] gives (5,)",
    ),
    (lambda: Network([conv(), SoftmaxLayer(19, 3)], 4), ValueError, "layers[1]", "(19,)", "layers[0] gives (2, 3, 3)"),
    (
        lambda: Network([conv(), conv((2, 2, 2, 2), (4, 2, 4, 4)), SoftmaxLayer(2, 3)], 4),
        ValueError,
        "layers[1]",
        "expects (2, 4, 4)",
        "layers[0] gives (2, 3, 3)",
    ),
    (
        lambda: Network([conv(), conv((2, 3, 1, 2), (4, 3, 2, 3), (2, 2))], 4),  # as many numbers, in another shape
        ValueError,
        "layers[1]",
        "expects (3, 2, 3)",
        "layers[0] gives (2, 3, 3)",
    ),
    (
        lambda: Network([conv(image_shape=(10, 1, 8, 8)), SoftmaxLayer(18, 3)], 4),
        ValueError,
        "layers[0]: expected image_shape to begin with the network's mini_batch_size, 4",
        "got (10, 1, 8, 8)",
    ),
    (lambda: Network([], 4), ValueError, "layers: expected at least one layer", "got none"),
    (lambda: Network([SoftmaxLayer(5, 3), "softmax"], 4), TypeError, "layers[1]: expected a layer", "got 'softmax'"),
    (lambda: Network([None], 4), TypeError, "layers[0]: expected a layer", "got None"),
    (lambda: Network([SoftmaxLayer], 4), TypeError, "layers[0]: expected a layer", "got <class"),
    (lambda: Network([[SoftmaxLayer(5, 3)]], 4), TypeError, "layers[0]: expected a layer", "got [SoftmaxLayer("),
)
def test_layers_that_form_no_network(make, error, pieces):
    with refusal(error, *pieces):
        make()


@pytest.mark.parametrize("layers", [lambda layer: [layer, layer], lambda layer: [SoftmaxLayer(5, 5), layer, layer]])
def test_a_layer_twice_in_a_network(layers):
    layer = FullyConnectedLayer(5, 5)
    with refusal(ValueError, "FullyConnectedLayer(n_in=5, n_out=5) is part of a network already"):
        Network(layers(layer), 4)
    Network([layer], 4)


def test_a_layer_in_two_networks():
    layer = SoftmaxLayer(5, 3)
    net = Network([layer], 4)
    w = layer.w
    with refusal(
        ValueError, "layers[1]: SoftmaxLayer(n_in=5, n_out=3) is part of a network already", "make a new layer"
    ):
        Network([FullyConnectedLayer(8, 5), layer], 4)
    assert net.params[0] is layer.w is w


@cases(
    (lambda: Network([SoftmaxLayer(5, 3)], 0), ValueError, "mini_batch_size: expected", "at least 1", "got 0"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4.0), TypeError, "mini_batch_size: expected an integer", "got 4.0"),
    (lambda: Network([SoftmaxLayer(5, 3)], None), TypeError, "mini_batch_size: expected an integer", "got None"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4, seed=-1), ValueError, "seed: expected", "at least 0", "got -1"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4, seed=0.5), TypeError, "seed: expected an integer", "got 0.5"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4, dtype="float16"), ValueError, "dtype:", "'float64'", "got 'float16'"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4, dtype=np.int32), ValueError, "dtype:", "'float64'", "got 'int32'"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4, dtype="single"), ValueError, "dtype:", "'float64'", "got 'single'"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4, device="tpu"), ValueError, "device:", "auto, cpu, gpu", "got 'tpu'"),
    (lambda: Network([SoftmaxLayer(5, 3)], 4, device=0), ValueError, "device:", "auto, cpu, gpu", "got 0"),
)
def test_arguments_of_a_network(make, error, pieces):
    with refusal(error, *pieces):
        make()


@pytest.mark.skipif(gpu_problem() is None, reason="there is a GPU here")
def test_a_gpu_where_there_is_none():
    with refusal(DeviceError, 'device: "gpu" was asked for, but', '"cpu" runs everywhere'):
        Network([SoftmaxLayer(5, 3)], 4, device="gpu")


@pytest.mark.parametrize(
    ("others", "arguments"),
    [
        ([SoftmaxLayer(6, 3)], {}),
        (["softmax"], {}),
        ([], {"mini_batch_size": 0}),
        ([], {"seed": -1}),
        ([], {"dtype": "int32"}),
        ([], {"device": "tpu"}),
    ],
    ids=str,
)
def test_after_a_failed_construction_the_layers_can_still_be_used(others, arguments):
    layer = FullyConnectedLayer(8, 5)
    with pytest.raises((TypeError, ValueError)):
        Network(**{"layers": [layer, *others], "mini_batch_size": 4} | arguments)
    assert layer.w is None
    net = Network([layer, SoftmaxLayer(5, 3)], 4, device="cpu")
    assert np.array_equal(net.params[0], make_network().params[0])
    net.SGD(good_data(), 1, 4, 0.1, None, None, verbose=False)


# Training.


def assert_refused_before_the_first_step(error, pieces, net=None, **changes):
    """SGD with these arguments, otherwise good ones, raises and leaves the network as it was, and prints nothing."""
    net = net or make_network()
    before = [parameter.copy() for parameter in net.params]
    good = {"training_data": good_data(), "epochs": 1, "mini_batch_size": 4, "eta": 0.1}
    good |= {"validation_data": good_data(), "test_data": good_data()}
    with refusal(error, *pieces):
        net.SGD(**(good | changes))
    assert net.steps == 0
    assert all(np.array_equal(kept, now) for kept, now in zip(before, net.params, strict=True))


@pytest.mark.parametrize(
    ("name", "value", "error", "expectation"),
    [
        *[(name, value, ValueError, "a finite number, zero or positive")
          for name in ("eta", "lmbda", "l1") for value in (-0.1, NAN, INF, -INF)],
        *[(name, value, TypeError, "a finite number, zero or positive")
          for name in ("eta", "lmbda", "l1") for value in (None, "0.1", True, [0.1, 0.2], 1j)],
        ("epochs", -1, ValueError, "an integer of at least 0"),
        ("epochs", 1.5, TypeError, "an integer"),
        ("epochs", None, TypeError, "an integer"),
        ("mini_batch_size", 0, ValueError, "an integer of at least 1"),
        ("mini_batch_size", 5, ValueError, "the network's, 4"),
        ("mini_batch_size", "4", TypeError, "an integer"),
        ("penalty_divisor", "images", ValueError, "one of 'batches', 'examples', 'mini_batch'"),
    ],
)  # fmt: skip
def test_arguments_of_sgd(name, value, error, expectation, capsys):
    assert_refused_before_the_first_step(error, [f"{name}: expected {expectation}", f"got {value!r}"], **{name: value})
    assert capsys.readouterr().out == ""


def test_a_last_layer_without_a_cost():
    pieces = [
        "layers: expected the last to have a cost, such as a SoftmaxLayer",
        "FullyConnectedLayer(n_in=8, n_out=3)",
    ]
    assert_refused_before_the_first_step(ValueError, pieces, Network([FullyConnectedLayer(8, 3)], 4, device="cpu"))


@pytest.mark.parametrize("name", ["training_data", "validation_data", "test_data"])
@pytest.mark.parametrize(
    ("n", "mini_batch_size"), [(0, 4), (1, 4), (3, 4), (8, 10)], ids=["none", "one", "three of four", "eight of ten"]
)
def test_sets_with_less_than_a_mini_batch(name, n, mini_batch_size):
    net = Network([SoftmaxLayer(8, 3)], mini_batch_size, device="cpu")
    data = dict.fromkeys(("training_data", "validation_data", "test_data"), good_data(20)) | {name: good_data(n)}
    pieces = [f"{name}: expected at least {mini_batch_size} images, a mini-batch", f"got {n}"]
    assert_refused_before_the_first_step(ValueError, pieces, net, mini_batch_size=mini_batch_size, **data)


BAD_DATA = [
    (lambda: spoiled(NAN, 5), ValueError, "images: expected finite numbers; found nan or infinity, first in row 5"),
    (lambda: spoiled(INF, 0), ValueError, "images: expected finite numbers; found nan or infinity, first in row 0"),
    (lambda: spoiled(-INF, 7), ValueError, "images: expected finite numbers; found nan or infinity, first in row 7"),
    (lambda: (good_data()[0][:, :7], np.zeros(8, int)), ValueError, "images: expected images (n, 8)", "got (8, 7)"),
    (lambda: (np.zeros((8, 2, 5)), np.zeros(8, int)), ValueError, "images: expected images (n, 8)", "got (8, 2, 5)"),
    (lambda: (np.zeros(8), np.zeros(8, int)), ValueError, "images: expected images (n, 8)", "got (8,)"),
    (lambda: ([[0.0] * 8, [0.0] * 7], [0, 1]), ValueError, "images: expected entries of one shape"),
    (lambda: (np.full((8, 8), "ink"), np.zeros(8, int)), TypeError, "images: expected images of real numbers", "<U3"),
    (lambda: (np.full((8, 8), None), np.zeros(8, int)), TypeError, "images: expected images of real", "dtype object"),
    (lambda: (np.zeros((8, 8), complex), np.zeros(8, int)), TypeError, "images: expected images of real", "complex128"),
    (lambda: (np.zeros((8, 8)), np.arange(8) % 4), ValueError, "labels: expected labels from 0 to 2", "got 0 to 3"),
    (
        lambda: (np.zeros((8, 8)), np.arange(8) % 3 - 1),
        ValueError,
        "labels: expected labels from 0 to 2",
        "got -1 to 1",
    ),
    (lambda: (np.zeros((8, 8)), np.zeros(8)), TypeError, "labels: expected a vector of integer labels", "float64"),
    (lambda: (np.zeros((8, 8)), np.zeros(8, bool)), TypeError, "labels: expected a vector of integer labels", "bool"),
    (lambda: (np.zeros((8, 8)), ["0"] * 8), TypeError, "labels: expected a vector of integer labels", "<U1"),
    (lambda: (np.zeros((8, 8)), None), TypeError, "labels: expected a vector of integer labels", "object"),
    (lambda: (np.zeros((8, 8)), np.zeros((8, 3), int)), TypeError, "labels: expected a vector", "shape (8, 3)"),
    (lambda: (np.zeros((8, 8)), 0), TypeError, "labels: expected a vector of integer labels", "shape ()"),
    (
        lambda: (np.zeros((8, 8)), np.zeros(7, int)),
        ValueError,
        "labels: expected 8 labels, one for each image",
        "got 7",
    ),
    (
        lambda: (np.zeros((8, 8)), np.zeros(9, int)),
        ValueError,
        "labels: expected 8 labels, one for each image",
        "got 9",
    ),
    (lambda: (*good_data(), 1), TypeError, ": expected a pair (images, labels)", "got tuple"),
    (lambda: good_data()[0], TypeError, ": expected a pair (images, labels)", "got ndarray"),
    (lambda: (), TypeError, ": expected a pair (images, labels)", "got tuple"),
    (lambda: [], TypeError, ": expected a pair (images, labels)", "got list"),
    (lambda: False, TypeError, ": expected a pair (images, labels)", "got bool"),
    (lambda: 5, TypeError, ": expected a pair (images, labels)", "got int"),
    (lambda: "digits", TypeError, ": expected a pair (images, labels)", "got str"),
]


@pytest.mark.parametrize("name", ["training_data", "validation_data", "test_data"])
@cases(*BAD_DATA)
def test_data_that_do_not_fit_are_found_before_the_first_step(name, make, error, pieces, capsys):
    assert_refused_before_the_first_step(error, [name, *pieces], **{name: make()})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("method", ["gradients", "accuracy", "cost"])
@cases(*BAD_DATA, (lambda: good_data(0), ValueError, ": expected at least one image", "got 0"))
def test_data_that_do_not_fit_a_measurement(method, make, error, pieces):
    with refusal(error, "data", *pieces):
        getattr(make_network(), method)(make())


def test_no_training_data_at_all():
    assert_refused_before_the_first_step(
        TypeError, ["training_data: expected a pair (images, labels)", "got NoneType"], training_data=None
    )


# Use.


@pytest.mark.parametrize("method", ["forward", "predict", "predict_proba"])
@cases(
    (lambda: spoiled(NAN, 2)[0], ValueError, "x: expected finite numbers; found nan or infinity, first in row 2"),
    (lambda: good_data()[0][:, 1:], ValueError, "x: expected images (n, 8)", "got (8, 7)"),
    (lambda: np.zeros(8), ValueError, "x: expected images (n, 8)", "got (8,)"),
    (lambda: 3.5, ValueError, "x: expected images (n, 8)", "got ()"),
    (lambda: [[1.0] * 8, [1.0]], ValueError, "x: expected entries of one shape", "got a list of different ones"),
    (lambda: spoiled(1e300, 1)[0], ValueError, "x: expected finite numbers", "row 1"),  # no float32 is as large
    (lambda: [["a"] * 8], TypeError, "x: expected images of real numbers", "got dtype <U1"),
    (lambda: "seven", TypeError, "x: expected images of real numbers", "got dtype <U5"),
    (lambda: None, TypeError, "x: expected images of real numbers", "got dtype object"),
    (
        lambda: np.zeros((2, 8), "datetime64[s]"),
        TypeError,
        "x: expected images of real numbers",
        "got dtype datetime64[s]",
    ),
)
def test_images_that_do_not_fit(method, make, error, pieces):
    with refusal(error, *pieces):
        getattr(make_network(), method)(make())


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 8, 8, 1), (3, 64, 1), (64,), (1, 8, 8), (3, 63)])
def test_images_that_do_not_fit_a_convolutional_layer(shape):
    net = Network([conv(), SoftmaxLayer(18, 3)], 4, device="cpu")
    with refusal(ValueError, "x: expected images (n, 64) or (n, 1, 8, 8)", f"got {shape}"):
        net.forward(np.zeros(shape))


def test_only_the_row_of_the_first_bad_number_is_named():
    x, _ = spoiled(NAN, 6)
    x[4, 0] = INF
    with refusal(ValueError, "first in row 4"):
        make_network().forward(x)


def test_probabilities_of_a_network_without_a_softmax_layer():
    net = Network([FullyConnectedLayer(8, 3, cost="cross_entropy")], 4, device="cpu")
    with refusal(ValueError, "layers: expected a SoftmaxLayer at the end", "got FullyConnectedLayer(n_in=8, n_out=3)"):
        net.predict_proba(good_data()[0])


@pytest.mark.parametrize("i", [-1, 2, 100])
def test_a_test_mini_batch_that_there_is_not(i):
    net = make_network()
    net.SGD(good_data(), 1, 4, 0.1, None, good_data(11), verbose=False)
    with refusal(ValueError if i < 0 else IndexError, "i: expected", f"got {i}"):
        net.test_mb_predictions(i)


@pytest.mark.parametrize("calls", [[], [None], [good_data(), None]], ids=["untrained", "without", "with, then without"])
def test_test_mini_batches_when_the_last_training_had_no_test_data(calls):
    net = make_network()
    for test_data in calls:
        net.SGD(good_data(), 1, 4, 0.1, None, test_data, verbose=False)
    with refusal(RuntimeError, "test_mb_predictions", "test_data"):
        net.test_mb_predictions(0)


@pytest.mark.parametrize("p", [1, -0.5, NAN])
def test_probabilities_of_network3s_dropout_layer(p):
    with refusal(ValueError, "p_dropout: expected a number below 1, zero or positive", f"got {p!r}"):
        network3.dropout_layer(np.ones((2, 3)), p)


@pytest.mark.parametrize("method", ["cost", "gradients"])
def test_a_cost_is_asked_of_a_network_that_has_none(method):
    net = Network([FullyConnectedLayer(8, 3)], 4)
    with pytest.raises(ValueError, match=r"^layers: expected the last to have a cost, such as a SoftmaxLayer; Fully"):
        getattr(net, method)(good_data())


@pytest.mark.parametrize("bad", [28, None])
def test_an_image_shape_that_is_no_shape(bad):
    with pytest.raises(TypeError, match=rf"^image_shape: expected \(mini-batch size, .*\); got {bad}$"):
        conv(image_shape=bad)


@pytest.mark.parametrize("bad", [None, SoftmaxLayer(5, 3)], ids=["None", "a layer"])
def test_layers_that_are_no_list(bad):
    with pytest.raises(TypeError, match=r"^layers: expected a list of layers; got "):
        Network(bad, 4)


@pytest.mark.parametrize("bad", [None, object()], ids=["None", "object"])
def test_a_dtype_that_is_none(bad):
    with pytest.raises(ValueError, match=r"^dtype: expected one of 'float32', 'float64'; got "):
        Network([SoftmaxLayer(5, 3)], 4, dtype=bad)


def test_ragged_labels():
    with pytest.raises(ValueError, match=r"^data labels: expected entries of one shape"):
        make_network().accuracy((good_data(2)[0], [[1], [1, 2]]))


@pytest.mark.parametrize("bad", [None, 1.5])
def test_a_step_that_is_no_integer(bad):
    with pytest.raises(TypeError, match=f"^step: expected an integer; got {bad}"):
        make_network().gradients(good_data(), step=bad)


def test_labels_that_are_fewer_than_the_images_of_the_last_pass():
    net = make_network()
    net.forward(good_data()[0])
    with pytest.raises(ValueError, match=r"^y: expected 8 labels, as many as images in the last pass; got \(1,\)"):
        net.layers[-1].accuracy([0])


def test_test_mini_batches_that_there_are_not():
    net = make_network()
    net.SGD(good_data(), 0, 4, 0.1, None, good_data(3), drop_last=False, verbose=False)
    with pytest.raises(IndexError, match=r"^i: expected the number of a test mini-batch, of which there are 0; got 0"):
        net.test_mb_predictions(0)
    with pytest.raises(TypeError, match=r"^i: expected an integer; got 1\.0"):
        net.test_mb_predictions(1.0)


def test_no_images_at_all_where_no_mini_batch_is_wanted():
    x, y = good_data()
    with pytest.raises(ValueError, match=r"^data: expected at least one image; got 0$"):
        make_network().accuracy((x[:0], y[:0]))
