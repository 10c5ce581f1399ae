"""The operations of a network as pure functions of arrays, each with its gradient beside it."""

from netlib.ops.activations import ACTIVATIONS, Activation, ReLU, linear, sigmoid, softmax, tanh
from netlib.ops.convolution import conv2d, conv2d_filter_gradient, conv2d_gradients, conv2d_image_gradient
from netlib.ops.costs import COSTS, Cost, cross_entropy, log_likelihood, one_hot, quadratic, targets
from netlib.ops.fused import conv_pool, conv_pool_gradients
from netlib.ops.masks import dropout, dropout_layer, dropout_mask
from netlib.ops.pooling import MODES, TIES, pool2d, pool2d_gradient
from netlib.ops.products import weighted_sum, weighted_sum_gradients

__all__ = [
    "ACTIVATIONS",
    "COSTS",
    "MODES",
    "TIES",
    "Activation",
    "Cost",
    "ReLU",
    "conv2d",
    "conv2d_filter_gradient",
    "conv2d_gradients",
    "conv2d_image_gradient",
    "conv_pool",
    "conv_pool_gradients",
    "cross_entropy",
    "dropout",
    "dropout_layer",
    "dropout_mask",
    "linear",
    "log_likelihood",
    "one_hot",
    "pool2d",
    "pool2d_gradient",
    "quadratic",
    "sigmoid",
    "softmax",
    "tanh",
    "targets",
    "weighted_sum",
    "weighted_sum_gradients",
]
