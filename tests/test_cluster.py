"""Runs on a Dask cluster: a scheduler and two workers on this computer, one of which says that it has a card."""

import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import netlib
from netlib.cli import main
from netlib.experiments import RECIPES, Cluster, ClusterError, read, records
from netlib.gpu import gpu_problem
from tests.experiments import (
    CONVOLVING,
    DEEP,
    FAILING,
    LONG,
    ONE_EPOCH,
    SMALL,
    blas_in,
    convolutional,
    essence,
    runs,
    small_run,
    wait_for,
    with_netlib,
)

needs_dask = pytest.mark.skipif(
    not importlib.util.find_spec("distributed"), reason='distributed is not installed; the "cluster" extra brings it'
)


@contextlib.contextmanager
def begun(folder, *arguments, environment=None):
    """A command of Dask's, until the end of the block."""
    command = [sys.executable, "-m", "dask", *map(str, arguments)]
    with open(folder / f"{arguments[0]}.log", "ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment or with_netlib(), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def scheduler(folder):
    return begun(
        folder, "scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", "s.json"
    )


def worker(folder, name, *options, environment=None):
    always = ("--name", name, "--nthreads", 1, "--no-dashboard", "--local-directory", folder / name)
    return begun(folder, "worker", *always, *options, environment=environment)


def wait_for_workers(address, n):
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(n, 30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The scheduler's file."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    where = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    workers = [(folder, "plain"), (folder, "carded", "--resources", "GPU=1")]
    with begun(folder, "scheduler", *where), contextlib.ExitStack() as opened:
        for arguments in workers:
            opened.enter_context(worker(*arguments, "--scheduler-file", file))
        wait_for(file)
        wait_for_workers(json.loads(file.read_text())["address"], 2)
        yield file


@pytest.fixture
def address(cluster):
    return json.loads(cluster.read_text())["address"]


# The same records.


@needs_dask
def test_each_run_ends_as_one_record_equal_to_that_of_a_serial_run(address, tmp_path):
    recipes = [telling(CONVOLVING, tmp_path / "told"), SMALL, DEEP]
    with Cluster(address) as executor:
        outcomes = runs(recipes, [1, 5], tmp_path, executor=executor)
    assert [outcome.error for outcome in outcomes] == [None] * 6
    names = [f"{recipe.name}-seed{seed}" for recipe in (CONVOLVING, SMALL, DEEP) for seed in (1, 5)]
    assert [outcome.path.stem for outcome in outcomes] == names
    assert sorted(path.name for path in (tmp_path / "records").iterdir()) == sorted(f"{name}.json" for name in names)
    for outcome in outcomes:
        recipe = {recipe.name: recipe for recipe in (CONVOLVING, SMALL, DEEP)}[outcome.recipe.name]
        alone = small_run(recipe, tmp_path / "alone" / outcome.path.stem, seed=outcome.seed)
        assert essence(read(outcome.path)) == essence(alone)
    assert {name for name, _, _ in told(tmp_path / "told")} == {"plain", "carded"}
    assert str(os.getpid()) not in {process for _, process, _ in told(tmp_path / "told")}


@needs_dask
def test_when_a_worker_is_killed_its_run_goes_on_elsewhere_from_the_newest_checkpoint(address, tmp_path):
    place = tmp_path / "checkpoints" / "long-seed1"

    def kill():
        wait_for(place / "epoch-0002.npz")
        os.kill(int(told(tmp_path / "told")[0][1]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with Cluster(address) as executor:
        outcomes = runs([telling(LONG, tmp_path / "told", place), SMALL], [1], tmp_path, executor=executor)
    killer.join()
    assert [outcome.error for outcome in outcomes] == [None] * 2
    assert len(list((tmp_path / "records").iterdir())) == 2
    assert essence(outcomes[0].record) == essence(small_run(LONG, tmp_path / "alone"))
    (_, first, began), (_, second, went_on), (_, last, _) = told(
        tmp_path / "told"
    )  # before training, and once after it
    assert began == "none"
    assert first != second == last
    assert "epoch-0002.npz" <= went_on < "epoch-0011.npz"
    wait_for_workers(address, 2)  # the nanny has begun another


@needs_dask
def test_a_run_that_fails_does_not_lose_the_others(address, tmp_path):
    with Cluster(address) as executor:
        failed, made = runs([FAILING, SMALL], [1], tmp_path, executor=executor)
    assert isinstance(failed.error, ZeroDivisionError)
    assert (str(failed.error), made.error) == ("no such layers", None)


@needs_dask
def test_what_two_ask_for_at_a_time_is_made_once_and_both_have_its_record(address, tmp_path):
    recipe = telling(CONVOLVING, tmp_path / "told")
    with Cluster(address) as one, Cluster(address) as other:
        first = threading.Thread(target=runs, args=([recipe], [1], tmp_path), kwargs={"executor": one})
        first.start()
        wait_for(tmp_path / "told")
        same = {"checkpoints": tmp_path / "checkpoints", "executor": other}
        (outcome,) = runs([recipe], [1], tmp_path / "other", **same)
        first.join()
    assert read(tmp_path / "records" / "convolving-seed1.json") == outcome.record
    assert len({process for _, process, _ in told(tmp_path / "told")}) == 1
    assert [newest for _, _, newest in told(tmp_path / "told")] == ["none"] * 2


@needs_dask
def test_blas_has_one_thread_in_a_worker(address):
    with Cluster(address) as executor:
        threads, _ = executor.submit(blas_in, 0).result()
    assert set(threads) <= {1}


# What workers have.


@needs_dask
def test_a_run_that_takes_a_card_is_made_where_one_is_declared(address, tmp_path):
    with Cluster(address, resources={"GPU": 1}) as executor:
        outcomes = runs([telling(ONE_EPOCH, tmp_path / "told")], range(4), tmp_path, executor=executor)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert {name for name, _, _ in told(tmp_path / "told")} == {"carded"}


@needs_dask
def test_what_no_worker_declares_is_told_before_anything_is_made(address):
    wanted = r"none of the 2 workers at tcp://.* declares the resource GPU=2 .*begin some with `dask worker .* GPU=2`$"
    with pytest.raises(ClusterError, match=wanted):
        Cluster(address, resources={"GPU": 2})


@pytest.fixture
def another_netlib(tmp_path):
    """The environment of a worker whose netlib differs in a comment."""
    shutil.copytree(Path(netlib.__file__).parent, tmp_path / "netlib", ignore=shutil.ignore_patterns("__pycache__"))
    with open(tmp_path / "netlib" / "rng.py", "a") as file:
        file.write("# another\n")
    environment = with_netlib()
    return environment | {"PYTHONPATH": os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])}


@needs_dask
def test_a_worker_with_another_netlib_makes_nothing(address, tmp_path, another_netlib):
    with Cluster(address) as executor, worker(tmp_path, "other", address, "--no-nanny", environment=another_netlib):
        wait_for_workers(address, 3)
        found = (
            r"worker tcp://.* has another netlib, \S+ at commit None with sources \w{16}, and not .* as here; install"
        )
        with pytest.raises(ClusterError, match=found):
            Cluster(address)
        futures = [executor.submit(time.sleep, 1 + i / 10) for i in range(6)]  # the workers were examined before
        errors = [future.exception() for future in futures]
    assert {type(error) for error in errors} == {type(None), ClusterError}
    assert all("this worker has another netlib" in str(error) for error in errors if error)


# Interrupted.

GOES_ON = ("experiments", "run", "shallow", "--profile", "quick", "--epochs", "60", "--device", "cpu")


@needs_dask
def test_an_interruption_ends_the_runs_and_the_same_command_goes_on(address, tmp_path):
    command = [sys.executable, "-m", "netlib", *GOES_ON, "--scheduler", address]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    place = tmp_path / "build" / "runs" / "quick" / "shallow-seed0"
    first = subprocess.Popen(command, cwd=tmp_path, env=with_netlib(), **streams)
    wait_for(place / "epoch-0001.npz")
    first.send_signal(signal.SIGINT)
    output, _ = first.communicate(timeout=30)
    assert (first.returncode, output.strip()) == (1, "Aborted!")
    time.sleep(1)  # for an epoch that was just being saved
    reached = max(path.name for path in place.glob("epoch-*.npz"))
    time.sleep(2)
    assert reached == max(path.name for path in place.glob("epoch-*.npz")) < "epoch-0059.npz"
    second = subprocess.run(command, cwd=tmp_path, env=with_netlib(), **streams, check=False)
    assert second.returncode == 0, second.stdout
    (record,) = records(place=tmp_path / "build" / "experiments" / "quick")
    assert essence(record) == essence(small_run(RECIPES["shallow"].quick(), tmp_path / "alone", seed=0, epochs=60))
