"""The prior images of section 3.3: pictures of the class, made once by the frozen base model.

<home>/priors/<key>/bank.json     what the bank was made with
                    000000.png    picture n is made with seed `seed + n`, so a bank can
                                  grow, and an interrupted one goes on where it stopped
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from booth import disk, generation
from booth.config import SamplingConfig
from booth.events import Event, Notice, Picture, Progress
from booth.models import Parts

BATCH = {"cuda": 16, "mps": 4, "cpu": 8}  # prior images denoised together


@dataclass(frozen=True)
class Bank:
    """Everything that decides what the prior images look like. The same bank, the same images."""

    base: str  # models.fingerprint of the base model
    prompt: str  # prompts.class_prompt
    sampling: SamplingConfig
    seed: int = 0

    @property
    def key(self) -> str:
        """The bank's folder name, the same for the same contents."""
        facts = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:24]


def ensure(
    root: Path, bank: Bank, parts: Parts, count: int
) -> Generator[Event, None, list[Image.Image]]:
    """The first `count` images of a bank under `root`; makes the missing ones, each kept at once.

    `parts` must be the frozen base model of the bank (Ruiz et al. 2022, section 3.3: samples of
    the ancestral sampler for "a [class noun]").
    """
    folder = root / bank.key
    if not (folder / "bank.json").exists():
        disk.write_json(folder / "bank.json", asdict(bank))
    wanted = [folder / f"{number:06d}.png" for number in range(count)]
    missing = [path for path in wanted if _open(path) is None]
    asked = [(bank.prompt, bank.seed + int(path.stem)) for path in missing]
    if not missing:
        yield Notice(f'The {count} prior images of "{bank.prompt}" are already here.')
    size = BATCH[parts.device.type]
    for event in generation.generate(parts, asked, bank.sampling, size):
        if isinstance(event, Picture):
            assert event.image is not None
            path = folder / f"{event.recipe['seed'] - bank.seed:06d}.png"
            disk.write_image(path, event.image, event.recipe)
        else:
            stage = f'Making {len(missing)} prior images of "{bank.prompt}"'
            yield Progress(stage, event.done, event.total)
    return [image for image in map(_open, wanted) if image is not None]


def _open(path: Path) -> Image.Image | None:
    """The image at `path`; None when it is not there or damaged, so that it is made again."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError):
        return None
