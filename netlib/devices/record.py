"""Measurements of a device, and the records that are kept of them."""

from __future__ import annotations

import datetime
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import device_namespace
from netlib.devices.networks import NETWORKS, steps
from netlib.devices.operations import operations
from netlib.devices.timing import Time, times, waiting
from netlib.experiments.provenance import provenance
from netlib.experiments.record import folder, read
from netlib.gpu import cuda_version, gpu_errors
from netlib.network import Network
from netlib.threads import blas, blas_threads

ROUNDS = 30


@dataclass(frozen=True)
class Measurements:
    """Times of operations and training steps on one device, on one day.

    Attributes
    ----------
    device : str
        Its kind, as in `Record`.
    processor : str
        The CPU that computed, or that gave the GPU its work, and its BLAS.
    date : str
        Of the day, as 2026-01-31.
    rounds : int
        How often each was timed.
    times : list of list
        The fields of a `Time` each.
    seconds, versions, commit
        As in `Record`.
    """

    device: str
    processor: str
    date: str
    rounds: int
    times: list[list[Any]]
    seconds: float
    versions: dict[str, str]
    commit: str | None

    @property
    def file_name(self) -> str:
        """Under which it is kept: one record for each kind of device."""
        return "-".join(re.findall(r"[a-z0-9]+", self.device.lower())) + ".json"

    @property
    def kind(self) -> str:
        """Either "CPU" or "GPU"."""
        return self.device.partition(",")[0]

    def of(self, what: str) -> list[Time]:
        """Times of the cases of this name, by size.

        Raises
        ------
        KeyError
            If there are none.
        """
        found = sorted(time for time in (Time(*fields) for fields in self.times) if time.what == what)
        if not found:
            raise KeyError(f"{what!r} was not measured; {', '.join(sorted({fields[0] for fields in self.times}))} were")
        return found


def measure(
    device: str = "auto", *, rounds: int = ROUNDS, quick: bool = False, told: Callable[[str], None] | None = None
) -> Measurements:
    """Time operations and steps in float32 on a device; on the CPU, with one thread of BLAS.

    Parameters
    ----------
    device : {"auto", "cpu", "gpu"}
    rounds : int
        How often each is timed, at least 1; they take turns.
    quick : bool
        Only the two smallest sizes of each, to see that it runs.
    told : callable, optional
        Called with a line for each group that is done.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or out of range.
    DeviceError
        If the device cannot be had.
    """
    xp = device_namespace(device)
    device = "cpu" if xp is np else "gpu"
    few = slice(2 if quick else None)
    found: list[Time] = []
    started = time.perf_counter()
    with blas_threads(1):
        for group in chain(operations(xp, few), steps(device, few)):
            with gpu_errors("it was measured"):
                found += times(group, rounds, waiting(xp))
            if told:
                told(f"{time.perf_counter() - started:4.0f} s  " + ", ".join(dict.fromkeys(c.what for c in group)))
        processor = f"{_processor()}, {blas()}"
    where = provenance(Network(NETWORKS["shallow"](), 1, device=device))
    return Measurements(
        processor=processor,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        rounds=rounds,
        times=[list(time) for time in found],
        seconds=round(time.perf_counter() - started, 1),
        **where | {"versions": where["versions"] | _card_versions(xp)},
    )


def _processor() -> str:
    """What the system calls the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _card_versions(xp: ModuleType) -> dict[str, str]:
    if xp is np:
        return {}
    runtime = xp.cuda.runtime
    driver, built_for = cuda_version(runtime.driverGetVersion()), cuda_version(runtime.runtimeGetVersion())
    return {"cupy": xp.__version__, "cuda": built_for, "driver's cuda": driver}


def devices_folder() -> Path:
    """Where the records lie that come with the package."""
    return folder() / "devices"


def device_records(place: str | PathLike | None = None) -> list[Measurements]:
    """All of them in a folder, those that come with the package if none is named; CPUs first.

    Raises
    ------
    RecordError
        If one of them is damaged.
    """
    found = [read(path, Measurements) for path in Path(place or devices_folder()).glob("*.json")]
    return sorted(found, key=lambda record: record.device)
