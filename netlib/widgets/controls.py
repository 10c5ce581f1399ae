"""What a reader moves: sliders, choices, lines of text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets


class Control(ABC):
    """What moves one value."""

    value: Any
    label: str | None

    @abstractmethod
    def widget(self, label: str, vertical: bool) -> ipywidgets.Widget:
        """The control, at its value."""


@dataclass(frozen=True)
class Slider(Control):
    """A number between `low` and `high`, in steps; an integer if all of them are."""

    value: float
    low: float
    high: float
    step: float = 1
    label: str | None = None

    def widget(self, label: str, vertical: bool) -> ipywidgets.Widget:
        numbers = (self.value, self.low, self.high, self.step)
        whole = all(isinstance(number, int) for number in numbers)
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        options = {} if whole else {"readout_format": f".{_decimals(self.step)}f"}
        return kind(
            value=self.value,
            min=self.low,
            max=self.high,
            step=self.step,
            description=label,
            orientation="vertical" if vertical else "horizontal",
            style={"description_width": "initial"},
            **options,
        )


@dataclass(frozen=True)
class Choice(Control):
    """One of several words."""

    value: str
    options: Sequence[str]
    label: str | None = None

    def widget(self, label: str, vertical: bool) -> ipywidgets.Widget:
        return ipywidgets.Dropdown(value=self.value, options=list(self.options), description=label)


@dataclass(frozen=True)
class Text(Control):
    """A line that the reader types; it counts when Enter is pressed."""

    value: str
    label: str | None = None

    def widget(self, label: str, vertical: bool) -> ipywidgets.Widget:
        return ipywidgets.Text(value=self.value, description=label, continuous_update=False, layout={"width": "36em"})


def _decimals(step: float) -> int:
    """Digits after the point that a number in such steps needs."""
    return len(f"{step:.10f}".rstrip("0").partition(".")[2])
