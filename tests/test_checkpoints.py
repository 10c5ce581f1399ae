"""Runs that are interrupted: they go on, and end as if they had not been."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from netlib import ConvPoolLayer, Network, SoftmaxLayer, data, storage
from netlib.checkpoints import Checkpoints, digest
from netlib.optimizers import GradientDescent, Momentum, RMSprop
from netlib.schedules import Through
from netlib.storage import FileError

DIGITS = data.load("digits")
SMALL = [data.Data(x[:200], y[:200]) for x, y in DIGITS]


def make(seed=0, dtype="float32", p_dropout=0.5, mini_batch_size=10):
    layers = [ConvPoolLayer((2, 1, 5, 5), (None, 1, 28, 28), (4, 4)), SoftmaxLayer(72, 10, p_dropout)]
    return Network(layers, mini_batch_size, seed=seed, dtype=dtype, device="cpu")


def train(net, epochs, folder=None, sets=SMALL, eta=0.1, lmbda=0.1, shuffle=True, **options):
    options = {"shuffle": shuffle, "checkpoint": folder, "verbose": False} | options
    return net.SGD(sets[0], epochs, net.mini_batch_size, eta, sets[1], sets[2], lmbda, **options)


def ending(net, history):
    """All that a run ends with, wall times aside."""
    kept = {key: value for key, value in vars(history).items() if key != "seconds"}
    return [parameter.tobytes() for parameter in net.params], net.steps, kept


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stops", [[3], [1, 2, 5], [0, 6]])
def test_a_run_in_pieces_ends_with_the_same_bits(stops, dtype, tmp_path):
    whole = make(dtype=dtype)
    expected = ending(whole, train(whole, 6))
    for epochs in [*stops, 6]:
        net = make(dtype=dtype)
        history = train(net, epochs, tmp_path)
    assert ending(net, history) == expected
    assert len(history.seconds) == 6


def test_checkpoints_change_nothing(tmp_path):
    one, other = make(), make()
    assert ending(one, train(one, 3)) == ending(other, train(other, 3, tmp_path))


def test_a_finished_run_is_not_run_again(tmp_path, monkeypatch):
    train(make(), 3, tmp_path)
    net = make()
    monkeypatch.setattr(net, "train_mini_batch", None)
    assert len(train(net, 3, tmp_path).cost) == 3


def test_the_newest_are_kept_and_are_networks(tmp_path):
    histories = train(make(), 5, tmp_path, keep=3)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"epoch-000{i}.npz" for i in (2, 3, 4)]
    between = Network.load(tmp_path / "epoch-0003.npz")
    assert between.accuracy(SMALL[1]) == histories.validation_accuracy[3]
    assert between.history.cost == histories.cost[:4]


def test_what_another_computer_has_deleted_already_does_not_end_a_run(tmp_path, monkeypatch):
    def gone(folder):
        return [folder / "epoch-0000.gone"] * any(folder.iterdir())

    found = Checkpoints.files
    monkeypatch.setattr(Checkpoints, "files", lambda self: gone(self.folder) + found(self))
    assert len(train(make(), 3, tmp_path).cost) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0001.npz", "epoch-0002.npz"]


def test_a_second_run_of_a_network_goes_into_a_folder_of_its_own(tmp_path):
    net, again = make(), make()
    for one in (net, again):
        train(one, 2, tmp_path / "first")
    expected = ending(net, train(net, 3))
    train(again, 1, tmp_path / "second")
    resumed = make()
    train(resumed, 2, tmp_path / "first")
    assert ending(resumed, train(resumed, 3, tmp_path / "second")) == expected


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    expected = ending(whole := make(), train(whole, 4))
    train(make(), 3, tmp_path)
    newest = tmp_path / "epoch-0002.npz"
    newest.write_bytes(newest.read_bytes()[:-40])
    net = make()
    assert ending(net, train(net, 4, tmp_path)) == expected


def test_when_all_are_damaged_the_run_does_not_begin_anew_unasked(tmp_path):
    train(make(), 2, tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with pytest.raises(FileError, match="is no model file, or a damaged one"):
        train(make(), 3, tmp_path)


@pytest.mark.parametrize(
    "changes", [{"history": None}, {"history": {"cost": 3}}, {"history": {}}, {"run": [1]}, {"steps": "many"}]
)
def test_a_whole_file_that_describes_no_run_is_an_error_that_names_it(changes, tmp_path):
    train(make(), 2, tmp_path, keep=1)
    (path,) = tmp_path.iterdir()
    header, arrays = storage.read(path)
    storage.write(path, header | changes, arrays)
    with pytest.raises(FileError, match=r"epoch-0001\.npz' does not describe a network: "):
        train(make(), 3, tmp_path)


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    (tmp_path / ".epoch-0001.npz.123.partial").write_bytes(b"half")
    train(make(), 1, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0000.npz"]


OTHER_RUNS = {
    "eta": lambda folder: train(make(), 3, folder, eta=0.2),
    "lmbda": lambda folder: train(make(), 3, folder, lmbda=0.2),
    "shuffle": lambda folder: train(make(), 3, folder, shuffle=False),
    "penalty_divisor": lambda folder: train(make(), 3, folder, penalty_divisor="examples"),
    "drop_last": lambda folder: train(make(), 3, folder, drop_last=False),
    "seed": lambda folder: train(make(seed=1), 3, folder),
    "dtype": lambda folder: train(make(dtype="float64"), 3, folder),
    "layers": lambda folder: train(make(p_dropout=0.25), 3, folder),
    "data": lambda folder: train(make(), 3, folder, sets=[SMALL[0], SMALL[2], SMALL[1]]),
    "l1": lambda folder: train(make(), 3, folder, l1=0.1),
    "method": lambda folder: train(make(), 3, folder, optimizer=Momentum()),
}


@pytest.mark.parametrize(("name", "run"), OTHER_RUNS.items(), ids=OTHER_RUNS.keys())
def test_a_folder_of_another_run_is_refused_and_left_alone(name, run, tmp_path):
    train(make(), 2, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=rf"^checkpoint: .*epoch-0001\.npz' belongs to another run, with {name} "):
        run(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("l1", lambda: {"l1": 0.1}),
        ("method", lambda: {"optimizer": RMSprop()}),
        ("method", lambda: {"optimizer": Momentum(0.8)}),
    ],
    ids=["l1", "RMSprop", "Momentum"],
)
def test_a_folder_of_a_run_with_something_more_is_that_of_another_run(name, options, tmp_path):
    train(make(), 2, tmp_path, **options())
    with pytest.raises(ValueError, match=f"belongs to another run, with {name} .* and not None"):
        train(make(), 3, tmp_path)


@pytest.mark.parametrize("other", [Momentum(0.9), RMSprop()], ids=["Momentum", "RMSprop"])
def test_a_folder_of_another_method_is_that_of_another_run(other, tmp_path):
    train(make(), 2, tmp_path, optimizer=Momentum(0.8))
    with pytest.raises(
        ValueError, match=rf"another run, with method 'Momentum\(0\.8.* and not '{type(other).__name__}"
    ):
        train(make(), 3, tmp_path, optimizer=other)


def test_a_folder_of_other_mini_batches_is_that_of_another_run(tmp_path):
    train(make(), 2, tmp_path)
    with pytest.raises(ValueError, match="another run, with mini_batch_size 10 and not 5"):
        train(make(mini_batch_size=5), 3, tmp_path)


def test_plain_gradient_descent_is_the_same_run_whether_it_is_named_or_not(tmp_path):
    train(make(), 2, tmp_path)
    assert len(train(make(), 3, tmp_path, optimizer=GradientDescent(), l1=0).cost) == 3


@pytest.mark.parametrize(
    "make_optimizer",
    [lambda: Momentum(0.8, nesterov=True), RMSprop, lambda: Momentum(Through((0.5, 0.9, 0.99), 1))],
    ids=["Nesterov", "RMSprop", "annealed"],
)
def test_what_an_optimizer_remembers_is_kept(make_optimizer, tmp_path):
    optimizer, whole = make_optimizer(), make()
    expected = ending(whole, train(whole, 4, optimizer=optimizer, eta=0.01, l1=0.1))
    for epochs in (1, 3, 4):
        net, other = make(), make_optimizer()
        history = train(net, epochs, tmp_path, optimizer=other, eta=0.01, l1=0.1)
    assert ending(net, history) == expected
    assert {name: array.tobytes() for name, array in other.memory.items()} == {
        name: array.tobytes() for name, array in optimizer.memory.items()
    }


def test_a_network_that_has_been_trained_already_is_another_beginning(tmp_path):
    train(make(), 2, tmp_path)
    net = make()
    train(net, 1)
    with pytest.raises(ValueError, match="belongs to another run, with steps before 0 and not 20"):
        train(net, 3, tmp_path)


def test_keep_is_a_positive_number(tmp_path):
    with pytest.raises(ValueError, match=r"^keep: expected an integer of at least 1; got 0"):
        train(make(), 1, tmp_path, keep=0)


def test_a_digest_names_numbers_types_and_shapes():
    a = np.arange(6)
    names = [digest(arrays) for arrays in ([a], [a + 0], [a.reshape(2, 3)], [a.astype("i4")], [a, a], [a[::-1]])]
    assert names[0] == names[1]
    assert len(set(names)) == 5


SCRIPT = """
import sys
from tests.test_checkpoints import ending, make, train
net = make()
history = train(net, 30, sys.argv[1])
import hashlib
print(hashlib.sha256(repr(ending(net, history)).encode()).hexdigest())
"""


def start(folder):
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, text=True)


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    undisturbed, _ = start(tmp_path / "undisturbed").communicate()
    folder, moments, lives = tmp_path / "killed", random.Random(0), []
    for _ in range(12):
        before = set(folder.glob("epoch-*"))
        with start(folder) as process:
            while process.poll() is None and set(folder.glob("epoch-*")) == before:
                time.sleep(0.001)  # let it come further than the last one did, so that the test comes to an end
            time.sleep(moments.random() * 0.05)
            process.send_signal(signal.SIGKILL)
        lives.append(process.returncode)
    ended, _ = start(folder).communicate()
    assert lives.count(-signal.SIGKILL) >= 6
    assert ended == undisturbed
    assert len(ended.strip()) == 64
