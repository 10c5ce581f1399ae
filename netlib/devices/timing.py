"""How long computations take on a device that may still be at it when the call returns.

A call of CuPy's puts its work into a queue and comes back at once. So the clock is read when the queue is empty, before
and after. And since other programs disturb, each computation is timed again and again, in turn with the others, so that
a bad moment strikes them all; the smallest time is the one that was disturbed least.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from netlib import checks

LEAST = 0.005  # seconds that a computation is repeated for in each round
MOST_CALLS = 5000


class Case(NamedTuple):
    """A computation to be timed; `bytes` it reads and writes and `flops` it computes at least, or 0."""

    what: str
    size: int
    run: Callable[[], Any]
    bytes: int = 0
    flops: int = 0


class Time(NamedTuple):
    """Seconds of one run of a case: the smallest and the median of some rounds."""

    what: str
    size: int
    bytes: int
    flops: int
    best: float
    median: float


def waiting(xp: ModuleType) -> Callable[[], None]:
    """A function that comes back when the library's device has done all that it was given."""
    return (lambda: None) if xp is np else xp.cuda.runtime.deviceSynchronize


def times(cases: Sequence[Case], rounds: int, wait: Callable[[], None]) -> list[Time]:
    """Time cases in turn.

    At its turn a case is run once before the clock starts: a first run makes arrays and kernels, and any later one
    finds the caches full of another case's numbers.

    Parameters
    ----------
    cases : sequence of Case
    rounds : int
        How often each is timed, at least 1.
    wait : callable
        See `waiting`.
    """
    checks.integer("rounds", rounds, 1)
    calls = []
    for case in cases:
        case.run()
        calls.append(max(1, min(MOST_CALLS, math.ceil(LEAST / _seconds(case.run, 1, wait)))))
    taken = []
    for _ in range(rounds):
        taken.append([])
        for case, n in zip(cases, calls, strict=True):
            case.run()
            taken[-1].append(_seconds(case.run, n, wait))
    return [
        Time(case.what, case.size, case.bytes, case.flops, _rounded(min(all_)), _rounded(statistics.median(all_)))
        for case, all_ in zip(cases, zip(*taken, strict=True), strict=True)
    ]


def _seconds(run: Callable[[], Any], calls: int, wait: Callable[[], None]) -> float:
    """The mean over some calls, one right behind the other."""
    wait()
    started = time.perf_counter()
    for _ in range(calls):
        run()
    wait()
    return (time.perf_counter() - started) / calls


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.4g}")
