"""The command line and profiles as targets: what is typed, or stands in a file of parameters, is one thing or another.

The commands are real, what they would set in motion for minutes is not: notebooks, training, measurements, the
network and Sphinx. Each input begins in a new folder, and nothing outside the test's own may change.
"""

import importlib
import shutil
import subprocess

import jupytext
import nbformat
import numpy as np
import yaml
from click.testing import CliRunner
from PIL import Image

from netlib import FullyConnectedLayer, Network, SoftmaxLayer
from netlib.cli import chapters, main
from netlib.data import DataError, mnist
from netlib.experiments import RECIPES
from tests.experiments import make_record
from tests.fuzz.mutation import text_like, tree_like
from tests.fuzz.readers import MEASURED, SPEEDS
from tests.fuzz.watch import watched
from tests.test_cli import FAILING, HEADER, TINY

bench, devices, doctor, experiments, site = (  # the commands of these names hide them
    importlib.import_module(f"netlib.cli.{name}") for name in ("bench", "devices", "doctor", "experiments", "site")
)
WORDS = (
    *("00", "tiny", "00_tiny", "failing", "00_tinny", "n", "rate", "name", "flag", "3", "0.5", "true", "word", "quick"),
    *("book", "net.npz", "one.png", "pictures", "out", "out/further/down", "net.npz/x", "../up", ".", "x.json"),
    *(*RECIPES, "double_fc_committee", "digits", "mnist", "cpu", "gpu", "auto", "dark", "light", "run", "devices"),
    *("0", "1", "-1", "1e400", "nan", "9" * 30, "9" * 5000, "x" * 300, "", " ", "é", "\udcff", "\n", "=", "--", "-"),
    *("[" * 2000, "{[]: 1}", "__import__('os').system('echo > planted')", "(lambda: 0)()", "${HOME}", "`id`", "%s{0}"),
)
PIECES = (
    *(": ", "\n", "\n  ", "- ", "[", "]", "{", "}", ",", "#", "|", ">", "'", '"', "%", "---\n", "...\n", "<<: ", "? "),
    *("&a [x, x]", "*a", "&a [*a, *a]", "&b [*a, *a, *a]", "!!binary ", "!!set ", "!!int ", "!!float ", "!!timestamp "),
    *("!!python/object/apply:os.system ['echo > planted']", "!!python/name:os.system ", "!!python/module:os ", "0b_"),
    *(
        "00_tiny",
        "n",
        "rate",
        "1",
        "1e400",
        ".nan",
        "~",
        "2001-99-99",
        "é",
        "\x00",
        "\t",
        "[" * 300,
        "9" * 5000,
        "x" * 99,
    ),
)
PROFILES = (
    "00_tiny:\n  n: 30\n",
    "00_tiny:\n  n: 3\n  rate: 1e-3\n  name: mnist\n  flag: true\n01_failing:\n  n: 1\n",
    "# nothing\n{}\n",
    "a: &a [1, 1]\nb: &b [*a, *a]\n00_tiny:\n  n: *b\n",
)


def checkout(folder, patch):
    """A folder like the project's, with two small notebooks; the command line works below it."""
    made = folder / "checkout" / "chapters"
    (made / "profiles").mkdir(parents=True)
    (made / "profiles" / "book.yaml").write_text("00_tiny:\n  n: 30\n")
    (made / "netlib.mplstyle").write_text("figure.dpi: 100\n")
    nodes = {}
    for stem, source in [("00_tiny", TINY), ("01_failing", FAILING)]:
        (made / f"{stem}.py").write_text(HEADER + source)
        nodes[stem] = jupytext.reads(HEADER + source, "py:percent")
        nbformat.write(nodes[stem], made / f"{stem}.ipynb")

    def execute(notebook, output=None, given=None):
        if output:
            output.write_text("executed")
        return nodes["00_tiny"].copy()

    patch.setattr(chapters, "folder", lambda: made)
    patch.setattr(chapters, "execute", execute)
    return made


def invoked(arguments, folder):
    """Whether the command succeeded; it must end as commands do, with a message and no traceback."""
    with watched(folder):
        ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code in (0, 1, 2)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), repr(ran.exception)
    assert "Traceback" not in ran.output
    assert ran.output or ran.exit_code == 0
    assert len(ran.output) < 50_000
    return ran.exit_code == 0


def commands(folder, patch):
    checkout(folder, patch)

    def fetch(name):
        raise DataError(f"{name} is not here, and there is no network")

    patch.delenv("NETLIB_DATA", raising=False)
    patch.setattr(mnist, "downloads", lambda: folder / "downloads")
    patch.setattr(mnist, "fetch", fetch)
    recorded = [make_record()]
    patch.setattr(experiments, "records", lambda: recorded)
    patch.setattr(experiments, "run_all", lambda *arguments, **options: [])
    patch.setattr(experiments, "run_speeds", lambda *arguments, **options: SPEEDS)
    patch.setattr(devices, "measure", lambda *arguments, **options: MEASURED)
    for module, name in ((experiments, "folder"), (experiments, "speeds_folder"), (devices, "devices_folder")):
        patch.setattr(module, name, lambda: folder / "records")
    for module in (site, bench):
        patch.setattr(module.subprocess, "run", lambda *arguments, **options: subprocess.CompletedProcess([], 1))
    patch.setattr(doctor, "examine", lambda: {"netlib": "here"})
    Network([FullyConnectedLayer(784, 3), SoftmaxLayer(3, 10)], 10, device="cpu").save(folder / "net.npz")
    picture = np.full((14, 12), 230, np.uint8)
    picture[3:11, 5:7] = 20
    Image.fromarray(picture).save(folder / "one.png")
    first = ["read", str(folder / "net.npz"), str(folder / "one.png"), "--picture", str(folder / "seen.png")]
    assert CliRunner().invoke(main, first).exit_code == 0  # Matplotlib's own imports are not watched
    leaves = [[*path] for path in _leaves(main, ())]
    options = {" ".join(path): _options(path) for path in leaves}
    here = folder / "work" / "here"

    def make(rng):
        path = rng.choice(leaves)
        own = options[" ".join(path)]
        words = [rng.choice(own) if own and rng.random() < 0.4 else rng.choice(WORDS) for _ in range(rng.randrange(6))]
        if path == ["read"] and rng.random() < 0.5:
            words[:0] = ["net.npz", "one.png"]
        return [*path, *words]

    def use(arguments):
        shutil.rmtree(here, ignore_errors=True)
        (here / "pictures").mkdir(parents=True)
        for name in ("net.npz", "one.png"):
            shutil.copy(folder / name, here / name)
        patch.chdir(here)
        return invoked(arguments, folder)

    return make, use


def _leaves(command, path):
    """Every command, by the words that name it."""
    yield path
    for name, one in getattr(command, "commands", {}).items():
        yield from _leaves(one, (*path, name))


def _options(path):
    command = main
    for word in path:
        command = command.commands[word]
    return [name for parameter in command.params for name in parameter.opts if name.startswith("-")]


def profiles(folder, patch):
    path = checkout(folder, patch) / "profiles" / "other.yaml"
    patch.chdir(folder)
    good = yaml.safe_load(PROFILES[1])

    def make(rng):
        if rng.random() < 0.7:
            return text_like(rng, PROFILES, PIECES)
        return yaml.safe_dump(tree_like(rng, good), allow_unicode=rng.random() < 0.5)

    def use(text):
        path.write_bytes(text.encode(errors="replace"))
        return invoked(["run", "00", "--profile", "other"], folder)

    return make, use


COMMANDS = (commands, profiles)
