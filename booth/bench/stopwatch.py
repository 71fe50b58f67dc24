"""One stopwatch for all: the parent reads the clock when a child says which step is done.

The unmodified script of diffusers says so through its tqdm bar ("Steps: 0%| 7/1000000 [00:02<");
our own variants print the same "7/1000000 [". Parsing the bar was chosen over the difference of
two runs of N1 and N2 steps: one process gives many windows and the time to the first step, and a
machine whose speed changes between two runs cannot turn into a rate. The script reads its loss
back after every step, before its bar is drawn for the last time, so on a card the step is truly
over then; our variants wait for the device at the ends of the windows.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil

from booth.bench.plan import ENDLESS, Plan
from booth.errors import BoothError

_STEP = re.compile(rb"(?:^|\s)(\d+)/%d \[" % ENDLESS)
Clock = Callable[[], tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """When a step was seen to be done."""

    wall: float  # seconds since the process was started
    cpu: float  # seconds of processor time the process has used


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    min: float
    max: float


def spread(values: Sequence[float]) -> Spread:
    """The median and the ends of some measurements."""
    return Spread(median(values), min(values), max(values))


def steps_done(chunks: Iterable[bytes]) -> Iterator[int]:
    """The step numbers a child's output names, in order, with repetitions.

    Output comes in chunks cut anywhere; a bar is redrawn behind a carriage return.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = re.split(rb"[\r\n]", rest + chunk)
        found = _STEP.findall(rest)
        if found:  # a bar that is redrawn in place has no line end of its own
            lines.append(rest)
            rest = b""
        for line in lines:
            yield from (int(number) for number in _STEP.findall(line)[-1:])


def timed(steps: Iterable[int], clock: Clock, until: int) -> dict[int, Mark]:
    """The last moment each step was named, read from `clock`; ends when a later one is."""
    marks: dict[int, Mark] = {}
    for step in steps:
        if step > until:
            break
        marks[step] = Mark(*clock())
    return marks


def windows(marks: dict[int, Mark], plan: Plan) -> tuple[list[float], list[float]]:
    """Steps per second of wall clock and of processor time, of each window."""
    ends = [marks[step] for step in plan.boundaries]
    pairs = list(pairwise(ends))
    wall = [plan.window / (after.wall - before.wall) for before, after in pairs]
    cpu = [plan.window / max(after.cpu - before.cpu, 1e-9) for before, after in pairs]
    return wall, cpu


def follow(command: Sequence[str], plan: Plan, log: Path) -> dict[int, Mark]:
    """Run a child to its last step and say when each was done; its output goes to `log`."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(plan)
    ) as child:
        watched = psutil.Process(child.pid)

        def clock() -> tuple[float, float]:
            used = watched.cpu_times()
            return time.perf_counter() - started, used.user + used.system

        try:
            marks = timed(steps_done(_output(child, log)), clock, plan.last)
        finally:
            if child.poll() is None:  # a peer that would now train on, or save
                child.send_signal(signal.SIGTERM)
            child.communicate()
    if plan.last not in marks:
        raise failed(command, log)
    return marks


def failed(command: Sequence[str], log: Path) -> BoothError:
    """What to tell a person when a child ended before its last step."""
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = said[-1][:300] if said else "it said nothing"
    return BoothError(
        f"A variant of the benchmark stopped early: {last}",
        f"Run it alone to see why: {' '.join(command)}",
    )


def environment(plan: Plan | None) -> dict[str, str]:
    """The environment of every child: the same threads, no network, a bar at every step."""
    threads = {} if plan is None or plan.threads is None else {"OMP_NUM_THREADS": str(plan.threads)}
    return {
        **os.environ,
        **threads,
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_MININTERVAL": "0",
        "PYTHONUNBUFFERED": "1",
    }


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours in a fresh process."""
    return [sys.executable, "-m", module, *arguments]


def _output(child: subprocess.Popen[bytes], log: Path) -> Iterator[bytes]:
    assert child.stdout is not None
    with log.open("wb") as file:
        while chunk := os.read(child.stdout.fileno(), 65536):
            file.write(chunk)
            file.flush()
            yield chunk
