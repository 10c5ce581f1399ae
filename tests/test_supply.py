"""What CI installs, and under which licences: the lock, the list of licences, the workflows and their scripts."""

import os
import re
import subprocess
import tomllib
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CI = ROOT / ".ci"
LOCK = (CI / "requirements.txt").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
UNLOCKED = {"bench", "mutation", "tensorboard", "gpu12", "gpu13"}  # of which CI needs none; most are gigabytes
PYTHONS = ["3.11.0", "3.12.0", "3.13.0"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def pins(lock):
    """Name, requirement and hashes of every entry of a lock."""
    for entry in re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", lock, flags=re.M).strip()):
        first, *hashes = entry.split(" \\\n    --hash=")
        requirement = Requirement(first)
        yield canonicalize_name(requirement.name), requirement, hashes


def wanted():
    """Whatever pyproject.toml names and CI installs, tools that build the package among it."""
    project = PYPROJECT["project"]
    locked = [lines for extra, lines in project["optional-dependencies"].items() if extra not in UNLOCKED]
    for line in sum(locked, project["dependencies"] + PYPROJECT["build-system"]["requires"]):
        requirement = Requirement(line)
        yield requirement
        yield from map(Requirement, requirement.extras)  # nox[uv] needs uv


def lacking(lock):
    """What a lock lacks for a Python on Linux, or has in a version that pyproject.toml does not allow."""
    for python in PYTHONS:
        place = {
            "python_version": python[:4],
            "python_full_version": python,
            "sys_platform": "linux",
            "os_name": "posix",
        }
        here = {name: pin for name, pin, _ in pins(lock) if pin.marker is None or pin.marker.evaluate(place)}
        for requirement in wanted():
            pin = here.get(canonicalize_name(requirement.name))
            if pin is None or not requirement.specifier.contains(str(pin.specifier).removeprefix("==")):
                yield f"{requirement} on Python {python}: make lock"


def unsafe(lock):
    """Entries of a lock that do not stand for known files, or that tell where to get them."""
    for name, pin, hashes in pins(lock):
        if not re.fullmatch(r"==[\w.+]+", str(pin.specifier)) or pin.url:
            yield f"{name}: no single version"
        if not hashes or not all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes):
            yield f"{name}: hashes {hashes}"
    yield from re.findall(r"\S+://\S+|^-.*|--(?!hash=)\S+", lock, re.M)


def test_the_lock_has_all_that_pyproject_names():
    assert list(lacking(LOCK)) == []


def test_the_lock_stands_for_files_whose_hashes_are_known():
    assert list(unsafe(LOCK)) == []


@pytest.mark.parametrize(
    ("pattern", "replacement", "fault"),
    [
        (r"^click==[^\n]*\n(    --hash[^\n]*\n)+", "", "click>=8.1 on Python 3.13.0"),
        (r"^uv==[^\n]*\n(    --hash[^\n]*\n)+", "", "uv on Python 3.11.0"),
        (r"^click==\S+", "click==7.0", "click>=8.1 on Python 3.11.0"),
        (r"^numpy==(\S+) ; python_full_version >= '3.12'", r"numpy==\1 ; python_full_version >= '3.13'", "numpy>=2.0"),
        (r"^click==", "click>=", "click: no single version"),
        (r"^(click==\S+) \\\n(?:    --hash[^\n]*\n)+", r"\1\n", "click: hashes []"),
        (r"(?<=sha256:)[0-9a-f]", "", "accessible-pygments: hashes"),
        (r"\Z", "--extra-index-url mirror\n", "--extra-index-url"),
        (r"^click==\S+", "click @ https://example.org/click.whl", "https://example.org/click.whl"),
    ],
)
def test_a_planted_fault_of_the_lock_is_found(pattern, replacement, fault):
    planted, n = re.subn(pattern, replacement, LOCK, count=1, flags=re.M)
    assert n == 1
    assert any(fault in found for found in [*lacking(planted), *unsafe(planted)])


