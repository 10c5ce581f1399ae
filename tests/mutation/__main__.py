"""Mutation testing: does the suite notice when an operator, a number or a name in the package is another one?

    python -m tests.mutation              # all of it; `make mutation` does the same
    python -m tests.mutation ops/pooling  # one module

mutmut makes thousands of copies of functions, each with one small change, and runs the tests that reach it. Every
module has to be noticed by the tests of its own room, named in `ROOMS`, so that a mutant costs a second and not the
whole suite. What nobody notices must stand in ``explained.json``, with the reason why there is nothing to notice: as a
mutant, or as a rule, which is a pattern of what may differ. Else this fails. What mutmut leaves alone: properties, the
bodies of classes and modules, and the words of f-strings.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.checkout import ROOT, copied

IN_A_ROW = "layers dropout network network3 bad_input storage targets expansion"
TRAINING = "training network network3 targets bad_input checkpoints stopping guard schedules optimizers"
ROOMS = {  # each module, and the tests that must notice what is changed in it
    "ops/activations": "activations operands",
    "ops/convolution": "convolution operands",
    "ops/costs": "costs operands",
    "ops/fused": "conv_pool operands",
    "ops/masks": "dropout operands",
    "ops/naive": "naive",
    "ops/pooling": "pooling operands",
    "ops/products": "products operands",
    "layers/base": IN_A_ROW,
    "layers/conv_pool": IN_A_ROW,
    "layers/description": IN_A_ROW,
    "layers/fully_connected": IN_A_ROW,
    "layers/row": IN_A_ROW,
    "network": IN_A_ROW,
    "learner": TRAINING,
    "training": TRAINING,
}
LEFT_OUT = (  # slow, and what they notice others notice; the first counts bytes, of which mutmut needs some itself
    "test_network.py::test_a_training_step_takes_no_new_memory",
    "test_checkpoints.py::test_a_run_that_is_killed",
    "test_checkpoints.py::test_a_run_in_pieces_ends_with_the_same_bits[stops0",
    "test_checkpoints.py::test_a_run_in_pieces_ends_with_the_same_bits[stops1",
    "test_guard.py::test_a_run_that_is_well",
    "test_guard.py::test_on_a_gpu_it_fetches",
    "test_guard.py::test_the_weights_of_before",
    "test_layers.py::test_gradients_of_the_training_cost_are_central_differences[stand",
    "test_network3.py::test_importing",
    "test_network3.py::test_the_books_convolutional_listing",
    "test_stopping.py::test_with_more_patience",
    "test_training.py::test_a_convolutional_network_with",
    "test_training.py::test_a_fully_connected_network_learns",
)
FOLDER = ROOT / "build" / "mutation"
EXPLAINED = json.loads(Path(__file__).with_name("explained.json").read_text())
MUTMUT = Path(sys.executable).with_name("mutmut")
UNNOTICED = {"survived", "no tests"}


def options(modules, room):
    """mutmut's part of pyproject.toml; a list in JSON is one in TOML."""
    # without what collects all garbage at the end of each run, which takes as long as the tests
    plugins = ("nbval", "cacheprovider", "unraisableexception", "threadexception")
    arguments = [*(part for plugin in plugins for part in ("-p", f"no:{plugin}")), "-o", "addopts="]
    chosen = {
        "source_paths": ["netlib"],
        "only_mutate": [f"netlib/{module}.py" for module in modules],
        "also_copy": ["data"],
        "timeout_multiplier": 3.0,
        "timeout_constant": 5.0,
        "pytest_add_cli_args": arguments + [f"--deselect=tests/{test}" for test in LEFT_OUT],
        "pytest_add_cli_args_test_selection": [f"tests/test_{name}.py" for name in room.split()],
    }
    lines = (f"{name} = {json.dumps(value)}" for name, value in chosen.items())
    return "\n".join(["\n[tool.mutmut]", *lines, ""])


def mutmut(folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "NETLIB_DATA"}  # not on MNIST
    environment |= {"OPENBLAS_NUM_THREADS": "1"}
    command = [MUTMUT, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def mutate(modules, room):
    """Every mutant of some modules: its module, what became of it, and if nobody noticed it, what it is."""
    folder = FOLDER / modules[0].replace("/", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copied(folder)
    with (folder / "pyproject.toml").open("a") as file:
        file.write(options(modules, room))
    ran = mutmut(folder, "run", "--max-children", "1")
    results = re.findall(r"^ +netlib\.(\S+): (.+)$", mutmut(folder, "results", "--all", "true").stdout, re.MULTILINE)
    if ran.returncode or not results or any(status == "not checked" for _, status in results):
        raise SystemExit(f"mutmut did not get through {', '.join(modules)}:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    for name, status in results:
        module = name.rpartition(".")[0].replace(".", "/")
        yield module, status, described(folder, name) if status in UNNOTICED else ""


def described(folder, name):
    """A mutant by what it changes, which stays the same when others come and go."""
    diff = mutmut(folder, "show", f"netlib.{name}").stdout.splitlines()
    code = [re.sub(r"  # .*", "", line) for line in diff[3:]]  # after the names of the files
    removed, added = (" ".join(line[1:].strip() for line in code if line[0] == sign) for sign in "-+")
    function = re.sub(r"^x[_ǁ]|__mutmut_\d+$", "", name.rpartition(".")[2])
    return f"{name.rpartition('.')[0]} {function.replace('ǁ', '.')}: {removed} => {added}"


def explained(mutant):
    """Whether it is one of those that change nothing, or differs from the original only by what a rule allows."""
    if any(mutant in mutants for mutants in EXPLAINED["mutants"].values()):
        return True
    removed, added = mutant.split(": ", 1)[1].split(" => ", 1)
    return any(re.sub(rule, "", removed) == re.sub(rule, "", added) for rule in EXPLAINED["rules"].values())


def main(asked):
    unknown = set(asked) - set(ROOMS)
    if unknown:
        raise SystemExit(f"no module {', '.join(sorted(unknown))}; there are {', '.join(ROOMS)}")
    rooms: dict[str, list[str]] = {}
    for module in asked or ROOMS:
        rooms.setdefault(ROOMS[module], []).append(module)
    total, started = Counter(), time.monotonic()
    print(f"{'module':24}{'mutants':>8}{'noticed':>9}{'explained':>11}{'left':>6}")
    for room, modules in rooms.items():
        counts: dict[str, Counter] = {module: Counter() for module in modules}
        for module, status, mutant in mutate(modules, room):
            kind = "noticed" if status not in UNNOTICED else "explained" if explained(mutant) else "left"
            counts[module] += Counter({kind: 1, "mutants": 1})
            if kind == "left":
                print(f"    {mutant}")
        for module, count in counts.items():
            total += count
            print(f"{module:24}{tell(count)}", flush=True)
    print(f"{'all':24}{tell(total)}  in {time.monotonic() - started:.0f} s")
    share, rest = total["noticed"] / total["mutants"], total["mutants"] - total["explained"]
    print(f"score {share:.1%}; {total['noticed'] / rest:.1%} of those that can be noticed")
    return total["left"] > 0


def tell(count):
    return f"{count['mutants']:8}{count['noticed']:9}{count['explained']:11}{count['left']:6}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
