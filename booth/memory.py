"""What fits on this card: a base model and free memory in, settings out. Arithmetic, no torch.

    reading = memory.plan(base, config, machine.look())
    reading.sentence  ->  "Fits: full training, 8-bit Adam, 9.8 of 12.0 GB."

What a training takes is the arithmetic of booth/needs.py, checked against tensors but not yet
measured on a card. GB are GiB, as cards are sold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from booth import crew
from booth.catalogue import BaseModel
from booth.config import Attention, Precision, TrainingConfig
from booth.machine import GB, Machine
from booth.needs import CONTEXT, Need, needs, preparing

__all__ = ["Need", "Plan", "free_gb", "needs", "plan", "rungs", "savings", "step_down", "table"]

MARGIN = 0.05  # of the memory there is, left free
CARDS = (4, 6, 8, 12, 16, 24)  # GB, the rows of the table
RAM = {"cuda": 32.0, "cpu": 16.0}  # GB of main memory that the table takes for granted
_SAVINGS: dict[str, dict[str, Any]] = {
    "8-bit Adam": {"optimizer": "adamw8bit"},
    "exact bf16": {"exact_bf16": True},
    "checkpointing": {"gradient_checkpointing": True},
    "updates in backward": {"in_backward": True},
    "moments in main memory": {"offload_optimizer": True},
}


@dataclass(frozen=True)
class Plan:
    """What will be done on this machine: the settings, whether they fit, and how long, in words."""

    config: TrainingConfig
    fits: bool
    sentence: str
    minutes: float | None  # training alone, a first guess; None: not known before it runs
    gigabytes: float  # needed at the peak


def rungs(base: BaseModel, config: TrainingConfig, card: Machine) -> list[TrainingConfig]:
    """`config` in all the ways this card can train it, from the fastest to the smallest.

    Only memory settings change. The last one, LoRA, is another method with its own learning
    rate, and says so. What
    `config` already saves it goes on saving. Without bf16 there are no exact
    bf16 weights, and no updates in backward: fp16's loss scaling may drop a step, which only
    all gradients together can tell. Several processes have to exchange gradients first.
    """
    precision: Precision = "bf16" if card.bf16 else "fp16"
    attention: Attention = "xformers" if card.xformers else config.attention
    config = _allowed(replace(config, precision=precision), card.adam8bit)
    first, *others = _ladder(config, card.adam8bit)
    found = [first, *(replace(rung, attention=attention) for rung in others)]
    if config.method == "full":
        rate = base.lora.get("learning_rate", config.learning_rate)
        adapter = replace(bare(found[-1]), method="lora", learning_rate=rate)
        found.append(replace(adapter, gradient_checkpointing=True))
    return found


def step_down(config: TrainingConfig, adam8bit: bool = True) -> TrainingConfig | None:
    """The next smaller way to train the same thing, for when memory ran out; None: there is none.

    Steps, learning rate, batch and method stay: never from full training to LoRA. Whether the
    optimizer's moments can be carried over is for the caller to know: float32 ones cannot become
    8-bit ones. `adam8bit` says whether bitsandbytes runs here.
    """
    return next(iter(_ladder(config, adam8bit)[1:]), None)


def plan(base: BaseModel, config: TrainingConfig, here: Machine) -> Plan:
    """The fastest settings that fit this machine, or a plain no."""
    if here.device != "cuda":
        return _plan_without_card(base, config, here)
    there = free_gb(here)
    for rung in rungs(base, config, here):
        need = needs(base.size, rung)
        gigabytes = max(need.peak, preparing(base.size, rung)) / GB
        host = (need.host + need.waiting) / GB
        if gigabytes <= there * (1 - MARGIN) and host <= here.memory_gb / 2:
            fits = "Fits as" if rung.method == "lora" else "Fits:"
            words = f"{fits} {_how(rung)}, {gigabytes:.1f} of {there:.1f} GB."
            return Plan(rung, True, words, None, gigabytes)
    words = f"Does not fit: even LoRA needs {gigabytes:.1f} GB, and there are {there:.1f}."
    return Plan(rung, False, words, None, gigabytes)


def bare(config: TrainingConfig) -> TrainingConfig:
    """`config` without anything that saves memory: what is learnt, not how."""
    return replace(
        config,
        optimizer="adamw",
        exact_bf16=False,
        gradient_checkpointing=False,
        in_backward=False,
        offload_optimizer=False,
        cuda_graph=False,
    )


def free_gb(here: Machine) -> float:
    """What a training may take of the card, its own CUDA context included, in GiB."""
    return here.card_free_gb + CONTEXT / GB if here.card_free_gb else here.card_gb


def examples() -> list[Machine]:
    """The machines of the table: cards with bf16 and 8-bit Adam by their memory, and none."""
    cards = [
        Machine("", 8, RAM["cuda"], "cuda", "NVIDIA card", float(gb), bf16=True, adam8bit=True)
        for gb in CARDS
    ]
    return [*cards, Machine("", 8, RAM["cpu"], "cpu")]


def table(bases: Sequence[BaseModel]) -> str:
    """Which machine gives what, in Markdown: a row per machine, a column per base model."""
    lines = [["you have", *(f"{b.title}, {_config(b).resolution} px" for b in bases)]]
    lines.append(["---"] * len(lines[0]))
    for here in examples():
        plans = [plan(base, _config(base), here) for base in bases]
        name = f"{here.card}, {here.card_gb:.0f} GB" if here.card else "no graphics card"
        lines.append([name, *(_cell(found, here) for found in plans)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def savings(config: TrainingConfig) -> list[str]:
    """What a config does to save memory, in words."""
    return [words for words, fields in _SAVINGS.items() if _has(config, fields)]


def _how(config: TrainingConfig) -> str:
    if config.method == "lora":
        return f"LoRA: {', '.join(savings(config))}".rstrip(": ")
    return ", ".join(["full training", *savings(config)])


def _config(base: BaseModel) -> TrainingConfig:
    return base.training_config("live")


def _cell(found: Plan, here: Machine) -> str:
    if here.device == "cuda":
        return f"{_how(found.config)}: {found.gigabytes:.1f} GB" if found.fits else "does not fit"
    if found.minutes is not None:
        return "full training, in minutes"
    return f"many hours, {found.gigabytes:.0f} GB of memory"


def _ladder(config: TrainingConfig, adam8bit: bool) -> list[TrainingConfig]:
    """`config`, then one more saving at a time; those of its method and precision only."""
    found = [config]
    for words in _possible(config, adam8bit):
        further = replace(found[-1], **_SAVINGS[words])
        if further != found[-1]:
            found.append(further)
    return found


def _possible(config: TrainingConfig, adam8bit: bool) -> Sequence[str]:
    """The savings open to a config, in the order in which they cost speed."""
    if config.method == "lora" or config.precision == "fp32" or not adam8bit:
        return ("checkpointing",)
    if config.precision == "fp16":
        return ("8-bit Adam", "checkpointing")
    alone = crew.size() == 1
    return [words for words in _SAVINGS if alone or words != "updates in backward"]


def _allowed(config: TrainingConfig, adam8bit: bool) -> TrainingConfig:
    """`config` without the savings that its precision or this card cannot do."""
    possible = _possible(config, adam8bit)
    kept: dict[str, Any] = {}
    for words in savings(config):
        kept |= _SAVINGS[words] if words in possible else {}
    return replace(bare(config), cuda_graph=config.cuda_graph, **kept)


def _has(config: TrainingConfig, fields: dict[str, Any]) -> bool:
    return all(getattr(config, key) == value for key, value in fields.items())


def _plan_without_card(base: BaseModel, config: TrainingConfig, here: Machine) -> Plan:
    config = replace(bare(config), precision="fp32", attention="sdpa")
    gigabytes = _in_main_memory(base, config)
    if base.seconds_per_step is not None:
        minutes = config.steps * base.seconds_per_step / 60
        return Plan(config, True, f"Fits: {here.title}.", minutes, gigabytes)
    config = replace(config, gradient_checkpointing=True)
    gigabytes = _in_main_memory(base, config)
    fits = gigabytes <= here.memory_gb * (1 - MARGIN)
    words = (
        "Without a graphics card this takes many hours. Toybox takes minutes."
        if fits
        else f"Needs about {gigabytes:.0f} GB of memory; this computer has less."
    )
    return Plan(config, fits, words, None, gigabytes)


def _in_main_memory(base: BaseModel, config: TrainingConfig) -> float:
    """GiB where nothing can wait elsewhere."""
    need = needs(base.size, config)
    return (need.peak + need.waiting) / GB
