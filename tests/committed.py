"""What tests of committed records have in common: the files, their checksum, and whether MNIST is at hand."""

import hashlib
import json
import os
from pathlib import Path

import pytest

import netlib
from netlib.data import mnist

RESULTS = Path(netlib.__file__).parents[1] / "data" / "results"
MNIST_AT_HAND = all((Path(os.environ.get("NETLIB_DATA", ".")) / name).is_file() for name in mnist.FILES)
needs_mnist = pytest.mark.skipif(not MNIST_AT_HAND, reason="needs MNIST's files")


def for_each(paths):
    """Run a test for each of some records."""
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


def content(path):
    return json.loads(path.read_text())


def signed(path):
    """What a record holds beside its checksum, which must be that of the rest."""
    parts = content(path)
    signature = parts.pop("sha256")
    assert signature == hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return parts
