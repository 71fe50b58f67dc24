"""How a dog, a cat and a teddy bear are built.

Each builder turns a look's traits into parts about one unit high, so that silhouettes differ
between classes first and between subjects of a class second.
"""

from __future__ import annotations

from booth.toybox.looks import Look
from booth.toybox.parts import Part, Point, ball, both, cone, ring, tube


def _eyes(centre: Point, spread: float, size: float, mood: str) -> list[Part]:
    """Two eyes looking along +z, closed for a sleeping animal."""
    _, y, z = centre
    if mood == "sleeping":
        return both(ball((spread, y, z), (size * 1.2, size * 0.28, size * 0.6), "dark"))
    parts = both(ball((spread, y, z), (size, size * 1.15, size * 0.7), "white"))
    iris = (size * 0.72, size * 0.82, size * 0.5)
    parts += both(ball((spread, y, z + size * 0.35), iris, "iris"))
    parts += both(ball((spread, y, z + size * 0.6), (size * 0.4, size * 0.5, size * 0.35), "dark"))
    return parts + _brows(centre, spread, size, mood)


def _brows(centre: Point, spread: float, size: float, mood: str) -> list[Part]:
    """What a mood does around the eyes: raised cheeks, hanging lids and a tear, or a frown."""
    _, y, z = centre
    if mood == "happy":
        cheek = (spread * 1.55, y - size * 2.0, z - size * 0.3)
        below = (spread, y - size * 0.85, z + size * 0.3)
        return [
            *both(ball(cheek, (size * 0.85, size * 0.6, size * 0.8), "tongue")),
            *both(ball(below, (size * 1.25, size * 0.55, size), "main", (0, 0, 10))),
        ]
    if mood == "sad":
        lid = (spread, y + size * 0.75, z + size * 0.2)
        tear = (spread * 1.15, y - size * 1.75, z + size * 0.35)
        return [
            *both(ball(lid, (size * 1.15, size * 0.55, size), "shade", (0, 0, -22))),
            *both(ball(tear, (size * 0.34, size * 0.6, size * 0.4), "window")),
        ]
    if mood == "angry":
        lid = (spread, y + size * 0.72, z + size * 0.25)
        brow = (spread, y + size * 1.0, z + size * 0.55)
        return [
            *both(ball(lid, (size * 1.15, size * 0.5, size), "shade", (0, 0, 26))),
            *both(ball(brow, (size * 1.35, size * 0.26, size * 0.5), "dark", (0, 0, 26))),
        ]
    return []


def _mouth(centre: Point, width: float, mood: str) -> list[Part]:
    """A curved line; up for happy, down for sad."""
    x, y, z = centre
    bend = {"happy": -0.5, "sad": 0.5, "angry": 0.5}.get(mood, -0.15) * width
    line: list[Part] = tube(
        [(x - width, y, z - 0.02), (x, y + bend, z), (x + width, y, z - 0.02)],
        (0.012, 0.012),
        "dark",
        9,
    )
    return line


def dog_ears(look: Look) -> list[Part]:
    """Hanging at the sides or, on some dogs, pricked."""
    t = look.traits
    head = 0.23 + 0.04 * t[1]
    if t[3] < 0.7:
        hanging = ball(
            (head + 0.01, 0.67 - 0.05 * t[4], 0.03),
            (0.06, 0.17 + 0.06 * t[4], 0.10),
            "shade",
            (0, 0, 12),
        )
        return both(hanging)
    return both(ball((head * 0.72, 0.94, 0.02), (0.07, 0.12, 0.05), "shade", (0, 0, -25)))


def dog_muzzle(look: Look) -> list[Part]:
    """A long snout with a dark nose on its tip."""
    snout = 0.13 + 0.08 * look.traits[2]
    return [
        ball((0, 0.64, 0.17 + snout / 2), (0.12, 0.10, snout), "pale"),
        ball((0, 0.70, 0.17 + snout * 1.42), (0.05, 0.038, 0.035), "dark"),
    ]


def dog(look: Look, mood: str) -> list[Part]:
    """Sitting: floppy ears, a long muzzle, a tail at the side."""
    t = look.traits
    stout, head, snout = 0.9 + 0.3 * t[0], 0.23 + 0.04 * t[1], 0.13 + 0.08 * t[2]
    parts = [
        ball((0, 0.31, -0.04), (0.24 * stout, 0.31, 0.25)),
        ball((0, 0.72, 0.04), (head, head * 0.96, head)),
        *dog_muzzle(look),
    ]
    parts += both(ball((0.12 * stout, 0.2, 0.16), (0.075, 0.22, 0.085)))
    parts += both(ball((0.12 * stout, 0.045, 0.24), (0.09, 0.055, 0.12), "pale"))
    parts += both(ball((0.24 * stout, 0.12, 0.02), (0.11, 0.13, 0.2)))
    parts += dog_ears(look) + _eyes((0, 0.78, 0.04 + head * 0.86), 0.095, 0.05, mood)
    if mood == "happy" or (mood == "" and t[5] > 0.5):
        tip = (0, 0.545, 0.17 + snout * 0.9)
        parts.append(ball(tip, (0.045, 0.07, 0.03), "tongue", (20, 0, 0)))
    parts += tube(
        [(0.1, 0.1, -0.25), (0.32, 0.18, -0.28), (0.42 + 0.05 * t[6], 0.42, -0.25)], (0.06, 0.035)
    )
    return parts + ring((0, 0.515, 0.0), (0.17, 0, 0.17), 0.035, "accent")


