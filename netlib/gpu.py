"""Whether a GPU can compute here; if not, why, and what would mend it.

Finding CuPy and a card proves little: a library that is missing often shows only at the first kernel or the first
matrix product. So after the questions whose answers explain most, both are run, once, and must give the right number.
CuPy is imported only when somebody asks for a GPU.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import NamedTuple

ROOM = 500  # MB: what CuPy, its libraries and a small network take of a card's memory


class DeviceError(RuntimeError):
    """A device was asked for that cannot be had here, or failed; the message says why, and what would mend it."""


class Problem(NamedTuple):
    """Why there is no GPU to compute on."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


def cuda_version(number: int) -> str:
    """What CUDA means by a number such as 12040."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _install(cuda: int = 12) -> str:
    other = ", or cupy-cuda13x where `nvidia-smi` shows CUDA 13" if cuda == 12 else ""
    return f'`pip install "cupy-cuda{cuda}x[ctk]"`{other}'


@functools.cache
def gpu_problem() -> Problem | None:
    """Why no GPU can be used here, or None if one can; asked once in a process."""
    if importlib.util.find_spec("cupy") is None:
        return Problem("CuPy is not installed", _install())
    try:
        import cupy

        return _driver_problem(cupy) or _card_problem(cupy)
    except Exception as error:  # whatever goes wrong in a driver or a library, the answer is "no GPU, because"
        return Problem(f"CuPy failed: {_told(error)}", _remedy(error))


def _driver_problem(cupy: ModuleType) -> Problem | None:
    """Is there a driver, and does it know the CUDA that CuPy was built for?"""
    driver, built_for = cupy.cuda.runtime.driverGetVersion(), cupy.cuda.runtime.runtimeGetVersion()
    if driver == 0:
        return Problem("there is no NVIDIA driver", "install one, until `nvidia-smi` lists the card")
    major = built_for // 1000
    if driver // 1000 < major:
        return Problem(
            f"CuPy was built for CUDA {major}, and the driver knows no more than {cuda_version(driver)}",
            f"`pip uninstall cupy-cuda{major}x`, then {_install(driver // 1000)}; or update the driver",
        )
    return None


def _card_problem(cupy: ModuleType) -> Problem | None:
    """Is there a card with room, and does it compute?"""
    if cupy.cuda.runtime.getDeviceCount() == 0:
        return Problem(
            "no card can be seen", "`nvidia-smi` should list one, and CUDA_VISIBLE_DEVICES should not hide it"
        )
    free = cupy.cuda.runtime.memGetInfo()[0] // 10**6
    if free < ROOM:
        return Problem(f"the card has only {free} MB of memory free", f"end what else uses it: {ROOM} MB are needed")
    a = cupy.arange(6, dtype="float32").reshape(2, 3)
    answer = float(((a + 1) @ a.T).sum())
    if answer != 113:
        return Problem(f"the card computes wrongly: 113 expected, {answer} computed", "update the driver and CuPy")
    return None


def _remedy(error: Exception) -> str:
    """What to do about CuPy's error."""
    kind, text = type(error).__name__, str(error).lower()
    if isinstance(error, MemoryError):
        return f"end what else uses the card's memory: {ROOM} MB are needed"
    if isinstance(error, ImportError) or kind == "DynamicLibNotFoundError" or "lib" in text or "nvrtc" in text:
        return f"CUDA's libraries are not all there: {_install()}"
    return "`nvidia-smi` tells whether the card itself is well"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextmanager
def gpu_errors(doing: str, kept: Callable[[], str] = str) -> Iterator[None]:
    """Turn what CuPy raises into a DeviceError that says what was being done, what helps, and what is kept.

    Raises
    ------
    DeviceError
        If the card has no memory left, or fails or vanishes.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("cupy", "cupy_backends"):
            raise
        full = isinstance(error, MemoryError)
        what = "the GPU's memory is full" if full else "the GPU failed"
        helps = "a smaller mini_batch_size takes less of it" if full else "`netlib doctor` tells how it is"
        message = f'{what} while {doing} ({_told(error)}); {helps}, and device="cpu" does without it'
        raise DeviceError(f"{message}. {kept()}".strip()) from error
