"""Write down what CuPy has: names and arguments, for the stand-in that the tests use where there is no card.

python tests/device/names.py > tests/device/names.json     (with CuPy installed; it needs no card)
"""

import inspect
import json
import re

import cupy


def arguments(function):
    """Names of a function's arguments; those of compiled methods stand in the first line of their docstrings."""
    if isinstance(function, cupy.ufunc):
        return ["*args", "out", "dtype", "casting"]
    try:
        parameters = inspect.signature(function).parameters.values()
        star = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
        return [star.get(p.kind, "") + p.name for p in parameters if p.name != "self"]
    except (TypeError, ValueError):
        first = (function.__doc__ or "").partition("\n")[0]
        found = re.search(r"\((.*)\)", first)
        if not found:
            return ["*args", "**kwargs"]
        listed = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", found[1]).split(",")
        names = [re.split(r"[=:]", name)[0].split()[-1:] for name in listed]
        return [name[0] for name in names if name and name[0] not in ("self", "/", "*")]


def contents(thing):
    """Functions and methods with their arguments; None for what is no function."""
    public = [name for name in dir(thing) if not name.startswith("_")]
    values = {name: getattr(thing, name) for name in public}
    return {name: arguments(v) if callable(v) and not isinstance(v, type) else None for name, v in values.items()}


if __name__ == "__main__":
    found = {"version": cupy.__version__, "module": contents(cupy), "array": contents(cupy.ndarray)}
    text = json.dumps(found, sort_keys=True)
    print(re.sub(r'(\]|null|\}|": \{"array": \{), "', r'\1,\n"', text))  # a line for each name
