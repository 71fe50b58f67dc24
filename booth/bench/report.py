"""What was measured, as ratios, as a table for people, and as a passage of the README.

Without a card only ratios are told: the small model's times say nothing about anybody's
training, and windows are given relative to the baseline's median.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from statistics import median
from typing import Any

from booth.bench import plan as plans
from booth.bench.stopwatch import spread

Line = dict[str, Any]
_SUMMARY = (
    "device", "steps_per_second_ratio", "peak_memory_ratio", "cpu_time_ratio", "first_step_ratio",
    "numerics", "baseline",
)  # fmt: skip
_DRIFT = 0.03  # of the speed between two visits of one variant; more is told


def build(found: Mapping[str, list[Line]], told: Line, described: Mapping[str, Line]) -> Line:
    """The whole report, JSON-ready. `found` has the visits of every variant by its name."""
    facts, gate = told["facts"], told["gate"]
    variants = {name: {**described[name], **_summary(visits)} for name, visits in found.items()}
    baseline = _baseline(variants)
    ours, peer = variants[plans.OURS.name], variants[baseline]
    passed = gate["numerics"] == "ok"
    report = {
        "device": facts["device"],
        "steps_per_second_ratio": _ratio(ours, peer, "steps_per_second") if passed else None,
        "peak_memory_ratio": _ratio(ours, peer, "peak_memory") if passed else None,
        "cpu_time_ratio": _ratio(ours, peer, "steps_per_cpu_second") if passed else None,
        "first_step_ratio": _ratio(ours, peer, "first_step") if passed else None,
        "numerics": gate["numerics"],
        "baseline": baseline,
        **told,
        "variants": variants,
        "ladder": _ladder({n: v for n, v in variants.items() if not _void(n, gate)}),
    }
    return _with_ceiling(report) if facts["cuda"] else _relative(report)


def _baseline(variants: Mapping[str, Line]) -> str:
    """The peer's quickest way here (its best flags need not be), or the reference semantics."""
    peers = [name for name in (plans.PEER_BEST, plans.PEER_DEFAULT) if name in variants]
    speeds = {name: variants[name]["steps_per_second"]["median"] for name in peers}
    return max(speeds, key=lambda name: speeds[name]) if speeds else plans.REFERENCE.name


def _summary(visits: list[Line]) -> Line:
    """Medians and ends over all windows of all visits; peaks are the largest seen."""
    wall = [rate for visit in visits for rate in visit["windows"]]
    cpu = [rate for visit in visits for rate in visit["cpu_windows"]]
    by_visit = [median(visit["windows"]) for visit in visits]
    memory = "allocated" if "allocated" in visits[0] else "rss"
    peaks = [visit[memory] for visit in visits if visit.get(memory)]
    return {
        "steps_per_second": asdict(spread(wall)),
        "steps_per_cpu_second": asdict(spread(cpu)),
        "first_step": median(visit["first_step"] for visit in visits),
        "peak_memory": max(peaks, default=None),
        "peak_memory_of": memory,
        "drift": max(by_visit) / min(by_visit) - 1,
        "visits": visits,
    }


def _void(name: str, gate: Line) -> bool:
    """Whether a variant of ours has not passed the gate; others are nobody's claim."""
    passed = {plans.OURS.name: gate["numerics"], **gate.get("trials", {})}
    return str(passed.get(name, "ok")) != "ok"


def _ratio(ours: Line, peer: Line, key: str) -> float | None:
    """Ours divided by the peer's; above 1 is quicker for speeds, more for memory and seconds."""
    mine, theirs = (_middle(variant[key]) for variant in (ours, peer))
    return mine / theirs if mine is not None and theirs else None


def _middle(value: Any) -> float | None:
    return value["median"] if isinstance(value, dict) else value


def _ladder(variants: Mapping[str, Line]) -> list[Line]:
    """What each technique brings: speed and memory relative to the rung below it."""
    trials = [trial.name for trial in plans.TRIALS]
    names = [plans.REFERENCE.name, *plans.RUNGS.values(), plans.OURS.name, *trials]
    names = [name for name in names if name in variants]
    return [
        {
            "step": name,
            "gain": _ratio(variants[name], variants[below], "steps_per_second"),
            "cpu_time_gain": _ratio(variants[name], variants[below], "steps_per_cpu_second"),
            "memory": _ratio(variants[name], variants[below], "peak_memory"),
        }
        for below, name in pairwise(names)
    ]


