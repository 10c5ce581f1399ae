"""``netlib bench``: training and evaluation timed beside other libraries."""

from __future__ import annotations

import subprocess
import sys

import click

from netlib.cli import chapters


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def bench(options: tuple[str, ...]) -> None:
    """Time training and evaluation beside PyTorch and JAX, as far as these are installed (see the "bench" extra)."""
    script = chapters.folder().parent / "tests" / "benchmarks" / "contest.py"
    if not script.exists():
        raise click.ClickException(f"{script} is missing: benchmarks come with the project's checkout, not the package")
    sys.exit(subprocess.run([sys.executable, script, *options], check=False).returncode)
