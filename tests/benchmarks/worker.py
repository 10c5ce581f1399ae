"""One contender in a process of its own: reads requests from its standard input, a line of JSON each, and answers.

python worker.py CONTENDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from contenders import CONTENDERS
from workloads import WORKLOADS, images, masks


def serve(name: str, answer: Callable[[Any], None]) -> None:
    """Answer requests until there are no more."""
    kind, threads = CONTENDERS[name]
    if name.startswith("torch"):
        import torch

        torch.set_num_threads(threads)
    made: dict[tuple[str, int], Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = request["workload"], request["n"]
        if request["what"] == "update":
            parameters = kind(WORKLOADS[key[0]], key[1]).updated(masks(WORKLOADS[key[0]], key[1]))
            np.savez(request["file"], *parameters)
            answer(None)
            continue
        if key not in made:
            made[key] = kind(WORKLOADS[key[0]], key[1])
        contender = made[key]
        if request["what"] == "steps":
            times = []
            for i in range(request["calls"]):
                started = time.perf_counter()
                contender.step(i)
                times.append(1000 * (time.perf_counter() - started) / kind.per_call)
            answer(times)
        elif request["what"] == "evaluate":
            x, _ = images(10_000)
            started = time.perf_counter()
            contender.evaluate(x)
            answer(time.perf_counter() - started)
        elif request["what"] == "memory":
            answer(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    out = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    try:
        serve(sys.argv[1], lambda value: print(json.dumps({"value": value}), file=out, flush=True))
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=out, flush=True)
