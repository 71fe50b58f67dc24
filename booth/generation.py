"""Pictures from prompts: the denoising loop as a generator that yields as it goes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
)
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

from booth import conditions
from booth.config import SamplingConfig, to_dict
from booth.errors import out_of_memory
from booth.events import Picture, Progress
from booth.models import Parts
from booth.sizes import TILE

SAMPLERS: dict[str, Any] = {
    "dpm++": DPMSolverMultistepScheduler,
    "ancestral": EulerAncestralDiscreteScheduler,
    "ddim": DDIMScheduler,
}
BATCH = {"cuda": 4, "mps": 2, "cpu": 1}  # pictures denoised together


def generate(
    parts: Parts,
    asked: Sequence[tuple[str, int]],
    sampling: SamplingConfig,
    batch_size: int | None = None,
) -> Iterator[Progress | Picture]:
    """One picture for every (prompt, seed) of `asked`, yielded as soon as it is finished.

    Between pictures it yields the progress in denoising steps. A picture depends on its own
    prompt and seed alone, not on what else is asked for (up to rounding in larger batches).
    A batch for which the memory is too small is tried again in halves.
    """
    size, done = batch_size or BATCH[parts.device.type], 0
    while batch := asked[done : done + size]:
        try:
            latents = yield from denoise(parts, batch, sampling, (done, len(asked)))
        except (RuntimeError, MemoryError) as error:
            if len(batch) == 1 or not out_of_memory(error):
                raise
            size = len(batch) // 2
            continue
        done += len(batch)
        for (prompt, seed), latent in zip(batch, latents, strict=True):
            unscaled = latent / parts.vae.config.scaling_factor
            recipe = _recipe(prompt, seed, sampling)
            yield Picture(recipe, decode(parts, unscaled), latent=unscaled)


@torch.no_grad()
def denoise(
    parts: Parts,
    batch: Sequence[tuple[str, int]],
    sampling: SamplingConfig,
    place: tuple[int, int],
) -> Generator[Progress, None, torch.Tensor]:
    """Latents (batch, channels, height, width) for (prompt, seed) pairs, denoised from noise.

    Yields the progress after every step, in steps of one picture each; `place` is how many
    pictures came before, and how many there are in all.
    """
    scheduler = SAMPLERS[sampling.sampler].from_config(parts.scheduler)
    scheduler.set_timesteps(sampling.num_inference_steps, device=parts.device)
    guided = sampling.guidance_scale > 1
    words = [prompt for prompt, _ in batch]
    told = conditions.encode(parts, [""] * len(batch) + words if guided else words)
    told = told.at([conditions.whole(sampling.resolution)] * len(told.context))
    generators = [torch.Generator().manual_seed(seed) for _, seed in batch]
    side = sampling.resolution // parts.factor
    shape = (len(batch), parts.unet.config.in_channels, side, side)
    latents = randn_tensor(shape, generators, parts.device, torch.float32)
    latents = latents * scheduler.init_noise_sigma
    before, total = (pictures * len(scheduler.timesteps) for pictures in place)
    for done, t in enumerate(scheduler.timesteps, 1):
        doubled = torch.cat([latents, latents]) if guided else latents
        doubled = scheduler.scale_model_input(doubled, t).to(parts.unet.dtype)
        with parts.autocast():
            noise = parts.unet(doubled, t, **told.arguments).sample.float()
        if guided:
            without, with_prompt = noise.chunk(2)
            noise = without + sampling.guidance_scale * (with_prompt - without)
        latents = scheduler.step(noise, t, latents, generator=generators).prev_sample
        yield Progress("Taking pictures", before + done * len(batch), total)
    return latents


@torch.no_grad()
def decode(parts: Parts, latent: torch.Tensor) -> Image.Image:
    """The RGB picture of one of the VAE's own, unscaled latents (channels, height, width)."""
    with parts.at_hand(parts.vae), parts.vae_autocast():
        decoded = _decoded(parts, latent[None].to(parts.vae.dtype))
    pixels = decoded[0]  # (3, height, width) in -1..1
    levels = ((pixels.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def _decoded(parts: Parts, latents: torch.Tensor) -> torch.Tensor:
    """Pixels (1, 3, height, width) of latents; of a large picture that does not fit, in tiles."""
    vae, side = parts.vae, TILE // parts.factor
    try:
        whole: torch.Tensor = vae.decode(latents).sample
        return whole
    except (RuntimeError, MemoryError) as error:
        if max(latents.shape[2:]) <= side or not out_of_memory(error):
            raise
    vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, side
    vae.enable_tiling()
    try:
        tiled: torch.Tensor = vae.decode(latents).sample
        return tiled
    finally:
        vae.disable_tiling()  # photos are never encoded in tiles


def _recipe(prompt: str, seed: int, sampling: SamplingConfig) -> dict[str, Any]:
    return {"prompt": prompt, "seed": seed, **to_dict(sampling)}
