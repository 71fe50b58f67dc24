"""Outfits: a hat and a garment in the colours of a trade, for whoever has a head and a chest.

At a small size an outfit is told by its hat's outline and by the colour of the chest; badges,
buttons and bands are for the second look.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from booth.toybox.bodies import Garment, head, jacket, sleeves
from booth.toybox.looks import Colour, Look
from booth.toybox.parts import Part, ball, cone, ring

CLOTH: dict[str, Colour] = {
    "linen": (0.98, 0.98, 0.99),
    "kerchief": (0.88, 0.14, 0.16),
    "shirt": (0.99, 0.84, 0.10),
    "helmet": (0.84, 0.10, 0.10),
    "coat": (0.20, 0.20, 0.24),
    "reflector": (0.86, 0.96, 0.20),
    "navy": (0.10, 0.16, 0.42),
    "visor": (0.06, 0.06, 0.09),
    "badge": (0.98, 0.80, 0.22),
    "robe": (0.42, 0.14, 0.66),
    "star": (1.05, 0.90, 0.30),
}


def _buttons(garment: Garment, x: float, paint: str) -> list[Part]:
    return [ball(garment.front(x, up), 0.024, paint) for up in (0.55, 0.15, -0.25)]


def yellow_shirt(look: Look) -> list[Part]:
    """A bright yellow shirt with short sleeves."""
    shirt = jacket(look, "shirt")
    _, r, neck = head(look)
    collar = ring(neck, (r * 0.72, 0, r * 0.72), 0.04, "shirt", 18)
    return [shirt.part, *sleeves(look, "shirt"), *collar]


def chef(look: Look) -> list[Part]:
    """A tall puffed white hat, a white jacket with two rows of buttons, a red kerchief."""
    (x, y, z), r, neck = head(look)
    top, white = y + r * 0.80, jacket(look, "linen")
    puffs = [
        ball(
            (x + r * 0.48 * float(np.sin(t)), top + 0.25, z + r * 0.48 * float(np.cos(t))),
            r * 0.50,
            "linen",
        )
        for t in np.linspace(0, 2 * np.pi, 6, endpoint=False)
    ]
    return [
        cone((x, top + 0.08, z), (r * 0.72, 0.12, r * 0.72), 1.05, "linen"),
        *puffs,
        ball((x, top + 0.31, z), r * 0.55, "linen"),
        white.part,
        *sleeves(look, "linen"),
        *(
            b
            for side in (-0.05, 0.05)
            for b in _buttons(white, white.part.centre[0] + side, "coat")
        ),
        *ring(neck, (r * 0.78, 0, r * 0.78), 0.045, "kerchief", 18),
    ]


def firefighter(look: Look) -> list[Part]:
    """A red helmet with a wide brim and a crest; a dark coat with bright bands."""
    (x, y, z), r, neck = head(look)
    top, coat = y + r * 0.62, jacket(look, "coat")
    return [
        ball((x, top + 0.03, z), (r * 0.94, r * 0.78, r * 0.98), "helmet"),
        cone((x, top + 0.02, z - 0.02), (r * 1.32, 0.022, r * 1.36), 0.94, "helmet"),
        ball((x, top + 0.07, z), (0.035, r * 0.80, r * 1.0), "badge"),
        ball((x, top + 0.13, z + r * 0.86), (0.075, 0.085, 0.03), "badge"),
        coat.part,
        *sleeves(look, "coat"),
        coat.band(0.42, 0.030, "reflector"),
        coat.band(-0.25, 0.030, "reflector"),
        *ring(neck, (r * 0.74, 0, r * 0.74), 0.040, "reflector", 18),
    ]


def police(look: Look) -> list[Part]:
    """A flat navy cap with a black visor and a badge; a navy jacket with a star."""
    (x, y, z), r, neck = head(look)
    top, navy = y + r * 0.80, jacket(look, "navy")
    middle = navy.part.centre[0]
    return [
        cone((x, top + 0.02, z), (r * 0.80, 0.055, r * 0.80), 1.0, "visor"),
        cone((x, top + 0.10, z), (r * 0.84, 0.045, r * 0.84), 1.42, "navy"),
        cone((x, top + 0.16, z), (r * 1.19, 0.02, r * 1.19), 0.82, "navy"),
        ball((x, top - 0.02, z + r * 0.80), (r * 0.62, 0.022, r * 0.40), "visor", (18, 0, 0)),
        ball((x, top + 0.085, z + r * 0.93), (0.055, 0.06, 0.03), "badge"),
        navy.part,
        *sleeves(look, "navy"),
        ball(navy.front(middle - 0.055, 0.36), (0.05, 0.055, 0.025), "badge"),
        *_buttons(navy, middle + 0.02, "badge"),
        navy.band(-0.45, 0.026, "visor"),
        *ring(neck, (r * 0.74, 0, r * 0.74), 0.036, "navy", 18),
    ]


def wizard(look: Look) -> list[Part]:
    """A tall pointed purple hat between the ears, a long purple robe, and golden stars on both."""
    (x, y, z), r, neck = head(look)
    top, shape = y + r * 0.80, jacket(look, "robe").part
    (cx, _, cz), (wide, _, deep) = shape.centre, shape.size
    tall = neck[1] / 2
    robe = cone((cx, tall, cz), (wide * 1.42, tall, deep * 1.30), 0.55, "robe")
    stars = [
        (cx + wide * across, tall * up, cz + deep * (1.30 - 0.30 * up) * ahead)
        for across, up, ahead in ((-0.45, 0.42, 0.86), (0.5, 0.62, 0.83), (0.02, 1.0, 1.0))
    ]
    hat = [
        cone((x, top, z), (r * 0.84, 0.022, r * 0.98), 0.94, "robe"),
        cone((x, top + 0.20, z), (r * 0.62, 0.20, r * 0.68), 0.06, "robe", (0, 0, -7)),
        cone((x, top + 0.045, z), (r * 0.61, 0.03, r * 0.67), 0.96, "star"),
        ball((x - 0.03, top + 0.14, z + r * 0.46), 0.036, "star"),
        ball((x + 0.06, top + 0.235, z + r * 0.28), 0.028, "star"),
    ]
    return [robe, *hat, *(ball(at, (0.042, 0.042, 0.03), "star") for at in stars)]


OUTFITS: dict[str, Callable[[Look], list[Part]]] = {
    "chef outfit": chef,
    "firefighter outfit": firefighter,
    "police outfit": police,
    "wizard outfit": wizard,
    "yellow shirt": yellow_shirt,
}
