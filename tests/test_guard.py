"""The guard: where the first number is that is none, what is kept, and that it disturbs nothing."""

import numpy as np
import pytest

from netlib import FullyConnectedLayer, Network, ReLU, SoftmaxLayer, data, linear
from netlib.backend import to_host
from netlib.guard import Guard, NonFiniteError
from netlib.ops import dropout_mask
from netlib.optimizers import GradientDescent, Momentum, RMSprop
from netlib.stopping import EarlyStopping
from netlib.training import shuffled
from tests.device import crossings

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns of what the guard is for
NAN, INF = float("nan"), float("inf")


@pytest.fixture
def few(monkeypatch):
    """On a CPU a look every ten mini-batches."""
    monkeypatch.setattr("netlib.guard.EVERY", 10)


def make(device="cpu", dtype="float32", p_dropout=0.0, seed=0):
    layers = [FullyConnectedLayer(4, 6, ReLU), FullyConnectedLayer(6, 5, ReLU), SoftmaxLayer(5, 3, p_dropout)]
    net = Network(layers, 4, seed=seed, device=device, dtype=dtype)
    draws = np.random.default_rng(seed)
    for parameter in net.params:
        parameter[...] = net.xp.asarray(draws.random(parameter.shape))
    return net


def images(n=24, seed=0):
    draws = np.random.default_rng(seed)
    return draws.random((n, 4)), draws.integers(3, size=n)


def train(net, epochs=3, eta=0.1, sets=None, **options):
    return net.SGD(sets or images(), epochs, 4, eta, None, None, verbose=False, **options)


def bits(net, optimizer=None):
    remembered = optimizer.memory if optimizer else {}
    arrays = [*net.params, *remembered.values()]
    return list(remembered), [to_host(array).tobytes() for array in arrays], net.steps


def poison(net, at, action):
    """Let something happen to a network just before a training step."""
    step = net.train_mini_batch

    def poisoned(*arguments, **options):
        if net.steps == at:
            action(net)
        return step(*arguments, **options)

    net.train_mini_batch = poisoned


class Leap(GradientDescent):
    """An optimizer that goes too far in one of its steps."""

    def __init__(self, at, eta, optimizer):
        super().__init__()
        self.at, self.eta, self.optimizer, self.memory = at, eta, optimizer, optimizer.memory
        self.net = None

    def step(self, layers, eta, penalty):
        self.optimizer.step(layers, self.eta if self.net.steps == self.at else eta, penalty)


def caught(net, **options):
    with pytest.raises(NonFiniteError) as error:
        train(net, **options)
    return error.value


# What was not finite, and why.


@pytest.mark.parametrize("eta", [1e30, 1e38])
def test_a_learning_rate_that_is_too_high(eta, device):
    error = caught(make(device), eta=eta)
    assert error.cause.startswith("a learning rate that is too high (the largest parameter has grown from 0.")
    assert error.cause.endswith("; try a tenth of it")
    assert f"training step {error.step}: not finite: the {error.operation} of layer {error.layer}, " in str(error)
    assert "The network keeps the weights from before this step" in str(error)


PARAMETERS = [(i, "wb"[j]) for i in range(3) for j in range(2)]


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize(("layer", "name"), PARAMETERS)
def test_parameters_that_were_not_finite_before(layer, name, bad, device):
    net = make(device)
    getattr(net.layers[layer], name)[-1] = bad
    error = caught(net)
    assert (error.step, error.layer, error.operation) == (0, layer, name)
    assert error.cause == "it was not finite before the step"
    assert f"the {name} of layer {layer}, {net.layers[layer]!r}. Likely cause: it was" in str(error)
    assert net.steps == 0


@pytest.mark.parametrize("device_of_images", ["cpu", "same"])
def test_images_that_are_much_too_large(device_of_images, device):
    net = make(device)
    x, y = images()
    x[9] = 3e38
    error = caught(net, sets=(x if device_of_images == "cpu" else net.xp.asarray(x), y))
    assert (error.step, error.layer, error.operation) == (2, 0, "weighted sum")
    assert error.cause == "the images, which go up to 3e+38 and should lie between 0 and 1"


