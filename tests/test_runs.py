"""Runs that can be repeated, interrupted and claimed, and what their records tell."""

import dataclasses
import itertools
import json
import platform
import shutil
import subprocess
import sys

import numpy as np
import pytest

import netlib
from netlib import Network
from netlib.checkpoints import Checkpoints
from netlib.data import load
from netlib.experiments import BusyError, opening_costs, provenance, read, run, write
from netlib.experiments.claims import claimed
from tests.experiments import (
    CONVOLVING,
    DEEP,
    LONGER,
    ONE_EPOCH,
    SMALL,
    Direct,
    digest,
    small_run,
    validation_that_falls,
    with_netlib,
    without_seconds,
)


@pytest.mark.parametrize("recipe", [SMALL, CONVOLVING, LONGER, DEEP], ids=lambda recipe: recipe.name)
def test_a_record_tells_what_training_step_by_step_leads_to(recipe, device, tmp_path):
    record = small_run(recipe, tmp_path, device=device)
    direct = Direct(recipe, 1, recipe.epochs, device)
    assert record.recipe == recipe.name
    assert record.seed == 1
    assert record.cost == pytest.approx(direct.epoch_costs, rel=1e-5)
    assert record.validation_accuracy == pytest.approx(direct.validation, abs=1e-12)
    assert record.test_accuracy == pytest.approx(direct.test, abs=1e-12)
    assert record.n_test == 250
    assert record.best_epoch == direct.best
    assert record.best_errors == direct.errors[direct.best]
    assert record.last_errors == direct.errors[-1]
    assert record.accuracy == pytest.approx(1 - len(direct.errors[direct.best]) / 250, abs=1e-12)
    assert record.last_accuracy == pytest.approx(1 - len(direct.errors[-1]) / 250, abs=1e-12)
    assert record.filters == direct.filters
    assert record.initial_weights == digest(direct.initial)
    assert record.opening_cost == pytest.approx({str(i): direct.costs[i - 1] for i in (1, 10, 100)}, rel=1e-5)


def test_the_best_errors_are_those_of_the_best_epoch_though_the_last_one_is_another(tmp_path, monkeypatch):
    validation_that_falls(monkeypatch)
    record = small_run(SMALL, tmp_path)
    errors = Direct(SMALL, 1, 3).errors
    assert (record.best_epoch, record.validation_accuracy) == (0, [0.9, 0.8, 0.7])
    assert (record.best_errors, record.last_errors) == (errors[0], errors[2])
    assert len(errors[0]) != len(errors[2])
    assert record.accuracy == pytest.approx(record.test_accuracy[0], abs=1e-12)


def test_a_record_tells_how_it_came_about(tmp_path):
    record = small_run(CONVOLVING, tmp_path, epochs=1)
    assert record.parameters == {
        "data": "digits",
        "expanded": False,
        "epochs": 1,
        "mini_batch_size": 10,
        "eta": 0.3,
        "lmbda": 0.5,
        "dtype": "float64",
        "shuffle": False,
        "drop_last": True,
        "penalty_divisor": "batches",
    }
    assert [layer["kind"] for layer in record.layers] == ["ConvPoolLayer", "ConvPoolLayer", "SoftmaxLayer"]
    assert record.layers[0]["filter_shape"] == (2, 1, 5, 5)
    assert [layer.get("activation_fn") for layer in record.layers] == ["ReLU", "sigmoid", None]
    assert record.device == f"CPU, {platform.machine()}"
    assert record.versions == {
        "netlib": netlib.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "numpy": np.__version__,
    }
    assert record.file_name == "convolving-seed1.json"


