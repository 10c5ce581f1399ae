"""Errors that help: every message names the argument, what it was, and what was expected."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

import numpy as np

from netlib.backend import Array, move, namespace


def integer(name: str, value: Any, minimum: int) -> int:
    """`value` as an int of at least `minimum`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an integer; got {value!r}") from None
    if isinstance(value, bool) or number < minimum:
        raise ValueError(f"{name}: expected an integer of at least {minimum}; got {value!r}")
    return number


def pair(name: str, value: Any, minimum: int) -> tuple[int, int]:
    """One integer, or two for rows and columns, as (rows, columns), each at least `minimum`."""
    both = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2 or not all(hasattr(number, "__index__") for number in both):
        raise TypeError(f"{name}: expected an integer, or two for rows and columns; got {value!r}")
    return integer(name, both[0], minimum), integer(name, both[1], minimum)


def integers(name: str, value: Any, meaning: tuple[str, ...]) -> tuple[int, ...]:
    """`value` as a tuple of positive ints, one for each word of `meaning`."""
    expected = f"{name}: expected {len(meaning)} positive integers ({', '.join(meaning)}); got {value!r}"
    try:
        numbers = tuple(operator.index(number) for number in value)
    except TypeError:
        raise TypeError(expected) from None
    if len(numbers) != len(meaning) or min(numbers) < 1 or any(isinstance(number, bool) for number in value):
        raise ValueError(expected)
    return numbers


def non_negative(name: str, value: Any, *, below: float = math.inf) -> float:
    """`value` as a finite float, not negative and smaller than `below`."""
    bound = "a finite number" if below == math.inf else f"a number below {below:g}"
    expected = f"{name}: expected {bound}, zero or positive; got {value!r}"
    if isinstance(value, bool | str):
        raise TypeError(expected)
    try:
        converted = float(value)
    except (TypeError, ValueError):
        raise TypeError(expected) from None
    except OverflowError:  # an integer beyond the floats
        raise ValueError(expected) from None
    if not 0 <= converted < below:  # also refuses nan
        raise ValueError(expected)
    return converted


def kind(name: str, value: Any, expected: type) -> Any:
    """`value` if it is an object of this class."""
    if not isinstance(value, expected):
        raise TypeError(f"{name}: expected a {expected.__name__} object; got {value!r}")
    return value


def choice(name: str, value: Any, options: Iterable[str]) -> str:
    """`value` if it is one of `options`."""
    options = tuple(options)
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, options))}; got {value!r}")
    return value


def fits(value: Any, hint: Any) -> bool:
    """Whether what JSON gave is of an annotated type: an integer may be a float, a list a tuple."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return any(fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple | list) and len(value) == len(parts) and all(map(fits, value, parts))
    if origin is list:
        return isinstance(value, list) and all(fits(one, parts[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, parts[1]) for one in value.values())
    return hint is Any or type(value) is hint or (hint is float and type(value) is int)


def finite(name: str, x: Array) -> None:
    """Refuse nan and infinity in a 2-D array, and say where the first one is."""
    if x.size == 0 or (math.isfinite(x.min()) and math.isfinite(x.max())):
        return
    row = int(namespace(x).isfinite(x).all(axis=1).argmin())
    raise ValueError(f"{name}: expected finite numbers; found nan or infinity, first in row {row}")


def labels(name: str, y: Array, rows: int, classes: int) -> None:
    """Refuse labels that are not `rows` integers in 0 .. classes-1."""
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise TypeError(f"{name}: expected a vector of integer labels; got dtype {y.dtype}, shape {y.shape}")
    if len(y) != rows:
        raise ValueError(f"{name}: expected {rows} labels, one for each image; got {len(y)}")
    if rows and (int(y.min()) < 0 or int(y.max()) >= classes):
        raise ValueError(f"{name}: expected labels from 0 to {classes - 1}; got {int(y.min())} to {int(y.max())}")


def _array(name: str, value: Any, xp: ModuleType) -> Array:
    try:
        return move(value, xp)
    except ValueError:  # a ragged list
        raise ValueError(f"{name}: expected entries of one shape; got a list of different ones") from None


def images(name: str, x: Any, shape: tuple[int, ...], xp: ModuleType, dtype: Any) -> Array:
    """Images as finite rows (n, features), moved to the library `xp` and cast to `dtype`.

    They may come as (n, *shape) or as rows; for a `shape` of one axis, in any shape with as many numbers an image.
    """
    x = _array(name, x, xp)
    features = math.prod(shape)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected images of real numbers; got dtype {x.dtype}")
    as_rows = x.ndim == 2 or len(shape) == 1
    if x.ndim < 2 or (math.prod(x.shape[1:]) != features if as_rows else x.shape[1:] != shape):
        accepted = f"(n, {features})" + f" or (n, {', '.join(map(str, shape))})" * (len(shape) > 1)
        raise ValueError(f"{name}: expected images {accepted}; got {x.shape}")
    with np.errstate(over="ignore"):  # what overflows in the cast is refused in the next line
        rows = xp.asarray(x, dtype=dtype).reshape(len(x), features)
    finite(name, rows)
    return rows


def targets(name: str, y: Array, shape: tuple[int, int], lowest: float, highest: float) -> None:
    """Refuse targets that are not finite real numbers from `lowest` to `highest`, (rows, outputs) = `shape` of them."""
    if y.dtype.kind not in "biuf" or y.shape != shape:
        raise ValueError(f"{name}: expected real numbers {shape}; got dtype {y.dtype}, shape {y.shape}")
    finite(name, y)
    if y.size and not lowest <= float(y.min()) <= float(y.max()) <= highest:
        raise ValueError(
            f"{name}: expected numbers from {lowest:g} to {highest:g}; got {float(y.min()):g} to {float(y.max()):g}"
        )


def labelled_images(
    name: str,
    data: Any,
    as_rows: Callable[[str, Any], Array],
    classes: int,
    minimum: int,
    xp: ModuleType,
    aims: tuple[float, float] | None = None,
) -> tuple[Array, Array]:
    """At least `minimum` images, checked by `as_rows(name, x)`, with their labels in the library `xp`.

    In place of labels, there may be real targets (n, classes) between the two numbers `aims`, if those are given.
    """
    try:
        x, y = data
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a pair (images, labels); got {type(data).__name__}") from None
    rows = as_rows(f"{name} images", x)
    if len(rows) < minimum:
        wanted = f"{minimum} images, a mini-batch" if minimum > 1 else "one image"
        raise ValueError(f"{name}: expected at least {wanted}; got {len(rows)}")
    y = _array(f"{name} labels", y, xp)
    if aims and y.ndim > 1:
        targets(f"{name} targets", y, (len(rows), classes), *aims)
    else:
        labels(f"{name} labels", y, len(rows), classes)
    return rows, y
