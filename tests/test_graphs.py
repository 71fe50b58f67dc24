"""A recorded step is the plain one: same inputs, same numbers, and none of it when it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from booth import graphs, models, training
from booth.config import SamplingConfig, TrainingConfig
from booth.events import Notice
from booth.examples import Batch, Examples, draw
from booth.learner import Learner
from booth.training import Rehearsal

RATE = 2.0**-10  # the same in float32 and float64
CONFIG = TrainingConfig(
    steps=4, learning_rate=RATE, resolution=64, preview_every=0, checkpoint_every=2
)
KINDS: list[dict[str, Any]] = [{}, {"exact_bf16": True}, {"method": "lora", "lora_rank": 2}]


def learner(folder: Path, config: TrainingConfig) -> Learner:
    generator = torch.Generator().manual_seed(1)
    moments = torch.randn(3, 1, 8, 8, 8, generator=generator) / 4
    sizes = torch.full((3, 1, 6), 64.0)
    examples = Examples(moments, sizes, moments + 0.1, sizes, ("a bxz dog", "a dog"), "p")
    return Learner(models.load(folder), examples, config)


class Tape:
    """What stands in for a card: it notes the work, does nothing, and does it when played."""

    def __init__(self) -> None:
        self.recorded = self.played = 0

    def __call__(self, work: Callable[[], torch.Tensor]) -> graphs.Played:
        self.recorded += 1
        told = torch.zeros(2)

        def play() -> None:
            self.played += 1
            told.copy_(work())

        return play, told


def walked(pupil: Learner, steps: Callable[[Batch], torch.Tensor], numbers: range) -> list[Any]:
    batches = (draw(pupil.examples, pupil.config, n, pupil.factors) for n in numbers)
    return [steps(batch).tolist() for batch in batches]


def same_weights(one: Learner, other: Learner) -> bool:
    mine, theirs = one.state()[0], other.state()[0]
    return all(torch.equal(mine[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(kind) or "plain")
def test_ten_recorded_steps_are_ten_plain_ones_bit_for_bit(
    base_folder: Path, kind: dict[str, Any]
) -> None:
    plain = learner(base_folder, replace(CONFIG, **kind))
    taped = learner(base_folder, replace(CONFIG, cuda_graph=True, **kind))
    tape = Tape()
    steps = graphs.Steps(taped, lambda batch: training.learn(taped, batch), tape)
    expected = walked(plain, lambda batch: training.learn(plain, batch), range(10))
    assert walked(taped, steps, range(10)) == expected
    assert (tape.recorded, tape.played) == (1, 10 - graphs.WARM_UP)
    assert same_weights(taped, plain) and not list(steps.notices())


def test_a_slower_rate_reaches_a_step_that_is_already_recorded(base_folder: Path) -> None:
    plain = learner(base_folder, CONFIG)
    taped = learner(base_folder, replace(CONFIG, cuda_graph=True))
    steps = graphs.Steps(taped, lambda batch: training.learn(taped, batch), Tape())
    for pupil, step in ((plain, lambda batch: training.learn(plain, batch)), (taped, steps)):
        walked(pupil, step, range(5))
        pupil.learning_rate = RATE / 2
        pupil.approach(5)
        walked(pupil, step, range(5, 7))
    assert same_weights(taped, plain)
    assert taped.optimizer.param_groups[0]["lr"] == RATE / 2
    assert taped.learning_rate == taped.state()[1]["param_groups"][0]["lr"] == RATE / 2


def test_a_checkpoint_goes_on_recorded_and_plain_alike(base_folder: Path, tmp_path: Path) -> None:
    whole = learner(base_folder, CONFIG)
    silent = Rehearsal([], SamplingConfig())
    list(training.train(whole, tmp_path / "whole", {}, silent))
    first = learner(base_folder, replace(CONFIG, steps=2))
    list(training.train(first, tmp_path / "parts", {}, silent))
    second = learner(base_folder, replace(CONFIG, cuda_graph=True))
    assert training._resume(second, tmp_path / "parts", {}) == 2
    assert isinstance(second.optimizer.param_groups[0]["lr"], torch.Tensor)
    assert second.optimizer.param_groups[0]["capturable"]
    steps = graphs.Steps(second, lambda batch: training.learn(second, batch), Tape())
    walked(second, steps, range(2, 4))
    assert same_weights(second, whole)


def test_when_recording_fails_every_step_is_taken_as_it_is_and_a_person_is_told(
    base_folder: Path,
) -> None:
    def refuse(work: Callable[[], torch.Tensor]) -> graphs.Played:
        for weight in taped.weights:  # a recording that breaks off leaves gradients of nothing
            weight.grad = torch.full_like(weight, float("nan"))
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    plain = learner(base_folder, CONFIG)
    taped = learner(base_folder, replace(CONFIG, cuda_graph=True))
    steps = graphs.Steps(taped, lambda batch: training.learn(taped, batch), refuse)
    expected = walked(plain, lambda batch: training.learn(plain, batch), range(6))
    assert walked(taped, steps, range(6)) == expected
    (notice,) = steps.notices()
    assert "not permitted" in notice.text and "trains all the same" in notice.text
    assert not list(steps.notices()) and same_weights(taped, plain)


@pytest.mark.parametrize(
    "how",
    [{}, {"in_backward": True}, {"optimizer": "adamw8bit"}, {"gradient_checkpointing": True}],
    ids=lambda how: "+".join(how) or "no card",
)
def test_what_cannot_be_recorded_is_said_and_trained_plainly(
    base_folder: Path, tmp_path: Path, how: dict[str, Any]
) -> None:
    if how.get("optimizer"):
        pytest.importorskip("bitsandbytes")
    pupil = learner(base_folder, replace(CONFIG, steps=2, cuda_graph=True, **how))
    told = list(training.train(pupil, tmp_path, {}, Rehearsal([], SamplingConfig())))
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert len(notices) == 1 and "not recorded" in notices[0]
