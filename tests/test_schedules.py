"""Rates that change from epoch to epoch: which ones, what they are asked with, and what is refused."""

from functools import partial

import numpy as np
import pytest

from netlib import Network, SoftmaxLayer
from netlib.backend import to_host
from netlib.history import History
from netlib.optimizers import Momentum
from netlib.schedules import Every, OfEpoch, Through, WhenStalled, described, value


def after(epochs=0, accuracies=None):
    """The history of a run after so many epochs, or with these validation accuracies."""
    return History(cost=[1.0] * len(accuracies or range(epochs)), validation_accuracy=accuracies or [])


def rates(schedule, epochs):
    return [schedule(after(n)) for n in range(epochs)]


def make(device="cpu", seed=0):
    return Network([SoftmaxLayer(4, 3, 0.25)], 4, seed=seed, device=device, dtype="float64")


def random_data(n=12):
    draws = np.random.default_rng(0)
    return draws.standard_normal((n, 4)), draws.integers(3, size=n)


def train(net, epochs, eta, validation=True, **options):
    return net.SGD(random_data(), epochs, 4, eta, random_data() if validation else None, None, verbose=False, **options)


# Which rates.


def test_every_few_epochs_it_is_multiplied():
    assert rates(Every(0.4, 2), 6) == [0.4, 0.4, 0.2, 0.2, 0.1, 0.1]
    assert rates(Every(3.0, 1, 2), 3) == [3, 6, 12]
    assert rates(Every(0.3, 3, 0), 5) == [0.3, 0.3, 0.3, 0, 0]


def test_momentum_goes_through_its_values_and_stays_at_the_last():
    assert rates(Through((0.5, 0.9, 0.95, 0.99), 2), 11) == [0.5, 0.5, 0.9, 0.9, 0.95, 0.95] + [0.99] * 5
    assert rates(Through([0.1], 3), 5) == [0.1] * 5


def test_a_function_of_the_epoch_is_asked_with_its_number():
    assert rates(OfEpoch(lambda epoch: 1 / (1 + epoch)), 4) == [1, 1 / 2, 1 / 3, 1 / 4]


UP, STALLED = [0.1, 0.2, 0.3], [0.3, 0.3, 0.2]


@pytest.mark.parametrize(
    ("accuracies", "changes"),
    [
        ([], 0),
        (UP, 0),
        (UP + STALLED[:2], 0),  # a tie is no new best
        (UP + STALLED, 1),
        ([0.0, 0.0, 0.0], 0),  # the first is one, even if it is 0
        ([0.0, 0.0, 0.0, 0.0], 1),  # and not even 0 is one again
        (UP + STALLED + [0.3, 0.3], 1),  # the count begins anew
        (UP + STALLED + [0.3, 0.3, 0.3], 2),
        (UP + STALLED[:2] + [0.4, 0.4, 0.4], 0),
        (UP + STALLED + [0.31, 0.3, 0.3, 0.3], 2),
        (UP + STALLED * 3, 3),
        ([0.5, *UP], 1),  # better than the one before is not better than the best
    ],
)
def test_it_changes_when_validation_accuracy_has_long_not_become_better(accuracies, changes):
    for factor in (0.5, 0.1):
        assert WhenStalled(0.8, factor, epochs=3)(after(accuracies=accuracies)) == pytest.approx(0.8 * factor**changes)


@pytest.mark.parametrize(
    ("start", "factor", "least", "changes"),
    [(0.5, 0.5, 1 / 128, 7), (0.7, 0.1, 0.01, 2), (0.3, 0.1, 0.001, 3), (0.3, 0.5, 0.3, 1), (0.3, 0.5, 1, 0)],
)
def test_training_ends_below_the_least_rate_and_not_at_it(start, factor, least, changes):
    schedule = WhenStalled(start, factor, 1, least)
    answers = [schedule(after(accuracies=[0.5] * (n + 1))) for n in range(changes + 2)]
    assert answers[:-1] == pytest.approx([start * factor**n for n in range(changes + 1)])
    assert answers[-1] is None


def test_without_a_least_rate_it_never_ends():
    assert WhenStalled(1.0, 0.5, 1)(after(accuracies=[0.5] * 101)) == 0.5**100


# In training.


def test_every_epoch_is_trained_with_its_rate_and_the_history_holds_it(device):
    whole, pieces = make(device), make(device)
    given = [0.5, 0.25, 0.125, 0.125]
    history = train(whole, 4, Through(given[:3], 1))
    assert history.eta == given
    for eta in given:
        assert train(pieces, 1, eta).eta == [eta]
    for one, other in zip(whole.params, pieces.params, strict=True):
        np.testing.assert_array_equal(to_host(one), to_host(other))


def test_a_plain_function_is_given_the_history_so_far():
    seen = []

    def schedule(history):
        seen.append((len(history.cost), len(history.validation_accuracy), list(history.eta)))
        return np.float32(0.5) / (1 + len(history.cost))

    history = train(make(), 3, schedule)
    assert seen == [(0, 0, []), (1, 1, [0.5]), (2, 2, [0.5, 0.25])]
    assert history.eta == pytest.approx([1 / 2, 1 / 4, 1 / 6])
    assert {type(eta) for eta in history.eta} == {float}


