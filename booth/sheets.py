"""Contact sheets: many pictures on one page, each with its words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from booth import disk

PAPER, INK = "#FFFAF5", "#2B2118"
CELL, LINES, MARGIN = 256, 2, 16  # pixels, caption lines, pixels


def contact_sheet(pictures: Sequence[Path], title: str, columns: int = 6) -> Image.Image:
    """One RGB page with every picture of `pictures` (PNG with a recipe) above its prompt."""
    font, heading = ImageFont.load_default(15), ImageFont.load_default(36)
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    step_x, step_y = CELL + MARGIN, CELL + MARGIN + 20 * LINES
    top = MARGIN * 2 + 44
    page = Image.new("RGB", (MARGIN + columns * step_x, top + rows * step_y + MARGIN), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, MARGIN), title, INK, heading)
    for number, path in enumerate(pictures):
        x, y = MARGIN + number % columns * step_x, top + number // columns * step_y
        with Image.open(path, formats=["PNG"]) as image:
            page.paste(image.convert("RGB").resize((CELL, CELL), Image.Resampling.LANCZOS), (x, y))
        words = str(disk.read_recipe(path).get("shown", path.stem))
        for line, text in enumerate(_wrapped(words, font)):
            pen.text((x, y + CELL + 2 + 18 * line), text, INK, font)
    return page


def _wrapped(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """`words` broken into at most LINES lines that fit a cell."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= CELL:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines[:LINES]
