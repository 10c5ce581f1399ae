"""Unstable gradients: how fast each layer learns, and why (book, chapter 5)."""

from netlib.gradients.chains import ChainTerms, biases_for_zero, chain, chain_terms
from netlib.gradients.deep import deep, deep_layers
from netlib.gradients.matrices import MatrixForm, matrix_form
from netlib.gradients.slopes import Silence, silent, slope
from netlib.gradients.speeds import Recorder, mean_gradients, speeds
from netlib.gradients.window import measured_window, widest_window, window_width

__all__ = [
    "ChainTerms",
    "MatrixForm",
    "Recorder",
    "Silence",
    "biases_for_zero",
    "chain",
    "chain_terms",
    "deep",
    "deep_layers",
    "matrix_form",
    "mean_gradients",
    "measured_window",
    "silent",
    "slope",
    "speeds",
    "widest_window",
    "window_width",
]
