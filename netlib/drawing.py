"""Digits drawn with a mouse or a finger: a sheet to draw on in a notebook, and the picture of what was drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

SIZE, WIDTH = 280, 20  # pixels: of the sheet's sides, and of the pen

SHEET = """
<canvas width="{size}" height="{size}" style="border: 1px solid gray; background: white; touch-action: none"
 aria-label="a sheet to draw a digit on"></canvas>
<div><button>Clear</button> <input readonly size="60" aria-label="strokes to copy" value="strokes = []"></div>
<script>
(function () {{
  const root = document.currentScript.parentElement;
  const sheet = root.querySelector("canvas"), pen = sheet.getContext("2d");
  const out = root.querySelector("input");
  let strokes = {strokes}, drawing = false;
  function show() {{
    pen.clearRect(0, 0, {size}, {size});
    pen.lineWidth = {width}; pen.lineCap = pen.lineJoin = "round";
    for (const stroke of strokes) {{
      pen.beginPath();
      stroke.forEach(([x, y]) => pen.lineTo(x, y));
      if (stroke.length == 1) pen.lineTo(stroke[0][0] + 0.1, stroke[0][1]);
      pen.stroke();
    }}
    out.value = "strokes = " + JSON.stringify(strokes);
  }}
  const point = (event) => [Math.round(event.offsetX), Math.round(event.offsetY)];
  sheet.onpointerdown = (event) => {{ drawing = true; strokes.push([point(event)]); show(); }};
  sheet.onpointermove = (event) => {{ if (drawing) {{ strokes[strokes.length - 1].push(point(event)); show(); }} }};
  window.addEventListener("pointerup", () => {{ drawing = false; }});
  root.querySelector("button").onclick = () => {{ strokes = []; show(); }};
  out.onclick = () => out.select();
  show();
}})();
</script>
"""

Strokes = Sequence[Sequence[tuple[float, float]]]


class Sheet:
    """A sheet to draw on, where a notebook shows it; below it stand the strokes, to be copied into a cell.

    Nothing but the page is needed: no server, no extension. In a notebook that is only read, it shows the strokes that
    it was given.

    Parameters
    ----------
    strokes : sequence of sequence of (x, y)
        What is drawn on it already, in pixels from the upper left corner.
    """

    def __init__(self, strokes: Strokes = ()) -> None:
        self.strokes = _checked(strokes)

    def _repr_html_(self) -> str:
        sheet = SHEET.format(size=SIZE, width=WIDTH, strokes=json.dumps(self.strokes))
        return f"<div>{sheet}</div>"

    def __repr__(self) -> str:
        return f"a sheet with {len(self.strokes)} strokes"


def picture(strokes: Strokes) -> np.ndarray:
    """What was drawn, as a photograph would show it: (280, 280), float64, 1 paper and 0 ink, with smooth edges.

    Parameters
    ----------
    strokes : sequence of sequence of (x, y)
        As a sheet gives them. A stroke of one point is a dot.

    Raises
    ------
    ValueError
        If a stroke has no point, or a point is no pair of finite numbers.
    """
    rows, columns = np.mgrid[:SIZE, :SIZE]
    distance = np.full((SIZE, SIZE), np.inf)
    for stroke in _checked(strokes):
        for start, end in zip(stroke, stroke[1:] or stroke, strict=False):
            distance = np.minimum(distance, _to_segment(columns, rows, start, end))
    return np.clip(distance - WIDTH / 2 + 0.5, 0, 1)


def _to_segment(x: np.ndarray, y: np.ndarray, start: list[float], end: list[float]) -> np.ndarray:
    """Distance of points from the line between two."""
    (x0, y0), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    length = dx * dx + dy * dy
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0.0
    return np.hypot(x - x0 - along * dx, y - y0 - along * dy)


def _checked(strokes: Strokes) -> list[list[list[float]]]:
    made = []
    for i, stroke in enumerate(strokes):
        try:
            points = np.asarray(stroke, float)
        except (TypeError, ValueError):
            points = np.empty(0)
        if points.ndim != 2 or points.shape[0] == 0 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise ValueError(f"strokes[{i}]: expected points (x, y), at least one; got {stroke!r}")
        made.append(points.tolist())
    return made
