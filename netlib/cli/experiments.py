"""``netlib experiments``: the book's experiments, run and recorded."""

from __future__ import annotations

from pathlib import Path

import click

from netlib.cli.chapters import near
from netlib.cli.errors import told_plainly
from netlib.experiments import RECIPES, markdown, records, rows, run, write
from netlib.experiments.record import folder


@click.group()
def experiments() -> None:
    """The book's experiments as named recipes: list them, run them, and compare with the book."""


@experiments.command("list")
def list_recipes() -> None:
    """Name every recipe, what it is, and the book's number."""
    width = max(map(len, RECIPES))
    for recipe in RECIPES.values():
        book = f"{recipe.book:.2%}" if recipe.book else ""
        click.echo(f"{recipe.name:{width}} {book:8} {recipe.epochs:3} epochs  {recipe.title}")


@experiments.command("run")
@click.argument("names", nargs=-1, required=True)
@click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, default=(0,), help="May be given repeatedly.")
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
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
                click.echo(f"{record.accuracy:.2%}, {record.seconds:.0f} seconds: {write(record, output)}")


@experiments.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="As it stands in the README.")
def table(as_markdown: bool) -> None:
    """Print the book's numbers, and beside them those of the recorded runs."""
    with told_plainly():
        measured = rows(records())
    if as_markdown:
        click.echo(markdown(measured))
        return
    width = max(map(len, RECIPES))
    titles = "".join(f"{title:>9}" for title in ("book", "its rule", "mean", "lowest", "highest", "last", "runs"))
    click.echo(f"{'recipe':{width}}{titles}")
    for row in measured:
        book = f"{row.recipe.book:.2%}" if row.recipe.book else ""
        ours = (row.books_rule, row.mean, row.lowest, row.highest, row.mean_last)
        click.echo(f"{row.recipe.name:{width}}{book:>9}{''.join(f'{accuracy:9.2%}' for accuracy in ours)}{row.runs:9}")
