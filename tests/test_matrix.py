"""The matrix of noxfile.py: what its rows cover, what it skips, its table, and the record of its last whole run."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytest.importorskip("nox", reason="nox is not installed: make .venv/ready-ci")

import noxfile

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_pair_of_values_is_in_a_row():
    values = [{"SkylakeX", "Haswell", "Nehalem"}, {1, 2}, {"all", "none"}]
    for one, other in itertools.combinations(range(3), 2):
        assert {(row[one], row[other]) for row in noxfile.ROWS} == set(itertools.product(values[one], values[other]))


def test_the_oldest_numpy_is_the_oldest_that_is_allowed():
    (bound,) = Requirement(next(line for line in PROJECT["dependencies"] if line.startswith("numpy"))).specifier
    assert (bound.operator, f"{bound.version}.0") == (">=", noxfile.OLDEST["3.11"])
    assert all(bound.contains(version) for version in noxfile.OLDEST.values())
    assert PROJECT["requires-python"] == f">={min(noxfile.OLDEST)}"


def test_a_kernel_whose_instructions_are_missing_has_no_answer():
    assert noxfile.answer("print(1); import os; os.abort()", {}) == ""
    assert noxfile.answer("import os; print(os.environ['SETTING'])", {"SETTING": "set"}) == "set"
    assert noxfile.answer("import os; print('OPENBLAS_CORETYPE' in os.environ)", {}) == "False"


def test_the_table_tells_why():
    ran = {"signatures": ["kernels(Nehalem)"], "result": "success", "reason": None, "duration": 61.7}
    lacking = {"signatures": ["versions-3.13"], "result": "skipped", "reason": "no interpreter", "duration": 0.2}
    assert noxfile.table([ran, lacking]).splitlines()[2:] == [
        "| kernels(Nehalem) | success | 62 |",
        "| versions-3.13 | skipped: no interpreter | 0 |",
    ]


def test_the_record_is_of_these_rows():
    outcome = r"(?:success|failed|skipped|not run)\b.*"
    record = (ROOT / ".ci" / "matrix.md").read_text()
    recorded = re.findall(rf"^\| ((?:kernels|versions).+) \| {outcome} \| \d* \|$", record, re.M)
    kernels = [f"kernels({noxfile.named(*row).id})" for row in noxfile.ROWS]
    versions = [f"versions-{python}(numpy='{numpy}')" for python in noxfile.OLDEST for numpy in ("oldest", "newest")]
    assert recorded == kernels + versions