def test_what_is_installed_is_compared_with_the_lock(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(CI)
    import lock

    monkeypatch.setattr(lock, "LOCK", tmp_path / "requirements.txt")
    here = metadata("numpy")["Version"]
    lines = [
        f"numpy=={here} \\",
        "    --hash=sha256:0",
        "pytest==0.1",
        "no-such==1.0",
        "yaml==1 ; python_version < '3'",
    ]
    lock.LOCK.write_text("\n".join(["# made by hand", *lines]))
    assert list(lock.differences()) == [
        f"pytest: locked 0.1, here {metadata('pytest')['Version']}",
        "no-such: locked 1.0, here not installed",
    ]


def test_make_installs_just_the_lock_where_it_is_named_and_the_newest_elsewhere():
    orders = ["make", "--dry-run", "--what-if=pyproject.toml", ".venv/ready-site"]
    locked, newest = (
        subprocess.run([*orders, lock], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for lock in ("LOCK=.ci/requirements.txt", "LOCK=")
    )
    ends = ["--require-hashes -r .ci/requirements.txt", "--no-deps --no-build-isolation -e ."]
    installed = [line for line in locked.splitlines() if " install " in line]
    assert [line.endswith(end) for line, end in zip(installed, ends, strict=True)] == [True, True]
    assert re.findall(r"install.* -e (\S+)$", newest, re.M) == ['".[book,test]"', '".[site]"']


def listed():
    """The list of licences, package by package."""
    rows = re.findall(
        r"^\| ([\w-]+) \| ([\d., rc]+) \| (.+?) \| (.*?) ?\| (.*?) ?\|$", (CI / "licences.md").read_text(), re.M
    )
    return {name: row for name, *row in rows}


def test_the_licences_are_those_of_what_is_locked():
    versions = defaultdict(list)
    for name, pin, _ in pins(LOCK):
        versions[name].append(str(pin.specifier).removeprefix("=="))
    assert {name: row[0].split(", ") for name, row in listed().items()} == versions


def test_the_list_tells_what_is_asked_for():
    direct = {canonicalize_name(requirement.name) for requirement in wanted() if requirement.specifier}
    assert {name for name, row in listed().items() if row[2]} == direct


def test_packages_declare_the_licences_that_are_listed():
    compared = []
    for name, (versions, licence, *_) in listed().items():
        try:
            declared = metadata(name)
        except PackageNotFoundError:
            continue
        if declared["Version"] in versions.split(", ") and declared.get("License-Expression"):
            assert licence == declared["License-Expression"], name
            compared.append(name)
    assert compared or metadata("numpy")["Version"] not in listed()["numpy"][0].split(", ")


@pytest.fixture
def licences(monkeypatch):
    monkeypatch.syspath_prepend(CI)
    import licences

    return licences


def test_every_licence_is_permissive_or_has_its_reason(licences):
    assert [name for name, row in listed().items() if licences.unexplained(name, row[1])] == []


@pytest.mark.parametrize(
    ("name", "licence", "left"),
    [
        ("a", "MIT AND BSD-3-Clause OR Apache-2.0", set()),
        ("a", "GPL-3.0-only", {"GPL-3.0-only"}),
        ("a", "MIT AND AGPL-3.0-or-later", {"AGPL-3.0-or-later"}),
        ("a", "MPL-2.0", {"MPL-2.0"}),
        ("a", "UNKNOWN", {"UNKNOWN"}),
        ("hypothesis", "MPL-2.0", set()),
        ("hypothesis", "GPL-3.0-only", {"GPL-3.0-only"}),
    ],
)
def test_other_licences_are_to_be_looked_at(licences, name, licence, left):
    assert licences.unexplained(name, licence) == left


def test_extras_that_are_not_locked_are_listed_too():
    page = (CI / "licences.md").read_text()
    for extra in UNLOCKED:
        for line in PYPROJECT["project"]["optional-dependencies"][extra]:
            assert re.search(rf"^\| {Requirement(line).name} \| .+ \| {extra} \|$", page, re.M)


def steps(workflow):
    return [step for job in yaml.safe_load(workflow.read_text())["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_only_calls_scripts_that_are_there_and_can_be_run(workflow):
    scripts = [ROOT / step["run"] for step in steps(workflow) if "run" in step]
    assert scripts
    assert [script for script in scripts if not os.access(script, os.X_OK)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_and_names_actions_by_their_commit(workflow):
    content = yaml.safe_load(workflow.read_text())
    assert content["permissions"] == {"contents": "read"}
    assert [job for job in content["jobs"].values() if "permissions" in job] == []
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)] == []


def test_one_workflow_is_for_every_push_and_one_for_every_week():
    pushed, weekly = (yaml.safe_load(path.read_text()) for path in WORKFLOWS)
    assert "push" in pushed[True]  # YAML reads "on" as true
    assert [step["run"] for step in steps(WORKFLOWS[0]) if "run" in step] == [".ci/run"]
    minute, hour, day, month, weekday = weekly[True]["schedule"][0]["cron"].split()
    assert (minute.isdigit(), hour.isdigit(), day, month, weekday.isdigit()) == (True, True, "*", "*", True)
    assert [step["run"] for step in steps(WORKFLOWS[1]) if "run" in step] == [".ci/weekly"]
    assert weekly["jobs"]["newest"]["strategy"]["matrix"]["python"] == [python[:4] for python in PYTHONS]


@pytest.mark.parametrize("script", ["run", "weekly"])
def test_scripts_make_targets_that_are_there(script):
    text = (CI / script).read_text()
    subprocess.run(["bash", "-n", CI / script], check=True)
    made = [word for line in re.findall(r"^make (.+?)(?: ROWS=.*)?$", text, re.M) for word in line.split()]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    extras = [f".venv/ready-{extra}" for extra in PYPROJECT["project"]["optional-dependencies"]]
    assert {"test", "chapters"} <= set(made) <= {*targets, *extras, "--keep-going"}


def test_ci_installs_the_lock_and_the_weekly_run_does_not():
    assert ROOT / re.search(r"^export LOCK=(\S+)$", (CI / "run").read_text(), re.M)[1] == CI / "requirements.txt"
    assert "unset LOCK" in (CI / "weekly").read_text()
