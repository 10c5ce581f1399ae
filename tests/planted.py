"""Faults that people make, each with the tests that must notice it; `tests/test_planted.py` plants them."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jupytext
import nbformat


class Fault(NamedTuple):
    """What is wrong, in words; a function that does it to a copy of the working tree; tests that must notice it."""

    name: str
    plant: Callable[[Path], None]
    noticed_by: tuple[str, ...]


class Replaced(NamedTuple):
    """One piece of text in the place of another, which a file has exactly once."""

    file: str
    old: str
    new: str

    def __call__(self, folder):
        text = (folder / self.file).read_text()
        assert text.count(self.old) == 1, f"{self.file} has {self.old!r} {text.count(self.old)} times"
        (folder / self.file).write_text(text.replace(self.old, self.new))


def planted_in(file, noticed_by, faults):
    """A fault for each pair of texts."""
    return [Fault(name, Replaced(file, *texts), tuple(noticed_by.split())) for name, texts in faults.items()]


# Numbers

ACTIVATIONS = {
    "the sigmoid's gradient has the wrong sign": ("    slope *= a\n", "    slope *= -a\n"),
    "tanh's gradient has the wrong sign": ("xp.subtract(1, slope, out=slope)", "xp.subtract(slope, 1, out=slope)"),
    "ReLU's gradient has the wrong sign": ("slope = xp.greater(z, 0, out=z)", "slope = -xp.greater(z, 0, out=z)"),
    "ReLU has a slope at its kink": ("xp.greater(z, 0, out=z)", "xp.greater_equal(z, 0, out=z)"),
    "the linear activation's gradient has the wrong sign": ("out[...] = da", "out[...] = -da"),
    "softmax's gradient has the wrong sign": ("subtract(da, mean, out=out)", "subtract(mean, da, out=out)"),
    "softmax overflows": ("xp.subtract(z, z.max(axis=0), out=out)", "xp.subtract(z, 0, out=out)"),
}
CONVOLUTION = {
    "filters are not flipped": ("return w[:, :, ::-1, ::-1] if flip else w", "return w"),
    "a convolution's gradient by images has the wrong sign": ("+= share.transpose(", "-= share.transpose("),
    "a convolution's gradient by filters has the wrong sign": ("return _oriented(dw", "return -_oriented(dw"),
    "a border of half a filter is one too wide": ("(KH // 2, KW // 2)", "(KH // 2 + 1, KW // 2 + 1)"),
}
POOLING = {
    "max-pooling's gradient has the wrong sign": ("+= dy * winner", "-= dy * winner"),
    "sum-pooling's gradient has the wrong sign": ("dx[place] += dy\n", "dx[place] -= dy\n"),
    "pooling does not honour the rule for ties": ('if ties == "first":', 'if ties == "last":'),
    "an average counts the padding or does not, the wrong way round": (
        'if mode == "average_inc_pad":',
        'if mode == "average_exc_pad":',
    ),
}
FUSED = {
    "a layer's filters are not flipped": ("t : t + KW] = w[:, :, ::-1, ::-1]", "t : t + KW] = w"),
    "a layer's gradient by filters has the wrong sign": ("_rows(dz, 3).T, out", "-_rows(dz, 3).T, out"),
    "a layer's gradient by images has the wrong sign": ("+= dcolumns[:, k, m]", "-= dcolumns[:, k, m]"),
    "a layer does not honour the rule for ties": ("            unclaimed ^= winner\n", ""),
    "a layer's pooling misses the last place of a window": (
        "first, *others = _candidates(z",
        "first, *others, _ = _candidates(z",
    ),
}
PRODUCTS = {
    "a fully connected layer's gradient by inputs has the wrong sign": (
        "xp.matmul(w[block], r",
        "xp.matmul(-w[block], r",
    ),
    "a fully connected layer's gradient by weights has the wrong sign": (
        "(x[block], rows, out",
        "(-x[block], rows, out",
    ),
    "the last block of a product is left out": ("in range(0, K, rows)]", "in range(0, max(1, K - rows), rows)]"),
}
COSTS = {
    "the costs' gradient has the wrong sign": ("(a - targets) / a.dtype", "(targets - a) / a.dtype"),
    "the cross-entropy has the wrong sign": ("- targets * z +", "+ targets * z +"),
    "the log-likelihood is a sum and no mean": ("minus_log_a).sum() / z.shape[1]", "minus_log_a).sum()"),
    "the quadratic cost has lost its half": ("/ (2 * z.shape[1])", "/ z.shape[1]"),
}
MASKS = {
    "dropout's seed is ignored": ("rng.key(seed, rng.Purpose.DROPOUT", "rng.key(0, rng.Purpose.DROPOUT"),
    "all layers drop the same units": ("rng.Purpose.DROPOUT, place, step", "rng.Purpose.DROPOUT, 0, step"),
    "all steps drop the same units": ("rng.Purpose.DROPOUT, place, step", "rng.Purpose.DROPOUT, place, 0"),
    "inverted dropout does not make up for what is missing": ("out *= x.dtype.type(scale)", "out *= x.dtype.type(1)"),
}
GRAPH = {
    "the symbolic difference's gradient has the wrong sign": ('[dz, -dz], operator="sub"', '[dz, dz], operator="sub"'),
    "the symbolic product's gradients are swapped": ("[dz * y, dz * x]", "[dz * x, dz * y]"),
    "the symbolic quotient's gradient has the wrong sign": ("-dz * z / y]", "dz * z / y]"),
    "the symbolic exponential's gradient has the wrong sign": (
        '"exp", lambda x, y, dy: [dy * y]',
        '"exp", lambda x, y, dy: [-dy * y]',
    ),
    "the symbolic cosine's gradient has the wrong sign": ("[-dy * sin(x)]", "[dy * sin(x)]"),
}

# Networks and training

LAYERS = {
    "dropout is active at evaluation": ("-1]), step, work)", "-1]), step or 0, work)"),
    "accuracy is taken over dropped output": (
        'a = self.passed("evaluation")[1]\n        return a.reshape',
        'a = self.passed("training")[1]\n        return a.reshape',
    ),
    "evaluation does not weaken the inputs": ("x.dtype.type(1 - self.p_dropout)", "x.dtype.type(1)"),
    "gradients go back through dropped units": ("if dx is not None and mask is not None:", "if False:"),
    "the biases' gradient has the wrong sign": ("[dw, dz.reshape(", "[dw, -dz.reshape("),
}
TRAINING = {
    "a tie is no new best epoch": ("is_best = accuracy >= (", "is_best = accuracy > ("),
    "test accuracy is measured after every epoch": (
        "test() if is_best else None)\n            if",
        "test())\n            if",
    ),
    "an epoch has a mini-batch too many": (
        "return n_images // mini_batch_size if",
        "return n_images // mini_batch_size + 1 if",
    ),
    "an epoch has a mini-batch too few": ("else -(-n_images // mini_batch_size)", "else n_images // mini_batch_size"),
    "a mini-batch lacks its last image": ("(number + 1) * size)", "(number + 1) * size - 1)"),
    "the mean cost is divided by another number": ("/ self.plan.n_batches)", "/ self.plan.mini_batch_size)"),
    "every epoch has the same order": ("rng.Purpose.ORDER, network.steps - done)", "rng.Purpose.ORDER, 0)"),
    "the seed of the order is ignored": ("rng.key(network.seed, rng.Purpose.ORDER", "rng.key(0, rng.Purpose.ORDER"),
    "early stopping takes a tie for better": ("is_best = loss < best", "is_best = loss <= best"),
}
LEARNER = {
    "L2 is divided by the number of images": ('{"batches": n_batches, "examples"', '{"batches": len(x), "examples"'),
    "gradients are those of another step": ('checks.integer("step", step, 0)', "0 * step"),
    "a training step is not counted": ("        self.steps += 1\n", ""),
    "accuracies are of images that fill no mini-batch, too": ("len(rows) // whole * whole", "len(rows)"),
}
OPTIMIZERS = {
    "penalties touch the biases": ('penalty if name == "w" else NO_PENALTY', "penalty"),
    "gradient descent climbs": (
        "parameter -= gradient\n\n    def _penalise",
        "parameter += gradient\n\n    def _penalise",
    ),
    "L2 is not multiplied by the learning rate": ("number(1 - eta * penalty.l2)", "number(1 - penalty.l2)"),
    "L1 pushes weights away from 0": ("signs *= parameter.dtype.type(l1)", "signs *= -parameter.dtype.type(l1)"),
    "momentum climbs": ("velocity -= gradient", "velocity += gradient"),
    "RMSprop forgets at the wrong pace": ("number(1 - self.rho)", "number(self.rho)"),
}
SCHEDULES = {
    "a rate falls an epoch too late": (
        "// self.epochs)\n\n\n@dataclass(frozen=True)\nclass Through",
        "// (self.epochs + 1))\n\n\n@dataclass(frozen=True)\nclass Through",
    ),
    "a tie is taken for better by a rate that waits": ("accuracy > best else", "accuracy >= best else"),
}
RANDOM = {
    "the seed of the weights is ignored": ("rng.key(seed, rng.Purpose.WEIGHTS", "rng.key(0, rng.Purpose.WEIGHTS"),
    "the book's weights are scaled by the inputs": (
        '"book": lambda fan_in, fan_out: math.sqrt(1 / fan_out)',
        '"book": lambda fan_in, fan_out: math.sqrt(1 / fan_in)',
    ),
}

# What is kept, and data

STORAGE = {
    "the steps taken are not restored": ('checks.integer("steps", header["steps"], 0)', "0"),
    "a compressed part is accepted": ("        if squeezed:", "        if False:"),
    "a file of a newer version is accepted": ("version not in range(1, VERSION + 1):", "version not in range(1, 100):"),
}
CHECKPOINTS = {
    "a folder of another run is accepted": ("        if differing:", "        if False:"),
    "what an optimiser remembers is not kept": ("remembered | best, run", "best, run"),
    "a damaged checkpoint is the end": ("                continue\n", "                raise\n"),
}
FILES = {
    "a file has its name before it is complete": (
        'path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.partial")',
        "path",
    ),
}
MNIST = {
    "a mirror that serves a wrong file is believed": ('f"sha256:{FILES[name]}"', "None"),
    "a wrong file in the named folder is read": ("if found != FILES[name]:", "if False:"),
    "pixels of MNIST are divided by 255": ("np.float32(256)", "np.float32(255)"),
    "MNIST's validation data are too few": ("N_TRAINING = 50_000", "N_TRAINING = 55_000"),
}
EXPANSION = {
    "expanded images move the wrong way": ("[:, None] - shift[0]", "[:, None] + shift[0]"),
    "the seed of the expansion is ignored": ('checks.integer("seed", seed, 0), rng.P', "0, rng.P"),
}
DISTORTION = {
    "images are distorted alike in every step": ("AFFINE, step)", "AFFINE, 0)"),
    "the seed of the distortion is ignored": ("rng.key(may.seed, rng", "rng.key(0, rng"),
    "images are turned the other way": ("math.radians(may.rotation) * angle", "math.radians(-may.rotation) * angle"),
}
RECORDS = {
    "a record that was edited is believed": ("    if signature != _signature(content):", "    if False:"),
    "accuracy counts the last epoch's errors": (
        "return 1 - len(self.best_errors) / self.n_test",
        "return 1 - len(self.last_errors) / self.n_test",
    ),
}
PLOTTING = {
    "a figure shows other costs than were measured": (
        "left.semilogy(epochs, history.cost, ",
        "left.semilogy(epochs, history.cost[::-1], ",
    ),
    "a figure's curve begins an epoch late": ("epochs = np.arange(len(", "epochs = 1 + np.arange(len("),
}


def notebook(name, change):
    """A plant that changes a committed notebook."""

    def plant(folder):
        (path,) = (folder / "chapters").glob(f"{name}*.ipynb")
        node = nbformat.read(path, as_version=4)
        change(node)
        nbformat.write(node, path)

    return plant


def code(node):
    return [cell for cell in node.cells if cell.cell_type == "code"]


def unexecute(node):
    cell = code(node)[2]
    cell.execution_count, cell.outputs = None, []


def edit(node):
    code(node)[2].source += "\n# one line more"


def ignore(node):
    for cell in code(node)[:3]:
        cell.metadata["tags"] = ["nbval-ignore-output"]


def change_a_number(node):
    """Another digit at the end of the last number that is printed, the .py file being as it was."""
    output = next(o for cell in reversed(code(node)) for o in cell.outputs if re.search(r"\d\D*$", o.get("text", "")))
    output.text = re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), output.text)


def change_a_figure(node):
    """Another figure of the notebook in the place of one that the README shows."""
    figures = [o.data for cell in code(node) for o in cell.outputs if "image/png" in o.get("data", {})]
    (shown,) = (o.data for cell in code(node) if "picture" in cell.metadata.get("tags", []) for o in cell.outputs)
    shown["image/png"] = next(data["image/png"] for data in figures if data is not shown)


def stale_script(folder):
    path = next((folder / "chapters").glob("05*.py"))
    cells = jupytext.read(path)
    code(cells)[2].source += "\n# one line more"
    jupytext.write(cells, path, fmt="py:percent")


def unknown_key(folder):
    with (folder / "chapters/profiles/book.yaml").open("a") as file:
        file.write("\n  an_unknown_parameter: 3\n")


def edit_record(folder, *, signed):
    """One test image more that was read rightly; where the record is signed anew, nothing but its sense is wrong."""
    path = folder / "data/results/dbl_conv-seed0.json"
    content = json.loads(path.read_text())
    del content["best_errors"][0]
    if signed:
        del content["sha256"]
        content["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content))


def forged_record(folder):
    edit_record(folder, signed=True)


def edited_record(folder):
    edit_record(folder, signed=False)


EVALUATION = "tests/test_layers.py::test_evaluation_never_drops_units"
ACCURACY = "tests/test_layers.py::test_labels_and_accuracy_are_those_of_the_last_evaluation"
DIFFERENCES = "tests/test_layers.py::test_gradients_of_the_training_cost_are_central_differences"
PAIRS = ("tests/test_chapters.py::test_the_two_files_of_a_pair_are_in_step",)
NOTEBOOKS = ("tests/test_chapters.py::test_notebook_passes",)
PICTURES = ("tests/test_chapters.py::test_pictures_in_files_are_those_of_the_notebooks",)
PROFILES = ("tests/test_chapters.py::test_every_key_of_a_profile_is_a_parameter_of_its_notebook",)
RECORD = "tests/test_committed_records.py::test_a_committed_record_is_as_it_was_written_and_has_its_name"
SENSE = "tests/test_committed_records.py::test_the_numbers_of_a_committed_record_agree_with_each_other"
TABLES = "tests/test_committed_records.py::test_the_readme_has_the_tables_of_the_records"

FAULTS = [
    *planted_in("netlib/ops/activations.py", "tests/test_activations.py", ACTIVATIONS),
    *planted_in("netlib/ops/convolution.py", "tests/test_convolution.py tests/test_graph_networks.py", CONVOLUTION),
    *planted_in("netlib/ops/pooling.py", "tests/test_pooling.py", POOLING),
    *planted_in("netlib/ops/fused.py", "tests/test_conv_pool.py", FUSED),
    *planted_in("netlib/ops/products.py", "tests/test_products.py", PRODUCTS),
    *planted_in("netlib/ops/costs.py", "tests/test_costs.py", COSTS),
    *planted_in("netlib/ops/masks.py", "tests/test_dropout.py tests/test_network.py tests/test_network3.py", MASKS),
    *planted_in("netlib/graph/elementwise.py", "tests/test_graph_operations.py", GRAPH),
    *planted_in(
        "netlib/graph/gradient.py",
        "tests/test_graph.py",
        {"symbolic gradients are not added where paths meet": ("arrived[x] + dx if x in arrived else dx", "dx")},
    ),
    *planted_in("netlib/layers/base.py", f"{EVALUATION} {ACCURACY} {DIFFERENCES}", LAYERS),
    *planted_in(
        "netlib/layers/row.py",
        "tests/test_network.py",
        {"the last images of many are not evaluated": ("range(0, n, CHUNK)", "range(0, n - n % CHUNK, CHUNK)")},
    ),
    *planted_in("netlib/training.py", "tests/test_network3.py tests/test_training.py tests/test_stopping.py", TRAINING),
    *planted_in("netlib/learner.py", "tests/test_network3.py tests/test_training.py tests/test_network.py", LEARNER),
    *planted_in("netlib/optimizers.py", "tests/test_optimizers.py", OPTIMIZERS),
    *planted_in("netlib/schedules.py", "tests/test_schedules.py", SCHEDULES),
    *planted_in("netlib/initializers.py", "tests/test_initializers.py", RANDOM),
    *planted_in(
        "netlib/guard.py",
        "tests/test_guard.py",
        {"one finite number is enough for the guard": ("if all(map(math.isfinite", "if any(map(math.isfinite")},
    ),
    *planted_in("netlib/storage.py", "tests/test_storage.py", STORAGE),
    *planted_in("netlib/checkpoints.py", "tests/test_checkpoints.py", CHECKPOINTS),
    *planted_in("netlib/files.py", "tests/test_files.py", FILES),
    *planted_in("netlib/data/mnist.py", "tests/test_mnist.py", MNIST),
    *planted_in(
        "netlib/data/digits.py",
        "tests/test_data.py",
        {"pixels are divided by 255": ("np.float32(256)", "np.float32(255)")},
    ),
    *planted_in(
        "netlib/data/idx.py",
        "tests/test_idx.py",
        {"lengths are read in the wrong order of bytes": ('f">{magic', 'f"<{magic')},
    ),
    *planted_in("netlib/data/expansion.py", "tests/test_expansion.py", EXPANSION),
    *planted_in("netlib/data/distortion.py", "tests/test_distortion.py", DISTORTION),
    *planted_in("netlib/experiments/record.py", "tests/test_records.py", RECORDS),
    *planted_in(
        "netlib/experiments/table.py",
        "tests/test_results_table.py",
        {"the book's rule chooses among all runs": ("records[: recipe.way.runs]", "records")},
    ),
    *planted_in(
        "netlib/committee.py",
        "tests/test_committee.py",
        {
            "a committee's ties go to the last": (
                "most.argmax(axis=0)[None]",
                "(len(most) - 1 - most[::-1].argmax(axis=0))[None]",
            )
        },
    ),
    *planted_in(
        "netlib/uncertainty.py",
        "tests/test_uncertainty.py",
        {"the interval is twice as wide": ("half = z * math.sqrt(", "half = 2 * z * math.sqrt(")},
    ),
    *planted_in(
        "netlib/universality/units.py",
        "tests/test_universality.py",
        {"steps stand on the other side": ("-weight * positions.ravel()", "weight * positions.ravel()")},
    ),
    *planted_in(
        "netlib/gradients/chains.py",
        "tests/test_gradients.py",
        {"a chain's gradient has another neuron's activation": ("self.a[:-1] * self.bias", "self.a[1:] * self.bias")},
    ),
    *planted_in("netlib/plotting/curves.py", "tests/test_plotting.py", PLOTTING),
    *planted_in(
        "netlib/ops/naive.py",
        "tests/test_house.py::test_imports_go_down",
        {"a room looks upstairs": ("import numpy as np\n", "import numpy as np\n\nfrom netlib import training\n")},
    ),
    *planted_in(
        "README.md",
        TABLES,
        {
            "the README has another number than the records": (
                "| 99.06% | 99.07% | 99.08% (3)",
                "| 99.06% | 99.17% | 99.08% (3)",
            )
        },
    ),
    Fault("a pair is stale", stale_script, PAIRS),
    Fault("a cell was edited in the notebook alone", notebook("04", edit), PAIRS),
    Fault("a cell was not executed", notebook("02", unexecute), NOTEBOOKS),
    Fault("many outputs are not compared", notebook("06", ignore), NOTEBOOKS),
    Fault("a printed number is another one", notebook("08", change_a_number), ("chapters/08_on_a_gpu.ipynb",)),
    Fault("a figure is another one", notebook("00", change_a_figure), PICTURES),
    Fault("a profile has a key that no notebook has", unknown_key, PROFILES),
    Fault("a record was edited by hand", edited_record, (RECORD,)),
    Fault("a record was edited by hand and signed anew", forged_record, (SENSE,)),
]

EVERYDAY = (
    "softmax's gradient has the wrong sign",
    "a layer's filters are not flipped",
    "penalties touch the biases",
    "a mirror that serves a wrong file is believed",
    "a cell was not executed",
    "a record was edited by hand and signed anew",
)
