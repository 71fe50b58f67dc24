"""A scene is everything one picture shows; `random_scene` draws one from the training world.

Some combinations are held back from training on purpose (`HELD_BACK`): they are the only honest
way to ask whether the model learnt words rather than whole captions.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from booth.toybox.bodies import WEARERS, can_wear
from booth.toybox.crosses import SPECIES
from booth.toybox.drawing import draw
from booth.toybox.extras import ACCESSORIES, DYED
from booth.toybox.looks import ANIMALS, CLASSES, COLOURS, RECOLOURED, Look, make_look, random_look
from booth.toybox.places import PLACES
from booth.toybox.styles import FILTERS, STATUE, STYLES
from booth.toybox.subjects import ROUND, SIDEWAYS
from booth.toybox.surfaces import MATERIALS

__all__ = ["HELD_BACK", "Scene", "draw", "random_scene", "scene_of", "worn_by"]

MOODS = ("happy", "sad", "sleeping", "angry")
HUELESS = (STATUE, "sketch", "woodblock")
"""Styles that leave no colour to be read."""
ON_THE_FACE = ("pink glasses", "top hat and monocle")
"""What nobody sees, or tells from something else, from behind."""
COMMON_GROUND = ("city", "mountain", "blue house", "eiffel")
"""Places that are known by what stands in the background."""
VIEWS = ("side", "behind", "above", "front")
PROPERTIES = (*RECOLOURED, "shiny", "wet", "cube")

Pair = tuple[str, str]
"""A class, and a place or an accessory."""
HELD_BACK = frozenset(
    {
        ("dog", "snow"),
        ("dog", "forest rug"),
        ("dog", "santa hat"),
        ("dog", "mirror"),
        ("dog", "police outfit"),
        ("cat", "city"),
        ("cat", "eiffel"),
        ("cat", "rainbow scarf"),
        ("cat", "ocean of milk"),
        ("cat", "wizard outfit"),
        ("stuffed animal", "beach"),
        ("stuffed animal", "black top hat"),
        ("stuffed animal", "top hat and monocle"),
        ("stuffed animal", "sidewalk"),
        ("stuffed animal", "chef outfit"),
        ("toy", "cobblestones"),
        ("toy", "pink glasses"),
        ("toy", "yellow shirt"),
        ("backpack", "jungle"),
        ("teapot", "mountain"),
        ("teapot", "water"),
        ("vase", "autumn"),
        ("vase", "beach"),
        ("sneaker", "pink fabric"),
        ("sneaker", "dirt road"),
        ("clock", "wheat field"),
        ("clock", "blue house"),
        ("bowl", "snow"),
        ("bowl", "sunflowers"),
        ("can", "jungle"),
        ("can", "white rug"),
        ("candle", "beach"),
        ("candle", "sidewalk"),
        ("boot", "water"),
        ("boot", "eiffel"),
        ("glasses", "mountain"),
        ("glasses", "wooden floor"),
    }
)
"""Pairs that never appear in training; what is worn may, in a colour that is not its own."""


@dataclass(frozen=True)
class Scene:
    """One picture's content; an empty string means "none in particular"."""

    look: Look
    place: str = "studio"
    accessory: str = ""
    style: str = ""
    material: str = ""
    view: str = ""
    mood: str = ""
    property: str = ""
    cross: str = ""
    dye: str = ""  # of what it wears, one of `DYED`, if not the garment's own colour
    seed: int = 0

    @cached_property
    def class_noun(self) -> str:
        """What it is a picture of."""
        return self.look.class_noun

    @cached_property
    def colour(self) -> str:
        """The main colour's name, or "" where a material or a cross hides it."""
        if self.material not in ("", "glass") or self.style in HUELESS or self.cross:
            return ""
        return self.property if self.property in RECOLOURED else self.look.main

    @cached_property
    def shows_view(self) -> bool:
        """Whether the view can be told from the usual picture's."""
        usual = "side" if (self.look.kind or self.class_noun) in SIDEWAYS else "front"
        return self.view != usual

    @cached_property
    def shows_place(self) -> bool:
        """Whether the place can be told: from above only by a ground that no other place has."""
        return self.view != "above" or self.place not in COMMON_GROUND

    @cached_property
    def held_back(self) -> bool:
        """Whether Toybox was never trained on such a scene."""
        worn = "" if self.dye else self.accessory
        return not HELD_BACK.isdisjoint((self.class_noun, o) for o in (self.place, worn))

    @cached_property
    def shows_accessory(self) -> bool:
        """Whether it can be told what it wears.

        A cube hides it, a statue is one piece of marble, and from behind there are no glasses.
        """
        hidden = self.view == "behind" and self.accessory in ON_THE_FACE
        return not hidden and self.property != "cube" and self.style != STATUE


