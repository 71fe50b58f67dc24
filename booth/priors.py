"""The prior images of section 3.3: pictures of the class, made once by the frozen base model.

<home>/priors/<key>/bank.json           what the bank was made with
                    000000.png          picture n, small, to look at
                    000000.safetensors  its latent, to learn from: no decoding and encoding again

Picture n is made with seed `seed + n`, so a bank can grow, and an interrupted one goes on where
it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as tensors

from booth import disk, generation
from booth.config import SamplingConfig
from booth.errors import BoothError
from booth.events import Event, Notice, Picture, Progress
from booth.models import Parts

BATCH = {"cuda": 4, "mps": 4, "cpu": 8}  # prior images denoised together
SMALL = 256  # pixels, the longest side of the picture that is kept


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
) -> Generator[Event, None, torch.Tensor]:
    """The first `count` images of a bank under `root`; makes the missing ones, each kept at once.

    Returns their latents (count, channels, height, width) as the VAE's encoder would give them,
    on the CPU. `parts` must be the frozen base model of the bank (Ruiz et al. 2022, section 3.3:
    samples of the ancestral sampler for "a [class noun]"), in the precision that suits the
    device: a bank begun in half precision is not made again in float32.
    """
    folder = root / bank.key
    if not (folder / "bank.json").exists():
        disk.write_json(folder / "bank.json", asdict(bank))
    wanted = [folder / f"{number:06d}.safetensors" for number in range(count)]
    missing = [path for path in wanted if _latent(path) is None]
    asked = [(bank.prompt, bank.seed + int(path.stem)) for path in missing]
    if not missing:
        yield Notice(f'The {count} prior images of "{bank.prompt}" are already here.')
    else:
        parts.move(parts.device, "unet")
    size = BATCH[parts.device.type]
    for event in generation.generate(parts, asked, bank.sampling, size):
        if isinstance(event, Picture):
            _keep(folder / f"{event.recipe['seed'] - bank.seed:06d}", event)
        else:
            stage = f'Making {len(missing)} prior images of "{bank.prompt}"'
            yield Progress(stage, event.done, event.total)
    return torch.stack([latent for latent in map(_latent, wanted) if latent is not None])


def _keep(place: Path, picture: Picture) -> None:
    """Store a prior image; its latent comes last, and says that both are there."""
    assert picture.image is not None and picture.latent is not None
    if not picture.latent.isfinite().all():
        raise BoothError(
            "This base model makes no prior images here: its numbers overflow half precision.",
            "Choose another base model, or train without prior images.",
        )
    small = picture.image.copy()
    small.thumbnail((SMALL, SMALL))
    disk.write_image(place.with_suffix(".png"), small, picture.recipe)
    latent = {"latent": picture.latent.float().cpu().contiguous()}
    disk.write_bytes(place.with_suffix(".safetensors"), tensors.save(latent))


def _latent(path: Path) -> torch.Tensor | None:
    """The latent at `path`; None when it is not there or damaged, so that it is made again."""
    try:
        return tensors.load(path.read_bytes())["latent"]
    except (OSError, SafetensorError, KeyError):
        return None
