"""What happens to all gradients between backward and step: clipping, and float16's scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch

Weight = torch.nn.Parameter


def clip(weights: Sequence[Weight], max_norm: float) -> torch.Tensor | None:
    """Scale all gradients so that their global norm is at most `max_norm`; no host sync.

    Returns the norm () they had, in float32, or None when there are none: in backward they are
    already used. Gradients that are not numbers stay so.
    """
    grads = [weight.grad for weight in weights if weight.grad is not None]
    if not grads:
        return None
    norm = _norm(grads)
    torch._foreach_mul_(grads, (max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


class LossScale:
    """Dynamic loss scale for float16 gradients (Micikevicius et al. 2018, arXiv 1710.03740).

    Backward runs on `scaled(loss)`; then `unscale`, `clip` if wanted, and `step`, which skips the
    optimizer and halves the scale when a gradient overflowed, and doubles it after `patience`
    good steps. All of it stays on the device; only an optimizer without a fused kernel has the
    host wait to know whether to skip.
    """

    def __init__(
        self, device: torch.device | str, initial: float = 2.0**16, patience: int = 2000
    ) -> None:
        self.scale = torch.tensor(initial, device=device)  # ()
        self.good = torch.tensor(0, device=device)  # () steps since the scale changed
        self.overflow = torch.tensor(0.0, device=device)  # () one when a gradient overflowed
        self.patience = patience

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss to call backward on."""
        return loss * self.scale

    @torch.no_grad()
    def unscale(self, weights: Sequence[Weight]) -> None:
        """Divide all gradients by the scale and see whether any is not finite."""
        grads = [weight.grad for weight in weights if weight.grad is not None]
        torch._foreach_mul_(grads, 1 / self.scale)
        self.overflow.copy_(~_norm(grads).isfinite())

    @torch.no_grad()
    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Step unless a gradient overflowed, and adapt the scale."""
        if optimizer.param_groups[0].get("fused"):
            optimizer.found_inf = self.overflow  # type: ignore[attr-defined]
            optimizer.step()
        elif not self.overflow.item():
            optimizer.step()
        bad = self.overflow > 0
        full = self.good + 1 >= self.patience
        factor = torch.where(bad, 0.5, torch.where(full, 2.0, 1.0))
        self.scale.mul_(factor).clamp_(1.0, 2.0**24)
        self.good.copy_(torch.where(bad | full, 0, self.good + 1))

    def state_dict(self) -> dict[str, float]:
        """Scale and counter as JSON-ready numbers; a place for them is an optimizer's group."""
        return {"scale": self.scale.item(), "good": self.good.item()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go back to a saved scale and counter."""
        self.scale.fill_(state["scale"])
        self.good.fill_(state["good"])


def _norm(grads: list[torch.Tensor]) -> torch.Tensor:
    """The global 2-norm () of tensors on one device, in float32 whatever their dtype."""
    norms = torch._foreach_norm(grads, 2, dtype=torch.float32)
    return torch.linalg.vector_norm(torch.stack(list(norms)))
