"""What this computer can do, and the training settings that fit it.

`look` needs torch and is run by the worker, which writes the answer into the library; the
front desk reads it from there.
"""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

from booth import disk
from booth.catalogue import BaseModel
from booth.config import Attention, Optimizer, Precision, TrainingConfig

GB = 1024**3
_REPORTED = (
    "torch", "diffusers", "transformers", "accelerate", "bitsandbytes", "xformers", "gradio",
    "safetensors", "pillow", "pillow-heif",
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """The facts that decide how to train. Memory in GiB."""

    system: str
    cores: int
    memory_gb: float
    device: Literal["cuda", "mps", "cpu"]
    card: str = ""
    card_gb: float = 0.0
    bf16: bool = False
    adam8bit: bool = False
    xformers: bool = False
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The machine in a few words."""
        if self.device == "cuda":
            return f"{self.card}, {self.card_gb:.0f} GB"
        if self.device == "mps":
            return f"Apple graphics, {self.memory_gb:.0f} GB shared"
        return f"no graphics card, {self.cores} processor cores, {self.memory_gb:.0f} GB"


@dataclass(frozen=True)
class Plan:
    """What will be done on this machine: the settings, whether they fit, and how long, in words."""

    config: TrainingConfig
    fits: bool
    sentence: str
    minutes: float | None  # training alone, a first guess; None: not known before it runs


def look() -> Machine:
    """Examine this computer. Imports torch."""
    import torch

    cuda = torch.cuda.is_available()
    card = torch.cuda.get_device_properties(0) if cuda else None
    return Machine(
        system=platform.platform(terse=True),
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        memory_gb=psutil.virtual_memory().total / GB,
        device="cuda" if cuda else "mps" if torch.backends.mps.is_available() else "cpu",
        card=card.name if card else "",
        card_gb=card.total_memory / GB if card else 0.0,
        bf16=cuda and torch.cuda.is_bf16_supported(including_emulation=False),
        adam8bit=cuda and _adam8bit_runs(),
        xformers=cuda and _xformers_runs(),
        versions={name: _version(name) for name in _REPORTED},
    )


def write(root: Path) -> None:
    """Examine this computer and leave the answer in the library at `root`."""
    disk.write_json(root / "machine.json", asdict(look()))


def read(root: Path) -> Machine | None:
    """What a worker last found out, or None before the first has looked."""
    try:
        return Machine(**disk.read_json(root / "machine.json"))
    except (OSError, ValueError, TypeError):
        return None


def free_disk_gb(root: Path) -> float:
    """Free space where the library is, in GiB."""
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    return shutil.disk_usage(existing).free / GB


def plan(base: BaseModel, config: TrainingConfig, here: Machine) -> Plan:
    """Fit `config` to the machine: precision, 8-bit Adam, gradient checkpointing, or a plain no.

    The memory needs are arithmetic from the catalogue, not measurements.
    """
    full, small = base.memory_gb
    if here.device != "cuda":
        return _plan_without_card(base, config, here)
    precision: Precision = "bf16" if here.bf16 else "fp16"
    config = replace(config, precision=precision)
    if here.card_gb >= full:
        return Plan(config, True, f"Fits: full training in {precision} on {here.title}.", None)
    optimizer: Optimizer = "adamw8bit" if here.adam8bit else "adamw"
    attention: Attention = "xformers" if here.xformers else "sdpa"
    config = replace(config, optimizer=optimizer, attention=attention, gradient_checkpointing=True)
    fits = here.card_gb >= small and here.adam8bit
    words = (
        f"Fits with 8-bit Adam and gradient checkpointing: about {small:.0f} of "
        f"{here.card_gb:.0f} GB."
        if fits
        else f"Probably too large: needs about {small:.0f} GB, this card has {here.card_gb:.0f}."
    )
    return Plan(config, fits, words, None)


def _plan_without_card(base: BaseModel, config: TrainingConfig, here: Machine) -> Plan:
    config = replace(config, precision="fp32", optimizer="adamw", attention="sdpa")
    if base.seconds_per_step is not None:
        minutes = config.steps * base.seconds_per_step / 60
        return Plan(config, True, f"Fits: {here.title}.", minutes)
    if here.memory_gb < base.memory_gb[0]:
        words = f"Needs about {base.memory_gb[0]:.0f} GB of memory; this computer has less."
        return Plan(replace(config, gradient_checkpointing=True), False, words, None)
    words = "Without a graphics card this takes many hours. Toybox takes minutes."
    return Plan(replace(config, gradient_checkpointing=True), True, words, None)


def _adam8bit_runs() -> bool:
    """Whether bitsandbytes' 8-bit Adam really steps on the card."""
    import torch

    try:
        import bitsandbytes

        weight = torch.nn.Parameter(torch.ones(64, 128, device="cuda"))
        weight.grad = torch.ones_like(weight)
        bitsandbytes.optim.AdamW8bit([weight]).step()
    except Exception:  # a missing package, library or kernel: all mean the same here
        return False
    return bool(torch.isfinite(weight).all())


def _xformers_runs() -> bool:
    """Whether xformers has a kernel for this card, tried on a small tensor."""
    import torch

    try:
        from xformers.ops import memory_efficient_attention

        query = torch.randn(1, 64, 2, 40, device="cuda", dtype=torch.float16)
        memory_efficient_attention(query, query, query)
    except Exception:  # a missing package or kernel: both mean the same here
        return False
    return True


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def describe(here: Machine, root: Path) -> dict[str, Any]:
    """Everything `booth doctor` reports, as one flat JSON object."""
    return {
        **asdict(here),
        "attention": "xformers where it fits, else SDPA" if here.xformers else "SDPA",
        "library": str(root),
        "free_disk_gb": round(free_disk_gb(root), 1),
    }
