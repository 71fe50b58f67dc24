"""AdamW one weight at a time, in every combination of where and when."""

from __future__ import annotations

from typing import Any

import torch

from booth.config import TrainingConfig
from booth.errors import CheckpointError
from booth.optimizers import masters
from booth.optimizers.lending import Lender
from booth.optimizers.rules import FUSED, Rule, State

Weight = torch.nn.Parameter
Group = dict[str, Any]  # weights that share a learning rate: "params" and "lr"


class Stepper(torch.optim.Optimizer):
    """AdamW one weight at a time: after backward or inside it, moments here or lent.

    No host sync, but a few kernel launches for every weight. Kernels of bitsandbytes run on the
    default stream, so 8-bit steps belong there and cannot be captured in a CUDA graph.
    """

    found_inf: torch.Tensor | None = None  # () one to skip the step: torch's convention, fused only

    def __init__(
        self, groups: list[Group], rule: Rule, config: TrainingConfig, device: torch.device
    ) -> None:
        fused = rule.fuses and device.type in FUSED
        settings = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "fused": fused}
        super().__init__(groups, settings)
        self._groups = {weight: group for group in self.param_groups for weight in group["params"]}
        self._rule, self._exact = rule, config.exact_bf16
        self._lender = Lender(device, self.state) if config.offload_optimizer else None
        for weight in self._groups:
            remainder = _halve(weight) if self._exact else None  # before it travels
            weight.data = weight.data.to(device)
            state = rule.fresh(weight)
            if remainder is not None:
                state["remainder"] = remainder if self._lender else remainder.to(device)
            self.state[weight] = self._lender.settle(state) if self._lender else state
            if config.in_backward:
                weight.register_post_accumulate_grad_hook(self._update_and_free)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient; in backward there are none left."""
        assert closure is None
        for weight in self._groups:
            if weight.grad is not None:
                self._update(weight)

    def master(self, weight: Weight) -> torch.Tensor:
        """The float32 value of a weight, exact, as a new tensor in its shape."""
        if not self._exact:
            return weight.detach().clone()
        self._settle()
        return masters.join(weight.detach(), self.state[weight]["remainder"].to(weight.device))

    @torch.no_grad()
    def put(self, weight: Weight, value: torch.Tensor) -> None:
        """Give a weight the float32 `value`, exactly."""
        if not self._exact:
            weight.copy_(value)
            return
        self._settle()
        upper, lower = masters.split(value.to(weight.device))
        weight.copy_(upper)
        self.state[weight]["remainder"].copy_(lower)

    def state_dict(self) -> dict[str, Any]:
        """As torch's; with `exact_bf16` each weight has its remainder in it."""
        self._settle()
        return super().state_dict()

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a saved state, keeping every dtype (torch's own casts them to the weight's).

        Raises `CheckpointError` when it belongs to another kind or other weights.
        """
        self._settle()
        saved = state_dict["state"]
        if any(
            _shapes(self.state[w]) != _shapes(saved.get(n, {})) for n, w in enumerate(self._groups)
        ):
            raise _foreign()
        for number, weight in enumerate(self._groups):
            own = self.state[weight]
            for name, value in saved[number].items():
                own[name] = own[name].copy_(value) if isinstance(value, torch.Tensor) else value
        fixed = ("params", "fused")
        for own, group in zip(self.param_groups, state_dict["param_groups"], strict=True):
            own.update({key: value for key, value in group.items() if key not in fixed})

    def _update_and_free(self, weight: torch.Tensor) -> None:
        with torch.no_grad():
            self._update(weight)
        weight.grad = None

    def _update(self, weight: torch.Tensor) -> None:
        state = self._lender.lend(weight) if self._lender else self.state[weight]
        here = weight.detach()
        master = masters.join(here, state["remainder"]) if self._exact else here
        settings = {**self._groups[weight], "found_inf": self.found_inf}
        self._rule.update(master, _beside(master, weight.grad), state, settings)
        if self._exact:
            upper, lower = masters.split(master)
            here.copy_(upper)
            state["remainder"].copy_(lower)
        if self._lender:
            self._lender.take_back(weight, state)

    def _settle(self) -> None:
        if self._lender:
            self._lender.wait()


@torch.no_grad()
def _halve(weight: Weight) -> torch.Tensor:
    """Make a weight bfloat16 in place; returns its remainder."""
    upper, remainder = masters.split(weight.detach().float())
    weight.data = upper
    return remainder


def _beside(master: torch.Tensor, grad: torch.Tensor | None) -> torch.Tensor:
    """A gradient in the master's dtype and memory format."""
    assert grad is not None
    if grad.dtype == master.dtype and grad.stride() == master.stride():
        return grad
    return torch.empty_like(master).copy_(grad)


def _shapes(state: State) -> dict[str, Any]:
    """What a state consists of, by name: shapes and dtypes of its tensors, None for numbers."""
    return {
        name: (value.shape, value.dtype) if isinstance(value, torch.Tensor) else None
        for name, value in state.items()
    }


def _foreign() -> CheckpointError:
    return CheckpointError(
        "The checkpoint was made by another kind of optimizer, or for another model.",
        "Continue with the settings the training began with, or start a new one.",
    )
