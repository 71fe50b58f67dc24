"""The numbers that shape a training run and a sampling run, as two dataclasses."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from booth.errors import SubjectError

Optimizer = Literal["adamw", "adamw8bit"]
Precision = Literal["fp32", "bf16", "fp16"]
Attention = Literal["sdpa", "xformers", "timed"]
Method = Literal["full", "lora"]
RateSchedule = Literal["constant", "linear"]


@dataclass(frozen=True)
class SamplingConfig:
    """How a picture is made from noise."""

    num_inference_steps: int = 25  # denoising steps, 1..1000
    guidance_scale: float = 7.5  # classifier-free guidance; 1 switches it off
    sampler: str = "dpm++"  # a key of generation.SAMPLERS
    resolution: int = 512  # pixels per side, a multiple of 8


@dataclass(frozen=True)
class TrainingConfig:
    """One DreamBooth training (Ruiz et al. 2022, section 3); everything needed to repeat it."""

    base: str = "toybox"  # catalogue key, Hub id or local folder
    steps: int = 400  # optimizer steps
    learning_rate: float = 5e-6
    batch_size: int = 1  # instance images per step; as many prior images come on top
    prior_images: int = 100  # 0 switches prior preservation off
    prior_loss_weight: float = 1.0  # lambda of Eq. 2
    train_text_encoder: bool = False
    text_encoder_factor: float = 1.0  # times learning_rate: the text encoder's
    rate_schedule: RateSchedule = "constant"  # or falling evenly, to 0 after the last step
    resolution: int = 512  # pixels per side
    seed: int = 0
    identifier: str = ""  # rare token(s); chosen by seed when empty
    method: Method = "full"  # the paper's way, or low-rank adapters
    lora_rank: int = 16
    lora_alpha: int = 16  # the adapter counts alpha / rank
    views: int = 1  # crops of each photo to learn from, the chosen one and slightly closer ones
    optimizer: Optimizer = "adamw"
    exact_bf16: bool = False  # bfloat16 weights with an exact float32 master in 4 bytes
    in_backward: bool = False  # update in backward, gradients freed at once; no clipping
    offload_optimizer: bool = False  # moments in the computer's memory, lent to the card
    precision: Precision = "fp32"
    attention: Attention = "sdpa"  # torch's choice; "timed": the quickest here, see kernels
    gradient_checkpointing: bool = False
    cuda_graph: bool = False  # record the whole step on a card and replay it; see graphs
    read_loss_every: int = 1  # steps; reading the loss makes a card wait
    checkpoint_every: int = 100  # steps
    preview_every: int = 100  # steps; 0 switches previews off

    @property
    def uses_priors(self) -> bool:
        """Whether the prior-preservation term of Eq. 2 is part of the loss."""
        return self.prior_images > 0 and self.prior_loss_weight > 0

    def share_of_rate(self, step: int) -> float:
        """The share of the learning rates, 0..1, with which `step` is made; steps count from 0."""
        return 1 - step / self.steps if self.rate_schedule == "linear" else 1.0

    @property
    def recorded(self) -> bool:
        """Whether a CUDA graph of the step is wanted and possible.

        bitsandbytes' kernels, the lender's copies, a tokenizer, random state kept for
        checkpointing and float16's loss scale are not for recording.
        """
        plain = self.optimizer == "adamw" and self.precision != "fp16"
        busy = self.in_backward or self.offload_optimizer or self.train_text_encoder
        return self.cuda_graph and plain and not busy and not self.gradient_checkpointing


Config = TypeVar("Config", TrainingConfig, SamplingConfig)


def from_dict(kind: type[Config], values: dict[str, Any]) -> Config:
    """A config from JSON. Raises `SubjectError` when another version of the booth wrote it."""
    try:
        return kind(**values)
    except TypeError as error:
        raise SubjectError(
            "These settings were written by another version of the booth.",
            "Update the booth, or train this subject again.",
        ) from error


def to_dict(config: TrainingConfig | SamplingConfig) -> dict[str, Any]:
    """A config as JSON-ready values."""
    return dataclasses.asdict(config)
