"""Training and evaluation timed beside PyTorch and JAX, where these are installed; `netlib bench` runs it.

    python tests/benchmarks/contest.py [--rounds N] [--scaling] [--output FOLDER]

Every contender has a process of its own, so that thread pools do not meet, and they take turns, so that a machine whose
speed drifts is fair to all. First it is shown that all take the same step: the change of the parameters, from the same
weights, images and dropout masks, must agree with netlib's to 1e-4.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import charts
import click
import numpy as np
from charts import best
from contenders import CONTENDERS
from workloads import WORKLOADS, parameters, step_bytes, step_flops

HERE = Path(__file__).parent
BATCHES = (1, 32, 100, 512)  # of the conv net, besides 10
TOLERANCE = 1e-4
PAUSE = 0.3  # seconds before each turn: threads of the one before may wait for work, and keep a core busy, for 0.2


def untuned() -> dict[str, str]:
    """The environment without what OpenBLAS is told: it is to choose the kernels that suit the processor."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}


class Worker:
    """A contender's process."""

    def __init__(self, name: str) -> None:
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NETLIB_THREADS")
        environment = untuned() | dict.fromkeys(names, str(CONTENDERS[name][1])) | {"PYTHONPATH": str(HERE.parents[1])}
        command = [sys.executable, str(HERE / "worker.py"), name]
        self.process = subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, what: str, workload: str, n: int = 10, **more: Any) -> Any:
        """The answer to a request.

        Raises
        ------
        ImportError
            If the contender's library is not installed.
        RuntimeError
            If its process ends without an answer.
        """
        request = {"what": what, "workload": workload, "n": n, **more}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{what} of {workload}: the process ended")
        answer = json.loads(line)
        if "missing" in answer:
            raise ImportError(answer["missing"])
        return answer["value"]

    def end(self) -> None:
        """Let the process finish."""
        self.process.stdin.close()
        self.process.wait()


def differences(name: str, folder: Path) -> dict[str, float]:
    """Distance of a contender's first update from netlib's, relative to its length, for each judged workload."""
    found = {}
    worker = Worker(name)
    for workload in ("dropout", "conv", "shallow"):
        file = folder / f"{workload}.npz"
        reference = folder / f"{workload}-netlib.npz"
        worker.ask("update", workload, file=str(file))
        if not reference.exists():
            file.rename(reference)
            file = reference
        before = parameters(WORKLOADS[workload])
        with np.load(file) as one, np.load(reference) as other:
            ours = np.concatenate([(other[key] - p).ravel() for key, p in zip(other.files, before, strict=True)])
            theirs = np.concatenate([(one[key] - p).ravel() for key, p in zip(one.files, before, strict=True)])
        found[workload] = float(np.linalg.norm(theirs - ours) / np.linalg.norm(ours))
    worker.end()
    return found


