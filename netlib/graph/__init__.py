"""Computation graphs: expressions written first and computed later, in the way of Theano, and the tiny framework.

Symbols, operations on them, gradients that are graphs too, functions made of all this:

    x, y = dmatrix("x"), lvector("y")
    w = shared(np.zeros((784, 10)), "w")
    p = softmax(dot(x, w))
    cost = -mean(log(p)[arange(y.shape[0]), y])
    train = function([x, y], cost, updates=[(w, w - 0.1 * grad(cost, w))])
"""

# ruff: noqa: A004, F401 - the front door: names are imported to be handed on, all, any, max, min and sum like NumPy's

from typing import Any

from netlib.graph import inputs as _inputs
from netlib.graph.arguments import In, Out
from netlib.graph.axes import dimshuffle, transpose, unbroadcast
from netlib.graph.costs import cross_entropy, log_likelihood, quadratic
from netlib.graph.elementwise import (
    absolute,
    add,
    and_,
    cast,
    ceil,
    clip,
    cos,
    divide,
    eq,
    exp,
    expm1,
    floor,
    floor_divide,
    ge,
    gt,
    invert,
    isinf,
    isnan,
    le,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    neq,
    or_,
    power,
    rounded,
    sign,
    sin,
    sqrt,
    square,
    subtract,
    where,
    xor,
)
from netlib.graph.functions import Function, function
from netlib.graph.gradient import DisconnectedError, grad
from netlib.graph.inputs import col, matrix, row, scalar, tensor, tensor3, tensor4, vector
from netlib.graph.joining import concatenate, split, stack
from netlib.graph.linear import dot, outer, tensordot
from netlib.graph.networks import conv2d, dropout, pool_2d, relu, sigmoid, softmax, tanh
from netlib.graph.nodes import Constant, NotDifferentiableError, Variable, as_variable, constant
from netlib.graph.reductions import (
    all,
    any,
    argmax,
    argmin,
    max,
    mean,
    min,
    ones_like,
    prod,
    shape,
    std,
    sum,
    var,
    zeros_like,
)
from netlib.graph.scanning import scan
from netlib.graph.shapes import (
    arange,
    flatten,
    full,
    ones,
    repeat,
    reshape,
    squeeze,
    tile,
    zeros,
)
from netlib.graph.sharing import SharedVariable, shared
from netlib.graph.sorting import CycleError
from netlib.graph.streams import RandomStreams
from netlib.graph.views import Seen, seen, seen_nodes

switch, sqr, abs_, round_ = where, square, absolute, rounded  # Theano's names


def __getattr__(name: str) -> Any:
    """The typed symbols, ``bscalar`` to ``ztensor4``; see `inputs`."""
    if name in _inputs.TYPED:
        return _inputs.TYPED[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_inputs.TYPED]
