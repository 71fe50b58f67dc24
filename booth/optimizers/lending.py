"""Optimizer states in the computer's memory, lent to the card when a weight needs them."""

from __future__ import annotations

from typing import Any

import torch

from booth.optimizers.rules import State


class Lender:
    """States in the computer's memory, lent to the device one weight ahead. Untried on a card.

    All copies run on one side stream: the state a weight brings back is on its way home while the
    next one is used, and the one after that comes in. Lent tensors are allocated on the side
    stream and last used there, after the update, so their memory is free for it in order.
    On a CPU the streams are dummies and lending is plain copying.
    """

    def __init__(self, device: torch.device, home: dict[Any, State]) -> None:
        self._device, self._home = device, home
        self._streams: Any = torch.get_device_module(device)
        self._side = self._streams.Stream()
        self._after: dict[torch.Tensor, torch.Tensor] = {}  # who came next, last time
        self._last: torch.Tensor | None = None
        self._coming: dict[torch.Tensor, tuple[State, Any]] = {}  # at most one

    def settle(self, state: State) -> State:
        """A state with its tensors at home, pinned for a card; counters stay on the device."""
        pin = self._device.type == "cuda"
        return {
            name: (value.cpu().pin_memory() if pin else value) if _lendable(value) else value
            for name, value in state.items()
        }

    def lend(self, weight: torch.Tensor) -> State:
        """The state of a weight on the device, and the next weight's on its way."""
        if weight not in self._coming:
            self._send(weight)
        state, arrived = self._coming.pop(weight)
        self._streams.current_stream().wait_event(arrived)
        if self._last is not None:
            self._after[self._last] = weight
        self._last = weight
        following = self._after.get(weight, weight)
        if following is not weight:
            self._send(following)
        return state

    def take_back(self, weight: torch.Tensor, state: State) -> None:
        """Bring a lent state home, after all that the device was asked to do to it."""
        self._side.wait_stream(self._streams.current_stream())
        with self._streams.stream(self._side):
            for name, value in state.items():
                if _lendable(value):
                    self._home[weight][name].copy_(value, non_blocking=True)
                else:
                    self._home[weight][name] = value

    def wait(self) -> None:
        """Until everything is home; whatever was sent ahead is forgotten."""
        self._coming.clear()
        self._streams.synchronize()

    def _send(self, weight: torch.Tensor) -> None:
        with self._streams.stream(self._side):
            state = {
                name: value.to(self._device, non_blocking=True, copy=True)
                if _lendable(value)
                else value
                for name, value in self._home[weight].items()
            }
        self._coming = {weight: (state, self._side.record_event())}


def _lendable(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() > 0
