"""The one place where the benchmark touches the booth's own training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from booth import graphs, models, training
from booth.bench.plan import PRIORS, PROMPTS, Plan
from booth.config import TrainingConfig
from booth.examples import Batch, Examples, View, draw
from booth.learner import Learner, exact
from booth.models import Parts


def train(folder: Path, plan: Plan, options: dict[str, Any]) -> Iterator[int]:
    """The steps of `booth train` on the scene in `folder`; each is yielded when it is asked."""
    _, losses = begun(folder, config(plan, **options))
    for number, _ in enumerate(losses, 1):
        yield number


def config(plan: Plan, **options: Any) -> TrainingConfig:
    """The settings a plan is measured with; `options` are fields of `TrainingConfig`."""
    numbers: dict[str, Any] = {
        "steps": 10**9,
        "resolution": plan.resolution,
        "precision": plan.precision,
        "learning_rate": plan.learning_rate,
        "prior_images": PRIORS,
        "preview_every": 0,
    }
    return TrainingConfig(**{**numbers, **options})


def begun(folder: Path, config: TrainingConfig) -> tuple[Parts, Iterator[torch.Tensor]]:
    """The model that learns, and the loss (both terms, summed) of one step after another.

    As in a training, a copy that suits the device has looked at the images before, and is gone.
    """
    parts = models.waiting(folder / "model", models.quick())
    examples = encoded(parts, folder)
    parts = exact(parts, config)
    models.release()
    return parts, _losses(parts, examples, config)


def _losses(parts: Parts, examples: Examples, config: TrainingConfig) -> Iterator[torch.Tensor]:
    learner = Learner(parts, examples, config)
    steps = graphs.Steps(learner, lambda batch: training.learn(learner, batch))
    for step in range(config.steps):
        learner.approach(step)
        yield steps(draw(examples, config, step, learner.factors)).sum()
        for notice in steps.notices():  # what is not recorded must not be timed as if it were
            raise RuntimeError(notice.text)


def drawn(
    parts: Parts, examples: Examples, config: TrainingConfig, step: int
) -> tuple[list[int], Batch]:
    """What ours draws at a step: which images, and the noises before any image is touched.

    Asked of `examples.draw` itself, with moments that give the answer away: with a mean of zero
    and a deviation of one its latents are the noise of the VAE, with the image's number as the
    mean and no deviation they are that number. So the plain loop of the gate can follow without
    knowing how the drawing is done.
    """
    ones = (1.0, factors(parts)[1])
    chosen = draw(_probe(examples, told=True), config, step, ones).latents
    numbers = chosen.mean(dim=(1, 2, 3)).round()
    batch = draw(_probe(examples, told=False), config, step, ones)
    return [int(number) for number in numbers], batch


def _probe(examples: Examples, told: bool) -> Examples:
    """Examples whose moments are each image's number (`told`), or standard noise."""

    def moments(own: torch.Tensor) -> torch.Tensor:
        zeros = torch.zeros_like(own)  # (images, views, 2 * channels, height, width)
        mean, log_variance = zeros.chunk(2, dim=2)
        numbers = torch.arange(len(own), device=own.device).view(-1, 1, 1, 1, 1).to(own)
        return torch.cat([mean + numbers, log_variance - 30], dim=2) if told else zeros

    assert examples.prior is not None
    return replace(examples, instance=moments(examples.instance), prior=moments(examples.prior))


def factors(parts: Parts) -> tuple[float, int]:
    """The VAE's scaling factor and the number of diffusion timesteps."""
    return float(parts.vae.config.scaling_factor), int(parts.scheduler["num_train_timesteps"])


def pictures(folder: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """The scene's photos and prior images."""
    return tuple(  # type: ignore[return-value]
        [Image.open(path).convert("RGB") for path in sorted((folder / name).iterdir())]
        for name in ("photos", "priors")
    )


def encoded(parts: Parts, folder: Path) -> Examples:
    """The scene's images as ours keeps them."""
    photos, priors = pictures(folder)
    return Examples.encode(parts, [[View.of(photo)] for photo in photos], priors, PROMPTS)
