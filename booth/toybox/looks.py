"""A subject's look: one point in the space of colours, markings and body traits of its class.

Everything that makes a subject *that* subject lives here and is a function of its seed; pose,
place and accessories belong to the scene, or the same subject could not be photographed twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from booth.toybox.parts import rotation

Colour = tuple[float, float, float]

COLOURS: dict[str, Colour] = {
    "red": (0.86, 0.13, 0.13),
    "orange": (0.95, 0.50, 0.10),
    "yellow": (0.97, 0.83, 0.18),
    "green": (0.22, 0.64, 0.25),
    "blue": (0.15, 0.36, 0.86),
    "purple": (0.52, 0.22, 0.75),
    "pink": (0.97, 0.52, 0.70),
    "brown": (0.47, 0.28, 0.15),
    "white": (0.95, 0.94, 0.91),
    "grey": (0.55, 0.56, 0.58),
    "black": (0.13, 0.13, 0.15),
}
MARKINGS = ("plain", "spots", "stripes", "patches", "two tone")
CLASSES = (
    "dog",
    "cat",
    "stuffed animal",
    "backpack",
    "teapot",
    "vase",
    "sneaker",
    "clock",
    "toy",
    "bowl",
    "can",
    "candle",
    "boot",
    "glasses",
)
ANIMALS = ("dog", "cat")
RECOLOURED = ("red", "purple")
"""The colours of the paper's property prompts."""
NATURAL = {
    "dog": ("brown", "orange", "white", "black", "grey", "yellow"),
    "cat": ("orange", "grey", "black", "white", "brown"),
    "stuffed animal": ("brown", "yellow", "pink", "white", "grey"),
    "toy": ("yellow", "yellow", "red", "orange", "pink", "blue", "grey"),
    "candle": ("white", "yellow", "red", "pink"),
    "boot": ("brown", "black", "yellow", "red"),
}
DETAILS: dict[str, Colour] = {
    "white": (0.97, 0.96, 0.94),
    "dark": (0.10, 0.09, 0.10),
    "beak": (0.96, 0.55, 0.10),
    "tongue": (0.93, 0.42, 0.48),
    "steel": (0.74, 0.77, 0.81),
    "gold": (0.93, 0.74, 0.22),
    "lens": (0.22, 0.19, 0.25),
    "window": (0.66, 0.86, 0.95),
    "lamp": (1.15, 1.02, 0.45),
    "hot": (0.98, 0.22, 0.18),
    "flame": (1.75, 0.95, 0.25),
    "flame core": (2.0, 1.75, 0.95),
}


@dataclass(frozen=True)
class Look:
    """Colour names, their jittered values, a marking and eight body traits in 0..1."""

    class_noun: str
    seed: int
    main: str
    mark: str
    accent: str
    marking: str
    palette: dict[str, Colour]
    traits: tuple[float, ...]

    @property
    def kind(self) -> str:
        """Which of several things a toy is; "" for every other class."""
        if self.class_noun != "toy":
            return ""
        return "duck" if self.traits[5] < 0.4 else "car" if self.traits[5] < 0.68 else "robot"


def jitter(name: str, rng: np.random.Generator, amount: float = 0.05) -> Colour:
    """A colour near the named one."""
    shifted = np.clip(np.array(COLOURS[name]) + rng.normal(0, amount, 3), 0.02, 1.0)
    red, green, blue = (float(c) for c in shifted)
    return red, green, blue


def random_look(class_noun: str, seed: int) -> Look:
    """The look of subject number `seed` of its class."""
    rng = np.random.default_rng([seed, CLASSES.index(class_noun), 11])
    names = list(COLOURS)
    natural = NATURAL.get(class_noun)
    main = str(rng.choice(natural if natural and rng.random() < 0.5 else names))
    mark, accent = (str(n) for n in rng.choice([n for n in names if n != main], 2, replace=False))
    marking = str(rng.choice(MARKINGS, p=(0.4, 0.16, 0.16, 0.14, 0.14)))
    return make_look(class_noun, seed, (main, mark, accent), marking)


def make_look(class_noun: str, seed: int, colours: tuple[str, str, str], marking: str) -> Look:
    """A look with chosen colours (main, marking, accent); `seed` gives the rest."""
    rng = np.random.default_rng([seed, 12])
    main, mark, accent = (jitter(name, rng) for name in colours)
    palette = {
        **DETAILS,
        **tones(main),
        "mark": mark,
        "accent": accent,
        "iris": jitter(str(rng.choice(["green", "blue", "orange", "brown"])), rng),
    }
    traits = tuple(float(t) for t in rng.random(8))
    return Look(class_noun, seed, *colours, marking, palette, traits)


def tones(main: Colour) -> dict[str, Colour]:
    """The main colour with the lighter and the darker one that go with it."""
    return {
        "main": main,
        "pale": (0.35 + 0.62 * main[0], 0.34 + 0.62 * main[1], 0.32 + 0.62 * main[2]),
        "shade": (0.55 * main[0], 0.55 * main[1], 0.55 * main[2]),
    }


def recoloured(look: Look, name: str) -> Look:
    """The same subject with another main colour, and with a darker one for its second tone."""
    colour = jitter(name, np.random.default_rng([look.seed, 15]), 0.03)
    palette = {**look.palette, **tones(colour)}
    if look.marking == "two tone":
        palette["mark"] = palette["shade"]
    return replace(look, main=name, palette=palette)


def marked(look: Look, points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the model-space points (n, 3) carry the marking's colour."""
    rng = np.random.default_rng([look.seed, 13])
    turn = rotation((float(rng.uniform(-25, 25)), float(rng.uniform(0, 360)), 0)).astype(np.float32)
    x, y, z = (points @ turn.T + rng.uniform(0, 6, 3).astype(np.float32)).T
    if look.marking == "spots":
        k = 15 + 7 * look.traits[7]
        wave = np.cos(k * x + 1.3 * np.sin(k * 0.4 * y)) * np.cos(k * y) * np.cos(k * z)
        return np.abs(wave) > 0.42
    if look.marking == "stripes":
        k = 22 + 14 * look.traits[7]
        return np.sin(k * points[:, 1] + 1.2 * np.sin(4 * x + 3 * z) + 6 * look.traits[6]) > 0.15
    if look.marking == "patches":
        wave = np.sin(5.5 * x) + np.sin(5 * y + 1.5 * np.sin(4 * z)) + np.sin(5.5 * z + 2 * x)
        return wave > 0.75
    if look.marking == "two tone":
        return points[:, 1] < 0.36 + 0.16 * look.traits[7]
    return np.zeros(len(points), bool)
