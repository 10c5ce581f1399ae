"""Convolution, pooling and dropout as symbols, and whole networks of them beside `netlib.Network`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

import netlib
from netlib import graph as T  # noqa: N812 - as Theano was imported
from netlib import ops
from netlib.backend import to_host
from netlib.data import load
from netlib.ops import naive
from tests.symbols import assert_computes, assert_differentiates, normal

CONVOLUTIONS = [
    ("valid", 1, (0, 0)),
    ("valid", (2, 1), (0, 0)),
    ("half", 1, (1, 1)),
    ("full", (1, 2), (2, 1)),
    (1, 2, (1, 1)),
    ((0, 2), 1, (0, 2)),
]


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("border", "stride", "pad"), CONVOLUTIONS)
def test_conv2d_is_the_loops_on_a_padded_image(device, border, stride, pad, flip):
    x, w = normal(2, 2, 5, 4, seed=1), normal(3, 2, 3, 2, seed=2)

    def build(x, w):
        return T.conv2d(x, w, border_mode=border, subsample=stride, filter_flip=flip)

    def loops(x, w):
        padded = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
        return naive.conv2d(padded, w, (stride, stride) if isinstance(stride, int) else stride, flip=flip)

    assert_computes(device, build, loops, x, w)
    assert_differentiates(device, build, x, w)


@pytest.mark.parametrize(("border", "stride", "pad"), CONVOLUTIONS)
def test_gradients_of_conv2d_have_gradients(border, stride, pad):
    x, w, v = normal(1, 2, 4, 4, seed=1), normal(2, 2, 3, 2, seed=2), normal(2, 2, 3, 2, seed=3)

    def slope(of):
        def build(x, w, v):
            y = T.conv2d(x, w, border_mode=border, subsample=stride)
            return T.grad(T.sum(y**3), (x, w)[of]) * T.grad(T.sum(T.conv2d(x, v, border_mode=border)), x).mean()

        return build

    for of in (0, 1):
        assert_differentiates("cpu", slope(of), x, w, v)


@pytest.mark.parametrize(("flip", "loops"), [(True, signal.convolve2d), (False, signal.correlate2d)])
@pytest.mark.parametrize("border", ["valid", "full"])
def test_conv2d_is_scipys_summed_over_the_input_maps(device, border, flip, loops):
    def sums(x, w):
        return np.array([[sum(loops(m, f, border) for m, f in zip(n, k, strict=True)) for k in w] for n in x])

    def build(x, w):
        return T.conv2d(x, w, border_mode=border, filter_flip=flip)

    assert_computes(device, build, sums, normal(2, 3, 6, 5, seed=1), normal(2, 3, 3, 2, seed=2))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_conv2d_is_scipys_for_any_shapes_borders_and_strides(data):
    few, flip = st.integers(1, 3), data.draw(st.booleans())
    n, c, f, rows, columns, *strides = (data.draw(few) for _ in range(7))
    border = data.draw(st.sampled_from(["valid", "half", "full", 0, 2, (0, 2), (1, 0)]))
    named = {"valid": (0, 0), "half": (rows // 2, columns // 2), "full": (rows - 1, columns - 1)}
    pad = named[border] if isinstance(border, str) else pair(border)
    x, w = normal(n, c, rows + data.draw(few), columns + data.draw(few)), normal(f, c, rows, columns, seed=1)

    def sums(x, w):
        slide = signal.convolve2d if flip else signal.correlate2d
        padded = np.pad(x, ((0, 0), (0, 0), pad[:1] * 2, pad[1:] * 2))
        y = np.array([[sum(map(slide, image, maps, ["valid"] * c)) for maps in w] for image in padded])
        return y[:, :, :: strides[0], :: strides[1]]

    def build(x, w):
        return T.conv2d(x, w, border_mode=border, subsample=tuple(strides), filter_flip=flip)

    assert_computes("cpu", build, sums, x, w)
    assert_differentiates("cpu", build, x, w)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_pool_2d_is_the_loops_for_any_shapes_windows_and_strides(data):
    few, mode = st.integers(1, 3), data.draw(st.sampled_from(ops.MODES))
    window = data.draw(few), data.draw(few)
    options = {"stride": (data.draw(few), data.draw(few)), "ignore_border": data.draw(st.booleans())}
    if options["ignore_border"]:
        options["pad"] = tuple(data.draw(st.integers(0, k - 1)) for k in window)
    x = normal(data.draw(few), data.draw(few), *(k + data.draw(few) for k in window))

    def build(x):
        return T.pool_2d(x, window, mode=mode, **options)

    assert_computes("cpu", build, lambda x: pooled(x, window, mode, **options), x)
    assert_differentiates("cpu", build, x)


def test_a_convolution_by_single_weights_is_a_dot(device):
    x, w = normal(2, 3, 4, 5, seed=1), normal(6, 3, seed=2)

    def build(x, w):
        return T.conv2d(x, w.dimshuffle(0, 1, "x", "x"))

    assert_computes(device, build, lambda x, w: np.tensordot(x, w, (1, 1)).transpose(0, 3, 1, 2), x, w)
    assert_differentiates(device, build, x, w)


POOLINGS = [
    {},
    {"stride": (1, 2)},
    {"stride": 3, "ignore_border": False},
    {"pad": (1, 0)},
    {"pad": 1, "stride": 1},
]


@pytest.mark.parametrize("mode", ops.MODES)
@pytest.mark.parametrize("options", POOLINGS, ids=str)
def test_pool_2d_sums_up_each_window(device, mode, options):
    x = normal(2, 1, 5, 4)

    def loops(x):
        return pooled(x, (2, 2), mode, **options)

    assert_computes(device, lambda x: T.pool_2d(x, (2, 2), mode=mode, **options), loops, x)
    assert_differentiates(device, lambda x: T.pool_2d(x, (2, 2), mode=mode, **options), x)


def pooled(x, window, mode, stride=None, pad=0, ignore_border=True):
    """Pooling by loops over windows, each cut out of the image with nothing around it."""
    strides = [s or k for s, k in zip(pair(stride), window, strict=True)]
    lows, highs = [], []
    for size, k, s, p in zip(x.shape[2:], window, strides, pair(pad), strict=True):
        starts = range(-p, size + p, s)
        # a window that begins where the one before has reached the edge would add nothing
        inside = [a for i, a in enumerate(starts) if (a + k <= size + p) or not ignore_border]
        if not ignore_border and s < k:
            inside = [a for i, a in enumerate(inside) if i == 0 or inside[i - 1] + k < size]
        lows.append(inside)
        highs.append([a + k for a in inside])
    y = np.zeros((*x.shape[:2], len(lows[0]), len(lows[1])))
    for n, c, i, j in np.ndindex(y.shape):
        rows = slice(max(lows[0][i], 0), highs[0][i])
        part = x[n, c, rows, max(lows[1][j], 0) : highs[1][j]]
        full = np.prod(window)
        y[n, c, i, j] = {
            "max": part.max(),
            "sum": part.sum(),
            "average_inc_pad": part.sum() / (full if ignore_border else part.size),
            "average_exc_pad": part.mean(),
        }[mode]
    return y


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize(("ties", "expected"), [("all", [[1, 1], [0, 1]]), ("first", [[1, 0], [0, 0]])])
def test_ties_in_a_window_share_as_they_are_told(device, ties, expected):
    x = T.tensor4("x", dtype="float64")
    slope = T.grad(T.sum(T.pool_2d(x, 2, ties=ties)), x)
    assert T.function([x], slope, device=device)(np.array([[[[3.0, 3], [1, 3]]]]))[0, 0].tolist() == expected


def test_the_gradient_of_a_maximum_has_none_itself():
    x = T.tensor4("x", dtype="float64")
    first = T.grad(T.sum(T.pool_2d(x, 2) ** 2), x)
    with pytest.raises(T.NotDifferentiableError, match=r"pool_2d's gradient.*built at .*test_graph_networks\.py"):
        T.grad(T.sum(first**2), x)


def test_dropout_silences_and_strengthens(device):
    x, mask = normal(3, 4), np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0]], bool)

    def build(x, mask):
        return T.dropout(x, mask, 2.0)

    assert_computes(device, build, lambda x, mask: 2 * x * mask, x, mask, exact=True)
    assert_differentiates(device, build, x, mask)


# Whole networks. Images are rows of a shared variable, a mini-batch is cut out of it by its number.


def ones_labels(device, n, dtype="float64"):
    """Images and labels of n digits, as shared variables and as arrays."""
    x, y = (part[:n] for part in load("digits").training)
    x = x.astype(dtype)
    return T.shared(x, "images", device=device), T.shared(y.astype("int64"), "labels", device=device), (x, y)


def parameters(network, device):
    """Shared variables with the network's weights and biases, layer by layer."""
    return [T.shared(to_host(parameter).copy(), device=device) for parameter in network.params]


