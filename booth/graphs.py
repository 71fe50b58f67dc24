"""The steps of a training, recorded once as a CUDA graph and replayed: no wait for Python in them.

A recorded step reads its batch at fixed addresses. The first steps run as they are, on the side
stream that recording asks for; when it fails, all do. Unmeasured: off unless `cuda_graph` asks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import torch

from booth.events import Notice
from booth.examples import Batch
from booth.learner import Learner

WARM_UP = 3  # steps before recording: libraries choose kernels and make their workspaces

Work = Callable[[], torch.Tensor]
Played = tuple[Callable[[], None], torch.Tensor]
"""What plays recorded work, and the tensor in which that leaves its result."""


class Steps:
    """`step` of a learner, called like it; recorded by `record` when the learner's config asks.

    The optimizer's tensors must stay where they are: `forget` after a checkpoint is restored.
    """

    _inputs: Batch | None
    _played: Played | None

    def __init__(
        self,
        learner: Learner,
        step: Callable[[Batch], torch.Tensor],
        record: Callable[[Work], Played] | None = None,
    ) -> None:
        self._learner, self._step, self._words = learner, step, ""
        self._record = record or (_on_a_card if learner.parts.device.type == "cuda" else None)
        alone = learner.share[1] == 1
        self._eager = not (learner.config.recorded and alone and self._record)
        if learner.config.cuda_graph and self._eager:
            self._words = "Steps are not recorded with these settings, or on this computer."
        self.forget()

    def __call__(self, batch: Batch) -> torch.Tensor:
        """One step on a batch; returns what `step` does."""
        if self._eager:
            return self._step(batch)
        inputs = self._filled(batch)
        self._done += 1
        if self._done <= WARM_UP:
            return _aside(lambda: self._step(inputs), inputs.latents.device)
        self._played = self._played or self._recorded(inputs)
        if self._played is None:
            return self._step(batch)
        play, told = self._played
        play()
        return told.clone()

    def forget(self) -> None:
        """Record anew."""
        self._done, self._inputs, self._played = 0, None, None

    def notices(self) -> Iterator[Notice]:
        """What a person should know, once."""
        if self._words:
            yield Notice(f"{self._words} It trains all the same.")
        self._words = ""

    def _recorded(self, inputs: Batch) -> Played | None:
        assert self._record is not None
        try:
            return self._record(lambda: self._step(inputs))
        except RuntimeError as error:
            self._learner.optimizer.zero_grad(set_to_none=True)  # those of no real step
            cause = str(error.__context__ or error).splitlines()[0][:160]
            self._words = f"The step could not be recorded: {cause}."
            self._eager, self._inputs = True, None
            return None

    def _filled(self, batch: Batch) -> Batch:
        """The batch at its fixed addresses."""
        given = [getattr(batch, field.name) for field in fields(batch)]
        self._inputs = self._inputs or Batch(*(tensor.clone() for tensor in given))
        for field, tensor in zip(fields(batch), given, strict=True):
            getattr(self._inputs, field.name).copy_(tensor)
        return self._inputs


def _on_a_card(work: Work) -> Played:
    """Record what `work` asks of the card, which does none of it yet."""
    graph, before = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    try:
        with torch.cuda.graph(graph):
            told = work()
    finally:
        torch.cuda.set_stream(before)  # a recording that fails would leave its own behind
    return graph.replay, told


def _aside(work: Work, device: torch.device) -> torch.Tensor:
    """Work done on a side stream, in its turn: recording must not meet what the main one made."""
    streams: Any = torch.get_device_module(device)
    side = _side(device)
    side.wait_stream(streams.current_stream())
    with streams.stream(side):
        told = work()
    streams.current_stream().wait_stream(side)
    return told


@functools.cache
def _side(device: torch.device) -> Any:
    """The one side stream of a device: each has workspaces and a memory pool of its own."""
    return torch.get_device_module(device).Stream()