def test_images_that_overflow_only_in_a_later_layer_are_the_cause_there():
    net = make()
    net.layers[1].w *= 1e5
    x, y = images()
    x[:] = -1e-3  # a ReLU lets nothing through but the biases
    x[6] = 1e36
    error = caught(net, sets=(x, y), eta=0.0)
    assert (error.step, error.layer, error.operation) == (1, 1, "weighted sum")
    assert error.cause.startswith("the images, which go up to 1e+36")


@pytest.mark.parametrize(
    ("brightest", "cause"), [(255, "the images, which go up to 255 and"), (100, "a learning rate")]
)
def test_images_that_nobody_divided_by_255_are_suspected_first(brightest, cause):
    x, y = images()
    x[:, 0] = 1
    assert caught(make(), sets=(brightest * x, y), eta=1e30).cause.startswith(cause)


def test_it_drops_the_units_that_the_step_dropped():
    net = Network([SoftmaxLayer(2, 3, 0.5)], 1, device="cpu")
    net.layers[0].w[...] = 3e38  # too much for both units together
    both = [bool(dropout_mask(np, (2, 1), 0.5, seed=0, place=0, step=n).all()) for n in range(30)]
    assert not both[0]
    with pytest.raises(NonFiniteError) as error:
        net.SGD((np.ones((30, 2)), np.zeros(30, int)), 1, 1, 0.0, None, None, verbose=False)
    assert (error.value.step, error.value.operation) == (both.index(True), "weighted sum")


def test_bright_images_alone_are_no_error():
    x, y = images()
    assert np.isfinite(train(make(), sets=(255 * x, y), eta=1e-6).cost).all()


def test_images_that_are_not_finite():
    x, y = (array.astype(dtype) for array, dtype in zip(images(), ("float32", "int64"), strict=True))
    net = make()

    def spoil(net):
        x[7, 1] = NAN  # the checks before training have passed

    error = caught(net, sets=(x, y), epochs=2, after_epoch=spoil)
    assert (error.step, error.layer, error.operation) == (7, None, "images")
    assert "training step 7: not finite: the images. Likely cause: the images of this mini-batch are not" in str(error)


def test_of_shuffled_images_it_looks_at_those_of_the_step():
    x, y = (array.astype(dtype) for array, dtype in zip(images(), ("float32", "int64"), strict=True))
    net, other = make(), make()
    other.steps = 6  # where the second epoch begins
    step = 6 + shuffled(other, y).tolist().index(20) // 4
    assert step != 6 + 20 // 4
    error = caught(net, sets=(x, y), epochs=2, shuffle=True, after_epoch=lambda net: x[20].fill(NAN))
    assert (error.step, error.operation) == (step, "images")


@pytest.mark.parametrize(("dtype", "largest"), [("float32", 3e38), ("float64", 1.7e308)])
def test_the_logarithm_of_zero(dtype, largest, device):
    net = Network([SoftmaxLayer(4, 3)], 4, device=device, dtype=dtype)
    net.layers[0].b[...] = net.xp.asarray([largest, -largest, 0])
    x, y = np.zeros((8, 4)), np.array([0, 0, 0, 0, 0, 1, 0, 0])
    error = caught(net, sets=(x, y), eta=0.0)
    assert (error.layer, error.operation) == (None, "cost")
    assert error.cause.startswith(
        "log of zero: an output that should be 1 is 0, as far as this dtype can tell; weights"
    )
    assert f"up to {largest:.3g}" in error.cause


def test_a_quadratic_cost_that_overflows_is_no_logarithm():
    net = Network([FullyConnectedLayer(4, 3, linear, cost="quadratic", init="zeros")], 4, device="cpu")
    net.layers[0].b[...] = 1e30
    error = caught(net)
    assert (error.step, error.layer, error.operation) == (0, None, "cost")
    assert error.cause == "weights that were large before training, up to 1e+30"


