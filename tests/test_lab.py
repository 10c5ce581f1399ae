"""JupyterLab in a real browser: every notebook runs, its controls move its figures, and pairs stay in step.

Every day notebook 01, up to its challenge, and a small pair are enough. All notebooks, each opened from either file of
its pair:

    NETLIB_LAB=all pytest tests/test_lab.py

Needed are playwright (which brings no browser of its own here) and Chromium, wherever the system has it.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import jupytext
import nbformat
import pytest

from netlib.cli import chapters
from netlib.cli.chapters import tags
from netlib.cli.exercises import student
from netlib.cli.pairing import pair
from tests import guards

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")

from tests.lab.pages import ERRORS, IMAGES, RUN, asker, move, panels, play, run_all, save  # noqa: E402

FOLDER = chapters.folder()
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer")
CHALLENGE = "01_universality"
EVERYDAY = os.environ.get("NETLIB_LAB") != "all"
LONGER = pytest.mark.skipif(EVERYDAY, reason="every day notebook 01 is enough; NETLIB_LAB=all runs this one too")
NOTEBOOKS = [pytest.param(p.stem, marks=[LONGER] * (p.stem != CHALLENGE), id=p.stem) for p in chapters.find(())]
START = 120_000  # milliseconds to wait at most for what should be quick
OVERRIDES = """{
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": false, "defaultViewers": {"python": "Jupytext Notebook"}},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}
}"""
PAIR = '# %% tags=["parameters"]\nn = 3  # a number\n\n# %%\nprint("n is", n)\n'


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own, on a copy of the chapters: its folder and its address."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(FOLDER, folder / "chapters", ignore=shutil.ignore_patterns("site", ".ipynb_checkpoints"))
    shutil.copy(FOLDER.parent / "pyproject.toml", folder)
    if EVERYDAY:
        shorten(folder / "chapters" / f"{CHALLENGE}.ipynb")
    for script in folder.glob("chapters/*.py"):
        script.touch()  # the newer of each pair, whatever was rendered when
    (folder / "config" / "labconfig").mkdir(parents=True)
    (folder / "config" / "labconfig" / "default_setting_overrides.json").write_text(OVERRIDES)
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    own |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    environment = os.environ | {name: str(folder / place) for name, place in own.items()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options = ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    options += ["--MappingKernelManager.cull_idle_timeout=30", "--MappingKernelManager.cull_interval=5"]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        until(lambda: answers(address) or server.poll() is not None)
        assert server.poll() is None, (folder / "log").read_text()
        yield folder, address
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        opened = started.chromium.launch(executable_path=CHROMIUM, args=options)
        yield opened
        opened.close()


@pytest.fixture
def open_in_lab(lab, browser):
    """A function that opens a file, once its kernel is ready."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    context.set_default_timeout(START)

    def opening(name):
        page = context.new_page()
        page.goto(f"{lab[1]}/lab/tree/chapters/{name}?reset")
        page.get_by_text(re.compile(r"Python 3 \(ipykernel\) \| Idle")).wait_for()
        return page

    yield opening
    context.close()


def shorten(notebook):
    """End a notebook with its challenge."""
    node = nbformat.read(notebook, as_version=4)
    last = next(i for i, cell in enumerate(node.cells) if "explore(draw_challenge" in cell.source)
    node.cells = node.cells[: last + 1]
    for name, content in pair(notebook.stem, node).items():
        (notebook.parent / name).write_bytes(content)


def until(condition, seconds=START / 1000):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


def answers(address):
    try:
        return urlopen(f"{address}/api/status", timeout=5).status == 200
    except (URLError, OSError):
        return False


def junk(path):
    """Metadata that is neither ours nor what JupyterLab and jupytext leave at every save; `make render` drops that."""
    node = nbformat.read(path, as_version=4)
    left = {"kernelspec", "language_info", "jupytext", "lines_to_next_cell"}
    return {*node.metadata, *(key for cell in node.cells for key in cell.metadata)} - guards.KEPT - left


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_a_notebook_in_lab(stem, lab, open_in_lab):
    folder, address = lab
    script, notebook = (folder / "chapters" / f"{stem}{suffix}" for suffix in (".py", ".ipynb"))
    before = script.read_bytes()

    page = open_in_lab(notebook.name)
    assert run_all(page) == []
    shown = panels(page)
    assert bool(shown) == ("explore(" in notebook.read_text())
    for panel in shown:
        move(page, panel)
    if stem == CHALLENGE:
        title = play(page, asker(folder, address, notebook.name))
        assert float(re.match(r"score (\d\.\d\d)", title)[1]) <= 0.40
        assert "You have done it!" in title
    save(page, notebook.name)
    page.close()

    if not EVERYDAY:  # else a small pair is enough
        open_the_script(open_in_lab(script.name), script)
    assert script.read_bytes() == before
    assert guards.out_of_step(script) == []
    assert junk(notebook) == set()
    assert guards.unexecuted(notebook) == []


def open_the_script(page, script):
    playwright.expect(page.locator(".jp-Cell")).to_have_count(len(jupytext.read(script).cells))
    assert page.locator(IMAGES).count() > 0, "outputs come from the other file of the pair"
    save(page, script.name)


def test_a_pair_is_edited_from_both_sides(lab, open_in_lab):
    folder, _ = lab
    script, notebook = (folder / "chapters" / f"98_small{suffix}" for suffix in (".py", ".ipynb"))
    node = jupytext.reads(PAIR, "py:percent")
    node.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(node, notebook)
    jupytext.write(node, script, fmt="py:percent")

    page = open_in_lab(notebook.name)  # from the notebook to the script
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nm = n + 1  # another")
    save(page, notebook.name)
    page.close()
    assert "m = n + 1  # another\n" in script.read_text()
    assert guards.out_of_step(script) == []

    script.write_text(script.read_text().replace("n = 3", "n = 41").replace('"n is", n', '"m is", m'))
    page = open_in_lab(notebook.name)  # from the script to the notebook
    assert run_all(page) == []
    playwright.expect(page.locator(".jp-OutputArea-output")).to_have_text("m is 42")
    page.close()

    page = open_in_lab(script.name)  # the script as a notebook
    assert run_all(page) == []
    save(page, script.name)
    assert guards.out_of_step(script) == []
    assert guards.unexecuted(notebook) == []
    assert guards.code_cells(notebook)[1].outputs[0].text == "m is 42\n"


@LONGER
def test_a_students_copy_runs_past_its_checks(lab, open_in_lab):
    copy = student(FOLDER / f"{CHALLENGE}.ipynb")
    for name, content in pair(f"97_{CHALLENGE}", copy).items():
        (lab[0] / "chapters" / name).write_bytes(content)
    page = open_in_lab(f"97_{CHALLENGE}.ipynb")
    run_all(page)
    waiting = sum("raises-exception" in tags(cell) for cell in copy.cells)
    playwright.expect(page.locator(ERRORS)).to_have_count(waiting, timeout=RUN)
    assert all("answer the exercise first" in error for error in page.locator(ERRORS).all_inner_texts())


def test_a_notebook_opens_though_it_was_rendered_long_after_its_script_was_written(lab):
    folder, address = lab
    for path in sorted(folder.glob("chapters/0*.ipynb")):
        script, now = path.with_suffix(".py"), time.time()
        os.utime(script, (now - 3600, now - 3600))
        try:
            assert urlopen(f"{address}/api/contents/chapters/{path.name}?type=notebook").status == 200
        finally:
            script.touch()
