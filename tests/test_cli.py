"""The command line, on small notebooks made for the purpose."""

import base64
from itertools import pairwise

import jupytext
import nbformat
import pytest
from click.testing import CliRunner

from netlib.cli import chapters, main, rendering
from netlib.cli.pairing import pair
from tests import guards

HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

"""
TINY = """\
# %% tags=["parameters"]
n = 3  # a number
rate = 0.5  # another
name = "digits"  # a word
flag = False  # yes or no

# %%
print(n, rate, name, flag)

# %%
import matplotlib.pyplot as plt

plt.plot(range(n))
plt.show()
"""
WIDGETS = """\
# %% tags=["parameters"]
n = 3  # a number
fail = False  # whether the last cell does

# %%
from netlib import widgets

def line(figure, slope):
    figure.subplots().plot([0, slope])

widgets.explore(line, {"slope": widgets.Slider(n, 0, 9)})

# %%
widgets.movie(line, [{"slope": i} for i in range(6)])

# %%
explorer = widgets.Explorer(line, {"slope": widgets.Slider(n, 0, 9)})
explorer.controls["slope"].value = 7
explorer

# %%
widgets.explore(line, {"slope": widgets.Slider(1, 0, 9)})
if fail:
    raise ValueError("asked to")
"""
FAILING = '# %% tags=["parameters"]\nn = 3  # a number\n\n# %%\nraise ValueError(f"n is {n}")\n'


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with chapters/ of two small notebooks, tiny and failing; the command line works there."""
    folder = tmp_path / "chapters"
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "book.yaml").write_text("00_tiny:\n  n: 30\n")
    for stem, source in [("00_tiny", TINY), ("01_failing", FAILING)]:
        (folder / f"{stem}.py").write_text(HEADER + source)
        nbformat.write(jupytext.reads(HEADER + source, "py:percent"), folder / f"{stem}.ipynb")
    monkeypatch.setattr(chapters, "folder", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def netlib(*arguments):
    return CliRunner().invoke(main, arguments)


def printed(path):
    return "".join(rendering.printed(cell) for cell in nbformat.read(path, as_version=4).cells)


def test_help_teaches_every_command():
    for command in main.commands:
        text = netlib(command, "--help").output
        assert "Usage" in text
        assert len(text.splitlines()) > 8


def test_run_executes_collects_figures_and_closes_with_a_table(checkout):
    ran = netlib("run", "tiny")
    assert ran.exit_code == 0, ran.output
    assert "3 0.5 digits False" in printed(checkout / "build/quick/00_tiny.ipynb")
    figures = list((checkout / "build/quick/figures").iterdir())
    assert [figure.name for figure in figures] == ["00_tiny-01.png"]
    assert figures[0].read_bytes().startswith(b"\x89PNG")
    assert ran.output.splitlines()[-2].split()[::2] == ["00_tiny", "1"]


def test_parameters_are_typed_and_passed_on(checkout):
    ran = netlib("run", "00", "-p", "n", "7", "-p", "rate", "1e-3", "-p", "name", "2", "-p", "flag", "true")
    assert ran.exit_code == 0, ran.output
    assert "7 0.001 2 True" in printed(checkout / "build/quick/00_tiny.ipynb")


def test_a_profile_changes_parameters_and_has_its_own_folder(checkout):
    assert netlib("run", "00_tiny", "--profile", "book").exit_code == 0
    assert "30 0.5" in printed(checkout / "build/book/00_tiny.ipynb")
    assert not (checkout / "build/quick").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("00_tiny: [", "book.yaml: expected a profile in YAML; while parsing"),
        ("!!python/object/apply:os.mkdir [planted]", "could not determine a constructor"),
        ("!!timestamp soon", "book.yaml: expected a profile in YAML; "),
        ("[" * 10_000, "book.yaml: expected a profile in YAML; "),
        ("", "book.yaml: expected parameters, numbers or words, under the names of notebooks"),
        ("00_tiny: 3", "book.yaml: expected parameters, numbers or words"),
        ("00_tiny:\n  n: [1, 2]", "book.yaml: expected parameters, numbers or words"),
        ("00_tiny:\n  1: 1", "book.yaml: expected parameters, numbers or words"),
        ("00_tiny:\n  m: 1", "00_tiny has no parameter 'm'"),
        ("00_tinny:\n  n: 1", "no notebook '00_tinny'; did you mean 00_tiny"),
        ("a: &a [1, 1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefghijklmnopqrstuvwxyz"))
         + "00_tiny:\n  n: *z", "book.yaml: expected parameters, numbers or words"),
    ],
    ids=["cut off", "a program", "no date", "deep", "empty", "a number", "a list", "a key that is none", "a slip",
         "another slip", "a billion laughs"],
)  # fmt: skip
def test_a_profile_that_is_none_is_an_error_that_names_it(text, complaint, checkout):
    (checkout / "chapters" / "profiles" / "book.yaml").write_text(text)
    ran = netlib("run", "00", "--profile", "book")
    assert ran.exit_code in (1, 2)
    assert isinstance(ran.exception, SystemExit)
    assert complaint in ran.output
    assert len(ran.output) < 2000
    assert sorted(path.name for path in checkout.iterdir()) == ["chapters"]


