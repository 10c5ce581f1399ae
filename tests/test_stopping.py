"""Early stopping: when there is a look, when training ends, which weights are kept, and how it goes on."""

import copy
import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib import FullyConnectedLayer, Network, SoftmaxLayer, data
from netlib.backend import to_host
from netlib.history import History
from netlib.optimizers import Momentum
from netlib.schedules import OfEpoch
from netlib.stopping import EarlyStopping
from netlib.training import Measures, Plan, Run


def by_the_book(losses, epochs, n_batches, patience, increase=2.0, threshold=0.995):
    """Looks, mini-batches taken and the best one, by a loop that follows the scheme's sentences."""
    frequency = max(1, min(n_batches, patience // 2))
    losses, looks, best, best_iteration = iter(losses), [], math.inf, None
    for iteration in range(epochs * n_batches):
        if (iteration + 1) % frequency == 0:
            loss = next(losses)
            looks.append((iteration, loss, loss < best))
            if loss < best * threshold:
                patience = max(patience, iteration * increase)
            if loss < best:
                best, best_iteration = loss, iteration
        if iteration >= patience:
            break
    return looks, iteration + 1, best_iteration


def scripted(losses, epochs, n_batches, stopping, history=None, done=0, *, tests=None):
    """The same by a run of a network that only counts its steps; each loss is measured once, in order."""
    losses, tests = iter(losses), tests and iter(tests)
    net = SimpleNamespace(seed=0, steps=0, params=[np.zeros(1)], layers=[], xp=np)
    net.history = history or History()
    net.steps = len(net.history.cost) * n_batches + done

    def train_mini_batch(*_):
        net.steps += 1
        net.params[0] += 1
        return 1.0

    net.train_mini_batch = train_mini_batch
    measures = Measures(losses=(losses.__next__, tests and tests.__next__))
    plan = Plan(epochs, 1, n_batches, 0.1, verbose=False)
    numbers = np.arange(n_batches)
    Run(net, numbers[:, None], numbers, plan, net.history, measures, stopping=stopping, done=done).go()
    return net


def assert_by_the_book(losses, epochs, n_batches, patience, **options):
    stopping = EarlyStopping(patience, **options)
    net = scripted(losses, epochs, n_batches, stopping)
    looks, taken, best = by_the_book(losses, epochs, n_batches, patience, **options)
    assert [(iteration, loss) for iteration, loss, _ in net.history.looks] == [look[:2] for look in looks]
    assert net.steps == taken
    assert stopping.best_iteration(net.history) == best
    assert stopping.best["0"].tolist() == [best + 1]
    return net


# When there is a look, and when training ends.


@pytest.mark.parametrize(
    ("losses", "patience", "taken"),
    [
        ([1.0] * 99, 20, 21),  # the first look is better than none, and doubles its mini-batches: less than 20
        ([1.0, 0.9, 0.8, 0.7] + [0.7] * 99, 20, 39),  # clearly better at 19
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.6, 0.5] + [0.5] * 99, 20, 69),  # and at 24 and 34
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5] + [0.4975] * 99, 20, 59),  # 0.995 of the best is not below it
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.49] + [0.4899] * 99, 20, 69),
        ([1.0, 0.9, 0.8, 0.7, 0.7, 0.699, 0.6965] + [0.6965] * 99, 20, 39),  # small steps bring no patience
        ([1.0] * 99, 1, 2),
        ([1.0, 0.5] + [0.5] * 99, 2, 3),
        ([1.0, 0.9, 0.8, 0.7, 0.697, 0.696, 0.695] + [0.695] * 99, 20, 39),  # whatever they come to together
        ([math.nan, 1.0, math.nan] + [1.0] * 99, 20, 21),
    ],
)
def test_patience_grows_when_a_look_is_clearly_better(losses, patience, taken):
    assert assert_by_the_book(losses, 100, 5, patience).steps == taken


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([1.0, 0.995, 0.9, 0.8955, 0.8, 0.5, 0.4975, 0.4, 0.0]), min_size=60, max_size=60),
    st.integers(1, 6),
    st.integers(1, 10),
    st.integers(1, 40),
    st.sampled_from([0.0, 1.0, 1.5, 2.0, 1e308]),
    st.sampled_from([0.0, 0.9, 0.995, 1.0]),
)
def test_it_is_the_scheme_for_any_losses(losses, epochs, n_batches, patience, increase, threshold):
    assert_by_the_book(losses, epochs, n_batches, patience, increase=increase, threshold=threshold)