def test_a_record_of_chapter_5_tells_its_way(tmp_path):
    record = small_run(DEEP, tmp_path, epochs=1)
    assert record.parameters == {
        "data": "digits",
        "expanded": False,
        "epochs": 1,
        "mini_batch_size": 10,
        "eta": 0.5,
        "lmbda": 40.0,
        "dtype": "float64",
        "shuffle": True,
        "drop_last": True,
        "penalty_divisor": "examples",
    }
    assert [layer["init"] for layer in record.layers] == ["corrected"] * 3
    assert [layer["cost"] for layer in record.layers] == [None, None, "cross_entropy"]
    assert record.filters == []


def test_what_was_asked_for_is_what_is_recorded(tmp_path):
    recipe = dataclasses.replace(LONGER, expanded=False)
    record = small_run(recipe, tmp_path, seed=7)
    assert (record.parameters["dtype"], record.parameters["expanded"], record.seed) == ("float64", False, 7)
    assert record.parameters["epochs"] == len(record.cost) == 1
    assert Network.load(tmp_path / "best.npz").dtype == np.float64
    assert small_run(LONGER, tmp_path / "expanded").parameters["expanded"] is True


def test_seconds_are_those_of_all_epochs(tmp_path, monkeypatch):
    monkeypatch.setattr("netlib.training.time.perf_counter", itertools.count(0, 10).__next__)
    assert small_run(SMALL, tmp_path).seconds == 30


def test_lines_are_printed_if_they_are_asked_for(tmp_path, capsys):
    small_run(SMALL, tmp_path / "quiet")
    assert capsys.readouterr().out == ""
    run(SMALL, 1, tmp_path / "verbose", device="cpu")
    assert capsys.readouterr().out.startswith("Training mini-batch number 0\nEpoch 0: validation accuracy ")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("recipe", [SMALL, CONVOLVING, DEEP], ids=lambda recipe: recipe.name)
def test_opening_costs_are_those_with_which_training_begins(recipe, seed, device):
    direct = Direct(recipe, seed, 1, device)
    unpenalised = Direct(dataclasses.replace(recipe, lmbda=0.0), seed, 1, device)
    costs = opening_costs(recipe, seed, load("digits"), device)
    assert costs == pytest.approx({str(i): direct.costs[i - 1] for i in (1, 10, 100)}, rel=1e-5)
    assert abs(unpenalised.costs[99] / direct.costs[99] - 1) > 1e-3, "the penalty shows nowhere"
    assert recipe is DEEP or costs["1"] == pytest.approx(np.log(10), rel=1e-5)
    assert all(value == float(f"{value:.6g}") for value in costs.values())


