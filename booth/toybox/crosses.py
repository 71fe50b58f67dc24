"""Crosses of two species (section 4.4 of the paper): a dog's body with a bear's head, and so on.

The subject keeps its body, its eyes and its markings; the other species gives the ears, the
muzzle and part of the coat's colour, which is as little as a person needs to see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from booth.toybox import animals
from booth.toybox.bodies import head
from booth.toybox.looks import Colour, Look, tones
from booth.toybox.parts import Part, ball, both, pillow

COATS: dict[str, tuple[Colour, float]] = {
    "bear": ((0.34, 0.20, 0.11), 0.65),
    "panda": ((0.96, 0.95, 0.93), 0.9),
    "koala": ((0.60, 0.63, 0.68), 0.8),
    "lion": ((0.88, 0.62, 0.22), 0.65),
    "hippo": ((0.55, 0.42, 0.52), 0.8),
}
"""The other species' coat, and its share in the mixed colour."""
PAINTS: dict[str, Colour] = {"mane": (0.46, 0.21, 0.07), "patch": (0.12, 0.11, 0.13)}
"""What only a cross has."""


def mixed(look: Look, species: str) -> Look:
    """The look with a coat between the subject's own and that of the other species."""
    coat, share = COATS[species]
    both_coats = zip(coat, look.palette["main"], strict=True)
    red, green, blue = (share * theirs + (1 - share) * own for theirs, own in both_coats)
    return replace(look, palette={**look.palette, **tones((red, green, blue)), **PAINTS})


def crossed(look: Look, parts: Sequence[Part], species: str) -> list[Part]:
    """The animal's parts with its ears and muzzle exchanged for those of the species."""
    own = {
        "dog": [*animals.dog_ears(look), *animals.dog_muzzle(look)],
        "cat": [*animals.cat_ears(look), *animals.cat_muzzle(look)],
    }[look.class_noun]
    return SPECIES[species]([part for part in parts if part not in own], look)


def _round_ears(look: Look, size: float, paint: str, inner: str) -> list[Part]:
    (_, y, z), r, _ = head(look)
    x, up = r * 0.78, y + r * 0.80
    return [
        *both(ball((x, up, z), (size, size, size * 0.6), paint)),
        *both(ball((x, up, z + size * 0.38), (size * 0.62, size * 0.62, size * 0.4), inner)),
    ]


def _snout(look: Look, size: float, nose: float) -> list[Part]:
    (_, y, z), r, _ = head(look)
    return [
        ball((0, y - 0.09, z + r * 0.85), (size, size * 0.8, size * 0.95), "pale"),
        ball((0, y - 0.04, z + r * 0.85 + size * 0.85), (nose, nose * 0.7, nose * 0.7), "dark"),
    ]


def bear(parts: list[Part], look: Look) -> list[Part]:
    """Round ears and a broad pale snout."""
    return parts + _round_ears(look, 0.105, "main", "pale") + _snout(look, 0.13, 0.055)


def panda(parts: list[Part], look: Look) -> list[Part]:
    """Black ears, eye patches and limbs."""
    (_, y, z), r, _ = head(look)
    limbs = [
        replace(p, paint="patch") if p.centre[1] < 0.25 and abs(p.centre[0]) > 0.03 else p
        for p in parts
    ]
    patches = both(ball((0.1, y + 0.045, z + r * 0.74), (0.088, 0.105, 0.055), "patch", (0, 0, 25)))
    return limbs + patches + _round_ears(look, 0.105, "patch", "patch") + _snout(look, 0.11, 0.045)


def koala(parts: list[Part], look: Look) -> list[Part]:
    """Great woolly ears at the sides and a tall dark nose."""
    (_, y, z), r, _ = head(look)
    ears = both(ball((r * 1.08, y + r * 0.55, z - 0.02), (0.155, 0.16, 0.07)))
    wool = both(ball((r * 1.08, y + r * 0.52, z + 0.03), (0.105, 0.11, 0.05), "white"))
    nose = ball((0, y - 0.035, z + r * 1.02), (0.055, 0.095, 0.06), "dark")
    return [*parts, *ears, *wool, nose]


def lion(parts: list[Part], look: Look) -> list[Part]:
    """A dark mane all around the face."""
    (x, y, z), r, _ = head(look)
    mane = [
        ball(
            (x + r * 1.08 * float(np.sin(turn)), y + r * 1.02 * float(np.cos(turn)), z - 0.05),
            (0.125, 0.125, 0.15),
            "mane",
        )
        for turn in np.linspace(0, 2 * np.pi, 14, endpoint=False)
    ]
    return parts + mane + _round_ears(look, 0.075, "main", "mane") + _snout(look, 0.115, 0.05)


def hippo(parts: list[Part], look: Look) -> list[Part]:
    """A huge square muzzle with nostrils and two teeth, and tiny ears."""
    (_, y, z), r, _ = head(look)
    front = z + r * 0.75
    return [
        *parts,
        pillow((0, y - 0.13, front), (r * 0.98, 0.13, 0.18)),
        *both(ball((0.085, y - 0.03, front + 0.13), (0.034, 0.028, 0.03), "dark")),
        *both(pillow((0.07, y - 0.255, front + 0.12), (0.028, 0.045, 0.025), "white")),
        *_round_ears(look, 0.055, "main", "tongue"),
    ]


SPECIES: dict[str, Callable[[list[Part], Look], list[Part]]] = {
    "bear": bear,
    "panda": panda,
    "koala": koala,
    "lion": lion,
    "hippo": hippo,
}
