"""Inputs by the thousand, each from a seed: good ones with something wrong in them.

`bytes_like` knows nothing of what it spoils, `tree_like` spoils what JSON or YAML can hold, and `text_like` puts pieces
into a text. The generator decides everything, so an input can be made again by its name and number.
"""

import random
import struct
from collections.abc import Sequence
from typing import Any

NUMBERS = (0, 1, 2, 3, 7, 127, 128, 255, 256, 32767, 65535, 784, 60_000, 10**9, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
LAYOUTS = ("B", "<H", ">H", "<I", ">I", "<Q", ">Q")
ODD = (
    *(None, True, False, 0, -1, 1, 3, 2**31, -(2**63), 10**30, 0.5, -0.0, 1e-320, 1e308),
    *(float("nan"), float("inf"), -float("inf"), "", "0", "x" * 50, "\x00", "\ud800", "é", "../../up", "nan"),
    *([], {}, [[]], [None], {"": {}}, [0] * 20, [[1, 2], [3]], [1e400], {"kind": "os.system"}),
)


def generator(name: str, number: int) -> random.Random:
    """What makes input `number` of a target."""
    return random.Random(f"{name} {number}")


def bytes_like(rng: random.Random, good: Sequence[bytes]) -> bytes:
    """One of these, spoiled in one to four places; now and then bytes that are like none."""
    if rng.random() < 0.03:
        return rng.randbytes(rng.randrange(80))
    content = bytearray(rng.choice(good))
    for _ in range(rng.choice((1, 1, 2, 4))):
        start = rng.randrange(len(content) + 1)
        end = min(len(content), start + rng.choice((1, 1, 2, 4, 8, 30)))
        match rng.randrange(8):
            case 0:
                content[start:end] = b""
            case 1:
                content[start:start] = rng.randbytes(end - start)
            case 2:
                content[start:end] = rng.randbytes(end - start)
            case 3:
                content[start:end] = content[start:end] * rng.choice((2, 3, 40))
            case 4:
                del content[start:]
            case 5:
                other = rng.choice(good)
                place = rng.randrange(len(other) + 1)
                content[start:end] = other[place : place + rng.choice((1, 4, 16, 60))]
            case 6 if start < len(content):
                content[start] ^= 1 << rng.randrange(8)
            case _:
                layout = rng.choice(LAYOUTS)
                number = rng.choice(NUMBERS) % 256 ** struct.calcsize(layout)
                content[start : start + struct.calcsize(layout)] = struct.pack(layout, number)
    return bytes(content)


def tree_like(rng: random.Random, good: Any, odd: Sequence[Any] = ODD) -> Any:
    """A copy in which one to three parts are missing, twice there, in another's place, or something odd."""
    tree = _copied(good)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            return rng.choice(odd)
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0:
                del holder[key]
            case 1:
                other, name = rng.choice(places)
                holder[key] = _copied(other[name])
            case 2 if isinstance(holder, dict):
                holder[rng.choice(("", "x", f"{key} ", "kind", "0"))] = holder.pop(key)
            case 2:
                holder.insert(key, _copied(holder[key]))
            case 3 if type(holder[key]) in (int, float):
                holder[key] = rng.choice((-holder[key], holder[key] + 1, 2 * holder[key], str(holder[key])))
            case _:
                holder[key] = _copied(rng.choice(odd))
    return tree


def text_like(rng: random.Random, good: Sequence[str], pieces: Sequence[str]) -> str:
    """A text in which pieces are replaced, removed or added, or none is; now and then one of pieces alone."""
    if rng.random() < 0.2:
        return "".join(rng.choices(pieces, k=rng.randrange(25)))
    text = rng.choice(good)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        start = rng.randrange(len(text) + 1)
        text = text[:start] + rng.choice(pieces) + text[start + rng.randrange(4) :]
    return text


def _copied(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return [_copied(value) for value in tree] if isinstance(tree, list) else tree


def _places(tree: Any, deepest: int = 8):
    """Every part of a tree, as what holds it and the name or number there."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        if deepest:
            yield from _places(tree[key], deepest - 1)
