"""``netlib doctor``: what this computer has for netlib, and what is missing."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import click
import numpy as np

from netlib import __version__, config
from netlib.backend import device_namespace
from netlib.cli import chapters
from netlib.cli.errors import told_plainly
from netlib.data import mnist
from netlib.files import writing
from netlib.gpu import cuda_version, gpu_problem
from netlib.threads import blas

SUITE_SECONDS = 230  # of the five minutes that a report may take


@click.command()
@click.option(
    "--gpu-report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Run the tests that use the GPU and time training on it, in five minutes at most; write it all to this file.",
)
def doctor(gpu_report: Path | None) -> None:
    """Tell what netlib computes with here, and why not with more.

    Versions, the library behind NumPy's products and its threads, the GPU or the reason why there is none with the
    command that would mend it, what the device "auto" means, and where MNIST is.
    """
    with told_plainly():
        findings = examine()
    for name, finding in findings.items():
        click.echo(f"{name:8} {finding}")
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
    """What there is, in words."""
    try:
        auto = "the CPU" if device_namespace() is np else "the GPU"
    except (RuntimeError, ValueError) as error:
        auto = str(error)
    device, dtype = (config.setting(name) for name in ("device", "dtype"))
    found = [mnist.find(file) for file in mnist.FILES]
    return {
        "netlib": f"{__version__}, Python {platform.python_version()}, {platform.system()} on {platform.machine()}",
        "NumPy": f"{np.__version__}, {blas()}",
        "GPU": _gpu(),
        "device": f'"auto" is {auto} ({device.value!r}, {device.source})',
        "dtype": f'"auto" is {dtype.value} ({dtype.source})',
        "MNIST": f"in {found[0].parent}" if all(found) else "not here; `netlib data mnist` fetches it",
    }


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
