"""A first benchmark of a GPU: the same networks on the CPU and on the card, a line of JSON for each.

python tests/benchmarks/gpu.py     (within a minute)
"""

from __future__ import annotations

import json
import time

import numpy as np
from contenders import Netlib
from workloads import WORKLOADS, images, parameters

from netlib.backend import to_host

PLAN = [("dropout", 10), ("conv", 10), ("shallow", 10), ("conv", 100), ("conv", 512)]
ROUNDS = 5


class OnGPU(Netlib):
    """netlib on the card."""

    device = "gpu"


def wait(contender: Netlib) -> None:
    """Let the device finish: a number of its is fetched."""
    float(contender.net.params[-1].sum())


def step_ms(contender: Netlib, calls: int) -> float:
    """Milliseconds of a training step: the best of some rounds, each of which ends when the device is done."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for i in range(calls):
            contender.step(i)
        wait(contender)
        times.append(time.perf_counter() - started)
    return 1000 * min(times) / calls


def main() -> None:
    """Print how each network does."""
    x, _ = images(10_000)
    for name, n in PLAN:
        made = {"cpu": Netlib(WORKLOADS[name], n), "gpu": OnGPU(WORKLOADS[name], n)}
        before = np.concatenate([p.ravel() for p in parameters(WORKLOADS[name])])
        after, found = {}, {"network": name, "mini-batch": n}
        for device, contender in made.items():
            contender.step(0)
            after[device] = np.concatenate([to_host(p).ravel() for p in contender.net.params])
            found[f"{device}: ms a step"] = round(step_ms(contender, max(5, 200 // n)), 4)
            if n == 10:
                contender.evaluate(x[:1000])
                started = time.perf_counter()
                contender.evaluate(x)
                found[f"{device}: images a second"] = round(len(x) / (time.perf_counter() - started))
        moved = np.linalg.norm(after["cpu"] - before)
        found["difference of the first update"] = float(np.linalg.norm(after["gpu"] - after["cpu"]) / moved)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
