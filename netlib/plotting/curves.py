"""Curves: how a training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from netlib.history import History


def training(history: History) -> Figure:
    """Over the epochs, from 0: the mean training cost, on a log axis, and validation accuracy if it was measured."""
    epochs = np.arange(len(history.cost))
    figure, axes = plt.subplots(1, 2 if history.validation_accuracy else 1, squeeze=False)
    left, right = axes[0, 0], axes[0, -1]
    left.semilogy(epochs, history.cost, marker="o")
    left.set(xlabel="epoch", ylabel="training cost")
    _label_log_axis(left)
    if history.validation_accuracy:
        right.plot(epochs, history.validation_accuracy, marker="o")
        right.set(xlabel="epoch", ylabel="validation accuracy")
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axis in (left, right):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.tight_layout()
    return figure


def epochs(
    series: Mapping[str, Sequence[float]],
    ylabel: str,
    *,
    marks: Mapping[str, float] | None = None,
    percent: bool = False,
    paired: bool = False,
) -> Figure:
    """Several runs over their epochs, from 0, on a log axis.

    Parameters
    ----------
    series : mapping of str to sequence
        A name and one positive number for each epoch.
    ylabel : str
        What the numbers are.
    marks : mapping of str to float, optional
        For some of the names, a number to draw as a dashed line of the same colour.
    percent : bool
        Whether numbers are fractions, to be written in per cent.
    paired : bool
        Whether names come in pairs, one colour for each pair and its second line dashed.
    """
    figure, axis = plt.subplots()
    for i, (name, values) in enumerate(series.items()):
        style = {"color": f"C{i // 2}", "linestyle": ("-", "--")[i % 2]} if paired else {}
        (line,) = axis.semilogy(np.arange(len(values)), values, label=name, **style)
        if marks and name in marks:
            axis.axhline(marks[name], color=line.get_color(), linestyle="--", linewidth=1)
    axis.set(xlabel="epoch", ylabel=ylabel)
    _label_log_axis(axis, percent)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right upper")
    figure.set_layout_engine("constrained")
    return figure


def _label_log_axis(axis: Axes, percent: bool = False) -> None:
    """Write 1, 2 and 5 at every power of ten, and nothing between."""
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter((lambda value, _: f"{100 * value:g} %") if percent else "{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
