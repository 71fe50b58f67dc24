"""The two ways a float32 master takes one AdamW step: torch's and bitsandbytes'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch.optim.adamw import adamw

FUSED = ("cpu", "cuda")  # devices with torch's fused AdamW
SMALL = 4096  # elements; bitsandbytes keeps the moments of smaller weights in float32
BLOCK = 256  # elements that share one scale of 8-bit moments

State = dict[str, Any]  # tensors and numbers of one weight, by name


class Rule(Protocol):
    """How one float32 master is updated."""

    fuses: bool  # whether it can skip a step by `found_inf`, on the device

    def fresh(self, weight: torch.Tensor) -> State:
        """The state of a weight that has not been updated yet."""

    def update(
        self, master: torch.Tensor, grad: torch.Tensor, state: State, settings: dict[str, Any]
    ) -> None:
        """One AdamW step on `master` and `state`, in place; all float32 and of one layout."""


class Adam:
    """torch's own AdamW on a single tensor."""

    fuses = True

    def fresh(self, weight: torch.Tensor) -> State:
        device = weight.device if weight.device.type in FUSED else "cpu"
        return {
            "step": torch.zeros((), device=device),
            "exp_avg": torch.zeros_like(weight, dtype=torch.float32),
            "exp_avg_sq": torch.zeros_like(weight, dtype=torch.float32),
        }

    def update(
        self, master: torch.Tensor, grad: torch.Tensor, state: State, settings: dict[str, Any]
    ) -> None:
        moments = [state["exp_avg"]], [state["exp_avg_sq"]]
        adamw(
            [master], [grad], *moments, [], [state["step"]],
            foreach=False, fused=settings["fused"], found_inf=settings["found_inf"],
            amsgrad=False, maximize=False, beta1=settings["betas"][0], beta2=settings["betas"][1],
            lr=settings["lr"], eps=settings["eps"], weight_decay=settings["weight_decay"],
        )  # fmt: skip


class Adam8bit:
    """bitsandbytes' AdamW8bit on a single tensor, without its wait for the card after each.

    Blocks of 8-bit moments are counted in the weight's logical order, whatever its memory format.
    """

    fuses = False

    def __init__(self) -> None:
        from bitsandbytes import functional

        self._kernels = functional
        self._codes = [functional.create_dynamic_map(signed=signed) for signed in (True, False)]

    def fresh(self, weight: torch.Tensor) -> State:
        def zeros(shape: Sequence[int], dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros(shape, dtype=dtype, device=weight.device)

        self._codes = [code.to(weight.device) for code in self._codes]
        if weight.numel() < SMALL:
            return {"step": 0, "state1": zeros(weight.shape), "state2": zeros(weight.shape)}
        blocks = (-(-weight.numel() // BLOCK),)
        return {
            "step": 0,
            "state1": zeros(weight.shape, torch.uint8),
            "state2": zeros(weight.shape, torch.uint8),
            "absmax1": zeros(blocks),
            "absmax2": zeros(blocks),
        }

    def update(
        self, master: torch.Tensor, grad: torch.Tensor, state: State, settings: dict[str, Any]
    ) -> None:
        state["step"] += 1
        (beta1, beta2), eps, lr = settings["betas"], settings["eps"], settings["lr"]
        decay, one, two = settings["weight_decay"], state["state1"], state["state2"]
        flat, grad, step = master.contiguous(), grad.contiguous(), state["step"]
        if "absmax1" in state:
            (code1, code2), scale1, scale2 = self._codes, state["absmax1"], state["absmax2"]
            self._kernels.optimizer_update_8bit_blockwise(
                "adam", grad, flat, one, two, beta1, beta2, 0.0, 0.0, eps, step, lr,
                code1, code2, scale1, scale2, weight_decay=decay,
            )  # fmt: skip
        else:
            self._kernels.optimizer_update_32bit(
                "adam", grad, flat, one, beta1, eps, step, lr, two, beta2, weight_decay=decay
            )
        if flat is not master:
            master.copy_(flat)
