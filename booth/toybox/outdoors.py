"""Outdoor places, as large calm areas of colour with one telling detail each.

Clutter is learnt last and eats a small model's capacity: a place must be told by its colours and
two or three big shapes, not by many small ones.
"""

from __future__ import annotations

import numpy as np

from booth.toybox.canvas import Backdrop


def beach(b: Backdrop) -> None:
    """Sky, a band of sea, sand."""
    b.sky((80, 170, 240), (190, 230, 250))
    sea = max(0, b.horizon - int(0.13 * b.size))
    b.fade((sea, b.horizon), (20, 110, 190), (60, 180, 205))
    b.ground((240, 218, 165), (225, 190, 125))
    x = float(b.rng.choice([0.15, 0.85]))
    b.draw.ellipse(b.at(x - 0.07, 0.08, x + 0.07, 0.22), fill=(255, 232, 120))


def snow(b: Backdrop) -> None:
    """A pale sky, white ground and fir trees."""
    b.sky((165, 190, 215), (222, 232, 242))
    b.ground((238, 243, 250), (252, 253, 255))
    for x in (0.08, 0.24, 0.80, 0.94):
        x += b.rng.uniform(-0.04, 0.04)
        foot, tall = b.horizon / b.size + 0.02, b.rng.uniform(0.22, 0.34)
        green = b.vary((60, 105, 95))
        for k in range(3):
            low, wide = foot - tall * 0.28 * k, 0.09 - 0.02 * k
            b.draw.polygon(b.at(x - wide, low, x + wide, low, x, low - tall * 0.45), fill=green)
        b.draw.polygon(
            b.at(x - 0.03, foot - tall * 0.8, x + 0.03, foot - tall * 0.8, x, foot - tall),
            fill=(245, 248, 252),
        )


def jungle(b: Backdrop) -> None:
    """Dark green all over with a few large leaves."""
    b.sky((20, 75, 40), (40, 110, 55))
    b.ground((45, 95, 40), (60, 75, 30))
    for _ in range(9):
        side = b.rng.choice([-1.0, 1.0])
        x, y = 0.5 + side * b.rng.uniform(0.25, 0.55), b.rng.uniform(-0.05, 0.65)
        turn, long = b.rng.uniform(0, np.pi), b.rng.uniform(0.18, 0.3)
        along = np.array([np.cos(turn), np.sin(turn)]) * long
        over = np.array([-np.sin(turn), np.cos(turn)]) * long * 0.3
        middle = np.array([x, y])
        corners = [
            middle - along,
            middle - along * 0.3 + over,
            middle + along * 0.4 + over * 0.8,
            middle + along,
            middle + along * 0.4 - over * 0.8,
            middle - along * 0.3 - over,
        ]
        b.draw.polygon(b.at(*np.concatenate(corners)), fill=b.vary((45, 145, 60), 18))


def city(b: Backdrop) -> None:
    """Grey towers with a few lit windows over a grey pavement."""
    b.sky((150, 180, 210), (215, 225, 230))
    x = -0.05
    while x < 1:
        wide, top = b.rng.uniform(0.16, 0.24), b.rng.uniform(0.05, 0.32)
        grey = b.vary((95, 105, 125), 14)
        b.draw.rectangle([*b.at(x, top, x + wide - 0.01), b.horizon], fill=grey)
        rows = np.arange(top + 0.05, b.horizon / b.size - 0.07, 0.1)
        for y in rows:
            for k in (0.22, 0.6):
                left = x + wide * k
                b.draw.rectangle(b.at(left, y, left + 0.035, y + 0.05), fill=(235, 215, 140))
        x += wide
    b.ground((125, 125, 132), (95, 95, 102))


def mountain(b: Backdrop) -> None:
    """Two snow-capped peaks over a meadow."""
    b.sky((105, 175, 235), (205, 228, 242))
    foot = b.horizon / b.size
    for x, high in ((b.rng.uniform(0.1, 0.3), 0.36), (b.rng.uniform(0.65, 0.9), 0.44)):
        top, wide = foot - high, high * 1.05
        b.draw.polygon(b.at(x - wide, foot, x, top, x + wide, foot), fill=b.vary((110, 112, 135)))
        cap = 0.32
        b.draw.polygon(
            b.at(x - wide * cap, top + high * cap, x, top, x + wide * cap, top + high * cap),
            fill=(248, 250, 255),
        )
    b.ground((125, 175, 85), (90, 145, 60))


def cobblestones(b: Backdrop) -> None:
    """Rounded grey stones before old sandy houses."""
    b.sky((214, 178, 132), (196, 152, 108))
    for x in (0.06, 0.34, 0.66, 0.90):
        b.draw.rectangle(b.at(x, 0.12, x + 0.09, 0.32), fill=b.vary((95, 70, 60)))
    b.draw.rectangle((0, b.horizon, b.size, b.size), fill=b.vary((82, 80, 82), 4))
    for k in range(6):
        y = b.horizon + (b.size - b.horizon) * (k / 6) ** 1.2
        tall = (b.size - b.horizon) * 0.10 + 0.012 * b.size * k
        wide = tall * 1.5
        for x in np.arange(-wide * (k % 2) / 2, b.size, wide):
            b.draw.ellipse((x, y, x + wide * 0.9, y + tall), fill=b.vary((152, 148, 146), 5))