@pytest.mark.parametrize("validation", [False, True])
def test_where_it_answers_none_training_ends(validation, capsys):
    net = make()
    data = random_data() if validation else None
    history = net.SGD(random_data(), 9, 4, OfEpoch({0: 0.5, 1: 0.4}.get), data, random_data())
    assert (history.eta, len(history.cost), net.steps) == ([0.5, 0.4], 2, 6)
    assert capsys.readouterr().out.count("The schedule of eta has ended.") == 1
    if not validation:
        assert history.test_accuracy == [None, net.accuracy(random_data())]


def test_a_schedule_that_ends_at_once_trains_nothing():
    history = make().SGD(random_data(), 9, 4, lambda _: None, None, random_data(), verbose=False)
    assert history == History()


@pytest.mark.parametrize(
    "eta",
    [Every(0.5, 2), Through((0.5, 0.3), 3), WhenStalled(0.5, epochs=1, least=1 / 8), OfEpoch(lambda n: 1 / (n + 1))],
)
@pytest.mark.parametrize("killed", [1, 2, 4])
def test_a_run_that_goes_on_uses_the_rates_that_it_would_have_used(eta, killed, tmp_path):
    def once(folder, epochs):
        net = make()
        optimizer = Momentum(Through((0.5, 0.9), 2))
        history = train(net, epochs, eta, checkpoint=folder, shuffle=True, optimizer=optimizer)
        return net.params, history.eta, history.cost

    expected = once(None, 7)
    once(tmp_path, killed)
    params, *recorded = once(tmp_path, 7)
    assert recorded == [*expected[1:]]
    assert all(np.array_equal(a, b) for a, b in zip(params, expected[0], strict=True))


def test_a_run_with_another_schedule_is_another_run(tmp_path):
    train(make(), 1, Every(0.5, 2), checkpoint=tmp_path)
    with pytest.raises(
        ValueError, match=r"belongs to another run, with eta 'Every\(.*epochs=2.*' and not 'Every\(.*=3"
    ):
        train(make(), 2, Every(0.5, 3), checkpoint=tmp_path)


class Slower:
    def __call__(self, history):
        return 0.1


@pytest.mark.parametrize("other", [Slower, lambda: partial(max, 1), lambda: OfEpoch(partial(max, 1))])
def test_a_schedule_is_described_alike_in_every_process(other):
    assert described(other()) == described(other())
    assert " at 0x" not in described(other())
    assert described(rates) == "rates"
    assert described(0.5) == 0.5


# What is refused.

NAN, INF = float("nan"), float("inf")
BAD = [(-0.1, ValueError), (NAN, ValueError), (INF, ValueError), ("0.1", TypeError), (None, TypeError)]


@pytest.mark.parametrize(("bad", "error"), BAD)
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("start", lambda bad: Every(bad, 2)),
        ("factor", lambda bad: Every(0.1, 2, bad)),
        ("start", WhenStalled),
        ("factor", lambda bad: WhenStalled(0.1, bad)),
        ("least", lambda bad: WhenStalled(0.1, least=bad)),
        (r"values\[1\]", lambda bad: Through((0.5, bad), 2)),
    ],
)
def test_bad_numbers_are_refused_by_name_when_the_schedule_is_made(name, made, bad, error):
    with pytest.raises(error, match=rf"^{name}: expected a finite number, zero or positive; got {bad!r}"):
        made(bad)


@pytest.mark.parametrize(
    "made", [lambda n: Every(0.1, n), lambda n: Through((0.1,), n), lambda n: WhenStalled(0.1, epochs=n)]
)
def test_epochs_are_a_positive_integer(made):
    for bad, error in ((0, ValueError), (1.5, TypeError), ("2", TypeError)):
        with pytest.raises(error, match=rf"^epochs: expected an integer.*; got {bad!r}"):
            made(bad)


@pytest.mark.parametrize("values", [(), [], 0.5, None])
def test_values_are_a_sequence_of_at_least_one(values):
    with pytest.raises(ValueError, match=r"^values: expected a sequence of at least one; got "):
        Through(values, 2)


@pytest.mark.parametrize(("bad", "error"), BAD[:-1])
def test_a_bad_answer_is_refused_by_the_arguments_name_before_its_epoch(bad, error):
    net = make()
    with pytest.raises(error, match=rf"^eta: expected a finite number, zero or positive; got {bad!r}"):
        train(net, 3, OfEpoch(lambda epoch: [0.5, bad][epoch]))
    assert net.steps == 3
    assert value("eta", lambda _: None, History()) is None


def test_a_schedule_that_waits_for_validation_accuracy_needs_validation_data():
    net = make()
    with pytest.raises(ValueError, match=r"^eta: expected validation_data to look at; got None"):
        train(net, 1, WhenStalled(0.1), validation=False)
    assert net.steps == 0
    with pytest.raises(ValueError, match="WhenStalled needs validation_data"):
        train(net, 2, 0.1, validation=False, optimizer=Momentum(WhenStalled(0.9)))