def test_an_overflow_in_the_second_layer_only():
    net = make()
    net.layers[1].w[...] = 3e38
    error = caught(net)
    assert (error.step, error.layer, error.operation) == (0, 1, "weighted sum")
    assert error.cause == "weights that were large before training, up to 3e+38"
    assert "weighted sum of layer 1, FullyConnectedLayer(n_in=6, n_out=5)" in str(error)
    doubled = make(dtype="float64")
    doubled.layers[1].w[...] = 3e38
    assert np.isfinite(train(doubled, 1, eta=0.0).cost).all()


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", ["w", "b"])
def test_a_gradient(layer, name):
    """Numbers that are finite all the way forward, and overflow only on the way back."""
    net = make()
    step = net._backpropagate

    def spoiled(*arguments):
        cost = step(*arguments)
        if net.steps == 3:
            net.layers[layer].gradients["wb".index(name)][0] = INF
            net.layers[0].gradients[1][:] = NAN  # the way back meets this last
        return cost

    net._backpropagate = spoiled
    error = caught(net)
    assert (error.step, error.layer, error.operation) == (3, layer, f"gradient of {name}")
    assert error.cause.startswith("a learning rate")


def test_an_overflow_on_the_way_back():
    layers = [FullyConnectedLayer(4, 3, linear), FullyConnectedLayer(3, 3, linear, cost="quadratic")]
    net = Network(layers, 4, device="cpu")
    for parameter in net.params:
        parameter[...] = 0
    net.layers[1].w[...] = 1e38 * (np.arange(3) - 1)  # 0 times these, until the errors of the outputs come back
    x, y = np.full((8, 4), 50.0), np.zeros(8, int)
    x[4:] = 90.0
    net.layers[1].b[...] = [0, 5, 0]
    error = caught(net, sets=(x, y), eta=0.0)
    assert (error.step, error.layer, error.operation) == (0, 0, "gradient of w")


@pytest.mark.parametrize("at", [0, 2, 5])
@pytest.mark.parametrize("make_optimizer", [GradientDescent, Momentum, RMSprop])
def test_a_step_that_goes_too_far(make_optimizer, at, device):
    """Cost and gradients are finite, and the weights after the step are not: those before it are kept."""
    net, by_hand = make(device), make(device)
    optimizer, other = Leap(at, 1e39, make_optimizer()), make_optimizer()
    optimizer.net = net
    error = caught(net, optimizer=optimizer, epochs=1)
    assert (error.step, error.operation) == (at, "step of w")
    assert error.cause.startswith("a learning rate that is too high (the largest parameter has grown from 0.")
    assert error.cause.endswith("to inf); try a tenth of it") or "to nan)" in error.cause
    if at:
        train(by_hand, 1, sets=[part[: 4 * at] for part in images()], optimizer=other)
    assert bits(net, optimizer) == bits(by_hand, other)


# What is kept.


@pytest.mark.parametrize("at", [0, 1, 9, 10, 11, 25, 26, 40])
@pytest.mark.parametrize("make_optimizer", [GradientDescent, Momentum, RMSprop])
def test_the_weights_of_before_the_step_are_kept_with_all_that_goes_with_them(make_optimizer, at, device, few):
    """Shuffled and expanded, with dropout and two epochs of 26 mini-batches; and stopped there by hand."""
    sets = data.expand((images(21)[0].reshape(21, 1, 2, 2), images(21)[1]))
    optimizer, other = make_optimizer(), make_optimizer()
    net, by_hand = make(device, p_dropout=0.5), make(device, p_dropout=0.5)
    options = {"sets": sets, "shuffle": True, "lmbda": 0.1, "l1": 0.1, "epochs": 2, "eta": 0.01}

    back = net._backpropagate

    def spoiled(*arguments):
        cost = back(*arguments)
        if net.steps == at:
            net.layers[2].gradients[1][0] = NAN
        return cost

    net._backpropagate = spoiled
    error = caught(net, optimizer=optimizer, **options)
    assert (error.step, error.layer, error.operation) == (at, 2, "gradient of b")

    def stop(_):
        raise KeyboardInterrupt

    poison(by_hand, at, stop)
    with pytest.raises(KeyboardInterrupt):
        train(by_hand, optimizer=other, guard=False, **options)
    assert bits(net, optimizer) == bits(by_hand, other)
    assert net.steps == at
    assert len(net.history.cost) == at // 26


