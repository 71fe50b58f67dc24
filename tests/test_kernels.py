"""Attention kernels race once for every shape; the winner computes the same attention."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from booth import kernels, models
from booth.kernels import KERNELS, OWN, Shape, Table

SHAPE = Shape(2, 8, 4096, 77, 40, "bfloat16")


class Race:
    """A clock with the times of its choice, that counts how often it was asked."""

    def __init__(self, **seconds: float) -> None:
        self.seconds, self.asked = {OWN: 1.0, **seconds}, 0

    def __call__(self, kernel: str, shape: Shape) -> float:
        self.asked += 1
        return self.seconds.get(kernel, float("inf"))


@pytest.mark.parametrize(
    ("seconds", "winner"),
    [
        ({"flash": 0.5, "efficient": 0.7}, "flash"),
        ({"flash": 2.0, "efficient": 0.9}, "efficient"),
        ({"flash": 0.97}, OWN),  # too little to leave torch's choice for
        ({"flash": float("inf")}, OWN),
        ({OWN: float("inf")}, OWN),  # as on a computer that can time nothing
    ],
)
def test_the_quickest_kernel_wins_if_it_is_clearly_quicker(
    tmp_path: Path, seconds: dict[str, float], winner: str
) -> None:
    assert Table(tmp_path / "k.json", "card", Race(**seconds)).kernel(SHAPE) == winner


def test_a_shape_races_once_on_a_card_and_again_on_another(tmp_path: Path) -> None:
    path, race = tmp_path / "k.json", Race(flash=0.5)
    first = Table(path, "card", race)
    assert first.kernel(SHAPE) == first.kernel(SHAPE) == "flash"
    slower = Race(flash=2.0)
    assert Table(path, "card", slower).kernel(SHAPE) == "flash" and slower.asked == 0
    assert Table(path, "another card", slower).kernel(SHAPE) == OWN
    assert Table(path, "card", slower).kernel(SHAPE) == "flash"
    assert race.asked == slower.asked == 1 + len(KERNELS)


def test_a_damaged_file_is_only_a_reason_to_race_again(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    path.write_text("{")
    assert Table(path, "card", Race(flash=0.5)).kernel(SHAPE) == "flash"


def test_a_race_within_a_checkpointed_pass_leaves_its_gradients_alone() -> None:
    raced: list[bool] = []

    def race() -> None:
        raced.append(True)
        with torch.enable_grad(), kernels._unseen():
            lane = torch.ones(3, requires_grad=True)
            torch.autograd.grad((lane * lane).sum(), lane)

    def block(x: torch.Tensor) -> torch.Tensor:
        if not raced:
            race()
        return (x * x).sum()

    x = torch.ones(2, requires_grad=True)
    checkpoint(block, x, use_reentrant=False).backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 2.0] and len(raced) == 1


@pytest.mark.parametrize("winner", [OWN, *KERNELS])
def test_the_unet_computes_the_same_whichever_wins(
    base_folder: Path, tmp_path: Path, winner: str
) -> None:
    unet = models.load(base_folder).unet
    torch.manual_seed(0)
    given = (torch.randn(2, 4, 8, 8), torch.tensor([3, 9]), torch.randn(2, 77, 32))
    with torch.no_grad():
        expected = unet(*given).sample
        race = Race(**{winner: 0.1})
        unet.set_attn_processor(kernels.Attention(Table(tmp_path / "k.json", "card", race)))
        found = unet(*given).sample
    assert torch.allclose(found, expected, atol=1e-6)
    assert race.asked > 1 + len(KERNELS)  # more than one shape
