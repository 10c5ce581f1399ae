"""The training loop: which images each step gets, what is recorded, what another run with the same seed gives."""

from types import SimpleNamespace

import numpy as np
import pytest

import netlib.data
from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, rng
from netlib.backend import to_host
from netlib.history import History
from netlib.training import Measures, Plan, Run, count_batches, shuffled


def make_network(seed=0, device="cpu", dtype="float64", p_dropout=0.5):
    return Network([FullyConnectedLayer(4, 6), SoftmaxLayer(6, 3, p_dropout)], 4, seed=seed, device=device, dtype=dtype)


def random_data(n, seed=0):
    draws = np.random.default_rng(seed)
    return draws.standard_normal((n, 4)), draws.integers(3, size=n)


def trained(net, n=12, epochs=2, eta=0.5, **options):
    net.SGD(random_data(n), epochs, 4, eta, None, None, verbose=False, **options)
    return [to_host(parameter) for parameter in net.params]


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def run(n, epochs, *, validation=None, test=None, seed=0, cost=lambda step: 1.0, **options):
    """The mini-batches (as image numbers) that a run on n images takes in threes, and its history.

    `validation` and `test` are the accuracies to be measured, one after the other.
    """
    batches = []

    def train_mini_batch(x, y, *_):
        assert np.array_equal(x[:, 0], y), "images and labels are no longer together"
        batches.append(y.tolist())
        net.steps += 1
        return cost(net.steps - 1)

    net = SimpleNamespace(seed=seed, steps=0, train_mini_batch=train_mini_batch)
    n_batches = count_batches(n, 3, drop_last=options.pop("drop_last", True))
    history = options.pop("history", History())
    plan = Plan(epochs, 3, n_batches, **({"eta": 0.1, "verbose": False} | options))
    measures = Measures(*(accuracies and iter(accuracies).__next__ for accuracies in (validation, test)))
    numbers = np.arange(n)
    return batches, Run(net, numbers[:, None], numbers, plan, history, measures).go()


# Which images a step gets.


@pytest.mark.parametrize(("n", "drop_last", "sizes"), [
    (9, True, [3, 3, 3]), (10, True, [3, 3, 3]), (11, True, [3, 3, 3]),
    (9, False, [3, 3, 3]), (10, False, [3, 3, 3, 1]), (11, False, [3, 3, 3, 2]),
])  # fmt: skip
@pytest.mark.parametrize("shuffle", [False, True])
def test_drop_last_decides_what_becomes_of_an_incomplete_mini_batch(n, drop_last, sizes, shuffle):
    batches, _ = run(n, 2, drop_last=drop_last, shuffle=shuffle)
    assert [len(batch) for batch in batches] == sizes * 2
    for epoch in (batches[: len(sizes)], batches[len(sizes) :]):
        images = np.concatenate(epoch).astype(int)
        assert len(set(images)) == sum(sizes)
        if not shuffle:
            assert images.tolist() == list(range(sum(sizes)))


def test_shuffling_uses_every_image_once_an_epoch_and_another_order_each_time():
    batches, _ = run(300, 3, shuffle=True)
    orders = np.array(batches).reshape(3, 300)
    assert np.sort(orders).tolist() == [list(range(300))] * 3
    for one, other in ((orders[0], orders[1]), (orders[1], orders[2]), (orders[0], np.arange(300))):
        assert np.mean(one == other) < 0.05
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.2


def test_the_order_depends_on_the_seed_alone():
    assert run(30, 2, shuffle=True, seed=1)[0] == run(30, 2, shuffle=True, seed=1)[0]
    assert run(30, 2, shuffle=True, seed=1)[0] != run(30, 2, shuffle=True, seed=2)[0]


def test_an_order_is_drawn_for_the_first_step_of_its_epoch_and_for_nothing_else():
    net, y = SimpleNamespace(seed=5, steps=7), np.zeros(30)
    drawn = [rng.permutation(rng.key(5, rng.Purpose.ORDER, step), 30).tolist() for step in (7, 4)]
    assert [shuffled(net, y).tolist(), shuffled(net, y, 3).tolist()] == drawn


def test_a_second_call_shuffles_in_a_new_order(monkeypatch):
    net = make_network()
    seen, step = [], net.train_mini_batch
    monkeypatch.setattr(net, "train_mini_batch", lambda x, *rest: seen.append(x.copy()) or step(x, *rest))
    for _ in range(2):
        trained(net, 20, 1, shuffle=True)
    assert not np.array_equal(seen[:5], seen[5:])
    assert np.array_equal(np.sort(np.concatenate(seen[:5]), axis=0), np.sort(np.concatenate(seen[5:]), axis=0))


def test_by_default_nothing_is_shuffled_and_shuffling_trains_otherwise():
    assert equal(trained(make_network()), trained(make_network(), shuffle=False))
    assert not equal(trained(make_network()), trained(make_network(), shuffle=True))


