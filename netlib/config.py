"""What a user wants everywhere: the device and the dtype of networks that do not say.

An environment variable, ``NETLIB_DEVICE`` or ``NETLIB_DTYPE``, decides; else the file ``~/.netlib.toml``, or the one
that ``NETLIB_CONFIG`` names:

    device = "cpu"
    dtype = "float64"

An argument of `Network`, and so a notebook's parameter, wins over both.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import NamedTuple

DEFAULTS = {"device": "auto", "dtype": "float32"}


class Setting(NamedTuple):
    """A value, and who decided it."""

    value: str
    source: str


def path() -> Path:
    """The file that is read, whether it is there or not."""
    return Path(os.path.expanduser(os.environ.get("NETLIB_CONFIG") or "~/.netlib.toml"))


def setting(name: str) -> Setting:
    """What the user wants.

    Parameters
    ----------
    name : {"device", "dtype"}

    Raises
    ------
    ValueError
        If the file is no TOML, has another key or a value that is no text, or is not where NETLIB_CONFIG says.
    """
    variable = f"NETLIB_{name.upper()}"
    if os.environ.get(variable):
        return Setting(os.environ[variable], f"{variable} (environment variable)")
    if not os.path.exists(path()):
        if os.environ.get("NETLIB_CONFIG"):
            raise ValueError(f"NETLIB_CONFIG (environment variable): expected the name of a file; got {str(path())!r}")
        return Setting(DEFAULTS[name], "default")
    try:
        found = tomllib.loads(path().read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path()}: expected a file of settings in TOML; {error}") from error
    for key, value in found.items():
        if key not in DEFAULTS or not isinstance(value, str):
            expected = " and ".join(f'{known} = "..."' for known in DEFAULTS)
            raise ValueError(f"{path()}: expected {expected}; got {key} = {value!r}")
    return Setting(found[name], str(path())) if name in found else Setting(DEFAULTS[name], "default")
