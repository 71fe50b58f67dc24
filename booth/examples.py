"""What the model learns from, encoded once, and which of it has its turn at which step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from booth.conditions import Size, whole
from booth.config import TrainingConfig
from booth.models import Parts

CERTAIN = -30.0  # the log-variance of what is known: diffusers' smallest


@dataclass(frozen=True)
class View:
    """A photo as the model will see it: a square RGB image, and what SDXL is told of its size."""

    image: Image.Image
    size: Size

    @staticmethod
    def of(image: Image.Image) -> View:
        """A square image seen whole."""
        return View(image, whole(image.width))


@dataclass(frozen=True)
class Examples:
    """VAE moments (mean and log-variance) of all images, and their prompts.

    Caching moments instead of latents lets every step sample anew, as if the VAE stood in the
    loop. Shapes are (images, views, 2 * latent channels, height, width) and, for sizes,
    (images, views, 6); `prior` is None without prior images, which have one view each.
    """

    instance: torch.Tensor
    instance_sizes: torch.Tensor
    prior: torch.Tensor | None
    prior_sizes: torch.Tensor | None
    prompts: tuple[str, ...]  # the label of all photos or one for each; last "a [class noun]"
    fingerprint: str  # of the instance images' pixels

    @staticmethod
    def encode(
        parts: Parts,
        instance: Sequence[Sequence[View]],
        prior: Sequence[Image.Image],
        prompts: tuple[str, ...],
    ) -> Examples:
        """Encode photos, each in one or several views, and prior images with the model's VAE.

        It computes in its own type: half precision on a card, unless that would overflow;
        moments are float32. `prompts` are one label for all photos or one for each, and last the
        class prompt; raises `ValueError` for another number of labels.
        """
        if len(prompts) not in (2, len(instance) + 1):
            raise ValueError(f"{len(prompts) - 1} labels for {len(instance)} photos")
        pixels = [view.image.tobytes() for views in instance for view in views]
        moments, sizes = _encode(parts, instance)
        others, other_sizes = (None, None)
        if prior:
            others, other_sizes = _encode(parts, [[View.of(image)] for image in prior])
        digest = hashlib.sha256(b"".join(pixels)).hexdigest()[:16]
        return Examples(moments, sizes, others, other_sizes, prompts, digest)

    def beside(self, parts: Parts, prior: torch.Tensor) -> Examples:
        """These photos beside prior images as latents (images, channels, height, width).

        They are those the frozen model sampled, which no decoding and encoding has blurred.
        """
        moments, sizes = _known(parts, prior)
        return replace(self, prior=moments, prior_sizes=sizes)


@dataclass(frozen=True)
class Batch:
    """One step's items, instance images first. Everything random in a step is in here."""

    latents: torch.Tensor  # (batch, channels, height, width), x of Eq. 2
    noise: torch.Tensor  # epsilon, the same shape
    timesteps: torch.Tensor  # (batch,), t and t', drawn separately
    sizes: torch.Tensor  # (batch, 6), see `conditions.Size`
    is_prior: torch.Tensor  # (batch,) bool
    prompts: torch.Tensor  # (batch,) which of the examples' prompts each goes by


def draw(
    examples: Examples,
    config: TrainingConfig,
    step: int,
    factors: tuple[float, int],
    share: tuple[int, int] = (0, 1),
) -> Batch:
    """The batch of a step, a function of (seed, step) alone; so a resumed run draws the same.

    `factors` are the VAE's scaling factor and the number of diffusion timesteps. Of `share`
    (rank, processes) each process takes its part of one batch drawn for all of them. Everything
    is drawn on the CPU, whatever the device, so that every machine draws the same.
    """
    scaling, timesteps = factors
    rank, processes = share
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    size = config.batch_size * processes
    moments, sizes, prompts = _chosen(examples, config.seed, step, size, generator)
    mean, log_variance = moments.chunk(2, dim=1)
    spread = torch.exp(0.5 * log_variance.clamp(CERTAIN, 20))
    device = moments.device
    latents = mean + spread * _to(torch.randn(mean.shape, generator=generator), device)
    noise = _to(torch.randn(mean.shape, generator=generator), device)
    times = _to(torch.randint(timesteps, (len(mean),), generator=generator), device)
    is_prior = _to(torch.arange(len(mean)) >= size, device)
    prompts = _to(prompts, device)
    mine = slice(rank, None, processes)
    rest = (tensor[mine] for tensor in (noise, times, sizes, is_prior, prompts))
    return Batch(latents[mine] * scaling, *rest)


def _chosen(
    examples: Examples, seed: int, step: int, size: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Moments, sizes and prompts of those whose turn it is: `size` photos, then as many priors."""
    photos = turn(len(examples.instance), size, step, seed)
    views = torch.randint(examples.instance.shape[1], (size,), generator=generator)
    moments, sizes = examples.instance[photos, views], examples.instance_sizes[photos, views]
    of_class = len(examples.prompts) - 1
    labels = photos.clamp(max=of_class - 1)
    if examples.prior is None or examples.prior_sizes is None:
        return moments, sizes, labels
    others = turn(len(examples.prior), size, step, seed + 1)
    return (
        torch.cat([moments, examples.prior[others, 0]]),
        torch.cat([sizes, examples.prior_sizes[others, 0]]),
        torch.cat([labels, torch.full_like(others, of_class)]),
    )


def turn(count: int, size: int, step: int, seed: int) -> torch.Tensor:
    """Which `size` of `count` images have their turn: each once per round, in a new order."""
    places = range(step * size, step * size + size)
    return torch.tensor([_order(count, place // count, seed)[place % count] for place in places])


def _order(count: int, round_: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed * 7_919 + round_)
    return list(torch.randperm(count, generator=generator).tolist())


def _to(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """To the device without waiting for it."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@torch.no_grad()
def _encode(parts: Parts, images: Sequence[Sequence[View]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Moments (images, views, 2 * channels, height, width) and sizes (images, views, 6)."""
    with parts.at_hand(parts.vae):
        rows = [torch.cat([_moments(parts, view.image) for view in views]) for views in images]
    sizes = torch.tensor([[view.size for view in views] for views in images], dtype=torch.float32)
    return torch.stack(rows), sizes.to(parts.device)


def _known(parts: Parts, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Moments and sizes, as `_encode` gives them, of latents known without any doubt."""
    mean = latents[:, None].to(parts.device)
    moments = torch.cat([mean, torch.full_like(mean, CERTAIN)], dim=2)
    size = whole(latents.shape[-1] * parts.factor)
    sizes = torch.tensor([[size]] * len(latents), dtype=torch.float32)
    return moments, sizes.to(parts.device)


def _moments(parts: Parts, image: Image.Image) -> torch.Tensor:
    """Moments (1, 2 * channels, height, width) of one image: one at a time fits every card."""
    pixels = _pixels(image)[None].to(parts.device, parts.vae.dtype)
    with parts.vae_autocast():
        told: torch.Tensor = parts.vae.encode(pixels).latent_dist.parameters
    return told.float()


def _pixels(image: Image.Image) -> torch.Tensor:
    """An RGB image as (3, height, width) in -1..1."""
    return (torch.from_numpy(np.asarray(image, dtype=np.float32)) / 127.5 - 1).permute(2, 0, 1)
