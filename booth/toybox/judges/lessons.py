"""What the judges learn from, and how."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from booth import disk, models
from booth.errors import BoothError
from booth.toybox import dataset, training
from booth.toybox.judges.eye import Pictures
from booth.toybox.scene import Scene, draw, random_scene

LOOKED_THROUGH = 600
"""Among so many pictures nearly everything that the world can show is seen."""


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
    """Whether the pictures are what is drawn of their scenes now, as far as a few dozen tell.

    Together they show all that the first `LOOKED_THROUGH` of the pictures show.
    """
    scenes = {n: scene_of(n) for n in range(min(len(pictures), LOOKED_THROUGH))}
    size = pictures.shape[1]
    return all(
        np.array_equal(pictures[n], draw(scene, size)) for n, scene in _varied(scenes).items()
    )


def _varied(scenes: dict[int, Scene]) -> dict[int, Scene]:
    """Those of the scenes that show something no earlier one does: a kind, a place, a hat."""
    seen: set[tuple[str, str]] = set()
    chosen = {}
    for number, scene in scenes.items():
        values = ((field.name, getattr(scene, field.name)) for field in dataclasses.fields(scene))
        said = {(name, value) for name, value in values if isinstance(value, str)}
        look = scene.look
        shows = said | {("class", look.class_noun), ("kind", look.kind), ("marking", look.marking)}
        if not shows <= seen:
            chosen[number] = scene
        seen |= shows
    return chosen


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


Batch = Callable[[np.random.Generator, torch.Generator], torch.Tensor]
"""Draws a batch with the two generators and returns its loss."""


def learn(net: nn.Module, loss_of: Batch, checkpoint: Path, plan: training.Plan) -> int:
    """Train `net`, going on from the checkpoint; returns the number of steps in all.

    Every step's randomness follows from its number.
    """
    weights = [weight for weight in net.parameters() if weight.requires_grad]
    pupil = training.Pupil(
        net, torch.optim.AdamW(weights, lr=plan.peak, weight_decay=0.02), checkpoint
    )
    pupil.restore()

    def seeded(step: int) -> torch.Tensor:
        torch.manual_seed(step)
        return loss_of(np.random.default_rng([31, step]), torch.Generator().manual_seed(step))

    return training.learn(pupil, seeded, plan)


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
