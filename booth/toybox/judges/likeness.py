"""The subject encoder: two pictures of one subject lie near each other, of two subjects apart.

It stands where the paper has DINO, and its figures are called "dino" in the score so that they can
be read beside the paper's; it is not DINO. DINO learns from pictures alone. Here the renderer says
which two pictures show one subject (it can draw a look in two places and poses), and the encoder
learns by telling that pair from its classmates with the contrastive loss that `clip` has. Colours
are never changed: a red dog and a blue one are two subjects.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from booth.toybox.dataset import UNSEEN
from booth.toybox.judges import lessons, shelf
from booth.toybox.judges.clip import contrast
from booth.toybox.judges.eye import FEATURES, SIZE, Eye, Pictures, pixels_of, rough_up
from booth.toybox.looks import CLASSES, random_look
from booth.toybox.places import PLACES
from booth.toybox.scene import Scene, random_scene, worn_by
from booth.toybox.training import Plan

SPACE = 128
TEMPERATURE = 0.15
SHARE = (0.6, 1.0)  # of a picture's area that a crop keeps
PARTNERS = 8_000
PARTNER_SEEDS = 500_000  # poses of partners: behind every training scene, before every unseen one
DRESSED = 0.3  # of the partners wear something
PEAK = 1e-3

AUC = "same subject or another (AUC, mean of classes)"
UNTRAINED = "AUC of the untrained net"


class Likeness(nn.Module):
    """An eye and a linear map into the space where pictures are compared."""

    def __init__(self, size: int = SIZE) -> None:
        super().__init__()
        self.size, self.sight = size, 3 * size // 4
        self.eye, self.project = Eye(), nn.Linear(FEATURES, SPACE, bias=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Where pictures lie, unit vectors (n, SPACE)."""
        return functional.normalize(self.project(self.eye(pixels)))

    @torch.no_grad()
    def look(self, pictures: Pictures | Sequence[Any]) -> torch.Tensor:
        """Embeddings of whole pictures, at the size of the crops it learnt from; on the CPU."""
        batches = [pictures[i : i + 64] for i in range(0, len(pictures), 64)]
        device = lessons.device_of(self)
        return torch.cat([self(pixels_of(batch, self.sight).to(device)) for batch in batches]).cpu()


def crops(pixels: torch.Tensor, rng: np.random.Generator, size: int) -> torch.Tensor:
    """One random square of each picture, `SHARE` of its area, scaled to `size`."""
    cut = []
    for picture in pixels:
        side = int(picture.shape[1] * rng.uniform(*SHARE) ** 0.5)
        x, y = rng.integers(0, picture.shape[1] - side + 1, 2)
        window = picture[None, :, y : y + side, x : x + side]
        cut.append(functional.interpolate(window, (size, size), mode="bilinear"))
    return torch.cat(cut).contiguous(memory_format=torch.channels_last)


def plain_scenes(count: int) -> Iterator[tuple[int, Scene]]:
    """Those of the first `count` training scenes in which nothing hides or changes the look."""
    for number in range(count):
        scene = random_scene(number)
        if not (scene.style or scene.material or scene.cross or scene.property):
            yield number, scene


def partner(number: int, scene: Scene) -> Scene:
    """Another picture of the subject of training scene `number`: elsewhere, in another pose."""
    rng = np.random.default_rng([number, 41])
    place = str(rng.choice([name for name in PLACES if name != scene.place]))
    options = worn_by(scene.look)
    worn = str(rng.choice(options)) if options and rng.random() < DRESSED else ""
    return Scene(scene.look, place, accessory=worn, seed=PARTNER_SEEDS + number)


