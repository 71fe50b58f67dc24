"""How a backpack, a teapot, a vase and a clock are built.

Traits pick between clearly different models of the same thing (a round or a tall teapot), which
is what makes two subjects of one class two subjects.
"""

from __future__ import annotations

import numpy as np

from booth.toybox.looks import Look
from booth.toybox.parts import Part, ball, both, cone, pillow, ring, tube


def backpack(look: Look, _mood: str) -> list[Part]:
    """An upright bag with a lid, a front pocket, a handle and straps."""
    t = look.traits
    wide, tall = 0.30 + 0.06 * t[0], 0.42 + 0.05 * t[1]
    parts = [
        pillow((0, tall, 0), (wide, tall, 0.20)),
        pillow((0, tall * 0.62, 0.19), (wide * 0.74, tall * 0.42, 0.09), "shade"),
        ball((0, tall * 0.98, 0.26), (wide * 0.07, 0.06, 0.03), "accent"),
    ]
    if t[2] < 0.5:
        parts.append(pillow((0, tall * 1.60, 0.05), (wide * 1.02, tall * 0.38, 0.19), "accent"))
    else:
        parts += tube(
            [
                (-wide * 0.9, tall * 1.35, 0.17),
                (0, tall * 1.62, 0.20),
                (wide * 0.9, tall * 1.35, 0.17),
            ],
            (0.018, 0.018),
            "accent",
        )
    parts += tube(
        [
            (-0.09, tall * 1.95, 0),
            (-0.06, tall * 2.14, 0),
            (0.06, tall * 2.14, 0),
            (0.09, tall * 1.95, 0),
        ],
        (0.026, 0.026),
        "accent",
    )
    if t[3] < 0.6:
        parts += both(pillow((wide * 1.02, tall * 0.5, 0), (0.07, tall * 0.4, 0.14), "shade"))
    strap = tube(
        [
            (wide * 0.6, tall * 1.8, -0.18),
            (wide * 0.75, tall, -0.32),
            (wide * 0.7, tall * 0.25, -0.18),
        ],
        (0.045, 0.04),
        "accent",
    )
    parts += [p for bead in strap for p in both(bead)]
    if t[4] > 0.5:
        parts.append(ball((0, tall * 0.62, 0.275), (0.07, 0.07, 0.02), "mark"))
    return parts


def teapot(look: Look, _mood: str) -> list[Part]:
    """Spout to the right, handle to the left, lid with a knob."""
    t = look.traits
    wide, tall = 0.30 + 0.06 * t[0], 0.26 + 0.08 * t[1]
    middle = tall + 0.05
    parts = [
        ball((0, middle, 0), (wide, tall, wide)),
        cone((0, 0.045, 0), (wide * 0.62, 0.045, wide * 0.62), 0.85, "accent"),
        ball(
            (0, middle + tall * 0.86, 0), (wide * 0.55, 0.07 + 0.05 * t[2], wide * 0.55), "accent"
        ),
        ball((0, middle + tall * 0.9 + 0.12 + 0.04 * t[2], 0), 0.05 + 0.03 * t[3], "accent"),
    ]
    parts += tube(
        [
            (wide * 0.8, middle - 0.1, 0),
            (wide + 0.13, middle, 0),
            (wide + 0.17, middle + tall * 0.55, 0),
            (wide + 0.26, middle + tall * 0.8, 0),
        ],
        (0.1, 0.042),
        "main",
    )
    reach = 0.18 + 0.06 * t[4]
    handle = [
        (-wide * 0.75, middle + tall * 0.62, 0),
        (-wide - reach, middle + tall * 0.6, 0),
        (-wide - reach, middle - tall * 0.25, 0),
        (-wide * 0.85, middle - tall * 0.4, 0),
    ]
    parts += tube(handle, (0.042, 0.042), "accent" if t[5] < 0.5 else "main")
    return parts


