"""Model files: arrays and a JSON header in one npz archive, written whole or not at all.

The format is NumPy's own: any NumPy can open a file without this package, nothing in it is ever executed (no pickle),
and each part carries a checksum. Parts are stored uncompressed, so a file is as large as what it holds and no larger
when read; compressed parts are refused.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from numpy.lib import format as npy

from netlib import checks, files
from netlib.backend import Array, move, namespace, to_host
from netlib.gpu import DeviceError
from netlib.history import History
from netlib.layers.description import describe, rebuild

FORMAT, VERSION = "netlib network", 1
HEADER = "header.json"
HISTORY = get_type_hints(History)
RUN = "run."  # what the names of arrays begin with that are no parameters


class FileError(ValueError):
    """A model file cannot be used; the message names it, and says what was found."""


def write(path: str | PathLike, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a model file, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written; see `files.writing`.
    """
    text = json.dumps({"format": FORMAT, "version": VERSION, **header}, indent=1)
    with files.writing(path) as file:
        np.savez(file, **{HEADER: np.frombuffer(text.encode(), np.uint8)}, **arrays)


def read(path: str | PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of a model file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileError
        If it is no model file, is truncated or altered, or comes from a newer version.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            squeezed = [part.filename for part in parts if part.compress_type != zipfile.ZIP_STORED]
            if squeezed:
                raise FileError(f"{str(path)!r} is no model file: its part {squeezed[0]!r} is compressed")
            if sum(part.file_size for part in parts) > path.stat().st_size:
                raise FileError(f"{str(path)!r} is no model file: its parts claim more bytes than it has")
            arrays = {part.filename.removesuffix(".npy"): _array(archive.read(part)) for part in parts}
        header = json.loads(bytes(arrays.pop(HEADER)))
    except (FileNotFoundError, FileError):
        raise
    except Exception as error:  # damaged bytes can make the readers of zip, npy and JSON stumble in any way
        raise FileError(f"{str(path)!r} is no model file, or a damaged one: {type(error).__name__}: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FileError(f"{str(path)!r} is no model file: its header does not say {FORMAT!r}")
    version = header.get("version")
    if version not in range(1, VERSION + 1):
        raise FileError(
            f"{str(path)!r} has version {version!r} of the format, and this netlib reads up to {VERSION}; "
            "a newer netlib wrote it"
        )
    return header, arrays


def _array(content: bytes) -> np.ndarray:
    """The array in an npy file; NumPy's own reader would first take as much memory as its header claims."""
    file = io.BytesIO(content)
    if npy.read_magic(file) != (1, 0):
        raise ValueError("an array is in another version of the npy format than 1.0")
    shape, by_columns, dtype = npy.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("it has an array of objects")
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError(f"it has an array of shape {shape!r:.60} and type {dtype}, of another number of bytes")
    return np.ndarray(shape, dtype, bytearray(content), file.tell(), order="F" if by_columns else "C")


def save(network: Any, path: str | PathLike, beside: Mapping[str, Array] | None = None, **more: Any) -> None:
    """Write a network: layers, parameters, options, steps taken, and the history of its last training.

    The arrays `beside` the network's own are for one who goes on with the run; what else is given, of JSON's types,
    goes into the header as well.

    Raises
    ------
    ValueError
        If a layer's activation function is not one of netlib's own.
    OSError
        If the file cannot be written; see `write`.
    """
    header = {
        "layers": [describe(layer) for layer in network.layers],
        "mini_batch_size": network.mini_batch_size,
        "seed": network.seed,
        "dtype": network.dtype.name,
        "steps": network.steps,
        "history": network.history and asdict(network.history),
        **more,
    }
    arrays = {f"{i}.{name}": to_host(getattr(layer, name)) for i, layer in enumerate(network.layers) for name in "wb"}
    write(path, header, arrays | {RUN + name: to_host(array) for name, array in (beside or {}).items()})


def load(make: Callable[..., Any], path: str | PathLike, device: str) -> Any:
    """The network that `save` wrote; it computes, and trains on, as the saved one would.

    Parameters
    ----------
    make : callable
        Network, which this room does not know.
    path, device
        The file, and where the network is to live.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileError
        If it is no model file, is truncated or altered, or comes from a newer version of netlib.
    """
    header, arrays = read(path)
    with describing(path):
        layers = [rebuild(description) for description in header["layers"]]
        for i, layer in enumerate(layers):  # before a network is made: a header may claim sizes that no memory holds
            if arrays[f"{i}.w"].shape != layer.w_shape:
                raise ValueError(f"array {i}.w: expected the shape {layer.w_shape}; got {arrays[f'{i}.w'].shape}")
        options = {name: header[name] for name in ("mini_batch_size", "seed", "dtype")}
        network = make(layers, **options, device=device)
        restore(network, header, arrays)
    return network


@contextmanager
def describing(path: Path | str) -> Iterator[None]:
    """Turn what goes wrong with what a whole file says into a FileError."""
    try:
        yield
    except DeviceError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileError(f"{str(path)!r} does not describe a network: {type(error).__name__}: {error}") from error


def restore(network: Any, header: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Give a network of the layers that were saved their parameters, the steps taken and the history."""
    network.steps = checks.integer("steps", header["steps"], 0)
    network.history = None if header["history"] is None else _history(header["history"])
    for i, layer in enumerate(network.layers):
        for name in "wb":
            _fill(getattr(layer, name), arrays.pop(f"{i}.{name}"), f"{i}.{name}")
    strange = [name for name in arrays if not name.startswith(RUN)]
    if strange:
        raise ValueError(f"it has arrays that belong to no layer: {', '.join(strange)}")


def _history(saved: dict[str, Any]) -> History:
    """The history that was saved."""
    for name, hint in HISTORY.items():
        if name in saved and not checks.fits(saved[name], hint):
            raise TypeError(f"history: {name} is no {hint}")
    return History(**saved)


def _fill(parameter: Array, saved: np.ndarray, name: str) -> None:
    """Copy a saved array into a parameter, if it is one for it."""
    if saved.shape != parameter.shape or saved.dtype != parameter.dtype:
        expected = f"{parameter.dtype} {parameter.shape}"
        raise ValueError(f"array {name}: expected {expected}; got {saved.dtype} {saved.shape}")
    parameter[...] = move(saved, namespace(parameter))
