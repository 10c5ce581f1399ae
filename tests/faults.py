"""What may befall a process: it is killed, or the disk is full."""

import os
import resource
import signal
import sys
import time
import traceback
from contextlib import contextmanager

import pytest

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="needs fork, and limits of resources as Linux has them")


def life(work, seconds=None):
    """A process that does some work and is killed after so long, if it has not ended before; whether it had."""
    number = os.fork()  # not anew from the file: the imports would take longer than all of its work
    if number == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    until = None if seconds is None else time.monotonic() + seconds
    while until is None or time.monotonic() < until:
        ended, status = os.waitpid(number, 0 if until is None else os.WNOHANG)
        if ended:
            return was_well(status)
        time.sleep(0.0005)
    os.kill(number, signal.SIGKILL)
    return was_well(os.waitpid(number, 0)[1])


def was_well(status):
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "the process failed; its traceback is above"
    return True


def kill_itself(*_, **__):
    """What a process calls that is to end here."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def full_disk(free):
    """In here, no file can have more bytes: the system refuses them as it does when a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))  # Python ignores the signal that comes with it
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
