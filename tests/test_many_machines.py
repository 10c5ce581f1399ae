"""The site's plan for many machines: its numbers are those of the records."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "chapters" / "site"
sys.path.append(str(SOURCES))
from workshop import machines  # noqa: E402


@pytest.mark.parametrize(
    ("seconds", "n", "expected"),
    [
        ([7, 5, 4, 3, 1], 1, 20),
        ([1, 3, 4, 5, 7], 2, 10),
        ([7, 5, 4, 3, 1], 3, 7),
        ([7, 5, 4, 3, 1], 9, 7),
        ([3, 3, 2, 2, 2], 2, 7),  # six would do, but nobody looks ahead
    ],
)
def test_a_machine_that_is_free_takes_the_longest_run_that_is_left(seconds, n, expected):
    assert machines.duration(seconds, n) == expected


@pytest.fixture(scope="module")
def page():
    return machines.page((SOURCES / "many_machines.md").read_text())


@pytest.fixture(scope="module")
def seconds():
    """Of all recorded runs, by recipe."""
    found = {}
    for path in (ROOT / "data" / "results").glob("*.json"):
        content = json.loads(path.read_text())
        found.setdefault(content["recipe"], []).append(content["seconds"])
    return found


def table(page, head):
    """The rows of the table with this head, as lists of cells."""
    lines = page.split(head)[1].splitlines()[2:]
    rows = lines[: lines.index("")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_no_number_is_missing(page):
    assert re.findall(r"@\w+@", page) == []


def test_what_a_run_takes_is_the_mean_over_its_records(page, seconds):
    rows = {name.strip("`"): (minutes, hours) for name, minutes, hours in table(page, "| recipe | minutes a run |")}
    assert rows.keys() == seconds.keys()
    for name, runs in seconds.items():
        mean = sum(runs) / len(runs)
        assert [float(cell) for cell in rows[name]] == pytest.approx([mean / 60, mean / 360], abs=0.051), name


def test_the_plan_is_bound_by_all_the_work_or_by_the_longest_run(page, seconds):
    means = {name: sum(runs) / len(runs) for name, runs in seconds.items()}
    work, longest = 10 * sum(means.values()), max(means.values())
    assert f"Together, {10 * len(means)} runs and {work / 3600:.0f} hours." in page
    slowest = max(means, key=means.get)
    assert f"One of `{slowest}` takes {longest / 60:.0f} minutes" in page
    rows = table(page, "| cores | hours |")
    assert [row[0] for row in rows] == ["1", "2", "10", "100"]
    for n, hours, faster, used in rows:
        least = max(work / int(n), longest)
        assert least <= 3600 * (float(hours) + 0.05)
        assert 3600 * (float(hours) - 0.05) <= least + longest  # where nobody is idle before the last run begins
        assert float(faster) == pytest.approx(work / 3600 / float(hours), rel=0.05)
        assert used == f"{float(faster) / int(n):.0%}"
    enough = int(re.search(r"With (\d+) cores", page)[1])
    assert enough >= work / longest
    assert f"more than {work / longest:.0f} times as fast" in page


def test_a_checkpoint_is_a_recipes_weights_and_biases():
    layers = [(20 * 25, 20), (40 * 20 * 25, 40), (640 * 1000, 1000), (1000 * 1000, 1000), (1000 * 10, 10)]
    assert machines.checkpoint("double_fc_dropout") == 4 * sum(w + b for w, b in layers)
