"""Many runs on any executor: each ends as a record, one that fails or is killed takes no other with it."""

import contextlib
import dataclasses
import functools
import io
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from netlib.experiments import COMMITTEE, BusyError, Processes, many, read, records
from netlib.experiments.claims import claimed
from tests.experiments import (
    CONVOLVING,
    FAILING,
    LONG,
    SMALL,
    blas_in,
    essence,
    runs,
    small_run,
    steps_counted,
    telling,
    wait_for,
    with_netlib,
)

# Many runs.


class Fake(Executor):
    """Makes all calls when the last one has been submitted, the last one first."""

    def __init__(self, n):
        self.n, self.calls = n, []

    def submit(self, fn, /, *args, **kwargs):
        self.calls.append((Future(), fn, args, kwargs))
        if len(self.calls) == self.n:
            threading.Thread(target=self.work).start()
        return self.calls[-1][0]

    def work(self):
        time.sleep(0.1)
        for future, fn, args, kwargs in reversed(self.calls):
            future.set_running_or_notify_cancel()
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)


EXECUTORS = {
    "none": lambda n: contextlib.nullcontext(),
    "a fake one": lambda n: contextlib.nullcontext(Fake(n)),
    "threads": lambda n: ThreadPoolExecutor(2),
    "a pool of processes": lambda n: ProcessPoolExecutor(2, multiprocessing.get_context("spawn")),
    "processes of their own": lambda n: Processes(2),
}


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS.keys())
def test_any_executor_makes_the_runs_and_each_ends_as_a_record(executor, tmp_path):
    told = []
    with executor(4) as chosen:
        outcomes = runs([CONVOLVING, SMALL], [1, 5], tmp_path, executor=chosen, after_run=told.append)
    assert [(outcome.recipe.name, outcome.seed) for outcome in outcomes] == [
        ("convolving", 1),
        ("convolving", 5),
        ("small", 1),
        ("small", 5),
    ]
    assert sorted(map(id, told)) == sorted(map(id, outcomes))
    for outcome in outcomes:
        name = f"{outcome.recipe.name}-seed{outcome.seed}"
        assert (outcome.error, outcome.path) == (None, tmp_path / "records" / f"{name}.json")
        alone = small_run(outcome.recipe, tmp_path / "alone" / name, seed=outcome.seed)
        assert essence(outcome.record) == essence(read(outcome.path)) == essence(alone)
    assert len(list((tmp_path / "records").iterdir())) == len(list((tmp_path / "checkpoints").iterdir())) == 4


@pytest.mark.parametrize("executor", EXECUTORS.values(), ids=EXECUTORS.keys())
def test_a_run_that_fails_does_not_lose_the_others(executor, tmp_path):
    with executor(3) as chosen:
        first, failed, last = runs([SMALL, FAILING, ONE_EPOCH_MORE], [1], tmp_path, executor=chosen)
    assert isinstance(failed.error, ZeroDivisionError)
    assert (str(failed.error), failed.path, failed.record) == ("no such layers", None, None)
    assert (first.record.recipe, last.record.recipe) == ("small", "one more")
    assert sorted(path.name for path in (tmp_path / "records").iterdir()) == ["one more-seed1.json", "small-seed1.json"]


ONE_EPOCH_MORE = dataclasses.replace(SMALL, name="one more", epochs=1)