def train(work: Path, plan: Plan, start: Path | None = None) -> tuple[Likeness, int]:
    """Train on pairs of the renders in `work` and their partners; returns it and the steps taken.

    It begins anew, or as the one in the folder `start`.
    Every batch holds looks of one to three classes, so that a subject is told from its classmates
    and not a dog from a teapot.
    """
    torch.manual_seed(0)
    pictures = lessons.training_pictures(work)
    plain = list(itertools.islice(plain_scenes(len(pictures)), PARTNERS))
    partners = lessons.rendered(
        work, "partners", lambda n: partner(*plain[n]), len(plain), pictures.shape[1]
    )
    classes = [
        np.array([n for n, (_, s) in enumerate(plain) if s.class_noun == c]) for c in CLASSES
    ]
    classes = [members for members in classes if len(members) > 1]
    numbers = np.array([number for number, _ in plain])
    net = load(start).requires_grad_(True) if start else new(pictures.shape[1])

    def batch(rng: np.random.Generator, random: torch.Generator) -> torch.Tensor:
        together = rng.choice(len(classes), min(len(classes), int(rng.integers(1, 4))), False)
        pool = np.concatenate([classes[c] for c in together])
        chosen = np.sort(rng.choice(pool, min(plan.batch, len(pool)), replace=False))
        seen = []
        for store in (pictures[numbers[chosen]], partners[chosen]):
            pixels = rough_up(pixels_of(store, net.size).to(lessons.device_of(net)), random)
            seen.append(crops(pixels, rng, net.sight))
        one, other = net(torch.cat(seen)).chunk(2)
        return contrast(one, other, torch.tensor(1 / TEMPERATURE, device=one.device))

    return net, lessons.learn(net, batch, work / "likeness.pt", replace(plan, peak=PEAK))


def new(size: int) -> Likeness:
    """An encoder that has learnt nothing yet, for pictures of `size` pixels."""
    net = Likeness(size)
    lessons.to_device(net)
    return net


def pose(class_noun: str, subject: int, number: int) -> Scene:
    """Unseen subject `subject` of its class, photographed in the first or second of two places."""
    seed = UNSEEN + 1000 * (1 + CLASSES.index(class_noun)) + subject
    places = np.random.default_rng([seed, 42]).choice(list(PLACES), 2, replace=False)
    return Scene(random_look(class_noun, seed), str(places[number]), seed=10 * seed + number)


def examine(net: Likeness, work: Path, subjects: int) -> dict[str, Any]:
    """How well two renders of one unseen subject are told from two subjects of its class.

    Two poses each of `subjects` subjects of every class, in two places. The figure is the mean
    over classes of the area under the ROC curve: the chance that a pair of one subject is more
    alike than a pair of two; 0.5 is guessing. A net that has learnt nothing is examined as well:
    colours alone tell many subjects apart.
    """
    order = [(noun, s, n) for noun in CLASSES for s in range(subjects) for n in range(2)]
    pictures = lessons.rendered(work, "poses", lambda n: pose(*order[n]), len(order), net.size)
    alike = _alike(net.look(pictures), subjects)
    areas = _areas(alike)
    return {
        "subjects": len(CLASSES) * subjects,
        AUC: float(np.mean(areas)),
        UNTRAINED: float(np.mean(_areas(_alike(untrained(pictures).look(pictures), subjects)))),
        "AUC by class": dict(zip(CLASSES, areas, strict=True)),
        "cosine of one subject": alike.diagonal(dim1=1, dim2=2).mean().item(),
        "cosine of two subjects": alike[:, ~torch.eye(subjects, dtype=torch.bool)].mean().item(),
    }


def _alike(seen: torch.Tensor, subjects: int) -> torch.Tensor:
    """Cosines between first and second poses within each class, (classes, subjects, subjects)."""
    poses = seen.reshape(len(CLASSES), subjects, 2, -1)
    return poses[:, :, 0] @ poses[:, :, 1].transpose(1, 2)


def _areas(alike: torch.Tensor) -> list[float]:
    """The area under the ROC curve by class, of cosines (classes, subjects, subjects)."""
    others = ~torch.eye(alike.shape[1], dtype=torch.bool)
    return [area_under_roc(table.diagonal(), table[others]) for table in alike]


def untrained(pictures: Pictures) -> Likeness:
    """A net with random weights; only the statistics of its layers are those of `pictures`."""
    torch.manual_seed(0)
    net = Likeness(pictures.shape[1])
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.momentum = None  # the mean over all batches
    lessons.to_device(net).train()
    net.look(pictures)
    net.eval()
    return net


def area_under_roc(higher: torch.Tensor, lower: torch.Tensor) -> float:
    """The chance that one of `higher` (n,) exceeds one of `lower` (m,); ties count half."""
    above = (higher[:, None] > lower[None]).float() + 0.5 * (higher[:, None] == lower[None]).float()
    return above.mean().item()


def save(net: Likeness, folder: Path) -> None:
    """Write the encoder into `folder`."""
    shelf.put(net, folder, {"size": net.size})


def load(folder: Path) -> Likeness:
    """The encoder in `folder`, ready to look."""
    net = Likeness(shelf.config_of(folder)["size"])
    shelf.fill(net, folder)
    lessons.to_device(net)
    return net
