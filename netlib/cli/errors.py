"""What goes wrong, told in a line and not in a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from netlib.data import DataError
from netlib.gpu import DeviceError


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn errors that their messages explain into click's."""
    try:
        yield
    except (DataError, DeviceError, ImportError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
