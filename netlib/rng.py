"""Random numbers without a generator: every draw is a hash of where it is used.

A draw is named by (seed, purpose, layer, step, unit) and nothing else, so there is no state to save, no order in
which draws must happen, and no difference between a run and its resumption or between a CPU and a GPU: masks are
compared as integers and agree bit for bit. The hash is splitmix64 (Steele, Lea and Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014): a counter in steps of the golden ratio, then three xor-shifts and two
multiplications.
"""

from __future__ import annotations

import enum
import operator
from types import ModuleType

import numpy as np

from netlib.backend import Array, Workspace, namespace

GOLDEN = 0x9E3779B97F4A7C15
MULTIPLIERS = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WORD = (1 << 64) - 1


class Purpose(enum.IntEnum):
    """What a draw is for; two purposes never share a stream."""

    WEIGHTS = 1
    BIASES = 2
    DROPOUT = 3
    ORDER = 4
    EXPANSION = 5
    DISTORTION = 6


def key(*parts: int) -> int:
    """Fold integers, usually (seed, purpose, layer, step), into one 64-bit key."""
    folded = 0
    for part in parts:
        folded = ((folded ^ (operator.index(part) & WORD)) + GOLDEN) & WORD
        folded = ((folded ^ folded >> 30) * MULTIPLIERS[0]) & WORD
        folded = ((folded ^ folded >> 27) * MULTIPLIERS[1]) & WORD
        folded ^= folded >> 31
    return folded


def words(xp: ModuleType, stream: int, count: int, work: Workspace | None = None) -> Array:
    """The first `count` 64-bit words of the stream with this key, shape (count,), dtype uint64.

    Word number i is splitmix64's output for the counter ``stream + (i + 1) * GOLDEN``, modulo 2^64. With `work`, they
    live there, until the next are drawn there.
    """
    work = work or Workspace(xp)
    state = work("words", (count,), np.uint64)
    state[...] = 1
    xp.cumsum(state, out=state)  # 1, 2, 3, ... without an array of its own
    return _hashed(state, stream, work)


def words_of(items: Array, stream: int, count: int, work: Workspace | None = None) -> Array:
    """The words of some items, shape (len(items), count), in a stream of which each item has `count` words.

    Item i has those from number ``i * count`` on, whichever others are asked for. With `work`, they live there, until
    the next are drawn there.
    """
    work = work or Workspace(namespace(items))
    state = work("words", (len(items), count), np.uint64)
    state[...] = namespace(items).arange(1, count + 1, dtype=np.uint64)
    state += (items * count).astype(np.uint64)[:, None]
    return _hashed(state, stream, work)


def _hashed(state: Array, stream: int, work: Workspace) -> Array:
    """The words of which the numbers, counted from 1, are given, in their place."""
    shifted = work("shifted words", state.shape, np.uint64)
    state *= np.uint64(GOLDEN)
    state += np.uint64(stream)
    for shift, multiplier in zip((30, 27), MULTIPLIERS, strict=True):
        state ^= namespace(state).right_shift(state, np.uint64(shift), out=shifted)
        state *= np.uint64(multiplier)
    state ^= namespace(state).right_shift(state, np.uint64(31), out=shifted)
    return state


def keep_mask(
    xp: ModuleType, stream: int, shape: tuple[int, ...], p_drop: float, work: Workspace | None = None
) -> Array:
    """A dropout mask: True where a unit is kept, each dropped with probability `p_drop`, independently.

    A unit's draw is 16 bits: unit u (in C order of `shape`) reads bits 16 (u mod 4) and up of word u // 4, and is
    kept when they are at least ``p_drop * 2**16``, rounded. The probability, which the caller has checked, is
    thus exact to half of 1/65536, and one below that drops nothing.
    """
    units = int(np.prod(shape))
    work = work or Workspace(xp)
    bits = words(xp, stream, -(-units // 4), work).view(np.uint16)[:units].reshape(shape)
    threshold = np.uint16(min(round(p_drop * 2**16), 2**16 - 1))
    return xp.greater_equal(bits, threshold, out=work("mask", shape, bool))


def permutation(stream: int, n: int) -> np.ndarray:
    """A random order of 0 .. n-1, the same on every machine: the one that sorts n hashes."""
    return np.argsort(words(np, stream, n), kind="stable")


def normals(stream: int, shape: tuple[int, ...]) -> np.ndarray:
    """Independent draws from N(0, 1) in float64, always made on the host.

    NumPy's own counter-based generator, Philox, turns the key into normals with its ziggurat. A formula with
    logarithms and cosines of our words would be shorter, but NumPy computes those with different last bits on
    different processors.
    """
    return np.random.Generator(np.random.Philox(key=stream)).standard_normal(shape)
