"""What must hold for every notebook and its .py twin. Each guard returns complaints: an empty list is good news."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat

from netlib.cli.pairing import pair

MAX_LINES = 25
MAX_KILOBYTES = 900
MAX_UNCOMPARED = 2
KEPT = {"tags", "jupyter"}  # "jupyter" folds solutions away
HEADING = re.compile(r"# #+ ")  # of text, once more commented out
TAGS = {"parameters", "nbval-ignore-output", "solution", "check", "picture", "colab"}


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def rerun(path: Path) -> subprocess.CompletedProcess:
    """One notebook run by nbval, which compares its outputs with those that it holds."""
    pytest_nbval = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--nbval", "--nbval-current-env"]
    return subprocess.run([*pytest_nbval, path.name], cwd=path.parent, capture_output=True, text=True, check=False)


def _tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def out_of_step(script: Path) -> list[str]:
    """Cells in which the .py file and the .ipynb file beside it differ: kind, source or tags."""
    twin = script.with_suffix(".ipynb")
    if not (script.exists() and twin.exists()):
        return [f"{script.name} and {twin.name} are a pair; one is missing"]
    contents = [
        [(cell.cell_type, cell.source, _tags(cell)) for cell in jupytext.read(path).cells] for path in (script, twin)
    ]
    if len(contents[0]) != len(contents[1]):
        return [f"{script.name} has {len(contents[0])} cells, {twin.name} {len(contents[1])}; run `make render`"]
    differing = [
        f"cell {i} differs between {script.name} and {twin.name}; run `make render`"
        for i, (a, b) in enumerate(zip(*contents, strict=True))
        if a != b
    ]
    saved = pair(script.stem, nbformat.read(twin, as_version=4))[script.name]
    if not differing and saved != script.read_bytes():
        return [f"{script.name} is not what JupyterLab would save, which may refuse to open it; run `make render`"]
    return differing


def unexecuted(path: Path) -> list[str]:
    """A notebook that was not run once from top to bottom without an error; nbval compares nothing in such cells."""
    counts = [cell.execution_count for cell in code_cells(path)]
    complaints = [] if counts == list(range(1, len(counts) + 1)) else [f"{path.name}: cells were run as {counts}"]
    errors = [output.ename for cell in code_cells(path) for output in cell.outputs if output.output_type == "error"]
    return complaints + [f"{path.name}: an output is a {error}" for error in errors]


def untidy(path: Path) -> list[str]:
    """Metadata that changes at every run, live widgets, and too large a file."""
    notebook = nbformat.read(path, as_version=4)
    complaints = [f"{path.name}: metadata {key!r}" for key in notebook.metadata if key != "kernelspec"]
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        complaints.append(f"{path.name}: the kernel must be python3")
    for i, cell in enumerate(notebook.cells):
        complaints += [f"{path.name}, cell {i}: metadata {key!r}" for key in cell.metadata if key not in KEPT]
        complaints += [f"{path.name}, cell {i}: unknown tag {tag!r}" for tag in _tags(cell) if tag not in TAGS]
        if any("widget-view" in mime for output in cell.get("outputs", []) for mime in output.get("data", {})):
            complaints.append(f"{path.name}, cell {i}: a live widget among the outputs")
    if path.stat().st_size > MAX_KILOBYTES * 1000:
        complaints.append(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, more than {MAX_KILOBYTES}")
    return complaints


def unguarded(path: Path) -> list[str]:
    """Code that hides its output from comparison (ignored cells, semicolons, bare magics), or hides text: a heading."""
    cells = code_cells(path)
    ignored = sum("nbval-ignore-output" in _tags(cell) for cell in cells)
    complaints = [] if ignored <= MAX_UNCOMPARED else [f"{path.name}: {ignored} cells ignore their output"]
    for i, cell in enumerate(cells):
        lines = cell.source.splitlines()
        if cell.source.rstrip().endswith(";"):
            complaints.append(f"{path.name}, code cell {i}: ends in a semicolon")
        if any(line.lstrip().startswith(("%", "!")) for line in lines):
            complaints.append(f"{path.name}, code cell {i}: a bare magic")
        complaints += [f"{path.name}, code cell {i}: {line!r} is a heading" for line in lines if HEADING.match(line)]
        if len(lines) > MAX_LINES:
            complaints.append(f"{path.name}, code cell {i}: {len(lines)} lines")
        complaints += [
            f"{path.name}, code cell {i}: uses the private name {name}" for name in private_names(cell.source)
        ]
    return complaints


def private_names(source: str) -> list[str]:
    """Names with one underscore in front that code imports or reaches for; magics are no code."""
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    names = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [part for alias in node.names for part in alias.name.split(".")]
            names += (getattr(node, "module", None) or "").split(".")
    return [name for name in names if name.startswith("_") and not name.startswith("__")]


def bad_parameters(path: Path) -> list[str]:
    """Exactly one cell tagged "parameters", early on, of literals with a comment each and nothing else."""
    cells = code_cells(path)
    tagged = [i for i, cell in enumerate(cells) if "parameters" in _tags(cell)]
    if len(tagged) != 1 or tagged[0] > 2:
        return [f"{path.name}: expected one of the first code cells to be tagged parameters; tagged are {tagged}"]
    source = cells[tagged[0]].source
    values, complaints = {}, []
    for node in ast.parse(source).body:
        line = source.splitlines()[node.lineno - 1]
        try:
            (target,) = node.targets
            values[target.id] = ast.literal_eval(node.value)
        except (AttributeError, ValueError):
            complaints.append(f"{path.name}: {line!r} is no name with a literal")
        if "  # " not in line or ";" in line.split("  # ")[0]:
            complaints.append(f"{path.name}: {line!r} is not one parameter with a comment")
    if values.get("device") != "cpu":
        complaints.append(f'{path.name}: device = "cpu" is not among the parameters')
    return complaints


NOTEBOOK_GUARDS = (unexecuted, untidy, unguarded, bad_parameters)
