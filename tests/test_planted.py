"""Faults, planted one at a time in a copy of the working tree: the suite must turn red for each.

Every day a few are enough. All of them:

    NETLIB_FAULTS=all pytest tests/test_planted.py
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.checkout import ROOT, copied, python
from tests.planted import EVERYDAY, FAULTS, Replaced

ALL = os.environ.get("NETLIB_FAULTS") == "all"
LONGER = pytest.mark.skipif(not ALL, reason="every day a few are enough; NETLIB_FAULTS=all plants this one too")
NOTICED = 1  # pytest's exit status where tests failed; the others mean that it could not run them


def suite(folder, tests):
    """Some of the suite, in a copy, to its first failure; without the plugin for notebooks where there are none."""
    plain = [] if any(test.endswith(".ipynb") for test in tests) else ["-p", "no:nbval", "-o", "addopts="]
    return python(folder, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *plain, *tests)


@pytest.fixture(scope="module")
def sound(request, tmp_path_factory):
    """A copy without a fault, in which all that is to notice one is green."""
    try:
        folder = copied(tmp_path_factory.mktemp("sound"))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git, or no repository: which files belong to the working tree is not known")
    imported = python(folder, "-c", "import netlib, tests; print(netlib.__file__, tests.__file__)").stdout.split()
    assert [Path(file).parents[1] for file in imported] == [folder, folder]

    here = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    planted = [item.callspec.params["fault"] for item in here if "fault" in item.callspec.params]
    ran = suite(folder, sorted({test for f in planted if ALL or f.name in EVERYDAY for test in f.noticed_by}))
    assert ran.returncode == 0, f"red without any fault:\n{ran.stdout[-3000:]}"
    return folder


@pytest.mark.parametrize(
    "fault", [pytest.param(f, id=f.name, marks=[LONGER] * (f.name not in EVERYDAY)) for f in FAULTS]
)
def test_a_planted_fault_is_noticed(fault, sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "planted")
    fault.plant(folder)
    ran = suite(folder, fault.noticed_by)
    assert ran.returncode == NOTICED, f"{' '.join(fault.noticed_by)} did not notice that {fault.name}:\n{ran.stdout}"


def test_every_fault_has_a_name_of_its_own():
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names)) >= 25
    assert set(EVERYDAY) < set(names)


@pytest.mark.parametrize("plant", [f.plant for f in FAULTS if isinstance(f.plant, Replaced)], ids=lambda p: p.old)
def test_what_a_fault_replaces_is_there_exactly_once(plant):
    assert (ROOT / plant.file).read_text().count(plant.old) == 1
