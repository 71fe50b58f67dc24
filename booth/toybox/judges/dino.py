"""DINO at Toybox's size: an encoder that teaches itself to know a picture again from its parts.

Self-distillation without labels (Caron et al. 2021): a student sees large and small crops of a
picture and must say what a teacher says of the large ones; the teacher is the student's moving
average, and its answers are centred and sharpened so that they do not all become the same. Unlike
there, colours are never changed: a red dog and a blue one are two subjects.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from booth.toybox.dataset import UNSEEN
from booth.toybox.judges import lessons, shelf
from booth.toybox.judges.eye import FEATURES, SIZE, Eye, Pictures, pixels_of
from booth.toybox.looks import CLASSES, random_look
from booth.toybox.scene import Scene, random_scene

PROTOTYPES, HIDDEN, BOTTLENECK = 512, 256, 64
COLD, WARM = 0.04, 0.1  # temperatures of the teacher and of the student
SMALL_CROPS = 4
EMA, CENTRE = 0.99, 0.9  # how much of the old teacher and the old centre a step keeps


class Dino(nn.Module):
    """What is kept: an eye whose features are compared."""

    def __init__(self, size: int = SIZE) -> None:
        super().__init__()
        self.size, self.eye = size, Eye()

    @torch.no_grad()
    def look(self, pictures: Pictures | Sequence[Any]) -> torch.Tensor:
        """Embeddings of pictures, unit vectors (n, FEATURES) on the CPU."""
        batches = [pictures[i : i + 64] for i in range(0, len(pictures), 64)]
        device = lessons.device_of(self)
        seen = [self.eye(pixels_of(batch, self.size).to(device)) for batch in batches]
        return functional.normalize(torch.cat(seen)).cpu()


class Pair(nn.Module):
    """Student and teacher, each an eye and a head, and the centre of the teacher's answers."""

    centre: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.student = nn.Sequential(Eye(), _Head())
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.register_buffer("centre", torch.zeros(PROTOTYPES))

    def loss(self, large: list[torch.Tensor], small: list[torch.Tensor]) -> torch.Tensor:
        """Cross entropy between the teacher's view of each large crop and every other view."""
        with torch.no_grad():
            told = self.teacher(torch.cat(large))
            truth = ((told - self.centre) / COLD).softmax(1).chunk(len(large))
            self.centre.mul_(CENTRE).add_(told.mean(0), alpha=1 - CENTRE)
        views = [*self.student(torch.cat(large)).chunk(len(large))]
        views += self.student(torch.cat(small)).chunk(len(small))
        errors = [
            -(true * (view / WARM).log_softmax(1)).sum(1).mean()
            for i, true in enumerate(truth)
            for j, view in enumerate(views)
            if i != j
        ]
        return torch.stack(errors).mean()

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the teacher towards the student; early steps move it faster."""
        rate = 1 - min(EMA, (1 + step) / (10 + step))
        pairs = zip(self.teacher.parameters(), self.student.parameters(), strict=True)
        for taught, learnt in pairs:
            taught.lerp_(learnt, rate)


class _Head(nn.Module):
    """Features to prototypes, through a bottleneck of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Sequential(
            nn.Linear(FEATURES, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, BOTTLENECK)
        )
        self.prototypes = nn.Parameter(torch.randn(PROTOTYPES, BOTTLENECK))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """How near features are to every prototype, cosines (n, PROTOTYPES)."""
        narrow = functional.normalize(self.narrow(features))
        return narrow @ functional.normalize(self.prototypes).T


def crops(
    pixels: torch.Tensor, rng: np.random.Generator, share: tuple[float, float], size: int
) -> torch.Tensor:
    """One random square of each picture, `share` of its area, scaled to `size`; half mirrored."""
    cut = []
    for picture in pixels:
        side = int(picture.shape[1] * rng.uniform(*share) ** 0.5)
        x, y = rng.integers(0, picture.shape[1] - side + 1, 2)
        window = picture[None, :, y : y + side, x : x + side]
        window = functional.interpolate(window, (size, size), mode="bilinear")
        cut.append(window.flip(3) if rng.random() < 0.5 else window)
    return torch.cat(cut).contiguous(memory_format=torch.channels_last)


