"""Real targets in place of labels: costs by loops, gradients by central differences, training by closed forms."""

import math
import warnings

import numpy as np
import pytest

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, linear, ops, sigmoid, tanh
from netlib.backend import namespace, to_host
from netlib.data import expand
from netlib.layers.row import CHUNK
from netlib.ops import cross_entropy, log_likelihood, quadratic, softmax
from netlib.optimizers import Momentum
from tests.gradients import assert_gradient, random_like

NAN, INF = float("nan"), float("inf")
ENDS = {  # what a network may end with, if it is to aim at real targets
    "quadratic, linear": ("quadratic", linear),
    "quadratic, sigmoid": ("quadratic", sigmoid),
    "quadratic, tanh": ("quadratic", tanh),
    "quadratic, ReLU": ("quadratic", ReLU),
    "quadratic, softmax": ("quadratic", softmax),
    "cross-entropy": ("cross_entropy", sigmoid),
}
ends = pytest.mark.parametrize(("cost", "activation"), ENDS.values(), ids=ENDS)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def make(cost="quadratic", activation=linear, *, outputs=2, size=4, device="cpu", dtype="float64", seed=0):
    """A network 3-5-outputs with normal draws for all its parameters."""
    layers = [FullyConnectedLayer(3, 5, tanh), FullyConnectedLayer(5, outputs, activation, cost=cost)]
    net = Network(layers, size, seed=seed, device=device, dtype=dtype)
    for i, parameter in enumerate(net.params):
        parameter[...] = 0.7 * random_like(net.xp, parameter.shape, i)
    return net


def aimed(n=12, outputs=2):
    """Images of three numbers, and targets between 0 and 1."""
    draws = np.random.default_rng(n)
    return draws.standard_normal((n, 3)), draws.uniform(0, 1, (n, outputs))


def train(net, data, epochs=3, eta=0.3, **options):
    return net.SGD(data, epochs, net.mini_batch_size, eta, None, None, **{"verbose": False} | options)


def ending(net):
    return [to_host(parameter).tobytes() for parameter in net.params], net.steps, net.history.cost


# Costs and gradients.


def mean_cost(cost, a, y):
    """The mean cost of outputs (n, K) and targets (n, K) by the book's formulas, term after term."""
    total = 0.0
    for outputs, wanted in zip(a.tolist(), y.tolist(), strict=True):
        for o, t in zip(outputs, wanted, strict=True):
            total += (o - t) ** 2 / 2 if cost == "quadratic" else -t * math.log(o) - (1 - t) * math.log(1 - o)
    return total / len(a)


@ends
@dtypes
@pytest.mark.parametrize("n", [1, 7, 2 * CHUNK + 3])
def test_the_cost_is_that_of_a_loop(cost, activation, dtype, n, device):
    net = make(cost, activation, device=device, dtype=dtype)
    x, y = aimed(n)
    a = x
    for w, b, f in zip(net.params[::2], net.params[1::2], (tanh, activation), strict=True):
        a = f((a @ to_host(w).astype(float) + to_host(b)).T).T
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert net.cost((x, y)) == pytest.approx(mean_cost(cost, a, y), rel=tolerance)


def test_costs_worked_out_by_hand(device):
    net = Network([FullyConnectedLayer(1, 2, linear, cost="quadratic", init="zeros")], 1, device=device)
    net.layers[0].b[...] = 0
    assert net.cost(([[0.0], [0.0]], [[3.0, -4.0], [0.0, 1.0]])) == pytest.approx((9 + 16 + 0 + 1) / 4)
    net = Network([FullyConnectedLayer(1, 1, sigmoid, cost="cross_entropy", init="zeros")], 1, device=device)
    net.layers[0].b[...] = math.log(3)  # a = 3/4
    assert net.cost(([[0.0]], [[0.25]])) == pytest.approx(-0.25 * math.log(0.75) - 0.75 * math.log(0.25))


@ends
@pytest.mark.parametrize("n", [1, 6])
def test_gradients_are_central_differences(cost, activation, n, device):
    net, data = make(cost, activation, device=device), aimed(n)
    computed = net.gradients(data)
    assert len(computed) == len(net.params) == 4
    for gradient, parameter in zip(computed, net.params, strict=True):
        assert_gradient(gradient, lambda: net.cost(data), parameter)
        assert namespace(gradient) is net.xp


