"""What this computer can do: facts only. Which settings fit it is booth/memory.py.

`look` needs torch and is run by the worker, which writes the answer into the library; the
front desk reads it from there.
"""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

from booth import disk

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
    card_free_gb: float = 0.0  # beside this process's own CUDA context; 0: not known
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
        card_free_gb=torch.cuda.mem_get_info()[0] / GB if cuda else 0.0,
        bf16=cuda and torch.cuda.is_bf16_supported(including_emulation=False),
        adam8bit=adam8bit_runs(),
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


@cache
def adam8bit_runs() -> bool:
    """Whether bitsandbytes' 8-bit Adam really steps on the card; tried once, while it has room."""
    import torch

    if not torch.cuda.is_available():
        return False
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
