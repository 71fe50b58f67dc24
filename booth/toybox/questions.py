"""What the score asks Toybox to draw: combinations of words that training never put together.

Every prompt is built around a pair of class and place, or class and accessory, that was held
back from training (`scene.HELD_BACK`), with one more thing said about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from booth.toybox.bodies import WEARERS
from booth.toybox.captions import plain
from booth.toybox.judges.labels import readable, telling_views
from booth.toybox.looks import COLOURS
from booth.toybox.phrases import PLACE_WORDS, WORN
from booth.toybox.scene import HELD_BACK, Scene, scene_of

USUAL = "front"
"""The view that most classes show in their usual picture."""
EXTRAS = {
    "colour": tuple(COLOURS),
    **{
        field: tuple(value for value in readable(field) if value != USUAL)
        for field in ("style", "view", "accessory", "material", "property")
    },
}
HEADS = ("class", "place", *EXTRAS)
"""The checker's heads that are read."""


@dataclass(frozen=True)
class Question:
    """What a picture is asked to show: a class, and values by a scene's field, and a "colour"."""

    class_noun: str
    said: dict[str, str]

    @property
    def prompt(self) -> str:
        """The question in plain words."""
        return plain(self.class_noun, self.said)

    @property
    def expected(self) -> dict[str, str]:
        """The right answer by the checker's head; whoever looks down sees the ground alone."""
        hidden = {"place"} if self.said.get("view") == "above" else set()
        shown = {head: value for head, value in self.said.items() if head not in hidden}
        return {"class": self.class_noun, **shown}

    @property
    def tellable(self) -> bool:
        """Whether a picture can show what it is to wear, if anything."""
        return "accessory" not in self.said or self.scene(0).shows_accessory

    def scene(self, seed: int) -> Scene:
        """What the world draws for it."""
        return scene_of(self.class_noun, self.said, seed)


def questions(count: int, turnable: Collection[str]) -> list[Question]:
    """`count` questions, the same every time.

    Views are asked of `turnable` classes only: a vase looks alike from all sides. Each walk
    through the held-back pairs says other things about them, and every kind of thing walks
    through its own values.
    """
    pairs = sorted(pair for pair in HELD_BACK if pair[1] in PLACE_WORDS or pair[1] in WORN)
    kinds = list(EXTRAS)
    seen: Counter[str] = Counter()
    asked = []
    for number in range(count):
        lap, place = divmod(number, len(pairs))
        noun, other = pairs[place]
        field = "place" if other in PLACE_WORDS else "accessory"
        kind = _possible(kinds[(lap + place) % len(kinds)], noun, other, turnable)
        question = Question(noun, {field: other, kind: _next(kind, noun, seen)})
        if not question.tellable:
            kind = "colour"
            question = Question(noun, {field: other, kind: _next(kind, noun, seen)})
        asked.append(question)
        seen[kind] += 1
    return asked


def _next(kind: str, noun: str, seen: Counter[str]) -> str:
    choices = telling_views(noun) if kind == "view" else EXTRAS[kind]
    return choices[seen[kind] % len(choices)]


def _possible(kind: str, noun: str, other: str, turnable: Collection[str]) -> str:
    """`kind`, or a colour where it would make no sense for this pair."""
    dressed = kind == "accessory" and (noun not in WEARERS or other in WORN)
    return "colour" if dressed or (kind == "view" and noun not in turnable) else kind