PROFILES = (
    (0.15, 0.24, 0.30, 0.30, 0.22, 0.13, 0.11, 0.17),
    (0.20, 0.22, 0.25, 0.28, 0.32, 0.33, 0.26, 0.20),
    (0.24, 0.31, 0.31, 0.22, 0.14, 0.11, 0.11, 0.16),
    (0.14, 0.17, 0.20, 0.23, 0.26, 0.28, 0.30, 0.33),
    (0.18, 0.15, 0.20, 0.29, 0.31, 0.24, 0.16, 0.22),
)


def vase(look: Look, _mood: str) -> list[Part]:
    """A turned profile as a stack of cones, with a coloured lip and an open, dark mouth."""
    t = look.traits
    profile = PROFILES[int(t[0] * 4.999)]
    radii = np.interp(np.linspace(0, 7, 22), np.arange(8), profile)
    radii = np.convolve(np.pad(radii, 2, mode="edge"), np.ones(5) / 5, "valid") * (0.9 + 0.3 * t[1])
    height = 0.92 + 0.08 * t[2]
    each = height / 21 / 2
    parts = []
    for i in range(21):
        low, high = float(radii[i]), float(radii[i + 1])
        parts.append(cone((0, each * (2 * i + 1), 0), (low, each * 1.01, low), high / low))
    lip = float(radii[-1])
    parts += ring((0, height, 0), (lip, 0, lip), 0.025, "accent", 30)
    parts.append(cone((0, height + 0.004, 0), (lip, 0.006, lip), 1.0, "dark"))
    if t[3] < 0.4:
        waist = float(radii[7])
        parts += ring((0, height / 3, 0), (waist, 0, waist), 0.022, "accent", 34)
    if t[4] < 0.3:
        parts += tube(
            [
                (-lip, height * 0.92, 0),
                (-0.36, height * 0.8, 0),
                (-float(radii[12]), height * 0.58, 0),
            ],
            (0.03, 0.03),
            "accent",
        )
        parts += tube(
            [
                (lip, height * 0.92, 0),
                (0.36, height * 0.8, 0),
                (float(radii[12]), height * 0.58, 0),
            ],
            (0.03, 0.03),
            "accent",
        )
    return parts


def clock(look: Look, _mood: str) -> list[Part]:
    """An alarm clock: round or square, two bells, feet, a white dial with marks and hands."""
    t = look.traits
    middle, size = 0.47, 0.37
    if t[0] < 0.6:
        dial = (size * 0.84, 0.07, size * 0.84)
        parts = [
            cone((0, middle, 0), (size, 0.11, size), 1.0, "main", (90, 0, 0)),
            cone((0, middle, 0.06), dial, 1.0, "white", (90, 0, 0)),
        ]
    else:
        parts = [
            pillow((0, middle, 0), (size, size, 0.14)),
            cone((0, middle, 0.08), (size * 0.8, 0.07, size * 0.8), 1.0, "white", (90, 0, 0)),
        ]
    front = 0.155
    for i in range(12):
        turn = i * np.pi / 6
        dot = 0.028 if i % 3 == 0 else 0.014
        x, y = 0.25 * float(np.sin(turn)), middle + 0.25 * float(np.cos(turn))
        parts.append(ball((x, y, front - 0.02), (dot, dot, 0.02), "dark"))
    for length, angle in ((0.13, 360 * t[1]), (0.2, 360 * t[2])):
        turn = np.radians(angle)
        x, y = length / 2 * float(np.sin(turn)), length / 2 * float(np.cos(turn))
        parts.append(
            ball((x, middle + y, front), (0.02, length / 2 + 0.02, 0.02), "dark", (0, 0, -angle))
        )
    parts += [ball((0, middle, front + 0.01), 0.03, "accent")]
    parts += both(ball((0.24, 0.065, 0), (0.055, 0.09, 0.055), "accent", (0, 0, 30)))
    if t[3] < 0.7:
        parts += both(ball((0.2, 0.87, 0), (0.14, 0.1, 0.11), "accent", (0, 0, -28)))
        parts.append(cone((0, 0.92, 0), (0.025, 0.06, 0.025), 1.0, "dark"))
    else:
        parts += tube([(-0.2, 0.8, 0), (0, 1.0, 0), (0.2, 0.8, 0)], (0.03, 0.03), "accent")
    return parts
