"""The checker: reads from a picture what it shows, and says how well it does so on renders."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from booth.errors import BoothError
from booth.toybox.dataset import UNSEEN
from booth.toybox.judges import lessons, shelf
from booth.toybox.judges.eye import FEATURES, SIZE, Eye, Pictures, pixels_of, rough_up
from booth.toybox.judges.labels import NONE, UNASKED, answers, heads, telling_views
from booth.toybox.looks import CLASSES, random_look
from booth.toybox.places import PLACES
from booth.toybox.scene import Scene, random_scene
from booth.toybox.subjects import ROUND
from booth.toybox.training import Plan

RARE = ("view", "style", "property", "cross", "accessory", "mood", "held_back")
"""What few scenes show or none, so that it has to be practised on pictures of its own.

A judge is to believe its eyes: had it never seen a dog in a santa hat, it would not see one when
Toybox draws it.
"""
PRACTICE = 12_000
PRACTICE_SEEDS = 530_000  # behind every training scene and its partner, before every unseen one
PRACTISED = 0.5  # of every batch
VIEW_SUBJECTS = UNSEEN + 50_000  # seeds of the subjects that are turned in the exam of views

Readings = dict[str, list[str]]


class Checker(nn.Module):
    """An eye, and one linear answer to every question."""

    def __init__(self, labels: dict[str, Sequence[str]], size: int = SIZE) -> None:
        super().__init__()
        self.labels, self.size = labels, size
        self.eye = Eye()
        self.drop = nn.Dropout(0.1)
        self.answer = nn.Linear(FEATURES, sum(map(len, labels.values())))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits (pictures, labels) of every head."""
        told: torch.Tensor = self.answer(self.drop(self.eye(pixels)))
        return told.split([len(labels) for labels in self.labels.values()], dim=1)

    @torch.no_grad()
    def read(self, pictures: Pictures | Sequence[Any]) -> Readings:
        """What each picture shows, by head."""
        told: Readings = {name: [] for name in self.labels}
        for start in range(0, len(pictures), 64):
            pixels = pixels_of(pictures[start : start + 64], self.size)
            for name, logits in zip(told, self(pixels.to(lessons.device_of(self))), strict=True):
                told[name] += [self.labels[name][i] for i in logits.argmax(1).tolist()]
        return told

    @torch.no_grad()
    def distance(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """How different pictures look, pair by pair: pixels (n, 3, size, size) to (n,).

        LPIPS's distance (Zhang et al. 2018, Eq. 1) on this net's layers, without learnt weights:
        unit length across channels, squared difference, summed over channels, averaged over places
        and layers.
        """
        pairs = zip(self.eye.maps(one), self.eye.maps(other), strict=True)
        layers = [functional.normalize(a) - functional.normalize(b) for a, b in pairs]
        return torch.stack([layer.square().sum(1).mean((1, 2)) for layer in layers]).mean(0)


def loss_of(told: Sequence[torch.Tensor], truth: torch.Tensor) -> torch.Tensor:
    """Cross entropy summed over the heads, each averaged over the pictures it is asked of."""
    total = truth.new_zeros((), dtype=torch.float32)
    for logits, right in zip(told, truth.T, strict=True):
        wrong = functional.cross_entropy(logits, right, ignore_index=UNASKED, reduction="sum")
        total = total + wrong / (right != UNASKED).sum().clamp(min=1)
    return total


def train(work: Path, plan: Plan, start: Path | None = None) -> tuple[Checker, int]:
    """Train a checker on the renders in `work` and on some of what few of them show.

    It begins anew, or as the one in the folder `start`. Returns it and the steps it took.
    """
    torch.manual_seed(0)
    pictures = lessons.training_pictures(work)
    checker = load(start).requires_grad_(True) if start else new(pictures.shape[1])
    count = min(PRACTICE, len(pictures))
    rare = lessons.rendered(work, "practice", practice, count, checker.size)
    truth = answers(random_scene(i) for i in range(len(pictures)))
    rare_truth = answers(practice(i) for i in range(count))

    def batch(rng: np.random.Generator, random: torch.Generator) -> torch.Tensor:
        practised = round(PRACTISED * plan.batch)
        usual = np.sort(rng.integers(0, len(pictures), plan.batch - practised))
        special = np.sort(rng.integers(0, count, practised))
        shown = np.concatenate([pictures[usual], rare[special]])
        pixels = pixels_of(shown, checker.size).to(lessons.device_of(checker))
        right = torch.cat([truth[torch.from_numpy(usual)], rare_truth[torch.from_numpy(special)]])
        return loss_of(checker(rough_up(pixels, random)), right.to(pixels.device))

    return checker, lessons.learn(checker, batch, work / "checker.pt", plan)


def new(size: int) -> Checker:
    """A checker that has learnt nothing yet, for pictures of `size` pixels."""
    checker = Checker({name: head.labels for name, head in heads().items()}, size)
    lessons.to_device(checker)
    return checker


def practice(number: int) -> Scene:
    """The `number`-th scene to practise on; what is rare takes turns."""
    field = RARE[number % len(RARE)]
    seeds = itertools.count(PRACTICE_SEEDS + 30 * number)
    scenes = (random_scene(seed, withheld=()) for seed in seeds)
    return next(scene for scene in scenes if getattr(scene, field))


def accuracies(told: Readings, scenes: Sequence[Scene]) -> dict[str, float | None]:
    """The share of right answers by head; of named things only, where a head has "none".

    Most scenes wear nothing: counting them would flatter a checker that sees no hats. None where
    nothing was asked.
    """
    shares: dict[str, float | None] = {}
    for name, head in heads().items():
        rows = [(seen, head.answer(s)) for seen, s in zip(told[name], scenes, strict=True)]
        right = [seen == true for seen, true in rows if true not in (None, NONE)]
        shares[name] = sum(right) / len(right) if right else None
    return shares


def turned(class_noun: str, view: str, number: int) -> Scene:
    """The `number`-th picture of an exam in views: an unseen subject that is only turned."""
    scene = Scene(
        random_look(class_noun, VIEW_SUBJECTS + 1000 * CLASSES.index(class_noun) + number)
    )
    places = np.random.default_rng([scene.look.seed, 43]).permutation(list(PLACES))
    return replace(scene, place=str(places[0]), view=view, seed=10 * scene.look.seed)


def views_read(checker: Checker, work: Path, each: int) -> dict[str, float]:
    """The share of views read rightly by class, of `each` renders for every view it can show."""
    order = [
        (noun, view, n)
        for noun in CLASSES
        if noun not in ROUND
        for view in telling_views(noun)
        for n in range(each)
    ]
    pictures = lessons.rendered(
        work, "views", lambda n: turned(*order[n]), len(order), checker.size
    )
    right: dict[str, list[bool]] = {}
    for (noun, view, _), seen in zip(order, checker.read(pictures)["view"], strict=True):
        right.setdefault(noun, []).append(seen == view)
    return {noun: sum(hits) / len(hits) for noun, hits in right.items()}


def examine(checker: Checker, work: Path, count: int) -> dict[str, Any]:
    """The checker's accuracy on `count` unseen renders by head, and of views by class.

    Views have an exam of their own, a thirtieth of `count` for each class and view: few scenes
    are turned.
    """
    pictures = lessons.rendered(work, "unseen", lessons.unseen_scene, count, checker.size)
    scenes = [lessons.unseen_scene(number) for number in range(count)]
    told = checker.read(pictures)
    return {
        "unseen renders": count,
        "accuracy": accuracies(told, scenes),
        "accuracy where there is none": {
            name: _none_seen(told[name], [head.answer(scene) for scene in scenes])
            for name, head in heads().items()
            if NONE in head.labels
        },
        "accuracy of views": views_read(checker, work, max(1, count // 30)),
    }


def _none_seen(told: Sequence[str], truth: Sequence[str | None]) -> float | None:
    """Of the scenes that have none of what a head asks for, the share that it says so of."""
    said = [seen == NONE for seen, true in zip(told, truth, strict=True) if true == NONE]
    return sum(said) / len(said) if said else None


def save(checker: Checker, folder: Path) -> None:
    """Write the checker into `folder`."""
    labels = {name: list(words) for name, words in checker.labels.items()}
    shelf.put(checker, folder, {"labels": labels, "size": checker.size})


def load(folder: Path) -> Checker:
    """The checker in `folder`, ready to read. Its labels must be the world's."""
    config = shelf.config_of(folder)
    if config["labels"] != {name: list(head.labels) for name, head in heads().items()}:
        raise BoothError(
            f"The checker in {folder} learnt another version of the world.",
            "Train it again: python -m booth.toybox.pretrain --stage checker.",
        )
    checker = Checker(config["labels"], config["size"])
    shelf.fill(checker, folder)
    lessons.to_device(checker)
    return checker
