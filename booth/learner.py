"""The model while it learns: what is trained, in which precision, with which optimizer."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from diffusers import DDPMScheduler
from torch import nn

from booth import adapters, checkpoints, conditions, crew, kernels, models, optimizers
from booth.conditions import Conditions
from booth.config import TrainingConfig
from booth.errors import BoothError
from booth.examples import Batch, Examples
from booth.library import home
from booth.models import Parts

MAX_GRAD_NORM = 1.0
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Pupil(nn.Module):
    """Everything that is trained, as one module, so that data-parallel training sees it whole."""

    def __init__(self, parts: Parts, prompts: tuple[str, ...], config: TrainingConfig) -> None:
        super().__init__()
        text_too = config.train_text_encoder
        self.unet = parts.unet
        self.text_encoders = nn.ModuleList(parts.text_encoders if text_too else [])
        self._parts, self._prompts = parts, prompts
        # exact bfloat16 weights compute in their own type; others are cast as they are used
        self._half = None if config.exact_bf16 else HALVES.get(config.precision)
        self._cached: Conditions | None = None
        if not text_too:  # the prompts never change their meaning: embed them once
            with torch.no_grad():
                self._cached = conditions.encode(parts, prompts)

    def forward(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, prompts: torch.Tensor, sizes: Any
    ) -> torch.Tensor:
        """The UNet's prediction (batch, channels, height, width) for noisy latents."""
        with torch.autocast(noisy.device.type, self._half, enabled=self._half is not None):
            told = self._told(prompts).at(sizes)
            noisy = noisy.to(self.unet.dtype)
            prediction: torch.Tensor = self.unet(noisy, timesteps, **told.arguments).sample
        return prediction

    def _told(self, chosen: torch.Tensor) -> Conditions:
        """The prompts at the indices `chosen` (batch,); while they change, each encoded once."""
        if self._cached is not None:
            return self._cached[chosen]
        needed, places = chosen.unique(return_inverse=True)
        return conditions.encode(self._parts, [self._prompts[n] for n in needed.tolist()])[places]


