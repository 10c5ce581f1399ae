"""Runs on a Dask cluster: a scheduler and two workers on this computer, one of which says that it has a card."""

import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import shutil
import signal
import socket
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


def address_in(file):
    """A scheduler's, as soon as it has been written."""
    wait_for(file)
    while not file.stat().st_size:
        time.sleep(0.005)
    return json.loads(file.read_text())["address"]


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
        wait_for_workers(address_in(file), 2)
        yield file


@pytest.fixture
def address(cluster):
    return address_in(cluster)


def tell(path, checkpoints):
    """Layers for a run that tells, in a line: which worker makes it, in which process, after which checkpoint."""
    from distributed import get_worker

    newest = max((file.name for file in Path(checkpoints).glob("epoch-*.npz")), default="none")
    with open(path, "a") as file:
        file.write(f"{get_worker().name} {os.getpid()} {newest}\n")
    return convolutional()


def telling(recipe, path, checkpoints=""):
    return dataclasses.replace(recipe, layers=functools.partial(tell, str(path), str(checkpoints)))


def told(path):
    return [line.split() for line in path.read_text().splitlines()]


# The same records.


@needs_dask
def test_each_run_ends_as_one_record_equal_to_that_of_a_serial_run(address, tmp_path):
    recipes = [telling(CONVOLVING, tmp_path / "told"), DEEP]
    with Cluster(address) as executor:
        outcomes = runs(recipes, [1, 5], tmp_path, executor=executor)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    names = [f"{recipe.name}-seed{seed}" for recipe in (CONVOLVING, DEEP) for seed in (1, 5)]
    assert [outcome.path.stem for outcome in outcomes] == names
    assert sorted(path.name for path in (tmp_path / "records").iterdir()) == sorted(f"{name}.json" for name in names)
    for outcome in outcomes:
        recipe = {recipe.name: recipe for recipe in (CONVOLVING, DEEP)}[outcome.recipe.name]
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


@needs_dask
def test_a_local_worker_declares_what_runs_take_and_leaves_interruptions_to_the_command():
    with Cluster("local", workers=1, resources={"GPU": 1}) as executor:
        assert executor.submit(signal.getsignal, signal.SIGINT).result(30) == signal.SIG_IGN


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

GOES_ON = ("experiments", "run", "depth_1", "--profile", "quick", "--epochs", "60", "--device", "cpu")


@needs_dask
def test_an_interruption_ends_the_runs_and_the_same_command_goes_on(address, tmp_path):
    command = [sys.executable, "-m", "netlib", *GOES_ON, "--scheduler", address]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    place = tmp_path / "build" / "runs" / "quick" / "depth_1-seed0"
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
    assert essence(record) == essence(small_run(RECIPES["depth_1"].quick(), tmp_path / "alone", seed=0, epochs=60))


# The command.


def experiments(*arguments):
    return CliRunner().invoke(main, ["experiments", *map(str, arguments)])


def assert_error(ran, code, found):
    assert isinstance(ran.exception, SystemExit), repr(ran.exception)
    assert (ran.exit_code, "Traceback" in ran.output) == (code, False)
    assert found in ran.output


@pytest.fixture
def small_recipes(tmp_path, monkeypatch):
    """Two recipes that are made in no time, and an empty folder to work in."""
    monkeypatch.setitem(RECIPES, "small", SMALL)
    monkeypatch.setitem(RECIPES, "convolving", CONVOLVING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs_dask
@pytest.mark.parametrize("which", ["its file", "local"])
def test_the_command_writes_the_records_of_a_cluster_here(which, small_recipes, cluster):
    options = ("--scheduler", "local", "--workers", 2) if which == "local" else ("--scheduler", cluster)
    ran = experiments("run", "small", "convolving", "--seed", 1, "--device", "cpu", "-o", "out", *options)
    assert ran.exit_code == 0, ran.output
    found = records(place="out")
    assert [record.file_name for record in found] == ["convolving-seed1.json", "small-seed1.json"]
    for record in found:
        alone = small_run(RECIPES[record.recipe], small_recipes / "alone" / record.file_name, seed=record.seed)
        assert essence(record) == essence(alone)
    assert len(ran.output.splitlines()) == 2
    assert len(list(Path("build/runs").iterdir())) == 2


@needs_dask
@pytest.mark.skipif(not gpu_problem(), reason="there is a GPU")
def test_with_the_device_gpu_a_run_goes_where_a_card_is_declared(small_recipes, address):
    ran = experiments("run", "small", "--device", "gpu", "-o", "out", "--scheduler", address)
    assert_error(ran, 1, 'Error: small, seed 0: device: "gpu" was asked for')  # which the worker was told to have


@needs_dask
@pytest.mark.parametrize(
    ("arguments", "code", "found"),
    [
        (["nowhere"], 1, "no Dask scheduler answers at 'nowhere': missing port number"),
        (["s.json"], 1, "no Dask scheduler answers at 's.json': [Errno 2] No such file"),
        (["tcp://127.0.0.1:9", "--workers", 2], 2, "tcp://127.0.0.1:9 has its own"),
        (["tcp://127.0.0.1:9", "--no-resume"], 2, "name another folder with --checkpoints"),
    ],
)
def test_a_scheduler_that_cannot_be_is_refused(arguments, code, found, small_recipes):
    assert_error(experiments("run", "small", "-o", "out", "--scheduler", *arguments), code, found)
    assert not Path("build").exists()


@needs_dask
def test_where_no_scheduler_answers_or_none_works_it_is_told_in_time(tmp_path):
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"tcp://127.0.0.1:{port.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"no Dask scheduler answers at '{address}': Timed out"):
            Cluster(address, timeout=0.5)
    file = tmp_path / "s.json"
    with begun(tmp_path, "scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file):
        begin = f"{address_in(file)} has no workers; begin some, each with `dask worker {address_in(file)} "
        with pytest.raises(ClusterError, match=begin):
            Cluster(str(file), timeout=0.5)


def test_without_dask_the_extra_is_named(small_recipes, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    ran = experiments("run", "small", "-o", "out", "--scheduler", "local")
    assert_error(ran, 1, '"cluster" extra, `pip install "netlib[cluster]"`')


def test_dask_is_not_imported_before_it_is_needed():
    code = "import sys, netlib.cli, netlib.experiments; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "netlib.experiments.cluster" in ran.stdout.split()
    assert {"distributed", "dask"} & set(ran.stdout.split()) == set()
