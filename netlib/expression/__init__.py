"""Functions that a reader types, such as ``0.2 + 0.4*x**2 + 0.3*x*sin(15*x)``.

Python parses the text, but executes nothing of it: the tree is read here, node by node, and what is not on the short
list of numbers, names, operators and functions is refused. It becomes a row of steps in postfix order, which are
computed on whole arrays.
"""

from netlib.expression.formula import Expression, function
from netlib.expression.reading import CONSTANTS, FUNCTIONS, LONGEST_TEXT, MOST_NODES, ExpressionError

__all__ = ["CONSTANTS", "FUNCTIONS", "LONGEST_TEXT", "MOST_NODES", "Expression", "ExpressionError", "function"]