# Runs that are interrupted.


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The record of an undisturbed run whose best epoch is not the last."""
    return small_run(CONVOLVING, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("stops", [[1], [2], [3], [1, 2, 2]])
def test_a_run_in_pieces_gives_the_same_record(stops, whole, tmp_path):
    for epochs in stops:
        assert small_run(CONVOLVING, tmp_path, epochs=epochs).parameters["epochs"] == epochs
    assert without_seconds(small_run(CONVOLVING, tmp_path)) == without_seconds(whole)


@pytest.mark.parametrize("after", [0, 128, 129, 130, 257, 258, 300, 386])
def test_a_run_that_is_interrupted_within_an_epoch_gives_the_same_record(after, whole, tmp_path, monkeypatch):
    def step(net, *arguments):
        if net.steps == after:
            raise KeyboardInterrupt
        return train_mini_batch(net, *arguments)

    train_mini_batch = Network.train_mini_batch
    with monkeypatch.context() as patched:
        patched.setattr(Network, "train_mini_batch", step)
        with pytest.raises(KeyboardInterrupt):
            small_run(CONVOLVING, tmp_path)
    assert without_seconds(small_run(CONVOLVING, tmp_path)) == without_seconds(whole)


@pytest.mark.parametrize(
    ("kind", "epoch"), [(Network, 0), (Network, 1), (Checkpoints, 0), (Checkpoints, 1), (Checkpoints, 2)]
)  # of three epochs, the first two are each the best so far, and leave the best network and then a checkpoint
def test_a_run_that_is_interrupted_as_it_saves_gives_the_same_record(kind, epoch, whole, tmp_path, monkeypatch):
    def save(*arguments):
        if next(calls) == epoch:
            raise KeyboardInterrupt
        return original(*arguments)

    calls, original = itertools.count(), kind.save
    with monkeypatch.context() as patched:
        patched.setattr(kind, "save", save)
        with pytest.raises(KeyboardInterrupt):
            small_run(CONVOLVING, tmp_path)
    assert without_seconds(small_run(CONVOLVING, tmp_path)) == without_seconds(whole)


def test_a_finished_run_is_recorded_again_without_being_run_again(whole, tmp_path, monkeypatch):
    small_run(CONVOLVING, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(before) == ["best.npz", "epoch-0001.npz", "epoch-0002.npz"]
    monkeypatch.setattr("netlib.experiments.running.opening_costs", lambda *arguments: whole.opening_cost)
    monkeypatch.setattr(Network, "train_mini_batch", None)
    assert without_seconds(small_run(CONVOLVING, tmp_path)) == without_seconds(whole)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "found"), [({"eta": 0.4}, "with eta 0.5 and not 0.4"), ({"expanded": True}, "with data ")]
)
def test_a_folder_of_another_recipe_is_refused(change, found, tmp_path):
    small_run(SMALL, tmp_path, epochs=1)
    with pytest.raises(ValueError, match=f"belongs to another run, {found}"):
        small_run(dataclasses.replace(SMALL, **change), tmp_path)


def test_fewer_epochs_than_were_run_already_are_refused(tmp_path):
    small_run(SMALL, tmp_path, epochs=3)
    with pytest.raises(ValueError, match=r"^epochs: expected at least 3, .*epoch-0002\.npz' was made; got 2$"):
        small_run(SMALL, tmp_path, epochs=2)
    assert len(small_run(SMALL, tmp_path, epochs=3).cost) == 3


def test_the_best_network_of_a_longer_run_that_was_interrupted_is_not_taken_for_this_ones(tmp_path, monkeypatch):
    def save(checkpoints):
        if len(checkpoints.network.history.cost) == 2:
            raise KeyboardInterrupt  # the best network is that of epoch 1, the newest checkpoint that of epoch 0
        return original(checkpoints)

    original = Checkpoints.save
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "save", save)
        with pytest.raises(KeyboardInterrupt):
            small_run(CONVOLVING, tmp_path)
    with pytest.raises(ValueError, match=r"best\.npz' to be the network after epoch 0; delete its folder"):
        small_run(CONVOLVING, tmp_path, epochs=1)


def test_what_after_epoch_raises_ends_the_run_before_anything_of_that_epoch_is_kept(whole, tmp_path):
    def stop(net):
        if len(net.history.cost) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        small_run(CONVOLVING, tmp_path, after_epoch=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.npz", "epoch-0000.npz"]
    assert len(Network.load(tmp_path / "best.npz").history.cost) == 1
    assert without_seconds(small_run(CONVOLVING, tmp_path)) == without_seconds(whole)


# A folder for one run at a time.


def test_a_folder_that_another_thread_runs_in_is_refused_until_that_has_ended(tmp_path):
    with claimed(tmp_path / "run"), pytest.raises(BusyError, match=r"run' is in use: another process makes this run"):
        small_run(SMALL, tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []
    assert small_run(SMALL, tmp_path / "run").recipe == "small"
    with claimed(tmp_path / "run"):
        pass


CLAIM = """
import sys, time
from netlib.experiments.claims import claimed
with claimed(sys.argv[1]):
    print("claimed", flush=True)
    time.sleep(60)
