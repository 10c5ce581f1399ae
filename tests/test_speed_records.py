"""Recorded speeds of learning: descents that a loop in plain NumPy repeats, records near the book's figures."""

import dataclasses
import importlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import netlib
from netlib.cli import main
from netlib.data import load
from netlib.experiments import RecordError, Speeds, read, records, run_speeds, speed_records, write
from netlib.experiments import speeds as speed_files
from netlib.gradients import deep
from tests.committed import RESULTS, content, for_each, needs_mnist, signed
from tests.experiments import digest

ROOT = Path(netlib.__file__).parents[1]
CLI = importlib.import_module("netlib.cli.experiments")  # the command of this name hides it


# Descents.


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def descent(depth, seed, epochs):
    """Speeds, costs and the accuracy at the end, of the first 1,000 digits: the book's formulas, one after another."""
    net = deep([784, *[30] * depth, 10], seed=seed, dtype="float64", device="cpu")
    weights, biases = [layer.w.copy() for layer in net.layers], [layer.b.copy() for layer in net.layers]
    training = load("digits").training
    x, y = np.asarray(training.x[:1000], float), np.eye(10)[training.y[:1000]]

    def activations():
        found = [x]
        for w, b in zip(weights, biases, strict=True):
            found.append(sigmoid(found[-1] @ w + b))
        return found

    speeds, costs = [], []
    for _ in range(epochs):
        a = activations()
        costs.append(-np.mean(np.sum(y * np.log(a[-1]) + (1 - y) * np.log(1 - a[-1]), axis=1)))
        deltas = [a[-1] - y]
        for w, below in zip(weights[:0:-1], a[-2:0:-1], strict=True):
            deltas.insert(0, deltas[0] @ w.T * below * (1 - below))
        speeds.append([np.linalg.norm(delta.mean(axis=0)) for delta in deltas[:-1]])
        for w, b, below, delta in zip(weights, biases, a, deltas, strict=False):
            w *= 1 - 0.1 * 5.0 / 1000
            w -= 0.1 * below.T @ delta / 1000
            b -= 0.1 * delta.mean(axis=0)
    return speeds, costs, np.mean(activations()[-1].argmax(axis=1) == training.y[:1000])


def on_digits(depth=2, seed=0, **options):
    return run_speeds(depth, seed, **({"data": "digits", "device": "cpu", "epochs": 5} | options))


@pytest.mark.parametrize(("depth", "seed"), [(1, 0), (2, 0), (3, 1), (4, 2)])
def test_speeds_are_those_before_each_step_of_a_descent(depth, seed, device):
    record = on_digits(depth, seed, device=device, epochs=40)
    speeds, costs, accuracy = descent(depth, seed, 40)
    assert np.shape(record.speeds) == (40, depth)
    np.testing.assert_allclose(record.speeds, speeds, rtol=5.1e-4)
    np.testing.assert_allclose(record.cost, costs, rtol=5.1e-6)
    assert record.accuracy == pytest.approx(accuracy, abs=1e-12)


def test_a_record_tells_how_it_came_about():
    record = on_digits(3, 7)
    assert record.parameters == {
        "data": "digits",
        "images": 1000,
        "epochs": 5,
        "mini_batch_size": 1000,
        "eta": 0.1,
        "lmbda": 5.0,
        "dtype": "float64",
        "shuffle": False,
        "drop_last": True,
        "penalty_divisor": "examples",
    }
    assert (record.seed, record.depth, record.sizes) == (7, 3, [784, 30, 30, 30, 10])
    assert record.file_name == "speeds_3-seed7.json"
    assert [(layer["kind"], layer["activation_fn"], layer["init"], layer["cost"]) for layer in record.layers] == [
        *[("FullyConnectedLayer", "sigmoid", "corrected", None)] * 3,
        ("FullyConnectedLayer", "sigmoid", "corrected", "cross_entropy"),
    ]
    assert record.initial_weights == before_training(3, 7)
    assert record.device.startswith("CPU, ")
    assert record.versions.keys() == {"netlib", "python", "numpy"}