@pytest.mark.parametrize(
    ("n_batches", "patience", "frequency"),
    [(5, 20, 5), (5, 11, 5), (5, 9, 4), (5, 6, 3), (5, 2, 1), (5, 1, 1), (1, 99, 1)],
)
def test_looks_are_as_frequent_as_half_the_patience_or_the_epochs(n_batches, patience, frequency):
    net = assert_by_the_book([1.0] * 99, 3, n_batches, patience)
    ends = min(patience + 1, 3 * n_batches)
    assert [look[0] + 1 for look in net.history.looks] == list(range(frequency, ends + 1, frequency))


def test_looks_fall_into_the_middle_of_epochs():
    net = assert_by_the_book([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 2, 10, 6)
    assert [look[0] for look in net.history.looks] == [2, 5, 8, 11, 14, 17]
    assert len(net.history.cost) == 2


def test_of_ties_the_first_is_kept():
    net = assert_by_the_book([0.5, 0.3, 0.3, 0.4, 0.3] + [0.3] * 9, 10, 4, 20)
    assert EarlyStopping().best_iteration(net.history) == 7
    assert EarlyStopping().best_loss(net.history) == 0.3


def test_the_test_loss_is_that_of_every_new_best():
    losses, tests = [0.5, 0.6, 0.4, 0.4, 0.39], [0.55, 0.45, 0.41]
    net = scripted(losses, 5, 4, EarlyStopping(16), tests=tests)
    assert [look[2] for look in net.history.looks] == [0.55, None, 0.45, None, 0.41]


def test_the_epochs_are_the_most_there_are():
    net = assert_by_the_book([1 / (n + 1) for n in range(99)], 7, 4, 4)
    assert (net.steps, len(net.history.cost)) == (28, 7)


def test_an_epoch_that_was_not_over_is_not_in_the_history():
    net = assert_by_the_book([1.0] * 99, 100, 5, 12)
    assert (net.steps, len(net.history.cost), len(net.history.eta), len(net.history.seconds)) == (13, 2, 2, 2)


def test_without_looks_there_is_no_best():
    assert EarlyStopping().best_loss(History()) == math.inf
    assert EarlyStopping().best_iteration(History()) is None
    assert EarlyStopping(7).patience_now(History()) == 7


def test_it_says_each_look_and_the_end(capsys):
    net = SimpleNamespace(seed=0, steps=0, params=[], train_mini_batch=lambda *_: 1.0)
    measures = Measures(losses=(iter([0.5, 0.25, 0.25]).__next__, None))
    plan, x = Plan(9, 1, 2, 0.1), np.arange(2)
    Run(net, x[:, None], x, plan, History(), measures, stopping=EarlyStopping(4, loss="cost")).go()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == [
        "Iteration 1: validation cost 0.5, the best so far",
        "Iteration 3: validation cost 0.25, the best so far",
        "Iteration 5: validation cost 0.25",
    ]
    assert lines[4] == "Iteration 6: patience has ended." if len(lines) > 5 else "Iteration 6" not in lines


# In training.

DIGITS = [data.Data(x[:100], y[:100]) for x, y in data.load("digits")]


def make(device="cpu", seed=0):
    layers = [FullyConnectedLayer(784, 12, p_dropout=0.2), SoftmaxLayer(12, 10, 0.3)]
    return Network(layers, 10, seed=seed, device=device)


def train(net, stopping, epochs=12, sets=DIGITS, **options):
    options = {"shuffle": True, "optimizer": Momentum(0.9), "verbose": False} | options
    return net.SGD(sets[0], epochs, 10, 0.02, sets[1], sets[2], 0.1, early_stopping=stopping, **options)


def bits(net):
    return [to_host(parameter).tobytes() for parameter in net.params]


def recorded(history):
    return {name: value for name, value in vars(history).items() if name != "seconds"}


def ending(net, stopping, history):
    """All that a run ends with, wall times aside."""
    stood = stopping.stood
    memory = {name: to_host(array).tobytes() for name, array in stood.memory.items()}
    best = {name: to_host(array).tobytes() for name, array in stopping.best.items()}
    stands = [to_host(p).tobytes() for p in stood.parameters], memory, stood.steps, stood.done, stood.cost
    return bits(net), net.steps, recorded(history), best, *stands


@pytest.mark.parametrize("loss", ["error", "cost"])
def test_the_network_ends_with_the_best_parameters_and_their_test_loss(loss, device):
    net, stopping, seen = make(device), EarlyStopping(14, increase=9, loss=loss), {}
    step = net.train_mini_batch

    def watched(*arguments, **options):
        cost = step(*arguments, **options)
        measure = net.error if loss == "error" else net.cost
        seen[net.steps - 1] = bits(net), *(measure((x[:100], y[:100])) for x, y in DIGITS[1:])
        return cost

    net.train_mini_batch = watched
    history = train(net, stopping, 6)
    assert [look[0] for look in history.looks[:3]] == [6, 13, 20]
    best = math.inf
    for iteration, found, test in history.looks:
        assert found == seen[iteration][1]
        assert test == (seen[iteration][2] if found < best else None)
        best = min(best, found)
    best_iteration = stopping.best_iteration(history)
    assert bits(net) == seen[best_iteration][0]
    assert min(look[1] for look in history.looks) == seen[best_iteration][1] == stopping.best_loss(history)
    assert net.steps == len(seen) == max(seen) + 1


def test_without_test_data_no_test_loss_is_measured():
    history = train(make(), EarlyStopping(10, increase=9), 2, sets=[*DIGITS[:2], None])
    assert {look[2] for look in history.looks} == {None}
    assert len(history.looks) == 4


def test_looking_changes_no_step():
    looked, plain, stopping = make(), make(), EarlyStopping(14, increase=9)
    history = train(looked, stopping, 3)
    expected = train(plain, None, 3)
    assert [to_host(p).tobytes() for p in stopping.stood.parameters] == bits(plain)
    assert recorded(history) | {"looks": []} == recorded(expected)


# Going on with more patience.


@pytest.mark.parametrize("loss", ["error", "cost"])
@pytest.mark.parametrize("patience", [[20, 29, 60], [22, 23, 25, 60], [24, 60], [60, 60]])
@pytest.mark.parametrize("guard", [False, True])
def test_with_more_patience_it_goes_on_from_where_it_stood(patience, loss, guard, device):
    options = {"increase": 1.0, "threshold": 0.8, "loss": loss}  # so that patience ends soon
    whole, expected = make(device), EarlyStopping(patience[-1], **options)
    wanted = ending(whole, expected, train(whole, expected, 12, guard=guard))
    net, stopping, optimizer = make(device), EarlyStopping(patience[0], **options), Momentum(0.9)
    for n in patience:
        stopping.patience = n
        history = train(net, stopping, 12, optimizer=optimizer, guard=guard)
    assert ending(net, stopping, history) == wanted
    assert net.steps > 50


def test_it_goes_on_with_a_schedule_and_another_optimizer_object():
    eta = OfEpoch(lambda epoch: 0.02 / (1 + epoch))

    def run(patience):
        net, stopping = make(), EarlyStopping(patience[0], increase=0.0)
        for n in patience:
            stopping.patience = n
            history = net.SGD(
                *(DIGITS[0], 9, 10, eta, DIGITS[1], None), early_stopping=stopping, optimizer=Momentum(), verbose=False
            )
        return ending(net, stopping, history)

    assert run([23, 47]) == run([47])


def test_with_the_same_patience_nothing_more_is_trained():
    for patience in (23, 29):  # in the middle of an epoch, and at its end
        net, stopping = make(), EarlyStopping(patience, increase=0.0)
        before = ending(net, stopping, train(net, stopping))
        assert before[1] == patience + 1
        assert ending(net, stopping, train(net, stopping)) == before


def test_after_the_epochs_it_goes_on_with_more_of_them():
    net, stopping, whole, expected = make(), EarlyStopping(999), make(), EarlyStopping(999)
    optimizer = Momentum(0.9)
    first = train(net, stopping, 2, optimizer=optimizer)
    kept = copy.deepcopy(first)
    history = train(net, stopping, 4, optimizer=optimizer)
    assert ending(net, stopping, history) == ending(whole, expected, train(whole, expected, 4))
    assert first == kept


def test_what_was_done_to_the_network_in_between_is_undone():
    net, stopping, whole, expected = make(), EarlyStopping(23, increase=0.0), make(), EarlyStopping(47, increase=0.0)
    train(net, stopping)
    train(net, None, 1)
    net.params[0][...] = 0
    stopping.patience = 47
    history = train(net, stopping)
    assert ending(net, stopping, history) == ending(whole, expected, train(whole, expected))


@pytest.mark.parametrize("moment", [25, 31, 44])
def test_a_second_part_that_is_interrupted_can_be_begun_again(moment):
    net, stopping, whole, expected = make(), EarlyStopping(23, increase=0.0), make(), EarlyStopping(47, increase=0.0)
    optimizer, step = Momentum(0.9), net.train_mini_batch
    train(net, stopping, optimizer=optimizer)
    stopping.patience = 47

    def interrupted(*arguments, **options):
        if net.steps == moment:
            raise KeyboardInterrupt
        return step(*arguments, **options)

    net.train_mini_batch = interrupted
    with pytest.raises(KeyboardInterrupt):
        train(net, stopping, optimizer=optimizer)
    net.train_mini_batch = step
    history = train(net, stopping, optimizer=optimizer)
    assert ending(net, stopping, history) == ending(whole, expected, train(whole, expected))


def test_a_second_part_that_was_interrupted_leaves_no_best_behind():
    net, stopping, step = make(), EarlyStopping(23, increase=0.0, loss="cost"), None
    before = ending(net, stopping, train(net, stopping))
    stopping.patience, step = 60, net.train_mini_batch

    def interrupted(*arguments, **options):
        if net.steps == 55:
            raise KeyboardInterrupt
        return step(*arguments, **options)

    net.train_mini_batch = interrupted
    with pytest.raises(KeyboardInterrupt):
        train(net, stopping)
    assert stopping.best is not stopping.stood.best
    stopping.patience = 23
    assert ending(net, stopping, train(net, stopping)) == before


def test_what_an_optimizer_has_learned_since_is_forgotten():
    net, stopping, optimizer, whole, expected = make(), EarlyStopping(14), Momentum(0.9), make(), EarlyStopping(14)
    train(net, stopping, 0, optimizer=optimizer)
    train(net, None, 1, optimizer=optimizer)
    history = train(net, stopping, 3, optimizer=optimizer)
    assert ending(net, stopping, history) == ending(whole, expected, train(whole, expected, 3))


def test_epochs_that_end_with_the_patience_do_not_end_it():
    net, stopping, optimizer = make(), EarlyStopping(20, increase=0.0), Momentum(0.9)
    train(net, stopping, 2, optimizer=optimizer)
    train(net, stopping, 9, optimizer=optimizer)
    assert net.steps == 21  # the one after as many as the patience ends it


def test_a_first_part_that_is_interrupted_leaves_nothing_behind():
    net, stopping = make(), EarlyStopping(14, increase=9)

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(net, stopping, after_epoch=interrupt)
    before = bits(net)
    assert stopping.best
    train(net, stopping, 0)
    assert bits(net) == before


def test_another_network_is_refused_before_anything_is_changed():
    stopping, other = EarlyStopping(14), make()
    train(make(), stopping, 1)
    before, stood = bits(other), stopping.stood
    with pytest.raises(ValueError, match=r"^early_stopping: expected one that has trained this network, or a new one"):
        train(other, stopping, 2)
    assert (bits(other), other.steps, other.history) == (before, 0, None)
    assert stopping.stood is stood


# Runs that are killed.


@pytest.mark.parametrize("loss", ["error", "cost"])
@pytest.mark.parametrize("killed", [1, 3, 5])
def test_a_run_that_was_killed_ends_the_same_with_the_same_best_weights(killed, loss, tmp_path):
    options = {"patience": 14, "increase": 12, "loss": loss}
    whole, expected = make(), EarlyStopping(**options)
    wanted = ending(whole, expected, train(whole, expected, 6))

    def kill(net):
        if len(net.history.cost) == killed + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(make(), EarlyStopping(**options), 6, checkpoint=tmp_path, after_epoch=kill)
    net, stopping = make(), EarlyStopping(**options)
    history = train(net, stopping, 6, checkpoint=tmp_path)
    assert ending(net, stopping, history) == wanted
    assert {type(look) for look in history.looks} == {tuple}


@pytest.mark.parametrize("patience", [23, 29, 30])
def test_a_run_that_had_ended_is_not_trained_on(patience, tmp_path):
    endings = []
    for _ in range(2):
        net, stopping = make(), EarlyStopping(patience, increase=0.0)
        endings.append(ending(net, stopping, train(net, stopping, checkpoint=tmp_path)))
    assert endings[0] == endings[1]


@pytest.mark.parametrize("same", [False, True])
def test_a_folder_serves_the_same_run_with_more_patience(same, tmp_path):
    whole, expected = make(), EarlyStopping(57, increase=0.0)
    wanted = ending(whole, expected, train(whole, expected))
    net, stopping, optimizer = make(), EarlyStopping(23, increase=0.0), Momentum(0.9)
    train(net, stopping, checkpoint=tmp_path, optimizer=optimizer)
    if same:
        stopping.patience = 43
        train(net, stopping, checkpoint=tmp_path, optimizer=optimizer)
    again = make(), EarlyStopping(57, increase=0.0)
    assert ending(*again, train(*again, checkpoint=tmp_path)) == wanted


@pytest.mark.parametrize(
    "other",
    [None, {"loss": "cost"}, {"threshold": 0.9}, {"increase": 3.0}],
    ids=["none", "loss", "threshold", "increase"],
)
def test_another_scheme_is_another_run(other, tmp_path):
    train(make(), EarlyStopping(14), 2, checkpoint=tmp_path)
    stopping = other and EarlyStopping(14, **other)
    with pytest.raises(ValueError, match=r"belongs to another run, with early_stopping 'error below 0.995 of the best"):
        train(make(), stopping, 3, checkpoint=tmp_path)


# What is refused.


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("patience", 0, ValueError),
        ("patience", 1.5, TypeError),
        ("patience", "9", TypeError),
        *[(name, bad, ValueError) for name in ("increase", "threshold") for bad in (-1, math.nan, math.inf)],
        *[(name, bad, TypeError) for name in ("increase", "threshold") for bad in ("2", None)],
        ("loss", "accuracy", ValueError),
        ("loss", None, ValueError),
    ],
)
def test_bad_values_are_refused_by_name(name, value, error):
    with pytest.raises(error, match=rf"^{name}: expected .*; got {value!r}"):
        EarlyStopping(**{name: value})


