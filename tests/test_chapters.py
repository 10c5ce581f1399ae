"""The notebooks: guards over the real ones, and each guard shown to turn red by a planted fault."""

import re
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml

from netlib.cli import chapters, rendering
from tests import guards

FOLDER = chapters.folder()
SCRIPTS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
NOTEBOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
EXAMPLE = NOTEBOOKS[0]


def test_every_notebook_has_its_twin():
    assert SCRIPTS
    assert [path.stem for path in SCRIPTS] == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_two_files_of_a_pair_are_in_step(script):
    assert guards.out_of_step(script) == []


@pytest.mark.parametrize("guard", guards.NOTEBOOK_GUARDS, ids=lambda guard: guard.__name__)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_passes(guard, notebook):
    assert guard(notebook) == []


@pytest.mark.parametrize("profile", sorted((FOLDER / "profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_key_of_a_profile_is_a_parameter_of_its_notebook(profile):
    named = {path.stem: path for path in NOTEBOOKS}
    for stem, values in yaml.safe_load(profile.read_text()).items():
        chapters.check_parameters(named[stem], values)


def test_pictures_in_files_are_those_of_the_notebooks():
    shown = {
        f"{path.stem}.png": picture
        for path in NOTEBOOKS
        for cell in guards.code_cells(path)
        if rendering.PICTURE in cell.metadata.get("tags", [])
        for picture in chapters.pictures(cell)
    }
    assert shown
    assert shown == {path.name: path.read_bytes() for path in (FOLDER / "figures").iterdir()}


# Planted faults


def first_code_cell(notebook):
    return next(cell for cell in notebook.cells if cell.cell_type == "code")


def unexecute(notebook):
    first_code_cell(notebook).execution_count = None


def run_out_of_order(notebook):
    first_code_cell(notebook).execution_count = 99


def leave_an_error(notebook):
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
    first_code_cell(notebook).outputs = [error]


def leave_papermill_metadata(notebook):
    notebook.metadata["papermill"] = {"duration": 1}


def leave_cell_timings(notebook):
    first_code_cell(notebook).metadata["execution"] = {"iopub.execute_input": "2026-01-01"}


def name_another_kernel(notebook):
    notebook.metadata["kernelspec"]["name"] = "my-venv"


def leave_a_live_widget(notebook):
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    first_code_cell(notebook).outputs = [nbformat.v4.new_output("display_data", data=data)]


def leave_the_state_of_widgets(notebook):
    state = {"version_major": 2, "version_minor": 0, "state": {}}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}


def swell(notebook):
    first_code_cell(notebook).outputs = [nbformat.v4.new_output("stream", text="x" * 1_000_000)]


def invent_a_tag(notebook):
    first_code_cell(notebook).metadata["tags"] = ["nbval-skip"]


def ignore_many_outputs(notebook):
    for cell in notebook.cells[:20]:
        cell.metadata["tags"] = ["nbval-ignore-output"]


def end_in_a_semicolon(notebook):
    first_code_cell(notebook).source += "\nnp.zeros(3);"


def use_a_magic(notebook):
    first_code_cell(notebook).source = "%matplotlib inline"


def grow_long(notebook):
    first_code_cell(notebook).source = "\n".join(["x = 1"] * 26)


def swallow_a_heading(notebook):
    first_code_cell(notebook).source += "\n#\n# ## 2. What comes next\n#\n# It is text."


def import_a_private_name(notebook):
    first_code_cell(notebook).source = "from netlib._secrets import key"


def untag_the_parameters(notebook):
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)


def parameters_cell(notebook):
    return next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))


def derive_a_parameter(notebook):
    parameters_cell(notebook).source += "\nsteps = 2 * epochs  # derived"


def leave_a_parameter_without_comment(notebook):
    parameters_cell(notebook).source += "\nanother = 3"


def use_a_private_name(notebook):
    first_code_cell(notebook).source = "net._test_rows"


def import_a_private_function(notebook):
    first_code_cell(notebook).source = "from netlib.ops.fused import Saved, _window"


def put_the_parameters_late(notebook):
    place = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    notebook.cells.append(notebook.cells.pop(place))


def compute_a_parameter(notebook):
    parameters_cell(notebook).source += '\nn = open("elsewhere")  # not a literal'