"""


def test_a_folder_that_another_process_runs_in_is_refused_until_that_was_killed(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", CLAIM, tmp_path], stdout=subprocess.PIPE, env=with_netlib())
    try:
        assert other.stdout.readline() == b"claimed\n"
        with pytest.raises(BusyError, match="is in use"):
            small_run(ONE_EPOCH, tmp_path)
    finally:
        other.kill()
        other.communicate()
    assert len(small_run(ONE_EPOCH, tmp_path).cost) == 1


def test_an_error_in_a_run_gives_its_folder_back(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Network, "train_mini_batch", None)
        with pytest.raises(TypeError):
            small_run(ONE_EPOCH, tmp_path)
    small_run(ONE_EPOCH, tmp_path)


def test_where_nothing_can_be_claimed_runs_are_made_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("netlib.experiments.claims.fcntl", None)
    with claimed(tmp_path / "run"):
        assert len(small_run(ONE_EPOCH, tmp_path / "run").cost) == 1


# The commit.


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a package where the code of `provenance` seems to stand; committed, and nothing changed."""
    folder = tmp_path / "repository"
    (folder / "package" / "experiments").mkdir(parents=True)
    (folder / "package" / "experiments" / "provenance.py").write_text("original")
    (folder / "elsewhere").write_text("original")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "--no-gpg-sign", "-m", "first")
    monkeypatch.setattr(provenance, "__file__", str(folder / "package" / "experiments" / "provenance.py"))
    return folder


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@needs_git
def test_the_commit_is_recorded_and_whether_the_package_differs_from_it(repository, tmp_path):
    head = git(repository, "rev-parse", "HEAD")[:12]
    assert small_run(ONE_EPOCH, tmp_path / "run").commit == head
    (repository / "elsewhere").write_text("changed")
    (repository / "new").write_text("new")
    assert small_run(ONE_EPOCH, tmp_path / "run").commit == head
    (repository / "package" / "new.py").write_text("new")
    assert small_run(ONE_EPOCH, tmp_path / "run").commit == head + "+"
    (repository / "package" / "new.py").unlink()
    (repository / "package" / "experiments" / "provenance.py").write_text("changed")
    assert small_run(ONE_EPOCH, tmp_path / "run").commit == head + "+"


@needs_git
def test_without_a_repository_or_without_git_there_is_no_commit(repository, tmp_path, monkeypatch):
    shutil.rmtree(repository / ".git")
    assert small_run(ONE_EPOCH, tmp_path / "run").commit is None
    monkeypatch.setenv("PATH", "")
    assert small_run(ONE_EPOCH, tmp_path / "run").commit is None


@pytest.fixture
def asked():
    """What the code says of itself, as a process that begins now would be told."""

    def ask():
        provenance.code.cache_clear()
        return provenance.code()

    yield ask
    provenance.code.cache_clear()


@needs_git
def test_the_code_is_told_by_its_version_its_commit_and_all_its_sources(repository, asked):
    head, source = git(repository, "rev-parse", "HEAD")[:12], repository / "package" / "new.py"
    told = [asked()]
    assert (told[0]["netlib"], told[0]["commit"]) == (netlib.__version__, head)
    (repository / "elsewhere").write_text("changed")
    assert asked() == told[0]
    source.write_text("new")
    told.append(asked())
    source.write_text("other")
    told.append(asked())
    source.rename(source.with_name("old.py"))
    told.append(asked())
    assert [each["commit"] for each in told] == [head, *[head + "+"] * 3]
    assert len({each["sources"] for each in told}) == 4


@needs_git
def test_what_is_changed_on_the_disk_does_not_change_what_a_process_has_imported(repository, asked):
    first = asked()
    (repository / "package" / "new.py").write_text("new")
    assert provenance.code() == first


def test_a_record_of_a_run_is_read_as_it_was_written(whole, tmp_path):
    again = read(write(whole, tmp_path))
    assert dataclasses.replace(again, layers=None) == dataclasses.replace(whole, layers=None)
    assert again.layers == json.loads(json.dumps(whole.layers))
    assert write(again, tmp_path).read_bytes() == write(whole, tmp_path).read_bytes()
