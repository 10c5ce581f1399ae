"""Own handwriting: files of pictures, read and made into images like MNIST's."""

from __future__ import annotations

import io
import warnings
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from netlib.data.preparation import as_mnist, checked, pillow

SUFFIXES = (".png", ".jpg", ".jpeg")
SHOWN = 400  # pixels, the longer side of an original that is kept to be shown


class OwnImages(NamedTuple):
    """Images x as a network takes them, (n, side * side) in float32, the files' names, and small pictures to show."""

    x: np.ndarray
    names: list[str]
    originals: list[np.ndarray]


def own_images(path: str | PathLike, *, side: int = 28, box: int = 20, ink: str = "auto") -> OwnImages:
    """A picture file or a folder of them, one digit in each, as `as_mnist` makes them.

    Parameters
    ----------
    path : path
        A PNG or JPEG file, or a folder: its PNG and JPEG files in the order of their names. Other files in it, hidden
        ones and its folders are passed over. A photograph is turned as its camera noted.
    side, box, ink
        As in `as_mnist`.

    Returns
    -------
    OwnImages
        x (n, side * side) float32, n names, and n originals (H, W), (H, W, 3) or (H, W, 4) of bytes, upright and
        shrunk to at most 400 pixels a side.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If a folder has no picture; or, with the name of the file, if it is no PNG or JPEG, is damaged, claims to be
        so large that Pillow takes it for an attack on the memory, or has no ink.
    ImportError
        If Pillow is not installed.
    """
    side, box = checked(side, box, ink)
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"path: no file or folder {str(path)!r}")
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        files = [file for file in files if not file.name.startswith(".")]
    if not files:
        raise ValueError(f"path: expected a folder with PNG or JPEG files; {str(path)!r} has none")
    x, originals = np.empty((len(files), side * side), np.float32), []
    for row, file in zip(x, files, strict=True):
        picture = _opened(file)
        try:
            row[:] = as_mnist(np.asarray(picture), side=side, box=box, ink=ink).ravel()
        except ValueError as error:
            raise ValueError(f"{str(file)!r}: {error}") from None
        picture.thumbnail((SHOWN, SHOWN))
        originals.append(np.asarray(picture))
    return OwnImages(x, [file.name for file in files], originals)


def _opened(path: Path) -> Any:
    """The picture in a file, as Pillow's image of grey, red-green-blue or these and opacity, upright."""
    pil = pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pil.Image.DecompressionBombWarning)
            file = io.BytesIO(path.read_bytes())  # which, unlike a file, takes no memory for bytes that it lacks
            with pil.Image.open(file, formats=("PNG", "JPEG")) as picture:
                pil.ImageOps.exif_transpose(picture, in_place=True)
                picture.load()
                if picture.mode.startswith("I"):  # 16 bits, of which Pillow would clip the bright ones
                    return pil.Image.fromarray((np.asarray(picture) // 256).astype(np.uint8))
                mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in ("1", "L") else "RGB"
                return picture if picture.mode == mode else picture.convert(mode)
    except Exception as error:  # damaged bytes can make Pillow's readers stumble in any way
        raise ValueError(f"{str(path)!r} cannot be read as a PNG or JPEG: {error}") from error