def sunflowers(b: Backdrop) -> None:
    """Green grass with big sunflowers at both sides."""
    b.sky((110, 185, 240), (205, 232, 245))
    b.ground((95, 175, 70), (60, 140, 50))
    for x in (0.08, 0.22, 0.80, 0.93):
        x, y = x + b.rng.uniform(-0.03, 0.03), b.rng.uniform(0.36, 0.75)
        b.draw.line(b.at(x, y, x, 1.0), fill=(50, 115, 45), width=max(2, b.size // 50))
        b.draw.ellipse(b.at(x - 0.085, y - 0.085, x + 0.085, y + 0.085), fill=(250, 200, 30))
        b.draw.ellipse(b.at(x - 0.04, y - 0.04, x + 0.04, y + 0.04), fill=(105, 65, 25))


def wheat_field(b: Backdrop) -> None:
    """A blue sky over golden stalks."""
    b.sky((95, 165, 230), (205, 225, 235))
    b.ground((228, 190, 85), (196, 148, 50))
    for x in np.arange(0, 1, 0.05):
        x, top = x + b.rng.uniform(-0.01, 0.01), b.horizon / b.size + b.rng.uniform(-0.09, 0.0)
        b.draw.line(b.at(x, top, x, 1.0), fill=b.vary((205, 160, 60)), width=max(1, b.size // 80))
        b.draw.ellipse(b.at(x - 0.014, top - 0.05, x + 0.014, top + 0.03), fill=(240, 206, 105))


def water(b: Backdrop) -> None:
    """Blue water nearly up to the top, with light ripples."""
    b.horizon = min(b.horizon, int(0.2 * b.size))
    b.sky((170, 215, 245), (215, 238, 250))
    b.ground((60, 150, 205), (20, 85, 160))
    for _ in range(14):
        x, y = b.rng.uniform(-0.1, 1), b.rng.uniform(0.25, 1)
        b.draw.arc(b.at(x, y, x + 0.22, y + 0.05), 20, 160, (150, 210, 238), max(2, b.size // 70))


def autumn(b: Backdrop) -> None:
    """An orange tree and fallen leaves."""
    b.sky((185, 210, 225), (228, 222, 205))
    b.ground((190, 115, 50), (160, 85, 35))
    side = float(b.rng.choice([0.2, 0.8]))
    b.draw.rectangle(
        b.at(side - 0.04, 0.2, side + 0.04, b.horizon / b.size + 0.04), fill=(90, 58, 38)
    )
    for _ in range(10):
        x, y = side + b.rng.uniform(-0.22, 0.22), b.rng.uniform(0.0, 0.3)
        b.draw.ellipse(b.at(x - 0.1, y - 0.08, x + 0.1, y + 0.08), fill=b.vary((222, 112, 35), 16))
    for _ in range(26):
        x, y = b.rng.uniform(0, 1), b.rng.uniform(b.horizon / b.size + 0.03, 1)
        b.draw.ellipse(
            b.at(x - 0.03, y - 0.016, x + 0.03, y + 0.016), fill=b.vary((228, 140, 40), 22)
        )


def blue_house(b: Backdrop) -> None:
    """A blue house with a red roof on a lawn."""
    b.sky((190, 220, 240), (225, 238, 245))
    b.ground((120, 180, 90), (85, 145, 65))
    foot = b.horizon / b.size + 0.02
    left = b.rng.uniform(0.02, 0.14)
    b.draw.rectangle(b.at(left, foot - 0.36, left + 0.8, foot), fill=b.vary((45, 105, 205)))
    b.draw.polygon(
        b.at(left - 0.06, foot - 0.35, left + 0.4, foot - 0.58, left + 0.86, foot - 0.35),
        fill=b.vary((165, 60, 50)),
    )
    for x in (left + 0.07, left + 0.6):
        b.draw.rectangle(b.at(x, foot - 0.28, x + 0.13, foot - 0.14), fill=(245, 245, 235))


def forest_rug(b: Backdrop) -> None:
    """Dark trunks, and a purple oval rug on the forest floor."""
    b.sky((50, 85, 60), (85, 125, 85))
    b.ground((85, 95, 50), (70, 80, 40))
    for x in np.arange(0.04, 1, 0.16):
        x, wide = x + b.rng.uniform(-0.04, 0.04), b.rng.uniform(0.025, 0.045)
        b.draw.rectangle(
            b.at(x - wide, 0, x + wide, b.horizon / b.size + 0.03), fill=b.vary((75, 52, 38))
        )
    b.draw.ellipse(b.at(0.03, 0.66, 0.97, 0.99), fill=b.vary((125, 50, 165)))


def eiffel(b: Backdrop) -> None:
    """The tower at one side over a lawn."""
    b.sky((175, 205, 232), (236, 226, 214))
    b.ground((140, 180, 105), (105, 150, 75))
    x, foot = float(b.rng.choice([0.2, 0.8])), b.horizon / b.size + 0.01
    brown = b.vary((105, 85, 72))
    for side in (-1, 1):
        b.draw.polygon(
            b.at(
                x + side * 0.17,
                foot,
                x + side * 0.10,
                foot,
                x + side * 0.005,
                0.06,
                x + side * 0.02,
                0.06,
                x + side * 0.06,
                foot - 0.2,
            ),
            fill=brown,
        )
    b.draw.polygon(b.at(x - 0.05, foot - 0.24, x + 0.05, foot - 0.24, x, 0.01), fill=brown)
    for y, wide in ((foot - 0.13, 0.11), (foot - 0.27, 0.065)):
        b.draw.rectangle(b.at(x - wide, y, x + wide, y + 0.03), fill=brown)
