"""The DreamBooth loop: instance loss + prior-preservation loss (Ruiz et al. 2022, section 3)."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from diffusers import DDPMScheduler
from PIL import Image

from booth import checkpoints, generation
from booth.config import SamplingConfig, TrainingConfig
from booth.errors import BoothError, CheckpointError
from booth.events import Event, Loss, Picture, Preview, Saved
from booth.models import Parts

MAX_GRAD_NORM = 1.0


def dreambooth_loss(
    prediction: torch.Tensor,
    target: torch.Tensor,
    is_prior: torch.Tensor,
    prior_loss_weight: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two terms of Eq. 2: (instance, prior_loss_weight * prior); their sum is the loss.

    `prediction` and `target` are (batch, channels, height, width); `is_prior` (batch,) says
    which items are prior images. Each term is the mean squared error over its own items, and
    zero when it has none.
    """
    per_item = (prediction - target).square().mean(dim=(1, 2, 3))  # (batch,)
    instance = per_item[~is_prior].mean() if (~is_prior).any() else per_item.new_zeros(())
    prior = per_item[is_prior].mean() if is_prior.any() else per_item.new_zeros(())
    return instance, prior_loss_weight * prior


@dataclass(frozen=True)
class Examples:
    """What the model learns from, encoded once: VAE moments (mean and log-variance) of images.

    Shapes (images, 2 * latent channels, height, width); `prior` is None without priors.
    """

    instance: torch.Tensor
    prior: torch.Tensor | None
    prompts: tuple[str, str]  # "a [V] [class noun]" and "a [class noun]"
    fingerprint: str  # of the instance images' pixels

    @staticmethod
    def encode(
        parts: Parts,
        instance: Sequence[Image.Image],
        prior: Sequence[Image.Image],
        prompts: tuple[str, str],
    ) -> Examples:
        """Encode square RGB images with the model's VAE."""
        digest = hashlib.sha256(b"".join(image.tobytes() for image in instance))
        return Examples(
            instance=encode_images(parts, instance),
            prior=encode_images(parts, prior) if prior else None,
            prompts=prompts,
            fingerprint=digest.hexdigest()[:16],
        )


@dataclass(frozen=True)
class Batch:
    """One step's items, instance images first. Everything random in a step is in here."""

    latents: torch.Tensor  # (batch, channels, height, width), x of Eq. 2
    noise: torch.Tensor  # epsilon, the same shape
    timesteps: torch.Tensor  # (batch,), t and t'
    is_prior: torch.Tensor  # (batch,) bool


def draw(
    examples: Examples, config: TrainingConfig, step: int, factors: tuple[float, int]
) -> Batch:
    """The batch of a step, a function of (seed, step) alone; so a resumed run draws the same.

    `factors` are the VAE's scaling factor and the number of diffusion timesteps. Latents are
    sampled anew from the cached moments. Everything is drawn on the CPU, whatever the device.
    """
    scaling, timesteps = factors
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    size = config.batch_size
    moments = examples.instance[_turn(len(examples.instance), size, step, config.seed)]
    if examples.prior is not None:
        chosen = _turn(len(examples.prior), size, step, config.seed + 1)
        moments = torch.cat([moments, examples.prior[chosen]])
    mean, log_variance = moments.chunk(2, dim=1)
    spread = torch.exp(0.5 * log_variance.clamp(-30, 20))
    device = moments.device
    latents = mean + spread * torch.randn(mean.shape, generator=generator).to(device)
    noise = torch.randn(mean.shape, generator=generator).to(device)
    times = torch.randint(timesteps, (len(mean),), generator=generator).to(device)
    is_prior = torch.arange(len(mean), device=device) >= size
    return Batch(latents * scaling, noise, times, is_prior)


