"""Pictures taken for the score, each kept under a name that follows from how it was made.

A picture that is there already is not taken again, so the score goes on where it was stopped,
and nothing old is ever mistaken for an answer to a new prompt.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from booth import disk, generation
from booth.config import SamplingConfig, to_dict
from booth.events import Picture
from booth.models import Parts

SECONDS = "seconds.json"


def digest(value: Any) -> str:
    """16 hexadecimal digits that follow from a JSON-ready value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def take(
    parts: Callable[[], Parts],
    asked: Sequence[tuple[str, int]],
    sampling: SamplingConfig,
    folder: Path,
) -> list[Image.Image]:
    """One picture for every (prompt, seed), in order; those missing in `folder` are taken now.

    `parts` loads or trains the model, and is called only when a picture is missing.
    """
    recipes = [{"prompt": prompt, "seed": seed, **to_dict(sampling)} for prompt, seed in asked]
    paths = [folder / f"{digest(recipe)}.png" for recipe in recipes]
    missing = [(pair, path) for pair, path in zip(asked, paths, strict=True) if not path.exists()]
    if missing:
        _fill(parts(), missing, sampling, folder / SECONDS)
    return [Image.open(path).convert("RGB") for path in paths]


def _fill(
    parts: Parts,
    missing: Sequence[tuple[tuple[str, int], Path]],
    sampling: SamplingConfig,
    seconds: Path,
) -> None:
    waiting = iter([path for _, path in missing])
    last = time.perf_counter()
    for event in generation.generate(parts, [pair for pair, _ in missing], sampling):
        if isinstance(event, Picture) and event.image is not None:
            disk.write_image(next(waiting), event.image, event.recipe)
            _count(seconds, time.perf_counter() - last)
            last = time.perf_counter()


def seconds_per_picture(folder: Path) -> float:
    """The mean time a picture in `folder` took, with its share of everything around it."""
    kept = disk.read_json(folder / SECONDS)
    return float(kept["seconds"] / kept["pictures"])


def _count(path: Path, seconds: float) -> None:
    before = disk.read_json(path) if path.exists() else {"pictures": 0, "seconds": 0.0}
    after = {"pictures": before["pictures"] + 1, "seconds": before["seconds"] + seconds}
    disk.write_json(path, after)
