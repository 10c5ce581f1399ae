"""The site: it builds without a warning, its links hold, it can be read by all, and its demos agree with netlib."""

import contextlib
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from netlib import plotting, universality
from netlib.cli import main
from netlib.ops import sigmoid
from netlib.widgets import blank, png

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "chapters" / "site"
ABSENT = [name for name in ("docutils", "sphinx", "myst_nb", "sphinx_book_theme") if not importlib.util.find_spec(name)]
pytestmark = pytest.mark.skipif(bool(ABSENT), reason=f'{", ".join(ABSENT)} not installed; the "site" extra brings them')

if not ABSENT:
    sys.path.append(str(SOURCES))
    from workshop import bibliography, demos, explorers, formulas, frames, notation, notebooks, reference


class Page(HTMLParser):
    """What the tests need to know of a page."""

    def __init__(self, path):
        super().__init__()
        self.path, self.lang = path, None
        self.ids, self.links, self.resources, self.images, self.headings = [], [], [], [], []
        self.formulas = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "html":
            self.lang = found.get("lang")
        elif tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "img":
            self.images.append(found)
            self.resources.append(found["src"])
        elif tag in ("script", "iframe", "source", "video", "audio") and found.get("src"):
            self.resources.append(found["src"])
        elif tag == "link" and found.get("rel") in ("stylesheet", "preload", "icon", "modulepreload"):
            self.resources.append(found["href"])
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        elif tag == "math":
            self.formulas += 1


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("made") / "site"
    command = [sys.executable, SOURCES / "build.py", target]
    build = subprocess.run(command, capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stdout + build.stderr
    return target


@pytest.fixture(scope="session")
def pages(site):
    paths = (path for path in site.rglob("*.html") if "_static" not in path.parts)  # there the theme has templates
    found = {path.relative_to(site).as_posix(): Page(path) for path in paths}
    assert len(found) > 40
    return found


def test_every_link_and_every_anchor_leads_somewhere(site, pages):
    lost = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto"):
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            other = pages.get(target.relative_to(site).as_posix()) if target.suffix == ".html" else None
            anchor = unquote(parts.fragment)
            if not target.exists() or (other and anchor and anchor not in other.ids):
                lost.append((name, link))
    assert lost == []


def test_nothing_comes_from_elsewhere(site, pages):
    external = [(name, link) for name, page in pages.items() for link in page.resources if urlsplit(link).netloc]
    assert external == []
    missing = [
        (name, link)
        for name, page in pages.items()
        for link in page.resources
        if not link.startswith("data:") and not (page.path.parent / unquote(urlsplit(link).path)).exists()
    ]
    assert missing == []
    styles = [
        path for path in site.rglob("*.css") if re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text())
    ]
    assert styles == []


def test_every_notebook_is_a_page_with_all_its_figures_and_formulas(pages):
    for path in notebooks.paths():
        page, (_, figures) = pages[f"{path.stem}.html"], notebooks.page(path)
        assert {figure.anchor for figure in figures} <= set(page.ids)
        assert len(page.images) == len(figures)
        text = "\n\n".join(cell["source"] for cell in notebooks.read(path)["cells"] if cell["cell_type"] == "markdown")
        assert page.formulas >= len(list(notebooks.formulas(text)))


def test_every_picture_is_described(pages):
    bare = [(name, image) for name, page in pages.items() for image in page.images if len(image.get("alt") or "") < 20]
    assert bare == []
    for page in pages.values():
        alts = [image["alt"] for image in page.images]
        assert len(alts) == len(set(alts))


def test_headings_are_in_order(pages):
    for name, page in pages.items():
        if name in ("search.html", "genindex.html", "py-modindex.html"):
            continue
        assert page.headings[:1] == [1], name
        assert page.headings.count(1) == 1, name
        assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:], strict=False)), name


def test_pages_say_their_language_and_no_id_comes_twice(pages):
    for name, page in pages.items():
        assert page.lang == "en", name
        twice = {found for found in page.ids if page.ids.count(found) > 1}
        assert twice == set(), name


