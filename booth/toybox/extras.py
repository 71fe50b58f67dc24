"""Accessories for those with a head, and styles made by filtering the finished picture.

An accessory is built from parts around the head, so it turns with the subject; a style touches
pixels only, so it costs nothing to describe and never changes what was drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from booth.toybox.looks import Look
from booth.toybox.parts import Part, Point, ball, cone, ring

Colour = tuple[float, float, float]
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
}


def head(look: Look) -> tuple[Point, float, Point]:
    """Middle of the head, its radius, and where the neck is."""
    t = look.traits
    if look.class_noun == "dog":
        return (0, 0.72, 0.04), 0.23 + 0.04 * t[1], (0, 0.50, 0.0)
    if look.class_noun == "cat":
        return (0, 0.68, 0.05), 0.23 + 0.04 * t[1], (0, 0.465, 0.02)
    if look.class_noun == "stuffed animal":
        return (0, 0.73, 0.02), 0.25 + 0.03 * t[1], (0, 0.51, 0.02)
    size = 0.21 + 0.05 * t[1]
    return (0.13, 0.36 + size * 1.35, 0.03), size, (0.12, 0.43, 0.02)


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
    if look.class_noun == "toy":
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
}


def watercolour(picture: Image.Image) -> Image.Image:
    """Pale blotches of colour with darker edges, on paper."""
    calm = picture.filter(ImageFilter.ModeFilter(max(3, picture.width // 26 | 1)))
    calm = calm.filter(ImageFilter.GaussianBlur(picture.width / 130))
    paper = Image.new("RGB", picture.size, (250, 246, 236))
    return Image.blend(calm, paper, 0.18)


def sketch(picture: Image.Image) -> Image.Image:
    """Grey pencil lines and light hatching on white paper."""
    grey = ImageOps.grayscale(picture)
    soft = np.asarray(
        ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(picture.width / 45)), np.float32
    )
    tone = np.asarray(grey, np.float32)
    dodge = np.clip(tone * 255 / np.maximum(255 - soft, 1), 0, 255)
    lines = 255 - np.clip((255 - dodge) * 2.2, 0, 215)
    mixed: NDArray[np.float32] = lines * 0.85 + np.clip(tone * 0.35 + 165, 0, 255) * 0.15
    return Image.fromarray(mixed.astype(np.uint8)).convert("RGB")


def pixel_art(picture: Image.Image) -> Image.Image:
    """Large square pixels of few colours."""
    small = picture.resize((32, 32), Image.Resampling.BOX)
    few = small.quantize(16).convert("RGB")
    return few.resize(picture.size, Image.Resampling.NEAREST)


STYLES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "watercolour": watercolour,
    "sketch": sketch,
    "pixel art": pixel_art,
}
