"""The notebooks' committed outputs against fresh runs elsewhere: other Pythons, NumPys, BLAS kernels, threads, SIMD.

    make matrix                                  # every row, an hour on an idle machine; the table is at the end
    .venv/bin/nox -l                             # the rows; -s, -k, -t and -p choose among them
    .venv/bin/nox -s kernels -k Nehalem -- 01 03   # some rows, and of these some notebooks

Rounding hangs on OpenBLAS's kernels, on threads, and on the instructions that NumPy's loops use (SIMD). The rows of
these are few, yet every pair of values is in one of them. What a library prints hangs on its version: Python and NumPy
vary with the kernels that OpenBLAS chooses. What a computer lacks is skipped, by name: an interpreter that is neither
on the PATH nor to be had by uv, or a kernel whose instructions the CPU does not know.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nox

OLDEST = {"3.11": "2.0.0", "3.12": "2.0.0", "3.13": "2.1.0"}  # NumPy 2.0, or the first with a wheel for that Python
ROWS = [("SkylakeX", 1, "all"), ("SkylakeX", 2, "none"), ("Haswell", 1, "all"), ("Haswell", 2, "none")]
ROWS += [("Nehalem", 1, "none"), ("Nehalem", 2, "all")]
EVERYDAY = "Nehalem, 1 thread, SIMD none"  # CI runs this row, on few notebooks
SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES", "NETLIB_THREADS")
UNSET = dict.fromkeys(SETTINGS)
SIMD = "import numpy; print(*numpy.show_config(mode='dicts')['SIMD Extensions'].get('found', []))"
KERNEL = """
import numpy, threadpoolctl
numpy.ones((99, 99)) @ numpy.ones((99, 99))
print(*(pool["architecture"] for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"))
"""

nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = False
nox.options.envdir = "build/matrix"


def named(kernel, threads, simd):
    """A row by a name that reads; CI chooses its own by a tag."""
    name = f"{kernel}, {threads} thread{'s' * (threads > 1)}, SIMD {simd}"
    return nox.param(kernel, threads, simd, id=name, tags=["everyday"] if name == EVERYDAY else [])


def answer(code, changes):
    """What a program prints under changes of the environment; nothing where the CPU lacks one of its instructions."""
    environment = {name: value for name, value in (os.environ | UNSET | changes).items() if value is not None}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    return "" if ran.returncode else ran.stdout.strip()


def compare(session, python, changes):
    """Run the notebooks whose numbers stand after ``--``, or all, and compare what they print."""
    numbers = session.posargs or ["[0-9][0-9]"]
    notebooks = sorted(str(path) for n in numbers for path in Path("chapters").glob(f"{n}_*.ipynb"))
    patient = ["-p", "no:cacheprovider", "--nbval-cell-timeout=3600"]  # two threads on a busy computer are slow
    session.run(python, "-m", "pytest", "-q", *patient, *notebooks, env=UNSET | changes)


@nox.session(venv_backend="none")
@nox.parametrize(("kernel", "threads", "simd"), [named(*row) for row in ROWS])
def kernels(session, kernel, threads, simd):
    """The installed environment, with a kernel of OpenBLAS, threads, and with or without NumPy's newer instructions."""
    changes = {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": str(threads)}
    if simd == "none":
        changes["NPY_DISABLE_CPU_FEATURES"] = answer(SIMD, {})
    computed = answer(KERNEL, changes)
    if computed != kernel:
        session.skip(f"where OpenBLAS is asked for {kernel}, this computer has {computed or 'a crash'}")
    compare(session, sys.executable, changes)


@nox.session(python=list(OLDEST))
@nox.parametrize("numpy", ["oldest", "newest"])
def versions(session, numpy):
    """A new environment on a Python, with the oldest NumPy that is supported there or the newest."""
    session.install("-e", ".[book,test]", f"numpy=={OLDEST[session.python]}" if numpy == "oldest" else "numpy")
    compare(session, "python", {"OPENBLAS_NUM_THREADS": "1"})


def table(sessions):
    """What reports of nox say of their sessions, as a table in Markdown."""
    lines = ["| row | outcome | seconds |", "|---|---|---|"]
    for row in sessions:
        why = f": {row['reason']}" if row["reason"] else ""
        lines.append(f"| {row['signatures'][0]} | {row['result']}{why} | {row['duration']:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(row for report in sys.argv[1:] for row in json.loads(Path(report).read_text())["sessions"]))
