"""What the score asks Toybox to draw: combinations of words that training never put together.

Every prompt is built around a pair of class and place, or class and accessory, that was held
back from training (`scene.HELD_BACK`), with one more thing said about it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from booth.toybox.captions import PLACE_WORDS, STYLE_WORDS, VIEW_WORDS, WORN
from booth.toybox.extras import ACCESSORIES, STYLES
from booth.toybox.looks import COLOURS
from booth.toybox.places import PLACES
from booth.toybox.scene import HELD_BACK, VIEWS, WEARERS

EXTRAS = {
    "colour": tuple(COLOURS),
    "style": tuple(STYLES),
    "view": tuple(VIEWS),
    "accessory": tuple(ACCESSORIES),
}


@dataclass(frozen=True)
class Question:
    """A prompt, and what a picture of it must show: an answer for some heads of the checker."""

    prompt: str
    expected: dict[str, str]


def questions(count: int, turnable: Collection[str]) -> list[Question]:
    """`count` questions, the same every time.

    Views are asked of `turnable` classes only: a vase looks alike from all sides. Each walk
    through the held-back pairs says other things about them.
    """
    pairs = sorted(pair for pair in HELD_BACK if pair[1] in PLACES or pair[1] in ACCESSORIES)
    kinds = list(EXTRAS)
    asked = []
    for number in range(count):
        lap, place = divmod(number, len(pairs))
        noun, other = pairs[place]
        kind = _possible(kinds[(lap + place) % len(kinds)], noun, other, turnable)
        choices = EXTRAS[kind]
        asked.append(_question(noun, other, kind, choices[(lap + place * 3) % len(choices)]))
    return asked


def _possible(kind: str, noun: str, other: str, turnable: Collection[str]) -> str:
    """`kind`, or a colour where it would make no sense for this pair."""
    dressed = kind == "accessory" and (noun not in WEARERS or other in ACCESSORIES)
    return "colour" if dressed or (kind == "view" and noun not in turnable) else kind


def _question(noun: str, other: str, kind: str, choice: str) -> Question:
    expected = {"class": noun, "place" if other in PLACES else "accessory": other, kind: choice}
    subject = f"{choice} {noun}" if kind == "colour" else noun
    words = [
        WORN[expected["accessory"]][0] if "accessory" in expected else "",
        VIEW_WORDS[choice][0] if kind == "view" else "",
        PLACE_WORDS[other][0] if other in PLACES else "",
    ]
    sentence = " ".join([with_article(subject), *filter(None, words)])
    if kind == "style":
        sentence = STYLE_WORDS[choice][0].format(sentence)
    if choice == "above":  # whoever looks down sees the ground alone
        expected.pop("place", None)
    return Question(sentence, expected)


def with_article(words: str) -> str:
    """`words` behind "a" or "an"."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
