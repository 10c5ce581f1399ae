"""netlib: the networks of Nielsen's *Neural Networks and Deep Learning*, chapters 4 to 6, in NumPy and CuPy."""

from netlib.history import History
from netlib.layers import ConvPoolLayer, FullyConnectedLayer, SoftmaxLayer
from netlib.network import Network
from netlib.ops import ReLU, linear, sigmoid, tanh

__all__ = [
    "ConvPoolLayer",
    "FullyConnectedLayer",
    "History",
    "Network",
    "ReLU",
    "SoftmaxLayer",
    "linear",
    "sigmoid",
    "tanh",
]
__version__ = "0.1.0"