def test_the_command_says_what_is_missing(monkeypatch):
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "myst_nb" else known(name))
    told = CliRunner().invoke(main, ["site"])
    assert told.exit_code == 1
    assert "myst-nb missing" in told.output
    assert 'pip install -e ".[book,site]"' in told.output


def luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(site, mode):
    """The variables of the theme's style sheets and of ours, in the order in which they are read."""
    found = {}
    for sheet in (*sorted((site / "_static" / "styles").glob("*.css")), site / "_static" / "site.css"):
        for block in re.findall(rf"html\[data-theme=\"?{mode}\"?\]\s*{{([^}}]*)}}", sheet.read_text()):
            found |= dict(re.findall(r"(--[\w-]+):\s*([^;}]+?)\s*(?:;|$)", block))
    return found


def resolved(variables, name):
    value = variables[name]
    while value.startswith("var("):
        value = variables[value[4:-1].split(",")[0]]
    return "#" + "".join(2 * digit for digit in value[1:]) if len(value) == 4 else value[:7]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(site, mode):
    variables = colours(site, mode)
    words = ("text-base", "text-muted", "link", "link-hover", "inline-code", "primary")
    for word in words:
        for behind in ("background", "surface", "on-background"):
            pair = [resolved(variables, f"--pst-color-{name}") for name in (word, behind)]
            assert contrast(*pair) >= 4.5, (word, behind, pair)
    for line in ("--site-goal", "--pst-color-link"):
        assert contrast(resolved(variables, line), resolved(variables, "--pst-color-surface")) >= 3


def test_contrast_is_measured_as_it_should_be():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem)
def test_every_formula_becomes_mathml(path):
    for section in notebooks.sections(path):
        for formula, display in notebooks.formulas(section.text):
            made = formulas.mathml(formula, display)
            assert made.startswith("<math"), formula
            assert "\\" not in re.sub(r"<annotation.*", "", made, flags=re.DOTALL), formula


@pytest.mark.parametrize(
    ("formula", "top", "bottom"),
    [(r"\frac12", "1", "2"), (r"\frac18 \max", "1", "8"), (r"\frac h2", "h", "2"), (r"\tfrac1n", "1", "n"),
     (r"\frac{1}2", "1", "2"), (r"\frac12 (a)", "1", "2")],
)  # fmt: skip
def test_fractions_are_read_as_tex_reads_them(formula, top, bottom):
    parts = re.search(r"<mfrac[^>]*>\s*<m\w+>(.)</m\w+>\s*<m\w+>(.)</m\w+>\s*</mfrac>", formulas.mathml(formula))
    assert parts.groups() == (top, bottom)


@pytest.mark.parametrize("formula", [r"\begin{aligned} a &= b \\ c &= d \end{aligned}", r"\underbrace{a + b}_{c}",
                                     r"\mathbf{w} \odot \boldsymbol{\delta}", r"\sqrt[3]{x} \ge \hat y"])  # fmt: skip
def test_formulas_that_may_come(formula):
    assert formulas.mathml(formula, display=True).startswith("<math")


def test_an_unknown_command_is_refused():
    with pytest.raises(Exception, match="nosuchthing"):
        formulas.mathml(r"\nosuchthing x")


def test_all_symbols_are_in_the_table():
    assert list(notation.unexplained()) == []


def test_the_bibliography_has_what_the_notebooks_recommend_and_nothing_else():
    works, entries = bibliography.works(), bibliography.recommendations()
    assert len(entries) > 20
    unknown = [entry for _, entry in entries if not any(bibliography.recommends(entry, work) for work in works)]
    assert [entry for entry in unknown if not entry.startswith(("In this package", "`"))] == []
    assert [w["title"] for w in works if not any(bibliography.recommends(entry, w) for _, entry in entries)] == []


