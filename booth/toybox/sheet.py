"""A contact sheet: `python -m booth.toybox.sheet` asks for the combinations held back from
training, then for ordinary ones.

Look at it and count; a loss that falls does not say whether a cat can be told from a teapot.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageDraw

from booth import catalogue
from booth.prompts import unknown_words
from booth.toybox.phrases import PLACE_WORDS, WORN
from booth.toybox.scene import HELD_BACK

GENERAL = (
    "a dog on the beach",
    "a cat in the jungle",
    "a stuffed animal in the snow",
    "a backpack with a mountain in the background",
    "a teapot on top of a wooden floor",
    "a vase on top of pink fabric",
    "a sneaker with a city in the background",
    "a clock on top of a white rug",
    "a toy floating on top of water",
    "a dog with the eiffel tower in the background",
    "a cat with a wheat field in the background",
    "a stuffed animal with a blue house in the background",
    "a purple backpack in the snow",
    "a red teapot on a cobblestone street",
    "a blue vase in the jungle",
    "a green sneaker in autumn",
    "a yellow clock on green grass",
    "a pink toy on the beach",
    "a red dog in the jungle",
    "a purple cat on a wooden floor",
    "a dog wearing a red hat",
    "a cat wearing pink glasses",
    "a stuffed animal wearing a santa hat on the beach",
    "a toy wearing a black top hat",
    "a dog wearing a rainbow scarf in the city",
    "a golden teapot",
    "a cat made of stone",
    "a pencil sketch of a dog",
    "pixel art of a sneaker",
    "a dog seen from behind",
    "a robot in the snow",
    "a shiny teapot",
    "a wet dog",
    "a cube shaped cat",
    "a dog in a firefighter outfit",
    "a stuffed animal in a purple wizard outfit",
    "a stained glass window of a cat",
    "a painting of a dog in the style of van gogh",
    "a statue of a stuffed animal",
    "a wooden boot",
    "a cross of a dog and a lion",
    "an angry cat",
    "in the jungle, a toy car",
)


def held_back_prompts() -> list[str]:
    """One prompt for every combination that was held back from training."""
    words = {**PLACE_WORDS, **WORN}
    return [f"a {noun} {words[other][0]}" for noun, other in sorted(HELD_BACK)]


def prompts(known: Collection[str] = ()) -> list[str]:
    """All prompts of the sheet: the held-back ones first; only what `known` words can say."""
    texts = [*held_back_prompts(), *GENERAL]
    return [text for text in texts if not (known and unknown_words([text], known))]


@torch.no_grad()
def pictures(
    pipeline: StableDiffusionPipeline,
    texts: Sequence[str],
    steps: int = 20,
    guidance: float = 4.0,
    seed: int = 0,
) -> list[Image.Image]:
    """One picture per prompt; picture i always starts from noise seed + i."""
    drawn: list[Image.Image] = []
    for start in range(0, len(texts), 8):
        batch = list(texts[start : start + 8])
        noise = [torch.Generator().manual_seed(seed + start + i) for i in range(len(batch))]
        drawn += pipeline(
            batch, num_inference_steps=steps, guidance_scale=guidance, generator=noise
        ).images
    return drawn


def labelled(images: Sequence[Image.Image], texts: Sequence[str], columns: int = 8) -> Image.Image:
    """The pictures in rows, each with its prompt below."""
    size, band = images[0].width, 22
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * size, rows * (size + band)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (image, text) in enumerate(zip(images, texts, strict=True)):
        x, y = i % columns * size, i // columns * (size + band)
        sheet.paste(image, (x, y))
        words, line = text.split(), ""
        lines: list[str] = []
        for word in words:
            if len(line) + len(word) > size // 6:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        for k, part in enumerate([*lines, line][:2]):
            pen.text((x + 2, y + size + 10 * k), part, fill="black", font_size=9)
    return sheet


def main() -> None:
    """Draw the sheet for an exported model."""
    parser = argparse.ArgumentParser(prog="python -m booth.toybox.sheet", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("assets/toybox"))
    parser.add_argument("--out", type=Path, default=Path("assets/pictures/toybox.webp"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    choices = parser.parse_args()
    pipeline = StableDiffusionPipeline.from_pretrained(choices.model, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    texts = prompts(catalogue.find(str(choices.model)).words)
    images = pictures(pipeline, texts, choices.steps, choices.guidance, choices.seed)
    choices.out.parent.mkdir(parents=True, exist_ok=True)
    labelled(images, texts).save(choices.out, quality=82, method=6)
    print(f"{len(images)} pictures in {choices.out}")


if __name__ == "__main__":
    main()
