"""What a variant's own process says about itself: which step is done, and its peak memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from booth import disk
from booth.bench.plan import ENDLESS, Plan


def run(steps: Iterable[int], plan: Plan, result: Path) -> None:
    """Make the steps of a plan, marking the first and the ends of the windows."""
    marked = {1, *plan.boundaries}
    for step in steps:
        if step in marked:
            mark(step)
        if step >= plan.last:
            break
    finish(result)


def mark(step: int) -> None:
    """Say that a step is done, once the device has done it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()
    print(f"{step}/{ENDLESS} [", file=sys.stderr, flush=True)


def finish(result: Path) -> None:
    """Leave what only this process knows."""
    disk.write_json(result, {"pid": os.getpid(), **peak_memory()})


def peak_memory() -> dict[str, Any]:
    """Peaks of this process in bytes: resident memory and, on a card, torch's allocator.

    Resident memory is VmHWM where Linux gives it: the ru_maxrss of getrusage also counts the
    process that started this one, as it was at the fork (getrusage(2), fork(2)).
    """
    peaks: dict[str, Any] = {"rss": _peak_rss()}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        peaks["allocated"] = torch.cuda.max_memory_allocated()
        peaks["reserved"] = torch.cuda.max_memory_reserved()
    return peaks


def _peak_rss() -> int | None:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
