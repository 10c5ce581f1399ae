"""The book's experiments as named recipes, their runs, and the records that runs leave."""

from netlib.experiments.recipes import RECIPES, Recipe
from netlib.experiments.record import Record, RecordError, read, records, write
from netlib.experiments.running import opening_costs, run
from netlib.experiments.table import Row, markdown, rows

__all__ = [
    "RECIPES",
    "Recipe",
    "Record",
    "RecordError",
    "Row",
    "markdown",
    "opening_costs",
    "read",
    "records",
    "rows",
    "run",
    "write",
]
