"""AdamW in the kinds a card can afford (Loshchilov and Hutter 2019, arXiv 1711.05101).

Bytes per weight on the device, as weight + gradient + moments:

    adamw       4 + 4 + 8    torch's, fused where torch has the kernel
    adamw8bit   4 + 4 + 2    bitsandbytes' (Dettmers et al. 2022, arXiv 2110.02861), without the
                             wait for the card that its own optimizer has after every weight

and what the settings make of it, in any combination and with the same mathematics:

    exact_bf16          weight 2 + remainder 2, gradient 2: see `masters`
    in_backward         a weight is updated as soon as its gradient is there, which is then freed
                        (Lv et al. 2023, arXiv 2306.09782); so all gradients are never there at
                        once, cannot be clipped together, and a step is exactly one backward
    offload_optimizer   moments and remainders lie in the computer's memory and are lent to the
                        device, one weight ahead; untried on a card
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from booth.config import TrainingConfig
from booth.errors import BoothError
from booth.optimizers.gradients import LossScale, clip
from booth.optimizers.rules import FUSED, Adam, Adam8bit
from booth.optimizers.stepper import Stepper

__all__ = ["LossScale", "Stepper", "build", "clip", "master", "put"]


def build(
    weights: Sequence[torch.nn.Parameter],
    config: TrainingConfig,
    device: torch.device | None = None,
    words: Sequence[torch.nn.Parameter] = (),
) -> torch.optim.Optimizer:
    """The optimizer `config` asks for; it takes the weights to `device`, one by one.

    `weights` are float32, all in one place. With `exact_bf16` they become bfloat16 there, without
    losing a bit; bfloat16 ones are welcome too. Save such weights in bfloat16: the optimizer's
    state dict holds the rest. `words` are more of them, which learn at the text encoder's own
    rate and come after the others in a state dict. Raises `BoothError` for settings that exclude
    each other.
    """
    _refuse(config)
    rate = config.learning_rate
    groups = [{"params": list(weights), "lr": rate}]
    if words:
        groups.append({"params": list(words), "lr": rate * config.text_encoder_factor})
    device = device or weights[0].device
    eight = config.optimizer == "adamw8bit"
    recorded = config.recorded and device.type in FUSED
    built: torch.optim.Optimizer
    if eight or config.exact_bf16 or config.in_backward or config.offload_optimizer:
        built = Stepper(groups, Adam8bit() if eight else Adam(), config, device)
    else:
        for weight in (*weights, *words):
            weight.data = weight.data.to(device)
        fused = device.type in FUSED or None
        built = torch.optim.AdamW(groups, fused=fused, capturable=recorded)
    if recorded:  # a CUDA graph reads it from the card
        built.param_groups[0]["lr"] = torch.tensor(rate, device=device)
    return built


def master(optimizer: torch.optim.Optimizer, weight: torch.nn.Parameter) -> torch.Tensor:
    """The exact float32 value of a weight, whatever the optimizer keeps it as."""
    return optimizer.master(weight) if isinstance(optimizer, Stepper) else weight.detach()


@torch.no_grad()
def put(optimizer: torch.optim.Optimizer, weight: torch.nn.Parameter, value: torch.Tensor) -> None:
    """Give a weight the float32 `value`, exactly, whatever the optimizer keeps it as."""
    if isinstance(optimizer, Stepper):
        optimizer.put(weight, value)
    else:
        weight.copy_(value)


def _refuse(config: TrainingConfig) -> None:
    if config.precision == "fp16" and (config.in_backward or config.exact_bf16):
        raise BoothError(
            "Training in fp16 has to see all gradients before it updates 16-bit weights.",
            "Choose bf16, or switch updating while going back and exact half-size weights off.",
        )