def augment_a_parameter(notebook):
    parameters_cell(notebook).source += "\nepochs += 2  # more"


def two_on_a_line(notebook):
    parameters_cell(notebook).source += "\na = 1; b = 2  # two"


def name_the_device_only_in_a_comment(notebook):
    cell = parameters_cell(notebook)
    cell.source = cell.source.replace('device = "cpu"', 'where = "cpu"') + '\nn = 1  # device = "cpu"'


PLANTED = [
    (guards.unexecuted, unexecute),
    (guards.unexecuted, run_out_of_order),
    (guards.unexecuted, leave_an_error),
    (guards.untidy, leave_papermill_metadata),
    (guards.untidy, leave_cell_timings),
    (guards.untidy, name_another_kernel),
    (guards.untidy, leave_a_live_widget),
    (guards.untidy, leave_the_state_of_widgets),
    (guards.untidy, swell),
    (guards.untidy, invent_a_tag),
    (guards.unguarded, ignore_many_outputs),
    (guards.unguarded, end_in_a_semicolon),
    (guards.unguarded, use_a_magic),
    (guards.unguarded, grow_long),
    (guards.unguarded, swallow_a_heading),
    (guards.unguarded, import_a_private_name),
    (guards.unguarded, use_a_private_name),
    (guards.unguarded, import_a_private_function),
    (guards.bad_parameters, put_the_parameters_late),
    (guards.bad_parameters, compute_a_parameter),
    (guards.bad_parameters, augment_a_parameter),
    (guards.bad_parameters, two_on_a_line),
    (guards.bad_parameters, name_the_device_only_in_a_comment),
    (guards.bad_parameters, untag_the_parameters),
    (guards.bad_parameters, derive_a_parameter),
    (guards.bad_parameters, leave_a_parameter_without_comment),
]


@pytest.mark.parametrize(("guard", "fault"), PLANTED, ids=lambda f: f.__name__)
def test_a_planted_fault_is_found(guard, fault, tmp_path):
    notebook = nbformat.read(EXAMPLE, as_version=4)
    fault(notebook)
    nbformat.write(notebook, tmp_path / EXAMPLE.name)
    assert guard(tmp_path / EXAMPLE.name)


@pytest.mark.parametrize(
    ("old", "new"),
    [("epochs = ", "epochs = 1"), ('tags=["solution"]', 'tags=["check"]'), ("# %% [markdown]", "# %%")],
    ids=["source", "tag", "kind of cell"],
)
def test_a_stale_pair_is_found(old, new, tmp_path):
    script = Path(shutil.copy(EXAMPLE.with_suffix(".py"), tmp_path))
    shutil.copy(EXAMPLE, tmp_path)
    assert guards.out_of_step(script) == []
    script.write_text(script.read_text().replace(old, new, 1))
    assert guards.out_of_step(script)


def test_a_missing_twin_is_found(tmp_path):
    script = Path(shutil.copy(EXAMPLE.with_suffix(".py"), tmp_path))
    assert guards.out_of_step(script)


@pytest.mark.parametrize(("printed", "passes"), [("4", True), ("5", False)])
def test_nbval_compares_outputs(printed, passes, tmp_path):
    notebook = jupytext.reads("# %%\nprint(2 + 2)\n", "py:percent")
    cell = notebook.cells[0]
    cell.execution_count = 1
    cell.outputs = [nbformat.v4.new_output("stream", text=f"{printed}\n")]
    nbformat.write(notebook, tmp_path / "planted.ipynb")
    ran = guards.rerun(tmp_path / "planted.ipynb")
    assert (ran.returncode == 0) == passes, ran.stdout


def test_the_readme_tells_what_the_notebooks_print():
    row = next(line for line in (FOLDER.parent / "README.md").read_text().splitlines() if "| notebook 00 |" in line)
    claimed = re.findall(r"\d+\.\d", row)
    printed = "".join(rendering.printed(cell) for cell in guards.code_cells(EXAMPLE))
    right = next(line for line in printed.splitlines() if "test images right" in line)
    interval = next(line for line in printed.splitlines() if "95 % interval" in line)
    assert claimed == re.findall(r"(\d+\.\d)%", right + interval)
    assert len(claimed) == 3
