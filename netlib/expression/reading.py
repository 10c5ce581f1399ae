"""From a text to steps: Python parses it, and what is not on a short list of pieces is refused."""

from __future__ import annotations

import ast
import difflib
import keyword
import math
import re
import warnings
from collections.abc import Callable, Collection, Sequence
from functools import partial, reduce
from itertools import pairwise
from typing import Any

import numpy as np

LONGEST_TEXT, MOST_NODES = 500, 200

Operation = tuple[Callable[..., Any], int]  # a function, and of how many numbers
Step = float | str | Operation  # a string is an argument's name


class ExpressionError(ValueError):
    """A text that is no formula, or a formula without a finite value; says where, and what is allowed."""


def _where(condition: Any, a: Any, b: Any) -> Any:
    return np.where(np.not_equal(condition, 0), a, b)


def _compare(operators: Sequence[np.ufunc], *values: Any) -> Any:
    return reduce(np.multiply, (holds(a, b) for holds, (a, b) in zip(operators, pairwise(values), strict=True)), 1.0)


_TRIGONOMETRIC = ["sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "sinc"]
_OTHERS = ["exp", "log", "log2", "log10", "sqrt", "cbrt", "abs", "sign", "floor", "ceil"]
FUNCTIONS: dict[str, Operation] = {name: (getattr(np, name), 1) for name in _TRIGONOMETRIC + _OTHERS}
FUNCTIONS |= {name: (getattr(np, name), 2) for name in ("minimum", "maximum", "hypot", "heaviside")}
FUNCTIONS |= {"round": (np.rint, 1), "min": (np.minimum, 2), "max": (np.maximum, 2)}
FUNCTIONS |= {"where": (_where, 3), "clip": (np.clip, 3)}
CONSTANTS = {"pi": math.pi, "e": math.e}
_OPERATORS: dict[type, np.ufunc] = {ast.UAdd: np.positive, ast.USub: np.negative, ast.Add: np.add, ast.Sub: np.subtract}
_OPERATORS |= {ast.Mult: np.multiply, ast.Div: np.divide, ast.FloorDiv: np.floor_divide, ast.Mod: np.remainder}
_OPERATORS |= {ast.Pow: np.power, ast.Eq: np.equal, ast.NotEq: np.not_equal, ast.Lt: np.less, ast.LtE: np.less_equal}
_OPERATORS |= {ast.Gt: np.greater, ast.GtE: np.greater_equal}

# What people write elsewhere, and what it is here.
_HERE = {"^": "**", "²": "**2", "³": "**3", "×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "≤": "<=", "≥": ">="}  # noqa: RUF001
_HERE |= {"#": "no comment", "≠": "!=", "π": "pi", "√": "sqrt(x)", "|": "abs(x) for |x|", "ln": "log", "lg": "log10"}
_HINTS: dict[type, str] = {
    ast.And: "write minimum(a, b) for a and b",
    ast.Or: "write maximum(a, b) for a or b",
    ast.Not: "write a == 0 for not a",
    ast.IfExp: "write where(condition, a, b) for a if condition else b",
    ast.Attribute: "write sin(x) for np.sin(x)",
    ast.Tuple: "write decimals with a point; a comma stands only between the arguments of a function",
}
_TOKEN = re.compile(r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*)|[=<>!:]=|\S")


def _near(name: str, known: Collection[str]) -> str:
    guesses = [_HERE[name]] if name in _HERE else difflib.get_close_matches(name.lower(), known, n=3)
    return f"did you mean {' or '.join(guesses)}?" if guesses else f"there are {', '.join(sorted(known))}"


def short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


class Reader:
    """Reads a text once, into `steps`."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        if len(text) > LONGEST_TEXT or not text.strip():
            got = len(text) if text.strip() else "an empty text"
            raise ExpressionError(f"text: expected a formula of at most {LONGEST_TEXT} characters; got {got}")
        self.steps: list[Step] = []
        self.values: dict[str, Step] = {**{name: name for name in names}, **CONSTANTS}
        self.line = re.sub(r"\s", " ", text).rstrip()
        self.source = self.line.lstrip()
        self.check_characters()
        tree = self.parse()
        if (nodes := sum(isinstance(node, ast.expr) for node in ast.walk(tree))) > MOST_NODES:
            raise ExpressionError(f"text: expected at most {MOST_NODES} numbers, names and operations; got {nodes}")
        self.read(tree)

    def error(self, at: int | ast.expr, hint: str = "", found: str = "") -> ExpressionError:
        if isinstance(at, ast.expr):
            found = f"found {short(ast.get_source_segment(self.source, at))!r}"
            at = self.character(at.col_offset)
        allowed = f"numbers, {', '.join(self.values)}, + - * / // % **, comparisons, and functions such as sin(x)"
        shown = "".join(character if character.isprintable() else "?" for character in self.line)
        caret = f"\n    {shown}\n    {' ' * at}^" if len(shown) <= 100 else ""
        return ExpressionError(f"text: {found} at column {at + 1}; {hint or f'expected {allowed}'}{caret}")

    def character(self, offset: int) -> int:
        # The tree counts bytes of UTF-8, from the first character that is no blank.
        return len(self.line) - len(self.source) + len(self.source.encode()[:offset].decode())

    def check_characters(self) -> None:
        """Refuse what is written otherwise here, and operands without an operator between them, as in 2x and 2 sin(x).

        Numbers are decimal ones: in 0x10 there is no operator between 0 and x10.
        """
        for at, character in enumerate(self.line):
            if character in _HERE or not character.isprintable():
                hint = f"write {_HERE[character]}" if character in _HERE else ""
                raise self.error(at, hint, f"found {character!r}")
        for left, right in pairwise(_TOKEN.finditer(self.line)):
            a, b, at = left.group(), right.group(), right.start()
            if b == "=":
                raise self.error(at, "write only what stands to its right", "found '='")
            begins = right.lastgroup or (b == "(" and left.lastgroup != "name")
            if begins and (left.lastgroup or a == ")") and not (keyword.iskeyword(a) or keyword.iskeyword(b)):
                better = f"{a}({b})" if a in FUNCTIONS else f"{a}*{b}"
                raise self.error(at, f"write {short(better)}", f"no operator between {short(a)!r} and {short(b)!r}")

    def parse(self) -> ast.expr:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as the one about 1or 2
                return ast.parse(self.source, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            offset = getattr(error, "offset", None) or 0
            at = self.character(0) + offset - 1 if offset > 0 else len(self.line)
            raise self.error(at, found=error.msg if offset > 0 else "found the end") from None

    def read(self, node: ast.expr) -> None:
        match node:
            case ast.Constant(value=value) if type(value) in (int, float):
                if value > 1.7e308:
                    raise self.error(node, "expected at most 1.7e308")
                self.steps.append(float(value))  # so that 9**9**9 overflows to infinity and does not fill the memory
            case ast.Name(id=name):
                if name not in self.values:
                    raise self.error(node, f"write {name}(...)" if name in FUNCTIONS else _near(name, self.values))
                self.steps.append(self.values[name])
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                self.apply(_OPERATORS[type(op)], [operand])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                self.apply(_OPERATORS[type(op)], [left, right])
            case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _OPERATORS for op in ops):
                self.apply(partial(_compare, [_OPERATORS[type(op)] for op in ops]), [left, *others])
            case ast.Call(func=ast.Name(id=name)):
                if name not in FUNCTIONS:
                    hint = f"write {name}*(...)" if name in self.values else _near(name, FUNCTIONS)
                    raise self.error(node.func, hint)
                function, expected = FUNCTIONS[name]
                if node.keywords or len(node.args) != expected:
                    raise self.error(node, f"{name} takes {expected} argument{'s' * (expected > 1)}")
                self.apply(function, node.args)
            case _:
                raise self.error(node, _HINTS.get(type(getattr(node, "op", getattr(node, "func", node))), ""))

    def apply(self, function: Callable[..., Any], operands: Sequence[ast.expr]) -> None:
        for operand in operands:
            self.read(operand)
        self.steps.append((function, len(operands)))
