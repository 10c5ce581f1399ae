"""MNIST, the book's data: found in a folder, or fetched from a public mirror, and verified in either case.

The four original files are looked for in the folder that the environment variable ``NETLIB_DATA`` names, then among
the downloads; what is in neither is fetched. A file whose checksum is wrong is never read.
"""

from __future__ import annotations

import hashlib
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from netlib.data.idx import read_idx
from netlib.data.sets import Data, DataSets

FILES = {  # and their SHA-256
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUTS = (5, 20)  # seconds to reach a mirror, and to wait for the next piece of its answer
PATIENCE = 600  # seconds for a whole file
MAX_BYTES = 1 << 24  # of a file; the largest has 10 million
N_TRAINING = 50_000  # of the 60,000 training images; the others are the book's validation data


class DataError(RuntimeError):
    """A data set cannot be had; the message says what was tried, and how to go on."""


def downloads() -> Path:
    """Where fetched files are kept: data/downloads in a checkout, the user's cache folder elsewhere."""
    checkout = Path(__file__).parents[2] / "data"
    if (checkout / "README.md").is_file():
        return checkout / "downloads"
    import pooch

    return Path(pooch.os_cache("netlib"))


def find(name: str) -> Path | None:
    """The verified file of this name, in ``NETLIB_DATA`` or among the downloads; None if it is in neither.

    Raises
    ------
    DataError
        If ``NETLIB_DATA`` names no folder, or a file is there whose checksum is wrong.
    """
    named = os.environ.get("NETLIB_DATA")
    if named and not Path(named).is_dir():
        raise DataError(f"NETLIB_DATA (environment variable): expected the name of a folder; got {named!r}")
    for folder in (Path(named), downloads()) if named else (downloads(),):
        path = folder / name
        if path.is_file():
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != FILES[name]:
                raise DataError(
                    f"{str(path)!r} is not the file of that name from MNIST: its SHA-256 begins with {found[:8]}, "
                    f"expected {FILES[name][:8]}; delete it, and `netlib data mnist` fetches the right one"
                )
            return path
    return None


def fetch(name: str) -> Path:
    """Download a file from the first mirror that gives the right one, into the downloads.

    It has its name only when it is complete and verified, so two processes may fetch at once.

    Raises
    ------
    DataError
        If no mirror gives it; the message says what became of each.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")
    problems = []
    for mirror in MIRRORS:
        try:
            path = pooch.retrieve(
                mirror + name, f"sha256:{FILES[name]}", fname=name, path=downloads(), downloader=_download
            )
            return Path(path)
        except Exception as error:  # no network, a mirror that hangs, breaks off, or serves something else
            problems.append(f"  {mirror}: {type(error).__name__}: {str(error).splitlines()[0][:160]}")
    raise DataError(
        f"MNIST's {name} is not here and could not be fetched:\n" + "\n".join(problems) + "\n"
        "Put the four original files into a folder and name it in the environment variable NETLIB_DATA, or go on "
        'with data.load("digits"), which needs no download.'
    )


def _download(address: str, path: str, _: Any) -> None:
    """What a mirror has at an address, into a file, which pooch then verifies; one that never ends is given up."""
    import requests
    from tqdm import tqdm

    until = time.monotonic() + PATIENCE
    with (
        requests.get(address, stream=True, timeout=TIMEOUTS, allow_redirects=False) as answer,
        open(path, "wb") as file,
    ):
        answer.raise_for_status()
        total = int(answer.headers.get("Content-Length", 0))
        with tqdm(total=total, unit="B", unit_scale=True, disable=None) as bar:
            while piece := answer.raw.read1(1 << 16):  # as much as has come, so that the clock is looked at
                file.write(piece)
                bar.update(len(piece))
                if file.tell() > MAX_BYTES:
                    raise DataError(f"it sends more than {MAX_BYTES} bytes")
                if time.monotonic() > until:
                    raise DataError(f"it has not sent all after {PATIENCE} seconds")


@cache
def load() -> DataSets:
    """50,000 images for training, 10,000 for validation and 10,000 for test; x = byte / 256, as in the book.

    Raises
    ------
    DataError
        If a file is damaged, or is not here and cannot be fetched.
    """
    arrays = [read_idx(find(name) or fetch(name)) for name in FILES]
    training_images, test_images = (images.reshape(-1, 784) / np.float32(256) for images in arrays[::2])
    training_labels, test_labels = (labels.astype(np.int32) for labels in arrays[1::2])
    for array in (training_images, test_images, training_labels, test_labels):
        array.flags.writeable = False  # one copy serves every caller
    return DataSets(
        Data(training_images[:N_TRAINING], training_labels[:N_TRAINING]),
        Data(training_images[N_TRAINING:], training_labels[N_TRAINING:]),
        Data(test_images, test_labels),
    )
