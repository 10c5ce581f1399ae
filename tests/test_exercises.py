"""Copies to work in: nothing of a solution is left in them, their checks help, and nobody's work is lost."""

import json
import re
import tomllib

import jupytext
import nbclient
import nbformat
import pytest
from click.testing import CliRunner

from netlib.cli import chapters, main
from netlib.cli.chapters import tags
from netlib.cli.exercises import ANSWER, student
from netlib.cli.pairing import PAIRING, pair
from tests import guards

NOTEBOOKS = chapters.find(())
NEEDED_LATER = {  # in cells that are no checks
    "01_universality": {"circle"},  # which is drawn
    "03_computation_graphs": {"momentum_updates"},  # with which the recurrent network learns
}
SMALL = """\
# %% [markdown]
# # A title

# %% tags=["parameters"]
device = "cpu"  # where

# %% [markdown]
# **Exercise 1 (easy).** What is one and one? Put it into `answer`.

# %% tags=["solution"] jupyter={"source_hidden": true}
one = 1
answer = one + one

# %% tags=["check"]
assert answer == 2, "count again"

# %%
print("further on")
"""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def original(request):
    return request.param


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with a small notebook with one exercise; the command line works there."""
    folder = tmp_path / "chapters"
    folder.mkdir()
    (folder / "netlib.mplstyle").write_text("lines.linewidth: 2\n")
    node = jupytext.reads(SMALL, "py:percent")
    node.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    for i, cell in enumerate(node.cells):
        cell.id = f"cell-{i}"
    nbformat.write(node, folder / "00_small.ipynb")
    monkeypatch.setattr(chapters, "folder", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def netlib(*arguments):
    return CliRunner().invoke(main, ["exercises", *arguments])


def tagged(node, tag):
    return [cell for cell in node.cells if tag in tags(cell)]


def test_no_line_of_a_solution_is_left(original):
    node = nbformat.read(original, as_version=4)
    solutions = tagged(node, "solution")
    assert solutions
    copy = pair(original.stem, student(original))
    node.cells = [cell for cell in node.cells if cell not in solutions]
    for name, rest in pair(original.stem, node).items():
        assert b'"solution"' not in copy[name]
        for line in {line.strip() for cell in solutions for line in cell.source.splitlines()}:
            written = (json.dumps(line)[1:-1] if name.endswith(".ipynb") else line).encode()
            assert len(line) < 8 or copy[name].count(written) <= rest.count(written), f"{name}: {line}"


def test_only_answers_and_checks_differ_from_the_notebook(original):
    node, copy = nbformat.read(original, as_version=4), student(original)
    assert copy.cells.pop(1).cell_type == "markdown"
    needed_later = set()
    for cell, copied in zip(node.cells, copy.cells, strict=True):
        if "solution" in tags(cell):
            assert (copied.source, tags(copied), copied.outputs) == (ANSWER, ["exercise"], [])
        elif "check" in tags(cell):
            assert copied.source.endswith("\n" + cell.source)
            assert copied.outputs == []
        elif copied != cell:
            line = copied.source.removesuffix(cell.source)
            needed_later |= set(line.strip().rstrip('"').rpartition(": ")[2].split(" and "))
            assert copied.outputs == []
    assert needed_later == NEEDED_LATER.get(original.stem, set())


def test_every_check_asks_for_what_the_text_names(original):
    copy = student(original)
    checks = [i for i, cell in enumerate(copy.cells) if "check" in tags(cell)]
    assert len(checks) == len(tagged(copy, "exercise"))
    for i in checks:
        *text, answer, check = copy.cells[i - 3 : i + 1]
        assert "exercise" in tags(answer)
        with pytest.raises(AssertionError, match="answer the exercise first: ") as caught:
            exec(check.source, {})  # where nothing has been answered
        for name in str(caught.value).partition(": ")[2].split(" and "):
            named = [re.search(rf"`[^`]*\b{name}\b[^`]*`", cell.source) for cell in text]
            assert any(named), f"{name} is not in the text of the exercise"


def test_a_copy_is_a_pair_that_stays_one(original, tmp_path):
    for name, content in pair(original.stem, student(original)).items():
        (tmp_path / name).write_bytes(content)
    script = tmp_path / f"{original.stem}.py"
    assert guards.out_of_step(script) == []
    again = pair(original.stem, jupytext.read(script.with_suffix(".ipynb")))
    assert again[script.name] == script.read_bytes()
    assert script.read_text().startswith("# ---\n# jupyter:\n#   kernelspec:")


def test_copies_are_paired_as_the_notebooks_are():
    ours = tomllib.loads((chapters.folder().parent / "pyproject.toml").read_text())["tool"]["jupytext"]
    assert PAIRING.items() <= ours.items()


def test_a_check_fails_helpfully_then_passes_and_the_rest_runs_on(checkout):
    node = student(checkout / "chapters" / "00_small.ipynb")
    run = nbclient.NotebookClient(node, kernel_name="python3").execute()
    (check,) = tagged(run, "check")
    assert [(output.ename, output.evalue) for output in check.outputs] == [
        ("AssertionError", "answer the exercise first: answer")
    ]
    assert run.cells[-1].outputs[0].text == "further on\n"
    for answer, outcome in (("answer = 3", ["count again"]), ("answer = 2", [])):
        tagged(node, "exercise")[0].source = answer
        run = nbclient.NotebookClient(node, kernel_name="python3").execute()
        assert [output.evalue for output in tagged(run, "check")[0].outputs] == outcome


def test_a_folder_of_copies_has_all_that_they_need(checkout):
    ran = netlib("small")
    assert ran.exit_code == 0, ran.output
    assert ran.output == "build/exercises/00_small.ipynb  1 exercise\n"
    written = {path.name for path in (checkout / "build/exercises").iterdir()}
    assert written == {"00_small.ipynb", "00_small.py", "jupytext.toml", "netlib.mplstyle"}
    assert tomllib.loads((checkout / "build/exercises/jupytext.toml").read_text()) == PAIRING


def test_a_folder_whose_name_is_no_text_can_be_told(checkout):
    ran = netlib("small", "-o", "\udcff")
    assert (ran.exit_code, ran.output) == (0, "\\udcff/00_small.ipynb  1 exercise\n")


@pytest.mark.parametrize("name", ["00_small.ipynb", "00_small.py"])
def test_work_is_not_replaced_unless_one_asks_for_it(checkout, name):
    folder = checkout / "mine"
    assert netlib("00", "--output", "mine").exit_code == 0
    assert netlib("00", "--output", "mine").exit_code == 0  # nothing has been changed yet
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / name).write_bytes(before[name].replace(ANSWER.encode(), b"answer = 2"))
    (folder / "netlib.mplstyle").unlink()
    ran = netlib("00", "--output", "mine")
    assert ran.exit_code == 1
    assert name in ran.output
    assert "--force" in ran.output
    assert b"answer = 2" in (folder / name).read_bytes()
    assert not (folder / "netlib.mplstyle").exists(), "something was written all the same"
    assert netlib("00", "--output", "mine", "--force").exit_code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_full_disk_leaves_nothing_half_written(checkout, monkeypatch):
    assert netlib("00").exit_code == 0
    before = {path.name: path.read_bytes() for path in (checkout / "build/exercises").iterdir()}

    def fsync(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("netlib.files.os.fsync", fsync)
    ran = netlib("00", "--force")
    assert ran.exit_code == 1
    assert "No space left" in ran.output
    assert {path.name: path.read_bytes() for path in (checkout / "build/exercises").iterdir()} == before


def test_the_notebooks_themselves_are_never_replaced(checkout):
    before = (checkout / "chapters" / "00_small.ipynb").read_bytes()
    ran = netlib("00", "--output", "chapters", "--force")
    assert ran.exit_code == 2
    assert "name another folder" in ran.output
    assert (checkout / "chapters" / "00_small.ipynb").read_bytes() == before


def test_an_unknown_notebook_is_an_error(checkout):
    ran = netlib("smal")
    assert ran.exit_code == 2
    assert "did you mean small" in ran.output