def _with_ceiling(report: Line) -> Line:
    """The share of the measured matmul ceiling, by the UNet's operations alone."""
    facts = report["facts"]
    for variant in report["variants"].values():
        used = facts["unet_operations"] * variant["steps_per_second"]["median"]
        variant["share_of_ceiling"] = used / facts["matmul_ceiling"]
    return report


def _relative(report: Line) -> Line:
    """Every time and every memory as a multiple of the baseline's."""
    baseline = report["variants"][report["baseline"]]
    units: dict[str, float] = {
        "windows": baseline["steps_per_second"]["median"],
        "cpu_windows": baseline["steps_per_cpu_second"]["median"],
        "first_step": baseline["first_step"],
        "rss": baseline["peak_memory"] or 1.0,
    }
    units |= {"steps_per_second": units["windows"], "steps_per_cpu_second": units["cpu_windows"]}
    units["peak_memory"] = units["rss"]
    report["variants"] = _divided(report["variants"], units)
    return {"unit": f"multiples of {report['baseline']}", **report}


def _divided(value: Any, units: Mapping[str, float], unit: float | None = None) -> Any:
    if isinstance(value, dict):
        return {key: _divided(item, units, units.get(key, unit)) for key, item in value.items()}
    if isinstance(value, list):
        return [_divided(item, units, unit) for item in value]
    return value / unit if unit is not None and isinstance(value, (int, float)) else value


def summary(report: Line) -> Line:
    """The few numbers for other programs."""
    return {key: report[key] for key in _SUMMARY}


def table(report: Line) -> str:
    """A Markdown table of all variants, and of the ladder, with what must be said of them."""
    cuda = report["facts"]["cuda"]
    head = ["", *(("it/s", "min-max") if cuda else ("speed", "min-max"))]
    head += ["peak memory", "time to first step", *(["share of matmul"] if cuda else [])]
    rows = [_row(name, variant, report) for name, variant in report["variants"].items()]
    ladder = [[line["step"], *_gains(line)] for line in report["ladder"]]
    blocks = [_markdown(head, rows)]
    if ladder:
        blocks.append(_markdown(["each rung against the one above", "speed", "memory"], ladder))
    return "\n\n".join([*blocks, _remarks(report)])


def _row(name: str, variant: Line, report: Line) -> list[str]:
    cuda = report["facts"]["cuda"]
    if _void(name, report["gate"]):
        return [name, "void", *[""] * (4 if cuda else 3)]
    speed = variant["steps_per_second"]
    unit = "" if cuda else " x"
    cells = [name, f"{speed['median']:.2f}{unit}", f"{speed['min']:.2f}-{speed['max']:.2f}"]
    memory, first = variant["peak_memory"], variant["first_step"]
    cells.append(
        "" if memory is None else f"{memory / 2**30:.2f} GiB" if cuda else f"{memory:.2f} x"
    )
    cells.append(f"{first:.1f} s" if cuda else f"{first:.2f} x")
    return [*cells, f"{variant['share_of_ceiling']:.1%}"] if cuda else cells


def _gains(line: Line) -> list[str]:
    return ["" if line[key] is None else f"{line[key]:.2f} x" for key in ("gain", "memory")]


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _remarks(report: Line) -> str:
    facts, gate = report["facts"], report["gate"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    said = [f"{facts['device']}; {versions}."]
    if not facts["cuda"]:
        said.append(
            f"No card: a small model, and only ratios, as multiples of {report['baseline']}."
        )
    said.append(
        f"Numerics against a plain float32 loop: {gate['numerics']} (first {gate['steps']} losses "
        f"within {gate['loss_difference']:.0e}, the weights' way within "
        f"{gate['weights_difference']:.0e})."
    )
    restless = [n for n, v in report["variants"].items() if v["drift"] > _DRIFT]
    if restless:
        said.append(f"Not a quiet machine: two visits differ by more than 3 % in {len(restless)}.")
    return " ".join(said)
