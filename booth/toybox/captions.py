"""What is said about a scene: which of its facts, in which words and in which order.

Leaving words out is the point: a model that has always heard the colour would not know what
"a dog" means, and DreamBooth's prior pictures would not be just any dog.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from booth.toybox.extras import DYED
from booth.toybox.phrases import (
    CROSS_WORDS,
    MARKING_WORDS,
    MATERIAL_WORDS,
    MOOD_WORDS,
    OPENINGS,
    PLACE_WORDS,
    PROPERTY_WORDS,
    STYLE_WORDS,
    SYNONYMS,
    VIEW_WORDS,
    WORN,
    words_for,
)
from booth.toybox.scene import Scene

BEHIND = ("in front of", "next to", "under", "with", "among")
"""How phrases begin that tell what stands around or behind a subject."""
ROOM = 30
"""Words and commas a caption may have: one token each, and two markers of the tokenizer."""


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One sentence about the scene; names what can be seen in it, and often omits some of that."""
    noun = _noun(scene, rng)
    place = _place(scene, rng) if rng.random() < 0.93 else ""
    facts = [
        _worn(scene, rng) if scene.accessory and scene.shows_accessory else "",
        _pick(VIEW_WORDS[scene.view], rng) if scene.view and rng.random() < 0.9 else "",
    ]
    said = _ordered(noun, [fact for fact in facts if fact], place, rng)
    frame = _frame(scene, rng)
    if place and rng.random() < 0.12:
        said, frame = [noun, *(fact for fact in facts if fact)], f"{place}, {frame}"
    while _length(frame.format(" ".join(said))) > ROOM:
        said.pop()
    return frame.format(" ".join(said))


def plain(class_noun: str, said: Mapping[str, str]) -> str:
    """The plain sentence that says all of `said`: values by a scene's field, and a "colour"."""
    words = {
        field: words_for(field)[value][0] for field, value in said.items() if field != "colour"
    }
    before = [words.get("mood", ""), said.get("colour", ""), words.get("property", ""), class_noun]
    noun = with_article(" ".join(word for word in before if word))
    if "cross" in words:
        noun = with_article(words["cross"].format(noun))
    after = [words.get(field, "") for field in ("material", "accessory", "view", "place")]
    return words.get("style", "{}").format(" ".join(word for word in (noun, *after) if word))


def _worn(scene: Scene, rng: np.random.Generator) -> str:
    """Words for what it wears; those for something dyed always name its colour."""
    options = WORN[scene.accessory]
    if not scene.dye:
        return _pick(options, rng)
    own = DYED[scene.accessory][0]
    words = _pick(tuple(words for words in options if own in words), rng)
    return words.replace(f"a {own}", with_article(scene.dye)).replace(own, scene.dye)


def _place(scene: Scene, rng: np.random.Generator) -> str:
    """Words for the place; whoever looks down sees its ground, and nothing in the background."""
    words = PLACE_WORDS[scene.place]
    if scene.view == "above":
        words = tuple(w for w in words if not w.startswith(BEHIND) and scene.shows_place)
    return _pick(words, rng) if words else ""


def _ordered(noun: str, facts: list[str], place: str, rng: np.random.Generator) -> list[str]:
    """What is said of the subject: its place mostly last, at times early or after a comma."""
    order = rng.random()
    if not place:
        return [noun, *facts]
    if order < 0.3:
        return [noun, place, *facts]
    if order < 0.38:
        return [" ".join([noun, *facts]) + ",", place]
    return [noun, *facts, place]


def _frame(scene: Scene, rng: np.random.Generator) -> str:
    """What the sentence about the subject is set in: a style, "a photo of", or nothing."""
    if scene.style and rng.random() < 0.95:
        return _pick(STYLE_WORDS[scene.style], rng)
    return _pick(OPENINGS, rng)


def _noun(scene: Scene, rng: np.random.Generator) -> str:
    """The noun with its adjectives, and what belongs to it ("made of gold", "with blue spots")."""
    before: list[str] = []
    after: list[str] = []
    if scene.mood and scene.view != "behind" and rng.random() < 0.8:
        before.append(_pick(MOOD_WORDS[scene.mood], rng))
    if scene.property:
        _say(_pick(PROPERTY_WORDS[scene.property], rng), before, after)
    if scene.colour and scene.colour != scene.property:
        _colours(scene, rng, before, after)
    if scene.material:
        _say(_pick(MATERIAL_WORDS[scene.material], rng), before, after)
    kind = _pick(SYNONYMS[scene.look.kind or scene.class_noun], rng)
    noun = with_article(" ".join([*before, kind]))
    if scene.cross:
        noun = with_article(_pick(CROSS_WORDS[scene.cross], rng).format(noun))
    return " ".join([noun, *after])


def _say(words: str, before: list[str], after: list[str]) -> None:
    """Put "made of gold" and "in the shape of a cube" after the noun, an adjective before it."""
    (after if words.split()[0] in ("made", "in", "with") else before).append(words)


def _colours(scene: Scene, rng: np.random.Generator, before: list[str], after: list[str]) -> None:
    """Add colours and markings, each left out at times."""
    main, look = scene.colour, scene.look
    if look.marking == "plain" or scene.material:
        if rng.random() < 0.65:
            before.append(main)
    elif rng.random() < 0.55:
        words = _pick(MARKING_WORDS[look.marking], rng).format(main=main, mark=look.mark)
        _say(words, before, after)
        if " and " not in words and (after or rng.random() < 0.5):
            before.append(main)


def with_article(words: str) -> str:
    """`words` behind "a" or "an"."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _length(sentence: str) -> int:
    return len(sentence.replace(",", " , ").split())


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
