"""What the judges learn from, and the loop they all learn in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from booth import disk, models
from booth.errors import BoothError
from booth.toybox import dataset
from booth.toybox.judges.eye import Pictures
from booth.toybox.scene import Scene, draw, random_scene
from booth.toybox.training import Clock, learning_rate, load_state, save_state, set_learning_rate


def training_pictures(work: Path) -> Pictures:
    """The renders drawn by the stage `draw`: picture i shows `random_scene(i)`.

    Raises `BoothError` when there are none, or when they show another version of the world.
    """
    if not dataset.drawn(work):
        raise BoothError(
            f"No pictures have been drawn in {work} yet.",
            "Run python -m booth.toybox.pretrain --stage draw first, with the same --work.",
        )
    pictures = dataset.scenes(work)
    if not of_this_world(pictures, random_scene):
        raise BoothError(
            f"The pictures in {work} show another version of the world.",
            "Draw them anew: choose an empty --work, and run --stage draw.",
        )
    return pictures


def of_this_world(pictures: Pictures, scene_of: Callable[[int], Scene]) -> bool:
    """Whether up to eight of the pictures, evenly spread, are what is drawn of their scenes now."""
    numbers = np.unique(np.linspace(0, len(pictures) - 1, min(8, len(pictures)), dtype=int))
    size = pictures.shape[1]
    return all(np.array_equal(pictures[n], draw(scene_of(int(n)), size)) for n in numbers)


def rendered(
    work: Path, name: str, scene_of: Callable[[int], Scene], count: int, size: int
) -> Pictures:
    """`count` scenes as pictures, kept in `work`; drawing goes on where it was stopped.

    Pictures of another version of the world, or of another size, are drawn anew.
    """
    store = f"{name}_{count}"
    if dataset.drawn(work, store):
        before = dataset.scenes(work, store)
        if before.shape[1] != size or not of_this_world(before, scene_of):
            dataset.forget(work, store)
    dataset.draw_scenes(work, count, size, store, scene_of)
    return dataset.scenes(work, store)


def unseen_scene(number: int) -> Scene:
    """A scene nobody was ever trained on."""
    return random_scene(dataset.UNSEEN + number)


@dataclass(frozen=True)
class Plan:
    """How long and how hard a judge learns."""

    minutes: float
    batch: int = 64
    peak: float = 2e-3
    warmup: int = 60
    save_every: int = 50


Batch = Callable[[np.random.Generator, torch.Generator], torch.Tensor]
"""Draws a batch with the two generators and returns its loss."""


def learn(net: nn.Module, loss_of: Batch, checkpoint: Path, plan: Plan) -> int:
    """Train `net` until the plan's minutes are used up; returns the number of steps in all.

    Goes on from `checkpoint` if there is one. Every step's randomness follows from its number.
    """
    weights = [weight for weight in net.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=plan.peak, weight_decay=0.02)
    clock, step, running = Clock(plan.minutes), 0, 0.0
    state = load_state(checkpoint)
    if state is not None:
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        clock.spent, step, running = state["spent"], state["step"], state["loss"]
    net.train()

    def save() -> None:
        kept = {"net": net.state_dict(), "optimizer": optimizer.state_dict()}
        save_state(checkpoint, {**kept, "spent": clock.spent, "step": step, "loss": running})

    while clock.tick() < 1:
        set_learning_rate(optimizer, learning_rate(plan.peak, clock.progress, step, plan.warmup))
        torch.manual_seed(step)
        loss = loss_of(np.random.default_rng([31, step]), torch.Generator().manual_seed(step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 3.0)
        optimizer.step()
        step += 1
        running = loss.item() if step == 1 else running + 0.05 * (loss.item() - running)
        if step % plan.save_every == 0:
            print(f"{checkpoint.stem} step {step} loss {running:.4f} {clock.progress:.1%}")
            save()
    save()
    net.eval()
    return step


def to_device(net: nn.Module) -> nn.Module:
    """The net on the best device here, laid out for convolutions."""
    laid_out: nn.Module = net.to(models.device()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


def device_of(net: nn.Module) -> torch.device:
    """Where a net's weights are."""
    return next(net.parameters()).device


def note_figures(folder: Path, judge: str, figures: dict[str, object]) -> None:
    """Put a judge's measured figures into `figures.json` beside the judges."""
    path = folder / "figures.json"
    before = disk.read_json(path) if path.exists() else {}
    disk.write_json(path, {**before, judge: figures})
