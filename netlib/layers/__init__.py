"""The book's three kinds of layer: convolution with pooling, fully connected, softmax."""

from netlib.layers.base import Layer
from netlib.layers.conv_pool import ConvPoolLayer
from netlib.layers.fully_connected import FullyConnectedLayer, SoftmaxLayer

__all__ = ["ConvPoolLayer", "FullyConnectedLayer", "Layer", "SoftmaxLayer"]