def test_gradients_of_a_convolutional_network_are_central_differences(device):
    layers = [
        ConvPoolLayer((2, 1, 2, 2), (1, 5, 5), activation_fn=tanh),
        FullyConnectedLayer(8, 3, linear, cost="quadratic"),
    ]
    net = Network(layers, 4, device=device, dtype="float64")
    data = random_like(np, (4, 1, 5, 5), 1), random_like(np, (4, 3), 2)
    for gradient, parameter in zip(net.gradients(data), net.params, strict=True):
        assert_gradient(gradient, lambda: net.cost(data), parameter)


@ends
def test_a_step_takes_the_learning_rate_times_the_gradient(cost, activation, device):
    net, (x, y) = make(cost, activation, device=device), aimed(8)
    expected = [to_host(p).copy() for p in net.params]
    for part in (slice(0, 4), slice(4, 8)):
        other = make(cost, activation)
        for parameter, numbers in zip(other.params, expected, strict=True):
            parameter[...] = numbers
        expected = [p - 0.3 * g for p, g in zip(expected, other.gradients((x[part], y[part])), strict=True)]
    train(net, (x, y), 1)
    for parameter, numbers in zip(net.params, expected, strict=True):
        np.testing.assert_allclose(to_host(parameter), numbers, rtol=1e-12, atol=1e-14)


def test_the_costs_say_what_they_can_aim_at():
    assert quadratic.targets == (-INF, INF)
    assert cross_entropy.targets == (0, 1)
    assert log_likelihood.targets is None
    assert ops.Cost("some", None, quadratic.value).targets is None


def test_labels_become_targets_and_targets_are_turned(xp):
    assert to_host(ops.targets(xp.asarray([2, 0]), 3, "float32")).tolist() == [[0, 1], [0, 0], [1, 0]]
    y = xp.asarray([[0.5, 1.0], [2.0, 3.0], [-1.0, 0.0]])
    assert to_host(ops.targets(y, 2, "float64")).tolist() == [[0.5, 2, -1], [1, 3, 0]]


# Targets that are labels.


@ends
@dtypes
def test_one_hot_targets_are_labels_bit_for_bit(cost, activation, dtype, device):
    x, labels = aimed(14)[0], np.arange(14) * 5 % 3
    one_hot = [[float(label == k) for k in range(3)] for label in labels]
    options = {"outputs": 3, "device": device, "dtype": dtype}
    by_labels, by_targets = make(cost, activation, **options), make(cost, activation, **options)
    assert by_targets.cost((x, one_hot)) == by_labels.cost((x, labels))
    for one, other in zip(by_targets.gradients((x, one_hot)), by_labels.gradients((x, labels)), strict=True):
        assert to_host(one).tobytes() == to_host(other).tobytes()
    for options in ({}, {"shuffle": True, "drop_last": False, "lmbda": 0.1}):
        train(by_labels, (x, labels), eta=0.1, optimizer=Momentum(0.9), **options)
        train(by_targets, (x, one_hot), eta=0.1, optimizer=Momentum(0.9), **options)
        assert ending(by_targets) == ending(by_labels)


@pytest.mark.parametrize("kind", ["bool", "int8", "uint8", "int64", "float16", "float32", "float64"])
def test_targets_of_any_real_kind_are_cast_to_the_networks(kind, device):
    x, y = aimed(8)
    y = (y > 0.5).astype(kind)
    net = make(dtype="float32", device=device)
    expected = make(dtype="float32", device=device)
    train(net, (x, y))
    assert net.y.dtype == "float32"
    train(expected, (x, y.astype(float).tolist()))
    assert ending(net) == ending(expected)


# Training.


def least_squares(x, y):
    """Weights and biases of the line with the lowest cost, from the normal equations."""
    wide = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.solve(wide.T @ wide, wide.T @ y)
    return solution[:-1], solution[-1], float(((wide @ solution - y) ** 2).sum() / (2 * len(x)))


@dtypes
@pytest.mark.parametrize("outputs", [1, 2])
def test_linear_regression_finds_the_least_squares(outputs, dtype, device):
    x = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    y = x @ random_like(np, (3, outputs), 1) - 5 + 0.3 * random_like(np, (20, outputs), 2)
    w, b, lowest = least_squares(x, y)
    net = Network([FullyConnectedLayer(3, outputs, linear, cost="quadratic")], 20, device=device, dtype=dtype)
    history = train(net, (x, y), 250, 1.0)
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(to_host(net.layers[0].w), w, atol=tolerance)
    np.testing.assert_allclose(to_host(net.layers[0].b), b, atol=tolerance)
    assert history.cost[-1] == pytest.approx(lowest, rel=tolerance)


