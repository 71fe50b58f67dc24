"""An optimizer that orthogonalises the updates of matrices and leaves the rest to AdamW.

Small nets trained for few steps gain most from it: every direction of a weight matrix moves at the
same speed, instead of the two or three that dominate the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


def orthogonalise(update: torch.Tensor, rounds: int = 5) -> torch.Tensor:
    """Bring all singular values of a matrix near 1 by Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = update.shape[0] > update.shape[1]
    x = update.T if tall else update
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Orthogonal(torch.optim.Optimizer):
    """Momentum, orthogonalised; convolutions are flattened to (out, in * height * width)."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, group)

    def _update(self, p: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(p)
        state["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(state["momentum"], group["momentum"]).flatten(1)
        change = orthogonalise(ahead)
        size = max(1.0, change.shape[0] / change.shape[1]) ** 0.5
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.add_(change.view_as(p), alpha=-group["lr"] * size)


class Mixed:
    """Orthogonal updates for hidden matrices, AdamW for everything else, stepped as one."""

    def __init__(
        self,
        named: Iterable[tuple[str, nn.Parameter]],
        outer: Callable[[str], bool],
        lr: float = 0.01,
        adam_lr: float = 1e-3,
    ) -> None:
        params = [(name, p) for name, p in named if p.requires_grad]
        inner = [p for name, p in params if p.ndim >= 2 and not outer(name)]
        rest = [p for name, p in params if p.ndim < 2 or outer(name)]
        self.scale = adam_lr / lr
        self.parts: list[torch.optim.Optimizer] = [
            Orthogonal(inner, lr=lr),
            torch.optim.AdamW(rest, lr=adam_lr, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self._scale()

    def _scale(self) -> None:
        for group in self.parts[1].param_groups:
            group["scale"] = self.scale

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of both; AdamW's learn at their `scale` of the learning rate."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        """One update."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of both."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore both."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        self._scale()