def test_the_reference_leaves_out_no_room_and_nothing_public(pages):
    rooms = [room for floor in reference.rooms() for room in floor]
    assert rooms.index("ops") < rooms.index("layers") < rooms.index("network") < rooms.index("experiments")
    assert {f"reference/{room}.html" for room in rooms} <= set(pages)
    assert "netlib.ops.convolution.conv2d" in pages["reference/ops.html"].ids
    assert "netlib.network.Network.predict" in pages["reference/network.html"].ids
    assert not any(part.startswith("_") for page in pages.values() for i in page.ids if i.startswith("netlib.")
                   for part in i.split("."))  # fmt: skip


@pytest.mark.parametrize("name", ["from_network3", "from_theano", "from_pytorch"])
def test_examples_print_what_the_page_says(name, monkeypatch):
    monkeypatch.setenv("NETLIB_DEVICE", "cpu")
    blocks = re.findall(r"^```(python|text)\n(.*?)^```", (SOURCES / f"{name}.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 3
    names, printed = {}, ""
    for language, block in blocks:
        if language == "text":
            assert printed == block
        else:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(block, names)
            printed = out.getvalue()


def settings(demo):
    """Values of the sliders: as they begin, and at random places."""
    rng = np.random.default_rng(0)
    yield [slider.value for slider in demo.sliders]
    for _ in range(3):
        yield [round(float(rng.uniform(slider.min, slider.max)), 2) for slider in demo.sliders]


def asked():
    """Every demo at several settings, with the curve that netlib gives."""
    x = np.linspace(0, 1, 101)
    for demo in demos.DEMOS:
        for values in settings(demo):
            yield demo.name, values, universality.outputs(demo.network(*values), x)
    for n in (1, 2, 7, 30):
        yield "any", [n], universality.approximate(universality.goal, n, device="cpu")(x)


SCRIPT = """
const { weights, evaluate, score } = require(process.argv[1]);
const { data, asked } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const demo = Object.fromEntries(data.map((each) => [each.name, each]));
const xs = Array.from({ length: 101 }, (_, i) => i / 100);
const curves = asked.map(([name, values]) => xs.map((x) => evaluate(weights(demo[name], values), x)));
console.log(JSON.stringify({ curves, score: score(demo.challenge, [-1, -1, 0, -1, 1]) }));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_demos_script_computes_what_netlib_computes():
    questions = list(asked())
    given = json.dumps({"data": demos.told(), "asked": [[name, values] for name, values, _ in questions]})
    command = ["node", "-e", SCRIPT, SOURCES / "_static" / "demos.js"]
    ran = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    answers = json.loads(ran.stdout)
    for curve, (name, values, expected) in zip(answers["curves"], questions, strict=True):
        np.testing.assert_allclose(curve, expected, atol=1e-4, err_msg=f"{name} {values}")
    assert answers["score"] == pytest.approx(universality.score([-1, -1, 0, -1, 1], demos.target), abs=1e-5)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        try:
            opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


def drawn(page, name):
    """The line of a demo, as heights over [0, 1], read off the picture."""
    low, high = page.evaluate("name => JSON.parse(document.getElementById('demo-data').textContent)"
                              ".find(demo => demo.name === name).limits", name)  # fmt: skip
    path = page.locator(f"#demo-{name} .line").get_attribute("d")
    ups = np.array([float(point.split()[1]) for point in re.split("[ML]", path)[1:]])
    top, bottom = 12, 260 - 30
    return high - (ups - top) / (bottom - top) * (high - low), (low, high)


def test_the_demos_draw_netlibs_curves_in_a_browser(site, browser):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    problems = []
    page.on("pageerror", lambda error: problems.append(error))
    page.on("request", lambda request: request.url.startswith("file:") or problems.append(request.url))
    page.goto((site / "demos.html").as_uri())
    x = np.linspace(0, 1, 1001)
    for demo in demos.DEMOS:
        for values in settings(demo):
            for i, value in enumerate(values):
                page.locator(f"#{demo.name}-{i}").fill(str(value if demo.name != "neuron" else round(value)))
            values = [float(page.locator(f"#{demo.name}-{i}").input_value()) for i in range(len(values))]
            curve, (low, high) = drawn(page, demo.name)
            expected = universality.outputs(demo.network(*values), x).clip(low, high)
            np.testing.assert_allclose(curve, expected, atol=0.002 * (high - low), err_msg=f"{demo.name} {values}")

    before, _ = drawn(page, "step")
    page.locator("#step-0").focus()
    page.keyboard.press("ArrowRight")
    assert (drawn(page, "step")[0] != before).any(), "a key moves the slider, and the curve with it"
    page.get_by_role("button", name="Solution").click()
    assert "You have done it!" in page.locator("#demo-challenge .said").inner_text()
    assert page.get_by_role("slider", name="number of bumps n").count() == 1
    assert problems == []


SURFACES = {  # every explorer and movie of notebook 01 that draws one, with the sliders under it
    "figure-1-18": ["w2", "turn"],
    "figure-1-19": ["w"],
    "figure-1-20": ["s_x", "s_y"],
    "figure-1-21": ["s1", "h"],
    "figure-1-22": ["h", "turn"],
    "figure-1-24": ["h", "b"],
    "figure-1-25": ["h"],
    "figure-1-27": ["w1", "w2"],
}


@pytest.mark.parametrize("path", notebooks.paths() if not ABSENT else [], ids=lambda path: path.stem)
def test_every_surface_that_moves_has_frames_on_its_page(site, path):
    text = (site / f"{path.stem}.html").read_text(encoding="utf-8")
    filmed = re.findall(r'"figure":"(figure-[\d-]+)"', text)
    assert filmed == (list(SURFACES) if path.stem.startswith("01") else [])
    sources = [cell["source"] for cell in notebooks.read(path)["cells"]]
    drawing = [source for source in sources if notebooks.MOVES.search(source) and re.search(r"surface\(|3d", source)]
    assert len(drawing) <= len(filmed)


def test_the_page_of_demos_shows_a_frame_of_each_surface_without_the_script(pages):
    shown = [image["src"] for image in pages["demos.html"].images]
    assert [re.sub(r"frames/(figure-\d+-\d+)-.*", r"\1", name) for name in shown] == list(SURFACES)


def test_frames_are_small_and_each_is_another(site):
    pictures = [path.read_bytes() for path in (site / "frames").iterdir()]
    assert max(map(len, pictures)) <= 25_000
    assert sum(map(len, pictures)) <= 4_000_000
    assert len(set(pictures)) == len(pictures) > 80


def test_a_slider_goes_through_all_frames_in_a_browser(site, browser):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    problems = []
    page.on("pageerror", lambda error: problems.append(error))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("request", lambda request: request.url.startswith("file:") or problems.append(request.url))
    for name in ("01_universality", "demos"):
        page.goto((site / f"{name}.html").as_uri())
        for figure, labels in SURFACES.items():
            picture = page.locator(f"#{figure} img")
            for label in labels:
                seen, slider = [], page.locator(f"#{figure}").get_by_role("slider", name=label, exact=True)
                slider.press("Home")
                places = range(int(slider.get_attribute("max")) + 1)
                for place in places:
                    assert slider.input_value() == str(place)
                    value = slider.get_attribute("aria-valuetext")
                    assert slider.locator("..").locator("output").inner_text() == value
                    assert f"{label} {value}" in picture.get_attribute("alt")
                    picture.evaluate("image => image.decode()")
                    seen.append(picture.get_attribute("src"))
                    slider.press("ArrowRight")
                assert len(set(seen)) == len(places) >= 3, (name, figure, label)
    assert problems == []


@pytest.mark.parametrize(("h", "b"), [(10, -15), (0.3, -0.5), (2, -3)])
def test_a_frame_is_what_netlib_draws(site, browser, h, b):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((site / "demos.html").as_uri())
    for label, value in (("h", h), ("b", b)):
        slider = page.locator("#figure-1-24").get_by_role("slider", name=label, exact=True)
        slider.fill(str(frames.WAYS["draw_tower"][label].index(value)))
        assert slider.get_attribute("aria-valuetext") == str(value).replace("-", "\N{MINUS SIGN}")
    frame = Image.open(site / page.locator("#figure-1-24 img").get_attribute("src")).convert("RGB")

    net = universality.crossed_bumps([(0.4, 0.6), (0.3, 0.7)], h, bias=b, output=sigmoid, device="cpu")
    with plt.style.context(ROOT / "chapters" / "netlib.mplstyle"):
        figure = blank((5, 3.6))
        z = universality.outputs(net, *plotting.square())
        plotting.surface(figure, z, zlim=(0, 1), title=f"output, h = {h:g}, b = {b:g}")
        expected = Image.open(io.BytesIO(png(figure))).convert("RGB")
    assert np.abs(np.asarray(frame, float) - np.asarray(expected, float)).mean() < 1  # of 255: fewer colours


def cells(*sources):
    return [{"cell_type": "code", "id": f"cell-{i}", "source": source} for i, source in enumerate(sources)]


def test_of_a_notebook_only_what_its_surfaces_need_is_run():
    made = cells(
        "import numpy as np",
        "unused = 1 / 0",
        "low, high = 0, 9",
        "x = low",
        "x = high\nsliders = {}",
        "def draw(figure, w):\n    surface(figure, x)",
        "def other():\n    unused",
        "sliders = {}\nexplore(lambda figure, w: [draw(figure, w) for unused in np.ones(3)], sliders)",
        "x = later",
        "explore(low)",
    )
    assert [cell["id"] for cell in explorers.needed(made)] == ["cell-0", "cell-2", "cell-4", "cell-5", "cell-7"]
    assert explorers.needed(made[:5]) == []


@pytest.mark.parametrize(
    ("name", "ways", "message"),
    [("draw_it", {}, "draw_it: draws a surface; expected its sliders in workshop.frames.WAYS"),
     ("draw_it", {"draw_it": {"h": (0.0, 1.0)}}, r"h: expected 0.5 among its values; got \(0.0, 1.0\)"),
     ("draw_it", {"draw_it": {"h": (0.5, 7.0)}}, "expected values that the sliders can stand at; got {'h': 7.0}")],
)  # fmt: skip
def test_frames_that_cannot_be_are_refused(monkeypatch, tmp_path, name, ways, message):
    source = f"""from netlib import plotting
from netlib.widgets import Slider, explore
def {name}(figure, h):
    plotting.surface(figure, 0 * plotting.square()[0] + h, zlim=(0, 1))
explore({name}, {{"h": Slider(0.5, 0.0, 1.0, 0.1)}})
"""
    path = tmp_path / "01_made.ipynb"
    path.write_text(json.dumps({"cells": cells(source)}))
    monkeypatch.setattr(frames, "WAYS", ways)
    with pytest.raises(ValueError, match=message):
        frames.films(path)


MEASURE = """() => {
  const parts = (colour) => {
    const [, name, inside] = colour.match(/^([a-z]+)\\((?:srgb)?(.*)\\)$/);
    const found = inside.match(/[\\d.]+/g).map(Number);
    return name === "color" ? [...found.slice(0, 3).map((c) => c * 255), ...found.slice(3)] : found;
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = parts(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || node.closest("script, style, noscript, template, svg")) continue;
    if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const ink = parts(getComputedStyle(node).color);
    if (ink.length === 4 && ink[3] === 0) continue;
    const [low, high] = [light(ink), light(behind(node))].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const name = `${node.tagName}.${node.className}`;
    if (ratio < 4.5) poor.add(`${ratio.toFixed(2)} ${name} ${walker.currentNode.data.slice(0, 30)}`);
  }
  return [...poor];
}"""


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_word_can_be_read_in_a_browser(site, browser, mode):
    window = {"viewport": {"width": 1300, "height": 900}, "reduced_motion": "reduce"}  # no colours on their way
    page = browser.new_page(**window, color_scheme=mode)
    names = ["index", "demos", "gallery", "glossary", "notation", "results", "from_theano", "reference/ops"]
    for name in (*names, *(path.stem for path in notebooks.paths())):
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate(MEASURE) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
