"""Figures that are drawn anew when a control moves, or frame by frame, and what a page can keep of them."""

from __future__ import annotations

import base64
import gc
import io
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase

from netlib import checks
from netlib.widgets.controls import Control

LEFT, RIGHT, BOTTOM, TOP = 0.7, 0.2, 0.53, 0.28  # margins in inches, fixed: axes do not move under a hand
SIZE = (7.0, 2.8)  # inches
UNSTRETCHED = {"align_self": "flex-start"}  # in a column, where pictures would become as wide as the page
VIEW = "application/vnd.jupyter.widget-view+json"

Draw = Callable[..., None]  # draw(figure, **values)
Values = Mapping[str, Any]


class Shown:
    """Something with a picture that a page can store, and a panel that only a running notebook can show."""

    def __init__(self, figure: Figure, panel: ipywidgets.Widget) -> None:
        self.figure, self.panel = figure, panel

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The picture, and beside it the panel, which a front end that has the kernel at hand prefers."""
        picture = base64.b64encode(png(self.figure)).decode()
        return {"text/plain": str(self.figure), "image/png": picture, VIEW: self.panel.get_view_spec()}


class Explorer(Shown):
    """A figure that is drawn anew whenever a control moves.

    Parameters
    ----------
    draw : callable (figure, **values) -> None
        Draws into an empty figure. If it raises a ValueError, its message is shown, and the last picture stays.
    controls : mapping of str to Slider, Choice or Text
        A control for each value, in the order in which they are shown.
    buttons : mapping of str to (mapping or callable () -> mapping), optional
        What each button, by its label, sets controls to; "Reset" is there of itself.
    size : (width, height)
        Of the figure in inches.
    vertical : bool
        Sliders side by side, upright.

    Attributes
    ----------
    figure : Figure
        As drawn last.
    controls : dict of str to ipywidgets.Widget
    message : ipywidgets.HTML
        What went wrong, if something did.
    picture : ipywidgets.Image
    """

    def __init__(
        self,
        draw: Draw,
        controls: Mapping[str, Control],
        *,
        buttons: Mapping[str, Values | Callable[[], Values]] | None = None,
        size: tuple[float, float] = SIZE,
        vertical: bool = False,
    ) -> None:
        self._draw = draw
        self._held = False
        self.initial = {
            name: checks.kind(f"controls[{name!r}]", control, Control).value for name, control in controls.items()
        }
        self.controls = {name: control.widget(control.label or name, vertical) for name, control in controls.items()}
        self.picture = ipywidgets.Image(format="png", layout=UNSTRETCHED)
        self.message = ipywidgets.HTML()
        row = ipywidgets.HBox([self._button(*pair) for pair in ({"Reset": self.initial} | dict(buttons or {})).items()])
        column = ipywidgets.HBox if vertical else ipywidgets.VBox
        panel = ipywidgets.VBox([column(list(self.controls.values())), row, self.picture, self.message])
        super().__init__(blank(size), panel)
        gc.freeze()  # what is there now lives on: it need not be searched whenever an old figure is thrown away
        draw(self.figure, **self.values)  # what the controls made of the initial values
        self.picture.value = png(self.figure)
        for control in self.controls.values():
            control.observe(self._redraw, names="value")

    @property
    def values(self) -> dict[str, Any]:
        """What the controls stand at."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Move several controls, and draw once."""
        before, self._held = self.values, True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:  # also after a value that a control refuses: the picture is what the controls stand at
            self._held = False
            if self.values != before:
                self._redraw()

    def _button(self, label: str, values: Values | Callable[[], Values]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=label)
        button.on_click(lambda _: self.set(**(values() if callable(values) else values)))
        return button

    def _redraw(self, _: Any = None) -> None:
        if self._held:
            return
        figure = blank(tuple(self.figure.get_size_inches()))
        try:
            self._draw(figure, **self.values)
        except ValueError as error:
            self.message.value = f"<pre>{escape(str(error))}</pre>"
            return
        self.figure, self.message.value = figure, ""
        self.picture.value = png(figure)
        gc.collect()  # the old figure, at once: many of them together make a slider stutter


class Movie(Shown):
    """A figure that changes frame by frame; on a static page a strip of some of the frames.

    Parameters
    ----------
    draw : callable (figure, **values) -> None
        Draws one frame into an empty figure.
    frames : sequence of mappings
        The values of each frame.
    strip : int
        Frames in the strip, spread evenly from the first to the last.
    interval : int
        Milliseconds that a frame stays.
    size : (width, height)
        Of a frame in inches; the strip has the width of a page and this height.
    """

    def __init__(
        self,
        draw: Draw,
        frames: Sequence[Values],
        *,
        strip: int = 4,
        interval: int = 100,
        size: tuple[float, float] = (4.2, 2.8),
    ) -> None:
        self._draw, self._frames, self._size = draw, list(frames), size
        self._drawn: dict[int, bytes] = {}
        last = len(self._frames) - 1
        if last < 0:
            raise ValueError("frames: expected at least one frame; got none")
        strip = min(checks.integer("strip", strip, 2), len(self._frames))
        self.shown = [round(i * last / max(strip - 1, 1)) for i in range(strip)]
        figure = blank((10, size[1]))
        for part, i in zip(figure.subfigures(1, strip, squeeze=False)[0], self.shown, strict=True):
            _leave_margins(part, 10 / strip, size[1])
            draw(part, **self._frames[i])
        play = ipywidgets.Play(min=0, max=last, interval=interval)
        self.place = ipywidgets.IntSlider(min=0, max=last, readout=False)
        ipywidgets.jslink((play, "value"), (self.place, "value"))
        self.picture = ipywidgets.Image(format="png", value=self.frame(0), layout=UNSTRETCHED)
        self.place.observe(lambda change: setattr(self.picture, "value", self.frame(change["new"])), names="value")
        super().__init__(figure, ipywidgets.VBox([ipywidgets.HBox([play, self.place]), self.picture]))

    def frame(self, i: int) -> bytes:
        """Frame `i` as PNG; drawn when it is first asked for."""
        if i not in self._drawn:
            figure = blank(self._size)
            self._draw(figure, **self._frames[i])
            self._drawn[i] = png(figure)
        return self._drawn[i]


def explore(draw: Draw, controls: Mapping[str, Control], **options: Any) -> None:
    """Show an `Explorer`, which tells of the arguments."""
    display(Explorer(draw, controls, **options))


def movie(draw: Draw, frames: Sequence[Values], **options: Any) -> None:
    """Show a `Movie`, which tells of the arguments."""
    display(Movie(draw, frames, **options))


def blank(size: tuple[float, float]) -> Figure:
    """An empty figure that belongs to nobody else: pyplot does not show it a second time."""
    figure = Figure(figsize=size)
    _leave_margins(figure, *size)
    FigureCanvasAgg(figure)
    return figure


def _leave_margins(part: FigureBase, width: float, height: float) -> None:
    """Margins for axes in a figure, or in a part of one, that is so wide and so high."""
    part.subplots_adjust(
        left=LEFT / width, right=1 - RIGHT / width, bottom=BOTTOM / height, top=1 - TOP / height, wspace=0.25
    )


def png(figure: Figure) -> bytes:
    """The figure as a PNG file, compressed quickly: a hand on a slider waits for it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", pil_kwargs={"compress_level": 1})
    return file.getvalue()
