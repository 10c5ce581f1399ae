"""Copies of the working tree, in which tests may spoil what they like, and Python started there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import netlib

ROOT = Path(netlib.__file__).parents[1]


def copied(folder):
    """Every file that git knows, or would if it were told, as it is now."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in {*listed.split("\0")} - {""}:
        if (ROOT / name).is_file():  # one that was deleted is listed too
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def python(folder, *arguments):
    """Python in a copy, whose package it imports and not the installed one; without MNIST, to be quick."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("NETLIB_DATA", None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
