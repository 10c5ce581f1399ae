"""Central differences: the truth about a gradient that needs no formula."""

import numpy as np

from netlib.backend import namespace, to_host


def central_differences(f, x, step=1e-5):
    """Gradient of the number f() by the float64 array x, entry by entry; f reads x, which is changed and restored."""
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        kept = float(x[place])
        x[place] = kept + step
        above = float(f())
        x[place] = kept - step
        below = float(f())
        x[place] = kept
        gradient[place] = (above - below) / (2 * step)
    return gradient


def assert_gradient(computed, f, x, tolerance=1e-6):
    """`computed` is the gradient of f() by x: the error, relative to the largest entry, is below `tolerance`."""
    assert x.dtype == np.float64, "central differences need float64"
    expected = central_differences(f, x)
    computed = to_host(computed)
    assert computed.shape == expected.shape
    scale = max(np.abs(expected).max(initial=0), 1e-3)
    error = np.abs(computed - expected) / scale
    worst = np.unravel_index(error.argmax(), error.shape) if error.size else ()
    assert error.size == 0 or error.max() < tolerance, (
        f"gradient of shape {computed.shape} is off by {error.max():.1e} of its scale, worst at {worst}: "
        f"{computed[worst]:.9g} computed, {expected[worst]:.9g} by central differences"
    )


def random_like(xp, shape, seed=0):
    """Normal draws in float64 on the device of xp, never twice the same number: no ties."""
    return xp.asarray(np.random.default_rng(seed).standard_normal(shape))


def weighted_sum(y, weights):
    """A number that depends on every entry of y: what gradients are taken of."""
    return (namespace(y).asarray(weights) * y).sum()
