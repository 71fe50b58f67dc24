"""The loop that every net of Toybox learns in, its clock, and its checkpoints.

A newcomer would count steps; these stages are budgeted in minutes instead, because the same run
must end on time on a fast and on a slow machine, so progress is time spent over time given.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from booth.toybox.optimizer import Mixed

Optimizer = torch.optim.Optimizer | Mixed


@dataclass(frozen=True)
class Plan:
    """How long and how hard a net learns."""

    minutes: float
    batch: int
    peak: float  # learning rate
    warmup: int = 60  # steps
    save_every: int = 100  # steps
    clip: float = 1.0  # the longest gradient


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


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
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

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.shadow = {name: p.detach().clone() for name, p in module.named_parameters()}

    def restore(self, shadow: dict[str, torch.Tensor]) -> None:
        """Take over a saved average; it stays on its device."""
        for name, kept in shadow.items():
            self.shadow[name].copy_(kept)

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move the average towards the module; early steps move it faster."""
        rate = 1 - min(self.decay, (1 + step) / (10 + step))
        names, live = zip(*module.named_parameters(), strict=True)
        shadow = [self.shadow[name] for name in names]
        torch._foreach_lerp_(shadow, [p.detach() for p in live], rate)


@dataclass
class Pupil:
    """A net while it learns, and how far it has come; `key` is its weights' name in checkpoints."""

    net: nn.Module
    optimizer: Optimizer
    checkpoint: Path
    key: str = "net"
    average: Average | None = None
    step: int = 0
    spent: float = 0.0  # seconds
    loss: float | None = None  # a running mean

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one."""
        state = load_state(self.checkpoint)
        if state is None:
            return
        self.net.load_state_dict(state[self.key])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.restore(state["average"])
        self.step, self.spent, self.loss = state["step"], state["spent"], state.get("loss")

    def save(self) -> None:
        """Write the checkpoint."""
        state = {self.key: self.net.state_dict(), "optimizer": self.optimizer.state_dict()}
        if self.average:
            state["average"] = self.average.shadow
        progress = {"step": self.step, "spent": self.spent, "loss": self.loss}
        save_state(self.checkpoint, {**state, **progress})

    def update(self, loss: torch.Tensor, clip: float) -> None:
        """One optimizer step down the gradient of `loss`."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), clip)
        self.optimizer.step()
        self.step += 1
        if self.average:
            self.average.update(self.net, self.step)
        told = loss.item()
        self.loss = told if self.loss is None else self.loss + 0.02 * (told - self.loss)


def learn(pupil: Pupil, loss_of: Callable[[int], torch.Tensor], plan: Plan) -> int:
    """Train until the plan's minutes are used up, saving on the way; returns the steps in all.

    `loss_of` gives the loss of the batch of the step with that number, counted from 0.
    """
    pupil.net.train()
    clock = Clock(plan.minutes, pupil.spent)
    while clock.tick() < 1:
        rate = learning_rate(plan.peak, clock.progress, pupil.step, plan.warmup)
        set_learning_rate(pupil.optimizer, rate)
        pupil.update(loss_of(pupil.step), plan.clip)
        pupil.spent = clock.spent
        if pupil.step % plan.save_every == 0:
            told = f"step {pupil.step} loss {pupil.loss:.4f} {clock.progress:.1%}"
            print(f"{pupil.checkpoint.stem} {told}", flush=True)
            pupil.save()
    pupil.spent = clock.spent
    pupil.save()
    pupil.net.eval()
    return pupil.step
