"""How a toy is built: a rubber duck, a toy car or a robot, by one of its look's traits."""

from __future__ import annotations

from booth.toybox.looks import Look
from booth.toybox.parts import Part, ball, both, cone, pillow, ring, tube


def duck(look: Look, mood: str) -> list[Part]:
    """A rubber duck: boat-shaped body, turned-up tail, orange beak."""
    t = look.traits
    plump, head = 0.95 + 0.2 * t[0], 0.21 + 0.05 * t[1]
    top = 0.36 + head * 1.35
    parts = [
        ball((-0.02, 0.25, 0), (0.40 * plump, 0.25, 0.29)),
        ball((0.13, top, 0.03), head),
        ball((0.12, 0.40, 0.02), (0.17, 0.16, 0.16)),
        cone((-0.38 * plump, 0.42, 0), (0.12, 0.15, 0.10), 0.1, "main", (0, 0, 48)),
        ball((0.13 + head * 0.95, top - 0.03, 0.12), (0.12, 0.045, 0.1), "beak"),
        ball((0.13 + head * 0.85, top - 0.075, 0.11), (0.085, 0.03, 0.075), "beak"),
    ]
    wing = ball((-0.08, 0.30, 0.25), (0.2, 0.11 + 0.03 * t[2], 0.07), "shade", (0, 0, 14))
    parts += [wing, ball((-0.08, 0.30, -0.25), (0.2, 0.12, 0.07), "shade", (0, 0, 14))]
    for x, z in ((0.13 + head * 0.48, 0.03 + head * 0.78), (0.13 + head * 0.9, 0.0)):
        parts.append(ball((x, top + 0.07, z), (0.045, 0.055, 0.03), "white"))
        parts.append(ball((x + 0.008, top + 0.07, z + 0.02), (0.028, 0.036, 0.02), "dark"))
    if t[3] < 0.4:
        parts += ring((0.12, 0.43, 0.02), (0.16, 0, 0.16), 0.035, "accent")
    return parts


def car(look: Look, _mood: str) -> list[Part]:
    """A toy car, nose to the right: big wheels, pale windows, lamps and perhaps an aerial."""
    t = look.traits
    long, tall = 0.50 + 0.04 * t[0], 0.13 + 0.05 * t[1]
    roof, wheel = 0.24 + tall, 0.13 + 0.04 * t[2]
    cabin = -0.06 if t[3] < 0.6 else 0.10
    parts = [
        pillow((0, 0.16 + tall, 0), (long, tall, 0.25)),
        pillow((cabin, roof + tall + 0.05, 0), (0.29, 0.15, 0.215), "accent"),
        pillow((cabin, roof + tall + 0.06, 0), (0.24, 0.095, 0.225), "window"),
        pillow((cabin, roof + tall + 0.06, 0), (0.30, 0.095, 0.17), "window"),
        pillow((cabin, roof + tall + 0.06, 0), (0.025, 0.12, 0.228), "accent"),
        pillow((0, 0.16, 0), (long * 1.04, 0.045, 0.24), "steel"),
    ]
    for x in (-0.28, 0.28):
        for z in (-0.25, 0.25):
            parts.append(cone((x, wheel, z), (wheel, 0.06, wheel), 1.0, "dark", (90, 0, 0)))
            hub = wheel * 0.5
            parts.append(cone((x, wheel, z), (hub, 0.072, hub), 1.0, "steel", (90, 0, 0)))
    for z in (-0.15, 0.15):
        parts.append(ball((long * 0.97, 0.19 + tall, z), 0.055, "lamp"))
        parts.append(ball((-long * 0.97, 0.19 + tall, z), 0.045, "hot"))
    if t[4] < 0.4:
        parts += tube([(-0.40, 0.3, 0.1), (-0.44, 0.85, 0.1)], (0.014, 0.012), "dark")
        parts.append(ball((-0.44, 0.87, 0.1), 0.04, "accent"))
    elif t[4] < 0.7:
        parts.append(pillow((-0.44, 0.30 + 2 * tall, 0), (0.10, 0.025, 0.26), "accent"))
    if t[6] < 0.5:
        for z in (-0.245, 0.245):
            parts.append(ball((0.0, 0.16 + tall, z), (0.1, 0.08, 0.02), "white"))
    return parts


def robot(look: Look, mood: str) -> list[Part]:
    """A tin robot: a square head with lit eyes, an aerial, claws and a panel of buttons."""
    t = look.traits
    wide, head = 0.22 + 0.06 * t[0], 0.18 + 0.04 * t[1]
    parts = [
        pillow((0, 0.40, 0), (wide, 0.23, 0.17)),
        pillow((0, 0.80, 0), (head * 1.12, 0.165, 0.17)),
        cone((0, 0.63, 0), (0.09, 0.05, 0.09), 1.0, "steel"),
        pillow((0, 0.42, 0.14), (wide * 0.66, 0.12, 0.045), "accent"),
        pillow((0, 0.725, 0.15), (0.10, 0.025, 0.03), "dark"),
        cone((0, 1.01, 0), (0.016, 0.06, 0.016), 1.0, "steel"),
        ball((0, 1.08, 0), 0.05, "accent"),
    ]
    for k in range(3):
        parts.append(ball((-0.08 + 0.08 * k, 0.43, 0.185), 0.027, ("hot", "lamp", "window")[k]))
    eye = 0.05 + 0.02 * t[2]
    parts += both(cone((0.095, 0.83, 0.145), (eye, 0.035, eye), 1.0, "white", (90, 0, 0)))
    parts += both(ball((0.095, 0.83, 0.175), eye * 0.6, "iris"))
    parts += both(cone((head * 1.16, 0.80, 0), (0.06, 0.03, 0.06), 0.7, "accent", (0, 0, -90)))
    arm = tube([(wide + 0.02, 0.54, 0), (wide + 0.12, 0.42, 0.04)], (0.055, 0.05), "steel")
    hand = ball((wide + 0.13, 0.33, 0.08), (0.075, 0.085, 0.075), "accent")
    parts += [twin for bead in (*arm, hand) for twin in both(bead)]
    if t[3] < 0.5:
        parts += both(cone((0.11, 0.14, 0), (0.075, 0.09, 0.075), 0.9, "steel"))
        parts += both(pillow((0.12, 0.045, 0.03), (0.11, 0.045, 0.15), "accent"))
    else:
        parts += both(pillow((0.16, 0.09, 0), (0.08, 0.09, 0.2), "dark"))
        parts.append(pillow((0, 0.13, 0), (0.14, 0.06, 0.12), "steel"))
    return parts


KINDS = {"duck": duck, "car": car, "robot": robot}


def toy(look: Look, mood: str) -> list[Part]:
    """The toy of this look, whichever kind it is."""
    return KINDS[look.kind](look, mood)
