"""The book's table, with ours beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from netlib.experiments.recipes import NETWORK3, RECIPES, Recipe, Way
from netlib.experiments.record import Record, RecordError


@dataclass(frozen=True)
class Row:
    """One recipe's numbers; accuracies on the data that its way reports.

    Attributes
    ----------
    recipe : Recipe
    epochs : int
        As many as were run.
    runs : int
        Number of seeds.
    books_rule : float
        Of the lowest seeds, as many as the book's runs, the run with the best validation accuracy (of two that are
        level, the lower seed), after the epoch of the best.
    mean, lowest, highest : float
        Over the seeds, after each run's best epoch.
    mean_last : float
        Over the seeds, after the last epoch.
    """

    recipe: Recipe
    epochs: int
    runs: int
    books_rule: float
    mean: float
    lowest: float
    highest: float
    mean_last: float


def rows(records: Iterable[Record], way: Way = NETWORK3) -> list[Row]:
    """A row for each recipe of a way that has records of its own number of epochs, in the order of the book.

    Raises
    ------
    RecordError
        If a record is of a recipe that there is not.
    """
    records = list(records)
    unknown = {record.recipe for record in records} - set(RECIPES)
    if unknown:
        raise RecordError(f"a record is of the recipe {min(unknown)!r}; there are {', '.join(RECIPES)}")
    whole = [record for record in records if record.parameters["epochs"] == RECIPES[record.recipe].epochs]
    of_way = {name: recipe for name, recipe in RECIPES.items() if recipe.way == way}
    whole.sort(key=lambda record: record.seed)
    of_each = [(recipe, [record for record in whole if record.recipe == name]) for name, recipe in of_way.items()]
    return [_row(recipe, found) for recipe, found in of_each if found]


def _row(recipe: Recipe, records: list[Record]) -> Row:
    best, last = zip(*(record.accuracies(recipe.way.reports) for record in records), strict=True)
    chosen = max(records[: recipe.way.runs], key=lambda record: record.validation_accuracy[record.best_epoch])
    return Row(
        recipe=recipe,
        epochs=recipe.epochs,
        runs=len(records),
        books_rule=chosen.accuracies(recipe.way.reports)[0],
        mean=fmean(best),
        lowest=min(best),
        highest=max(best),
        mean_last=fmean(last),
    )


def markdown(rows: Iterable[Row]) -> str:
    """The table in Markdown, as it stands in the README."""
    lines = [
        "| experiment | recipe | epochs | book | here, by its rule | mean (runs) | mean at the last epoch |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        book = f"{row.recipe.book:.2%}" if row.recipe.book else ""
        ours = f"{row.books_rule:.2%} | {row.mean:.2%} ({row.runs}) | {row.mean_last:.2%}"
        lines.append(f"| {row.recipe.title} | `{row.recipe.name}` | {row.epochs} | {book} | {ours} |")
    return "\n".join(lines)
