"""How many threads BLAS, NumPy's library for matrix products, may use while a network is trained.

The products of a mini-batch of ten take some 0.1 ms. A second thread gains nothing there, and loses much where another
program is busy, because each product waits for both threads. From `MANY` images on it pays on a quiet machine (see
tests/benchmarks/README.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from netlib import checks

MANY = 32


@cache
def _pools() -> Any:
    """The thread pools of this process; looking for them takes milliseconds."""
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()


def blas() -> str:
    """What computes NumPy's products, in words."""
    for pool in _pools().info():
        if pool["user_api"] == "blas":
            kernels = f", kernels for {pool['architecture']}" if "architecture" in pool else ""
            return f"{pool['internal_api']} {pool['version']}{kernels}, {pool['num_threads']} threads"
    return "a BLAS that threadpoolctl does not know"


@contextmanager
def blas_threads(mini_batch_size: int) -> Iterator[None]:
    """Let BLAS use as many threads as suit a mini-batch of this size, and as many as before afterwards.

    The environment variable ``NETLIB_THREADS`` overrides the choice.

    Raises
    ------
    ValueError
        If the variable is no positive integer.
    """
    asked = os.environ.get("NETLIB_THREADS")
    if asked is None:
        threads = 1 if mini_batch_size < MANY else None
    else:
        threads = checks.integer("NETLIB_THREADS (environment variable)", int(asked) if asked.isdigit() else 0, 1)
    with _pools().limit(limits=threads, user_api="blas"):
        yield
