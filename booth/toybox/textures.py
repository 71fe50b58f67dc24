"""Random textures that teach the autoencoder more than the drawn world does.

A newcomer would expect real photos here: overlapping flat and shaded shapes ("dead leaves") have
edges, gradients and grain at every scale, and an autoencoder that has only ever seen them carries
real photos recognizably.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Picture = NDArray[np.uint8]


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """A random colour; every third one is near grey, as in photos."""
    colour = rng.integers(0, 256, 3).astype(float)
    if rng.random() < 0.35:
        colour = colour.mean() + (colour - colour.mean()) * 0.2
    red, green, blue = (int(c) for c in colour)
    return red, green, blue


def _shape(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """Draw one leaf: an ellipse, a polygon, a line or a box of a random size."""
    radius = size * float(0.02 + 0.35 * rng.random() ** 3)
    x, y = rng.uniform(0, size, 2)
    wide = radius * rng.uniform(0.3, 1.0)
    kind = rng.integers(0, 4)
    if kind == 0:
        draw.ellipse((x - radius, y - wide, x + radius, y + wide), fill=_colour(rng))
    elif kind == 1:
        turns = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
        corners = [(x + radius * np.cos(t), y + radius * np.sin(t)) for t in turns]
        draw.polygon(corners, fill=_colour(rng))
    elif kind == 2:
        end = (x + rng.normal() * radius * 2, y + rng.normal() * radius * 2)
        draw.line((x, y, *end), fill=_colour(rng), width=int(rng.integers(1, 5)))
    else:
        draw.rectangle((x - wide, y - radius, x + wide, y + radius), fill=_colour(rng))


def _gradient(rng: np.random.Generator, size: int) -> Image.Image:
    """A smooth two-way gradient between four random colours."""
    corners = np.array([[_colour(rng) for _ in range(2)] for _ in range(2)], dtype=np.uint8)
    return Image.fromarray(corners).resize((size, size), Image.Resampling.BILINEAR)


def _shaded_ball(pixels: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Paint one softly lit ellipsoid into `pixels`, in place."""
    size = pixels.shape[0]
    x, y = rng.uniform(0, size, 2)
    wide, high = rng.uniform(0.05, 0.4, 2) * size
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    u, v = (columns - x) / wide, (rows - y) / high
    depth = 1 - u * u - v * v
    inside = depth > 0
    light = rng.normal(size=3)
    light /= np.linalg.norm(light) + 1e-6
    normal = np.stack([u, v, np.sqrt(np.maximum(depth, 0))], -1)
    shade = 0.45 + 0.55 * np.clip(normal @ light, 0, 1)
    pixels[inside] = (shade[..., None] * np.array(_colour(rng)))[inside]


def dead_leaves(seed: int, size: int = 128) -> Picture:
    """One texture of `size` pixels, a pure function of `seed`."""
    rng = np.random.default_rng([seed, 77])
    image = _gradient(rng, size)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(3, 90))):
        _shape(draw, rng, size)
    if rng.random() < 0.35:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 3.0))))
    pixels = np.asarray(image, dtype=np.float32)
    if rng.random() < 0.5:
        overlay = np.asarray(_gradient(rng, size), dtype=np.float32)
        pixels = (pixels * (0.4 + overlay / 255 * 0.6)).astype(np.float32)
    for _ in range(int(rng.integers(0, 4))):
        _shaded_ball(pixels, rng)
    if rng.random() < 0.3:
        grain = rng.normal(0, rng.uniform(2, 14), pixels.shape)
        pixels = (pixels + grain).astype(np.float32)
    picture: Picture = np.clip(pixels, 0, 255).astype(np.uint8)
    return picture
