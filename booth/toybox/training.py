"""What every training stage shares: a clock that decides the learning rate, and safe checkpoints.

A newcomer would count steps; these stages are budgeted in minutes instead, because the same run
must end on time on a fast and on a slow machine, so progress is time spent over time given.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass
class Clock:
    """Time spent on a stage over all its runs, as a fraction of what it was given."""

    minutes: float
    spent: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def tick(self) -> float:
        """Add the time since the last call and return progress in 0..1."""
        now = time.monotonic()
        self.spent += now - self._last
        self._last = now
        return self.progress

    @property
    def progress(self) -> float:
        """Fraction of the stage's time that is used up."""
        return min(1.0, self.spent / max(self.minutes * 60, 1e-6))


def learning_rate(peak: float, progress: float, step: int, warmup: int) -> float:
    """Linear warm-up in steps, then linear decay to zero in time."""
    return peak * min(1.0, (step + 1) / max(warmup, 1)) * max(0.02, 1.0 - progress)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group the same learning rate, times its own `scale` if it has one."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, then move it into place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(path.suffix + ".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


def load_state(path: Path) -> dict[str, Any] | None:
    """The checkpoint at `path`, or None when there is none yet."""
    if not path.exists():
        return None
    return torch.load(path, map_location="cpu", weights_only=True)


class Average:
    """An exponential moving average of a module's parameters: what is exported in the end."""

    def __init__(self, module: torch.nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.shadow = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        """Move the average towards the module; early steps move it faster."""
        rate = 1 - min(self.decay, (1 + step) / (10 + step))
        names, live = zip(*module.named_parameters(), strict=True)
        shadow = [self.shadow[name] for name in names]
        torch._foreach_lerp_(shadow, [p.detach() for p in live], rate)