def before_training(depth, seed):
    """The digest of the network as it begins."""
    return digest(deep([784, *[30] * depth, 10], seed=seed, dtype="float64", device="cpu").params)


def test_speeds_have_four_digits_and_costs_six():
    record = on_digits()
    assert all(speed == float(f"{speed:.4g}") for of_each in record.speeds for speed in of_each)
    assert any(speed != float(f"{speed:.3g}") for of_each in record.speeds for speed in of_each)
    assert all(cost == float(f"{cost:.6g}") for cost in record.cost)
    assert any(cost != float(f"{cost:.5g}") for cost in record.cost)


def test_the_first_of_a_longer_descent_are_those_of_a_shorter_one():
    longer, shorter = on_digits(epochs=5), on_digits(epochs=3)
    assert (longer.speeds[:3], longer.cost[:3]) == (shorter.speeds, shorter.cost)
    assert on_digits(epochs=1).speeds == longer.speeds[:1]


def test_another_dtype_is_told_and_hardly_seen():
    single, double = on_digits(dtype="float32"), on_digits()
    assert single.parameters == double.parameters | {"dtype": "float32"}
    assert single.initial_weights != double.initial_weights
    np.testing.assert_allclose(single.speeds, double.speeds, rtol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "found"),
    [
        ({"depth": 0}, ValueError, "^depth: "),
        ({"depth": 2.0}, TypeError, "^depth: "),
        ({"epochs": 0}, ValueError, "^epochs: "),
        ({"seed": -1}, ValueError, "^seed: "),
        ({"dtype": "float16"}, ValueError, "^dtype: "),
        ({"data": "letters"}, ValueError, "^name: .*'letters'"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments, error, found):
    with pytest.raises(error, match=found):
        on_digits(**arguments)


# Files.


@pytest.fixture(scope="module")
def record():
    return on_digits()


def test_what_is_written_is_read(record, tmp_path):
    path = write(record, tmp_path)
    assert path == tmp_path / "speeds_2-seed0.json"
    assert read(path, Speeds) == record
    lines = path.read_text().splitlines()
    names = [*(field.name for field in dataclasses.fields(Speeds)), "sha256"]
    assert [line.split('"')[1] for line in lines[1:-1]] == names
    assert write(read(path, Speeds), tmp_path).read_text().splitlines() == lines


EDITS = {
    "a speed": lambda content: content | {"speeds": [[0.1, 0.2], *content["speeds"][1:]]},
    "a step left out": lambda content: content | {"speeds": content["speeds"][1:]},
    "a cost": lambda content: content | {"cost": [*content["cost"][:-1], 0.5]},
    "the accuracy": lambda content: content | {"accuracy": 0.999},
    "a hyperparameter": lambda content: content | {"parameters": content["parameters"] | {"eta": 0.2}},
    "another seed": lambda content: content | {"seed": 1},
    "a layer less": lambda content: content | {"layers": content["layers"][1:]},
    "the checksum": lambda content: content | {"sha256": "0" * 64},
    "no checksum": lambda content: {key: value for key, value in content.items() if key != "sha256"},
    "one key less": lambda content: {key: value for key, value in content.items() if key != "cost"},
    "one key more": lambda content: content | {"remark": "very good"},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_by_hand_is_noticed(edit, record, tmp_path):
    path = write(record, tmp_path)
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    with pytest.raises(RecordError, match=r"speeds_2-seed0\.json' is (not as it was written|no record of layers, )"):
        read(path, Speeds)
    with pytest.raises(RecordError):
        speed_records(place=tmp_path)


def test_a_file_that_breaks_off_is_no_record(record, tmp_path):
    path = write(record, tmp_path)
    content = path.read_bytes()
    for end in range(0, len(content) - 2, 101):
        path.write_bytes(content[:end])
        with pytest.raises(RecordError, match="is no record of layers, parameters, seed, initial_weights, speeds, "):
            read(path, Speeds)


def test_neither_kind_of_record_is_taken_for_the_other(record, tmp_path):
    with pytest.raises(RecordError, match="is no record of recipe, layers, "):
        read(write(record, tmp_path))
    a_run = next((ROOT / "data" / "results").glob("*.json"))
    with pytest.raises(RecordError, match="is no record of layers, parameters, "):
        read(a_run, Speeds)


def test_records_come_by_depth_and_seed(record, tmp_path):
    for depth, seed in [(4, 0), (2, 10), (3, 1), (2, 2)]:
        layers = [*record.layers[:1] * depth, record.layers[-1]]
        write(dataclasses.replace(record, layers=layers, seed=seed), tmp_path)

    def found(*arguments):
        return [(record.depth, record.seed) for record in speed_records(*arguments, place=tmp_path)]

    assert found() == found(None) == [(2, 2), (2, 10), (3, 1), (4, 0)]
    assert found([2]) == [(2, 2), (2, 10)]
    assert found(iter([4, 3])) == [(3, 1), (4, 0)]
    assert found([5]) == found([]) == []


def test_their_folder_is_no_part_of_the_one_around_it(record, tmp_path, monkeypatch):
    monkeypatch.setattr(speed_files, "folder", lambda: tmp_path)
    assert speed_records() == []
    (tmp_path / "speeds").mkdir()
    write(record, tmp_path / "speeds")
    assert speed_records() == [record]
    assert records(place=tmp_path) == []


# The command line.


def speeds(*arguments):
    return CliRunner().invoke(main, ["experiments", "speeds", *map(str, arguments)])


@pytest.fixture
def of_digits(tmp_path, monkeypatch):
    """The command on the digits, in an empty folder; the records that come along seem to lie there, too."""
    monkeypatch.setattr(
        CLI, "run_speeds", lambda *arguments, **options: run_speeds(*arguments, data="digits", **options)
    )
    monkeypatch.setattr(CLI, "EPOCHS", 4)
    monkeypatch.setattr(CLI, "folder", lambda: tmp_path / "results")
    monkeypatch.setattr(speed_files, "folder", lambda: tmp_path / "results")
    monkeypatch.chdir(tmp_path)


def test_the_command_records_each_depth_and_seed(of_digits):
    ran = speeds(3, 2, "--seed", 1, "--seed", 5, "--epochs", 3, "--device", "cpu", "-o", "out/new")
    assert ran.exit_code == 0, ran.output
    found = speed_records(place="out/new")
    assert [(record.depth, record.seed) for record in found] == [(2, 1), (2, 5), (3, 1), (3, 5)]
    for record in found:
        expected = on_digits(record.depth, record.seed, epochs=3)
        assert (record.speeds, record.cost, record.accuracy) == (expected.speeds, expected.cost, expected.accuracy)
        assert f"depth {record.depth}, seed {record.seed}\n" in ran.output
        first, last = (", ".join(f"{speed:.2g}" for speed in record.speeds[i]) for i in (0, -1))
        assert f"{first} at first, {last} at last, {record.seconds:.0f} seconds: out/new/" in ran.output
    assert speed_records() == []


def test_the_command_takes_the_books_depths_seed_0_and_the_packages_folder_unless_told_otherwise(of_digits):
    ran = speeds()
    assert ran.exit_code == 0, ran.output
    assert [(record.depth, record.seed, len(record.speeds)) for record in speed_records()] == [
        (2, 0, 4),
        (3, 0, 4),
        (4, 0, 4),
    ]
    assert {path.name for path in Path("results").iterdir()} == {"speeds"}


def test_the_books_descent_has_500_steps():
    assert (speed_files.EPOCHS, speed_files.IMAGES, speed_files.DEPTHS) == (500, 1000, (2, 3, 4))
    assert CLI.EPOCHS == run_speeds.__kwdefaults__["epochs"] == 500


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--epochs", 3], "name a folder with -o"),
        (["--epochs", 0, "-o", "out"], "0 is not in the range x>=1"),
        ([0, "-o", "out"], "0 is not in the range x>=1"),
        (["two", "-o", "out"], "'two' is not a valid integer range"),
        ([2, "--seed", -1, "-o", "out"], "-1 is not in the range x>=0"),
        ([2, "--device", "tpu", "-o", "out"], "'tpu' is not one of 'auto', 'cpu', 'gpu'"),
    ],
)
def test_what_cannot_be_recorded_is_an_error_before_anything_is(arguments, found, of_digits):
    ran = speeds(*arguments)
    assert (ran.exit_code, type(ran.exception)) == (2, SystemExit)
    assert found in ran.output
    assert list(Path().iterdir()) == []