def train(work: Path, plan: lessons.Plan) -> tuple[Dino, int]:
    """Train on the renders in `work`, without labels; returns the teacher and the steps taken."""
    torch.manual_seed(0)
    pictures = lessons.training_pictures(work)
    size = pictures.shape[1]
    pair = Pair()
    lessons.to_device(pair)

    def batch(rng: np.random.Generator, random: torch.Generator) -> torch.Tensor:
        chosen = np.sort(rng.integers(0, len(pictures), plan.batch))
        pixels = pixels_of(pictures[chosen], size).to(lessons.device_of(pair))
        noise = torch.randn(pixels.shape, generator=random).to(pixels.device)
        pixels = pixels + 0.05 * noise
        large = [crops(pixels, rng, (0.4, 1.0), 3 * size // 4) for _ in range(2)]
        small = [crops(pixels, rng, (0.1, 0.4), 3 * size // 8) for _ in range(SMALL_CROPS)]
        return pair.loss(large, small)

    steps = lessons.learn(pair, batch, work / "dino.pt", plan, pair.follow)
    dino = Dino(size)
    dino.eye.load_state_dict(pair.teacher[0].state_dict())
    lessons.to_device(dino.requires_grad_(False).eval())
    return dino, steps


def pose(class_noun: str, subject: int, number: int) -> Scene:
    """Unseen subject number `subject` of its class, photographed the `number`-th time."""
    look = random_look(class_noun, UNSEEN + subject)
    surroundings = random_scene(UNSEEN + 1000 * (subject + 1) + number)
    return dataclasses.replace(Scene(look, place=surroundings.place), seed=surroundings.seed)


def examine(dino: Dino, work: Path, subjects: int) -> dict[str, Any]:
    """How well two renders of one unseen subject are told from two subjects of its class.

    Two poses each of `subjects` subjects of every class, each in a place of its own. The figure
    is the area under the ROC curve: the chance that a pair of one subject is more alike than a
    pair of two; 0.5 is guessing.
    """
    order = [(noun, s, n) for noun in CLASSES for s in range(subjects) for n in range(2)]
    path = work / f"poses_{subjects}.npy"
    pictures = lessons.rendered(path, lambda number: pose(*order[number]), len(order), dino.size)
    seen = dino.look(pictures).reshape(len(CLASSES), subjects, 2, -1)
    same, other = [], []
    for poses in seen:
        alike = poses[:, 0] @ poses[:, 1].T
        same.append(alike.diagonal())
        other.append(alike[~torch.eye(subjects, dtype=torch.bool)])
    areas = {
        noun: area_under_roc(*pairs)
        for noun, pairs in zip(CLASSES, zip(same, other, strict=True), strict=True)
    }
    return {
        "subjects of each class": subjects,
        "same subject or another (AUC)": area_under_roc(torch.cat(same), torch.cat(other)),
        "AUC by class": areas,
        "cosine of one subject": torch.cat(same).mean().item(),
        "cosine of two subjects": torch.cat(other).mean().item(),
    }


def area_under_roc(higher: torch.Tensor, lower: torch.Tensor) -> float:
    """The chance that one of `higher` (n,) exceeds one of `lower` (m,); ties count half."""
    above = (higher[:, None] > lower[None]).float() + 0.5 * (higher[:, None] == lower[None]).float()
    return above.mean().item()


def save(dino: Dino, folder: Path) -> None:
    """Write the encoder into `folder`."""
    shelf.put(dino, folder, {"size": dino.size})


def load(folder: Path) -> Dino:
    """The encoder in `folder`, ready to look."""
    dino = Dino(shelf.config_of(folder)["size"])
    shelf.fill(dino, folder)
    lessons.to_device(dino)
    return dino