class Learner:
    """The model while it learns: what is trained, with which optimizer, in which precision."""

    def __init__(self, parts: Parts, examples: Examples, config: TrainingConfig) -> None:
        self.parts, self.examples, self.config = parts, examples, config
        self.schedule = DDPMScheduler.from_config(parts.scheduler)
        self.trained: dict[str, Any] = {"unet": parts.unet}
        if config.train_text_encoder:
            self.trained["text_encoder"] = parts.text_encoder
        for module in self.trained.values():
            module.requires_grad_(True).train()
        _place(parts, config)
        with torch.no_grad():
            self._context = generation.encode(parts, examples.prompts)
        precision = "no" if config.precision == "fp32" else config.precision
        AcceleratorState._reset_state(reset_partial_state=True)  # it remembers the last training
        self.accelerator = Accelerator(mixed_precision=precision, cpu=parts.device.type == "cpu")
        self.weights = [w for module in self.trained.values() for w in module.parameters()]
        self.optimizer = self.accelerator.prepare(_optimizer(self.weights, config))
        for name, module in self.trained.items():
            self.trained[name] = self.accelerator.prepare(module)

    def learn(self, batch: Batch) -> tuple[float, float]:
        """One optimizer step on Eq. 2; returns its two terms."""
        noisy = self.schedule.add_noise(batch.latents, batch.noise, batch.timesteps)
        context = self._contexts()[batch.is_prior.long()]  # (batch, tokens, width)
        prediction = self.trained["unet"](noisy, batch.timesteps, context).sample
        instance, prior = dreambooth_loss(
            prediction.float(),
            self._target(batch).float(),
            batch.is_prior,
            self.config.prior_loss_weight,
        )
        self.accelerator.backward(instance + prior)
        self.accelerator.clip_grad_norm_(self.weights, MAX_GRAD_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return instance.item(), prior.item()

    def state(self) -> tuple[checkpoints.Tensors, dict[str, Any]]:
        """All trained tensors by name, and the optimizer's state."""
        weights = {
            f"{name}.{key}": tensor
            for name, module in self.trained.items()
            for key, tensor in self.accelerator.unwrap_model(module).state_dict().items()
        }
        return weights, self.optimizer.state_dict()

    def restore(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Go back to a saved state, exactly."""
        apply(self.parts, checkpoint.weights)
        self.optimizer.load_state_dict(checkpoint.optimizer)

    def _target(self, batch: Batch) -> torch.Tensor:
        """What the UNet should predict: the noise, or the velocity (v_prediction)."""
        if self.schedule.config.prediction_type == "v_prediction":
            return self.schedule.get_velocity(batch.latents, batch.noise, batch.timesteps)
        return batch.noise

    def _contexts(self) -> torch.Tensor:
        """Embeddings (2, tokens, width) of the two prompts: cached, unless they are learnt."""
        if self.config.train_text_encoder:
            return generation.encode(self.parts, self.examples.prompts)
        return self._context


@dataclass(frozen=True)
class Rehearsal:
    """The pictures taken while training: fixed (prompt, text to show) pairs, fixed seeds."""

    prompts: Sequence[tuple[str, str]]
    sampling: SamplingConfig
    seed: int = 0


def train(
    learner: Learner, folder: Path, facts: dict[str, Any], rehearsal: Rehearsal
) -> Generator[Event]:
    """Train for `config.steps` steps, going on from the newest checkpoint in `folder` if any.

    Yields a `Loss` at every step, `Preview`s and `Saved` checkpoints when they are due. Closing
    the generator saves a checkpoint first. `facts` identify the run: a checkpoint with others
    raises `CheckpointError`. Raises `BoothError` when the loss is no longer a number.
    """
    config = learner.config
    step = _resume(learner, folder, facts)
    saved = step
    factors = (
        float(learner.parts.vae.config.scaling_factor),
        int(learner.schedule.config.num_train_timesteps),
    )
    try:
        if step == 0:
            yield from _previews(learner, rehearsal, step)
        while step < config.steps:
            started = time.perf_counter()
            batch = draw(learner.examples, config, step, factors)
            instance, prior = learner.learn(batch)
            step += 1
            if not math.isfinite(instance + prior):
                raise _astray(step)
            seconds = time.perf_counter() - started
            shown = prior if config.uses_priors else None
            yield Loss(step, config.steps, instance, shown, seconds)
            if step % config.checkpoint_every == 0 or step == config.steps:
                path = checkpoints.save(folder, step, *learner.state(), facts)
                saved = step
                yield Saved(step, str(path))
            if config.preview_every and (step % config.preview_every == 0 or step == config.steps):
                yield from _previews(learner, rehearsal, step)
    except GeneratorExit:
        if step > saved:
            checkpoints.save(folder, step, *learner.state(), facts)
        raise


@torch.no_grad()
def encode_images(parts: Parts, images: Sequence[Image.Image]) -> torch.Tensor:
    """VAE moments (images, 2 * channels, height, width) of square RGB images."""
    moments = []
    for image in images:
        pixels = torch.from_numpy(np.asarray(image, dtype=np.float32)) / 127.5 - 1
        pixels = pixels.permute(2, 0, 1)[None].to(parts.device, parts.vae.dtype)
        with parts.autocast():
            moments.append(parts.vae.encode(pixels).latent_dist.parameters.float())
    return torch.cat(moments)


def apply(parts: Parts, weights: checkpoints.Tensors) -> None:
    """Put trained tensors, named as `Learner.state` names them, into the model."""
    for name, module in (("unet", parts.unet), ("text_encoder", parts.text_encoder)):
        own = {
            k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(name + ".")
        }
        if own:
            module.load_state_dict(own)


def _resume(learner: Learner, folder: Path, facts: dict[str, Any]) -> int:
    checkpoint = checkpoints.latest(folder)
    if checkpoint is None:
        return 0
    changed = sorted(k for k in facts if checkpoint.facts.get(k) != facts[k])
    if changed:
        raise CheckpointError(
            f"The checkpoint belongs to other {', '.join(changed)} than you have now.",
            "Start a new training; the old one stays where it is.",
        )
    learner.restore(checkpoint)
    return checkpoint.step


def _previews(learner: Learner, rehearsal: Rehearsal, step: int) -> Generator[Event]:
    """The fixed pictures of the model as it stands after `step` steps."""
    if not learner.config.preview_every:
        return
    asked = [(prompt, rehearsal.seed + n) for n, (prompt, _) in enumerate(rehearsal.prompts)]
    number = 0
    for event in generation.generate(learner.parts, asked, rehearsal.sampling):
        if isinstance(event, Picture):
            facts = {"index": number, "shown": rehearsal.prompts[number][1], "step": step}
            yield Preview({**event.recipe, **facts}, event.image, step=step)
            number += 1


def _turn(count: int, size: int, step: int, seed: int) -> torch.Tensor:
    """Which `size` of `count` images have their turn: each once per round, in a new order."""
    places = range(step * size, step * size + size)
    return torch.tensor([_order(count, place // count, seed)[place % count] for place in places])


def _order(count: int, turn: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed * 7_919 + turn)
    return list(torch.randperm(count, generator=generator).tolist())


def _optimizer(weights: list[torch.nn.Parameter], config: TrainingConfig) -> Any:
    if config.optimizer == "adamw8bit":
        from bitsandbytes.optim import AdamW8bit

        return AdamW8bit(weights, lr=config.learning_rate)
    return torch.optim.AdamW(weights, lr=config.learning_rate)


def _place(parts: Parts, config: TrainingConfig) -> None:
    """The settings that save memory or time and leave the mathematics alone."""
    if config.gradient_checkpointing:
        parts.unet.enable_gradient_checkpointing()
    if config.attention == "xformers":
        parts.unet.enable_xformers_memory_efficient_attention()


def _astray(step: int) -> BoothError:
    return BoothError(
        f"Training went astray at step {step}: the loss is no longer a number.",
        "Train the subject again with a lower learning rate.",
    )
