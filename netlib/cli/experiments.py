"""``netlib experiments``: the book's experiments, run and recorded."""

from __future__ import annotations

import sys
from concurrent.futures import BrokenExecutor, Executor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from netlib.backend import device_namespace
from netlib.cli.chapters import near
from netlib.cli.errors import told_plainly
from netlib.data import DataError, load
from netlib.experiments import (
    COMMITTEE,
    NETWORK2,
    NETWORK3,
    RECIPES,
    Cluster,
    Outcome,
    Processes,
    Row,
    markdown,
    records,
    rows,
    run_all,
    run_speeds,
    write,
)
from netlib.experiments.cluster import LOCAL
from netlib.experiments.many import RunError
from netlib.experiments.recipe import QUICK_EPOCHS
from netlib.experiments.record import folder
from netlib.experiments.speeds import DEPTHS, EPOCHS, speeds_folder
from netlib.gpu import DeviceError

DEVICE = click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
QUICK = Path("build/experiments/quick")
PLAIN = (BrokenExecutor, DataError, DeviceError, OSError, RunError, ValueError)  # errors whose message says enough
SEEDS = click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, default=(0,), help="May be repeated.")


@click.group()
def experiments() -> None:
    """The book's experiments as named recipes: list them, run them, and compare with the book."""


@experiments.command("list")
def list_recipes() -> None:
    """Name every recipe, what it is, and the book's number: an accuracy on test data, unless it says otherwise."""
    width = max(map(len, RECIPES))
    for recipe in (*RECIPES.values(), COMMITTEE):
        book = f"{recipe.book:.2%}" if recipe.book else ""
        data = "" if recipe.way.reports == "test" else f" ({recipe.way.reports} data)"
        click.echo(f"{recipe.name:{width}} {book:8} {recipe.epochs:3} epochs  {recipe.title}{data}")


@experiments.command("run")
@click.argument("names", nargs=-1, required=True)
@click.option("--seeds", "n_seeds", type=click.IntRange(1), metavar="N", help="As many, from 0.")
@click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, help="May be repeated; 0 if none is given.")
@click.option(
    "--profile",
    type=click.Choice(["book", "quick"]),
    default="book",
    show_default=True,
    help=f"quick: {QUICK_EPOCHS} epochs on the embedded digits, into {QUICK}: to see that it runs.",
)
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@DEVICE
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Make N runs at a time, each in its process.")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Send them to a Dask cluster: tcp://HOST:8786, or its scheduler's file; or `local`, one that begins here with "
    "N workers and ends with the command. With `--device gpu` each takes 1 GPU, as workers declare them.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Go on from the checkpoints that are there, or delete those of these runs and begin anew.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="For records, instead of data/results.")
@click.option("--checkpoints", type=click.Path(path_type=Path), default=Path("build/runs"), show_default=True)
def run_recipes(
    names: tuple[str, ...],
    n_seeds: int | None,
    seeds: tuple[int, ...],
    profile: str,
    epochs: int | None,
    device: str,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    output: Path | None,
    checkpoints: Path,
) -> None:
    """Run the recipes NAMES, and write a record of each run.

    Runs that were interrupted go on from their newest checkpoints when the same command is given again. One that fails
    does not hold up the others; the command then ends with status 1. For a committee, its members are run: five for
    each seed. On a terminal, a bar shows the rate and the time left; elsewhere network3's lines are printed, unless
    there are workers.

    With a scheduler (the "cluster" extra), records come back to this computer. Checkpoints stay where a run is made:
    name a folder there that all workers share, else a run whose worker dies begins anew on another. A run is made once
    even if it is asked for twice; an interruption ends all of them after the epochs that they are in.
    """
    known = RECIPES | {COMMITTEE.name: COMMITTEE}
    for name in names:
        if name not in known:
            raise click.UsageError(f"no recipe {name!r}{near(name, known)}")
    if n_seeds and seeds:
        raise click.UsageError("--seeds N means the seeds 0 to N - 1, and --seed one of them: give one of the two")
    elsewhere = scheduler not in (None, LOCAL)
    if elsewhere and workers:
        raise click.UsageError(f"--workers are those of this computer: {scheduler} has its own")
    if elsewhere and not resume:
        raise click.UsageError("--no-resume cannot see the workers' disks: name another folder with --checkpoints")
    recipes = [known[name].quick() if profile == "quick" else known[name] for name in names]
    if profile == "quick":
        output, checkpoints = output or QUICK, checkpoints / "quick"
    if (epochs or profile == "quick") and (output or folder()).resolve() == folder().resolve():
        raise click.UsageError("such a run is no record of the recipe: name a folder for it with -o")
    output = output or folder()
    with told_plainly():  # what would end each of the runs ends all of them before the first
        output.mkdir(parents=True, exist_ok=True)
        if not elsewhere:  # where workers have devices and data of their own
            device_namespace(device)
            for recipe in recipes:
                load(recipe.data)
        executor = _executor(scheduler, workers, device)
    with executor as chosen:
        outcomes = run_all(
            recipes,
            range(n_seeds) if n_seeds else seeds or (0,),
            output,
            checkpoints=checkpoints.absolute() if scheduler else checkpoints,
            executor=chosen,
            epochs=epochs,
            device=device,
            resume=resume,
            verbose=not (workers or scheduler) and not sys.stderr.isatty(),
            after_run=_tell,
        )
    if any(outcome.error for outcome in outcomes):
        raise click.exceptions.Exit(1)


