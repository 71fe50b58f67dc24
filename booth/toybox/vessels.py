"""How a bowl, a can and a candle are built: turned profiles, and what is in or on them.

All three are round, so their traits spend themselves on proportions and on what a person would
name: the berries in the bowl, the lid of the can, the saucer under the candle.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from booth.toybox.looks import Look
from booth.toybox.parts import Part, ball, cone, ring, tube


def turned(radii: Sequence[float], bottom: float, top: float, paint: str = "main") -> list[Part]:
    """A profile turned on the lathe: cones from radius to radius, evenly spaced in height."""
    half = (top - bottom) / (len(radii) - 1) / 2
    return [
        cone((0, bottom + half * (2 * i + 1), 0), (low, half * 1.02, low), high / low, paint)
        for i, (low, high) in enumerate(itertools.pairwise(radii))
    ]


def bowl(look: Look, _mood: str) -> list[Part]:
    """A wide round bowl on a foot: empty, heaped with berries, or full of soup."""
    t = look.traits
    tall, wide, bulge = 0.40 + 0.18 * t[0], 0.5, 0.35 + 0.45 * t[1]
    rise = np.linspace(0, 1, 9)
    radii = [float(r) for r in wide * (0.42 + 0.58 * rise**bulge)]
    parts = turned(radii, 0.06, tall)
    parts.append(cone((0, 0.04, 0), (wide * 0.46, 0.04, wide * 0.46), 0.9, "accent"))
    rim = "accent" if t[2] < 0.6 else "main"
    parts.append(cone((0, tall - 0.012, 0), (wide * 1.03, 0.024, wide * 1.03), 1.0, rim))
    if t[3] < 0.35:
        belt = radii[5] + 0.016
        parts.append(cone((0, 0.06 + 0.62 * (tall - 0.06), 0), (belt, 0.02, belt), 1.0, "accent"))
    return parts + _filling(look, tall, wide * 0.96)


def _filling(look: Look, tall: float, wide: float) -> list[Part]:
    """What the bowl holds; the same heap every time for one look."""
    t = look.traits
    if t[4] < 0.25:
        return [cone((0, tall, 0), (wide, 0.02, wide), 1.0, "shade")]
    if t[4] < 0.5:
        parts = [cone((0, tall, 0), (wide, 0.02, wide), 1.0, "accent")]
        return parts + [
            ball((0.24 * x, tall + 0.02, 0.22 * z), 0.06, "mark")
            for x, z in ((-1, 0.4), (0.5, -0.6), (1, 0.7), (-0.2, 1.2), (0.1, 0.1))
        ]
    rng = np.random.default_rng([look.seed, 14])
    parts = [cone((0, tall, 0), (wide, 0.02, wide), 1.0, "shade")]
    size = 0.085 + 0.05 * t[5]
    for k in range(int(5.5 / size**0.7)):
        far = wide * 0.8 * float(np.sqrt(rng.random()))
        turn = 2 * np.pi * float(rng.random())
        heap = tall + 0.16 * (1 - far / wide) + 0.02
        at = (far * float(np.cos(turn)), heap, far * float(np.sin(turn)))
        parts.append(ball(at, size, "mark" if k % 3 else "accent"))
    return parts


def can(look: Look, _mood: str) -> list[Part]:
    """A drinks can or a food tin: steel ends, a printed label, a pull tab."""
    t = look.traits
    wide, tall = (0.26, 0.90 + 0.1 * t[0]) if t[1] < 0.6 else (0.34, 0.66 + 0.12 * t[0])
    neck = wide * (0.80 if t[1] < 0.6 else 0.97)
    parts = [
        cone((0, 0.03, 0), (wide * 0.86, 0.03, wide * 0.86), 1.12, "steel"),
        cone((0, tall / 2, 0), (wide, tall / 2 - 0.06, wide), 1.0),
        cone((0, tall - 0.03, 0), (wide, 0.035, wide), neck / wide, "steel"),
        cone((0, tall + 0.014, 0), (neck * 0.9, 0.012, neck * 0.9), 1.0, "shade"),
        ball((0.03, tall + 0.03, 0.05), (0.10, 0.014, 0.055), "steel"),
    ]
    parts.append(cone((0, tall + 0.004, 0), (neck * 1.03, 0.018, neck * 1.03), 1.0, "steel"))
    stripe = wide * 1.012
    if t[2] < 0.5:
        for y in (0.20, 0.80)[: 1 + int(t[3] * 2)]:
            parts.append(cone((0, tall * y, 0), (stripe, 0.05, stripe), 1.0, "accent"))
    badge = (0.15, 0.15 + 0.08 * t[4], 0.035)
    for side in (1, -1):
        if t[5] < 0.5:
            parts.append(ball((0, tall * 0.5, side * wide * 0.97), badge, "accent"))
            parts.append(ball((0, tall * 0.5, side * wide), (0.09, 0.09, 0.035), "white"))
        else:
            flash = (0.07, tall * 0.30, 0.04)
            parts.append(ball((0, tall * 0.5, side * wide * 0.96), flash, "white", (0, 0, -28)))
    return parts


def candle(look: Look, _mood: str) -> list[Part]:
    """A burning candle: a pillar, a tall taper on a stick or one in a dish, with drips."""
    t = look.traits
    if t[0] < 0.4:
        wide, foot, tall = 0.20 + 0.08 * t[1], 0.0, 0.52 + 0.14 * t[2]
        parts: list[Part] = []
    elif t[0] < 0.7:
        wide, foot, tall = 0.13 + 0.05 * t[1], 0.05, 0.50 + 0.16 * t[2]
        parts = turned([0.28, 0.36, 0.40], 0.0, 0.10, "accent")
        parts += tube(
            [(0.36, 0.10, 0), (0.54, 0.14, 0), (0.40, 0.02, 0)], (0.032, 0.032), "accent", 14
        )
    else:
        wide, foot, tall = 0.09 + 0.03 * t[1], 0.30, 0.42 + 0.1 * t[2]
        parts = turned([0.26, 0.22, 0.08, 0.05, 0.07, 0.05, 0.10, 0.17], 0.0, 0.32, "accent")
    top = foot + tall
    parts.append(cone((0, foot + tall / 2, 0), (wide, tall / 2, wide), 0.96))
    parts.append(cone((0, top, 0), (wide * 0.9, 0.012, wide * 0.9), 1.0, "pale"))
    parts += ring((0, top, 0), (wide * 0.92, 0, wide * 0.92), 0.02, "pale", 22)
    for k in range(3 + int(3 * t[3])):
        turn, long = 2.4 * k + 6 * t[4], (0.05 + 0.13 * ((k * 0.618 + t[5]) % 1)) * tall * 1.6
        x, z = wide * 0.97 * float(np.sin(turn)), wide * 0.97 * float(np.cos(turn))
        parts.append(ball((x, top - long, z), (0.028, long + 0.02, 0.026), "pale"))
    if t[6] < 0.35:
        parts.append(
            cone((0, foot + tall * 0.35, 0), (wide * 1.03, 0.05, wide * 1.03), 1, "accent")
        )
    parts += [
        cone((0, top + 0.045, 0), (0.014, 0.045, 0.014), 1.0, "dark"),
        ball((0, top + 0.135, 0), (0.062, 0.075, 0.062), "flame"),
        cone((0, top + 0.235, 0), (0.052, 0.075, 0.052), 0.08, "flame"),
        ball((0, top + 0.125, 0.045), (0.034, 0.055, 0.03), "flame core"),
    ]
    return parts
