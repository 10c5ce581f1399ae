"""Faults survived: kills at any moment, full disks, two at once; nothing is lost, and no part is taken for the whole.

`NETLIB_KILLS` says how many processes are killed in each of the two tests of random moments.
"""

import dataclasses
import itertools
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from netlib import FullyConnectedLayer, Network, SoftmaxLayer, storage
from netlib.cli import main
from netlib.experiments import RECIPES, read, records, run, write
from netlib.files import writing
from netlib.history import History
from tests.experiments import CONVOLVING, essence, make_record, small_run
from tests.faults import full_disk, kill_itself, life, needs_fork

pytestmark = needs_fork

KILLS = int(os.environ.get("NETLIB_KILLS", "5"))
RECIPE = dataclasses.replace(CONVOLVING, epochs=5)


def names(folder):
    """What can be seen in a folder."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def content(path):
    return path.read_bytes() if path.exists() else None


# Killed.


def test_training_that_is_killed_at_random_moments_ends_with_the_same_record(tmp_path):
    began = time.monotonic()
    expected = essence(small_run(RECIPE, tmp_path / "whole"))
    longest = (time.monotonic() - began) / 2
    moments, killed, runs = random.Random(0), 0, 0
    while killed < KILLS:
        runs += 1
        folder = tmp_path / f"{runs}"
        (folder / "records").mkdir(parents=True)

        def work(folder=folder):
            write(run(RECIPE, 1, folder / "run", device="cpu", verbose=False), folder / "records")

        while not life(work, moments.random() * longest):
            killed += 1
            for path in (folder / "run").glob("*.npz"):
                storage.read(path)
            assert [essence(record) for record in records(place=folder / "records")] in ([], [expected])
        (record,) = records(place=folder / "records")
        assert essence(record) == expected
    print(f"{killed} processes killed in {runs} runs")


def test_writing_records_that_is_killed_at_random_moments_leaves_whole_ones(tmp_path):
    moments, killed, caught = random.Random(1), 0, 0

    def work():
        for errors in itertools.count():
            write(make_record(errors=errors % 500), tmp_path)

    while killed < KILLS:
        assert not life(work, moments.random() * 0.05)
        killed += 1
        assert names(tmp_path) in ([], ["shallow-seed0.json"])
        for record in records(place=tmp_path):
            assert record == make_record(errors=len(record.best_errors))
        for partial in tmp_path.glob(".*.partial"):
            caught += 1
            partial.unlink()
    print(f"{killed} processes killed, {caught} of them between the first byte and the name")


STEPS = {  # of writing a file: what is called there, and whether the kill comes after it
    "before the first byte": ("pathlib.Path.open", True),
    "before it is on the disk": ("os.fsync", False),
    "before it has its name": ("pathlib.Path.replace", False),
    "after it has its name": ("pathlib.Path.replace", True),
}


def network():
    return Network([FullyConnectedLayer(12, 5), SoftmaxLayer(5, 3)], 4, seed=len(STEPS), device="cpu")


WRITERS = {
    "record": lambda path: write(
        dataclasses.replace(make_record(), recipe=path.stem.removesuffix("-seed0")), path.parent
    ),
    "network": lambda path: network().save(path),
    "table": lambda path: History(cost=[0.5, 0.25], seconds=[1.0, 2.0]).to_csv(path),
}


@pytest.fixture(params=WRITERS)
def writer(request, tmp_path):
    """What writes a file, where, and what is in it then."""
    path = tmp_path / "written" / "file-seed0.json"
    path.parent.mkdir()
    WRITERS[request.param](path)
    whole = path.read_bytes()
    path.unlink()
    return WRITERS[request.param], path, whole


@pytest.mark.parametrize("older", [None, b"the older one"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_between_any_two_steps_leaves_the_older_file_or_the_new_one(step, older, writer, monkeypatch):
    write_it, path, whole = writer
    if older:
        path.write_bytes(older)
    name, afterwards = STEPS[step]
    module, _, function = name.rpartition(".")
    owner = os if module == "os" else Path
    original = getattr(owner, function)

    def killed(*arguments, **options):
        if afterwards:
            original(*arguments, **options)
        kill_itself()

    with monkeypatch.context() as patched:
        patched.setattr(owner, function, killed)
        assert not life(lambda: write_it(path))
    assert content(path) == (whole if step == "after it has its name" else older)
    write_it(path)
    assert content(path) == whole
    assert names(path.parent) == [path.name]


# A full disk.


@pytest.mark.parametrize("older", [None, b"the older one"])
def test_a_disk_that_is_full_after_any_number_of_bytes_loses_nothing(older, writer):
    write_it, path, whole = writer
    if older:
        path.write_bytes(older)
    for free in [*range(0, len(whole), 97), len(whole) - 1]:
        with full_disk(free), pytest.raises(OSError, match="File too large"):
            write_it(path)
        assert content(path) == older
        assert list(path.parent.iterdir()) == [path] * bool(older)
    with full_disk(len(whole)):
        write_it(path)
    assert content(path) == whole


@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
def test_an_error_at_any_step_loses_nothing(step, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"older")
    with monkeypatch.context() as patched:
        if step in ("open", "replace"):
            patched.setattr(Path, step, refuse)
        if step == "fsync":
            patched.setattr(os, step, refuse)
        with pytest.raises(OSError, match="No space left"), writing(path) as file:
            refuse() if step == "write" else file.write(b"newer")
    assert path.read_bytes() == b"older"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_an_experiment_on_a_full_disk_ends_in_a_line_and_goes_on_when_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "small", RECIPE)
    arguments = ["experiments", "run", "small", "--device", "cpu", "-o", str(tmp_path / "records")]
    arguments += ["--checkpoints", str(tmp_path / "runs")]
    for free in (0, 1000, 3000):
        with full_disk(free):
            ran = CliRunner().invoke(main, arguments)
        assert ran.exit_code == 1
        assert "Error: convolving, seed 0: [Errno 27] File too large" in ran.output
        assert "Traceback" not in ran.output
        assert list((tmp_path / "records").iterdir()) == []
        for path in (tmp_path / "runs" / "convolving-seed0").iterdir():
            storage.read(path)
    assert CliRunner().invoke(main, arguments).exit_code == 0
    (record,) = records(place=tmp_path / "records")
    assert essence(record) == essence(small_run(RECIPE, tmp_path / "alone", seed=0))


# Two at once.


def test_two_processes_may_write_one_record_at_once_and_a_third_read_it(tmp_path):
    path = write(make_record(), tmp_path)

    def work():
        for errors in range(100):
            write(make_record(errors=errors), tmp_path)

    def reading():
        for _ in range(300):
            record = read(path)
            assert record == make_record(errors=len(record.best_errors))

    with ThreadPoolExecutor(3) as pool:  # each waits for a process
        assert all(pool.map(life, (work, work, reading)))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_threads_may_write_one_file_at_once(tmp_path):
    def work(number):
        with writing(tmp_path / "file") as file:
            for _ in range(50):
                file.write(np.full(1000, number, np.uint8))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(40)))
    (path,) = tmp_path.iterdir()
    assert len(path.read_bytes()) == 50_000
    assert len(set(path.read_bytes())) == 1
