"""Runs on many machines: a Dask cluster as an executor, to which `run_all` gives what it gives to any other."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from netlib.experiments.claims import BusyError
from netlib.experiments.provenance import code

LOCAL = "local"
PATIENCE = 300  # seconds: longer than the slowest recipe's epoch, after which a run that nobody wants ends


class ClusterError(OSError):
    """A cluster that cannot be reached, or not make what is asked of it; the message tells why."""


class Cluster(Executor):
    """Makes each call on a worker of a Dask cluster; when a worker dies, what it made is made again on another.

    Equal calls are one task, named by what is called, with what, and by netlib's sources: it is made once, whoever
    submits it and however often. BLAS has one thread in each. What is called must be fit for ``cloudpickle``, what is
    returned for pickle.

    Parameters
    ----------
    scheduler : str
        Its address, as ``tcp://host:8786``; or its file, ``*.json``; or "local" for one on this computer, which ends
        with this executor.
    workers : int, optional
        How many the local one has; as many as there are processors, if no number is given.
    resources : mapping of float, optional
        What each call takes, as long as it is made, of what workers declare: ``{"GPU": 1}``.
    timeout : float
        How many seconds the scheduler may take to answer, and then its first worker to come.

    Raises
    ------
    ImportError
        If Dask is not installed.
    ClusterError
        If no scheduler answers, it has no workers, none of them has the resources, or one has another netlib.
    """

    def __init__(
        self,
        scheduler: str,
        *,
        workers: int | None = None,
        resources: Mapping[str, float] | None = None,
        timeout: float = 10,
    ) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            told = 'Dask is not installed: a cluster needs the "cluster" extra, `pip install "netlib[cluster]"`'
            raise ImportError(told) from error
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a scheduler's end shows in what is called
        resources = dict(resources or {})
        made = None
        with ExitStack() as opened:
            if scheduler == LOCAL:
                options = {"threads_per_worker": 1, "memory_limit": None, "dashboard_address": "127.0.0.1:0"}
                made = LocalCluster(workers, resources=resources, silence_logs="CRITICAL", **options)
                scheduler = opened.enter_context(made).scheduler_address
            try:
                address = _address(scheduler)
                client = opened.enter_context(Client(address, timeout=timeout, set_as_default=False))
            except (OSError, LookupError, ValueError) as error:
                raise ClusterError(f"scheduler: no Dask scheduler answers at {scheduler!r}: {error}") from error
            if made:
                client.register_worker_callbacks(_leave_interruptions)
            _examine(client, address, resources, timeout)
            self._executor = client.get_executor(pure=True, resources=resources)
            self._opened = opened.pop_all()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """As any executor's."""
        return self._executor.submit(_called, partial(fn, *args, **kwargs), code()["sources"])

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As any executor's; the workers of a cluster that is not local stay."""
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._opened.close()


def _address(scheduler: str) -> str:
    """Where a scheduler is; a client would wait for a file that never comes, and takes long to forget a bad address."""
    from distributed.comm import get_address_host_port, normalize_address

    if scheduler.endswith(".json"):
        scheduler = json.loads(Path(scheduler).read_text())["address"]
    get_address_host_port(normalize_address(scheduler), strict=True)
    return scheduler


def _examine(client: Any, scheduler: str, resources: dict[str, float], timeout: float) -> None:
    """Refuse what would fail, or wait for ever, on the workers that there are."""
    here = code()
    begin = f"dask worker {scheduler} --nthreads 1"
    try:
        client.wait_for_workers(1, timeout)
    except TimeoutError:
        raise ClusterError(f"scheduler: {scheduler} has no workers; begin some, each with `{begin}`") from None
    told = client.run(_tell, on_error="return")
    for worker, there in told.items():
        if isinstance(there, Exception):
            raise ClusterError(f"scheduler: worker {worker} has no such netlib: {type(there).__name__}: {there}")
        if there["sources"] != here["sources"]:
            raise ClusterError(
                f"scheduler: worker {worker} has another netlib, {_named(there)}, and not {_named(here)} as here; "
                "install the same, and begin the workers anew"
            )
    for name, amount in resources.items():
        if all(there["resources"].get(name, 0) < amount for there in told.values()):
            raise ClusterError(
                f"scheduler: none of the {len(told)} workers at {scheduler} declares the resource {name}={amount:g} "
                f"that each run takes; begin some with `{begin} --resources {name}={amount:g}`"
            )


def _leave_interruptions() -> None:
    """A terminal interrupts all processes that it has begun; the one that waits for the others ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tell(dask_worker: Any) -> dict[str, Any]:
    """What there is on a worker."""
    return code() | {"resources": dict(dask_worker.state.total_resources)}


def _named(found: dict[str, Any]) -> str:
    return f"{found['netlib']} at commit {found['commit']} with sources {found['sources']}"


def _called(call: Callable[[], Any], sources: str) -> Any:
    """What a worker does, also one that came when others had been examined already.

    Of two workers on one computer, one may still be at work on what has been given to the other: it ends soon.
    """
    import threadpoolctl

    if code()["sources"] != sources:
        raise ClusterError(f"this worker has another netlib, {_named(code())}, and not one with sources {sources}")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with threadpoolctl.threadpool_limits(1, "blas"):
                return call()
        except BusyError:
            if time.monotonic() > until:
                raise
        end_if_unwanted()
        time.sleep(1)


class UnwantedError(RuntimeError):
    """Nobody waits for a call any more, or its worker is lost to the scheduler, which has given it to another."""


def end_if_unwanted(*_: Any) -> None:
    """Raise an `UnwantedError` in a Dask worker's task that has been cancelled: nothing else can end it."""
    distributed = sys.modules.get("distributed")
    try:
        worker = distributed and distributed.get_worker()
    except ValueError:  # Dask is here, and this is none of its workers
        return
    if worker is None:
        return
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state != "executing" or worker.status.name in ("closing", "closed", "failed"):
        raise UnwantedError("nobody waits for this run any more")
