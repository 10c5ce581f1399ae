"""Binder and the development container: what they name is there. Whether they can be built shows only elsewhere."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BINDER = ROOT / ".binder"
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())


def supported(version: str) -> bool:
    """Whether netlib runs on this Python, such as 3.12."""
    oldest = PROJECT["requires-python"].removeprefix(">=")
    return [int(part) for part in version.split(".")] >= [int(part) for part in oldest.split(".")]


def test_binder_installs_the_checkout_with_its_extras():
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    (wanted,) = (line for line in lines if not line.startswith("#"))
    extras = re.fullmatch(r"-e \.\[([\w,]+)\]", wanted)[1].split(",")
    assert "book" in extras
    assert set(extras) <= PROJECT["optional-dependencies"].keys()


def test_binder_has_a_python_on_which_netlib_runs():
    assert supported((BINDER / "runtime.txt").read_text().strip().removeprefix("python-"))


def test_jupyterlab_begins_in_the_chapters_on_binder(tmp_path):
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    ran = subprocess.run([BINDER / "postBuild"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "all there for the notebooks" in ran.stdout
    settings = json.loads((tmp_path / "config" / "jupyter_server_config.json").read_text())
    assert settings == {"ServerApp": {"preferred_dir": str(ROOT / "chapters")}}
    assert (ROOT / "chapters").is_dir()


def test_the_container_is_set_up_by_make():
    make, target = CONTAINER["postCreateCommand"].split()
    assert make == "make"
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_the_container_has_a_python_on_which_netlib_runs():
    image, _, version = CONTAINER["image"].rpartition(":")
    assert image == "mcr.microsoft.com/devcontainers/python"
    assert supported(version)


def test_the_editor_in_the_container_uses_the_environment_that_make_makes():
    interpreter = CONTAINER["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    environment, folder, python = interpreter.removeprefix("${containerWorkspaceFolder}/").split("/")
    assert f"BIN := {environment}/{folder}" in (ROOT / "Makefile").read_text()
    assert python == "python"