def test_what_was_kept_trains_on():
    net, whole = make(p_dropout=0.5), make(p_dropout=0.5)
    optimizer, other = Leap(9, 1e39, Momentum()), Momentum()
    optimizer.net = net
    caught(net, optimizer=optimizer, epochs=2)
    assert net.steps == 9
    x, y = images()
    train(net, 1, sets=(x[12:], y[12:]), optimizer=optimizer.optimizer)
    train(whole, 2, optimizer=other)
    assert bits(net, optimizer) == bits(whole, other)


def test_a_checkpoint_is_kept_from_before_the_failure(tmp_path):
    net, by_hand = make(), make()
    poison(net, 14, lambda net: net.params[0].fill(NAN))
    assert caught(net, checkpoint=tmp_path).step == 14
    train(by_hand, 2)
    kept = Network.load(tmp_path / "epoch-0001.npz", device="cpu")
    assert bits(kept) == bits(by_hand)


def test_no_look_of_early_stopping_sees_weights_that_are_not_finite():
    net, stopping = make(), EarlyStopping(6, increase=99)
    x, y = images()
    optimizer = Leap(10, 1e39, Momentum())
    optimizer.net = net
    with pytest.raises(NonFiniteError):
        net.SGD((x, y), 9, 4, 0.1, (x, y), None, optimizer=optimizer, early_stopping=stopping, verbose=False)
    assert [look[0] for look in net.history.looks] == [2, 5, 8]
    assert all(np.isfinite(array).all() for array in stopping.best.values())


# What it leaves alone.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make_optimizer", [GradientDescent, Momentum, RMSprop])
@pytest.mark.parametrize("expanded", [False, True])
def test_a_run_that_is_well_is_the_same_with_and_without_it(make_optimizer, dtype, expanded, device, few):
    x, y = images(100)
    sets = data.expand((x[:20].reshape(20, 2, 2), y[:20])) if expanded else (x, y)
    endings = []
    for guard in (True, False):
        net, optimizer = make(device, dtype, 0.3), make_optimizer()
        options = {"shuffle": True, "lmbda": 0.1, "optimizer": optimizer, "guard": guard}
        history = train(net, 3, 0.01, sets=sets, **options)
        endings.append((bits(net, optimizer), history.cost))
    assert endings[0] == endings[1]


def test_without_it_numbers_that_are_none_go_on():
    net = make()
    history = train(net, eta=1e30, guard=False)
    assert net.steps == 18
    assert not np.isfinite(history.cost[-1])


def test_sums_that_overflow_though_no_number_does_are_no_error(device):
    net, plain = make(device), make(device)
    for one in (net, plain):
        one.layers[2].w[...] = 0
        one.layers[2].w[:3] = one.xp.asarray(np.full((3, 3), 2e38, "float32"))
        one.layers[0].b[...] = one.layers[1].b[...] = -30  # nothing comes so far
    train(net, 2, optimizer=Momentum())
    train(plain, 2, optimizer=Momentum(), guard=False)
    assert bits(net) == bits(plain)
    assert net.steps == 12


def test_on_a_cpu_it_looks_every_few_mini_batches(few, monkeypatch):
    net, looks, check = make(), [], Guard.check
    monkeypatch.setattr(Guard, "check", lambda *arguments: looks.append(net.steps) or check(*arguments))
    train(net, 2, sets=images(104))
    assert looks == [10, 20, 26, 36, 46, 52]


def test_on_a_gpu_it_fetches_one_number_an_epoch(install_cupy):
    install_cupy()
    net, counts = make("gpu"), []
    x, y = images(1200)
    for guard in (True, False):
        before = crossings["to host"]
        train(net, 2, sets=(x, y), guard=guard)
        counts.append(crossings["to host"] - before)
    assert counts[0] - counts[1] == 2 + len(net.params)  # and the largest weight at the beginning
