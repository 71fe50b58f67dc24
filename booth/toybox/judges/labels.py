"""What the checker is asked about a picture; every label is read from the world's own tables.

Class and colour are asked of the look; beyond that every field of a scene that captions have
words for is a question, so a world that grows needs no line here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from booth.toybox.looks import CLASSES, COLOURS, RECOLOURED
from booth.toybox.phrases import words_for
from booth.toybox.scene import Scene
from booth.toybox.subjects import ROUND, SIDEWAYS

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
    """The colour that captions may name, of unmarked subjects in no style; else None."""
    plain = scene.look.marking == "plain" and not scene.style
    return (scene.colour or None) if plain else None


def readable(field: str) -> tuple[str, ...]:
    """The values of a scene's field that captions name and pictures tell.

    A subject made red looks like a red one: as a property it is no answer.
    """
    return tuple(value for value in words_for(field) if value not in RECOLOURED)


def telling_views(class_noun: str) -> tuple[str, ...]:
    """The views of a class that nobody takes for its usual picture, whatever kind it is of."""
    if class_noun in ROUND:
        return ("above",)
    lying = class_noun in SIDEWAYS or class_noun == "toy"
    return ("behind", "above") if lying else ("side", "behind", "above")


def heads() -> dict[str, Head]:
    """All questions by name, in a fixed order."""
    asked = {
        "class": Head(tuple(CLASSES), lambda scene: scene.look.class_noun),
        "colour": Head(tuple(COLOURS), main_colour),
    }
    for field in dataclasses.fields(Scene):
        values = readable(field.name)
        if values:
            labels = values if field.default in values else (NONE, *values)
            asked[field.name] = Head(labels, _reader(field.name))
    return asked


def _reader(field: str) -> Callable[[Scene], str | None]:
    """The field's value; None where the picture does not tell it.

    The usual picture shows a front (or a sneaker's side), a subject made red looks like a red one,
    some places are known by their background alone, no mood shows from behind, not all that is worn
    can be told, and a blue shirt is no yellow one.
    """

    def read(scene: Scene) -> str | None:
        value = getattr(scene, field) or NONE
        hidden = {
            "view": not scene.shows_view,
            "property": value in RECOLOURED,
            "place": not scene.shows_place,
            "mood": scene.view == "behind",
            "accessory": bool(scene.dye or (scene.accessory and not scene.shows_accessory)),
        }
        return None if hidden.get(field) else value

    return read


def answers(scenes: Iterable[Scene]) -> torch.Tensor:
    """The true answers' numbers, (scenes, heads)."""
    asked = heads().values()
    return torch.tensor([[head.number(scene) for head in asked] for scene in scenes])
