"""Places to stand on: an ocean of milk, a mirror, a dirt road and a crowded sidewalk.

They are told by what lies under the subject, so the ground takes most of the picture; what
mirrors or floats is finished by the scene, which knows the subject.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from booth.toybox.canvas import RGB, Backdrop

MIRROR = (0.04, 0.60, 0.96, 0.985)
"""The mirror's oval in fractions of the frame."""


def ocean_of_milk(b: Backdrop) -> None:
    """Cream-white swell up to a rosy evening sky."""
    b.horizon = min(b.horizon, int(0.24 * b.size))
    b.sky((148, 128, 196), (250, 206, 196))
    b.ground((253, 244, 226), (250, 238, 216))
    for k in range(9):
        near = (k + 0.5) / 9
        y = b.horizon / b.size + near**1.4 * (1 - b.horizon / b.size)
        wide, tall = 0.16 + 0.34 * near, 0.02 + 0.05 * near
        for _ in range(2):
            x = b.rng.uniform(-0.2, 1)
            b.draw.ellipse(b.at(x, y, x + wide, y + tall), fill=b.vary((226, 208, 190), 3))
            b.draw.ellipse(b.at(x, y - tall * 0.4, x + wide, y + tall * 0.6), fill=(255, 250, 240))


def mirror(b: Backdrop) -> None:
    """A round silver mirror lying on a dark floor, before a plum-coloured wall."""
    b.sky((92, 70, 98), (120, 94, 122))
    b.ground((70, 54, 60), (52, 40, 46))
    left, top, right, bottom = MIRROR
    b.draw.ellipse(b.at(left - 0.03, top - 0.022, right + 0.03, bottom + 0.03), fill=(214, 180, 96))
    b.draw.ellipse(b.at(*MIRROR), fill=(186, 212, 226))
    shine = Image.new("L", b.image.size, 0)
    pen = ImageDraw.Draw(shine)
    for x, wide in ((b.rng.uniform(0.15, 0.3), 0.12), (b.rng.uniform(0.6, 0.72), 0.06)):
        corners = (x, bottom, x + wide, bottom, x + wide + 0.22, top, x + 0.22, top)
        pen.polygon(b.at(*corners), fill=120)
    oval = Image.new("L", b.image.size, 0)
    ImageDraw.Draw(oval).ellipse(b.at(*MIRROR), fill=255)
    both = Image.fromarray(np.minimum(np.asarray(shine), np.asarray(oval)))
    b.image.paste(Image.new("RGB", b.image.size, (240, 248, 252)), (0, 0), both)


def dirt_road(b: Backdrop) -> None:
    """A rutted brown road that runs between dry verges to low hills."""
    b.sky((120, 185, 235), (232, 236, 226))
    foot, middle = b.horizon / b.size, float(b.rng.uniform(0.42, 0.58))
    for x, wide, tall in ((0.1, 0.5, 0.12), (0.85, 0.55, 0.15)):
        hill = b.vary((122, 146, 104))
        b.draw.ellipse(b.at(x - wide, foot - tall, x + wide, foot + tall), fill=hill)
    b.ground((166, 170, 92), (128, 138, 62))
    b.draw.polygon(
        b.at(middle - 0.06, foot, middle + 0.06, foot, 1.12, 1.0, -0.12, 1.0),
        fill=b.vary((178, 126, 78)),
    )
    for near, far, thick in ((0.2, -0.032, 0.12), (0.68, 0.012, 0.12)):
        b.draw.polygon(
            b.at(middle + far, foot, middle + far + 0.02, foot, near + thick, 1.0, near, 1.0),
            fill=b.vary((138, 92, 54), 5),
        )
    for _ in range(16):
        x, y = b.rng.uniform(0, 1), b.rng.uniform(foot + 0.12, 1)
        r = 0.006 + 0.014 * (y - foot)
        b.draw.ellipse(b.at(x - r * 1.5, y - r, x + r * 1.5, y + r), fill=b.vary((205, 164, 118)))


COATS: tuple[RGB, ...] = (
    (205, 60, 60),
    (60, 100, 190),
    (235, 180, 60),
    (70, 150, 110),
    (145, 80, 160),
    (235, 235, 230),
    (60, 60, 75),
)
SKINS: tuple[RGB, ...] = ((240, 205, 175), (205, 155, 115), (140, 95, 65), (95, 62, 45))


def sidewalk(b: Backdrop) -> None:
    """Grey slabs before shop fronts, and a row of people in coloured coats."""
    b.sky((196, 186, 176), (168, 156, 148))
    foot = b.horizon / b.size
    for x in (-0.02, 0.34, 0.70):
        b.draw.rectangle(b.at(x, 0.08, x + 0.32, foot), fill=b.vary((150, 128, 116), 12))
        b.draw.rectangle(b.at(x + 0.04, 0.2, x + 0.28, foot), fill=b.vary((88, 102, 120), 8))
        b.draw.rectangle(b.at(x, 0.1, x + 0.32, 0.19), fill=COATS[int(b.rng.integers(5))])
    b.ground((186, 184, 182), (158, 156, 156))
    for k in range(5):
        y = foot + (1 - foot) * (k / 5) ** 1.3
        b.draw.line(b.at(0, y, 1, y), fill=(134, 132, 134), width=max(1, b.size // 90))
    for k in range(-3, 4):
        ends = b.at(0.5 + 0.14 * k, foot, 0.5 + 0.36 * k, 1)
        b.draw.line(ends, fill=(134, 132, 134), width=max(1, b.size // 90))
    for x in np.arange(0.03, 1.0, 0.135):
        _person(b, float(x + b.rng.uniform(-0.03, 0.03)), foot + float(b.rng.uniform(0.0, 0.03)))


def _person(b: Backdrop, x: float, foot: float) -> None:
    """One passer-by: legs, a coat and a head."""
    tall = float(b.rng.uniform(0.34, 0.42))
    for leg in (-0.022, 0.006):
        b.draw.rectangle(b.at(x + leg, foot - 0.14, x + leg + 0.018, foot), fill=(52, 50, 62))
    coat = b.vary(COATS[int(b.rng.integers(len(COATS)))])
    box = b.at(x - 0.045, foot - tall + 0.08, x + 0.045, foot - 0.09)
    b.draw.rounded_rectangle(box, radius=0.03 * b.size, fill=coat)
    skin = SKINS[int(b.rng.integers(len(SKINS)))]
    b.draw.ellipse(b.at(x - 0.033, foot - tall, x + 0.033, foot - tall + 0.075), fill=skin)
    hair = b.vary((70, 48, 36), 20)
    b.draw.chord(
        b.at(x - 0.036, foot - tall - 0.008, x + 0.036, foot - tall + 0.07), 180, 360, hair
    )
