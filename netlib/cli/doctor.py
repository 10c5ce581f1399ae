"""``netlib doctor``: what this computer has for netlib, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import click
import numpy as np

import netlib
from netlib import __version__, config
from netlib.backend import device_namespace
from netlib.cli import chapters
from netlib.cli.errors import told_plainly
from netlib.data import DataError, digits, mnist
from netlib.files import writing
from netlib.gpu import cuda_version, gpu_problem
from netlib.threads import blas

SUITE_SECONDS = 230  # of the five minutes that a report may take
EXTRAS = {  # the GPU has a line of its own
    "book": "the notebooks",
    "test": "the tests",
    "site": "`make site`",
    "bench": "`netlib bench` beside PyTorch and JAX",
    "cluster": "`netlib experiments run --scheduler`",
    "lab": "`make lab-test`",
    "ci": "`make matrix` and `make lock`",
    "mutation": "`make mutation`",
    "tensorboard": "histories in TensorBoard",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
GIGABYTE = 10**9
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # what a container may use


@click.command()
@click.option(
    "--gpu-report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Run the tests that use the GPU and time training on it, in five minutes at most; write it all to this file.",
)
def doctor(gpu_report: Path | None) -> None:
    """Tell what netlib computes with here, and why not with more.

    Versions, the library behind NumPy's products and its threads, the GPU or the reason why there is none with the
    command that would mend it, what the device "auto" means, where the data sets are, free memory and disk; and of
    what is not needed everywhere, what is missing for what.
    """
    with told_plainly():
        findings = examine()
    for name, finding in findings.items():
        click.echo(f"{name:11} {finding}")
    if gpu_report is None:
        return
    if gpu_problem():
        raise click.ClickException(f"no report without a GPU: {gpu_problem()}")
    tests = chapters.folder().parent / "tests"
    if not tests.is_dir():
        raise click.ClickException(f"{tests} is missing: the tests come with the project's checkout, not the package")
    times = _output([sys.executable, tests / "benchmarks" / "gpu.py"], 60)
    suite = _output(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval", "-o", "addopts=", "-k", "gpu", tests], SUITE_SECONDS
    )
    report = {"machine": findings, "times": times, "tests": suite}
    with told_plainly(), writing(gpu_report) as file:
        file.write(json.dumps(report, indent=1).encode())
    click.echo(f"{gpu_report}: {suite[-1] if suite else 'no test ran'}")


def examine() -> dict[str, str]:
    """What there is, in words.

    Returns
    -------
    dict
        A line for each thing that was looked at, by its name.

    Raises
    ------
    ValueError
        If the user's settings cannot be read, or say what they cannot mean.
    """
    try:
        auto = "the CPU" if device_namespace() is np else "the GPU"
    except (RuntimeError, ValueError) as error:
        auto = str(error)
    device, dtype = (config.setting(name) for name in ("device", "dtype"))
    return {
        "netlib": f"{__version__}, Python {platform.python_version()}, {platform.system()} on {platform.machine()}",
        "folder": f"{Path(netlib.__file__).parent}; Python in {sys.prefix}",
        "NumPy": f"{np.__version__}, {blas()}",
        "GPU": _gpu(),
        "device": f'"auto" is {auto} ({device.value!r}, {device.source})',
        "dtype": f'"auto" is {dtype.value} ({dtype.source})',
        "digits": f"in {digits.path()}" if digits.path().is_file() else "missing; install netlib anew",
        "MNIST": _mnist(),
        "memory": _memory(),
        "disk": _disk(),
        **{extra: _extra(extra) for extra in EXTRAS},
        "browser": _browser(),
    }


def _mnist() -> str:
    try:
        found = [mnist.find(file) for file in mnist.FILES]
    except DataError as error:
        return str(error)
    return f"in {found[0].parent}" if all(found) else "not here; `netlib data mnist` fetches it"


def _memory() -> str:
    """What Linux tells, and a container's limit where it is less; elsewhere psutil, which the book extra brings."""
    if MEMINFO.exists():
        told = dict(re.findall(r"(\w+): +(\d+) kB", MEMINFO.read_text()))
        free, total = (1024 * int(told[name]) for name in ("MemAvailable", "MemTotal"))
    elif _version("psutil"):
        import psutil

        memory = psutil.virtual_memory()
        free, total = memory.available, memory.total
    else:
        return "not known; psutil, which comes with the book extra, could tell"
    limit = CGROUP / "memory.max"
    most = limit.read_text().strip() if limit.exists() else ""
    if most.isdigit() and int(most) < total:
        total = int(most)
        free = min(free, total - int((CGROUP / "memory.current").read_text()))
    return f"{free / GIGABYTE:.1f} of {total / GIGABYTE:.1f} GB free"


def _disk() -> str:
    """Where data sets are downloaded to."""
    folder = next(place for place in (mnist.downloads(), *mnist.downloads().parents) if place.exists())
    disk = shutil.disk_usage(folder)
    return f"{disk.free / GIGABYTE:.1f} of {disk.total / GIGABYTE:.1f} GB free in {folder}"


def _extra(extra: str) -> str:
    """What of an extra is not installed."""
    remedy = f'in the checkout, `pip install -e ".[{extra}]"`'
    try:
        wanted = [line for line in metadata.requires("netlib") or () if re.search(f"extra == .{extra}\\b", line)]
    except metadata.PackageNotFoundError:
        wanted = []
    if not wanted:
        return f"not known to netlib as it is installed; {remedy}"
    names = [re.match(r"[\w.-]+", line)[0] for line in wanted]
    missing = [name for name in names if not _version(name)]
    if missing:
        return f"missing for {EXTRAS[extra]}: {', '.join(missing)}; {remedy}"
    return f"all there for {EXTRAS[extra]}"


def _browser() -> str:
    """What it takes to test JupyterLab and the site in a browser."""
    playwright, chromium = _version("playwright"), next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = ["playwright, `pip install playwright`"] * (not playwright)
    missing += ["Chromium, on Debian `apt-get install chromium`"] * (not chromium)
    if missing:
        return f"missing for the tests in a browser: {'; '.join(missing)}"
    return f"all there for the tests in a browser: playwright {playwright}, {chromium}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _gpu() -> str:
    problem = gpu_problem()
    if problem:
        return f"none: {problem}"
    import cupy

    runtime = cupy.cuda.runtime
    free, total = (n // 10**6 for n in runtime.memGetInfo())
    known = cuda_version(runtime.driverGetVersion())
    name = runtime.getDeviceProperties(0)["name"].decode()
    return f"{name}, {free:,} of {total:,} MB free; CuPy {cupy.__version__}, a driver for CUDA up to {known}"


def _output(command: list, seconds: int) -> list[str]:
    """Lines that a command prints, as far as it comes in this time."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    environment = os.environ | {"PYTHONPATH": str(chapters.folder().parent)}
    try:
        return subprocess.run(command, **output, timeout=seconds, check=False, env=environment).stdout.splitlines()
    except subprocess.TimeoutExpired as cut:
        return [*(cut.stdout or b"").decode().splitlines(), f"cut off after {seconds} s"]