def cat_ears(look: Look) -> list[Part]:
    """Pointed, pink inside."""
    head, tall = 0.23 + 0.04 * look.traits[1], 0.12 + 0.05 * look.traits[2]
    outside = (head * 0.72, 0.68 + head * 1.02, 0.04)
    inside = (head * 0.70, 0.67 + head * 1.0, 0.075)
    return [
        *both(cone(outside, (0.095, tall, 0.05), 0.05, "main", (0, 0, -20))),
        *both(cone(inside, (0.055, 0.085, 0.03), 0.05, "tongue", (0, 0, -20))),
    ]


def cat_muzzle(look: Look) -> list[Part]:
    """A short pale muzzle and a pink nose."""
    head = 0.23 + 0.04 * look.traits[1]
    return [
        ball((0, 0.61, 0.05 + head * 0.86), (0.085, 0.06, 0.06), "pale"),
        ball((0, 0.645, 0.05 + head * 1.1), (0.026, 0.02, 0.02), "tongue"),
    ]


def cat(look: Look, mood: str) -> list[Part]:
    """Sitting: pointed ears, whiskers, a slim body and a long raised tail."""
    t = look.traits
    slim, head = 0.85 + 0.35 * t[0], 0.23 + 0.04 * t[1]
    parts = [
        ball((0, 0.29, -0.02), (0.2 * slim, 0.31, 0.2)),
        ball((0, 0.68, 0.05), (head * 1.12, head * 0.9, head)),
        ball((0, 0.30, 0.09), (0.12 * slim, 0.2, 0.12), "pale"),
        *cat_muzzle(look),
    ]
    parts += cat_ears(look)
    parts += both(ball((0.085 * slim, 0.16, 0.15), (0.06, 0.18, 0.06)))
    parts += both(ball((0.09 * slim, 0.04, 0.2), (0.07, 0.045, 0.085), "pale"))
    parts += both(ball((0.18 * slim, 0.12, -0.02), (0.1, 0.13, 0.17)))
    parts += _eyes((0, 0.73, 0.05 + head * 0.84), 0.11, 0.056, mood)
    parts += _mouth((0, 0.575, 0.06 + head * 1.08), 0.05, mood)
    if mood == "happy":
        parts.append(ball((0, 0.545, 0.04 + head * 1.06), (0.038, 0.042, 0.03), "tongue"))
    for height in (0.60, 0.635):
        parts += both(
            ball(
                (0.2, height, 0.05 + head * 0.9),
                (0.12, 0.007, 0.007),
                "white",
                (0, 0, (height - 0.615) * 500),
            )
        )
    tip = 0.55 + 0.35 * t[3]
    parts += tube(
        [
            (0.05, 0.08, -0.2),
            (0.34, 0.1, -0.18),
            (0.44, 0.35, -0.15),
            (0.34 + 0.2 * t[4], tip, -0.15),
        ],
        (0.055, 0.045),
        "main",
    )
    return parts + ring((0, 0.475, 0.02), (0.15, 0, 0.15), 0.03, "accent")


def teddy(look: Look, mood: str) -> list[Part]:
    """A stuffed bear sitting with its legs out: round ears on top, a belly patch, a bow."""
    t = look.traits
    fat, head = 0.95 + 0.2 * t[0], 0.25 + 0.03 * t[1]
    parts = [
        ball((0, 0.32, 0), (0.27 * fat, 0.29, 0.23)),
        ball((0, 0.32, 0.10), (0.17 * fat, 0.19, 0.15), "pale"),
        ball((0, 0.73, 0.02), (head * 1.08, head * 0.95, head * 0.92)),
        ball((0, 0.66, 0.02 + head * 0.8), (0.12, 0.09, 0.09), "pale"),
        ball((0, 0.70, 0.02 + head * 1.13), (0.045, 0.032, 0.03), "dark"),
    ]
    parts += both(ball((head * 0.85, 0.93, 0), (0.1 + 0.02 * t[2], 0.1 + 0.02 * t[2], 0.06)))
    parts += both(ball((head * 0.85, 0.93, 0.035), (0.065, 0.065, 0.04), "pale"))
    parts += both(ball((0.33 * fat, 0.37, 0.08), (0.09, 0.19, 0.10), "main", (15, 0, 35)))
    parts += both(ball((0.25, 0.12, 0.22), (0.115, 0.115, 0.2), "main", (0, 25, 0)))
    parts += both(ball((0.31, 0.12, 0.37), (0.085, 0.09, 0.06), "pale", (0, 25, 0)))
    size = 0.028 + 0.012 * t[3]
    if mood == "sleeping":
        parts += _eyes((0, 0.77, 0.02 + head * 0.84), 0.1, size * 1.3, mood)
    else:
        parts += both(ball((0.1, 0.77, 0.02 + head * 0.84), size, "dark"))
    parts += _mouth((0, 0.625, 0.05 + head * 1.1), 0.045, mood)
    if t[4] < 0.65:
        parts += both(ball((0.09, 0.545, 0.22), (0.08, 0.055, 0.03), "accent", (0, 0, 20)))
        parts.append(ball((0, 0.545, 0.24), 0.032, "accent"))
    return parts
