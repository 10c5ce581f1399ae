"""``netlib experiments``: the book's experiments, run and recorded."""

from __future__ import annotations

from pathlib import Path

import click

from netlib.cli.chapters import near
from netlib.cli.errors import told_plainly
from netlib.experiments import NETWORK2, NETWORK3, RECIPES, Row, markdown, records, rows, run, run_speeds, write
from netlib.experiments.record import folder
from netlib.experiments.speeds import DEPTHS, EPOCHS, speeds_folder

DEVICE = click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
SEEDS = click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, default=(0,), help="May be repeated.")


@click.group()
def experiments() -> None:
    """The book's experiments as named recipes: list them, run them, and compare with the book."""


@experiments.command("list")
def list_recipes() -> None:
    """Name every recipe, what it is, and the book's number: an accuracy on test data, unless it says otherwise."""
    width = max(map(len, RECIPES))
    for recipe in RECIPES.values():
        book = f"{recipe.book:.2%}" if recipe.book else ""
        data = "" if recipe.way.reports == "test" else f" ({recipe.way.reports} data)"
        click.echo(f"{recipe.name:{width}} {book:8} {recipe.epochs:3} epochs  {recipe.title}{data}")


@experiments.command("run")
@click.argument("names", nargs=-1, required=True)
@SEEDS
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@DEVICE
@click.option("-o", "--output", type=click.Path(path_type=Path), help="For records, instead of data/results.")
@click.option("--checkpoints", type=click.Path(path_type=Path), default=Path("build/runs"), show_default=True)
def run_recipes(
    names: tuple[str, ...],
    seeds: tuple[int, ...],
    epochs: int | None,
    device: str,
    output: Path | None,
    checkpoints: Path,
) -> None:
    """Run the recipes NAMES, and write a record of each run.

    A run that was interrupted goes on from its newest checkpoint when the same command is given again.
    """
    for name in names:
        if name not in RECIPES:
            raise click.UsageError(f"no recipe {name!r}{near(name, RECIPES)}")
    if epochs and not output:
        raise click.UsageError("a run of other epochs is no record of the recipe: name a folder for it with -o")
    output = output or folder()
    with told_plainly():
        output.mkdir(parents=True, exist_ok=True)
        for name in names:
            for seed in seeds:
                click.echo(f"{name}, seed {seed}")
                record = run(RECIPES[name], seed, checkpoints / f"{name}-seed{seed}", epochs=epochs, device=device)
                data = RECIPES[name].way.reports
                told = f"{record.accuracies(data)[0]:.2%} of {data} data"
                click.echo(f"{told}, {record.seconds:.0f} seconds: {write(record, output)}")


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
