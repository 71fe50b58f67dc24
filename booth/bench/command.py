"""`booth bench` from beginning to end: prepare, pass the gate, visit every variant, report.

This process only starts others and reads the clock: it knows no torch, so that nothing of its
own weighs on what it measures.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from booth import disk, passages
from booth.bench import peer as peers
from booth.bench import plan as plans
from booth.bench import report, stopwatch
from booth.bench.plan import Plan, Variant
from booth.errors import BoothError

Line = dict[str, Any]


def run(peer: Path | None = None, with_ladder: bool = True) -> Iterator[Line]:
    """Measure; yields progress lines, and the report last (`event` "report")."""
    with tempfile.TemporaryDirectory(prefix="birdie-bench-", ignore_cleanup_errors=True) as root:
        folder = Path(root)
        yield _progress("Preparing", 0, 1)
        facts = _task("prepare", folder, None)
        plan = plans.plan_for(facts["cuda"], facts["bf16"])
        main = plans.main_variants(plan, peer, os.cpu_count() or 1)
        order = plans.visits(main, plans.ladder(plan.cuda) if with_ladder else [])
        yield _progress("Comparing with the plain loop", 0, len(order) + 1)
        numerics = _task("gate", folder, plan)
        found: dict[str, list[Line]] = {}
        for number, variant in enumerate(order, 1):
            yield _progress(f"Timing: {variant.name}", number, len(order) + 1)
            try:
                seen = visit(variant, plan, folder, folder / f"visit{number}")
            except BoothError as error:
                if not variant.may_fail:
                    raise
                yield {"event": "notice", "text": f"{variant.name}: left out. {error.problem}"}
                continue
            found.setdefault(variant.name, []).append(seen)
    told = {"facts": facts, "plan": asdict(plan), "peer": _peer_facts(peer), "gate": numerics}
    yield {"event": "report", **report.build(found, told, _described(order))}


def verb(
    peer: Path | None, out: Path | None, readme: Path | None, with_ladder: bool
) -> Iterator[Line]:
    """What `booth bench` says: progress, a table for people, and the few numbers last."""
    if peer is not None and not peer.is_file():
        raise BoothError(f'There is no script "{peer}".', "Give the path of train_dreambooth.py.")
    for line in run(peer, with_ladder):
        if line["event"] != "report":
            yield line
    text = report.table(line)
    if out is not None:
        disk.write_json(out, line)
    if readme is not None:
        passages.write(readme, "bench", text)
    yield {"event": "table", "text": text}
    yield {"event": "done", **report.summary(line)}


def visit(variant: Variant, plan: Plan, folder: Path, own: Path) -> Line:
    """One visit to a variant in a fresh process: its windows, first step and peak memory."""
    own.mkdir(parents=True)
    result = own / "result.json"
    command = _command(variant, plan, folder, own)
    marks = stopwatch.follow(command, plan, own / "log.txt")
    wall, cpu = stopwatch.windows(marks, plan)
    if not result.exists():
        raise stopwatch.failed(command, own / "log.txt")
    first = marks[min(marks.keys() - {0})].wall
    return {"windows": wall, "cpu_windows": cpu, "first_step": first, **disk.read_json(result)}


def _command(variant: Variant, plan: Plan, folder: Path, own: Path) -> list[str]:
    result = str(own / "result.json")
    if variant.kind == "peer":
        told = [*peers.flags(folder, own / "output", plan), *variant.options["flags"]]
        return stopwatch.python("booth.bench.peer", result, variant.options["script"], *told)
    options = json.dumps({"plan": asdict(plan), "options": variant.options})
    return stopwatch.python("booth.bench.child", variant.kind, str(folder), result, options)


def _task(task: str, folder: Path, plan: Plan | None) -> Line:
    """Run a task that is not timed, in a process of its own, and read what it found."""
    result = folder / {"prepare": "facts.json", "gate": "gate.json"}[task]
    told = [str(result), json.dumps({"plan": asdict(plan)})] if plan is not None else []
    command = stopwatch.python("booth.bench.child", task, str(folder), *told)
    log = folder / f"{task}.txt"
    with log.open("wb") as file:
        environment = stopwatch.environment(plan)
        subprocess.run(command, stdout=file, stderr=file, env=environment, check=False)
    if not result.exists():
        raise stopwatch.failed(command, log)
    found: Line = disk.read_json(result)
    return found


def _peer_facts(peer: Path | None) -> Line | None:
    if peer is None:
        return None
    own = importlib.util.find_spec("torchvision") is not None
    return {
        "script": peer.name,
        "sha256": hashlib.sha256(peer.read_bytes()).hexdigest(),
        "torchvision": "installed" if own else "stand-in (booth/bench/standin.py)",
    }


def _described(order: Sequence[Variant]) -> dict[str, Line]:
    described = {}
    for variant in order:
        options = {key: value for key, value in variant.options.items() if key != "script"}
        described[variant.name] = {"kind": variant.kind, "options": options}
    return described


def _progress(stage: str, done: int, total: int) -> Line:
    return {"event": "progress", "stage": stage, "done": done, "total": total}
