"""The benchmark: who is missing is said, who takes another step is refused, numbers are written as they were taken."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netlib.gpu import gpu_problem

FOLDER = Path(__file__).parent / "benchmarks"
ROOT = FOLDER.parents[1]


def contest(folder, output, *options):
    command = [sys.executable, folder / "contest.py", "--quick", "--rounds", "1", "-o", output, *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600)


def changed(folder, **files):
    """A copy of the benchmark with other text in some of its files."""
    copy = folder / "tests" / "benchmarks"
    shutil.copytree(FOLDER, copy)
    (folder / "netlib").symlink_to(ROOT / "netlib")
    for name, (old, new) in files.items():
        path = copy / f"{name}.py"
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
    return copy


FEWER = '    "netlib:1": (Netlib, 1),\n    "absent": (Absent, 1),\n    "netlib:2": (Netlib, 2),\n'
ABSENT = "class Absent(Netlib):\n    def __init__(self, workload, n):\n        import a_library_that_there_is_not\n\n\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    text = (FOLDER / "contenders.py").read_text()
    listed = text[text.index("CONTENDERS = {") :]
    copy = changed(folder, contenders=(listed, f"{ABSENT}CONTENDERS = {{\n{FEWER}}}\n"))
    return contest(copy, folder / "out"), folder / "out"


def test_it_says_who_is_missing_and_counts_no_win(ran):
    process, output = ran
    assert process.returncode == 0, process.stderr
    assert "absent         does not take part: No module named 'a_library_that_there_is_not'" in process.stdout
    assert "netlib's best / this" not in process.stdout
    result = json.loads((output / "bench.json").read_text())
    assert set(result["steps"]) == {"dropout 10", "conv 10", "shallow 10"}
    assert all(set(found) == {"netlib:1", "netlib:2"} for found in result["steps"].values())


def test_it_writes_medians_with_their_spread_and_a_chart(ran):
    _, output = ran
    result = json.loads((output / "bench.json").read_text())
    for found in result["steps"].values():
        for times in found.values():
            assert 0 < times["p10"] <= times["median"] <= times["p90"]
    assert all(rate > 0 for rate in result["machine"].values())
    assert (output / "steps.png").read_bytes().startswith(b"\x89PNG")


def test_who_takes_another_step_is_refused_and_nothing_is_timed(tmp_path):
    step = "    def step(self, i):\n        self.penalty = self.penalty._replace(l2=0.1)\n        super().step(i)\n"
    other = f"class Other(Netlib):\n{step}\n\n"
    text = (FOLDER / "contenders.py").read_text()
    listed = text[text.index("CONTENDERS = {") :]
    entries = 'CONTENDERS = {\n    "netlib:1": (Netlib, 1),\n    "other": (Other, 1),\n}\n'
    process = contest(changed(tmp_path, contenders=(listed, other + entries)), tmp_path / "out")
    assert process.returncode == 1
    assert "other takes another step than netlib; nothing was timed" in process.stderr
    assert "training step" not in process.stdout


@pytest.mark.skipif(not gpu_problem(), reason="the counts below are of the CPU's products")
def test_the_floor_counts_the_products_of_a_step():
    sys.path.insert(0, str(FOLDER))
    try:
        from workloads import WORKLOADS, step_bytes, step_flops
    finally:
        sys.path.remove(str(FOLDER))
    first = 2 * 10 * 784 * 100
    assert step_flops(WORKLOADS["shallow"], 10) == 2 * first + 3 * 2 * 10 * 100 * 10
    assert step_bytes(WORKLOADS["shallow"]) == 4 * 4 * (784 * 100 + 100 * 10)
    convolution = 2 * 10 * 20 * 25 * 24 * 24
    rest = 2 * 10 * (40 * 20 * 25 * 8 * 8 + 640 * 100 + 100 * 10)
    assert step_flops(WORKLOADS["conv"], 10) == 2 * convolution + 3 * rest
