"""The licences of all that netlib stands on, as a page in Markdown; ``make lock`` writes it beside the lock.

Licences are as pip-licenses reads them from what packages declare: SPDX expressions where a package has one, the names
of classifiers elsewhere. A licence that is neither permissive nor has its reason here is an error.
"""

import json
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

from lock import pins
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from netlib.files import writing

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0"),
    *("Apache 2.0", "Apache License, Version 2.0", "Apache Software License", "BSD", "BSD License", "MIT License"),
    *("ISC License (ISCL)", "Public Domain", "Python Software Foundation License", "Zlib"),
}
MPL = "Mozilla Public License 2.0 (MPL 2.0)"
REASONS = {  # which other licence a package may have, and why; all of these are used as they come
    "certifi": (MPL, "weak copyleft, for changes to its list of certificates"),
    "docutils": ("GNU General Public License (GPL)", "only for a mode of Emacs, which wheels do not bring"),
    "fqdn": ("MPL-2.0", "weak copyleft, file by file; checks addresses for JupyterLab"),
    "hypothesis": ("MPL-2.0", "weak copyleft, file by file; a tool for tests"),
    "pathspec": (MPL, "weak copyleft, file by file; a tool for building"),
    "tqdm": ("MPL-2.0", "weak copyleft, file by file"),
}
ELSEWHERE = {  # what CI, on Linux and Python 3.11, does not install from the lock; as its pages on the index declare
    "aiohappyeyeballs": "PSF-2.0",
    "aiohttp": "Apache-2.0 AND MIT",
    "aiosignal": "Apache-2.0",
    "appnope": "BSD-2-Clause",
    "colorama": "BSD License",
    "frozenlist": "Apache-2.0",
    "multidict": "Apache-2.0",
    "propcache": "Apache-2.0",
    "pywinpty": "MIT License",
    "yarl": "Apache-2.0",
}
HEAD = """# Licences

What CI installs, as `make lock` wrote it down; where nobody asked for a package, others need it.

| package | version | licence | asked for by | note |
|---|---|---|---|---|
"""
TAIL = """
Not in the lock are extras for those who ask for them; what they name brings packages of its own.

| package | licence | asked for by |
|---|---|---|
| torch | Apache-2.0, BSD-3-Clause and other permissive ones | bench |
| jax | Apache-2.0 | bench |
| pytensor | BSD-3-Clause | bench |
| mutmut | BSD-3-Clause | mutation |
| tensorboard | Apache-2.0 | tensorboard |
| cupy-cuda12x | MIT, and NVIDIA's CUDA libraries: proprietary, to be used under NVIDIA's terms | gpu12 |
| cupy-cuda13x | MIT, and NVIDIA's CUDA libraries: proprietary, to be used under NVIDIA's terms | gpu13 |
"""


def declared():
    """The licence of every package that is installed here."""
    command = [Path(sys.executable).with_name("pip-licenses"), "--from=mixed", "--format=json", "--with-system"]
    packages = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {canonicalize_name(package["Name"]): package["License"] for package in packages}


def asked_for():
    """Which extras, or netlib itself, name each package."""
    wanted = {"netlib": PROJECT["dependencies"]} | PROJECT["optional-dependencies"]
    return {
        canonicalize_name(Requirement(line).name): extra for extra, lines in reversed(wanted.items()) for line in lines
    }


def unexplained(name, licence):
    """The parts of a licence that are neither permissive nor, for this package, have a reason."""
    parts = {part.strip() for part in licence.replace(" AND ", ";").replace(" OR ", ";").split(";")}
    return parts - PERMISSIVE - {REASONS[name][0] if name in REASONS else None}


def page():
    """The whole page.

    Raises
    ------
    SystemExit
        If the licence of a package is unknown, or neither permissive nor explained; all of them are named.
    """
    licences, direct = ELSEWHERE | declared(), asked_for()
    versions = defaultdict(list)
    for pin in pins():
        versions[pin.name].append(str(pin.specifier).removeprefix("=="))
    rows, wrong = [], []
    for name, locked in sorted(versions.items()):
        licence = licences.get(name, "not installed here")
        wrong += [f"{name}: {part}" for part in unexplained(name, licence)]
        _, note = REASONS.get(name, (None, ""))
        rows.append(f"| {name} | {', '.join(locked)} | {licence} | {direct.get(name, '')} | {note} |")
    if wrong:
        raise SystemExit("licences to look at: " + "; ".join(wrong))
    return HEAD + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    with writing(Path(__file__).with_name("licences.md")) as file:
        file.write(page().encode())
