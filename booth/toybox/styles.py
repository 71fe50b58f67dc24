"""Styles: an artist's hand, made by filtering the finished picture.

A style touches pixels only, so it never changes what was drawn. The one that is not here is a
statue, which is a matter of marble and a plinth, not of paint.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

Floats = NDArray[np.float32]


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


def _cells(picture: Image.Image, across: int, loyalty: float) -> NDArray[np.int64]:
    """Each pixel's pane: the nearest of `across` x `across` jittered seeds in place and colour."""
    size = picture.width
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(size / 90)), np.float32) / 255
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    rng = np.random.default_rng(5)
    step = size / across
    best = np.full((size, size), np.inf, np.float32)
    pane = np.zeros((size, size), np.int64)
    for k in range(across * across):
        y, x = (np.array(divmod(k, across)) + rng.uniform(0.15, 0.85, 2)) * step
        box = tuple(slice(max(0, int(c - 1.7 * step)), int(c + 1.7 * step)) for c in (y, x))
        own = soft[min(size - 1, int(y)), min(size - 1, int(x))]
        near = ((rows[box] - y) ** 2 + (columns[box] - x) ** 2) / step**2
        far = near + loyalty * ((soft[box] - own) ** 2).sum(-1)
        nearer = far < best[box]
        best[box][nearer] = far[nearer]
        pane[box][nearer] = k
    return pane


def stained_glass(picture: Image.Image) -> Image.Image:
    """Panes of glowing colour between dark lead lines."""
    pane = _cells(picture, 11, 7.0)
    colours = np.asarray(picture, np.float32)
    parts = pane.ravel()
    count = np.maximum(np.bincount(parts), 1)
    sums = [np.bincount(parts, colours[..., c].ravel()) for c in range(3)]
    mean = np.stack(sums, 1) / count[:, None]
    grey = mean.mean(1, keepdims=True)
    vivid = np.clip((grey + 1.75 * (mean - grey)) * 1.08 + 6, 0, 255)
    glass = 0.72 * vivid[pane] + 0.28 * (1.5 * colours - 64)
    edge = np.zeros(pane.shape, np.uint8)
    edge[1:][pane[1:] != pane[:-1]] = 255
    edge[:, 1:][pane[:, 1:] != pane[:, :-1]] = 255
    lead = Image.fromarray(edge).filter(ImageFilter.GaussianBlur(picture.width / 260))
    share = np.clip(np.asarray(lead, np.float32) / 255 * 1.15, 0, 1)[..., None]
    mixed = glass * (1 - share) + np.array([28, 26, 34]) * share
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def _slopes(picture: Image.Image, blur: float) -> Floats:
    """How the softened picture's brightness falls downwards and to the right, (2, h, w)."""
    tone = ImageOps.grayscale(picture).filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(np.gradient(np.asarray(tone, np.float32)), np.float32)


def _vivid(colours: Floats, more: float) -> list[tuple[int, ...]]:
    """Colours (n, 3) with a stronger hue, as a pen takes them."""
    grey = colours.mean(-1, keepdims=True)
    strong = np.clip(grey + more * (colours - grey), 0, 255).astype(int)
    return [tuple(colour) for colour in strong.tolist()]


def van_gogh(picture: Image.Image) -> Image.Image:
    """Thick bright strokes that follow edges and swirl elsewhere."""
    size, rng = picture.width, np.random.default_rng(6)
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(size / 100)), np.float32)
    down, across = _slopes(picture, size / 40)
    a, c = rng.uniform(0, 6, 2)
    y, x = rng.uniform(0, size, (2, 1700))
    at = y.astype(int), x.astype(int)
    u, v = x / size, y / size
    swirl = 2.4 * np.sin(5 * u + a) + 2.4 * np.cos(6 * v + 2 * np.sin(4 * u) + c)
    edge = np.hypot(down[at], across[at]) * size / 128 > 1.6
    along = np.where(edge, np.arctan2(-across[at], down[at]), swirl)
    dx, dy = np.cos(along) * size / 26, np.sin(along) * size / 26
    shades = soft[at] * rng.uniform(0.86, 1.17, (1700, 1)) + rng.normal(6, 9, (1700, 3))
    canvas = picture.filter(ImageFilter.GaussianBlur(size / 40))
    pen, width = ImageDraw.Draw(canvas), max(1, round(size / 64))
    lines = np.stack([x - dx, y - dy, x + dx, y + dy], 1).tolist()
    for line, colour in zip(lines, _vivid(shades, 1.35), strict=True):
        pen.line(line, fill=colour, width=width)
    return canvas


def pointillism(picture: Image.Image) -> Image.Image:
    """Round dots of pure colour on pale canvas, packed like honeycombs."""
    size, rng, fine = picture.width, np.random.default_rng(7), 2
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(size / 110)), np.float32)
    rows, columns = np.divmod(np.arange(41 * 41), 41)
    shake = rng.uniform(-0.25, 0.25, (2, len(rows)))
    y, x = (rows + shake[0]) * size / 40, (columns + shake[1] + 0.5 * (rows % 2)) * size / 40
    at = np.clip(y, 0, size - 1).astype(int), np.clip(x, 0, size - 1).astype(int)
    dots = soft[at] + rng.normal(0, 14, (len(rows), 3))
    canvas = Image.new("RGB", (size * fine, size * fine), (244, 236, 214))
    pen, r = ImageDraw.Draw(canvas), size / 40 * 0.56 * fine
    boxes = np.stack([x * fine - r, y * fine - r, x * fine + r, y * fine + r], 1).tolist()
    for box, colour in zip(boxes, _vivid(dots, 1.5), strict=True):
        pen.ellipse(box, fill=colour)
    return canvas.resize(picture.size, Image.Resampling.BOX)


INKS = np.array(
    [
        (30, 44, 82),
        (62, 104, 150),
        (132, 176, 196),
        (240, 228, 200),
        (206, 176, 128),
        (196, 92, 66),
        (110, 128, 86),
        (70, 62, 60),
    ],
    np.float32,
)


def woodblock(picture: Image.Image) -> Image.Image:
    """A print in eight quiet inks with dark outlines."""
    size = picture.width
    calm = np.asarray(picture.filter(ImageFilter.ModeFilter(max(3, size // 40 | 1))), np.float32)
    ink = ((calm[..., None, :] - INKS) ** 2).sum(-1).argmin(-1)
    down, across = _slopes(picture, size / 160)
    line = np.clip((np.hypot(down, across) * size / 128 - 9) / 14, 0, 1)[..., None]
    mixed = (0.72 * INKS[ink] + 0.28 * calm) * (1 - line) + INKS[0] * line
    return Image.fromarray(mixed.astype(np.uint8))


FILTERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "watercolour": watercolour,
    "sketch": sketch,
    "pixel art": pixel_art,
    "stained glass": stained_glass,
    "van gogh": van_gogh,
    "pointillism": pointillism,
    "woodblock": woodblock,
}
STATUE = "statue"
STYLES = (*FILTERS, STATUE)
