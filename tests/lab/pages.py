"""What a reader does in JupyterLab: runs all cells, moves controls, plays the challenge, saves."""

import ast
import base64
import json
import re
from urllib.request import urlopen

import pytest
from jupyter_client import BlockingKernelClient

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

RUN = 900_000  # milliseconds to wait at most for all cells of a notebook
HEIGHTS = ("-1.2", "-1.4", "-0.3", "-1.0", "1.1")  # what a player may end with
IMAGES = ".jp-OutputArea-output img"
ERRORS = '[data-mime-type="application/vnd.jupyter.stderr"]'
FINISHED = """() => {
    const prompts = [...document.querySelectorAll('.jp-InputPrompt')].map(prompt => prompt.textContent)
    const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.stderr"]')
    return !prompts.some(text => text.includes('[*]')) && (failed || !prompts.some(text => text.includes('[ ]')))
}"""
BYTES = "async img => [...new Uint8Array(await (await fetch(img.src)).arrayBuffer())]"
REDRAWN = """
import base64
from netlib.widgets import blank, png
_figure = blank((7.0, 2.8))
draw_challenge(_figure, **{heights})
"""
SHOWN = "(_figure.axes[0].get_title(), base64.b64encode(png(_figure)).decode())"


def choose(page, menu, entry):
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def run_all(page):
    """Run all cells anew; what errors there are when no more are run, or when the first has come."""
    choose(page, "Edit", "Clear Outputs of All Cells")
    playwright.expect(page.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))).to_have_count(0)
    choose(page, "Run", "Run All Cells")
    page.wait_for_function(FINISHED, timeout=RUN)
    return page.locator(ERRORS).all_inner_texts()


def save(page, name):
    """Save; the server has answered, so both files are written."""
    with page.expect_response(lambda r: r.request.method == "PUT" and r.url.split("?")[0].endswith(name)) as saved:
        page.keyboard.press("Escape")
        page.keyboard.press("Control+s")
    assert saved.value.ok


def panels(page):
    """What `explore` and `movie` have shown: controls over a picture."""
    return page.locator(".jp-OutputArea-output", has=page.locator(".widget-image")).all()


def move(page, panel):
    """Move the first control, until the picture is another."""
    picture, handle = panel.locator(".widget-image"), panel.locator(".noUi-handle").first
    before = picture.get_attribute("src")
    handle.focus()
    for key in ["ArrowRight"] * 5 + ["ArrowLeft"] * 10:
        page.keyboard.press(key)
        try:
            return playwright.expect(picture).not_to_have_attribute("src", before, timeout=5_000)
        except AssertionError:
            continue
    pytest.fail(f"the picture does not follow {panel.inner_text()!r}")


def play(page, ask):
    """Type heights into the sliders of the challenge: the title of the figure that is then shown."""
    panel = page.locator(".jp-OutputArea-output", has=page.get_by_role("button", name="Solution", exact=True))
    readouts, picture = panel.locator(".widget-readout"), panel.locator(".widget-image")
    for readout, height in zip(readouts.all(), HEIGHTS, strict=True):
        before = picture.get_attribute("src")
        readout.fill(height)
        readout.press("Enter")
        playwright.expect(picture).not_to_have_attribute("src", before)
    heights = [float(text.replace("\N{MINUS SIGN}", "-")) for text in readouts.all_inner_texts()]
    title, redrawn = ask(REDRAWN.format(heights={f"h{i}": h for i, h in enumerate(heights, start=1)}), SHOWN)
    assert bytes(picture.evaluate(BYTES)) == base64.b64decode(redrawn), "the picture shows other heights"
    return title


def asker(folder, address, name):
    """A function that runs code in a notebook's kernel and tells what an expression is worth then."""
    sessions = json.load(urlopen(f"{address}/api/sessions"))
    (kernel,) = (session["kernel"]["id"] for session in sessions if session["path"].endswith(name))

    def ask(code, expression):
        client = BlockingKernelClient(connection_file=str(folder / "runtime" / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            asked = {"value": expression}
            reply = client.execute_interactive(code, store_history=False, user_expressions=asked, timeout=60)
            return ast.literal_eval(reply["content"]["user_expressions"]["value"]["data"]["text/plain"])
        finally:
            client.stop_channels()

    return ask
