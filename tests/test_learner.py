"""The model on its way to learn: what travels to the card is small, and nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from booth import learner, models, optimizers
from booth.config import TrainingConfig
from booth.examples import Examples, draw
from booth.learner import Learner
from booth.training import learn

CONFIG = TrainingConfig(resolution=64, learning_rate=1e-3, precision="bf16")
CARD = torch.device("cpu", 0)  # a place that is told apart from where the model was read
SMALL: list[dict[str, Any]] = [
    {"exact_bf16": True},
    {"exact_bf16": True, "offload_optimizer": True},
    {"exact_bf16": True, "offload_optimizer": True, "in_backward": True},
]


def examples() -> Examples:
    moments, sizes = torch.zeros(2, 1, 8, 8, 8), torch.full((2, 1, 6), 64.0)
    return Examples(moments, sizes, moments, sizes, ("a bxz dog", "a dog"), "p")


@pytest.mark.parametrize("text_too", [False, True])
def test_each_picture_is_predicted_under_its_own_prompt(base_folder: Path, text_too: bool) -> None:
    config = TrainingConfig(resolution=64, batch_size=4, train_text_encoder=text_too)
    told = ("a bxz dog", "a bxz dog outside", "a dog")
    pupil = Learner(models.load(base_folder), replace(examples(), prompts=told), config)
    batch = draw(pupil.examples, config, 0, pupil.factors)
    assert sorted(set(batch.prompts.tolist())) == [0, 1, 2]
    together, _ = pupil.predict(batch)
    for n, number in enumerate(batch.prompts.tolist()):
        alone, _ = pupil.predict(replace(batch, prompts=torch.full((8,), number)))
        others, _ = pupil.predict(replace(batch, prompts=torch.full((8,), (number + 1) % 3)))
        assert torch.allclose(together[n], alone[n], atol=1e-5)
        assert not torch.allclose(together[n], others[n], atol=1e-4)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Every tensor that is taken to the card."""
    seen, to = [], torch.Tensor.to

    def watched(self: torch.Tensor, *args: Any, **more: Any) -> torch.Tensor:
        if args and args[0] == CARD:
            seen.append(self)
        return to(self, *args, **more)

    monkeypatch.setattr(models, "device", lambda: CARD)
    monkeypatch.setattr(torch.Tensor, "to", watched)
    return seen


@pytest.mark.parametrize("how", SMALL, ids=lambda how: "+".join(how))
def test_all_that_travels_to_the_card_is_already_small(
    base_folder: Path, sent: list[torch.Tensor], how: dict[str, Any]
) -> None:
    parts = models.load(base_folder, here=torch.device("cpu"))
    sent.clear()
    pupil = Learner(parts, examples(), replace(CONFIG, **how))
    kinds = {tensor.dtype for tensor in sent if tensor.dim() and tensor.is_floating_point()}
    assert len(sent) >= len(pupil.weights) and kinds == {torch.bfloat16}
    remainders = [tensor for tensor in sent if tensor.dtype == torch.int16]
    assert len(remainders) == (0 if "offload_optimizer" in how else len(pupil.weights))
    assert parts.device == CARD
    waiting = {weight.data_ptr() for weight in parts.vae.parameters()}
    assert not waiting & {tensor.data_ptr() for tensor in sent}


@pytest.mark.parametrize("method", ["full", "lora"])
def test_what_learns_is_read_exactly_and_what_does_not_in_half(
    base_folder: Path, method: str
) -> None:
    config = replace(CONFIG, method=method, exact_bf16=method == "full")  # type: ignore[arg-type]
    copy = models.load(base_folder, torch.bfloat16)
    parts = learner.exact(copy, config)
    assert parts is not copy and parts.vae.dtype == parts.text_encoder.dtype == torch.bfloat16
    assert parts.unet.dtype == (torch.float32 if method == "full" else torch.bfloat16)
    assert learner.exact(models.load(base_folder), config).unet.dtype == torch.float32
    if method == "full":
        pupil = Learner(parts, examples(), config)
        whole = models.load(base_folder).unet.named_parameters()
        for name, weight in whole:
            known = optimizers.master(pupil.optimizer, pupil.named[f"unet.{name}"])
            assert torch.equal(known, weight)


def test_a_vae_that_would_overflow_is_never_halved(xl_folder: Path) -> None:
    copy = models.load(xl_folder, torch.bfloat16)
    assert copy.vae.dtype == torch.float32 and copy.unet.dtype == torch.bfloat16
    assert learner.exact(copy, CONFIG).vae.dtype == torch.float32


def test_adapters_of_a_halved_text_encoder_learn(base_folder: Path) -> None:
    config = replace(CONFIG, method="lora", lora_rank=2, train_text_encoder=True)
    pupil = Learner(models.load(base_folder), examples(), config)
    before = {name: weight.detach().clone() for name, weight in pupil.named.items()}
    for step in range(2):
        batch = draw(pupil.examples, config, step, pupil.factors)
        assert learn(pupil, batch).isfinite().all()
    moved = [name for name, weight in pupil.named.items() if not torch.equal(weight, before[name])]
    assert {name.split(".")[0] for name in moved} == {"unet", "text_encoder"}
    assert all(weight.dtype == torch.float32 for weight in pupil.weights)
    frozen = pupil.parts.text_encoder.get_input_embeddings().weight
    assert frozen.dtype == torch.bfloat16
