"""The DreamBooth loop: instance loss + prior-preservation loss (Ruiz et al. 2022, section 3)."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from booth import checkpoints, generation, graphs
from booth.config import SamplingConfig, TrainingConfig, to_dict
from booth.errors import BoothError, CheckpointError
from booth.events import Event, Loss, Notice, Picture, Preview, Saved
from booth.examples import Batch, draw
from booth.learner import Learner


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
    instance, prior = (
        (per_item * of_term).sum() / of_term.sum().clamp(min=1) for of_term in (~is_prior, is_prior)
    )
    return instance, prior_loss_weight * prior


def learn(learner: Learner, batch: Batch) -> torch.Tensor:
    """One optimizer step on Eq. 2; returns its two terms as a tensor (2,), still on the device."""
    prediction, target = learner.predict(batch)
    weight = learner.config.prior_loss_weight
    instance, prior = dreambooth_loss(prediction, target, batch.is_prior, weight)
    learner.update(instance + prior)
    return learner.shared(torch.stack([instance, prior]).detach())


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

    Yields the mean `Loss` every `config.read_loss_every` steps (a card waits while it is read),
    `Preview`s and `Saved` checkpoints when they are due. Closing the generator saves a checkpoint
    first. `facts` identify the run: a checkpoint with others raises `CheckpointError`. When the
    loss or a weight is no longer a number, it goes back to the last checkpoint and halves the
    learning rate, once; the second time it raises `BoothError`.
    """
    config = learner.config
    steps = graphs.Steps(learner, lambda batch: learn(learner, batch))
    step = saved = _resume(learner, folder, facts)
    losses: list[torch.Tensor] = []  # of the steps since the last look
    looked = time.perf_counter()
    try:
        if step == 0:
            yield from _previews(learner, rehearsal, step)
        while step < config.steps:
            batch = draw(learner.examples, config, step, learner.factors, learner.share)
            learner.approach(step)
            losses.append(steps(batch))
            step += 1
            if not _time_to_look(step, config):
                continue
            yield from steps.notices()
            told = _told(losses, step, config, looked)
            sound = math.isfinite(told.instance + (told.prior or 0))
            if not sound or (_due(config.checkpoint_every, step, config) and not learner.sound()):
                step = saved = _retreat(learner, folder, step)
                steps.forget()
                yield Notice(f"It went astray, and goes on from step {step} at half the speed.")
            else:
                yield told
                if _due(config.checkpoint_every, step, config) and learner.leads:
                    path = checkpoints.save(folder, step, *learner.state(), facts)
                    saved = step  # before the yield: whoever stops here has it already
                    yield Saved(step, str(path))
                if _due(config.preview_every, step, config):
                    yield from _previews(learner, rehearsal, step)
            losses, looked = [], time.perf_counter()
    except GeneratorExit:
        if step > saved and learner.leads:
            checkpoints.save(folder, step, *learner.state(), facts)
        raise


def _due(every: int, step: int, config: TrainingConfig) -> bool:
    """Whether something that happens `every` steps and at the end happens now; 0 means never."""
    return every > 0 and (step % every == 0 or step == config.steps)


def _time_to_look(step: int, config: TrainingConfig) -> bool:
    """Whether the losses are read now: when that is due, or before anything is kept or shown."""
    occasions = (config.read_loss_every, config.checkpoint_every, config.preview_every)
    return any(_due(every, step, config) for every in occasions)


def _told(losses: list[torch.Tensor], step: int, config: TrainingConfig, since: float) -> Loss:
    """The mean of the losses since the last look; reading it waits for the device."""
    instance, prior = torch.stack(losses).mean(dim=0).tolist()
    seconds = (time.perf_counter() - since) / len(losses)
    return Loss(step, config.steps, instance, prior if config.uses_priors else None, seconds)


def _resume(learner: Learner, folder: Path, facts: dict[str, Any]) -> int:
    checkpoint = checkpoints.latest(folder)
    if checkpoint is None:
        return 0
    kept = _completed(checkpoint.facts)
    changed = sorted(k for k in facts if kept.get(k) != facts[k])
    if changed:
        raise CheckpointError(
            f"The checkpoint belongs to other {', '.join(changed)} than you have now.",
            "Start a new training; the old one stays where it is.",
        )
    learner.restore(checkpoint)
    return checkpoint.step


def _completed(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts of a checkpoint, with settings that are younger than it at their defaults."""
    return {**facts, "settings": {**to_dict(TrainingConfig()), **facts.get("settings", {})}}


def _retreat(learner: Learner, folder: Path, step: int) -> int:
    """Go back to the last checkpoint at half the learning rate; returns its step.

    Raises when there is none, or when the learning rate was halved before.
    """
    checkpoint = checkpoints.latest(folder)
    if checkpoint is None or learner.learning_rate < learner.config.learning_rate:
        raise BoothError(
            f"Training went astray at step {step}: the loss is no longer a number.",
            "Train the subject again with a lower learning rate.",
        )
    learner.restore(checkpoint)
    learner.learning_rate = learner.config.learning_rate / 2
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