def test_one_weight_converges_as_fast_as_the_closed_form_says(device):
    x, y = np.array([1.0, 2, -1, 0.5, -1, -2, 1, -0.5]), np.array([2.0, 3, -1, 2, -2, -3, 1, -2])  # the bias stays 0
    net = Network([FullyConnectedLayer(1, 1, linear, cost="quadratic")], 8, device=device, dtype="float64")
    net.layers[0].w[...], net.layers[0].b[...] = 0, 0
    train(net, (x[:, None], y[:, None]), 10, 0.2)
    square, product = (1 + 4 + 1 + 0.25) / 4, (2 + 6 + 1 + 1) / 4  # means of x^2 and of x y
    assert float(net.layers[0].w[0, 0]) == pytest.approx(product / square * (1 - (1 - 0.2 * square) ** 10))
    assert float(net.layers[0].b[0]) == pytest.approx(0, abs=1e-12)


def test_a_single_output_learns_the_mean_of_its_targets(device):
    y = np.array([[0.1], [0.4], [0.85], [0.25]])
    for cost, activation in (("quadratic", linear), ("cross_entropy", sigmoid), ("quadratic", sigmoid)):
        net = Network([FullyConnectedLayer(1, 1, activation, cost=cost)], 4, device=device, dtype="float64")
        train(net, (np.zeros((4, 1)), y), 100, 0.5 if activation is linear else 4.0)
        assert net.forward([[0.0]])[0, 0] == pytest.approx(0.4, abs=1e-9)
    # the quadratic cost is then half the variance of the targets
    assert net.cost((np.zeros((4, 1)), y)) == pytest.approx(y.var() / 2)


def test_a_hidden_layer_learns_a_curve():
    x = np.linspace(-1, 1, 40)[:, None]
    layers = [FullyConnectedLayer(1, 8, tanh), FullyConnectedLayer(8, 1, linear, cost="quadratic")]
    net = Network(layers, 10, device="cpu", dtype="float64")
    train(net, (x, x**2), 300, 0.2, shuffle=True)
    assert net.cost((x, x**2)) < least_squares(x, x**2)[2] / 10  # below which no line comes


# Ways of training.


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"l1": 0.1, "penalty_divisor": "none"}])
def test_an_incomplete_mini_batch_is_left_out_or_trained(options):
    x, y = aimed(11)
    whole, cut = make(), make()
    train(whole, (x, y), **options)
    assert whole.steps == 3 * 2
    if not options.get("shuffle"):  # which draws from all
        train(cut, (x[:8], y[:8]), **options)
        assert ending(cut) == ending(whole)
    rest = make()
    train(rest, (x, y), drop_last=False, **options)
    assert rest.steps == 3 * 3
    assert rest.y.shape == (3, 2)


def test_shuffled_images_keep_their_targets(device):
    x = np.arange(12.0)[:, None]
    seen = []
    net = Network([FullyConnectedLayer(1, 2, linear, cost="quadratic")], 4, device=device, dtype="float64")
    step = net.train_mini_batch

    def watched(rows, y, *rest, **options):
        seen.append((to_host(rows).copy(), to_host(y).copy()))
        return step(rows, y, *rest, **options)

    net.train_mini_batch = watched
    train(net, (x, np.hstack([10 * x, -x])), 2, 1e-6, shuffle=True)
    assert len(seen) == 6
    for rows, y in seen:
        assert y.tolist() == np.hstack([10 * rows, -rows]).tolist()
    orders = [np.concatenate([rows[:, 0] for rows, _ in seen[i : i + 3]]).tolist() for i in (0, 3)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(12))
    assert orders[0] != orders[1]


def memory_orders(array):
    yield np.asfortranarray(array)
    yield np.repeat(array, 2, axis=0)[::2]
    yield np.ascontiguousarray(array[::-1])[::-1]
    yield np.pad(array, 1)[1:-1, 1:-1]
    yield array.tolist()


def test_how_targets_lie_in_memory_does_not_matter(device):
    x, y = aimed(12)
    expected, gradients = make(device=device), make(device=device).gradients((x, y))
    train(expected, (x, y), shuffle=True)
    for other in memory_orders(y):
        net = make(device=device)
        for one, kept in zip(net.gradients((x, other)), gradients, strict=True):
            np.testing.assert_allclose(to_host(one), to_host(kept), rtol=1e-12)
        train(net, (x, other), shuffle=True)
        for one, kept in zip(net.params, expected.params, strict=True):
            np.testing.assert_allclose(to_host(one), to_host(kept), rtol=1e-12)


def test_targets_are_left_as_they_were(device):
    net = make(device=device)
    x, y = (net.xp.asarray(part) for part in aimed(12))
    kept = to_host(x).copy(), to_host(y).copy()
    train(net, (x, y), shuffle=True)
    net.gradients((x, y))
    net.cost((x, y))
    np.testing.assert_array_equal(to_host(x), kept[0])
    np.testing.assert_array_equal(to_host(y), kept[1])