def test_it_needs_validation_data():
    net = make()
    with pytest.raises(ValueError, match=r"^early_stopping: expected validation_data to look at; got None"):
        train(net, EarlyStopping(), sets=[DIGITS[0], None, None])
    assert net.steps == 0


def test_what_it_is_by_default_and_in_words():
    said = "EarlyStopping(patience=5000, increase=2.0, threshold=0.995, loss='error')"
    assert repr(EarlyStopping()) == said
    assert {field.name for field in dataclasses.fields(EarlyStopping())} >= {"best", "stood"}


# What is looked at.


@pytest.mark.parametrize("n", [1, 7, 100, 230])
def test_error_and_cost_are_the_means_over_any_number_of_images(n, device):
    layers = [FullyConnectedLayer(5, 6, p_dropout=0.2), SoftmaxLayer(6, 3, 0.5)]
    net = Network(layers, 4, device=device, dtype="float64")
    draws = np.random.default_rng(0)
    for parameter in net.params:
        parameter[...] = net.xp.asarray(draws.standard_normal(parameter.shape))
    x, y = draws.standard_normal((n, 5)), draws.integers(3, size=n)
    w1, b1, w2, b2 = map(to_host, net.params)
    hidden = 1 / (1 + np.exp(-(0.8 * x @ w1 + b1)))
    z = 0.5 * hidden @ w2 + b2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert net.error((x, y)) == pytest.approx(np.mean(p.argmax(axis=1) != y), abs=1e-15)
    assert net.cost((x, y)) == pytest.approx(-np.log(p[np.arange(n), y]).mean(), rel=1e-12)
    assert net.error((x, p.argmax(axis=1))) == 0