def test_a_profile_may_name_notebooks_as_a_command_does(checkout):
    (checkout / "chapters" / "profiles" / "book.yaml").write_text("tiny:\n  n: 8\n")
    assert netlib("run", "00", "--profile", "book").exit_code == 0
    assert "8 0.5" in printed(checkout / "build/book/00_tiny.ipynb")


def test_a_folder_that_cannot_be_made_is_told_in_a_line(checkout):
    (checkout / "file").write_text("no folder")
    ran = netlib("run", "00", "-o", "file/below")
    assert (ran.exit_code, ran.output.count("\n")) == (1, 1)
    assert "file/below" in ran.output


def test_a_given_parameter_wins_over_the_profile(checkout):
    assert netlib("run", "00", "--profile", "book", "-p", "n", "4", "-o", "elsewhere").exit_code == 0
    assert "4 0.5" in printed(checkout / "elsewhere/00_tiny.ipynb")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "00_tinny"], "no notebook '00_tinny'; did you mean 00_tiny or tiny?"),
        (["run", "9"], "no notebook '9'"),
        (["run", "00", "-p", "nn", "3"], "00_tiny has no parameter 'nn'; did you mean n"),
        (["run", "00", "-p", "raet", "3"], "did you mean rate?"),
        (["run", "00", "-p", "n", "three"], "00_tiny: n is like 3; got 'three'"),
        (["run", "00", "-p", "n", "2.5"], "00_tiny: n is like 3; got 2.5"),
        (["run", "00", "-p", "n", "[" * 10_000], "00_tiny: n is like 3; got '[[["),
        (["run", "00", "-p", "n", "{[]: 1}"], "00_tiny: n is like 3; got '{[]: 1}'"),
        (["run", "00", "-p", "n", "True"], "00_tiny: n is like 3; got True"),
        (["run", "00", "-p", "rate", "fast"], "00_tiny: rate is like 0.5; got 'fast'"),
        (["run", "00", "-p", "flag", "maybe"], "00_tiny: flag is like False; got 'maybe'"),
        (["run", "00", "--profile", "bok"], "no profile 'bok'; did you mean book?"),
        (["run", "01", "-p", "rate", "1"], "01_failing has no parameter 'rate'"),
        (["render", "zero"], "no notebook 'zero'"),
    ],
)
def test_unknown_names_and_values_are_errors_before_anything_runs(checkout, arguments, complaint):
    ran = netlib(*arguments)
    assert ran.exit_code == 2
    assert complaint in ran.output
    assert not (checkout / "build").exists()


def test_a_failing_notebook_fails_the_run_but_not_the_others(checkout):
    ran = netlib("run")
    assert ran.exit_code == 1
    assert "01_failing, cell 1: ValueError: n is 3" in ran.output
    assert (checkout / "build/quick/00_tiny.ipynb").exists()
    assert "ValueError" in (checkout / "build/quick/failed-01_failing.ipynb").read_text()


def test_an_older_result_survives_a_failure_and_nothing_partial_stays(checkout):
    (checkout / "build/quick").mkdir(parents=True)
    (checkout / "build/quick/01_failing.ipynb").write_text("the result of an earlier run")
    netlib("run", "01")
    assert (checkout / "build/quick/01_failing.ipynb").read_text() == "the result of an earlier run"
    assert sorted(path.name for path in (checkout / "build/quick").iterdir()) == [
        "01_failing.ipynb",
        "failed-01_failing.ipynb",
        "figures",
    ]