EXTRAS = (
    ("accessory", 0.42),
    ("style", 0.12),
    ("property", 0.14),
    ("material", 0.08),
    ("view", 0.08),
    ("cross", 0.06),
)
"""What a scene may have beyond its class and place, and how often, where the class allows it."""
DYEING = 0.3
"""How much of what is worn has another colour: a toy never wears a yellow shirt, but a blue one."""
BESIDE = 0.5
"""How many of those that wear something have one more extra: alone, each would be learnt alone."""
MOODY = 0.3
"""How many animals are in a mood."""
WEIGHTS = {"dog": 2.2, "cat": 2.2, "stuffed animal": 1.5, "toy": 1.5}


def random_scene(seed: int, withheld: Container[Pair] = HELD_BACK) -> Scene:
    """Training scene number `seed`, each with a subject of its own; without `withheld` pairs."""
    rng = np.random.default_rng([seed, 21])
    class_noun = _one(rng, CLASSES, [WEIGHTS.get(c, 1.0) for c in CLASSES])
    look = random_look(class_noun, seed)
    places = _allowed(class_noun, PLACES, withheld)
    place = _one(rng, places, [1.6 if p == "studio" else 1.0 for p in places])
    told = _extra(rng, look, withheld)
    if "accessory" in told:
        told |= _beside(rng) | _dyed(np.random.default_rng([seed, 23]))
    mood = str(rng.choice(MOODS)) if class_noun in ANIMALS and rng.random() < MOODY else ""
    return Scene(look, place, mood=mood, seed=seed, **told)


def _extra(rng: np.random.Generator, look: Look, withheld: Container[Pair]) -> dict[str, str]:
    """At most one extra as a field and its value, evenly among the values."""
    options = {
        "accessory": worn_by(look, withheld),
        "style": STYLES,
        "property": (*PROPERTIES, "cube", "cube"),  # the hardest: every class is another cube
        "material": MATERIALS,
        "view": ("above",) if look.class_noun in ROUND else VIEWS,
        "cross": tuple(SPECIES) if look.class_noun in ANIMALS else (),
    }
    draw, so_far = rng.random(), 0.0
    for name, chance in EXTRAS:
        so_far += chance
        if draw < so_far:
            return {name: str(rng.choice(options[name]))} if options[name] else {}
    return {}


def _dyed(rng: np.random.Generator) -> dict[str, str]:
    """At times another garment in place of the one that was chosen, in a colour not its own."""
    if rng.random() >= DYEING:
        return {}
    worn = str(rng.choice(tuple(DYED)))
    dyes = [colour for colour in COLOURS if colour != DYED[worn][0]]
    return {"accessory": worn, "dye": str(rng.choice(dyes))}


def _beside(rng: np.random.Generator) -> dict[str, str]:
    """At times one thing more about what wears something, as a field and its value."""
    if rng.random() >= BESIDE:
        return {}
    options = {
        "style": tuple(FILTERS),
        "property": tuple(p for p in PROPERTIES if p != "cube"),
        "material": MATERIALS,
        "view": VIEWS,
    }
    name = str(rng.choice(tuple(options)))
    return {name: str(rng.choice(options[name]))}


def scene_of(class_noun: str, said: Mapping[str, str], seed: int) -> Scene:
    """A picture of what is said: values by a scene's field, and a "colour".

    What is not said stays plain; look and pose follow from `seed`. Raises `ValueError` for clothes
    on something without a head.
    """
    if "accessory" in said and class_noun not in WEARERS:
        raise ValueError(f"A {class_noun} wears nothing.")
    fields: dict[str, Any] = {field: value for field, value in said.items() if field != "colour"}
    look = _look(class_noun, said.get("colour", ""), seed)
    while "accessory" in said and not can_wear(look):
        look = _look(class_noun, said.get("colour", ""), look.seed + 1000)
    return Scene(look, **fields, seed=seed)


def _look(class_noun: str, colour: str, seed: int) -> Look:
    look = random_look(class_noun, seed)
    if not colour:
        return look
    return make_look(class_noun, seed, (colour, look.mark, look.accent), "plain")


def worn_by(look: Look, withheld: Container[Pair] = HELD_BACK) -> tuple[str, ...]:
    """The accessories that it may wear."""
    return _allowed(look.class_noun, ACCESSORIES, withheld) if can_wear(look) else ()


def _allowed(class_noun: str, options: Iterable[str], withheld: Container[Pair]) -> tuple[str, ...]:
    return tuple(o for o in options if (class_noun, o) not in withheld)


def _one(rng: np.random.Generator, options: Sequence[str], weights: Sequence[float]) -> str:
    chances = np.array(weights)
    return str(rng.choice(options, p=chances / chances.sum()))
