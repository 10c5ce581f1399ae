"""How far an accuracy measured on a few images can be trusted."""

from __future__ import annotations

import math
from statistics import NormalDist

from netlib import checks


def wilson_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The accuracies that are compatible with so many correct answers out of so many.

    Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 1927): the accuracies p for which the number of correct
    answers is no further from its mean ``total * p`` than chance explains. Unlike ``p +- 2 sigma`` it never leaves
    [0, 1], and it stays honest near 100 %, where the accuracies of digit readers lie.

    Parameters
    ----------
    correct, total : int
        Correct answers and all answers.
    confidence : float
        How often such an interval contains the true accuracy.

    Returns
    -------
    (float, float)
        Lower and upper bound, between 0 and 1.

    Raises
    ------
    ValueError
        If `total` is not positive, `correct` not between 0 and `total`, or `confidence` not between 0 and 1.
    """
    total, correct = checks.integer("total", total, 1), checks.integer("correct", correct, 0)
    if correct > total:
        raise ValueError(f"correct: expected at most total, {total}; got {correct}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1; got {confidence!r}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = correct / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + (z / (2 * total)) ** 2) / (1 + z * z / total)
    return max(0.0, centre - half), min(1.0, centre + half)
