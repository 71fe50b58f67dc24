"""Contact sheets: many pictures on one page, each above its words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from booth import disk

PAPER, INK = "#FFFAF5", "#2B2118"
CELL, SMALL, LINES = 256, 128, 2  # pixels of a picture, of a small one; lines of words
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Labelled = tuple[Image.Image, str]
"""A picture and its words, which may be none."""


def contact_sheet(pictures: Sequence[Path], title: str, columns: int = 6) -> Image.Image:
    """One RGB page with every picture of `pictures` (PNG with a recipe) above its prompt."""
    labelled = [_opened(path) for path in pictures]
    return page([("", row) for row in in_rows(labelled, columns)], title)


def in_rows(pictures: Sequence[Labelled], columns: int) -> list[Sequence[Labelled]]:
    """The pictures in rows of at most `columns`."""
    return [pictures[start : start + columns] for start in range(0, len(pictures), columns)]


def page(
    rows: Sequence[tuple[str, Sequence[Labelled]]], title: str = "", cell: int = CELL
) -> Image.Image:
    """One RGB page of rows of square pictures of `cell` pixels, each above its words.

    A row may have a label at its left, which may have several lines.
    """
    gap, font = cell // 16, ImageFont.load_default(max(10, cell // 17))
    left = gap + (cell if any(label for label, _ in rows) else 0)
    top = gap + (cell // 4 if title else 0)
    heights = [cell + gap + (_band(font) if any(text for _, text in row) else 0) for _, row in rows]
    widest = max(len(row) for _, row in rows)
    sheet = Image.new("RGB", (left + widest * (cell + gap), top + sum(heights)), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((gap, gap), title, INK, ImageFont.load_default(cell // 7))
    for (label, row), height in zip(rows, heights, strict=True):
        pen.multiline_text((gap, top + cell // 3), label, INK, ImageFont.load_default(cell // 9))
        for column, (picture, text) in enumerate(row):
            x = left + column * (cell + gap)
            sheet.paste(picture.resize((cell, cell), Image.Resampling.LANCZOS), (x, top))
            said = "\n".join(_wrapped(text, font, cell + gap // 2))
            pen.multiline_text((x, top + cell + 1), said, INK, font, spacing=1)
        top += height
    return sheet


def _opened(path: Path) -> Labelled:
    with Image.open(path, formats=["PNG"]) as image:
        return image.convert("RGB"), str(disk.read_recipe(path).get("shown", path.stem))


def _band(font: Font) -> int:
    """The height of LINES lines of words, in pixels."""
    return round(1.2 * LINES * getattr(font, "size", 10))


def _wrapped(words: str, font: Font, width: int) -> list[str]:
    """`words` broken into at most LINES lines that fit `width`."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines[:LINES]
