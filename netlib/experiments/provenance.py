"""Where and when a record comes about."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from netlib.backend import namespace
from netlib.network import Network


def provenance(net: Network) -> dict[str, Any]:
    """The attributes `device`, `versions` and `commit` of a record of this network."""
    return {
        "device": _device(net),
        "versions": {"netlib": version("netlib"), "python": platform.python_version(), "numpy": np.__version__},
        "commit": _commit(),
    }


@cache
def code() -> dict[str, str | None]:
    """Which netlib this is: its version, its commit, and `sources`, a digest that only the same sources have.

    A process asks once: what is changed on the disk afterwards does not change what it has imported.
    """
    package = Path(__file__).parents[1]
    total = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        total.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return {"netlib": version("netlib"), "commit": _commit(), "sources": total.hexdigest()[:16]}


def _device(net: Network) -> str:
    """What a network computes on, in words."""
    if namespace(net.params[0]) is np:
        return f"CPU, {platform.machine()}"
    return f"GPU, {net.xp.cuda.runtime.getDeviceProperties(0)['name'].decode()}"


def _commit() -> str | None:
    """The commit that is checked out where this code stands, with a + if the package differs from it."""
    package = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        asked = subprocess.run(["git", "-C", package, *arguments], capture_output=True, text=True, check=True)
        return asked.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", __file__)  # an installed package may lie in somebody else's checkout
        return git("rev-parse", "--short=12", "HEAD") + "+" * bool(git("status", "--porcelain", "."))
    except (OSError, subprocess.CalledProcessError):  # no git, or no checkout
        return None
