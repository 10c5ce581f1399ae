"""``netlib bench``: training and evaluation timed beside other libraries."""

from __future__ import annotations

import subprocess
import sys

import click

from netlib.cli import chapters
from netlib.cli.devices import devices


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def bench(options: tuple[str, ...]) -> None:
    """Time training and evaluation beside PyTorch and JAX, as far as these are installed (the "bench" extra).

    First it is shown that all take the same step. Each has a process of its own, and they take turns. OPTIONS are

    \b
        --rounds N         turns of each contender; 5 if not given
        --quick            training steps at mini-batch 10 alone
        --scaling          also other numbers of maps and of hidden neurons
        --output FOLDER    for numbers and charts; build/bench if not given

    `netlib bench devices` instead times operations and steps from small to large on a CPU or a GPU, for notebook 08;
    `netlib bench devices --help` tells more.
    """
    if options[:1] == (devices.name,):
        devices.main(options[1:], prog_name="netlib bench devices")
    script = chapters.folder().parent / "tests" / "benchmarks" / "contest.py"
    if not script.exists():
        raise click.ClickException(f"{script} is missing: benchmarks come with the project's checkout, not the package")
    sys.exit(subprocess.run([sys.executable, script, *options], check=False).returncode)
