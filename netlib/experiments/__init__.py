"""The book's experiments as named recipes, their runs, and the records that runs leave."""

from netlib.experiments.claims import BusyError
from netlib.experiments.cluster import Cluster, ClusterError
from netlib.experiments.many import Outcome, Processes, run_all
from netlib.experiments.recipe import NETWORK2, NETWORK3, Committee, Recipe, Way
from netlib.experiments.recipes import COMMITTEE, RECIPES
from netlib.experiments.record import Record, RecordError, read, records, write
from netlib.experiments.running import opening_costs, run, train
from netlib.experiments.speeds import Speeds, run_speeds, speed_records
from netlib.experiments.table import Row, markdown, rows, vote

__all__ = [
    "COMMITTEE",
    "NETWORK2",
    "NETWORK3",
    "RECIPES",
    "BusyError",
    "Cluster",
    "ClusterError",
    "Committee",
    "Outcome",
    "Processes",
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
    "run_all",
    "run_speeds",
    "speed_records",
    "train",
    "vote",
    "write",
]
