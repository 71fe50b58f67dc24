"""CLIP at Toybox's size: an image tower and a text tower that meet in one space.

Trained on renders and captions written anew each time, with the contrastive loss of Radford et al.
2021 (figure 3). Two captions of one batch may fit the same render; that only makes the loss larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import CLIPTextModelWithProjection, CLIPTokenizer

from booth.toybox.captions import caption
from booth.toybox.denoiser import text_config
from booth.toybox.judges import lessons, shelf
from booth.toybox.judges.eye import FEATURES, SIZE, Eye, Pictures, pixels_of, rough_up
from booth.toybox.scene import random_scene
from booth.toybox.training import Plan
from booth.toybox.vocabulary import build_tokenizer, caption_sample

WIDTH, LAYERS, SPACE = 128, 2, 128


class Clip(nn.Module):
    """Two towers; `image` and `text` give unit vectors (n, SPACE)."""

    def __init__(self, tokenizer: CLIPTokenizer, size: int = SIZE) -> None:
        super().__init__()
        self.tokenizer, self.size = tokenizer, size
        self.eye, self.project = Eye(), nn.Linear(FEATURES, SPACE, bias=False)
        self.words = CLIPTextModelWithProjection(text_config(tokenizer, WIDTH, LAYERS, SPACE))
        self.scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))

    def image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Where pictures lie."""
        return functional.normalize(self.project(self.eye(pixels)))

    def text(self, sentences: Sequence[str]) -> torch.Tensor:
        """Where sentences lie."""
        told = self.tokenizer(
            list(sentences), padding=True, truncation=True, return_tensors="pt"
        ).to(lessons.device_of(self))
        return functional.normalize(self.words(**told).text_embeds)

    @torch.no_grad()
    def look(self, pictures: Pictures | Sequence[Any]) -> torch.Tensor:
        """Embeddings of pictures, (n, SPACE) on the CPU."""
        batches = [pictures[i : i + 64] for i in range(0, len(pictures), 64)]
        device = lessons.device_of(self)
        seen = [self.image(pixels_of(batch, self.size).to(device)) for batch in batches]
        return torch.cat(seen).cpu()

    @torch.no_grad()
    def read(self, sentences: Sequence[str]) -> torch.Tensor:
        """Embeddings of sentences, (n, SPACE) on the CPU."""
        batches = [sentences[i : i + 64] for i in range(0, len(sentences), 64)]
        return torch.cat([self.text(batch) for batch in batches]).cpu()


def contrast(images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The symmetric contrastive loss of pairs of unit vectors (n, space); `scale` multiplies."""
    logits = scale * images @ texts.T
    truth = torch.arange(len(images), device=images.device)
    right = functional.cross_entropy(logits, truth) + functional.cross_entropy(logits.T, truth)
    return right / 2


def train(work: Path, plan: Plan, start: Path | None = None) -> tuple[Clip, int]:
    """Train both towers on the renders in `work`; returns them and the steps they took.

    They begin anew, or as those in the folder `start`.
    """
    torch.manual_seed(0)
    pictures = lessons.training_pictures(work)
    clip = (
        load(start).requires_grad_(True) if start else new(work, len(pictures), pictures.shape[1])
    )

    def batch(rng: np.random.Generator, random: torch.Generator) -> torch.Tensor:
        chosen = np.sort(rng.choice(len(pictures), min(plan.batch, len(pictures)), replace=False))
        pixels = pixels_of(pictures[chosen], clip.size).to(lessons.device_of(clip))
        said = [caption(random_scene(int(i)), rng) for i in chosen]
        scale = clip.scale.exp().clamp(max=100)
        return contrast(clip.image(rough_up(pixels, random)), clip.text(said), scale)

    return clip, lessons.learn(clip, batch, work / "clip.pt", plan)


def new(work: Path, count: int, size: int) -> Clip:
    """Two towers that have learnt nothing yet, with words from captions of `count` scenes."""
    clip = Clip(_tokenizer(work, count), size)
    lessons.to_device(clip)
    return clip


def _tokenizer(work: Path, count: int) -> CLIPTokenizer:
    """The judge's own words, learnt on first use; it needs no rare end."""
    folder = work / "clip_tokenizer"
    if not (folder / "tokenizer.json").exists():
        build_tokenizer(caption_sample(min(4000, count)), rare=0).save_pretrained(folder)
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
    return tokenizer


def examine(clip: Clip, work: Path, count: int) -> dict[str, Any]:
    """How often an unseen render's own caption is the nearest of `chance` captions, in 0..1."""
    pictures = lessons.rendered(work, "unseen", lessons.unseen_scene, count, clip.size)
    rng = np.random.default_rng(7)
    said = [caption(lessons.unseen_scene(number), rng) for number in range(count)]
    alike = clip.look(pictures) @ clip.read(said).T
    group = min(50, count)
    hits = [
        alike[row, start : start + group].argmax().item() == row - start
        for start in range(0, count - group + 1, group)
        for row in range(start, start + group)
    ]
    own, others = alike.diagonal(), alike[~torch.eye(count, dtype=torch.bool)]
    return {
        "unseen renders": count,
        "own caption nearest": sum(hits) / len(hits),
        "among captions": group,
        "cosine with own caption": own.mean().item(),
        "cosine with another's": others.mean().item(),
    }


def save(clip: Clip, folder: Path) -> None:
    """Write both towers and the tokenizer into `folder`."""
    shelf.put(clip, folder, {"size": clip.size})
    clip.tokenizer.save_pretrained(folder / "tokenizer")


def load(folder: Path) -> Clip:
    """The towers in `folder`, ready to look and read."""
    config = shelf.config_of(folder)
    clip = Clip(CLIPTokenizer.from_pretrained(folder / "tokenizer"), config["size"])
    shelf.fill(clip, folder)
    lessons.to_device(clip)
    return clip