def test_what_goes_wrong_is_told_without_a_traceback(of_digits):
    Path("out").write_text("a file")
    ran = speeds(2, "-o", "out")
    assert (ran.exit_code, type(ran.exception)) == (1, SystemExit)
    assert "out" in ran.output


# The records that are committed.

COMMITTED = sorted((RESULTS / "speeds").glob("*.json"))
each_record = for_each(COMMITTED)

FIRST_LAYER = {2: (0.037, 0.083), 3: (0.007, 0.019), 4: (0.001, 0.004)}  # 5 to 95 % of 50 seeds, before training


def test_all_committed_records_are_found():
    assert {record.file_name for record in speed_records()} == {path.name for path in COMMITTED}


@each_record
def test_a_committed_record_is_as_it_was_written_and_has_its_name(path):
    parts = signed(path)
    assert path.name == f"speeds_{len(parts['layers']) - 1}-seed{parts['seed']}.json" == read(path, Speeds).file_name


@each_record
def test_a_committed_record_is_of_the_books_descent(path):
    record = content(path)
    depth = len(record["layers"]) - 1
    assert depth in (2, 3, 4)
    assert record["parameters"] == {
        "data": "mnist",
        "images": 1000,
        "epochs": 500,
        "mini_batch_size": 1000,
        "eta": 0.1,
        "lmbda": 5.0,
        "dtype": "float64",
        "shuffle": False,
        "drop_last": True,
        "penalty_divisor": "examples",
    }
    assert [layer["n_out"] for layer in record["layers"]] == [*[30] * depth, 10]
    assert record["layers"] == on_digits(depth, epochs=1).layers
    assert record["initial_weights"] == before_training(depth, record["seed"])


