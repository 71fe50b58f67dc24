"""The canvas places are painted on: a square with a horizon, a pen and gradients.

A newcomer would paint flat colours; a slight gradient and jitter in every large area is what keeps
two pictures of one place from being the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

RGB = tuple[int, int, int]


@dataclass
class Backdrop:
    """A square canvas in progress: `horizon` is the row where the ground begins."""

    size: int
    horizon: int
    rng: np.random.Generator
    image: Image.Image

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        """A pen on the canvas."""
        return ImageDraw.Draw(self.image)

    def at(self, *fractions: float) -> list[float]:
        """Fractions of the frame as pixels."""
        return [f * self.size for f in fractions]

    def vary(self, colour: RGB, amount: float = 8.0) -> RGB:
        """The colour with a little jitter."""
        red, green, blue = np.clip(np.array(colour) + self.rng.normal(0, amount, 3), 0, 255)
        return int(red), int(green), int(blue)

    def fade(self, rows: tuple[int, int], top: RGB, bottom: RGB) -> None:
        """Fill rows with a vertical gradient between two jittered colours."""
        first, last = rows
        if last <= first:
            return
        pair = np.array([[self.vary(top)], [self.vary(bottom)]], np.uint8)
        strip = Image.fromarray(pair).resize((self.size, last - first), Image.Resampling.BILINEAR)
        self.image.paste(strip, (0, first))

    def sky(self, top: RGB = (90, 165, 235), bottom: RGB = (200, 228, 245)) -> None:
        """Fill everything above the horizon."""
        self.fade((0, self.horizon), top, bottom)

    def ground(self, top: RGB, bottom: RGB) -> None:
        """Fill everything below the horizon."""
        self.fade((self.horizon, self.size), top, bottom)
