"""Colab and Binder: links that open each notebook, and a first cell that installs what Colab lacks."""

import os
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
from click.testing import CliRunner

from netlib.cli import chapters, main
from netlib.cli.publishing import TAG, opened
from tests import guards

ADDRESS = "https://github.com/somebody/their-book"
ROOT = chapters.folder().parent


def test_links_lead_to_where_the_project_says_it_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    address = project.get("urls", {}).get("Repository")
    for path in chapters.find(()):
        node = nbformat.read(path, as_version=4)
        links = "Open in Colab" in node.cells[0].source
        installs = any(TAG in cell.metadata.get("tags", []) for cell in node.cells)
        assert links == installs == (address is not None)
        assert address is None or opened(node, path.stem, address) == nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """What `publish` changes, in a folder of its own."""
    folder = tmp_path_factory.mktemp("originals")
    (folder / "chapters").mkdir()
    for path in (*chapters.find(()), *chapters.find((), ".py")):
        shutil.copy(path, folder / "chapters")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def checkout(originals, tmp_path, monkeypatch):
    folder = tmp_path / "checkout"
    shutil.copytree(originals, folder)
    monkeypatch.setattr(chapters, "folder", lambda: folder / "chapters")
    return folder


def publish(*arguments):
    return CliRunner().invoke(main, ["publish", *arguments])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*.*")}


def uncounted(cell):
    """The cell's outputs without their numbers, which move by one."""
    outputs = cell.get("outputs", [])
    return [{key: value for key, value in output.items() if key != "execution_count"} for output in outputs]


def first_code(path):
    return next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


def test_every_notebook_gets_links_and_a_cell_and_is_still_a_good_one(checkout):
    ran = publish(f"{ADDRESS}.git", "--branch", "trunk")
    assert ran.exit_code == 0, ran.output
    assert ran.output == f"9 notebooks open from {ADDRESS}\n"
    for path in sorted((checkout / "chapters").glob("*.ipynb")):
        top = nbformat.read(path, as_version=4).cells[0].source
        place = f"trunk/chapters/{path.name}"
        assert f"\n[colab]: https://colab.research.google.com/github/somebody/their-book/blob/{place}\n" in top
        assert f"\n[binder]: https://mybinder.org/v2/gh/somebody/their-book/trunk?labpath=chapters/{path.name}" in top
        assert f'"{ADDRESS}"' in first_code(path).source
        assert guards.out_of_step(path.with_suffix(".py")) == []
        assert [complaint for guard in guards.NOTEBOOK_GUARDS for complaint in guard(path)] == []
    linted = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--ignore", "I"], cwd=checkout, capture_output=True, check=False
    )
    assert linted.returncode == 0, linted.stdout.decode()
    urls = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["urls"]
    assert urls == {"Repository": ADDRESS}


def test_what_was_there_stays_as_it_was(checkout, originals):
    publish(ADDRESS)
    for path in sorted((originals / "chapters").glob("*.ipynb")):
        before = nbformat.read(path, as_version=4).cells
        after = nbformat.read(checkout / "chapters" / path.name, as_version=4).cells
        (added,) = (cell for cell in after if TAG in cell.metadata.get("tags", []))
        after.remove(added)
        assert after[0].source.startswith(before[0].source)
        for old, new in zip(before[1:], after[1:], strict=True):
            assert (old.source, old.metadata) == (new.source, new.metadata)
            assert uncounted(old) == uncounted(new)


def test_a_second_time_changes_nothing_and_another_address_everything(checkout):
    publish(ADDRESS)
    once = contents(checkout)
    publish(ADDRESS + "/")
    assert contents(checkout) == once
    publish("https://github.com/another/place")
    assert not any(ADDRESS.encode() in content for content in contents(checkout).values())
    publish(ADDRESS)
    assert contents(checkout) == once


@pytest.mark.parametrize(
    "address", ["netlib", "http://github.com/a/b", "https://github.com/a", "https://b.org/a/b", ""]
)
def test_an_address_that_colab_cannot_open_is_refused(checkout, address):
    before = contents(checkout)
    ran = publish(address)
    assert ran.exit_code == 2
    assert "expected https://github.com/OWNER/NAME" in ran.output
    assert repr(address) in ran.output
    assert contents(checkout) == before


def test_the_cell_does_nothing_where_the_book_is(checkout):
    publish(ADDRESS)
    code = first_code(checkout / "chapters" / "00_start_here.ipynb").source
    ran = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_in_colab_the_cell_fetches_the_book_once_and_goes_there(checkout, tmp_path):
    """With a Colab of our own: its module is there, git and pip only tell how they were called."""
    publish(ADDRESS)
    content = tmp_path / "content"
    code = first_code(checkout / "chapters" / "00_start_here.ipynb").source.replace("/content", str(content))
    log = tmp_path / "log"
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "git").write_text(f'#!/bin/sh\necho git "$@" >> {log}\nmkdir -p {content}/book/chapters\n')
    (tools / "python").write_text(f'#!/bin/sh\necho python "$@" >> {log}\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    colab = f"import os, sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')\n{code}\n"
    program = f"{colab}\nprint(os.getcwd())".replace("sys.executable", repr(str(tools / "python")))
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    for _ in range(2):  # a kernel that begins anew finds all there
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert ran.stdout == f"{content}/book/chapters\n"
    assert log.read_text().splitlines() == [
        f"git clone --quiet --depth 1 {ADDRESS} {content}/book",
        f"python -m pip install --quiet {content}/book",
    ]
