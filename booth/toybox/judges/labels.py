"""What the checker is asked about a picture; every label is read from the world's own tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from booth.toybox.extras import ACCESSORIES, STYLES
from booth.toybox.looks import CLASSES, COLOURS
from booth.toybox.places import PLACES
from booth.toybox.scene import MATERIALS, MOODS, VIEWS, Scene

NONE = "none"
UNASKED = -100  # cross entropy's word for "no label here"


@dataclass(frozen=True)
class Head:
    """One question: its possible answers, and the true one for a scene (None: not asked of it)."""

    labels: tuple[str, ...]
    answer: Callable[[Scene], str | None]

    def number(self, scene: Scene) -> int:
        """The true answer's place among the labels, `UNASKED` if there is none."""
        answer = self.answer(scene)
        return UNASKED if answer is None else self.labels.index(answer)


def main_colour(scene: Scene) -> str | None:
    """The subject's colour name, if it has one: not of marked subjects, gold or sketches."""
    plain = scene.look.marking == "plain" and not scene.material and not scene.style
    return scene.look.main if plain else None


def heads() -> dict[str, Head]:
    """All questions by name, in a fixed order."""
    return {
        "class": Head(tuple(CLASSES), lambda scene: scene.look.class_noun),
        "place": Head(tuple(PLACES), lambda scene: scene.place),
        "colour": Head(tuple(COLOURS), main_colour),
        "accessory": Head((NONE, *ACCESSORIES), lambda scene: scene.accessory or NONE),
        "style": Head((NONE, *STYLES), lambda scene: scene.style or NONE),
        "view": Head((NONE, *VIEWS), lambda scene: scene.view or NONE),
        "material": Head((NONE, *MATERIALS), lambda scene: scene.material or NONE),
        "mood": Head((NONE, *MOODS), lambda scene: scene.mood or NONE),
    }


def answers(scenes: Iterable[Scene]) -> torch.Tensor:
    """The true answers' numbers, (scenes, heads)."""
    asked = heads().values()
    return torch.tensor([[head.number(scene) for head in asked] for scene in scenes])
