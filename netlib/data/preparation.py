"""A picture of a digit, photographed, scanned or drawn, made into an image like MNIST's.

MNIST's makers scaled each digit into 20 x 20 pixels with its proportions kept, which gave grey levels, and laid it
into 28 x 28 so that its centre of mass lies at the centre (LeCun, Cortes and Burges). What they had was black on
white already; a photograph has to get there first, and `as_mnist` says how.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from netlib import checks

LUMINANCE = (0.299, 0.587, 0.114)  # how bright red, green and blue are to the eye, as television has it
ENOUGH = 400  # pixels, the shorter side of a picture; one of twice that is shrunk, which averages noise away
MOST = 8_000_000  # pixels that are left then; a picture with more has a side that is many times the other
FAINTEST = 0.1  # of the way from black to white: what differs less from the paper than this is no ink
CRUMB = 0.001  # of all ink: as much may lie beyond each side of the box, a speck of dust for instance


def as_mnist(picture: Any, *, side: int = 28, box: int = 20, ink: str = "auto") -> np.ndarray:
    """A picture of one digit as MNIST's makers would have made it.

    1. Colours become grey, by their brightness; what is transparent shows white paper. A picture whose shorter side
       has 800 pixels or more is shrunk, each pixel the mean of a square of them.
    2. The paper's level is a surface, at most quadratic, through the border of the picture; pixels of the border
       that are far from it, such as ink that reaches it, hardly count. Light that falls off to one side or towards
       the corners is thus part of the paper.
    3. Ink is what is darker than the paper, or lighter if the picture deviates from it more to that side: the share
       of the paper's light that is missing. If ink is light, black and white change places before.
    4. What differs from the paper by less than 4.5 times the noise of the border is paper. So is what is fainter
       than a third of Otsu's threshold, which parts the rest best into two groups, faint and strong: shadows and
       smudges. A third, since the grey edge of a stroke belongs to it.
    5. The ink is cut out by its bounding box, beyond each side of which a thousandth of it may be lost, scaled with
       its proportions kept until its longer side has `box` pixels, and stretched until the darkest pixel is 1.
    6. It is laid into side x side so that its centre of mass is at the centre, to the nearest pixel, or as near to
       that as it can be without being cut off.

    Parameters
    ----------
    picture : (H, W), (H, W, 3) or (H, W, 4)
        Grey, red-green-blue, or these and opacity: integers from 0 to 255, or floats from 0 to 1, 0 being black.
    side : int
        Of the result, in pixels.
    box : int
        Pixels of the longer side of the ink, at most `side`.
    ink : {"auto", "dark", "light"}
        Whether ink is darker or lighter than the paper; "auto" finds out, as above.

    Returns
    -------
    (side, side) float32
        From 0, paper, to 1, ink.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or out of range; if one side is many times the other; if there is no ink:
        nothing that differs from the paper by a tenth of the way from black to white, and by six times the noise of
        the border.
    ImportError
        If Pillow, which scales, is not installed.
    """
    side, box = checked(side, box, ink)
    return _laid(_scaled(_cut(_ink(_grey(picture), ink)), box), side)


def checked(side: Any, box: Any, ink: Any) -> tuple[int, int]:
    """Side and box, if all three are as they should be."""
    side, box = checks.integer("side", side, 1), checks.integer("box", box, 1)
    if box > side:
        raise ValueError(f"box: expected at most side, {side}; got {box}")
    checks.choice("ink", ink, ("auto", "dark", "light"))
    return side, box


def _grey(picture: Any) -> np.ndarray:
    """Step 1: brightness, 0 black, 1 white, in fewer pixels if there are more than enough."""
    picture = np.asarray(picture)
    if picture.dtype.kind not in "iuf":
        raise TypeError(f"picture: expected integers or floats; got dtype {picture.dtype}")
    if picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (3,), (4,)) or picture.size == 0:
        raise ValueError(f"picture: expected (H, W), (H, W, 3) or (H, W, 4), not empty; got {picture.shape}")
    white = 1 if picture.dtype.kind == "f" else 255
    if not 0 <= picture.min() <= picture.max() <= white:  # also refuses nan
        kind = "floats from 0 to 1" if white == 1 else "integers from 0 to 255"
        raise ValueError(f"picture: expected {kind}; got {picture.dtype} from {picture.min()} to {picture.max()}")
    h, w = picture.shape[:2]
    k = max(1, min(h, w) // ENOUGH)
    if (h // k) * (w // k) > MOST:
        raise ValueError(f"picture: expected sides of about the same length; got {h} x {w}")
    rows = k * max(1, ENOUGH // k)  # a strip at a time: as floats, a large photograph would fill the memory
    return np.concatenate([_shrunk(_brightness(picture[i : i + rows], white), k) for i in range(0, h // k * k, rows)])


def _brightness(picture: np.ndarray, white: int) -> np.ndarray:
    """What the eye sees of colours and of transparent paper."""
    levels = picture.astype(np.float32) / np.float32(white)
    if levels.ndim == 2:
        return levels
    grey = levels[..., :3] @ np.array(LUMINANCE, np.float32)
    return grey if levels.shape[2] == 3 else 1 - (1 - grey) * levels[..., 3]


def _shrunk(grey: np.ndarray, k: int) -> np.ndarray:
    """Each pixel the mean of a square of k x k."""
    h, w = (n // k for n in grey.shape)
    return grey[: h * k, : w * k].reshape(h, k, w, k).mean(axis=(1, 3))


def _paper(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Step 2: the paper's level (H, W), and the noise of the border around it, a standard deviation."""
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in grey.shape)
    width = max(1, min(grey.shape) // 25)
    border = np.ones(grey.shape, bool)
    border[width:-width, width:-width] = False
    places = np.flatnonzero(border)
    row, column = np.divmod(places[:: 1 + len(places) // 10_000], len(x))  # some thousands are enough
    level, terms = grey[row, column], np.stack(_quadratic(y[row], x[column]), axis=1)
    fitted, noise = np.median(level), 0.0
    for _ in range(20):  # least squares, in which the farther a pixel was from the last surface the less it counts
        noise = 1.4826 * float(np.median(np.abs(level - fitted)))  # the median of a normal distribution, as its sigma
        trust = 1 / np.hypot(1, (level - fitted) / (2 * max(noise, 1 / 255)))
        surface = np.linalg.lstsq(terms * trust[:, None], level * trust)[0]
        fitted = terms @ surface
    paper = sum(factor * term for factor, term in zip(surface, _quadratic(y[:, None], x), strict=True))
    return paper, noise


def _quadratic(y: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    """The terms of a quadratic surface."""
    return [np.ones_like(y * x), y + 0 * x, 0 * y + x, y * x, y * y + 0 * x, 0 * y + x * x]


def _ink(grey: np.ndarray, polarity: str) -> np.ndarray:
    """Steps 3 and 4: ink (H, W), 0 where there is paper."""
    paper, noise = _paper(grey)
    missing = paper - grey
    if polarity == "light" or (polarity == "auto" and np.sum(missing**3, dtype=float) < 0):
        paper, missing = 1 - paper, -missing
    least = max(FAINTEST, 6 * noise)
    if missing.max() < least:
        kind = "" if polarity == "auto" else f"{polarity} "
        raise ValueError(
            f"picture: expected {kind}ink on paper; found none: nothing differs from the paper by more than "
            f"{missing.max():.0%} of the way from black to white, and ink by {least:.0%} or more"
        )
    ink = np.where(missing > 4.5 * noise, missing / np.maximum(paper, FAINTEST), 0).clip(0, 1)
    return np.where(ink > _otsu(ink[ink > 0]) / 3, ink, 0)


def _otsu(levels: np.ndarray) -> float:
    """The threshold that parts numbers from 0 to 1 into two groups with the largest variance between them (Otsu)."""
    counts, edges = np.histogram(levels, 256, (0, 1))
    below = np.cumsum(counts)[:-1] / max(1, len(levels))
    moment = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2) / max(1, len(levels))
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (moment[-1] * below - moment[:-1]) ** 2 / (below * (1 - below))
    return float(edges[1 + np.nan_to_num(between, posinf=0).argmax()])


def _cut(ink: np.ndarray) -> np.ndarray:
    """Step 5: the part of the picture within the bounding box of the ink, without crumbs."""
    ends = []
    for axis in (1, 0):
        so_far = np.cumsum(ink.sum(axis=axis, dtype=float))
        first, last = np.searchsorted(so_far, (CRUMB * so_far[-1], (1 - CRUMB) * so_far[-1]))
        ends.append(slice(first, last + 1))
    return ink[tuple(ends)]


def _scaled(ink: np.ndarray, box: int) -> np.ndarray:
    """Step 5: the longer side as long as the box, the darkest pixel 1."""
    scale = box / max(ink.shape)
    height, width = (max(1, round(n * scale)) for n in ink.shape)
    image = pillow().Image
    # Pillow averages over all pixels that become one, so a thin stroke is not lost between them.
    digit = np.asarray(image.fromarray(ink).resize((width, height), image.Resampling.BICUBIC)).clip(min=0)
    return digit / digit.max()


def _laid(digit: np.ndarray, side: int) -> np.ndarray:
    """Step 6: on a sheet of side x side, by its centre of mass."""
    sheet = np.zeros((side, side), np.float32)
    places = []
    for axis, n in enumerate(digit.shape):
        centre = digit.sum(axis=1 - axis) @ np.arange(n) / digit.sum()
        start = int(np.clip(round((side - 1) / 2 - centre), 0, side - n))
        places.append(slice(start, start + n))
    sheet[tuple(places)] = digit
    return sheet


def pillow() -> ModuleType:
    """Pillow, imported when it is needed."""
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError:
        raise ImportError("own images are read and scaled by Pillow, which is missing: pip install pillow") from None
    return PIL