def _executor(scheduler: str | None, workers: int | None, device: str) -> AbstractContextManager[Executor | None]:
    """What makes the runs; None is this very process."""
    if scheduler:
        return Cluster(scheduler, workers=workers, resources={"GPU": 1} if device == "gpu" else None)
    return Processes(workers) if workers else nullcontext()


def _tell(outcome: Outcome) -> None:
    """A line about a run that ended, above the bar."""
    from tqdm import tqdm

    run = f"{outcome.recipe.name}, seed {outcome.seed}"
    if outcome.error:
        kind = "" if isinstance(outcome.error, PLAIN) else f"{type(outcome.error).__name__}: "
        tqdm.write(f"Error: {run}: {kind}{outcome.error}", file=sys.stderr)
    else:
        record, data = outcome.record, outcome.recipe.way.reports
        told = f"{record.accuracies(data)[0]:.2%} of {data} data, {record.seconds:.0f} seconds"
        tqdm.write(f"{run}: {told}: {outcome.path}")


@experiments.command("speeds")
@click.argument("depths", nargs=-1, type=click.IntRange(1))
@SEEDS
@click.option("--epochs", type=click.IntRange(1), help=f"Instead of {EPOCHS}.")
@DEVICE
@click.option("-o", "--output", type=click.Path(path_type=Path), help="For records, instead of data/results/speeds.")
def record_speeds(
    depths: tuple[int, ...], seeds: tuple[int, ...], epochs: int | None, device: str, output: Path | None
) -> None:
    """Record how fast each layer of networks of DEPTHS hidden layers learns; of 2, 3 and 4 if none is given."""
    if epochs and not output:
        raise click.UsageError("other epochs than the book's are no record of its figures: name a folder with -o")
    output = output or speeds_folder()
    with told_plainly():
        output.mkdir(parents=True, exist_ok=True)
        for depth in depths or DEPTHS:
            for seed in seeds:
                click.echo(f"depth {depth}, seed {seed}")
                record = run_speeds(depth, seed, epochs=epochs or EPOCHS, device=device)
                first, last = (", ".join(f"{speed:.2g}" for speed in record.speeds[i]) for i in (0, -1))
                click.echo(f"{first} at first, {last} at last, {record.seconds:.0f} seconds: {write(record, output)}")


@experiments.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="As it stands in the README.")
def table(as_markdown: bool) -> None:
    """Print the book's numbers, and beside them those of the recorded runs: chapter 5's, and then chapter 6's."""
    blocks = []
    with told_plainly():
        recorded = records()
        for chapter, way in ((5, NETWORK2), (6, NETWORK3)):
            measured = rows(recorded, way)
            block = markdown(measured) if as_markdown else _columns(measured)
            blocks.append(f"Chapter {chapter}, accuracy on {way.reports} data\n\n{block}")
    click.echo("\n\n".join(blocks))


def _columns(measured: list[Row]) -> str:
    """The table for a terminal."""
    width = max(map(len, RECIPES))
    titles = "".join(f"{title:>9}" for title in ("book", "its rule", "mean", "lowest", "highest", "last", "runs"))
    lines = [f"{'recipe':{width}}{titles}"]
    for row in measured:
        book = f"{row.recipe.book:.2%}" if row.recipe.book else ""
        ours = (row.books_rule, row.mean, row.lowest, row.highest, row.mean_last)
        percents = "".join(f"{accuracy:9.2%}" for accuracy in ours)
        lines.append(f"{row.recipe.name:{width}}{book:>9}{percents}{row.runs:9}")
    return "\n".join(lines)
