"""Formulas as MathML, made when the site is built: no script is needed to read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ARGUMENT = r"\s*([0-9A-Za-z]|\\[A-Za-z]+(?![A-Za-z{])|{(?:[^{}]|{[^{}]*})*})"
FRACTION = re.compile(r"\\([td]?frac)(?![A-Za-z])" + ARGUMENT + ARGUMENT)


def mathml(formula: str, display: bool = False) -> str:
    r"""A formula of TeX as a ``<math>`` element.

    Parameters
    ----------
    formula : str
        Without dollars. Fractions may be written as TeX allows it, ``\frac12``.
    display : bool
        Whether it stands on a line of its own.

    Raises
    ------
    docutils.utils.math.MathError
        If there is a command in it that has no counterpart.
    """
    formula = FRACTION.sub(lambda match: f"\\{match[1]}{_braced(match[2])}{_braced(match[3])}", formula.strip())
    formula = re.sub(r"([_^])(\d)(?=\d)", r"\1{\2}", formula)
    formula = re.sub(r"\\dots(?![A-Za-z])", r"\\ldots", formula)
    return tex2mathml(formula, as_block=display)


def _braced(argument: str) -> str:
    return argument if argument.startswith("{") else f"{{{argument}}}"


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _visit_display(translator: Any, node: nodes.math_block) -> None:
    label = node.get("label") or ""
    found = re.fullmatch(r"equation-(\d+)-(\d+)", label)
    anchor = f' id="{label}"' if found else ""
    translator.body.append(f'<div class="formula"{anchor}>')
    translator.body.append(mathml(node.astext(), display=True))
    if found:
        number = f"({found[1]}.{found[2]})"
        translator.body.append(f'<a class="number" href="#{label}" title="Link to this formula">{number}</a>')
    translator.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Make MathML what Sphinx writes for formulas."""
    app.add_html_math_renderer("mathml", inline_renderers=(_visit_inline, None), block_renderers=(_visit_display, None))
