"""DreamBooth as diffusers' `train_dreambooth.py` means it, in our words, with switches.

With every switch off: a DataLoader that opens two image files per step in this process; the VAE
and the text encoder run at every step (under no_grad, which is kind to the script); the UNet in
float32 under accelerate's autocast; AdamW in many kernels; gradients clipped to 1; gradients set
to zero, not let go; the loss read back (`.item()`) at every step. The switches add what the booth
does otherwise, one rung of the ladder at a time; none changes the mathematics.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from diffusers import DDPMScheduler
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset

from booth import models
from booth.bench.plan import PROMPTS, RUNGS, Plan
from booth.learner import HALVES
from booth.models import Parts

READ_EVERY = 10  # steps between two readings of the loss, with `loss_read_late`


class Images(Dataset[dict[str, Any]]):
    """Pairs of a photo and a prior image: "pixels" (2, 3, height, width) from -1 to 1."""

    def __init__(self, folder: Path, in_memory: bool) -> None:
        self.photos, self.priors = (
            sorted((folder / name).iterdir()) for name in ("photos", "priors")
        )
        here = (*self.photos, *self.priors) if in_memory else ()
        self._kept = {path: _read(path) for path in here}

    def __len__(self) -> int:
        return max(len(self.photos), len(self.priors))

    def __getitem__(self, index: int) -> dict[str, Any]:
        pair = (self.photos[index % len(self.photos)], self.priors[index % len(self.priors)])
        pixels = [self._kept[path] if path in self._kept else _read(path) for path in pair]
        return {"pixels": torch.stack(pixels), "index": index}


class Pairs(Dataset[dict[str, Any]]):
    """The same pairs when their moments are known: their numbers only."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"index": index}


class Loop:
    """The model, its optimizer and its data, with some of the rungs switched on."""

    def __init__(self, folder: Path, plan: Plan, on: dict[str, bool]) -> None:
        assert set(on) <= set(RUNGS), on
        self.on, self.parts = on, models.load(folder / "model")
        precision = "no" if plan.precision == "fp32" else plan.precision
        self.accelerator = Accelerator(mixed_precision=precision, cpu=not plan.cuda)
        self.dtype = HALVES.get(plan.precision, torch.float32)
        for frozen in (self.parts.vae, self.parts.text_encoder):
            frozen.to(self.dtype)
        self._context = self._prompts() if on.get("text_once") else None
        images = Images(folder, in_memory=bool(on.get("images_in_memory")))
        self._moments = self._all_moments(images) if on.get("moments_once") else None
        unet = self.parts.unet.requires_grad_(True).train()
        fused = True if on.get("fused_adamw") else None  # None: torch takes foreach on a card
        optimizer = torch.optim.AdamW(unet.parameters(), lr=plan.learning_rate, fused=fused)
        data = images if self._moments is None else Pairs(len(images))
        loader = DataLoader(data, batch_size=1, shuffle=True)
        constant = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1)
        prepared = self.accelerator.prepare(unet, optimizer, loader, constant)
        self.unet, self.optimizer, self.loader, self.rate = prepared
        self.schedule = DDPMScheduler.from_config(self.parts.scheduler)

    def steps(self) -> Iterator[int]:
        """Train for ever, yielding the number of each step once the device was asked for it."""
        step = 0
        while True:
            for pair in self.loader:
                step += 1
                with self.accelerator.accumulate(self.unet):
                    loss = self._step(pair)
                if not self.on.get("loss_read_late") or step % READ_EVERY == 0:
                    loss.item()
                yield step

    def _step(self, pair: dict[str, torch.Tensor]) -> torch.Tensor:
        latents = self._latents(pair)
        noise = torch.randn_like(latents)
        steps = self.schedule.config.num_train_timesteps
        times = torch.randint(steps, (len(latents),), device=latents.device)
        noisy = self.schedule.add_noise(latents, noise, times)
        context = self._prompts() if self._context is None else self._context
        predicted = self.unet(noisy, times, context, return_dict=False)[0]
        mine, prior = predicted.float().chunk(2)
        my_noise, prior_noise = noise.float().chunk(2)
        loss = F.mse_loss(mine, my_noise) + 1.0 * F.mse_loss(prior, prior_noise)
        self.accelerator.backward(loss)
        if self.accelerator.sync_gradients:
            self.accelerator.clip_grad_norm_(self.unet.parameters(), 1.0)
        self.optimizer.step()
        self.rate.step()
        self.optimizer.zero_grad(set_to_none=False)
        return loss.detach()

    def _latents(self, pair: dict[str, torch.Tensor]) -> torch.Tensor:
        if self._moments is None:
            mean, deviation = self._encoded(pair["pixels"][0])
        else:
            mean, deviation = self._moments[int(pair["index"][0])]
        latents = mean + deviation * torch.randn_like(mean)
        return latents * self.parts.vae.config.scaling_factor

    def _encoded(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and deviations of the VAE's latents."""
        with torch.no_grad():
            found = self.parts.vae.encode(pixels.to(self.parts.device, self.dtype)).latent_dist
        return found.mean, found.std

    def _all_moments(self, images: Images) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [self._encoded(images[number]["pixels"]) for number in range(len(images))]

    def _prompts(self) -> torch.Tensor:
        return context(self.parts)


def context(parts: Parts) -> torch.Tensor:
    """The two prompts through tokenizer and text encoder, (2, tokens, width)."""
    ids = parts.tokenizer(
        list(PROMPTS), padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        return parts.text_encoder(ids.to(parts.device))[0]


def _read(path: Path) -> torch.Tensor:
    """An image file as pixels (3, height, width) from -1 to 1."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1