def test_images_that_are_made_when_they_are_asked_for_can_have_targets(device):
    pictures, origins = expand((np.random.default_rng(0).uniform(0, 1, (4, 3, 3)), np.arange(4)))
    y = aimed(4)[1][origins]
    found = []
    for x in (pictures, np.asarray(pictures)):
        net = Network([FullyConnectedLayer(9, 2, linear, cost="quadratic")], 5, device=device, dtype="float64")
        train(net, (x, y), 2, 0.1, shuffle=True)
        found.append((net.cost((x, y)), ending(net)))
    assert found[0] == found[1]


@dtypes
@pytest.mark.parametrize("stops", [[1], [2, 4]])
def test_a_run_in_pieces_ends_with_the_same_bits(stops, dtype, device, tmp_path):
    def once(epochs, folder):
        net = make("cross_entropy", sigmoid, device=device, dtype=dtype)
        options = {"shuffle": True, "drop_last": False, "optimizer": Momentum(0.9)}
        train(net, aimed(11), epochs, 0.05, checkpoint=folder, **options)
        return ending(net)

    expected = once(5, None)
    for epochs in stops:
        once(epochs, tmp_path)
    assert once(5, tmp_path) == expected


def test_a_run_with_other_targets_is_another_run(tmp_path):
    x, y = aimed(12)
    train(make(), (x, y), 1, checkpoint=tmp_path)
    train(make(), (x, np.asfortranarray(y)), 2, checkpoint=tmp_path)
    other = y.copy()
    other[7, 1] += 1e-6
    with pytest.raises(ValueError, match=r"belongs to another run, with data "):
        train(make(), (x, other), 3, checkpoint=tmp_path)


def test_a_network_that_aimed_at_targets_is_saved_and_goes_on(tmp_path):
    net, data = make(), aimed(12)
    train(net, data)
    net.save(tmp_path / "net.npz")
    loaded = Network.load(tmp_path / "net.npz", device="cpu")
    assert loaded.cost(data) == net.cost(data)
    train(net, data)
    train(loaded, data)
    assert ending(loaded) == ending(net)


def test_labels_measure_a_network_that_is_trained_on_targets():
    net = make("cross_entropy", sigmoid, outputs=3)
    x, y = aimed(12, 3)
    labels = np.arange(12) % 3
    history = net.SGD((x, y), 2, 4, 0.1, (x, labels), (x, labels), verbose=False)
    assert history.validation_accuracy[-1] == net.accuracy((x, labels))
    assert len(history.test_accuracy) == 2


# What is refused.


def uses(net):
    """All that takes targets."""
    yield "data", net.cost
    yield "data", net.gradients
    yield "training_data", lambda data: train(net, data)


def bad(change, kind=float):
    x, y = aimed(8)
    y = y.astype(kind)
    y[5, 1] = change
    return x, y


X, Y = aimed(8)
WRONG = {
    "too few rows": ((X, Y[:7]), r"real numbers \(8, 2\); got dtype float64, shape \(7, 2\)"),
    "too many outputs": ((X, np.ones((8, 3))), r"real numbers \(8, 2\); got dtype float64, shape \(8, 3\)"),
    "too few outputs": ((X, Y[:, :1]), r"real numbers \(8, 2\); got dtype float64, shape \(8, 1\)"),
    "turned": ((X, Y.T), r"real numbers \(8, 2\); got dtype float64, shape \(2, 8\)"),
    "three axes": ((X, Y[:, :, None]), r"real numbers \(8, 2\); got dtype float64, shape \(8, 2, 1\)"),
    "nan": (bad(NAN), "finite numbers; found nan or infinity, first in row 5"),
    "inf": (bad(INF), "finite numbers; found nan or infinity, first in row 5"),
    "-inf": (bad(-INF), "finite numbers; found nan or infinity, first in row 5"),
}
# A device's library has no arrays of these.
WRONG_KINDS = {
    "complex": ((X, Y + 0j), r"real numbers \(8, 2\); got dtype complex128"),
    "strings": ((X, Y.astype(str)), r"real numbers \(8, 2\); got dtype <U"),
    "objects": ((X, Y.astype(object)), r"real numbers \(8, 2\); got dtype object"),
    "dates": ((X, np.full((8, 2), "2024-01-01", "datetime64[D]")), r"real numbers \(8, 2\); got dtype datetime64"),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("cost", "activation"), [("quadratic", linear), ("cross_entropy", sigmoid)])
