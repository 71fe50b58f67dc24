"""How a sneaker, a boot and a pair of glasses are built: things a person wears."""

from __future__ import annotations

from booth.toybox.looks import Look
from booth.toybox.parts import Part, Point, ball, both, cone, pillow, ring, tube


def sneaker(look: Look, _mood: str) -> list[Part]:
    """One shoe seen from its side, toe to the right, with a sole, laces and stripes."""
    t = look.traits
    high = 0.30 + 0.22 * t[0]
    sole = "white" if t[1] < 0.6 else "accent"
    parts = [
        pillow((0, 0.075, 0), (0.56, 0.075, 0.21), sole),
        ball((0.24, 0.2, 0), (0.32, 0.17, 0.19)),
        pillow((-0.22, 0.12 + high / 2, 0), (0.30, high / 2 + 0.06, 0.185)),
        ball((0.06, 0.30, 0), (0.30, 0.17, 0.165), "main", (0, 0, -32)),
        ball((0.42, 0.165, 0), (0.15, 0.12, 0.175), "white" if t[2] < 0.5 else "accent"),
        ball((-0.24, 0.18 + high, 0), (0.23, 0.05, 0.13), "dark"),
        ball((-0.04, 0.24 + high * 0.75, 0), (0.06, 0.17, 0.11), "accent", (0, 0, 20)),
    ]
    for i in range(4):
        x = 0.02 + 0.085 * i
        parts.append(ball((x, 0.46 - 0.062 * i, 0), (0.022, 0.03, 0.135), "white", (0, 0, -30)))
    if t[3] < 0.65:
        for i in range(1 + int(t[4] * 3)):
            for z in (0.165, -0.165):
                parts.append(
                    ball((-0.12 + 0.11 * i, 0.24, z), (0.026, 0.12, 0.035), "accent", (0, 0, 24))
                )
    else:
        parts += [ball((-0.1, 0.27, z), (0.09, 0.09, 0.03), "accent") for z in (0.17, -0.17)]
    return parts


def boot(look: Look, _mood: str) -> list[Part]:
    """One tall boot, toe to the right: a heel, a shaft, and laces, a buckle or a furry top."""
    t = look.traits
    high, heel = 0.46 + 0.24 * t[0], 0.06 + 0.10 * t[1]
    sole = "dark" if t[2] < 0.6 else "accent"
    middle = heel + 0.20 + high / 2
    parts = [
        pillow((0.14, heel + 0.02, 0), (0.44, 0.05, 0.19), sole),
        pillow((-0.2, heel / 2 + 0.03, 0), (0.17, heel / 2 + 0.04, 0.17), sole),
        pillow((0.36, heel / 2 + 0.01, 0), (0.22, heel / 2 + 0.02, 0.18), sole),
        ball((0.2, heel + 0.19, 0), (0.36, 0.17, 0.18)),
        ball((-0.16, heel + 0.2, 0), (0.24, 0.2, 0.19)),
        cone((-0.16, middle + 0.04, 0), (0.21, high / 2, 0.185), 1.04 + 0.22 * t[3]),
        ball((0.04, heel + 0.30, 0), (0.20, 0.16, 0.165), "main", (0, 0, -35)),
    ]
    if t[4] < 0.5:
        parts.append(ball((0.44, heel + 0.15, 0), (0.14, 0.12, 0.165), "accent"))
    top, wide = middle + 0.04 + high / 2, 0.21 * (1.04 + 0.22 * t[3])
    parts.append(cone((-0.16, top, 0), (wide * 0.9, 0.012, wide * 0.8), 1.0, "dark"))
    cuff = 0.06 if t[5] < 0.4 else 0.026
    paint = "white" if t[5] < 0.4 else "accent"
    parts += ring((-0.16, top, 0), (wide, 0, wide * 0.88), cuff, paint, 26)
    return parts + _fastening(look, (-0.16, heel + 0.24, 0), high)


def _fastening(look: Look, foot: Point, high: float) -> list[Part]:
    """Laces up the front of the shaft, two straps with buckles, or a plain seam."""
    x, y, _ = foot
    t = look.traits
    if t[6] < 0.45:
        return [
            ball((x + 0.205, y + 0.12 + 0.095 * i, 0), (0.035, 0.024, 0.11), "white")
            for i in range(2 + int(high * 7))
        ]
    if t[6] < 0.8:
        parts: list[Part] = []
        for up in (0.16, 0.70):
            parts.append(cone((x, y + up * high, 0), (0.225, 0.035, 0.2), 1.01, "accent"))
            parts += both_sides(ball((x + 0.04, y + up * high, 0.2), (0.05, 0.05, 0.02), "gold"))
        return parts
    return both_sides(ball((x, y + 0.45 * high, 0.175), (0.09, 0.09, 0.03), "accent"))


def both_sides(part: Part) -> list[Part]:
    """A part and its twin across the z axis."""
    x, y, z = part.centre
    return [part, Part(part.shape, (x, y, -z), part.size, part.paint, part.turn, part.taper)]


def glasses(look: Look, _mood: str) -> list[Part]:
    """A pair of glasses standing on its rims: round, square, or swept up like a cat's eyes."""
    t = look.traits
    size, rim = 0.235 + 0.03 * t[0], 0.030 + 0.035 * t[1]
    low = 1.0 if t[3] < 0.4 else 0.72 if t[3] < 0.7 else 0.82
    spread, y = size + 0.055, size * low + rim
    lens = "lens" if t[2] < 0.5 else "accent"
    parts: list[Part] = []
    if t[3] < 0.4:
        parts += both(_disc((spread, y, 0), size + rim, 0.04, "main"))
        parts += both(_disc((spread, y, 0.012), size, 0.04, lens))
    else:
        tilt = (0.0, 0.0, 14.0 if t[3] >= 0.7 else 0.0)
        frame, glass = (size + rim, size * low + rim, 0.045), (size, size * low, 0.045)
        parts += both(pillow((spread, y, 0), frame, "main", tilt))
        parts += both(pillow((spread, y, 0.014), glass, lens, tilt))
        if t[3] >= 0.7:
            wing = (spread + size * 0.95, y + size * 0.72, 0)
            parts += both(cone(wing, (0.07, 0.14, 0.04), 0.1, "main", (0, 0, -50)))
    glint = (spread - size * 0.3, y + size * 0.28, 0.05)
    parts += both(ball(glint, (0.035, 0.10, 0.02), "white", (0, 0, -40)))
    parts += tube(
        [(-0.09, y + 0.08, 0), (0, y + 0.12, 0.01), (0.09, y + 0.08, 0)], (0.034, 0.034), "main", 7
    )
    if t[4] < 0.4:
        parts += tube([(-spread, y + size, 0), (spread, y + size, 0)], (0.028, 0.028), "mark", 16)
    side = spread + size + rim * 0.6
    arm = [(side, y + 0.1, -0.02), (side + 0.01, y + 0.09, -0.4), (side - 0.03, y - 0.12, -0.62)]
    paint = "accent" if t[5] < 0.5 else "main"
    parts += [twin for bead in tube(arm, (0.036, 0.032), paint, 18) for twin in both(bead)]
    return parts


def _disc(centre: Point, radius: float, thick: float, paint: str) -> Part:
    """A round plate facing +z."""
    return cone(centre, (radius, thick, radius), 1.0, paint, (90, 0, 0))
