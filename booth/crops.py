"""Square crops of a photo: where the subject probably is, and cutting it out.

A crop is kept in fractions beside the photo, never cut into it, so it can always be moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

_HEADS_UP = 0.2


@dataclass(frozen=True)
class Crop:
    """A square part of a picture, in fractions, so that it fits any size of that picture.

    `x` and `y` (0 to 1 of width and height) are where its middle should be, `size` (above 0, to
    1) is its side as a part of the picture's short side. A square that would stick out is moved
    inwards, never shrunk. Raises ValueError for fractions out of range.
    """

    x: float = 0.5
    y: float = 0.5
    size: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1 and 0 < self.size <= 1):
            raise ValueError(f"a crop is made of fractions of the picture: {self}")

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom pixels in a picture of `width` by `height`."""
        side = max(1, round(self.size * min(width, height)))
        left = min(max(0, round(self.x * width - side / 2)), width - side)
        top = min(max(0, round(self.y * height - side / 2)), height - side)
        return left, top, left + side, top + side


def suggest_crop(image: Image.Image) -> Crop:
    """The largest square around what stands out in colour and edges, the middle if in doubt."""
    small = image.convert("RGB")
    small.thumbnail((96, 96), Image.Resampling.BOX, reducing_gap=None)
    energy = _standing_out(small) + 1e-3
    x, y = (_middle_of_mass(energy.sum(axis=axis)) for axis in (0, 1))
    left, top, right, bottom = Crop(x, y).box(*image.size)
    return Crop((left + right) / 2 / image.width, (top + bottom) / 2 / image.height)


def cut(image: Image.Image, crop: Crop, size: int) -> Image.Image:
    """The square `crop` of `image` as RGB, `size` by `size` px."""
    square = image.crop(crop.box(*image.size)).convert("RGB")
    return square.resize((size, size), Image.Resampling.LANCZOS)


View = tuple[Image.Image, tuple[int, int, int, int, int, int]]
"""A square image, and in pixels: original height, width, crop top, left, target height, width."""

CLOSER = 0.9  # how much of a crop's side a closer view keeps at least


def views_of(image: Image.Image, crop: Crop, size: int, which: tuple[int, int]) -> list[View]:
    """The `crop` of `image`, and the same slightly closer: each `size` by `size` px.

    `which` is how many views there should be and the photo's number, from which the closer ones
    follow: they keep 90 to 100 % of the side, at a random place.
    """
    count, number = which
    left, top, right, _ = crop.box(*image.size)
    side = right - left
    cuts = [(cut(image, crop, size), (side, side, 0, 0, size, size))]
    random = np.random.default_rng([number, size])
    for _ in range(count - 1):
        kept = round(side * random.uniform(CLOSER, 1.0))
        x, y = random.integers(0, side - kept + 1, 2)
        box = (left + x, top + y, left + x + kept, top + y + kept)
        closer = image.crop(box).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
        scale = size / kept  # SDXL counts the crop's corner in pixels of the target
        cuts.append((closer, (side, side, round(y * scale), round(x * scale), size, size)))
    return cuts


def _standing_out(image: Image.Image) -> np.ndarray:
    """(height, width) energies: edges and colours unlike the frame's, the middle first."""
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(1)), np.float32) / 255
    frame = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    rarity = np.linalg.norm(pixels - np.median(frame, axis=0), axis=-1)
    down, across = np.gradient(pixels.mean(axis=-1))
    energy = rarity**2 + 2 * np.hypot(down, across)
    height, width = energy.shape
    y = np.linspace(-1, 1, height)[:, None]
    x = np.linspace(-1, 1, width)[None, :]
    return np.asarray(energy * np.exp(-(x**2 + (y + _HEADS_UP) ** 2)))


def _middle_of_mass(profile: np.ndarray) -> float:
    """Where, from 0 to 1, half of a profile lies on either side."""
    share = np.cumsum(profile) / profile.sum()
    return float((np.searchsorted(share, 0.5) + 0.5) / len(profile))