def test_wrong_targets_are_refused_before_anything_happens(data, message, cost, activation, device):
    net = make(cost, activation, device=device)
    before = [to_host(p).tobytes() for p in net.params]
    for name, use in uses(net):
        with pytest.raises(ValueError, match=rf"^{name} targets: expected {message}"):
            use(data)
    assert (net.steps, net.history) == (0, None)
    assert [to_host(p).tobytes() for p in net.params] == before


@pytest.mark.parametrize(("data", "message"), WRONG_KINDS.values(), ids=WRONG_KINDS)
def test_targets_of_a_wrong_kind_are_refused(data, message):
    for name, use in uses(make()):
        with pytest.raises(ValueError, match=rf"^{name} targets: expected {message}"):
            use(data)


def test_targets_that_overflow_in_the_networks_dtype_are_refused():
    x = np.zeros((8, 3))
    net = Network([FullyConnectedLayer(3, 2, linear, cost="quadratic")], 4, dtype="float32")
    assert np.isfinite(net.cost((x, np.full((8, 2), 1e18))))
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match=r"^data targets: expected finite"):
        net.cost((x, np.full((8, 2), 1e39)))


def test_ragged_targets_are_refused():
    for name, use in uses(make()):
        with pytest.raises(ValueError, match=rf"^{name} labels: expected entries of one shape"):
            use((X, [[0.5, 0.5]] * 7 + [[0.5]]))


@pytest.mark.parametrize(
    ("number", "shown"), [(1.25, "to 1.25"), (-0.5, "got -0.5 to"), (2, "to 2"), (-3, "got -3 to")]
)
def test_the_cross_entropy_aims_between_0_and_1(number, shown, device):
    kind = float if isinstance(number, float) else int
    data = bad(number, kind)
    for name, use in uses(make("cross_entropy", sigmoid, device=device)):
        with pytest.raises(ValueError, match=rf"^{name} targets: expected numbers from 0 to 1; got ") as refusal:
            use(data)
        assert shown in str(refusal.value)
    assert math.isfinite(make(device=device).cost(data))  # and the quadratic cost anywhere


def test_the_ends_of_the_interval_are_in_it(device):
    net = make("cross_entropy", sigmoid, device=device)
    y = np.array([[0, 1], [1, 0]] * 4)
    assert net.cost((X, y)) == net.cost((X, 1 - np.arange(8) % 2))
    train(net, (X, y))


@pytest.mark.parametrize("y", [Y, Y.round().astype(int), Y.tolist()])
def test_a_softmax_layer_takes_labels_and_no_targets(y, device):
    net = Network([SoftmaxLayer(3, 2)], 4, device=device)
    for name, use in uses(net):
        with pytest.raises(TypeError, match=rf"^{name} labels: expected a vector of integer labels; got .*\(8, 2\)"):
            use((X, y))


@pytest.mark.parametrize("y", [[0.5] * 8, [1.0] * 8, [True] * 8, 0.5])
def test_targets_have_two_axes_even_for_one_output(y, device):
    for name, use in uses(make(outputs=1, device=device)):
        with pytest.raises(TypeError, match=rf"^{name} labels: expected a vector of integer labels"):
            use((X, np.asarray(y)))


def test_one_output_takes_labels_of_one_class_or_targets():
    net = make(outputs=1)
    assert net.cost((X, np.zeros(8, int))) == net.cost((X, np.ones((8, 1))))
    with pytest.raises(ValueError, match=r"^data labels: expected labels from 0 to 0; got 0 to 1$"):
        net.cost((X, np.arange(8) % 2))


@ends
def test_accuracies_need_labels(cost, activation, device):
    net = make(cost, activation, device=device)
    message = r"labels: expected a vector of integer labels; got dtype float64, shape \(8, 2\)"
    for measure in (net.accuracy, net.error):
        with pytest.raises(TypeError, match=f"^data {message}"):
            measure((X, Y))
    for name, sets in (("validation_data", ((X, Y), None)), ("test_data", (None, (X, Y)))):
        with pytest.raises(TypeError, match=f"^{name} {message}"):
            net.SGD((X, Y), 1, 4, 0.1, *sets, verbose=False)
    assert net.steps == 0


def test_a_layer_without_a_cost_aims_at_nothing():
    net = Network([FullyConnectedLayer(3, 2)], 4, device="cpu")
    for _, use in uses(net):
        with pytest.raises(ValueError, match=r"^layers: expected the last to have a cost"):
            use((X, Y))


def test_too_few_images_for_a_mini_batch_are_refused_as_ever():
    with pytest.raises(ValueError, match=r"^training_data: expected at least 4 images, a mini-batch; got 3$"):
        train(make(), (X[:3], Y[:3]))
