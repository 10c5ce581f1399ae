"""The house: which room may look into which, what an import costs, and what a wheel carries."""

import ast
import json
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
import yaml

import netlib

PACKAGE = Path(netlib.__file__).parent
ROOT = PACKAGE.parent

# From the ground up: a room imports from floors below its own, or from its own room.
FLOORS = [
    {"config", "gpu"},
    {"backend"},
    {"checks", "files", "rng"},
    {"committee", "drawing", "expression", "history", "ops", "threads", "uncertainty"},
    {"schedules"},
    {"initializers", "data"},
    {"graph", "layers"},
    {"optimizers", "stopping"},
    {"guard"},
    {"training"},
    {"storage"},
    {"checkpoints"},
    {"learner"},
    {"network"},
    {"gradients", "network3", "universality"},
    {"experiments", "plotting", "widgets"},
    {"devices"},
    {"cli", "conv"},
]
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def imported(path):
    """Full names of the modules that a file imports, at its top or later."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms():
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in ("__init__", "__main__"):
            yield path, room


@pytest.mark.parametrize(("path", "room"), list(rooms()), ids=lambda value: getattr(value, "stem", value))
def test_imports_go_down(path, room):
    used = {name.split(".")[1] if "." in name else name for name in imported(path) if name.split(".")[0] == "netlib"}
    facade = {name for name in used if name not in FLOOR}
    assert facade == set() or room == "cli", f"{path.name} imports {facade} from the package's front, not from a room"
    above = {other for other in used - {room} if FLOOR.get(other, 0) >= FLOOR[room]}
    assert above == set(), f"{path.name}, floor {FLOOR[room]}, imports from its own floor or above"


def test_no_room_is_without_a_floor():
    assert {room for _, room in rooms()} == set(FLOOR)


def test_only_the_command_line_knows_the_notebooks_tools():
    tools = {"papermill", "jupytext", "nbformat", "yaml", "click", "traitlets"}
    users = {room for path, room in rooms() if tools & {name.split(".")[0] for name in imported(path)}}
    assert users == {"cli"}


def lines_of_code(path):
    """Lines of a file that are neither blank nor part of a docstring."""
    source = path.read_text()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, documented) and ast.get_docstring(node)]
    docstrings = {n for node in nodes for n in range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return sum(bool(line.strip()) and n not in docstrings for n, line in enumerate(source.splitlines(), start=1))


def test_no_room_has_two_ideas():
    lengths = {str(path.relative_to(PACKAGE)): lines_of_code(path) for path, _ in rooms()}
    assert lengths["learner.py"] > 100
    assert {path: n for path, n in lengths.items() if n > 180} == {}


def test_the_import_is_light():
    code = "import sys, netlib, netlib.network3, netlib.data; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "cupy",
        "scipy",
        "matplotlib",
        "papermill",
        "sklearn",
        "click",
        "yaml",
        "nbformat",
        "PIL",
        "pooch",
        "requests",
        "threadpoolctl",
    }
    assert not heavy & set(run.stdout.split())


def test_nothing_is_printed_on_import():
    code = "import netlib, netlib.network3, netlib.data, netlib.plotting, netlib.cli"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout + run.stderr == ""


def test_conda_environments_install_what_pyproject_lists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in ("environment.yml", "environment-gpu.yml"):
        entries = yaml.safe_load((ROOT / name).read_text())["dependencies"]
        (pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
        assert pip == ["-e .[book,test]"]
        assert {"book", "test"} <= extras.keys()


def test_every_dependency_has_its_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0].splitlines()
    listed = [line for line in lines if line.startswith('    "')]
    assert len(listed) > 10
    assert [line for line in listed if "  # " not in line] == []


def test_a_wheel_in_a_bare_environment_trains_on_its_own_digits(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")

    venv.create(tmp_path / "bare", with_pip=True)
    python = tmp_path / "bare" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    subprocess.run(install, check=True, capture_output=True)

    code = """
import json, netlib
from netlib import data, experiments, network3
training, validation, test = data.load("digits")
net = network3.Network([network3.FullyConnectedLayer(784, 30), network3.SoftmaxLayer(30, 10)], 10)
history = net.SGD(training, 3, 10, 0.5, validation, test, verbose=False)
counts = [len(experiments.records()), len(experiments.speed_records())]
print(json.dumps([netlib.__file__, history.validation_accuracy[-1], *counts]))
"""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    ran = subprocess.run(
        [python, "-I", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    where, accuracy, n_records, n_speeds = json.loads(ran.stdout)
    assert where.startswith(str(tmp_path)), "the checkout was imported, not the wheel"
    assert accuracy > 0.8
    assert n_records == len(list((ROOT / "data" / "results").glob("*.json"))) > 0
    assert n_speeds == len(list((ROOT / "data" / "results" / "speeds").glob("*.json"))) > 0
    command = [tmp_path / "bare" / "bin" / "netlib", "run"]
    helped = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert helped.returncode == 1
    assert 'notebooks need the "book" extra' in helped.stderr
