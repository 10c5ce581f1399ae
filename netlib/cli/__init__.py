"""The command line: ``netlib --help`` tells what it can do."""

import io
import sys

import click

from netlib import __version__
from netlib.cli.bench import bench
from netlib.cli.data import data
from netlib.cli.doctor import doctor
from netlib.cli.exercises import exercises
from netlib.cli.experiments import experiments
from netlib.cli.publishing import publish
from netlib.cli.reading import read
from netlib.cli.rendering import render
from netlib.cli.running import run
from netlib.cli.site import site


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Neural networks from the book, as notebooks to run and a package to read."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may hold bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")


main.add_command(run)
main.add_command(render)
main.add_command(data)
main.add_command(read)
main.add_command(exercises)
main.add_command(experiments)
main.add_command(bench)
main.add_command(site)
main.add_command(publish)
main.add_command(doctor)
