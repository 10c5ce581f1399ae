"""Figures with controls in JupyterLab, and the same figures without them wherever a notebook has no kernel.

A function draws a figure from a few values. `explore` shows it with a control for each of them; what is stored with the
notebook is the picture for the values that one starts from, which a static page, papermill and print show.
"""

from netlib.widgets.controls import Choice, Control, Slider, Text
from netlib.widgets.showing import Explorer, Movie, Shown, blank, explore, movie, png

__all__ = ["Choice", "Control", "Explorer", "Movie", "Shown", "Slider", "Text", "blank", "explore", "movie", "png"]
