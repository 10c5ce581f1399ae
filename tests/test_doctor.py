"""What `netlib doctor` says of this computer and of others; test_gpu.py tells what it says of cards."""

import os
import re
import sys
import tomllib
import types
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

import netlib
from netlib.cli import main
from netlib.data import digits, mnist

doctor = sys.modules["netlib.cli.doctor"]  # `netlib.cli.doctor` is the command
ROOT = Path(netlib.__file__).parents[1]
NAMES = ["netlib", "folder", "NumPy", "GPU", "device", "dtype", "digits", "MNIST", "memory", "disk", *doctor.EXTRAS]
INSTALLED = {"netlib": "1", "pytest": "8.4", "jupyterlab": "4.2", "playwright": "1.50"}


def findings():
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    return {name: finding for name, _, finding in (line.partition(" ") for line in result.output.splitlines())}


@pytest.fixture
def installed(monkeypatch):
    """What is installed on another computer: versions by name, to be changed."""
    versions = INSTALLED.copy()
    wanted = ["numpy>=2.0", "jupyterlab>=4.2; extra == 'book'", 'pytest>=8; extra == "test"']
    wanted += ["nbval>=0.11; extra == 'test'", "scikit-learn; extra == 'test'", "testbook; extra == 'testing'"]

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", lambda name: wanted * bool(version(name)))
    return versions


def test_each_thing_has_a_line():
    told = findings()
    assert list(told) == [*NAMES, "browser"]
    assert all(told.values())
    assert netlib.__version__ in told["netlib"]
    assert str(ROOT / "netlib") in told["folder"]
    assert sys.prefix in told["folder"]


def test_every_extra_is_examined():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(doctor.EXTRAS) == {extra for extra in extras if not extra.startswith("gpu")}


def test_data_sets_are_found_or_how_to_get_them_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "downloads", lambda: tmp_path / "not" / "made")
    monkeypatch.delenv("NETLIB_DATA", raising=False)
    told = findings()
    assert told["digits"].strip() == f"in {digits.path()}"
    assert "not here; `netlib data mnist` fetches it" in told["MNIST"]
    assert told["disk"].endswith(f" GB free in {tmp_path}")


def test_data_that_are_damaged_do_not_keep_the_doctor_from_the_rest(monkeypatch, tmp_path):
    file = tmp_path / next(iter(mnist.FILES))
    file.write_bytes(b"damaged")
    monkeypatch.setenv("NETLIB_DATA", str(tmp_path))
    told = findings()
    assert f"{str(file)!r} is not the file of that name" in told["MNIST"]
    assert "`netlib data mnist`" in told["MNIST"]
    assert "GB free" in told["disk"]


def test_what_is_missing_is_told_with_what_it_is_for_and_how_to_get_it(installed):
    told = findings()
    assert told["book"].strip() == "all there for the notebooks"
    assert told["test"].strip() == (
        'missing for the tests: nbval, scikit-learn; in the checkout, `pip install -e ".[test]"`'
    )
    assert (
        told["bench"].strip() == 'not known to netlib as it is installed; in the checkout, `pip install -e ".[bench]"`'
    )
    installed |= {"nbval": "0.11", "scikit-learn": "1.5"}
    assert findings()["test"].strip() == "all there for the tests"
    del installed["netlib"]
    assert "not known to netlib as it is installed" in findings()["book"]


@pytest.mark.parametrize("name", doctor.BROWSERS)
def test_the_browser_of_the_tests(name, installed, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "missing for the tests in a browser: Chromium" in findings()["browser"]
    del installed["playwright"]
    assert findings()["browser"].count("install") == 2
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o755)
    assert findings()["browser"].strip() == "missing for the tests in a browser: playwright, `pip install playwright`"
    installed["playwright"] = "1.50"
    assert findings()["browser"].endswith(f"all there for the tests in a browser: playwright 1.50, {tmp_path / name}")


def test_free_memory_as_linux_tells_it(monkeypatch, tmp_path):
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:   16000000 kB\nMemFree:  1 kB\nMemAvailable:    4000000 kB\nHugePages_Total:   0\n")
    monkeypatch.setattr(doctor, "MEMINFO", told)
    monkeypatch.setattr(doctor, "CGROUP", tmp_path)
    assert findings()["memory"].strip() == "4.1 of 16.4 GB free"
    (tmp_path / "memory.max").write_text("max\n")
    assert findings()["memory"].strip() == "4.1 of 16.4 GB free"
    (tmp_path / "memory.max").write_text("2000000000\n")
    (tmp_path / "memory.current").write_text("500000000\n")
    assert findings()["memory"].strip() == "1.5 of 2.0 GB free", "a container's limit"


def test_free_memory_elsewhere(installed, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "MEMINFO", tmp_path / "none")
    monkeypatch.setattr(doctor, "CGROUP", tmp_path)
    assert "not known; psutil" in findings()["memory"]
    installed["psutil"] = "7"
    memory = types.SimpleNamespace(available=3 * 10**9, total=8 * 10**9)
    monkeypatch.setitem(sys.modules, "psutil", types.SimpleNamespace(virtual_memory=lambda: memory))
    assert findings()["memory"].strip() == "3.0 of 8.0 GB free"


@pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="this is not Linux")
def test_memory_here_is_plausible():
    free, total = map(float, re.findall(r"\d+\.\d", findings()["memory"]))
    assert 0 < free <= total < 100_000
