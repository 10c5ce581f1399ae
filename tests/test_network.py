"""A network in use: any number of images, one at a time or together; seeds, dtypes, devices, parameters in place."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, linear, sigmoid, tanh
from netlib.backend import to_host
from netlib.data import expand
from netlib.optimizers import Penalty

COUNTS = [0, 1, 7, 100, 101, 250]


def convolutional():
    return [ConvPoolLayer((3, 1, 3, 2), (1, 8, 7), (2, 2), tanh), FullyConnectedLayer(27, 8, p_dropout=0.5)]


def make_network(device="cpu", seed=0, dtype="float64", last=None):
    """A network of all kinds of layers, its last weights not zero."""
    net = Network([*convolutional(), last or SoftmaxLayer(8, 4, 0.3)], 5, seed=seed, device=device, dtype=dtype)
    net.layers[-1].w[...] = net.xp.asarray(np.random.default_rng(0).standard_normal((8, 4)))
    return net


def random_data(n, seed=0):
    draws = np.random.default_rng(seed)
    return draws.standard_normal((n, 56)), draws.integers(4, size=n)


def same(first, second):
    return all(np.array_equal(to_host(a), to_host(b)) for a, b in zip(first, second, strict=True))


# Any number of images.


@pytest.mark.parametrize("n", COUNTS)
def test_outputs_of_many_images_are_those_of_each(n, device):
    net = make_network(device)
    x, _ = random_data(n)
    together = net.forward(x)
    assert together.shape == (n, 4)
    assert isinstance(together, np.ndarray)
    for i in range(n):
        np.testing.assert_allclose(together[i], net.forward(x[i : i + 1])[0], rtol=0, atol=1e-13)
    np.testing.assert_array_equal(net.predict_proba(x), together)
    np.testing.assert_array_equal(net.predict(x), together.argmax(axis=1))


@pytest.mark.parametrize("n", [n for n in COUNTS if n])
@pytest.mark.parametrize("cost", [None, "cross_entropy", "quadratic"])
def test_accuracy_and_cost_of_many_images_are_the_means_over_each(n, cost, device):
    net = make_network(device, last=cost and FullyConnectedLayer(8, 4, cost=cost))
    x, y = random_data(n)
    each = [(x[i : i + 1], y[i : i + 1]) for i in range(n)]
    assert net.accuracy((x, y)) == pytest.approx(np.mean([net.accuracy(one) for one in each]), abs=1e-12)
    assert net.cost((x, y)) == pytest.approx(np.mean([net.cost(one) for one in each]), abs=1e-12)


@pytest.mark.parametrize("n", [n for n in COUNTS if n])
@pytest.mark.parametrize(
    ("cost", "formula"),
    [
        (None, lambda a, t: -np.log(a[t == 1]).sum()),
        ("cross_entropy", lambda a, t: -(t * np.log(a) + (1 - t) * np.log(1 - a)).sum()),
        ("quadratic", lambda a, t: 0.5 * ((a - t) ** 2).sum()),
    ],
)
def test_cost_is_the_formula_and_accuracy_the_share_of_hits(n, cost, formula):
    net = make_network(last=cost and FullyConnectedLayer(8, 4, cost=cost))
    x, y = random_data(n)
    a = net.forward(x)
    assert net.cost((x, y)) == pytest.approx(formula(a, np.eye(4)[y]) / n, rel=1e-12)
    assert net.accuracy((x, y)) == (a.argmax(axis=1) == y).mean()


def test_the_cost_may_aim_at_real_targets():
    net = make_network(last=FullyConnectedLayer(8, 4, cost="quadratic"))
    x, targets = random_data(7)[0], np.random.default_rng(1).standard_normal((7, 4))
    expected = 0.5 * ((net.forward(x) - targets) ** 2).sum() / 7
    assert net.cost((x, targets)) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(TypeError, match=r"^data"):
        net.accuracy((x, targets))  # of which there is none without labels


@pytest.mark.parametrize("shape", [(7, 56), (7, 1, 8, 7)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8", "int64", "bool"])
def test_images_may_be_rows_or_maps_of_any_real_dtype(shape, dtype, device):
    net = make_network(device)
    x = np.random.default_rng(0).integers(2, size=(7, 56)).astype(dtype)
    expected = net.forward(x.astype("float64"))
    np.testing.assert_array_equal(net.forward(x.reshape(shape)), expected)
    np.testing.assert_array_equal(net.forward(net.xp.asarray(x.reshape(shape))), expected)


def test_a_fully_connected_first_layer_takes_images_of_any_shape():
    net = Network([SoftmaxLayer(12, 3)], 5, device="cpu")
    x = np.arange(24.0).reshape(2, 12)
    for shape in ((2, 1, 3, 4), (2, 3, 4)):
        np.testing.assert_array_equal(net.forward(x.reshape(shape)), net.forward(x))


def test_views_and_other_memory_orders_give_the_same_outputs():
    net = make_network()
    x, _ = random_data(6)
    expected = net.forward(x)
    np.testing.assert_array_equal(net.forward(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(net.forward(np.repeat(x, 2, axis=1)[:, ::2]), expected)
    np.testing.assert_array_equal(net.forward(x.tolist()), expected)


@pytest.mark.parametrize("n", [1, 6])
def test_neither_images_nor_labels_are_written_into(n):
    net = make_network()
    (x, y), (x_before, y_before) = random_data(n), random_data(n)
    net.forward(x)
    net.gradients((x, y))
    x5, y5 = np.resize(x, (5, 56)), np.resize(y, 5)
    x5.flags.writeable = y5.flags.writeable = False
    net.SGD((x5, y5), 1, 5, 0.1, (x5, y5), (x5, y5), verbose=False)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(y, y_before)


def test_what_forward_returns_is_not_overwritten_later(device):
    net = make_network(device)
    outputs = net.forward(random_data(5)[0])
    kept = outputs.copy()
    gradients = net.gradients(random_data(5))
    kept_gradients = [gradient.copy() for gradient in gradients]
    net.SGD(random_data(20, seed=1), 1, 5, 0.1, None, None, verbose=False)
    np.testing.assert_array_equal(outputs, kept)
    assert same(gradients, kept_gradients)


# Seeds, and what is decided by them.


def first_weights_and_gradients(seed, step=0, device="cpu"):
    net = make_network(device, seed=seed)
    return [parameter.copy() for parameter in net.params[:4]], net.gradients(random_data(5), step=step)


def test_the_same_seed_gives_the_same_weights_and_masks(device):
    for once, again in zip(
        first_weights_and_gradients(3, 2, device), first_weights_and_gradients(3, 2, device), strict=True
    ):
        assert same(once, again)


def test_another_seed_gives_other_weights_in_every_layer():
    one, other = first_weights_and_gradients(3)[0], first_weights_and_gradients(4)[0]
    assert not any(np.any(a == b) for a, b in zip(one, other, strict=True))


def test_another_seed_or_another_step_gives_other_masks():
    def masked_gradients(seed, step):
        net = make_network(seed=seed)
        for parameter in net.params:
            parameter[...] = 0.1  # so that nothing but the masks depends on the seed
        return net.gradients(random_data(5), step=step)[-2]

    assert np.array_equal(masked_gradients(3, 0), masked_gradients(3, 0))
    assert not np.array_equal(masked_gradients(3, 0), masked_gradients(4, 0))
    assert not np.array_equal(masked_gradients(3, 0), masked_gradients(3, 1))


def test_layers_of_the_same_shape_start_with_different_weights():
    w, b, w_next, b_next = Network([FullyConnectedLayer(9, 9), FullyConnectedLayer(9, 9)], 1, device="cpu").params
    assert not np.any(w == w_next)
    assert not np.any(b == b_next)


def test_initial_weights_do_not_depend_on_dtype_or_numpys_generator():
    np.random.seed(1)  # noqa: NPY002, the global generator is what is tested
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    double = make_network(dtype="float64")
    np.random.seed(2)  # noqa: NPY002
    single = make_network(dtype="float32")
    assert same([parameter.astype("float32") for parameter in double.params], single.params)
    np.random.seed(1)  # noqa: NPY002
    make_network().SGD(random_data(10), 1, 5, 0.1, None, None, shuffle=True, verbose=False)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# Parameters.


def test_params_are_the_weights_and_biases_of_each_layer_in_turn():
    net = make_network()
    expected = [parameter for layer in net.layers for parameter in (layer.w, layer.b)]
    assert len(net.params) == 6
    assert all(parameter is kept for parameter, kept in zip(net.params, expected, strict=True))


@pytest.mark.parametrize("i", range(6))
def test_writing_into_a_parameter_changes_the_network(i, device):
    net = make_network(device)
    x, _ = random_data(3)
    before = net.forward(x)
    net.params[i][..., 0] += 1
    assert np.abs(net.forward(x) - before).max() > 1e-4


def test_training_writes_into_the_same_parameters(device):
    net = make_network(device)
    before = [parameter.copy() for parameter in net.params]
    net.SGD(random_data(10), 1, 5, 0.1, None, None, 0.1, verbose=False)
    arrays = [array for layer in net.layers for array in (layer.w, layer.b)]
    assert all(array is parameter for array, parameter in zip(arrays, net.params, strict=True))
    assert not any(np.array_equal(to_host(a), to_host(b)) for a, b in zip(before, net.params, strict=True))


def test_one_network_written_into_another_of_the_same_kind_gives_the_same_outputs(device):
    trained, other = make_network(device), make_network(device, seed=9)
    trained.SGD(random_data(10), 2, 5, 0.1, None, None, verbose=False)
    for parameter, source in zip(other.params, trained.params, strict=True):
        parameter[...] = source
    np.testing.assert_array_equal(other.forward(random_data(9)[0]), trained.forward(random_data(9)[0]))


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), "float64", np.float64, float])
def test_dtype_may_be_a_name_or_numpys_own(dtype):
    net = make_network(dtype=dtype)
    assert {net.dtype, *(parameter.dtype for parameter in net.params)} == {np.dtype(dtype)}
    assert net.forward(random_data(3)[0]).dtype == net.dtype


def test_the_default_is_float32():
    assert Network([SoftmaxLayer(2, 3)], 1).params[0].dtype == np.float32


def test_a_trained_float32_network_agrees_with_a_float64_one(device):
    single, double = (make_network(device, dtype=dtype) for dtype in ("float32", "float64"))
    for net in (single, double):
        net.SGD(random_data(50), 2, 5, 0.1, None, None, 0.1, verbose=False)
    np.testing.assert_allclose(single.forward(random_data(9)[0]), double.forward(random_data(9)[0]), rtol=0, atol=1e-4)


# What a network shows.


def test_a_network_counts_its_inputs_outputs_and_steps():
    net = make_network()
    assert (net.n_in, net.n_out, net.steps) == (56, 4, 0)
    net.SGD(random_data(20), 2, 5, 0.1, None, None, verbose=False)
    assert net.steps == 8


def test_a_new_network_has_no_past(device):
    net = make_network(device)
    assert (net.history, net.x, net.y) == (None, None, None)
    assert [layer.gradients for layer in net.layers] == [[], [], []]
    layer = SoftmaxLayer(8, 4)
    assert (layer.place, layer.w, layer.b, layer.gradients) == (None, None, None, [])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_have_the_networks_dtype_and_labels_are_integers(dtype, device):
    net = make_network(device, dtype=dtype)
    x, _ = random_data(3)
    assert (net.forward(x).dtype, net.predict(x).dtype) == (dtype, "int64")
    rows, y = net.row.data("data", random_data(3), 1)
    assert {net.row.cost(rows, y).dtype, net.row.backpropagate(rows, y, 0).dtype} == {np.dtype(dtype)}


def test_one_image_is_enough():
    net, (x, y) = make_network(), random_data(1)
    assert net.accuracy((x, y)) == float(net.predict(x)[0] == y[0]) == 1 - net.error((x, y))
    assert net.cost((x, y)) == pytest.approx(-np.log(net.predict_proba(x)[0, y[0]]), rel=1e-12)
    assert len(net.gradients((x, y))) == 6


def test_x_and_y_are_the_last_training_mini_batch(device):
    net = make_network(device)
    x, y = random_data(20)
    net.SGD((x, y), 1, 5, 0.1, (x, y), None, verbose=False)
    np.testing.assert_array_equal(to_host(net.x), x[15:])
    np.testing.assert_array_equal(to_host(net.y), y[15:])


def test_outputs_of_the_last_pass_are_kept_for_evaluation_and_for_training(device):
    net = make_network(device)
    x, y = random_data(5)
    np.testing.assert_array_equal(net.forward(x), to_host(net.output))
    net.gradients((x, y))
    assert net.output_dropout.shape == (5, 4)
    assert not np.allclose(to_host(net.output_dropout), to_host(net.output))
    assert to_host(net.output_dropout).sum(axis=1) == pytest.approx(1)


def test_gradients_neither_train_nor_count_as_a_step():
    net = make_network()
    before = [parameter.copy() for parameter in net.params]
    net.gradients(random_data(5))
    assert same(net.params, before)
    assert net.steps == 0


def test_gradients_drop_the_units_of_the_first_step_unless_told_otherwise():
    net, data = make_network(), random_data(5)
    first = [gradient.tobytes() for gradient in net.gradients(data)]
    assert first == [gradient.tobytes() for gradient in net.gradients(data, step=0)]
    assert first != [gradient.tobytes() for gradient in net.gradients(data, step=1)]


def test_gradients_are_means_over_the_images():
    net = Network([FullyConnectedLayer(56, 8, ReLU), SoftmaxLayer(8, 4)], 5, dtype="float64", device="cpu")
    net.layers[-1].w[...] = np.random.default_rng(0).standard_normal((8, 4))
    x, y = random_data(30)
    parts = [net.gradients((x[i : i + 10], y[i : i + 10])) for i in (0, 10, 20)]
    for whole, *each in zip(net.gradients((x, y)), *parts, strict=True):
        np.testing.assert_allclose(whole, np.mean(each, axis=0), rtol=0, atol=1e-14)


def test_a_network_says_what_it_is():
    lines = [
        "Network([",
        "FullyConnectedLayer(n_in=4, n_out=3),",
        "SoftmaxLayer(n_in=3, n_out=2)],",
        "mini_batch_size=10)",
    ]
    assert repr(Network([FullyConnectedLayer(4, 3), SoftmaxLayer(3, 2)], 10)) == "\n    ".join(lines)


def conv_last():
    return Network([ConvPoolLayer((2, 1, 3, 3), (1, 8, 8))], 4, dtype="float64", device="cpu")


def test_accuracy_of_a_network_that_ends_in_a_convolutional_layer_agrees_with_predict():
    net, x = conv_last(), np.random.default_rng(0).random((50, 64))
    labels = net.predict(x)
    labels[:20] += 1
    assert net.accuracy((x, labels)) == 0.6
    net.forward(x[:30])
    assert net.layers[-1].y_out.shape == (30,)


def test_x_and_y_are_those_of_the_last_pass_in_training_and_the_cost_goes_with_them():
    net = make_network()
    x, y = random_data(20)
    net.SGD((x, y), 1, 5, 0.1, None, None, verbose=False)
    assert np.array_equal(net.x, x[15:])
    assert np.array_equal(net.y, y[15:])
    net.gradients((x[:7], y[:7]))
    assert np.array_equal(net.y, y[:7])
    p = net.output_dropout
    assert net.layers[-1].cost(net) == pytest.approx(-np.log(p[np.arange(7), y[:7]]).mean())


def test_an_array_put_in_the_place_of_another_is_a_parameter():
    net = make_network()
    net.layers[0].w = net.layers[0].w.copy()
    net.SGD(random_data(20), 1, 5, 0.1, None, None, verbose=False)
    assert net.params[0] is net.layers[0].w


def test_no_first_layer_is_asked_for_a_gradient_that_nobody_needs():
    asked = []

    class Last(SoftmaxLayer):
        def backward_from_cost(self, targets, *, input_gradient=True):
            asked.append(input_gradient)
            return super().backward_from_cost(targets, input_gradient=input_gradient)

    class Other(FullyConnectedLayer):
        def backward(self, da, *, input_gradient=True):
            asked.append(input_gradient)
            return super().backward(da, input_gradient=input_gradient)

    for layers, expected in ([Last(56, 4)], [False]), ([Other(56, 8), Other(8, 8), Last(8, 4)], [True, True, False]):
        asked.clear()
        Network(layers, 5, device="cpu").gradients(random_data(5))
        assert asked == expected


def test_gradients_are_used_up_by_a_step():
    net = make_network()
    net.SGD(random_data(20), 1, 5, 0.1, None, None, verbose=False)
    assert [layer.gradients for layer in net.layers] == [[], [], []]


@pytest.mark.parametrize("what", ["output", "output_dropout", "y_out"])
def test_what_a_pass_leaves_is_asked_for_in_vain_before_any_pass(what):
    layer = make_network().layers[0]
    with pytest.raises(RuntimeError, match=r"there has been no forward pass in (evaluation|training) yet"):
        getattr(layer, what)


def test_a_backward_pass_and_a_cost_need_a_forward_pass():
    net = make_network()
    with pytest.raises(RuntimeError, match="no forward pass in training yet"):
        net.layers[0].backward(np.zeros((3, 4)))
    net.y = np.array([0])
    with pytest.raises(RuntimeError, match="no forward pass in training yet"):
        net.layers[-1].cost(net)


def test_a_layer_outside_a_network_has_no_parameters_to_work_with():
    with pytest.raises(RuntimeError, match="expected to be part of a network"):
        FullyConnectedLayer(8, 5).forward(np.zeros((8, 2)))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"])
def test_a_copy_goes_on_as_the_original_does_and_apart_from_it(copied):
    net, data = make_network(), random_data(20)
    net.SGD(data, 1, 5, 0.1, None, None, verbose=False)
    other = copied(net)
    kept = [parameter.copy() for parameter in other.params]
    net.SGD(data, 1, 5, 0.1, None, None, verbose=False)
    assert all(np.array_equal(a, b) for a, b in zip(other.params, kept, strict=True))
    other.SGD(data, 1, 5, 0.1, None, None, verbose=False)
    assert all(np.array_equal(a, b) for a, b in zip(other.params, net.params, strict=True))


@pytest.mark.parametrize("kind", ["convolutional with dropout", "shallow"])
@pytest.mark.parametrize("activation", [ReLU, sigmoid, tanh, linear], ids=str)
def test_a_training_step_takes_no_new_memory_once_it_has_run(kind, activation):
    layers = [FullyConnectedLayer(784, 100, activation), SoftmaxLayer(100, 10)]
    if kind != "shallow":
        layers = [
            ConvPoolLayer((20, 1, 5, 5), (None, 1, 28, 28), (2, 2), activation),
            ConvPoolLayer((40, 20, 5, 5), (None, 20, 12, 12), (2, 2), activation),
            FullyConnectedLayer(640, 1000, activation, p_dropout=0.5),
            SoftmaxLayer(1000, 10, p_dropout=0.5),
        ]
    net = Network(layers, 10, device="cpu")
    x, y = np.random.default_rng(0).random((10, 784)).astype(np.float32), np.arange(10)
    size = np.setbufsize(16)  # ufuncs that cast do so piece by piece, in buffers that are no arrays
    try:
        for _ in range(3):
            net.train_mini_batch(x, y, 0.01, Penalty(0.1))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        net.train_mini_batch(x, y, 0.01, Penalty(0.1))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        np.setbufsize(size)
    assert peak < 6 * 1024, "all small arrays and objects together; the gradient of the smallest weights has 4 KiB"


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("expanded", [False, True])
def test_neither_shuffled_nor_expanded_mini_batches_take_new_memory(shuffle, expanded, monkeypatch):
    random = np.random.default_rng(0)
    data = random.random((100, 784)).astype(np.float32), random.integers(0, 10, 100)
    net = Network([FullyConnectedLayer(784, 30), SoftmaxLayer(30, 10)], 10, device="cpu")
    step, grown = net.train_mini_batch, []

    def watched(*arguments):
        cost = step(*arguments)
        current, peak = tracemalloc.get_traced_memory()
        grown.append(peak - current)
        tracemalloc.reset_peak()
        return cost

    monkeypatch.setattr(net, "train_mini_batch", watched)
    size = np.setbufsize(16)
    tracemalloc.start()
    try:
        net.SGD(expand(data) if expanded else data, 1, 10, 0.1, None, None, shuffle=shuffle, verbose=False)
    finally:
        tracemalloc.stop()
        np.setbufsize(size)
    assert max(grown[3:]) < 6 * 1024, "a mini-batch of images has 31 KB"
