"""Where things are on a body that can wear something: the head, the neck, the chest, the arms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from booth.toybox.looks import Look
from booth.toybox.parts import Part, Point, ball, both, pillow

WEARERS = ("dog", "cat", "stuffed animal", "toy")


def can_wear(look: Look) -> bool:
    """Whether it has a head to put a hat on."""
    return look.class_noun in WEARERS and look.kind != "car"


def head(look: Look) -> tuple[Point, float, Point]:
    """Middle of the head, its radius, and where the neck is."""
    t = look.traits
    if look.class_noun == "dog":
        return (0, 0.72, 0.04), 0.23 + 0.04 * t[1], (0, 0.50, 0.0)
    if look.class_noun == "cat":
        return (0, 0.68, 0.05), 0.23 + 0.04 * t[1], (0, 0.465, 0.02)
    if look.class_noun == "stuffed animal":
        return (0, 0.73, 0.02), 0.25 + 0.03 * t[1], (0, 0.51, 0.02)
    if look.kind == "robot":
        return (0, 0.80, 0.0), 0.18 + 0.04 * t[1], (0, 0.62, 0.0)
    size = 0.21 + 0.05 * t[1]
    return (0.13, 0.36 + size * 1.35, 0.03), size, (0.12, 0.43, 0.02)


@dataclass(frozen=True)
class Garment:
    """A shape around the chest, and the paint it has."""

    part: Part

    def front(self, x: float, up: float) -> Point:
        """The point of its front at `x`, `up` of the way (-1..1) from its waist to its edge."""
        (cx, cy, cz), (wide, tall, deep) = self.part.centre, self.part.size
        left = 1 - up * up - ((x - cx) / wide) ** 2
        return x, cy + up * tall, cz + deep * float(np.sqrt(max(0.05, left)))

    def band(self, up: float, thick: float, paint: str) -> Part:
        """A stripe all around it."""
        (x, y, z), (wide, tall, deep) = self.part.centre, self.part.size
        out = 1.03 * float(np.sqrt(max(0.05, 1 - up * up)))
        at, size = (x, y + up * tall, z), (wide * out, thick, deep * out)
        return replace(self.part, shape="cone", centre=at, size=size, paint=paint, taper=1.0)


def jacket(look: Look, paint: str) -> Garment:
    """A garment over the chest, a little wider than the body, from hip to neck."""
    t = look.traits
    if look.class_noun == "dog":
        wide = 0.24 * (0.9 + 0.3 * t[0])
        return Garment(ball((0, 0.345, -0.03), (wide * 1.08, 0.235, 0.29), paint))
    if look.class_noun == "cat":
        wide = 0.2 * (0.85 + 0.35 * t[0])
        return Garment(ball((0, 0.325, -0.01), (wide * 1.12, 0.225, 0.25), paint))
    if look.class_noun == "stuffed animal":
        wide = 0.27 * (0.95 + 0.2 * t[0])
        return Garment(ball((0, 0.365, 0.01), (wide * 1.05, 0.215, 0.27), paint))
    if look.kind == "robot":
        wide = 0.22 + 0.06 * t[0]
        return Garment(pillow((0, 0.43, 0.01), (wide * 1.07, 0.21, 0.215), paint))
    wide = 0.40 * (0.95 + 0.2 * t[0])
    return Garment(ball((0.02, 0.27, 0), (wide * 0.86, 0.20, 0.35), paint))


def sleeves(look: Look, paint: str) -> list[Part]:
    """Short sleeves over the upper arms or forelegs; a duck has none."""
    t = look.traits
    if look.class_noun == "dog":
        x = 0.12 * (0.9 + 0.3 * t[0])
        return both(ball((x, 0.29, 0.165), (0.095, 0.135, 0.105), paint))
    if look.class_noun == "cat":
        x = 0.085 * (0.85 + 0.35 * t[0])
        return both(ball((x, 0.25, 0.155), (0.078, 0.12, 0.08), paint))
    if look.class_noun == "stuffed animal":
        x = 0.31 * (0.95 + 0.2 * t[0])
        return both(ball((x, 0.405, 0.08), (0.11, 0.15, 0.12), paint, (15, 0, 35)))
    if look.kind == "robot":
        return both(ball((0.27 + 0.06 * t[0], 0.53, 0.01), (0.10, 0.085, 0.09), paint))
    return []