def taking_turns(
    workers: dict[str, Worker], rounds: int, what: str, workload: str, n: int, calls: int
) -> dict[str, list[float]]:
    """Each contender's answers over all rounds; the first round warms up and is not kept."""
    answers: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(rounds + 1):
        for name, worker in workers.items():
            time.sleep(PAUSE)
            answer = worker.ask(what, workload, n, calls=max(1, calls // CONTENDERS[name][0].per_call))
            if turn:
                answers[name] += answer if isinstance(answer, list) else [answer]
    return answers


def start_to_first_step(name: str) -> float:
    """Seconds from the start of a process to the end of its first training step of the conv net."""
    started = time.perf_counter()
    worker = Worker(name)
    worker.ask("steps", "conv", calls=1)
    seconds = time.perf_counter() - started
    worker.end()
    return seconds


def machine() -> dict[str, float]:
    """Rates of one core here: billions of operations a second in a large product, and of bytes copied."""
    code = (
        "import numpy as np, time\n"
        "def best(f):\n"
        "    times = []\n"
        "    for _ in range(12):\n"
        "        t = time.perf_counter(); f(); times.append(time.perf_counter() - t)\n"
        "    return min(times)\n"
        "a = np.ones((1024, 1024), 'f'); b = np.ones(1 << 24, 'f'); c = np.empty_like(b)\n"
        "print(2 * 1024**3 / best(lambda: a @ a) / 1e9, 2 * b.nbytes / best(lambda: np.copyto(c, b)) / 1e9)\n"
    )
    environment = untuned() | {"OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    gflops, gbytes = map(float, ran.stdout.split())
    return {"GFLOP/s": gflops, "GB/s": gbytes}


def summary(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median and the middle 80 per cent of each contender."""
    return {
        name: dict(zip(("p10", "median", "p90"), np.percentile(values, (10, 50, 90)).tolist(), strict=True))
        for name, values in times.items()
    }


def show(title: str, found: dict[str, dict[str, float]], unit: str, images: int = 0) -> None:
    """A table of one measurement, with ratios of netlib's best setting to each; and images a second, if any."""
    click.echo(f"\n{title} ({unit})")
    ours = best(found, "netlib")
    for name, values in found.items():
        line = f"  {name:14} {values['median']:10.3f}   80 % within {values['p10']:.3f} and {values['p90']:.3f}"
        ratio = "" if name.startswith("netlib") else f"   netlib's best / this: {ours / values['median']:.2f}"
        click.echo(line + (f"   {images / values['median']:9,.0f} images/s" if images else "") + ratio)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each contender.")
@click.option("--scaling", is_flag=True, help="Also other numbers of maps and hidden neurons.")
@click.option("--quick", is_flag=True, help="Training steps at mini-batch 10 alone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("build/bench"), show_default=True)
def main(rounds: int, scaling: bool, quick: bool, output: Path) -> None:
    """Time training and evaluation beside PyTorch and JAX, as far as these are installed."""
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.npz"):
        old.unlink()
    system = f"{platform.system()}, {platform.machine()}"
    taking_part, result = [], {"platform": system, "numpy": np.__version__, "machine": machine()}
    click.echo("first the same step: difference of the update from netlib's")
    for name in CONTENDERS:
        try:
            found = differences(name, output)
        except ImportError as error:
            click.echo(f"  {name:14} does not take part: {error}")
            continue
        click.echo(f"  {name:14} " + "   ".join(f"{workload} {value:.1e}" for workload, value in found.items()))
        if max(found.values()) > TOLERANCE:
            raise click.ClickException(f"{name} takes another step than netlib; nothing was timed")
        taking_part.append(name)

    def contest(what: str, workload: str, n: int, calls: int) -> dict[str, dict[str, float]]:
        workers = {name: Worker(name) for name in taking_part}
        times = taking_turns(workers, rounds, what, workload, n, calls)
        result.setdefault("memory", {})[f"{workload} {n}"] = {
            name: round(worker.ask("memory", workload, n)) for name, worker in workers.items()
        }
        for worker in workers.values():
            worker.end()
        return summary(times)

    steps = result["steps"] = {}
    plan = [("dropout", 10, 60), ("conv", 10, 100), ("shallow", 10, 400)]
    if not quick:
        plan += [("conv", n, max(4, 400 // n)) for n in BATCHES]
    if scaling:
        plan += [(workload, 10, 40) for workload in WORKLOADS if ", " in workload]
    for workload, n, calls in plan:
        found = steps[f"{workload} {n}"] = contest("steps", workload, n, calls)
        show(f"training step, {workload} net, mini-batch {n}", found, "ms")
        by_flops = step_flops(WORKLOADS[workload], n) / result["machine"]["GFLOP/s"] / 1e6
        by_bytes = step_bytes(WORKLOADS[workload]) / result["machine"]["GB/s"] / 1e6
        click.echo(
            f"  floor on one core: {by_flops:.3f} ms of products, {by_bytes:.3f} ms of moving weights; "
            f"netlib's best is {best(found, 'netlib') / max(by_flops, by_bytes):.1f} times the larger"
        )
    if not quick:
        result["evaluation"] = {}
        for workload in ("dropout", "conv", "shallow"):
            found = result["evaluation"][workload] = contest("evaluate", workload, 10, 0)
            show(f"evaluation of 10,000 images, {workload} net", found, "seconds", 10_000)
        firsts = {name: [start_to_first_step(name) for _ in range(3)] for name in taking_part}
        result["first step"] = summary(firsts)
        show("from process start to the end of the first step, conv net", result["first step"], "seconds")
        click.echo("\npeak memory (MB): " + json.dumps(result["memory"]["dropout 10"]))
    (output / "bench.json").write_text(json.dumps(result, indent=1))
    charts.draw(result, output)
    click.echo(f"\nnumbers and charts are in {output}")


if __name__ == "__main__":
    main()