def test_an_incomplete_mini_batch_takes_the_mean_over_the_images_it_has():
    net, plain = make_network(p_dropout=0.0), make_network(p_dropout=0.0)
    x, y = random_data(6)
    trained(net, 6, 1, drop_last=False)
    plain.train_mini_batch(x[:4], y[:4], 0.5)
    for parameter, gradient in zip(plain.params, plain.gradients((x[4:], y[4:])), strict=True):
        parameter -= 0.5 * gradient
    for computed, expected in zip(net.params, plain.params, strict=True):
        np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-14)


def test_drop_last_false_measures_the_accuracy_of_every_image():
    net = make_network()  # with eta = 0 it answers 0 for ever
    data = np.zeros((7, 4)), np.array([0, 0, 0, 0, 1, 1, 1])
    for drop_last, accuracy in ((True, 1.0), (False, 4 / 7)):
        history = net.SGD(random_data(4), 1, 4, 0.0, data, data, drop_last=drop_last, verbose=False)
        assert (history.validation_accuracy, history.test_accuracy) == ([accuracy], [accuracy])


# The penalty.


@pytest.mark.parametrize(
    ("divisor", "drop_last", "d"),
    [("batches", True, 3), ("batches", False, 4), ("examples", True, 14), ("mini_batch", True, 4), ("none", True, 1)],
)
def test_sgd_shrinks_the_weights_by_the_penalty_asked_for(divisor, drop_last, d):
    net = make_network()
    w = net.layers[0].w.copy()
    blank = np.zeros((14, 4)), np.zeros(14, int)  # no image gives the first weights a gradient
    net.SGD(blank, 1, 4, 0.5, None, None, 0.3, penalty_divisor=divisor, drop_last=drop_last, verbose=False)
    np.testing.assert_allclose(net.layers[0].w, w * (1 - 0.5 * 0.3 / d) ** net.steps, rtol=1e-12)


def test_the_default_divisor_is_the_books():
    assert equal(trained(make_network(), lmbda=0.3), trained(make_network(), lmbda=0.3, penalty_divisor="batches"))


# The history.


@pytest.mark.parametrize(
    ("validation", "best"),
    [([0.5], 0), ([0.5, 0.6], 1), ([0.6, 0.5], 0), ([0.6, 0.5, 0.6, 0.5], 2), ([0.7, 0.7, 0.7], 2), ([0.0, 0.0], 1)],
)
def test_the_best_epoch_is_the_last_of_those_with_the_highest_validation_accuracy(validation, best):
    _, history = run(9, len(validation), validation=validation)
    assert (history.best_epoch, history.best_validation_accuracy) == (best, max(validation))
    assert history.best_iteration == 3 * (best + 1) - 1
    assert history.validation_accuracy == validation
    assert (history.test_accuracy, history.best_test_accuracy) == ([], None)


def test_a_learning_rate_of_zero_makes_every_epoch_tie_and_the_last_one_best():
    history = make_network().SGD(random_data(8), 3, 4, 0.0, random_data(8), random_data(8), verbose=False)
    assert len({*history.validation_accuracy, *history.test_accuracy}) == 1
    assert (history.best_epoch, history.best_iteration) == (2, 5)


def test_the_history_without_validation_data_has_test_accuracy_after_the_last_epoch_only():
    _, history = run(9, 3, test=[0.4])
    assert history.test_accuracy == [None, None, 0.4]
    assert (history.validation_accuracy, history.best_epoch, history.best_test_accuracy) == ([], None, None)


def test_the_cost_of_an_epoch_is_the_mean_over_its_mini_batches():
    _, history = run(12, 2, cost=float)
    assert history.cost == [1.5, 5.5]


def test_seconds_are_those_of_each_epoch():
    history = make_network().SGD(random_data(8), 3, 4, 0.1, None, None, verbose=False)
    assert len(history.seconds) == 3
    assert all(0 < seconds < 10 for seconds in history.seconds)
    assert {type(value) for value in (*history.seconds, *history.cost)} == {float}


def test_histories_do_not_share_their_lists():
    assert History().cost is not History().cost


# What is done after each epoch.


def files(folder):
    return sorted(path.name for path in folder.glob("epoch-*"))


def test_after_epoch_is_called_once_an_epoch_when_the_history_tells_of_it_and_before_the_checkpoint(tmp_path):
    net, calls = make_network(), []

    def look(network):
        assert network is net
        history = network.history
        lengths = {len(part) for part in (history.cost, history.validation_accuracy, history.seconds)}
        calls.append((lengths, network.steps, len(history.test_accuracy), files(tmp_path)))

    data = random_data(12)
    history = net.SGD(data, 3, 4, 0.5, data, data, checkpoint=tmp_path, keep=9, after_epoch=look, verbose=False)
    names = [f"epoch-000{i}.npz" for i in range(3)]
    assert calls == [({n}, 3 * n, n, names[: n - 1]) for n in (1, 2, 3)]
    assert files(tmp_path) == names
    assert net.history is history