def assert_same_steps(train, params, network, data, batch, eta, steps, tolerance):
    """The symbolic function and the network go the same way."""
    x, y = (network.xp.asarray(part) for part in data)
    for step in range(steps):
        i = step % (len(data[1]) // batch)
        part = slice(i * batch, (i + 1) * batch)
        cost = network.train_mini_batch(x[part], y[part], eta)
        assert train(i) == pytest.approx(float(cost), rel=tolerance * 100, abs=tolerance * 100)
    for mine, theirs in zip(params, network.params, strict=True):
        difference = np.abs(mine.get_value() - to_host(theirs)).max()
        assert difference < tolerance, f"weights of shape {theirs.shape} are {difference:.1e} apart"
        assert np.abs(mine.get_value()).max() > 0


@pytest.mark.parametrize("p_dropout", [(0.0, 0.0), (0.3, 0.5)])
def test_network3_written_symbolically_takes_the_same_steps(device, p_dropout):
    batch, eta, seed = 10, 0.1, 7
    network = netlib.Network(
        [
            netlib.ConvPoolLayer((4, 1, 5, 5), (batch, 1, 28, 28), (2, 2), netlib.ReLU),
            netlib.FullyConnectedLayer(4 * 12 * 12, 30, netlib.sigmoid, p_dropout[0]),
            netlib.SoftmaxLayer(30, 10, p_dropout[1]),
        ],
        batch,
        seed=seed,
        device=device,
        dtype="float64",
    )
    images, labels, data = ones_labels(device, 200)
    params = w1, b1, w2, b2, w3, b3 = parameters(network, device)

    stream = T.RandomStreams(seed, device=device)
    index, x, y = T.lscalar("index"), T.dmatrix("x"), T.lvector("y")

    def dropped(a, units, p, place):
        return T.dropout(a, stream.dropout_mask((units, a.shape[0]), p, place=place).T)

    pooled = T.pool_2d(T.conv2d(x.reshape((batch, 1, 28, 28)), w1), (2, 2))
    a1 = T.relu(pooled + b1.dimshuffle("x", 0, "x", "x")).flatten(2)
    a2 = T.sigmoid(T.dot(dropped(a1, 576, p_dropout[0], 1), w2) + b2)
    p = T.softmax(T.dot(dropped(a2, 30, p_dropout[1], 2), w3) + b3)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    grads = T.grad(cost, params)
    train = T.function(
        [index],
        cost,
        updates=[(param, param - eta * slope) for param, slope in zip(params, grads, strict=True)],
        givens={
            x: images[index * batch : (index + 1) * batch],
            y: labels[index * batch : (index + 1) * batch],
        },
    )
    assert_same_steps(train, params, network, data, batch, eta, 20, 1e-10)
    assert stream.step.get_value() == 20


def test_logistic_regression_with_likelihood_and_0_1_loss_takes_the_same_steps(device):
    batch, eta = 20, 0.5
    network = netlib.Network([netlib.SoftmaxLayer(784, 10)], batch, device=device, dtype="float64")
    images, labels, data = ones_labels(device, 100)
    params = w, b = parameters(network, device)
    index, x, y = T.lscalar("index"), T.dmatrix("x"), T.lvector("y")
    p = T.softmax(x @ w + b)
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    part = slice(index * batch, (index + 1) * batch)
    train = T.function(
        [index],
        cost,
        updates=[(param, param - eta * slope) for param, slope in zip(params, T.grad(cost, params), strict=True)],
        givens=[(x, images[part]), (y, labels[part])],
    )
    error = T.function([x, y], T.mean(T.neq(T.argmax(p, axis=1), y)), device=device)
    before = error(*data)
    assert_same_steps(train, params, network, data, batch, eta, 20, 1e-10)
    assert error(*data) == pytest.approx(network.error(data), abs=1e-12)
    assert error(*data) < 0.2 < before


def test_in_single_precision_a_step_stays_in_single_precision(device):
    network = netlib.Network([netlib.SoftmaxLayer(784, 10)], 10, device=device, dtype="float32")
    images, labels, data = ones_labels(device, 50, "float32")
    params = w, b = parameters(network, device)
    index = T.lscalar("index")
    x, y = images[index * 10 : index * 10 + 10], labels[index * 10 : index * 10 + 10]
    cost = -T.mean(T.log(T.softmax(T.dot(x, w) + b))[T.arange(10), y])
    assert cost.dtype == "float32"
    updates = [(param, param - 0.5 * slope) for param, slope in zip(params, T.grad(cost, params), strict=True)]
    assert_same_steps(T.function([index], cost, updates=updates), params, network, data, 10, 0.5, 20, 1e-5)
    assert {param.get_value().dtype.name for param in params} == {"float32"}


# Costs


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


COSTS = {
    "log_likelihood": (T.log_likelihood, lambda z, t: -np.log(np.exp(z) / np.exp(z).sum(1, keepdims=True)) * t),
    "cross_entropy": (T.cross_entropy, lambda z, t: -t * np.log(sigmoid(z)) - (1 - t) * np.log(1 - sigmoid(z))),
    "quadratic": (T.quadratic, lambda z, t: (z - t) ** 2 / 2),
}


@pytest.mark.parametrize("name", COSTS)
def test_costs_are_their_formulas_summed_over_outputs(device, name):
    build, terms = COSTS[name]
    z, labels = normal(4, 3), np.array([2, 0, 1, 2])
    targets = np.random.default_rng(5).random((4, 3))
    assert_computes(device, build, lambda z, y: (terms(z, np.eye(3)[y])).sum() / 4, z, labels)
    assert_computes(device, build, lambda z, t: terms(z, t).sum() / 4, z, targets)
    # log_likelihood's gradient is that for targets that are probabilities
    targets /= targets.sum(axis=1, keepdims=True)
    assert_differentiates(device, lambda z, y: build(z, y) * 2, z, labels)
    assert_differentiates(device, build, z, targets, fixed=(1,))
    z, t = T.dmatrix("z"), T.dmatrix("t")
    with pytest.raises(T.NotDifferentiableError, match=rf"back to t leads through {name}\(z, t\), built at"):
        T.grad(build(z, t), t)


def test_a_cost_is_finite_where_its_formula_is_not():
    z, y = T.dmatrix("z"), T.lvector("y")
    extreme = np.array([[1000.0, 0], [0, 1000]])
    cost = T.log_likelihood(z, y)
    value, slope = T.function([z, y], [cost, T.grad(cost, z)], device="cpu")(extreme, np.array([1, 1]))
    assert value == 500
    assert slope.tolist() == [[0.5, -0.5], [0, 0]]


@pytest.mark.parametrize(
    ("z", "y", "error", "message"),
    [
        (normal(3, 2), np.zeros(4, int), ValueError, r"got \(4,\) for \(3, 2\)"),
        (normal(3, 2), normal(3, 3), ValueError, r"got \(3, 3\) for \(3, 2\)"),
        (normal(3), np.zeros(3, int), TypeError, "log_likelihood: expected floats"),
        (normal(3, 2), normal(3), TypeError, "log_likelihood: expected floats"),
    ],
)
def test_targets_must_fit_the_outputs(z, y, error, message):
    with pytest.raises(error, match=message):
        assert_computes("cpu", T.log_likelihood, None, z, y)
