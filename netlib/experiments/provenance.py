"""Where and when a record comes about."""

from __future__ import annotations

import platform
import subprocess
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