@pytest.mark.parametrize("checkpoint", [False, True])
def test_after_epoch_sees_the_weights_of_its_epoch_and_changes_nothing(checkpoint, tmp_path):
    net, seen = make_network(), []
    folder = tmp_path if checkpoint else None
    ended = trained(net, epochs=3, checkpoint=folder, after_epoch=lambda net: seen.append(net.params[0].copy()))
    assert equal(ended, trained(make_network(), epochs=3))
    assert equal(seen, [trained(make_network(), epochs=n)[0] for n in (1, 2, 3)])


def test_an_epoch_after_which_a_run_was_killed_is_run_again_and_told_again(tmp_path):
    told = []

    def tell(net, last):
        told.append(len(net.history.cost))
        if len(net.history.cost) == last:
            raise KeyboardInterrupt

    for last in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            trained(make_network(), epochs=4, checkpoint=tmp_path, after_epoch=lambda net, last=last: tell(net, last))
        assert files(tmp_path) == [f"epoch-000{i}.npz" for i in range(last - 1)]
    trained(make_network(), epochs=4, checkpoint=tmp_path, after_epoch=lambda net: tell(net, None))
    trained(make_network(), epochs=4, checkpoint=tmp_path, after_epoch=lambda net: tell(net, None))
    assert told == [1, 2, 2, 3, 3, 4]


# Runs and seeds.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(dtype, device):
    def once():
        layers = [ConvPoolLayer((3, 1, 3, 3), (1, 8, 8), p_dropout=0.2), SoftmaxLayer(27, 3, 0.5)]
        net = Network(layers, 4, seed=7, device=device, dtype=dtype)
        x = np.random.default_rng(0).standard_normal((20, 64))
        net.SGD((x, np.arange(20) % 3), 3, 4, 0.3, (x, np.arange(20) % 3), None, 0.1, shuffle=True, verbose=False)
        return [to_host(parameter) for parameter in net.params]

    assert equal(once(), once())


def test_evaluating_along_the_way_changes_no_weight():
    net = make_network()
    net.SGD(random_data(12), 2, 4, 0.5, random_data(9), random_data(9), verbose=False)
    assert equal([to_host(parameter) for parameter in net.params], trained(make_network()))


def test_two_calls_in_a_row_are_one_long_call():
    twice = make_network()
    trained(twice, epochs=1)
    assert twice.steps == 3
    assert equal(trained(twice, epochs=2), trained(make_network(), epochs=3))
    assert twice.steps == 9


def test_a_second_call_draws_new_masks():
    net = make_network()
    net.layers[-1].w[...] = np.random.default_rng(0).standard_normal((6, 3))
    dropped = []
    for steps in (0, 1, 0):
        net.steps = steps
        net.SGD(random_data(4), 1, 4, 0.0, None, None, verbose=False)  # with eta = 0 only the masks can change
        dropped.append(net.output_dropout.copy())
        assert net.steps == steps + 1
    assert np.array_equal(dropped[0], dropped[2])
    assert not np.array_equal(dropped[0], dropped[1])


def test_a_schedule_that_ends_says_so(capsys):
    _, history = run(6, 3, eta=lambda history: None if history.cost else 0.1, verbose=True)
    assert len(history.cost) == 1
    lines = ["Training mini-batch number 0", "The schedule of eta has ended.", "Finished training network."]
    assert capsys.readouterr().out.splitlines() == lines


def test_verbose_false_prints_nothing(capsys):
    make_network().SGD(random_data(8), 2, 4, 0.1, random_data(8), random_data(8), verbose=False)
    assert capsys.readouterr() == ("", "")


# Learning.


@pytest.mark.parametrize("seed", range(3))
def test_a_fully_connected_network_learns_the_digits(seed, device):
    training, validation, test = netlib.data.load("digits")
    net = Network([FullyConnectedLayer(784, 30), SoftmaxLayer(30, 10)], 10, seed=seed, device=device)
    history = net.SGD(training, 10, 10, 0.5, validation, test, verbose=False)
    assert history.cost[-1] < history.cost[0] / 5
    assert history.best_validation_accuracy >= 0.94
    assert history.best_test_accuracy >= 0.93


@pytest.mark.parametrize("dropout", ["rescale", "inverted"])
def test_a_convolutional_network_with_dropout_learns_the_digits(dropout, device):
    training, validation, test = netlib.data.load("digits")
    layers = [
        ConvPoolLayer((8, 1, 5, 5), (10, 1, 28, 28), activation_fn=ReLU, init="corrected"),
        FullyConnectedLayer(1152, 50, ReLU, 0.2, init="corrected", dropout=dropout),
        SoftmaxLayer(50, 10, 0.2, dropout=dropout),
    ]
    net = Network(layers, 10, device=device)
    history = net.SGD(training, 12, 10, 0.03, validation, test, 0.1, shuffle=True, verbose=False)
    assert history.best_validation_accuracy >= 0.94
    assert history.best_test_accuracy >= 0.92
