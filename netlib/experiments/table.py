"""The book's table, with ours beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from netlib.committee import plurality
from netlib.experiments.recipe import NETWORK3, Committee, Recipe, Way
from netlib.experiments.recipes import COMMITTEE, RECIPES
from netlib.experiments.record import Record, RecordError

RIGHT = 10  # stands for the label of an image that a network read rightly, which records do not tell


@dataclass(frozen=True)
class Row:
    """One recipe's numbers, or a committee's; accuracies on the data that its way reports.

    Attributes
    ----------
    recipe : Recipe or Committee
    epochs : int
        As many as were run.
    runs : int
        Number of seeds; of committees, for a committee.
    books_rule : float
        Of the lowest seeds, as many as the book's runs, the run with the best validation accuracy (of two that are
        level, the lower seed), after the epoch of the best. Of a committee: the one of the lowest seeds, whose members
        vote as they are after the last epoch; the book's script keeps no others.
    mean, lowest, highest : float
        Over the seeds, after each run's best epoch.
    mean_last : float
        Over the seeds, after the last epoch.
    """

    recipe: Recipe | Committee
    epochs: int
    runs: int
    books_rule: float
    mean: float
    lowest: float
    highest: float
    mean_last: float


def rows(records: Iterable[Record], way: Way = NETWORK3) -> list[Row]:
    """A row for each recipe of a way that has records of its own number of epochs, in the order of the book.

    The committee's comes last, if there are records for a whole one.

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
    measured = [_row(recipe, found) for recipe, found in of_each if found]
    committees = _committees(COMMITTEE, whole) if COMMITTEE.way == way else []
    return [*measured, _committee_row(COMMITTEE, committees)] if committees else measured


def _row(recipe: Recipe, records: list[Record]) -> Row:
    best, last = zip(*(record.accuracies(recipe.way.reports) for record in records), strict=True)
    chosen = max(records[: recipe.way.runs], key=lambda record: record.validation_accuracy[record.best_epoch])
    return _summary(recipe, chosen.accuracies(recipe.way.reports)[0], best, last)


def _summary(recipe: Recipe | Committee, books_rule: float, best: Sequence[float], last: Sequence[float]) -> Row:
    return Row(
        recipe=recipe,
        epochs=recipe.epochs,
        runs=len(best),
        books_rule=books_rule,
        mean=fmean(best),
        lowest=min(best),
        highest=max(best),
        mean_last=fmean(last),
    )


def _committees(committee: Committee, records: list[Record]) -> list[list[Record]]:
    """Whole committees of records that are sorted by seed."""
    members = [record for record in records if record.recipe == committee.recipe.name]
    ends = range(committee.members, len(members) + 1, committee.members)
    return [members[end - committee.members : end] for end in ends]


def _committee_row(committee: Committee, committees: list[list[Record]]) -> Row:
    def accuracies(last: bool) -> list[float]:
        return [1 - len(vote(members, last=last)) / members[0].n_test for members in committees]

    return _summary(committee, accuracies(True)[0], accuracies(False), accuracies(True))


def vote(records: Sequence[Record], *, last: bool = True) -> list[list[int]]:
    """Which test images several networks misread when they vote, and as what, like `Record.best_errors`.

    Where votes tie, that of the first of the tied networks counts, as in the book's script: records tell what an image
    was misread as, not what it is, so that no other rule could be followed for all images.

    Parameters
    ----------
    records : sequence of Record
        Of the networks, in their order.
    last : bool
        As they are after the last epoch, as the book's script has it; or each after its best.

    Raises
    ------
    RecordError
        If there is none, or they are of different data.
    """
    kinds = {(record.n_test, record.parameters.get("data")) for record in records}
    if len(kinds) != 1:
        raise RecordError(f"records: expected some of the same test data; got {sorted(map(str, kinds)) or 'none'}")
    predictions = np.full((len(records), records[0].n_test), RIGHT)
    for row, record in zip(predictions, records, strict=True):
        for image, answer in record.last_errors if last else record.best_errors:
            row[image] = answer
    voted = plurality(predictions, ties="first")
    return [[int(image), int(voted[image])] for image in np.flatnonzero(voted != RIGHT)]


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
