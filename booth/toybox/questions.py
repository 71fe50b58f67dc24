"""What the score asks Toybox to draw: combinations of words that training never put together.

Every prompt is built around a pair of class and place, or class and accessory, that was held
back from training (`scene.HELD_BACK`), with one more thing said about it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from booth.toybox.bodies import WEARERS
from booth.toybox.captions import plain
from booth.toybox.judges.labels import readable, telling_views
from booth.toybox.looks import COLOURS
from booth.toybox.phrases import PLACE_WORDS, WORN
from booth.toybox.scene import HELD_BACK, Pair, Scene, scene_of

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
TURNABLE = ("dog", "cat", "stuffed animal", "toy", "clock")
"""Classes whose sides a small picture tells apart: a vase looks alike all around."""
LOOKED_AT = 216
"""How many questions are never asked: the first ones, whose misses were read one by one while the
world and Toybox were made."""
LAPS = 24
"""Enough for several hundred questions that are not alike."""


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


def questions(count: int) -> list[Question]:
    """`count` questions that nobody looked at, the same every time; fewer if there are no more."""
    told = walk()
    known = {question.prompt for question in itertools.islice(told, LOOKED_AT)}
    fresh = {question.prompt: question for question in told if question.prompt not in known}
    return list(fresh.values())[:count]


def walk() -> Iterator[Question]:
    """Questions of `LAPS` laps through the held-back pairs, some of them twice.

    Views are asked of `TURNABLE` classes only. Each lap says other things about the pairs: the
    values of every kind of thing in turn, after the first `LOOKED_AT` questions by chance.
    """
    pairs = sorted(pair for pair in HELD_BACK if pair[1] in PLACE_WORDS or pair[1] in WORN)
    kinds, rng = list(EXTRAS), np.random.default_rng(0)
    seen: Counter[str] = Counter()
    for lap, (place, pair) in itertools.product(range(LAPS), enumerate(pairs)):
        kind = _possible(kinds[(lap + place) % len(kinds)], *pair)
        by_chance = seen.total() >= LOOKED_AT
        question = _asked(pair, kind, int(rng.integers(2**16)) if by_chance else seen[kind])
        if not question.tellable:
            kind = "colour"
            question = _asked(pair, kind, seen[kind])
        yield question
        seen[kind] += 1


def _asked(pair: Pair, kind: str, number: int) -> Question:
    """About a held-back pair and the `number`-th value of another kind."""
    noun, other = pair
    choices = telling_views(noun) if kind == "view" else EXTRAS[kind]
    field = "place" if other in PLACE_WORDS else "accessory"
    return Question(noun, {field: other, kind: choices[number % len(choices)]})


def _possible(kind: str, noun: str, other: str) -> str:
    """`kind`, or a colour where it would make no sense for this pair."""
    dressed = kind == "accessory" and (noun not in WEARERS or other in WORN)
    return "colour" if dressed or (kind == "view" and noun not in TURNABLE) else kind
