"""Many runs: any executor makes them, a bar shows how far they are, and each ends as a record or as an error."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from threading import Event, Thread
from typing import Any

from netlib.experiments.claims import BusyError, discard
from netlib.experiments.cluster import end_if_unwanted
from netlib.experiments.recipe import Committee, Recipe
from netlib.experiments.record import Record, read, write
from netlib.experiments.running import run

Job = tuple[Recipe, int]
LOOK = 0.5  # seconds between two looks at the checkpoints


class RunError(RuntimeError):
    """In words, an error of a run that cannot go from one process to another as it is, or says nothing itself."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run: the file of its record, or the error that ended it."""

    recipe: Recipe
    seed: int
    path: Path | None = None
    error: Exception | None = None

    @property
    def record(self) -> Record | None:
        """As it was written."""
        return self.path and read(self.path)


class Serial(Executor):
    """Makes each call at once, in the thread that submits it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """A future that is done."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(ThreadPoolExecutor):
    """Makes each call in a process of its own, some at a time; one that is killed takes no other with it.

    BLAS has one thread in each, whatever ``NETLIB_THREADS`` says. They end with the process that started them.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """As any executor's; what is called, given and returned must be fit for pickle."""
        return super().submit(_apart, fn, args, kwargs)


def _apart(fn: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(1, context, _begin) as pool:
        return pool.submit(fn, *args, **kwargs).result()


def _begin() -> None:
    """What a process does before its call."""
    import threadpoolctl

    os.environ["NETLIB_THREADS"] = "1"
    threadpoolctl.threadpool_limits(1, "blas")
    Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    """Without its parent, a process would go on for hours with what nobody waits for."""
    parent.join()
    os._exit(1)


def run_all(
    recipes: Iterable[Recipe | Committee],
    seeds: Iterable[int],
    folder: str | PathLike,
    *,
    checkpoints: str | PathLike = "build/runs",
    executor: Executor | None = None,
    epochs: int | None = None,
    device: str = "auto",
    resume: bool = True,
    verbose: bool = False,
    after_run: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run each recipe with each seed, and write a record of each run as soon as it ends.

    All of it may be killed at any moment: the same call goes on with every run where it was, and the records are the
    same to the last bit of what was computed. A run that fails ends as an error, and the others go on. On a terminal,
    a bar shows on stderr how many epochs of all runs are done, how many a second, and how long the rest will take.

    Parameters
    ----------
    recipes : iterable of Recipe or Committee
        Of a committee, its members are run; its "seeds" are the numbers of whole committees.
    seeds : iterable of int
    folder : path
        For the records; made if it is not there.
    checkpoints : path
        For a folder of checkpoints of each run, where the run is made.
    executor : concurrent.futures.Executor, optional
        What makes the runs, in any order, in any number at a time, here or elsewhere: their records come back, and are
        written here. If none is given, they are made here, one after the other. See also `Processes` and `Cluster`.
    epochs, device, verbose
        As in `run`.
    resume : bool
        Go on from the checkpoints that are there. If not, those of all these runs are deleted first.
    after_run : callable, optional
        Called with each outcome as it comes.

    Returns
    -------
    list of Outcome
        In the order of recipes and seeds; a run that is asked for twice is made once.
    """
    folder, checkpoints, seeds = Path(folder), Path(checkpoints), list(seeds)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = list(dict.fromkeys(job for recipe in recipes for seed in seeds for job in _jobs(recipe, seed)))
    outcomes: dict[Job, Outcome] = {}

    def tell(outcome: Outcome) -> None:
        outcomes[outcome.recipe, outcome.seed] = outcome
        if after_run:
            after_run(outcome)

    def end(future: Future, job: Job) -> None:
        try:
            outcome = Outcome(*job, path=write(future.result(), folder))
        except CancelledError:
            outcome = Outcome(*job, error=RunError("cancelled: what was to make it is gone, or somebody ended it"))
        except Exception as error:
            outcome = Outcome(*job, error=error)
        tell(outcome)

    for job in () if resume else jobs:  # all before the first run: if this is killed, none goes on from an older one
        try:
            discard(_place(checkpoints, job))
        except BusyError as error:
            tell(Outcome(*job, error=error))
    futures: dict[Future, Job] = {}
    try:
        with _bar({job: _place(checkpoints, job) for job in jobs}, epochs, outcomes):
            for job in [job for job in jobs if job not in outcomes]:
                more = {"epochs": epochs, "device": device, "verbose": verbose}
                future = (executor or Serial()).submit(_made, *job, _place(checkpoints, job), more)
                if future.done():
                    end(future, job)
                else:
                    futures[future] = job
            for future in as_completed(futures):
                end(future, futures[future])
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return [outcomes[job] for job in jobs]


def _jobs(recipe: Recipe | Committee, seed: int) -> list[Job]:
    """What is to be run for a seed, or the number of a committee."""
    return [(recipe.recipe, one) for one in recipe.seeds(seed)] if isinstance(recipe, Committee) else [(recipe, seed)]


def _place(checkpoints: Path, job: Job) -> Path:
    recipe, seed = job
    return checkpoints / f"{recipe.name}-seed{seed}"


def _made(recipe: Recipe, seed: int, checkpoints: Path, options: dict[str, Any]) -> Record:
    """The record of a run, which is made wherever this is called."""
    if options["verbose"]:
        print(f"{recipe.name}, seed {seed}")
    try:
        return run(recipe, seed, checkpoints, after_epoch=end_if_unwanted, **options)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            raise RunError(f"{type(error).__name__}: {error}") from error
        raise


@contextmanager
def _bar(places: dict[Job, Path], epochs: int | None, outcomes: dict[Job, Outcome]) -> Iterator[None]:
    """A bar on stderr, if that is a terminal. It counts checkpoints, and where none are to be seen, whole runs."""
    from tqdm import tqdm

    def done() -> dict[Job, int]:
        ended = {job for job, outcome in list(outcomes.items()) if outcome.path}
        wanted = {job: epochs or job[0].epochs for job in places}
        return {job: n if job in ended else min(_epochs_in(places[job]), n) for job, n in wanted.items()}

    def look() -> None:
        now = done()
        failed = {job for job, outcome in list(outcomes.items()) if outcome.error}
        bar.total = sum(now[job] if job in failed else epochs or job[0].epochs for job in places)
        bar.update(sum(now.values()) - bar.n)
        bar.refresh()

    def watch() -> None:
        while not ended.wait(LOOK):
            look()

    total = sum(epochs or recipe.epochs for recipe, _ in places)
    with tqdm(total=total, initial=sum(done().values()), unit="epoch", disable=None) as bar:
        if bar.disable:
            yield
            return
        ended = Event()
        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            look()


def _epochs_in(place: Path) -> int:
    """How many epochs the newest checkpoint in a folder has behind it."""
    return max((int(path.stem.removeprefix("epoch-")) + 1 for path in place.glob("epoch-*.npz")), default=0)