class Learner:
    """A model with its optimizer: it predicts, and it moves its weights down a loss.

    `parts` may still lie on the CPU (see `exact`): what is frozen is halved there, masters are
    split there, and what learns comes to the best device piece by piece, already small. The
    other parts stay where they are and are taken there for the moment they are needed.
    """

    def __init__(self, parts: Parts, examples: Examples, config: TrainingConfig) -> None:
        self.parts, self.examples, self.config = parts, examples, config
        self.schedule = DDPMScheduler.from_config(parts.scheduler)
        self.factors = (
            float(parts.vae.config.scaling_factor),
            int(self.schedule.config.num_train_timesteps),
        )
        _lighten(parts, config)
        trained = unfreeze(parts, config)
        _place(parts, config)
        self.named = _named(trained)
        self.weights = list(self.named.values())
        self.learning_rate = config.learning_rate  # before the schedule: less once it went astray
        self.optimizer: Any = _optimizer(self.named, config)
        parts.move(models.device(), *trained)
        self.scale = optimizers.LossScale(parts.device) if config.precision == "fp16" else None
        self.accelerator = _accelerator(parts, config)
        self.share = (self.accelerator.process_index, self.accelerator.num_processes)
        self.pupil = self.accelerator.prepare(Pupil(parts, examples.prompts, config))

    def predict(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The model's prediction for a noised batch and what it should have been, float32."""
        noisy = self.schedule.add_noise(batch.latents, batch.noise, batch.timesteps)
        prediction = self.pupil(noisy, batch.timesteps, batch.prompts, batch.sizes)
        return prediction.float(), self._target(batch).float()

    def update(self, loss: torch.Tensor) -> None:
        """One optimizer step down the gradient of `loss`, clipped to a norm of 1.

        An optimizer that steps in backward has no gradients left to clip.
        """
        if self.scale is None:
            loss.backward()
            optimizers.clip(self.weights, MAX_GRAD_NORM)
            self.optimizer.step()
        else:
            self.scale.scaled(loss).backward()
            self.scale.unscale(self.weights)
            optimizers.clip(self.weights, MAX_GRAD_NORM)
            self.scale.step(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)

    @property
    def leads(self) -> bool:
        """Whether this process keeps and shows things; a process alone always does."""
        return bool(self.accelerator.is_main_process)

    def shared(self, numbers: torch.Tensor) -> torch.Tensor:
        """The mean of `numbers` over all processes that train together."""
        mean: torch.Tensor = self.accelerator.reduce(numbers, "mean")
        return mean

    def approach(self, step: int) -> None:
        """Set the learning rates for a step, as the config's schedule says."""
        rate = self.learning_rate * self.config.share_of_rate(step)
        factors = (1.0, self.config.text_encoder_factor)
        for group, factor in zip(self.optimizer.param_groups, factors, strict=False):
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor

    def sound(self) -> bool:
        """Whether every trained weight is a number; waits for the device."""
        return bool(torch.stack([w.isfinite().all() for w in self.weights]).all())

    def state(self) -> tuple[checkpoints.Tensors, dict[str, Any]]:
        """All trained tensors by name, exact and float32, and the optimizer's state."""
        weights = {
            name: optimizers.master(self.optimizer, weight).cpu()
            for name, weight in self.named.items()
        }
        state = self.optimizer.state_dict()
        state["param_groups"][0] |= {"kind": self._kind, "lr": self.learning_rate}
        if self.scale is not None:
            state["param_groups"][0]["loss_scale"] = self.scale.state_dict()
        return weights, state

    @torch.no_grad()
    def restore(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Go back to a saved state, exactly; another kind of optimizer starts with no memory."""
        for name, weight in self.named.items():
            optimizers.put(self.optimizer, weight, checkpoint.weights[name])
        groups = checkpoint.optimizer["param_groups"]
        self.learning_rate = groups[0]["lr"]
        if groups[0].pop("kind", self._kind) != self._kind:
            return
        scale = groups[0].pop("loss_scale", None)
        if self.scale is not None and scale is not None:
            self.scale.load_state_dict(scale)
        own_way = ("lr", "fused", "capturable")  # how it steps is for this run to say
        for group, own in zip(groups, self.optimizer.param_groups, strict=True):
            group |= {key: own[key] for key in own_way if key in own}
        self.optimizer.load_state_dict(checkpoint.optimizer)

    @torch.no_grad()
    def settle(self) -> None:
        """Training is over: what the optimizer kept beside the weights goes into them."""
        if self.config.exact_bf16:
            for weight in self.weights:
                weight.data = optimizers.master(self.optimizer, weight).half()

    @property
    def _kind(self) -> str:
        """What must agree for an optimizer's state to be continued."""
        return f"{self.config.optimizer}{' exact' if self.config.exact_bf16 else ''}"

    def _target(self, batch: Batch) -> torch.Tensor:
        """What the UNet should predict: the noise, or the velocity (v_prediction)."""
        if self.schedule.config.prediction_type == "v_prediction":
            return self.schedule.get_velocity(batch.latents, batch.noise, batch.timesteps)
        return batch.noise


def learns(part: str, config: TrainingConfig) -> bool:
    """Whether a part's own weights are trained; beside adapters none are."""
    text_too = config.train_text_encoder and part.startswith("text_encoder")
    return config.method == "full" and (part == "unet" or text_too)


def exact(parts: Parts, config: TrainingConfig) -> Parts:
    """The model to be trained instead of a copy in half precision; an exact one is that itself.

    It is read on the CPU: what learns in float32, what does not in half precision at once.
    """
    if parts.unet.dtype == torch.float32:
        return parts
    half = HALVES.get(config.precision, torch.float32)
    return models.load(parts.folder, half, torch.device("cpu"), lambda part: learns(part, config))


def unfreeze(parts: Parts, config: TrainingConfig) -> dict[str, Any]:
    """The modules that learn, by name, with gradients where they are wanted."""
    names = ("unet", *(parts.family.text_encoders if config.train_text_encoder else ()))
    trained = {name: parts.modules[name].train() for name in names}
    if config.method == "lora":
        adapters.add(trained, config)
    else:
        for module in trained.values():
            module.requires_grad_(True)
    return trained


@torch.no_grad()
def apply(parts: Parts, config: TrainingConfig, weights: checkpoints.Tensors) -> None:
    """Put trained tensors, named as `Learner.state` names them, into a model as it was loaded."""
    for name, weight in _named(unfreeze(parts, config)).items():
        weight.copy_(weights[name])


def _named(trained: dict[str, Any]) -> dict[str, nn.Parameter]:
    """The weights that learn, by the names they have in a checkpoint."""
    return {
        f"{name}.{key}": weight
        for name, module in trained.items()
        for key, weight in module.named_parameters()
        if weight.requires_grad
    }


def _optimizer(named: dict[str, nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer of all named weights; the text encoder's may learn at another rate."""
    weights: list[nn.Parameter] = []
    words: list[nn.Parameter] = []
    for name, weight in named.items():
        of_words = config.text_encoder_factor != 1 and name.startswith("text_encoder")
        (words if of_words else weights).append(weight)
    return optimizers.build(weights, config, models.device(), words)


def _accelerator(parts: Parts, config: TrainingConfig) -> Accelerator:
    """What makes several processes one; the arithmetic is left to `Pupil`."""
    if crew.size() > 1 and config.in_backward:
        raise BoothError(
            "Several processes have to exchange gradients before the weights are updated.",
            "Switch updating in backward off, or train in one process.",
        )
    # SDXL does not read the last layer of its first text encoder
    together = DistributedDataParallelKwargs(find_unused_parameters=config.train_text_encoder)
    return Accelerator(
        mixed_precision="no", cpu=parts.device.type == "cpu", kwargs_handlers=[together]
    )


def _lighten(parts: Parts, config: TrainingConfig) -> None:
    """Keep what is frozen in half precision, where computing is; not a VAE that would overflow."""
    for name, module in parts.modules.items():
        full = learns(name, config) or (name == "vae" and parts.full_vae)
        if not full and config.precision in HALVES:
            module.to(HALVES[config.precision])


def _place(parts: Parts, config: TrainingConfig) -> None:
    """The settings that save memory or time and leave the mathematics alone."""
    if config.gradient_checkpointing:
        parts.unet.enable_gradient_checkpointing()
    if config.attention == "xformers":
        parts.unet.enable_xformers_memory_efficient_attention()
    elif config.attention == "timed" and models.device().type == "cuda":
        timed = kernels.timed(models.device(), home() / "kernels.json")
        parts.unet.set_attn_processor(timed)
