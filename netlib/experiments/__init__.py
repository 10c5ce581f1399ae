"""The book's experiments as named recipes, their runs, and the records that runs leave."""

from netlib.experiments.recipes import NETWORK2, NETWORK3, RECIPES, Recipe, Way
from netlib.experiments.record import Record, RecordError, read, records, write
from netlib.experiments.running import opening_costs, run
from netlib.experiments.speeds import Speeds, run_speeds, speed_records
from netlib.experiments.table import Row, markdown, rows

__all__ = [
    "NETWORK2",
    "NETWORK3",
    "RECIPES",
    "Recipe",
    "Record",
    "RecordError",
    "Row",
    "Speeds",
    "Way",
    "markdown",
    "opening_costs",
    "read",
    "records",
    "rows",
    "run",
    "run_speeds",
    "speed_records",
    "write",
]
