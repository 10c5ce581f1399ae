"""The weighted sums of a fully connected layer, and why their products are cut into blocks.

A layer of a thousand neurons has a million weights, and with a mini-batch of ten it multiplies each of them ten times:
so little that the time goes into fetching weights from memory. A BLAS is made for larger products. Before it
multiplies, it copies its operands into an order of its own (it packs them), which here costs as much as multiplying.
For small products, up to a million multiplications, OpenBLAS has kernels that read the operands where they lie. So
the weights are taken some rows at a time, each block and the mini-batch making a product that is small enough.

It is the same sum in another order: a block of rows of the weights belongs to some of the inputs, so each block gives a
part of every neuron's sum, and the parts are added up. The gradients do not even change their order: an input's
gradient and a weight's belong to one block alone.
"""

from __future__ import annotations

from netlib.backend import Array, Workspace, namespace

SMALL = 1_000_000  # multiplications in a product that OpenBLAS computes without packing
FEWEST_ROWS = 32  # of a block; with less, calling costs more than packing


def plain_weighted_sum(x: Array, w: Array) -> Array:
    """The definition that `weighted_sum` is held to."""
    return w.T @ x


def weighted_sum(x: Array, w: Array, work: Workspace | None = None) -> Array:
    """Sum the inputs of each neuron, each times its weight (book, equation (25), without biases).

    Parameters
    ----------
    x : (K, N)
        Inputs, mini-batch innermost.
    w : (K, M)
        Weights from K inputs to M neurons.
    work : Workspace, optional
        Where the result lives, valid until `work` is used for the next call.

    Returns
    -------
    (M, N)
    """
    xp = namespace(x, w)
    work = work or Workspace(xp)
    shape = w.shape[1], x.shape[1]
    z, part = work("weighted_sum", shape, x.dtype), work("part", shape, x.dtype)
    first, *others = _blocks(w, x.shape[1])
    xp.matmul(w[first].T, x[first], out=z)
    for block in others:
        z += xp.matmul(w[block].T, x[block], out=part)
    return z


def plain_weighted_sum_gradients(x: Array, w: Array, dz: Array) -> tuple[Array, Array]:
    """The definition that `weighted_sum_gradients` is held to."""
    return w @ dz, x @ dz.T


def weighted_sum_gradients(
    x: Array, w: Array, dz: Array, *, input_gradient: bool = True, work: Workspace | None = None
) -> tuple[Array | None, Array]:
    """Gradients (dx, dw) of a cost with respect to the inputs and weights given to `weighted_sum` (book, BP2 and BP4).

    Parameters
    ----------
    x, w
        As given to `weighted_sum`.
    dz : (M, N)
        Gradient of the cost with respect to its result.
    input_gradient : bool
        Whether `dx` is wanted; a first layer has no use for it.
    work : Workspace, optional
        Where the arrays live; may be the one that `weighted_sum` used.

    Returns
    -------
    dx : (K, N) or None
    dw : (K, M)
    """
    xp = namespace(x, w, dz)
    work = work or Workspace(xp)
    rows = work("rows", dz.shape[::-1], dz.dtype)  # an image in each row: neighbours for the products that follow
    rows[...] = dz.T
    dw = work("dw", w.shape, dz.dtype)
    dx = work("dx", x.shape, dz.dtype) if input_gradient else None
    for block in _blocks(w, x.shape[1]):
        xp.matmul(x[block], rows, out=dw[block])
        if input_gradient:
            xp.matmul(w[block], rows.T, out=dx[block])
    return dx, dw


def _blocks(w: Array, N: int) -> list[slice]:
    """Rows of the weights that make small products with a mini-batch of N; all at once where that would be too few."""
    K, M = w.shape
    rows = SMALL // max(1, M * N)
    if rows < FEWEST_ROWS:
        rows = K
    return [slice(start, start + rows) for start in range(0, K, rows)]
