"""Several networks that vote (book, chapter 6, "Using an ensemble of networks")."""

from __future__ import annotations

import numpy as np

from netlib import checks
from netlib.backend import Array, to_host

TIES = ("smallest", "first")


def plurality(predictions: Array, *, ties: str = "smallest") -> np.ndarray:
    """What most networks answer, for each image: not a majority is needed, but more votes than any other label has.

    Parameters
    ----------
    predictions : (nets, n)
        Labels, integers from 0: a row for each network, a column for each image.
    ties : {"smallest", "first"}
        Of labels with as many votes each, the smallest, as ``numpy.bincount(votes).argmax()`` has it, whatever the
        order of the networks; or the one that comes first in their order, as in the book's script, which counts votes
        with Python's Counter.

    Returns
    -------
    array (n,)
        Labels.

    Raises
    ------
    TypeError, ValueError
        If predictions are no integers from 0 in rows of equal length, or there is no network.
    """
    checks.choice("ties", ties, TIES)
    votes = _labels(predictions)
    counts = np.stack([(votes == vote).sum(axis=0) for vote in votes])  # (nets, n): how many agree with each network
    most = counts == counts.max(axis=0)
    if ties == "first":
        return np.take_along_axis(votes, most.argmax(axis=0)[None], axis=0)[0]
    return np.where(most, votes, votes.max(initial=0)).min(axis=0)


def dissent(predictions: Array) -> np.ndarray:
    """How many networks answer otherwise than most do, for each image (n,); predictions as in `plurality`."""
    return (_labels(predictions) != plurality(predictions)).sum(axis=0)


def _labels(predictions: Array) -> np.ndarray:
    """Predictions on the host, checked."""
    votes = to_host(np.asarray(predictions) if isinstance(predictions, list | tuple) else predictions)
    if votes.dtype.kind not in "iu":
        raise TypeError(f"predictions: expected integer labels; got {votes.dtype}")
    if votes.ndim != 2 or not len(votes):
        raise ValueError(f"predictions: expected a row for each network and a column for each image; got {votes.shape}")
    if votes.size and votes.min() < 0:
        raise ValueError(f"predictions: expected labels from 0; got {votes.min()}")
    return votes
