"""Every class by its name: what builds it and how large it is."""

from __future__ import annotations

from collections.abc import Callable

from booth.toybox import animals, objects, toys, vessels, wearables
from booth.toybox.crosses import crossed
from booth.toybox.cubes import cubed
from booth.toybox.looks import Look
from booth.toybox.parts import Part

BUILDERS: dict[str, Callable[[Look, str], list[Part]]] = {
    "dog": animals.dog,
    "cat": animals.cat,
    "stuffed animal": animals.teddy,
    "toy": toys.toy,
    "backpack": objects.backpack,
    "teapot": objects.teapot,
    "vase": objects.vase,
    "sneaker": wearables.sneaker,
    "clock": objects.clock,
    "bowl": vessels.bowl,
    "can": vessels.can,
    "candle": vessels.candle,
    "boot": wearables.boot,
    "glasses": wearables.glasses,
}
EXTENT = {
    "dog": (0.98, 0.80),
    "cat": (1.08, 0.86),
    "stuffed animal": (1.05, 0.88),
    "duck": (0.90, 0.98),
    "car": (0.86, 1.10),
    "robot": (1.12, 0.92),
    "backpack": (1.03, 0.80),
    "teapot": (0.86, 1.12),
    "vase": (1.02, 0.74),
    "sneaker": (0.66, 1.16),
    "clock": (1.02, 0.80),
    "bowl": (0.70, 1.04),
    "can": (1.00, 0.72),
    "candle": (1.00, 0.80),
    "boot": (1.00, 0.98),
    "glasses": (0.62, 1.26),
}
"""Height and width of a subject, in its own units; a toy has those of its kind."""
ROUND = ("vase", "bowl", "can", "candle")
"""Those that look the same from every side."""
SIDEWAYS = ("sneaker", "boot", "duck", "car")
"""Those that show their side in the usual picture; their front lies to the right."""


def build(look: Look, mood: str = "", cross: str = "", cube: bool = False) -> list[Part]:
    """All parts of a subject, crossed with another species or made a cube if asked."""
    parts = BUILDERS[look.class_noun](look, mood)
    if cross:
        parts = crossed(look, parts, cross)
    return cubed(look, parts) if cube else parts


def extent(look: Look, cube: bool = False) -> tuple[float, float]:
    """Height and width to fit into the frame."""
    return (1.16, 1.12) if cube else EXTENT[look.kind or look.class_noun]
