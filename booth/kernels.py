"""The quickest attention kernel for every shape on this card: timed once, kept on disk.

torch has several kernels for the same attention and chooses by rule; which is quickest depends
on card, shape and precision. With `attention="timed"` they race, forward and backward, when a
shape is first seen. Unmeasured, so off by default; torch's own choice is the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from booth import disk

OWN = "torch"  # its own choice
KERNELS = {"flash": SDPBackend.FLASH_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION}
_ALL = [*KERNELS.values(), SDPBackend.MATH]
GAIN = 0.95  # a kernel is preferred to torch's choice when it takes less than this of its time
ROUNDS = 5


class Shape(NamedTuple):
    """What decides how quick an attention is."""

    batch: int
    heads: int
    queries: int
    keys: int
    width: int  # of one head
    dtype: str  # "bfloat16"


Clock = Callable[[str, Shape], float]
"""Seconds that a kernel takes for a shape; infinity when it cannot do it."""


class Table:
    """The kernel of every shape seen so far, kept in a file by card and version of torch."""

    def __init__(self, path: Path, card: str, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._card = f"{card}, torch {torch.__version__}"
        self._known: dict[str, str] = _read(path).get(self._card, {})

    def kernel(self, shape: Shape) -> str:
        """The kernel for a shape; the first time, all of them race."""
        key = " ".join(map(str, shape))
        if key not in self._known:
            times = {name: self._clock(name, shape) for name in (OWN, *KERNELS)}
            best = min(times, key=lambda name: times[name])
            self._known[key] = best if times[best] < GAIN * times[OWN] else OWN
            disk.write_json(self._path, {**_read(self._path), self._card: self._known})
        return self._known[key]


class Attention(AttnProcessor2_0):
    """diffusers' attention processor, with the kernel that a table names for its shape."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,  # (batch, queries, channels)
        encoder_hidden_states: torch.Tensor | None = None,  # (batch, keys, channels)
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attention as diffusers computes it."""
        read = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        size, queries, _ = hidden_states.shape
        width = attn.inner_dim // attn.heads
        shape = Shape(size, attn.heads, queries, read.shape[1], width, _dtype(hidden_states))
        given = (attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        with _only(self._table.kernel(shape) if attention_mask is None else OWN, _ALL):
            told: torch.Tensor = super().__call__(*given)
        return told


def timed(device: torch.device, path: Path) -> Attention:
    """The processor for a card, with what the file `path` knows of it."""
    return Attention(Table(path, torch.cuda.get_device_name(device), race))


def race(kernel: str, shape: Shape) -> float:
    """Seconds of a kernel on the card, forward and backward; infinity when it cannot."""
    settings: dict[str, Any] = {"device": "cuda", "dtype": getattr(torch, shape.dtype)}
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    try:
        query, key, value = (  # laid out as attention layers make them
            torch.randn(shape.batch, n, shape.heads, shape.width, **settings)
            .transpose(1, 2)
            .requires_grad_()
            for n in (shape.queries, shape.keys, shape.keys)
        )
        with torch.enable_grad(), _unseen(), _only(kernel, []):
            for turn in range(2 * ROUNDS):
                if turn == ROUNDS:
                    start.record()
                out = scaled_dot_product_attention(query, key, value)
                torch.autograd.grad(out, (query, key, value), torch.ones_like(out))
            end.record()
    except RuntimeError:
        return float("inf")
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1000 / ROUNDS


def _unseen() -> AbstractContextManager[Any]:
    """Keep what a race saves from gradient checkpointing, in whose forward pass it may run."""
    return torch.autograd.graph.saved_tensors_hooks(lambda kept: kept, lambda kept: kept)


def _only(kernel: str, others: list[SDPBackend]) -> AbstractContextManager[Any]:
    """A kernel, and `others` should it refuse."""
    if kernel == OWN:
        return nullcontext()
    return sdpa_kernel([KERNELS[kernel], *others], set_priority=True)


def _dtype(hidden_states: torch.Tensor) -> str:
    kind = hidden_states.device.type
    half = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    return str(half or hidden_states.dtype).removeprefix("torch.")


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(disk.read_json(path))
    except (OSError, ValueError):
        return {}
