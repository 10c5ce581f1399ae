"""What untrusted input must not make Python do, as Python itself reports it, and how much memory it may take."""

import os
import resource
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

STARTS = ("subprocess.", "socket.", "ctypes.", "pty.", "shutil.", "webbrowser.", "urllib.", "os.exec", "os.spawn")
RUNS = {"os.system", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "code.__new__"}
CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(BaseException):
    """Input made something happen; no exception that readers catch."""


places: list[str] = []  # the folder in which may be written, while something is watched; a list of one, or of none


def _look(event, arguments):
    if not places:
        return
    if event in RUNS or event.startswith(STARTS):
        raise Forbidden(f"{event} {arguments!r}")
    if event == "exec" and arguments[0].co_filename.startswith("<") and "frozen" not in arguments[0].co_filename:
        raise Forbidden(f"{event} {arguments!r}")
    if event in CHANGES or (event == "open" and arguments[2] and arguments[2] & WRITING):
        for path in arguments[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
            if isinstance(path, str | bytes | Path) and not os.path.realpath(os.fsdecode(path)).startswith(places[0]):
                raise Forbidden(f"{event} {arguments!r}")


_begin = cache(lambda: sys.addaudithook(_look))  # for good: a hook cannot be taken away


@contextmanager
def watched(folder):
    """In here, a started process, a connection, executed text, or a change outside the folder is an error."""
    _begin()
    places.append(os.path.realpath(folder))
    try:
        yield
    finally:
        places.clear()


@contextmanager
def memory(more):
    """In here, the process cannot take as many bytes more; elsewhere than on Linux it can."""
    statm = Path("/proc/self/statm")
    before = resource.getrlimit(resource.RLIMIT_AS)
    if statm.exists():
        taken = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
