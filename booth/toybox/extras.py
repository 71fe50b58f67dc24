"""Accessories for those with a head: hats, a scarf, glasses, and the outfits by their names.

An accessory is built from parts around the head, so it turns with the subject.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from booth.toybox.bodies import head
from booth.toybox.looks import Colour, Look
from booth.toybox.outfits import CLOTH, OUTFITS
from booth.toybox.parts import Part, ball, cone, ring, tube

ACCESSORY_COLOURS: dict[str, Colour] = {
    "hat red": (0.88, 0.10, 0.12),
    "hat white": (0.97, 0.97, 0.97),
    "hat black": (0.09, 0.09, 0.11),
    "scarf 0": (0.90, 0.15, 0.15),
    "scarf 1": (0.97, 0.60, 0.10),
    "scarf 2": (0.97, 0.88, 0.20),
    "scarf 3": (0.20, 0.70, 0.30),
    "scarf 4": (0.18, 0.40, 0.90),
    "scarf 5": (0.58, 0.25, 0.80),
    "glasses pink": (0.98, 0.35, 0.62),
    "lens": (0.30, 0.12, 0.22),
    "gold": (0.93, 0.74, 0.22),
    "monocle": (0.70, 0.88, 0.98),
    **CLOTH,
}


def red_hat(look: Look) -> list[Part]:
    """A brimmed red hat."""
    (x, y, z), r, _ = head(look)
    top = y + r * 0.85
    return [
        cone((x, top, z), (r * 1.25, 0.025, r * 1.25), 0.95, "hat red"),
        cone((x, top + 0.1, z), (r * 0.78, 0.1, r * 0.78), 0.85, "hat red"),
    ]


def santa_hat(look: Look) -> list[Part]:
    """A bent red cone with a white band and a white bobble."""
    (x, y, z), r, _ = head(look)
    top = y + r * 0.75
    return [
        cone((x + 0.02, top + 0.19, z), (r * 0.85, 0.19, r * 0.85), 0.12, "hat red", (0, 0, -12)),
        *ring((x, top + 0.02, z), (r * 0.85, 0, r * 0.85), 0.055, "hat white", 20),
        ball((x + 0.08, top + 0.39, z), 0.07, "hat white"),
    ]


def top_hat(look: Look) -> list[Part]:
    """A tall black cylinder on a wide brim."""
    (x, y, z), r, _ = head(look)
    top = y + r * 0.85
    return [
        cone((x, top, z), (r * 1.15, 0.02, r * 1.15), 1.0, "hat black"),
        cone((x, top + 0.16, z), (r * 0.7, 0.16, r * 0.7), 1.1, "hat black"),
        cone((x, top + 0.05, z), (r * 0.73, 0.035, r * 0.73), 1.0, "hat red"),
    ]


def gentleman(look: Look) -> list[Part]:
    """The black top hat, and a gold-rimmed monocle on a chain."""
    (x, y, z), r, (nx, ny, _) = head(look)
    if look.kind == "duck":
        eye = (x + r * 0.48, y + 0.07, z + r * 0.98)
    else:
        eye = (x + 0.10, y + 0.05, z + r * 1.06)
    over = (eye[0], eye[1], eye[2] + 0.012)
    chain = [
        (eye[0] + 0.11, eye[1] - 0.07, eye[2] - 0.01),
        (eye[0] + 0.14, eye[1] - 0.2, eye[2] - 0.03),
        (nx + 0.1, ny - 0.03, eye[2] - 0.06),
    ]
    return [
        *top_hat(look),
        cone(eye, (0.150, 0.025, 0.150), 1.0, "gold", (90, 0, 0)),
        cone(over, (0.105, 0.026, 0.105), 1.0, "monocle", (90, 0, 0)),
        ball((eye[0], eye[1], over[2] + 0.01), (0.036, 0.046, 0.025), "hat black"),
        *tube(chain, (0.020, 0.020), "gold"),
    ]


def crown(look: Look) -> list[Part]:
    """A golden ring with five points."""
    (x, y, z), r, _ = head(look)
    top, parts = y + r * 0.88, []
    parts.append(cone((x, top + 0.03, z), (r * 0.66, 0.05, r * 0.66), 1.1, "gold"))
    for k in range(6):
        turn = k * np.pi / 3 + 0.5
        at = (x + r * 0.62 * float(np.cos(turn)), top + 0.12, z + r * 0.62 * float(np.sin(turn)))
        parts.append(cone(at, (0.05, 0.075, 0.05), 0.05, "gold"))
    return parts


def scarf(look: Look) -> list[Part]:
    """A ring of six colours with a hanging end."""
    _, r, (x, y, z) = head(look)
    beads = ring((x, y, z), (r * 0.85, 0, r * 0.8), 0.068, "scarf 0", 30)
    parts = [Part(b.shape, b.centre, b.size, f"scarf {i // 2 % 6}") for i, b in enumerate(beads)]
    for k in range(6):
        parts.append(
            ball(
                (x + 0.12, y - 0.06 - 0.045 * k, z + r * 0.85), (0.055, 0.035, 0.035), f"scarf {k}"
            )
        )
    return parts


def glasses(look: Look) -> list[Part]:
    """Pink round rims with dark lenses."""
    (x, y, z), r, _ = head(look)
    if look.kind == "duck":
        at, spread, front = (x + r * 0.5, y + 0.06), 0.105, z + r * 0.92
    else:
        at, spread, front = (x, y + 0.055), 0.105, z + r * 0.98
    parts = [ball((at[0], at[1], front + 0.02), (0.05, 0.016, 0.02), "glasses pink")]
    for side in (-spread, spread):
        centre = (at[0] + side, at[1], front)
        parts.append(cone(centre, (0.098, 0.025, 0.098), 1.0, "glasses pink", (90, 0, 0)))
        parts.append(
            cone(
                (centre[0], centre[1], front + 0.012), (0.07, 0.025, 0.07), 1.0, "lens", (90, 0, 0)
            )
        )
    return parts


ACCESSORIES: dict[str, Callable[[Look], list[Part]]] = {
    "red hat": red_hat,
    "santa hat": santa_hat,
    "black top hat": top_hat,
    "golden crown": crown,
    "rainbow scarf": scarf,
    "pink glasses": glasses,
    "top hat and monocle": gentleman,
    **OUTFITS,
}
DYED = {
    "red hat": ("red", "hat red"),
    "black top hat": ("black", "hat black"),
    "pink glasses": ("pink", "glasses pink"),
    "yellow shirt": ("yellow", "shirt"),
    "wizard outfit": ("purple", "robe"),
}
"""What is worn in other colours too: its own colour's name, and the paint that another replaces."""
HEADROOM = {
    "red hat": 0.22,
    "santa hat": 0.26,
    "black top hat": 0.26,
    "golden crown": 0.18,
    "top hat and monocle": 0.26,
    "chef outfit": 0.26,
    "firefighter outfit": 0.10,
    "police outfit": 0.14,
    "wizard outfit": 0.34,
}
"""How far a hat rises above its wearer."""
