"""The gate: a speed counts only for a loop that computes what plain DreamBooth computes.

`plain` below is the method written down once more, in float32, with nothing clever: pixels
through the VAE, a sample of its moments, noise added, the UNet, two mean squared errors, the
gradient clipped, AdamW. It follows the very images, noises and timesteps that ours draws. Ours
walks the road of a training, with a copy that encodes in half precision on a card. It passes
when its first losses and its final weights agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from booth import disk, models
from booth.bench import loop, ours
from booth.bench.plan import TRIALS, Plan, Variant
from booth.config import TrainingConfig
from booth.models import Parts

Weights = dict[str, torch.Tensor]
Begun = tuple[Parts, Iterable[float | torch.Tensor]]
"""The model that a loop trains, and the losses of its steps as they are asked for."""


@dataclass(frozen=True)
class Trace:
    """What a loop did: the loss of every step, and how far the weights came."""

    losses: list[float]  # instance + prior terms
    moved: Weights  # final weight - the model's own, in full precision, on the CPU


@dataclass(frozen=True)
class Tolerance:
    """How far from the plain loop ours may be.

    `weights` bounds |moved - plain's moved| / |plain's moved|, over all weights together. In
    float32 only the order of sums differs, about 1e-7 per operation. In half precision a
    gradient near zero can change its sign, and Adam's first steps are as long for it as for any
    other, so the weights' bound is wide there and the losses carry the proof.
    """

    losses: float  # relative, at every step
    weights: float  # relative


TOLERANCES = {
    "fp32": Tolerance(1e-5, 1e-3),  # the small model on a CPU: 6e-8 and 2e-5
    "bf16": Tolerance(1e-2, 0.5),  # the same: 5e-4 and 0.06; the full model has more to sum
    "fp16": Tolerance(1e-2, 0.5),  # eight times finer than bf16, but for its loss scaling
}


def prove(folder: Path, plan: Plan, options: dict[str, Any] | None = None) -> dict[str, Any]:
    """Train both on the scene in `folder`; write and return "ok", or what differs."""
    config = ours.config(plan, **(options or {}))
    reference = traced(folder, plan.gate_steps, lambda: plainly(folder, config))
    mine = traced(folder, plan.gate_steps, lambda: ours.begun(folder, config))
    tolerance = TOLERANCES[config.precision]
    verdict = {**compare(reference, mine, tolerance), "steps": plan.gate_steps}
    if plan.cuda:
        verdict["trials"] = {each.name: _tried(each, folder, config, reference) for each in TRIALS}
    disk.write_json(folder / "gate.json", verdict)
    return verdict


def _tried(trial: Variant, folder: Path, config: TrainingConfig, reference: Trace) -> str:
    """Whether a trial computes the same, or why it cannot run here."""
    asked = replace(config, **trial.options)
    try:
        mine = traced(folder, len(reference.losses), lambda: ours.begun(folder, asked))
    except RuntimeError as error:
        return f"failed: {error}"
    return str(compare(reference, mine, TOLERANCES[config.precision])["numerics"])


def traced(folder: Path, steps: int, begin: Callable[[], Begun]) -> Trace:
    """Run a loop on the model in `folder` for some steps."""
    own = _weights(models.load(folder / "model", here=torch.device("cpu")))
    parts, train = begin()
    try:
        losses = [float(loss) for loss in islice(train, steps)]
        moved = {name: weight - own[name] for name, weight in _weights(parts).items()}
    finally:
        del parts, train
        models.release()
    return Trace(losses, moved)


def compare(reference: Trace, mine: Trace, tolerance: Tolerance) -> dict[str, Any]:
    """Whether a trace agrees with the reference, and how nearly."""
    apart = [
        abs(a - b) / max(abs(b), 1e-12) for a, b in zip(mine.losses, reference.losses, strict=True)
    ]
    worst = max(apart, key=lambda x: math.inf if math.isnan(x) else x)
    weights = _norm(mine.moved, reference.moved) / max(_norm(reference.moved), 1e-30)
    problems = []
    if not worst <= tolerance.losses:  # NaN fails
        step = apart.index(worst) + 1
        problems.append(f"the loss of step {step} is off by {worst:.1e} of itself")
    if not weights <= tolerance.weights:
        problems.append(f"the weights' way is off by {weights:.1e} of itself")
    return {
        "numerics": f"failed: {'; '.join(problems)}" if problems else "ok",
        "loss_difference": worst,
        "weights_difference": weights,
        "loss_tolerance": tolerance.losses,
        "weights_tolerance": tolerance.weights,
    }


def plainly(folder: Path, config: TrainingConfig) -> Begun:
    """The model in float32, and the plain loop on it."""
    parts = models.load(folder / "model")
    return parts, plain(parts, folder, config)


def plain(parts: Parts, folder: Path, config: TrainingConfig) -> Iterable[float]:
    """DreamBooth, plainly (Ruiz et al. 2022, Eq. 2), in float32; yields the loss of each step."""
    torch.backends.cudnn.allow_tf32 = False
    unet = parts.unet.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=config.learning_rate, foreach=False)
    alphas = _alphas_cumprod(parts.scheduler).to(parts.device)
    photos, priors = ours.pictures(folder)
    examples = ours.encoded(parts, folder)
    for step in range(config.steps):
        chosen, batch = ours.drawn(parts, examples, config, step)
        size = config.batch_size
        images = [photos[n] for n in chosen[:size]] + [priors[n] for n in chosen[size:]]
        latents = _latents(parts, images, batch.latents)
        alpha = alphas[batch.timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * batch.noise
        text = loop.context(parts)
        context = torch.stack([text[int(prior)] for prior in batch.is_prior])
        error = (unet(noisy, batch.timesteps, context).sample - batch.noise).square()
        loss = error[:size].mean() + config.prior_loss_weight * error[size:].mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield loss.item()


def _latents(parts: Parts, images: list[Image.Image], noise: torch.Tensor) -> torch.Tensor:
    """A sample of the VAE's distribution for each image, with the given standard noise."""
    arrays = np.stack([np.asarray(image, dtype=np.float32) for image in images])
    pixels = torch.from_numpy(arrays / 127.5 - 1).permute(0, 3, 1, 2).to(parts.device)
    with torch.no_grad():
        found = parts.vae.encode(pixels).latent_dist
    return (found.mean + found.std * noise) * float(parts.vae.config.scaling_factor)


def _alphas_cumprod(scheduler: dict[str, Any]) -> torch.Tensor:
    """Signal left at each timestep: the "scaled linear" schedule of latent diffusion models."""
    assert scheduler["beta_schedule"] == "scaled_linear"
    ends = (scheduler["beta_start"] ** 0.5, scheduler["beta_end"] ** 0.5)
    betas = torch.linspace(*ends, scheduler["num_train_timesteps"], dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, dim=0)


def _weights(parts: Parts) -> Weights:
    return {name: w.detach().float().cpu().clone() for name, w in parts.unet.named_parameters()}


def _norm(weights: Weights, minus: Weights | None = None) -> float:
    total = 0.0
    for name, weight in weights.items():
        rest = weight if minus is None else weight - minus[name]
        total += float(rest.double().square().sum())
    return math.sqrt(total)
