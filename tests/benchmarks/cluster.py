"""Throughput of many runs: made here one after the other, by processes of their own, and by a local Dask cluster.

OPENBLAS_NUM_THREADS=1 python tests/benchmarks/cluster.py [ROUNDS]     (from the root of the checkout)

They take turns, so that whatever else the computer does meets all of them. Of each it prints the medians of how long
it takes until the first run could begin, of how many runs it ends in a minute from then on, and of how many seconds of
a processor each run takes, with all that belongs to it: these hardly depend on what else the computer does.
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import distributed
import numpy as np

from netlib.experiments import RECIPES, Cluster, Processes, run_all

RECIPE, EPOCHS, RUNS = RECIPES["basic_conv"].quick(), 6, 6
CONTENDERS = {
    "one after the other": nullcontext,
    "1 process": lambda: Processes(1),
    "2 processes": lambda: Processes(2),
    "1 Dask worker": lambda: Cluster("local", workers=1),
    "2 Dask workers": lambda: Cluster("local", workers=2),
}


def spent():
    """Seconds of a processor that this process has taken, and those that it has begun and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def turn(executor):
    """Seconds until runs could begin, runs a minute from then on, and a processor's seconds for each."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"folder": Path(folder) / "records", "checkpoints": Path(folder) / "checkpoints"}
        begun, before = time.perf_counter(), spent()
        with executor() as chosen:
            ready = time.perf_counter()
            outcomes = run_all([RECIPE], range(RUNS), **places, epochs=EPOCHS, device="cpu", executor=chosen)
            ended = time.perf_counter()
    assert [outcome.error for outcome in outcomes] == [None] * RUNS
    return ready - begun, 60 * RUNS / (ended - ready), (spent() - before) / RUNS


def main(rounds):
    turns = [{name: turn(executor) for name, executor in CONTENDERS.items()} for _ in range(rounds)]
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, distributed {distributed.__version__}"
    print(f"{RECIPE.name}, digits, {EPOCHS} epochs, {RUNS} runs; medians of {rounds} turns; {versions}")
    first = statistics.median(each["one after the other"][1] for each in turns)
    for name in CONTENDERS:
        start, rate, cost = (statistics.median(each[name][i] for each in turns) for i in range(3))
        print(f"{name:20} {start:5.1f} s {rate:7.1f} runs a minute {rate / first:6.2f} {cost:7.2f} s a run")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3)
