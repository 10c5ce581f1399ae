"""What CI has locked, beside what is installed here: ``python .ci/lock.py`` prints the differences."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

LOCK = Path(__file__).with_name("requirements.txt")


def pins():
    """Every requirement of the lock, ``name==version`` with its condition; a package may have several."""
    lines = LOCK.read_text().splitlines()
    return [Requirement(line.removesuffix(" \\")) for line in lines if not line.startswith(("#", " "))]


def differences():
    """Lines that tell which packages are installed in other versions than the lock has for this Python, or not."""
    for pin in pins():
        if pin.marker is None or pin.marker.evaluate():
            try:
                installed = version(pin.name)
            except PackageNotFoundError:
                installed = "not installed"
            locked = str(pin.specifier).removeprefix("==")
            if installed != locked:
                yield f"{pin.name}: locked {locked}, here {installed}"


if __name__ == "__main__":
    print("\n".join(differences()) or "as locked")