def test_figures_of_an_earlier_run_do_not_linger(checkout):
    (checkout / "build/quick/figures").mkdir(parents=True)
    (checkout / "build/quick/figures/00_tiny-02.png").write_bytes(base64.b64decode("aGVsbG8="))
    netlib("run", "00")
    assert [path.name for path in (checkout / "build/quick/figures").iterdir()] == ["00_tiny-01.png"]


def test_render_writes_an_executed_tidy_notebook_that_does_not_change(checkout):
    path = checkout / "chapters/00_tiny.ipynb"
    assert netlib("render", "00").exit_code == 0
    once = path.read_bytes()
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [1, 2, 3]
    assert all(set(cell.metadata) <= {"tags"} for cell in cells)
    assert netlib("render", "00").exit_code == 0
    assert path.read_bytes() == once
    assert [p.name for p in path.parent.iterdir() if "partial" in p.name] == []


def test_what_is_rendered_is_what_jupyterlab_would_save(checkout):
    script = checkout / "chapters/00_tiny.py"
    solution = (
        '\n# %% tags=["solution"] jupyter={"source_hidden": true}\ndef one():\n    return 1\n# %%\nprint(one())\n'
    )
    script.write_text(HEADER + TINY + solution)
    assert netlib("render", "00").exit_code == 0
    twin = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    assert script.read_bytes() == pair("00_tiny", twin)["00_tiny.py"]
    assert '# %% jupyter={"source_hidden": true} tags=["solution"]' in script.read_text()


def test_render_refuses_outputs_that_hang_on_the_processor(checkout):
    script = checkout / "chapters/00_tiny.py"
    script.write_text(HEADER + TINY + '\n# %%\nimport os\nprint(os.environ.get("OPENBLAS_CORETYPE"))\n')
    before = (checkout / "chapters/00_tiny.ipynb").read_bytes()
    ran = netlib("render", "00")
    assert ran.exit_code == 1
    assert "00_tiny is not written: cell 3" in ran.output
    assert (checkout / "chapters/00_tiny.ipynb").read_bytes() == before


def test_render_executes_the_script_not_the_old_notebook(checkout):
    script = checkout / "chapters/00_tiny.py"
    script.write_text(script.read_text().replace("n = 3", "n = 5"))
    netlib("render", "00")
    assert "5 0.5" in printed(script.with_suffix(".ipynb"))


@pytest.fixture
def widgets_checkout(checkout):
    """The same folder with a third notebook, of sliders and a movie."""
    (checkout / "chapters/02_widgets.py").write_text(HEADER + WIDGETS)
    nbformat.write(jupytext.reads(HEADER + WIDGETS, "py:percent"), checkout / "chapters/02_widgets.ipynb")
    return checkout


def shown(path):
    """The outputs of a notebook, which must hold neither the live half of a widget nor its state."""
    assert "widget-" not in path.read_text()
    return [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]


def test_widgets_are_rendered_as_pictures_that_a_fresh_run_agrees_with(widgets_checkout):
    path = widgets_checkout / "chapters/02_widgets.ipynb"
    assert netlib("render", "02").exit_code == 0
    outputs = shown(path)
    assert [set(output.data) for output in outputs] == 4 * [{"text/plain", "image/png"}]
    assert [output.data["text/plain"] for output in outputs] == [f"Figure({w}x280)" for w in (700, 1000, 700, 700)]
    assert outputs[0].data["image/png"] != outputs[2].data["image/png"], "the slider was moved in vain"
    assert guards.untidy(path) == []
    ran = guards.rerun(path)
    assert ran.returncode == 0, ran.stdout


def test_widgets_are_run_as_pictures_which_are_figures(widgets_checkout):
    ran = netlib("run", "02")
    assert ran.exit_code == 0, ran.output
    assert ran.output.splitlines()[-2].split()[::2] == ["02_widgets", "4"]
    outputs = shown(widgets_checkout / "build/quick/02_widgets.ipynb")
    files = sorted((widgets_checkout / "build/quick/figures").iterdir())
    assert [file.read_bytes() for file in files] == [base64.b64decode(output.data["image/png"]) for output in outputs]
    netlib("run", "02", "-p", "fail", "true")
    outputs = shown(widgets_checkout / "build/quick/failed-02_widgets.ipynb")
    assert [output.output_type for output in outputs[-2:]] == ["display_data", "error"]