@each_record
def test_the_numbers_of_a_committed_record_agree_with_each_other(path):
    record = content(path)
    assert np.shape(record["speeds"]) == (500, len(record["layers"]) - 1)
    assert np.min(record["speeds"]) > 0
    assert len(record["cost"]) == 500
    assert max(record["cost"]) == record["cost"][0] > record["cost"][-1] > 0
    assert 0.05 < record["accuracy"] <= 1
    assert round(record["accuracy"] * 1000, 9).is_integer()
    assert record["seconds"] > 0


@each_record
def test_a_committed_record_comes_from_committed_code(path):
    commit = content(path)["commit"]
    assert commit
    assert set(commit) <= set("0123456789abcdef"), "the package differed from the commit"
    assert {"netlib", "python", "numpy"} <= content(path)["versions"].keys()


@each_record
def test_a_committed_record_is_near_the_books_figures(path):
    speeds = content(path)["speeds"]
    assert all(lower < higher for lower, higher in pairwise(speeds[0])), "at the start, a later layer is slower"
    low, high = FIRST_LAYER[len(speeds[0])]
    assert low / 2 <= speeds[0][0] <= high * 2
    assert speeds[-1][0] < speeds[-1][-1], "at the end, the first layer is not slower than the last"


@needs_mnist
@each_record
def test_a_committed_record_begins_as_its_descent_does_today(path):
    record = read(path, Speeds)
    today = run_speeds(record.depth, record.seed, epochs=10, device="cpu")
    np.testing.assert_allclose(today.speeds, record.speeds[:10], rtol=1e-3)
    np.testing.assert_allclose(today.cost, record.cost[:10], rtol=1e-5)
