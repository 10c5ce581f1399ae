"""The charts of `netlib bench`: ours in orange, PyTorch's in blue, JAX's in green, the least in dashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullLocator, StrMethodFormatter
from workloads import WORKLOADS, step_flops

COLOURS = {"netlib": "#d95f02", "torch": "#3b6fb6", "jax": "#1b9e77"}
TITLES = {"netlib": "netlib", "torch": "PyTorch", "jax": "JAX"}
Found = dict[str, dict[str, float]]  # of each contender, its median and its 10th and 90th percentile


def best(found: Found, kind: str) -> float | None:
    """The best median among a library's settings; None if it did not take part."""
    medians = [values["median"] for name, values in found.items() if name.startswith(kind)]
    return min(medians) if medians else None


def draw(result: dict[str, Any], output: Path) -> None:
    """Bars of all settings; for other mini-batches and other networks, each library's best as a line."""
    steps = result["steps"]
    _bars({net: steps[f"{net} 10"] for net in ("dropout", "conv", "shallow")}, output / "steps.png")
    sizes = sorted(int(key.split()[1]) for key in steps if key.startswith("conv ") and "," not in key)
    if len(sizes) > 1:
        figure, axis = plt.subplots(figsize=(6, 3.8), layout="constrained")
        found = {n: steps[f"conv {n}"] for n in sizes}
        floors = {n: _products("conv", n, result) for n in sizes}
        _lines(axis, found, floors, "mini-batch size", "ms for an image", per=sizes)
        axis.set_title("conv net: a training step, divided by its images")
        figure.savefig(output / "batches.png", dpi=100)
        plt.close(figure)
    if not any(", " in key for key in steps):
        return
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for axis, net, what, usual in zip(axes, ("conv", "dropout"), ("maps", "hidden"), (20, 1000), strict=True):
        names = {int(name.split()[1]): name for name in WORKLOADS if name.startswith(f"{net}, ")} | {usual: net}
        names = dict(sorted(names.items()))
        found = {n: steps[f"{name} 10"] for n, name in names.items()}
        floors = {n: _products(name, 10, result) for n, name in names.items()}
        label = {"maps": "maps of the first layer (twice as many in the second)", "hidden": "neurons of a hidden layer"}
        _lines(axis, found, floors, label[what], "ms for a training step")
        axis.set_title(f"{net} net, mini-batch 10")
    figure.savefig(output / "scaling.png", dpi=100)
    plt.close(figure)


def _products(workload: str, n: int, result: dict[str, Any]) -> float:
    """Milliseconds of the products of a step at the rate of large ones on one core."""
    return step_flops(WORKLOADS[workload], n) / result["machine"]["GFLOP/s"] / 1e6


def _bars(found: dict[str, Found], file: Path) -> None:
    """Medians of all contenders on each network, with the middle 80 per cent."""
    figure, axes = plt.subplots(1, len(found), figsize=(4 * len(found), 3.4), layout="constrained", sharey=True)
    for axis, (net, times) in zip(axes, found.items(), strict=True):
        for name, values in times.items():
            spread = [[values["median"] - values["p10"]], [values["p90"] - values["median"]]]
            axis.barh(name, values["median"], color=COLOURS[name.split()[0].split(":")[0]])
            axis.errorbar(values["median"], name, xerr=spread, color="black", linewidth=1, capsize=2)
        axis.set(title=f"{net} net, mini-batch 10", xlabel="ms for a training step", xlim=(0, None))
    axes[0].invert_yaxis()
    figure.savefig(file, dpi=100)
    plt.close(figure)


def _lines(
    axis: Any, found: dict[int, Found], floors: dict[int, float], xlabel: str, ylabel: str, per: list[int] | None = None
) -> None:
    """Each library's best setting over sizes, on two logarithmic axes, and the floor under them."""
    divisors = per or [1] * len(found)
    for kind, colour in COLOURS.items():
        medians = [best(times, kind) for times in found.values()]
        if None not in medians:
            heights = [median / d for median, d in zip(medians, divisors, strict=True)]
            axis.loglog(list(found), heights, marker="o", color=colour, label=TITLES[kind])
    floor = [value / d for value, d in zip(floors.values(), divisors, strict=True)]
    axis.loglog(list(floors), floor, "k--", linewidth=1, label="products alone, one core")
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.set_xticks(list(found))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.grid(which="major", alpha=0.3)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=4, frameon=False, fontsize=8)