class UntoldError(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")
        self.lock = threading.Lock()  # which no pickle can hold


def unspeakable():
    raise UntoldError("one", "other")


@pytest.mark.parametrize("executor", [lambda: contextlib.nullcontext(), lambda: Processes(1)], ids=["here", "there"])
def test_an_error_that_cannot_leave_its_process_is_told_in_words(executor, tmp_path):
    recipe = dataclasses.replace(SMALL, layers=unspeakable)
    with executor() as chosen:
        (outcome,) = runs([recipe], [0], tmp_path, executor=chosen)
    assert str(outcome.error) == "UntoldError: one and other"


def test_what_is_asked_for_twice_is_run_once_and_committees_are_their_members(tmp_path):
    committee = dataclasses.replace(COMMITTEE, recipe=ONE_EPOCH_MORE, members=2)
    outcomes = runs([ONE_EPOCH_MORE, committee, ONE_EPOCH_MORE], iter([0, 1, 0]), tmp_path)
    assert [(outcome.recipe, outcome.seed) for outcome in outcomes] == [(ONE_EPOCH_MORE, seed) for seed in range(4)]
    assert [record.seed for record in records(place=tmp_path / "records")] == [0, 1, 2, 3]


def test_an_interruption_ends_all_runs_that_have_not_begun(tmp_path, monkeypatch):
    def interrupt(outcome):
        raise KeyboardInterrupt

    began = []
    original = many.run
    monkeypatch.setattr(many, "run", lambda *args, **options: began.append(args) or original(*args, **options))
    with ThreadPoolExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        runs([SMALL], range(20), tmp_path, executor=executor, after_run=interrupt)
    assert 1 <= len(began) < 20
    with pytest.raises(KeyboardInterrupt):
        runs([SMALL], range(20), tmp_path / "here", after_run=interrupt)
    assert len(list((tmp_path / "here" / "records").iterdir())) == 1


def test_runs_go_on_or_begin_anew_as_is_asked_for(tmp_path, monkeypatch):
    for seed in (0, 1):
        small_run(SMALL, tmp_path / "checkpoints" / f"small-seed{seed}", seed=seed, epochs=2)
    (tmp_path / "checkpoints" / "small-seed0" / "notes.txt").write_text("mine")
    steps = steps_counted(monkeypatch)
    (outcome,) = runs([SMALL], [0], tmp_path)
    assert len(steps) == 129
    runs([SMALL], [0], tmp_path)
    assert len(steps) == 129, "a run that has ended is only recorded"
    (again,) = runs([SMALL], [0], tmp_path, resume=False)
    assert len(steps) == 129 + 3 * 129
    assert essence(again.record) == essence(outcome.record)
    assert (tmp_path / "checkpoints" / "small-seed0" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "checkpoints" / "small-seed1" / "epoch-0001.npz").exists()


def test_all_begin_anew_before_the_first_runs(tmp_path):
    for seed in (0, 1):
        small_run(SMALL, tmp_path / "checkpoints" / f"small-seed{seed}", seed=seed, epochs=2)

    def interrupt(outcome):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs([SMALL], [0, 1], tmp_path, resume=False, after_run=interrupt)
    assert list((tmp_path / "checkpoints" / "small-seed1").iterdir()) == []


@pytest.mark.parametrize("resume", [True, False])
def test_a_run_that_is_being_made_is_left_alone_and_the_others_are_made(resume, tmp_path):
    place = tmp_path / "checkpoints" / "small-seed0"
    small_run(SMALL, place, seed=0, epochs=2)
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    told = []
    with claimed(place):
        busy, made = runs([SMALL], [0, 1], tmp_path, resume=resume, after_run=told.append)
    assert isinstance(busy.error, BusyError)
    assert made.record.seed == 1
    assert told == [busy, made]
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_a_worker_that_is_killed_takes_no_other_with_it_and_its_run_goes_on(tmp_path):
    recipe = dataclasses.replace(LONG, layers=functools.partial(telling, str(tmp_path / "pid")))

    def kill():
        wait_for(tmp_path / "checkpoints" / "long-seed1" / "epoch-0002.npz")
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with Processes(2) as executor:
        killed, *others = runs([recipe, SMALL], [1], tmp_path, executor=executor)
    killer.join()
    assert isinstance(killed.error, BrokenExecutor)
    assert [outcome.error for outcome in others] == [None]
    assert not (tmp_path / "records" / "long-seed1.json").exists()
    reached = max(path.name for path in (tmp_path / "checkpoints" / "long-seed1").glob("epoch-*"))
    assert "epoch-0002.npz" <= reached < "epoch-0011.npz"
    with Processes(2) as executor:
        again, _ = runs([recipe, SMALL], [1], tmp_path, executor=executor)
    assert essence(again.record) == essence(small_run(LONG, tmp_path / "alone"))


MANY = """
import sys
from pathlib import Path
import dataclasses, functools
from netlib.experiments import Processes
from tests.experiments import LONG, runs, telling
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    recipe = dataclasses.replace(LONG, layers=functools.partial(telling, str(folder / "pid")))
    with Processes(2) as executor:
        runs([recipe], [1], folder, executor=executor)
"""


def is_running(pid):
    """Whether a process of this number is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_if_all_is_killed_the_workers_end_too_and_the_runs_go_on(tmp_path):
    (tmp_path / "script.py").write_text(MANY)
    whole = subprocess.Popen([sys.executable, tmp_path / "script.py", tmp_path], env=with_netlib())
    wait_for(tmp_path / "checkpoints" / "long-seed1" / "epoch-0001.npz")
    worker = int((tmp_path / "pid").read_text())
    assert is_running(worker)
    assert worker != whole.pid
    whole.kill()
    whole.wait()
    until = time.monotonic() + 20
    while is_running(worker):
        assert time.monotonic() < until, "the worker goes on"
        time.sleep(0.01)
    assert not (tmp_path / "records" / "long-seed1.json").exists()
    (again,) = runs([LONG], [1], tmp_path)
    assert essence(again.record) == essence(small_run(LONG, tmp_path / "alone"))


def test_blas_has_one_thread_in_a_worker(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETLIB_THREADS", "7")
    with Processes(1) as executor:
        threads, asked = executor.submit(blas_in, 0).result()
    assert set(threads) <= {1}
    assert asked == "1"
    assert os.environ["NETLIB_THREADS"] == "7"


# The bar.


class Terminal(io.StringIO):
    def isatty(self):
        return True


def last_state(text):
    """What the bar showed last: epochs done, epochs of all runs, and whether rate and time left are among it."""
    line = next(part for part in reversed(text.replace("\n", "\r").split("\r")) if "|" in part)
    done, total = re.search(r"(\d+)/(\d+)", line).groups()
    return int(done), int(total), re.search(r"\[[\d:]+<[\d:?]+, +(\?|[\d.]+)(epoch/s|s/epoch)\]", line) is not None


@pytest.mark.parametrize("executor", ["none", "threads", "processes of their own"])
def test_a_bar_counts_epochs_on_a_terminal(executor, tmp_path, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with EXECUTORS[executor](2) as chosen:
        runs([SMALL, ONE_EPOCH_MORE], [0], tmp_path, executor=chosen)
    assert last_state(sys.stderr.getvalue()) == (4, 4, True)


def test_the_bar_moves_while_a_run_is_made(tmp_path, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(many, "LOOK", 0.01)
    runs([LONG], [0], tmp_path)
    shown = {int(done) for done in re.findall(r"(\d+)/12", sys.stderr.getvalue())}
    assert len(shown & set(range(1, 12))) >= 3


def test_the_bar_begins_where_runs_go_on_and_expects_nothing_of_what_failed(tmp_path, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    small_run(SMALL, tmp_path / "checkpoints" / "small-seed0", seed=0, epochs=2)
    monkeypatch.setattr(sys, "stderr", Terminal())
    runs([SMALL, FAILING], [0], tmp_path)
    assert re.search(r"(\d+)/(\d+)", sys.stderr.getvalue()).groups() == ("2", "6")
    assert last_state(sys.stderr.getvalue())[:2] == (3, 3)


def test_runs_whose_checkpoints_are_elsewhere_count_when_they_end_and_their_records_are_here(tmp_path, monkeypatch):
    for place in ("here", "elsewhere"):
        (tmp_path / place).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, os.chdir, (tmp_path / "elsewhere",)) as executor:
        runs([SMALL, ONE_EPOCH_MORE], [0], Path("of"), executor=executor)
    assert last_state(sys.stderr.getvalue())[:2] == (4, 4)
    assert [path.name for path in (tmp_path / "elsewhere" / "of").iterdir()] == ["checkpoints"]
    assert [path.name for path in (tmp_path / "here" / "of").iterdir()] == ["records"]
    assert len(records(place="of/records")) == 2


def test_there_is_no_bar_where_there_is_no_terminal(tmp_path, monkeypatch, capsys):
    runs([ONE_EPOCH_MORE], [0], tmp_path)
    assert capsys.readouterr() == ("", "")
