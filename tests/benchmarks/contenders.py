"""The libraries that take part, each training the same network in its own best way.

A contender is made for a workload and a mini-batch size. ``step(i)`` trains on mini-batch number i; ``evaluate(x)``
gives the labels of images; ``updated(masks)`` takes one step from the given parameters with given dropout masks, and
returns the parameters in the layout of `workloads.parameters`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from workloads import ETA, SIDE, Conv, Full, Workload, images, parameters

N_IMAGES = 1000


class Netlib:
    """This package."""

    per_call = 1  # training steps in a call of `step`
    device = "cpu"

    def __init__(self, workload: Workload, n: int) -> None:
        from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, sigmoid
        from netlib.optimizers import Penalty

        made = []
        for layer in workload.layers:
            if isinstance(layer, Conv):
                shape = (None, layer.maps, layer.side, layer.side)
                made.append(ConvPoolLayer(layer.w_shape, shape, activation_fn=ReLU, ties="first"))
            elif layer.activation == "softmax":
                made.append(SoftmaxLayer(layer.n_in, layer.n_out, p_dropout=layer.p_dropout))
            else:
                activation = {"ReLU": ReLU, "sigmoid": sigmoid}[layer.activation]
                made.append(FullyConnectedLayer(layer.n_in, layer.n_out, activation, layer.p_dropout))
        self.net, self.n = Network(made, n, device=self.device), n
        self.penalty = Penalty((1 - workload.decay) / ETA)
        for parameter, value in zip(self.net.params, parameters(workload), strict=True):
            parameter[...] = self.net.xp.asarray(value)
        self.x, self.y = (self.net.xp.asarray(array) for array in images(max(N_IMAGES, n)))

    def step(self, i: int) -> None:
        start = i * self.n % (len(self.x) - self.n + 1)
        x, y = self.x[start : start + self.n], self.y[start : start + self.n]
        self.net.train_mini_batch(x, y, ETA, self.penalty)

    def updated(self, masks: list[np.ndarray]) -> list[np.ndarray]:
        from netlib import ops

        n_dropping = sum(layer.p_dropout > 0 for layer in self.net.layers)
        drawn = iter(masks[len(masks) - n_dropping :])  # the others are all ones, and nobody asks for them
        original, ops.dropout_mask = ops.dropout_mask, lambda *_, **__: next(drawn)
        try:
            self.step(0)
        finally:
            ops.dropout_mask = original
        return self.net.params

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return self.net.predict(x)


class Torch:
    """PyTorch, eager.

    Its convolutions are cross-correlations, so filters are turned on the way in and out. While it is timed it scales
    what dropout keeps, as its own function does; for the comparison of updates it takes the masks as they are.
    """

    per_call = 1
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, workload: Workload, n: int) -> None:
        import torch

        self.torch, self.workload, self.n = torch, workload, n
        self.params = [torch.tensor(value) for value in parameters(workload)]
        for i, layer in enumerate(workload.layers):
            if isinstance(layer, Conv):
                self.params[2 * i] = self.params[2 * i].flip(2, 3).contiguous()
            else:
                self.params[2 * i] = self.params[2 * i].T.contiguous()
        for parameter in self.params:
            parameter.requires_grad_()
        weights, biases = self.params[::2], self.params[1::2]
        penalty = (1 - workload.decay) / ETA
        groups = [{"params": weights, "weight_decay": penalty}, {"params": biases}]
        self.optimizer = torch.optim.SGD(groups, lr=ETA, **self.options)
        x, y = images(max(N_IMAGES, n))
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)

    def forward(self, x: Any, masks: list[Any] | None, training: bool) -> Any:
        functional = self.torch.nn.functional
        drawn = iter(masks or [])
        if isinstance(self.workload.layers[0], Conv):
            x = x.reshape(-1, 1, SIDE, SIDE)
        for layer, w, b in zip(self.workload.layers, self.params[::2], self.params[1::2], strict=True):
            if isinstance(layer, Conv):
                x = functional.relu(functional.max_pool2d(functional.conv2d(x, w, b), 2))
                continue
            x = x.flatten(1)
            if masks is not None:
                x = x * next(drawn)
            elif training and layer.p_dropout:
                x = functional.dropout(x, layer.p_dropout)
            x = functional.linear(x, w, b)
            if layer.activation != "softmax":
                x = functional.relu(x) if layer.activation == "ReLU" else self.torch.sigmoid(x)
        return x

    def step(self, i: int, masks: list[Any] | None = None) -> None:
        start = i * self.n % (len(self.x) - self.n + 1)
        x, y = self.x[start : start + self.n], self.y[start : start + self.n]
        self.optimizer.zero_grad()
        self.torch.nn.functional.cross_entropy(self.forward(x, masks, True), y).backward()
        self.optimizer.step()

    def updated(self, masks: list[np.ndarray]) -> list[np.ndarray]:
        self.step(0, [self.torch.from_numpy(mask.T.copy()) for mask in masks])
        params = [parameter.detach() for parameter in self.params]
        for i, layer in enumerate(self.workload.layers):
            params[2 * i] = params[2 * i].flip(2, 3) if isinstance(layer, Conv) else params[2 * i].T
        return [parameter.numpy() for parameter in params]

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        with self.torch.inference_mode():
            parts = [self.forward(part, None, False).argmax(1) for part in self.torch.from_numpy(x).split(1000)]
        return self.torch.cat(parts).numpy()


class TorchFused(Torch):
    """PyTorch with its fused optimiser."""

    options: ClassVar[dict[str, Any]] = {"fused": True}


class Jax:
    """JAX, one compiled step a call."""

    per_call = 1

    def __init__(self, workload: Workload, n: int) -> None:
        import jax

        self.jax, self.workload, self.n = jax, workload, n
        self.params = [jax.numpy.asarray(value) for value in parameters(workload)]
        self.x, self.y = (jax.numpy.asarray(array) for array in images(max(N_IMAGES, n)))
        self.key = jax.random.key(0)
        self.compiled = jax.jit(self.calls, donate_argnums=0)
        self.labels = jax.jit(lambda params, x: self.forward(params, x, None).argmax(axis=1))

    def forward(self, params: list[Any], x: Any, masks: list[Any] | None) -> Any:
        np_, lax = self.jax.numpy, self.jax.lax
        drawn = iter(masks or [])
        if isinstance(self.workload.layers[0], Conv):
            x = x.reshape(-1, 1, SIDE, SIDE)
        for layer, w, b in zip(self.workload.layers, params[::2], params[1::2], strict=True):
            if isinstance(layer, Conv):
                z = lax.conv(x, w[:, :, ::-1, ::-1], (1, 1), "VALID")
                z = lax.reduce_window(z, -np_.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
                x = np_.maximum(z + b[:, None, None], 0)
                continue
            x = x.reshape(len(x), -1)
            x = x * next(drawn) if masks else x
            x = x @ w + b
            if layer.activation != "softmax":
                x = np_.maximum(x, 0) if layer.activation == "ReLU" else self.jax.nn.sigmoid(x)
        return x

    def one(self, params: list[Any], start: Any, masks: list[Any] | None) -> list[Any]:
        x = self.jax.lax.dynamic_slice_in_dim(self.x, start, self.n)
        y = self.jax.lax.dynamic_slice_in_dim(self.y, start, self.n)

        def cost(params: list[Any]) -> Any:
            scores = self.jax.nn.log_softmax(self.forward(params, x, masks))
            return -self.jax.numpy.take_along_axis(scores, y[:, None], axis=1).mean()

        gradients = self.jax.grad(cost)(params)
        shrink = [self.workload.decay, 1.0] * len(self.workload.layers)
        return [f * p - ETA * g for f, p, g in zip(shrink, params, gradients, strict=True)]

    def drawn(self, key: Any) -> list[Any] | None:
        full = [layer for layer in self.workload.layers if isinstance(layer, Full)]
        if not any(layer.p_dropout for layer in full):
            return None
        random = self.jax.random
        keys = random.split(key, len(full))
        return [
            random.bernoulli(k, 1 - layer.p_dropout, (self.n, layer.n_in)).astype("float32")
            for k, layer in zip(keys, full, strict=True)
        ]

    def calls(self, params: list[Any], start: Any) -> list[Any]:
        return self.one(params, start, self.drawn(self.jax.random.fold_in(self.key, start)))

    def step(self, i: int) -> None:
        start = i * self.n % (len(self.x) - self.n + 1)
        self.params = self.jax.block_until_ready(self.compiled(self.params, start))

    def updated(self, masks: list[np.ndarray]) -> list[np.ndarray]:
        given = [self.jax.numpy.asarray(mask.T) for mask in masks]
        return [np.asarray(p) for p in self.jax.jit(self.one)(self.params, 0, given)]

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.concatenate([np.asarray(self.labels(self.params, x[i : i + 1000])) for i in range(0, len(x), 1000)])


class JaxScan(Jax):
    """JAX, twenty steps compiled into one call."""

    per_call = 20

    def calls(self, params: list[Any], start: Any) -> list[Any]:
        room = len(self.x) - self.n + 1
        starts = (start + self.n * self.jax.numpy.arange(self.per_call)) % room

        def body(params: list[Any], start: Any) -> tuple[list[Any], None]:
            return Jax.calls(self, params, start), None

        return self.jax.lax.scan(body, params, starts)[0]


CONTENDERS = {  # name: class, and the threads that its process may use
    "netlib:1": (Netlib, 1),
    "netlib:2": (Netlib, 2),
    "torch:1": (Torch, 1),
    "torch:2": (Torch, 2),
    "torch fused:1": (TorchFused, 1),
    "torch fused:2": (TorchFused, 2),
    "jax": (Jax, 2),
    "jax scan": (JaxScan, 2),
}
