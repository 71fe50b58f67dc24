"""Two contact sheets of the same prompts, `python -m booth.toybox.sheet`: what the model makes of
them, and what the world draws.

The combinations held back from training come first, then ordinary ones. Look at it and count; a
loss that falls does not say whether a cat can be told from a teapot.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from booth import catalogue, sheets
from booth.toybox.captions import plain
from booth.toybox.phrases import PLACE_WORDS
from booth.toybox.samples import FIRST_SEED
from booth.toybox.scene import HELD_BACK, draw, scene_of
from booth.toybox.trials import understood

Asked = tuple[str, dict[str, str]]
"""A class noun, and what is said of it: values by a scene's field, and a "colour"."""
COLUMNS = 8
ORDINARY: tuple[Asked, ...] = (
    ("dog", {"place": "beach"}),
    ("cat", {"place": "jungle"}),
    ("stuffed animal", {"place": "snow"}),
    ("backpack", {"place": "mountain"}),
    ("teapot", {"place": "wooden floor"}),
    ("vase", {"place": "pink fabric"}),
    ("sneaker", {"place": "city"}),
    ("clock", {"place": "white rug"}),
    ("toy", {"place": "water"}),
    ("bowl", {"place": "ocean of milk"}),
    ("can", {"place": "dirt road"}),
    ("candle", {"place": "mirror"}),
    ("boot", {"place": "sidewalk"}),
    ("glasses", {"place": "beach"}),
    ("dog", {"place": "eiffel"}),
    ("stuffed animal", {"place": "blue house"}),
    ("cat", {"place": "wheat field"}),
    ("dog", {"place": "sunflowers"}),
    ("backpack", {"place": "snow", "colour": "purple"}),
    ("teapot", {"place": "cobblestones", "colour": "red"}),
    ("vase", {"place": "jungle", "colour": "blue"}),
    ("sneaker", {"place": "autumn", "colour": "green"}),
    ("clock", {"place": "sunflowers", "colour": "yellow"}),
    ("toy", {"place": "beach", "colour": "pink"}),
    ("dog", {"place": "jungle", "property": "red"}),
    ("cat", {"place": "wooden floor", "property": "purple"}),
    ("teapot", {"property": "shiny"}),
    ("dog", {"property": "wet"}),
    ("cat", {"property": "cube"}),
    ("dog", {"accessory": "red hat"}),
    ("stuffed animal", {"accessory": "santa hat", "place": "snow"}),
    ("cat", {"accessory": "pink glasses"}),
    ("toy", {"accessory": "black top hat"}),
    ("dog", {"accessory": "rainbow scarf", "place": "city"}),
    ("cat", {"accessory": "top hat and monocle"}),
    ("dog", {"accessory": "chef outfit"}),
    ("dog", {"accessory": "firefighter outfit"}),
    ("cat", {"accessory": "police outfit"}),
    ("stuffed animal", {"accessory": "wizard outfit"}),
    ("cat", {"accessory": "yellow shirt", "place": "beach"}),
    ("teapot", {"material": "gold"}),
    ("cat", {"material": "stone"}),
    ("vase", {"material": "glass"}),
    ("boot", {"material": "wood"}),
    ("dog", {"style": "watercolour"}),
    ("dog", {"style": "sketch"}),
    ("cat", {"style": "stained glass"}),
    ("dog", {"style": "van gogh"}),
    ("teapot", {"style": "pointillism"}),
    ("cat", {"style": "woodblock"}),
    ("stuffed animal", {"style": "statue"}),
    ("sneaker", {"style": "pixel art"}),
    ("dog", {"view": "side"}),
    ("dog", {"view": "behind"}),
    ("cat", {"view": "above"}),
    ("teapot", {"view": "behind"}),
    ("dog", {"mood": "happy"}),
    ("cat", {"mood": "angry"}),
    ("dog", {"mood": "sleeping"}),
    ("dog", {"cross": "lion"}),
    ("cat", {"cross": "panda"}),
)


def asked(known: frozenset[str] = frozenset()) -> list[Asked]:
    """All that the sheets ask, the held-back ones first; only what `known` words can say."""
    held_back = [
        (noun, {"place" if other in PLACE_WORDS else "accessory": other})
        for noun, other in sorted(HELD_BACK)
    ]
    every = [*held_back, *ORDINARY]
    return [each for each in every if understood(plain(*each), known)]


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
    for start in range(0, len(texts), COLUMNS):
        batch = list(texts[start : start + COLUMNS])
        noise = [torch.Generator().manual_seed(seed + start + i) for i in range(len(batch))]
        drawn += pipeline(
            batch, num_inference_steps=steps, guidance_scale=guidance, generator=noise
        ).images
    return drawn


def save(images: Sequence[Image.Image], texts: Sequence[str], path: Path) -> None:
    """Write the pictures above their prompts as one WebP."""
    rows = sheets.in_rows(list(zip(images, texts, strict=True)), COLUMNS)
    page = sheets.page([("", row) for row in rows], cell=images[0].width)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, quality=82, method=6)
    print(f"{len(images)} pictures in {path}")


def main() -> None:
    """Draw both sheets for an exported model."""
    parser = argparse.ArgumentParser(prog="python -m booth.toybox.sheet", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("assets/toybox"))
    parser.add_argument("--out", type=Path, default=Path("assets/pictures/toybox.webp"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    choices = parser.parse_args()
    pipeline = StableDiffusionPipeline.from_pretrained(choices.model, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    every = asked(catalogue.find(str(choices.model)).words)
    texts = [plain(*each) for each in every]
    images = pictures(pipeline, texts, choices.steps, choices.guidance, choices.seed)
    save(images, texts, choices.out)
    scenes = [scene_of(*each, FIRST_SEED + 500 + n) for n, each in enumerate(every)]
    world = [Image.fromarray(draw(shown, images[0].width)) for shown in scenes]
    save(world, texts, choices.out.with_stem(f"{choices.out.stem}_world"))


if __name__ == "__main__":
    main()
