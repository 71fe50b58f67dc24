"""What is measured: the sizes of a run, its variants, and the order they are visited in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["ours", "loop", "peer"]

ENDLESS = 10**6  # steps every variant is asked for: it is stopped when it was seen enough
PHOTOS, PRIORS = 4, 16  # images that lie there; a step takes one of each
PROMPTS = ("a zqx dog", "a dog")

# What the reference semantics leave undone, in the order in which the ladder adds it. Each is
# neutral to the mathematics; booth/bench/loop.py says what each does.
RUNGS = {
    "images_in_memory": "+ photos decoded once",
    "text_once": "+ prompts encoded once",
    "moments_once": "+ VAE moments encoded once",
    "fused_adamw": "+ AdamW in one fused kernel",
    "loss_read_late": "+ loss read every 10 steps",
}


@dataclass(frozen=True)
class Variant:
    """One way to train, measured in processes of its own."""

    name: str
    kind: Kind
    options: dict[str, Any] = field(default_factory=dict)  # TrainingConfig fields, rungs or flags
    may_fail: bool = False  # left out of the report then

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """The sizes of one run. Steps are optimizer steps of one photo and one prior image."""

    cuda: bool
    resolution: int  # pixels per side
    warmup: int  # steps before the first window
    window: int  # steps per window
    windows: int  # windows per visit
    precision: str  # of ours and of the reference semantics, as TrainingConfig spells it
    learning_rate: float
    gate_steps: int = 20
    threads: int | None = None  # of every variant's process; None leaves it to torch

    @property
    def boundaries(self) -> list[int]:
        """The steps between which the windows lie."""
        return [self.warmup + number * self.window for number in range(self.windows + 1)]

    @property
    def last(self) -> int:
        """The last step a variant has to make."""
        return self.boundaries[-1]


def plan_for(cuda: bool, bf16: bool = True) -> Plan:
    """The plan of a machine: Stable Diffusion 1.5 on a card, a small likeness without one."""
    if cuda:
        precision = "bf16" if bf16 else "fp16"
        return Plan(True, 512, 10, 15, 4, precision, learning_rate=5e-6)
    return Plan(False, 128, 3, 4, 4, "fp32", learning_rate=1e-4, threads=1)


OURS = Variant("ours", "ours")
_TIMED = {"attention": "timed"}
TRIALS = (  # what ours can do on a card, and does not before it is measured
    Variant("ours + attention timed", "ours", _TIMED, may_fail=True),
    Variant("ours + as a CUDA graph", "ours", {**_TIMED, "cuda_graph": True}, may_fail=True),
)
REFERENCE = Variant("reference semantics", "loop")
PEER_DEFAULT = "diffusers, default flags"
PEER_BEST = "diffusers, best flags"


def main_variants(plan: Plan, peer: Path | None, cores: int) -> list[Variant]:
    """The variants whose ratio is the result; each is visited twice."""
    if peer is None:
        return [REFERENCE, OURS]
    default = Variant(PEER_DEFAULT, "peer", {"script": str(peer), "flags": []})
    best = Variant(PEER_BEST, "peer", {"script": str(peer), "flags": best_flags(plan, cores)})
    return [default, best, REFERENCE, OURS]


def best_flags(plan: Plan, cores: int) -> list[str]:
    """The flags of the peer that make it quicker and leave the mathematics alone.

    Its 8-bit Adam and gradient checkpointing save memory and cost time, so they are not here.
    """
    flags = ["--pre_compute_text_embeddings", "--set_grads_to_none"]
    flags.append(f"--dataloader_num_workers={max(1, min(4, cores - 1))}")
    if plan.cuda:
        flags += ["--allow_tf32", f"--mixed_precision={plan.precision}"]
    return flags


def ladder(cuda: bool = False) -> list[Variant]:
    """The reference semantics with one technique more at every rung; on a card our trials too."""
    names = list(RUNGS)
    rungs = [
        Variant(RUNGS[name], "loop", dict.fromkeys(names[: place + 1], True))
        for place, name in enumerate(names)
    ]
    return [*rungs, *TRIALS] if cuda else rungs


def visits(main: Sequence[Variant], rungs: Sequence[Variant]) -> list[Variant]:
    """The main variants forward, the ladder, the main variants backward.

    A drift of the machine's speed that is linear in time (heat, a neighbour's work that grows)
    then weighs on every main variant alike: the ABBA order of paired measurements.
    """
    return [*main, *rungs, *reversed(main)]
