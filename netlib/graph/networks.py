"""What networks are made of: convolution, pooling, activations and dropout, all of them those of `netlib.ops`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from netlib import checks, ops
from netlib.backend import Array
from netlib.graph.axes import checked_axis, transpose
from netlib.graph.elementwise import cast
from netlib.graph.nodes import Op, Type, Variable, as_variable

Pair = int | tuple[int, int]


@dataclass(frozen=True)
class Convolution(Op):
    """The convolution of images with filters, or one of its gradients.

    Each of the three is linear in both of its arguments, and the gradients of one are the two others.
    """

    name: str
    stride: Pair
    border: str | Pair
    flip: bool

    def types(self, a: Variable, b: Variable, like: Variable | None = None) -> list[Type]:
        dtype = _float_dtype(self.name, a, b)
        return [
            Type(
                dtype,
                like.broadcastable if like is not None else (a.broadcastable[0], b.broadcastable[0], False, False),
            )
        ]

    def perform(self, xp: ModuleType, a: Array, b: Array, like: Array | None = None) -> Array:
        options = {"stride": self.stride, "border": self.border, "flip": self.flip}
        if self.name == "conv2d":
            return ops.conv2d(a, b, **options)
        if self.name == "image_gradient":
            return ops.conv2d_image_gradient(like, a, b, **options)
        return ops.conv2d_filter_gradient(a, like, b, **options)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        convolved, to_images, to_filters = (
            Convolution(name, self.stride, self.border, self.flip)
            for name in ("conv2d", "image_gradient", "filter_gradient")
        )
        (a, b, *_), (d,) = inputs, dys
        if self.name == "conv2d":  # of images and filters
            return [to_images(b, d, a), to_filters(a, d, b)]
        if self.name == "image_gradient":  # of filters and the gradient that arrives
            return [to_filters(d, b, a), convolved(d, a), None]
        return [to_images(d, b, a), convolved(a, d), None]


@dataclass(frozen=True)
class Pool(Op):
    """Windows of images, each summed up in a number."""

    window: Pair
    options: tuple[tuple[str, Any], ...]
    ties: str
    name = "pool_2d"

    def types(self, x: Variable) -> list[Type]:
        return [Type(_float_dtype("pool_2d", x), (*x.broadcastable[:2], False, False))]

    def perform(self, xp: ModuleType, x: Array) -> Array:
        return ops.pool2d(x, self.window, **dict(self.options))

    def gradients(self, inputs: Sequence[Variable], outputs: Sequence[Variable], dys: Sequence[Variable]) -> list:
        return [PoolGradient(self)(inputs[0], outputs[0], dys[0])]


@dataclass(frozen=True)
class PoolGradient(Op):
    """The gradient of a pooling with respect to the images."""

    pool: Pool
    name = "pool_2d's gradient"

    def types(self, x: Variable, y: Variable, dy: Variable) -> list[Type]:
        return [x.type]

    def perform(self, xp: ModuleType, x: Array, y: Array, dy: Array) -> Array:
        return ops.pool2d_gradient(x, y, dy, self.pool.window, **dict(self.pool.options), ties=self.pool.ties)


@dataclass(frozen=True)
class Activate(Op):
    """An activation of `netlib.ops`, entry by entry; for softmax, the units are the first axis."""

    activation: ops.Activation

    def __str__(self) -> str:
        return self.activation.name

    def types(self, z: Variable) -> list[Type]:
        return [Type(_float_dtype(str(self), z), z.broadcastable)]

    def perform(self, xp: ModuleType, z: Array) -> Array:
        return self.activation(xp.asarray(z))

    def gradients(self, inputs: Sequence[Variable], outputs: Sequence[Variable], dys: Sequence[Variable]) -> list:
        return [ActivateGradient(self.activation)(inputs[0], outputs[0], dys[0])]


@dataclass(frozen=True)
class ActivateGradient(Op):
    """The way back through an activation."""

    activation: ops.Activation

    def __str__(self) -> str:
        return f"{self.activation.name}'s gradient"

    def types(self, z: Variable, a: Variable, da: Variable) -> list[Type]:
        return [z.type]

    def perform(self, xp: ModuleType, z: Array, a: Array, da: Array) -> Array:
        return self.activation.backward(xp.asarray(z), xp.asarray(a), xp.asarray(da))


@dataclass(frozen=True)
class Dropout(Op):
    """An array with the units silent where a mask is False."""

    scale: float

    def types(self, x: Variable, mask: Variable) -> list[Type]:
        if mask.dtype != "bool" or mask.broadcastable != x.broadcastable:
            raise TypeError(f"mask: expected one of bools, with the axes of {x}; got {mask}")
        return [Type(_float_dtype("dropout", x), x.broadcastable)]

    def perform(self, xp: ModuleType, x: Array, mask: Array) -> Array:
        if x.shape != mask.shape:
            raise ValueError(f"mask: expected the shape of x, {x.shape}; got {mask.shape}")
        return ops.dropout(x, mask, self.scale)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        return [self(dys[0], inputs[1]), None]


def _float_dtype(name: str, *inputs: Variable) -> str:
    dtypes = {x.dtype for x in inputs}
    if len(dtypes) > 1 or not inputs[0].type.is_float:
        raise TypeError(f"{name}: expected floats of one dtype; got {', '.join(map(str, inputs))}")
    return inputs[0].dtype


def conv2d(
    x: Any, w: Any, *, border_mode: str | Pair = "valid", subsample: Pair = (1, 1), filter_flip: bool = True
) -> Variable:
    """Convolve images (N, C, H, W) with filters (F, C, KH, KW): `ops.conv2d` under Theano's names.

    Parameters
    ----------
    x, w : Variable
    border_mode : {"valid", "half", "full"}, int or (int, int)
        Zeros around the image.
    subsample : int or (int, int)
        Step of the filter.
    filter_flip : bool
        True for a convolution, False for a cross-correlation.
    """
    x, w = _images("x", x), _images("w", w)
    border = border_mode if isinstance(border_mode, str) else checks.pair("border_mode", border_mode, 0)
    if isinstance(border, str):
        checks.choice("border_mode", border, ("valid", "half", "full"))
    return Convolution("conv2d", checks.pair("subsample", subsample, 1), border, bool(filter_flip))(x, w)


def pool_2d(
    x: Any,
    ws: Pair,
    *,
    ignore_border: bool = True,
    stride: Pair | None = None,
    pad: Pair = (0, 0),
    mode: str = "max",
    ties: str = "all",
) -> Variable:
    """Pool images (N, C, H, W) over windows of `ws` rows and columns: `ops.pool2d` under Theano's names.

    Parameters
    ----------
    x : Variable
    ws : int or (int, int)
        Rows and columns of a window.
    ignore_border, stride, mode, ties
        As for `ops.pool2d` and its gradient.
    pad : int or (int, int)
        Rows and columns around the image.
    """
    stride = None if stride is None else checks.pair("stride", stride, 1)
    options = {"stride": stride, "padding": checks.pair("pad", pad, 0), "ignore_border": bool(ignore_border)}
    options["mode"] = checks.choice("mode", mode, ops.MODES)
    window = checks.pair("ws", ws, 1)
    return Pool(window, tuple(options.items()), checks.choice("ties", ties, ops.TIES))(_images("x", x))


def _images(name: str, x: Any) -> Variable:
    x = as_variable(x)
    if x.ndim != 4:
        raise ValueError(f"{name}: expected four axes; got {x}")
    return x


def _activation(activation: ops.Activation) -> Callable[[Any], Variable]:
    def symbolic(z: Any) -> Variable:
        z = as_variable(z)
        whole = z.dtype.startswith(("int", "uint", "bool"))
        return Activate(activation)(cast(z, "float64") if whole else z)

    symbolic.__name__ = symbolic.__qualname__ = activation.name
    symbolic.__doc__ = f"The activation `ops.{activation.name}`, entry by entry."
    return symbolic


sigmoid = _activation(ops.sigmoid)
tanh = _activation(ops.tanh)
relu = _activation(ops.ReLU)
_softmax = _activation(ops.softmax)


def softmax(z: Any, axis: int = -1) -> Variable:
    """The activation `ops.softmax` along an axis: for rows of weighted inputs, each row becomes probabilities."""
    z = as_variable(z)
    axis = checked_axis(axis, z)
    order = [axis, *(a for a in range(z.ndim) if a != axis)]
    return transpose(_softmax(transpose(z, order)), [order.index(a) for a in range(z.ndim)])


def dropout(x: Any, mask: Any, scale: float = 1.0) -> Variable:
    """Silence the units where `mask` is False and multiply the others by `scale`: `ops.dropout`."""
    return Dropout(float(scale))(x, mask)
