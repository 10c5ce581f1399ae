"""``python -m netlib`` is ``netlib``."""

from netlib.cli import main

main()
