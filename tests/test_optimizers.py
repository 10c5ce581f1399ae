"""The steps of all optimizers, on layers that are nothing but arrays, and in training."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from netlib import FullyConnectedLayer, Network, SoftmaxLayer
from netlib.backend import to_host
from netlib.optimizers import GradientDescent, Momentum, Penalty, RMSprop
from netlib.schedules import OfEpoch, Through
from tests.gradients import random_like


def make_layer(xp, seed=0, dtype="float64"):
    w, b, dw, db = (random_like(xp, shape, seed + i).astype(dtype) for i, shape in enumerate([(3, 4), (4,)] * 2))
    return SimpleNamespace(w=w, b=b, params=[w, b], gradients=[dw, db])


def params(layers):
    return [parameter for layer in layers for parameter in layer.params]


def copies(layer):
    return [to_host(array).copy() for array in (*layer.params, *layer.gradients)]


def test_every_parameter_moves_against_its_gradient(xp):
    layers = [make_layer(xp, seed) for seed in (0, 10)]
    before = [copies(layer) for layer in layers]
    GradientDescent().step(layers, 0.25)
    for layer, (w, b, dw, db) in zip(layers, before, strict=True):
        np.testing.assert_allclose(to_host(layer.w), w - 0.25 * dw, rtol=1e-15)
        np.testing.assert_allclose(to_host(layer.b), b - 0.25 * db, rtol=1e-15)


def test_the_penalty_shrinks_the_weights_before_the_step_and_never_the_biases(xp):
    layer = make_layer(xp)
    w, b, dw, db = copies(layer)
    GradientDescent().step([layer], 0.25, Penalty(l2=0.4))
    np.testing.assert_allclose(to_host(layer.w), 0.9 * w - 0.25 * dw, rtol=1e-14)
    np.testing.assert_allclose(to_host(layer.b), b - 0.25 * db, rtol=1e-15)


@pytest.mark.parametrize("decay", [1.0, 0.5, 0.0, -0.5])
def test_without_gradients_only_the_penalty_acts(decay, xp):
    layer = make_layer(xp)
    w, b, *_ = copies(layer)
    for gradient in layer.gradients:
        gradient[...] = 0
    GradientDescent().step([layer], 0.25, Penalty(l2=4 * (1 - decay)))
    np.testing.assert_array_equal(to_host(layer.w), decay * w)
    np.testing.assert_array_equal(to_host(layer.b), b)


def test_a_learning_rate_of_zero_changes_nothing(xp):
    layer = make_layer(xp)
    w, b, *_ = copies(layer)
    GradientDescent().step([layer], 0.0)
    np.testing.assert_array_equal(to_host(layer.w), w)
    np.testing.assert_array_equal(to_host(layer.b), b)


def test_parameters_are_changed_in_place_and_keep_their_dtype(xp):
    layer = make_layer(xp, dtype="float32")
    w, b = layer.w, layer.b
    GradientDescent().step([layer], 0.25, Penalty(0.4))
    assert layer.w is w
    assert layer.b is b
    assert w.dtype == b.dtype == np.float32


# All of them against their formulas, written down once more.


def momentum(w, steps, eta, mu, nesterov=False):
    v = 0
    for gradient in steps:
        dw = gradient(w)
        v = mu * v - eta * dw
        w = w + mu * v - eta * dw if nesterov else w + v
    return w


def rmsprop(w, steps, eta, rho=0.9, epsilon=1e-8):
    s = 0
    for gradient in steps:
        dw = gradient(w)
        s = rho * s + (1 - rho) * dw**2
        w = w - eta * dw / (np.sqrt(s) + epsilon)
    return w


OPTIMIZERS = {
    "plain": (GradientDescent, lambda w, steps, eta: momentum(w, steps, eta, 0)),
    "momentum": (lambda: Momentum(0.8), lambda w, steps, eta: momentum(w, steps, eta, 0.8)),
    "Nesterov's": (
        lambda: Momentum(0.8, nesterov=True),
        lambda w, steps, eta: momentum(w, steps, eta, 0.8, nesterov=True),
    ),
    "RMSprop": (RMSprop, rmsprop),
    "another RMSprop": (lambda: RMSprop(0.6, 0.1), lambda w, steps, eta: rmsprop(w, steps, eta, 0.6, 0.1)),
}
each_optimizer = pytest.mark.parametrize("make", [make for make, _ in OPTIMIZERS.values()], ids=OPTIMIZERS)


@pytest.mark.parametrize("penalty", [Penalty(), Penalty(l2=0.3), Penalty(l1=0.2), Penalty(0.3, 0.2)], ids=str)
@pytest.mark.parametrize(("make", "reference"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_seven_steps_are_those_of_the_formulas(make, reference, penalty, xp):
    optimizer, layers = make(), [make_layer(xp, seed) for seed in (0, 10)]
    for layer in layers:
        layer.w[0, 0] = 0  # where the L1 penalty has no slope
    before = [copies(layer)[:2] for layer in layers]
    given = [[random_like(xp, p.shape, 100 * n + i) for i, p in enumerate(params(layers))] for n in range(7)]
    kept = [[to_host(gradient).copy() for gradient in step] for step in given]
    for step in given:
        for place, layer in enumerate(layers):
            layer.gradients = step[2 * place : 2 * place + 2]
        optimizer.step(layers, 0.05, penalty)
        assert [layer.gradients for layer in layers] == [[], []]
    for i, parameter in enumerate(params(layers)):
        l2, l1 = penalty if i % 2 == 0 else (0, 0)
        steps = [lambda w, g=step[i], l1=l1, l2=l2: g + l2 * w + l1 * np.sign(w) for step in kept]
        expected = reference(before[i // 2][i % 2], steps, 0.05)
        np.testing.assert_allclose(to_host(parameter), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("penalty", [Penalty(), Penalty(l2=0.3)], ids=str)
@pytest.mark.parametrize(
    ("make", "name", "options"),
    [
        (GradientDescent, "SGD", {}),
        (lambda: Momentum(0.8), "SGD", {"momentum": 0.8}),
        (lambda: Momentum(0.8, nesterov=True), "SGD", {"momentum": 0.8, "nesterov": True}),
        (RMSprop, "RMSprop", {"alpha": 0.9}),
        (lambda: RMSprop(0.6, 0.1), "RMSprop", {"alpha": 0.6, "eps": 0.1}),
    ],
    ids=OPTIMIZERS,
)
def test_the_steps_are_those_of_pytorch(make, name, options, penalty):
    torch = pytest.importorskip("torch")
    layer, optimizer = make_layer(np), make()
    theirs = [torch.tensor(p.copy(), requires_grad=True) for p in layer.params]
    groups = [{"params": theirs[:1], "weight_decay": penalty.l2}, {"params": theirs[1:]}]
    other = getattr(torch.optim, name)(groups, lr=0.05, **options)
    for n in range(7):
        layer.gradients = [random_like(np, p.shape, 100 * n + i) for i, p in enumerate(layer.params)]
        for parameter, gradient in zip(theirs, layer.gradients, strict=True):
            parameter.grad = torch.tensor(gradient.copy())
        optimizer.step([layer], 0.05, penalty)
        other.step()
    for ours, parameter in zip(layer.params, theirs, strict=True):
        np.testing.assert_allclose(ours, parameter.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_of_zero_is_plain_gradient_descent(nesterov, xp):
    one, other = make_layer(xp), make_layer(xp)
    momentum, plain = Momentum(0, nesterov=nesterov), GradientDescent()
    for n in range(3):
        for layer, optimizer in ((one, momentum), (other, plain)):
            layer.gradients = [random_like(xp, p.shape, 100 * n + i) for i, p in enumerate(layer.params)]
            optimizer.step([layer], 0.25)
    for ours, expected in zip(copies(one), copies(other), strict=True):
        np.testing.assert_array_equal(ours, expected)


@each_optimizer
def test_parameters_and_what_is_remembered_stay_where_they_are_and_of_their_dtype(make, xp):
    layer, optimizer = make_layer(xp, dtype="float32"), make()
    before = layer.params
    optimizer.step([layer], 0.25, Penalty(0.4, 0.3))
    remembered = dict(optimizer.memory)
    layer.gradients = make_layer(xp, 1, "float32").gradients
    optimizer.step([layer], 0.25, Penalty(0.4, 0.3))
    assert all(now is then for now, then in zip([layer.w, layer.b], before, strict=True))
    assert all(optimizer.memory[name] is array for name, array in remembered.items())
    assert {array.dtype for array in (layer.w, layer.b, *remembered.values())} == {np.dtype("float32")}
    assert len(optimizer.memory) == (0 if make is GradientDescent else 2)


@each_optimizer
def test_a_step_takes_no_new_memory_once_there_was_one(make):
    shapes = (784, 100), (100,)
    w, b, dw, db = (np.full(shape, 0.01, "float32") for shape in shapes * 2)
    layer, optimizer = SimpleNamespace(w=w, b=b, params=[w, b]), make()
    for _ in range(3):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        layer.gradients = [dw, db]
        optimizer.step([layer], 0.1, Penalty(0.1, 0.1))
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
    assert peak < 2 * 1024, "the weights have 314 KB"


# Whose it is.


def make_network(seed=0, hidden=5, dtype="float64"):
    return Network([FullyConnectedLayer(4, hidden), SoftmaxLayer(hidden, 3)], 4, seed=seed, device="cpu", dtype=dtype)


def random_data(n=12):
    draws = np.random.default_rng(0)
    return draws.standard_normal((n, 4)), draws.integers(3, size=n)


def train(net, epochs=1, eta=0.1, **options):
    return net.SGD(random_data(), epochs, 4, eta, None, None, verbose=False, **options)


@pytest.mark.parametrize("other", [{"seed": 1}, {"hidden": 6}, {"dtype": "float32"}], ids=str)
@pytest.mark.parametrize("make", [Momentum, RMSprop])
def test_an_optimizer_that_remembers_another_network_is_refused_before_anything_moves(make, other):
    optimizer, net = make(), make_network(**other)
    train(make_network(), optimizer=optimizer)
    before = [parameter.copy() for parameter in net.params]
    with pytest.raises(ValueError, match=r"^optimizer: expected one that belongs to this network, or a new one; got "):
        train(net, optimizer=optimizer)
    assert all(np.array_equal(now, then) for now, then in zip(net.params, before, strict=True))
    assert net.steps == 0


def test_plain_gradient_descent_belongs_to_everyone(device):
    optimizer = GradientDescent()
    for net in (make_network(), make_network(hidden=6), Network([SoftmaxLayer(4, 3)], 4, device=device)):
        train(net, optimizer=optimizer, l1=0.1)
        net.train_mini_batch(net.xp.zeros((4, 4), net.dtype), net.xp.zeros(4, int), 0.1, Penalty(l1=0.1))


@each_optimizer
def test_two_calls_with_one_optimizer_are_one_long_call(make):
    twice, once, optimizer = make_network(), make_network(), make()
    train(twice, optimizer=optimizer)
    train(twice, 2, optimizer=optimizer)
    train(once, 3, optimizer=make())
    assert all(np.array_equal(a, b) for a, b in zip(twice.params, once.params, strict=True))


def test_a_scheduled_mu_is_that_of_each_epoch():
    annealed, by_hand = make_network(), make_network()
    train(annealed, 5, optimizer=Momentum(Through((0.5, 0.9, 0.99), 2), nesterov=True))
    optimizer = Momentum(0.5, nesterov=True)
    for mu in (0.5, 0.5, 0.9, 0.9, 0.99):
        now = Momentum(mu, nesterov=True)
        now.memory = optimizer.memory
        train(by_hand, optimizer=now)
    assert all(np.array_equal(a, b) for a, b in zip(annealed.params, by_hand.params, strict=True))


@pytest.mark.parametrize("nesterov", [False, True])
def test_training_with_all_penalties_is_that_of_the_formulas(nesterov):
    net, expected = make_network(), make_network()
    options = {"lmbda": 0.3, "l1": 0.2, "penalty_divisor": "examples"}
    train(net, 2, optimizer=Momentum(0.8, nesterov=nesterov), **options)
    (x, y), velocity = random_data(), [0] * 4
    for n in range(6):
        part = slice(n % 3 * 4, n % 3 * 4 + 4)
        gradients = expected.gradients((x[part], y[part]))
        for i, (w, dw) in enumerate(zip(expected.params, gradients, strict=True)):
            if i % 2 == 0:
                dw += 0.3 / 12 * w + 0.2 / 12 * np.sign(w)
            velocity[i] = 0.8 * velocity[i] - 0.1 * dw
            w += 0.8 * velocity[i] - 0.1 * dw if nesterov else velocity[i]
    for ours, theirs in zip(net.params, expected.params, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


# What is refused, and what they say.


NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("mu", Momentum),
        ("rho", RMSprop),
        ("epsilon", lambda epsilon: RMSprop(0.9, epsilon)),
        ("mu", lambda mu: train(make_network(), optimizer=Momentum(OfEpoch(lambda _: mu)))),
    ],
)
@pytest.mark.parametrize(
    ("value", "error"),
    [(-0.1, ValueError), (NAN, ValueError), ("0.9", TypeError), (None, TypeError), (True, TypeError)],
)
def test_bad_coefficients_are_refused_by_name(name, make, value, error):
    with pytest.raises(error, match=rf"^{name}: expected a .*number.*, zero or positive; got {value!r}"):
        make(value)


@pytest.mark.parametrize(
    "make", [Momentum, RMSprop, lambda mu: train(make_network(), optimizer=Momentum(lambda _: mu))]
)
def test_a_memory_that_never_fades_is_refused(make):
    with pytest.raises(ValueError, match=r"^(mu|rho): expected a number below 1, zero or positive; got 1.0"):
        make(1.0)


@pytest.mark.parametrize("name", ["optimizer", "early_stopping"])
@pytest.mark.parametrize("value", ["momentum", Momentum, 0, ()])
def test_what_is_no_optimizer_is_refused_by_name(name, value):
    expected = {"optimizer": "GradientDescent", "early_stopping": "EarlyStopping"}[name]
    with pytest.raises(TypeError, match=rf"^{name}: expected a {expected} object; got "):
        train(make_network(), **{name: value})


def test_they_say_what_they_are():
    said = [repr(make()) for make, _ in OPTIMIZERS.values()]
    assert said[:3] == ["GradientDescent()", "Momentum(0.8, nesterov=False)", "Momentum(0.8, nesterov=True)"]
    assert said[3:] == ["RMSprop(0.9, 1e-08)", "RMSprop(0.6, 0.1)"]
    assert repr(Momentum(Through((0.5, 0.9), 5))) == "Momentum(Through(values=(0.5, 0.9), epochs=5), nesterov=False)"
