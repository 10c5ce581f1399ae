"""What a hundred machines would make of the table of results, from the records of the runs that one has made."""

from __future__ import annotations

import heapq
import statistics
from collections import defaultdict
from collections.abc import Iterable

from netlib.experiments import RECIPES, records
from netlib.experiments.record import folder

SEEDS = 10  # of each recipe in the plan
MACHINES = (1, 2, 10, 100)


def costs() -> dict[str, float]:
    """Seconds on one core of each recipe of which there are records, the mean over its runs; the longest first."""
    found = defaultdict(list)
    for record in records():
        found[record.recipe].append(record.seconds)
    means = {name: statistics.mean(seconds) for name, seconds in found.items()}
    return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def duration(seconds: Iterable[float], machines: int) -> float:
    """How long runs take if each machine that is free takes the longest run that is left."""
    busy = [0.0] * machines
    for one in sorted(seconds, reverse=True):
        heapq.heappush(busy, heapq.heappop(busy) + one)
    return max(busy)


def checkpoint(recipe: str) -> int:
    """Bytes of a recipe's weights and biases, which is what a checkpoint is."""
    return sum(array.nbytes for array in RECIPES[recipe].network(0, "cpu").params)


def page(markdown: str) -> str:
    """The page with its numbers in it."""
    each = costs()
    grid = [seconds for seconds in each.values() for _ in range(SEEDS)]
    work, longest = sum(grid), max(grid)
    rate = max(2 * checkpoint(name) * RECIPES[name].epochs / seconds for name, seconds in each.items())
    sizes = [path.stat().st_size for path in folder().glob("*.json")]
    names = list(each)
    told = {
        "seeds": str(SEEDS),
        "recipes": str(len(each)),
        "runs": str(len(grid)),
        "work": f"{work / 3600:.0f}",
        "slowest": f"`{names[0]}`",
        "longest": f"{longest / 60:.0f}",
        "epoch": f"{longest / RECIPES[names[0]].epochs / 60:.1f}",
        "enough": str(next(n for n in range(1, len(grid) + 1) if duration(grid, n) == longest)),
        "most": f"{work / longest:.0f}",
        "recipe_table": _recipes(each),
        "machine_table": _machines(grid),
        "checkpoint": f"{checkpoint(names[0]) / 1e6:.1f}",
        "disk": f"{100 * rate / 1e6:.0f}",
        "record": f"{statistics.median(sizes) / 1e3:.0f}",
        "records": f"{len(grid) * statistics.mean(sizes) / 1e6:.0f}",
    }
    for name, text in told.items():
        markdown = markdown.replace(f"@{name}@", text)
    return markdown


def _recipes(each: dict[str, float]) -> str:
    rows = [f"| `{name}` | {seconds / 60:.1f} | {SEEDS * seconds / 3600:.1f} |" for name, seconds in each.items()]
    return "\n".join(["| recipe | minutes a run | hours for all seeds |", "|---|---|---|", *rows])


def _machines(grid: list[float]) -> str:
    rows = []
    for n in MACHINES:
        taken = duration(grid, n)
        rows.append(f"| {n} | {taken / 3600:.1f} | {sum(grid) / taken:.1f} | {sum(grid) / taken / n:.0%} |")
    head = ["| cores | hours | times as fast as one | how much of them is used |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])
