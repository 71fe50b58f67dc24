"""Checkpoints survive what happens to files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from booth import checkpoints, disk

STATE = {
    "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.arange(4.0), "kind": 2}},
    "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "params": [0]}],
}


def save(folder: Path, step: int) -> Path:
    return checkpoints.save(folder, step, {"w": torch.full((4,), float(step))}, STATE, {"a": 1})


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    save(tmp_path, 7)
    read = checkpoints.latest(tmp_path)
    assert read is not None and read.step == 7 and read.facts == {"a": 1}
    assert torch.equal(read.weights["w"], torch.full((4,), 7.0))
    assert torch.equal(read.optimizer["state"][0]["exp_avg"], torch.arange(4.0))
    assert read.optimizer["state"][0]["kind"] == 2
    assert read.optimizer["param_groups"][0]["lr"] == 1e-4


@pytest.mark.parametrize("optimizer", ["adamw", "adamw8bit"])
def test_an_optimizer_goes_on_exactly_where_it_was(tmp_path: Path, optimizer: str) -> None:
    def fresh() -> tuple[torch.nn.Sequential, torch.optim.Optimizer]:
        torch.manual_seed(1)
        layer = torch.nn.Sequential(torch.nn.Linear(96, 96), torch.nn.Linear(96, 96))
        if optimizer == "adamw8bit":
            bitsandbytes = pytest.importorskip("bitsandbytes")
            return layer, bitsandbytes.optim.AdamW8bit(layer.parameters(), lr=1e-2)
        return layer, torch.optim.AdamW(layer.parameters(), lr=1e-2)

    def step(layer: torch.nn.Sequential, adam: torch.optim.Optimizer, seed: int) -> None:
        inputs = torch.randn(8, 96, generator=torch.Generator().manual_seed(seed))
        layer(inputs).square().mean().backward()
        adam.step()
        adam.zero_grad()

    layer, adam = fresh()
    for seed in range(3):
        step(layer, adam, seed)
    checkpoints.save(tmp_path, 3, layer.state_dict(), adam.state_dict(), {})
    other, resumed = fresh()
    read = checkpoints.latest(tmp_path)
    assert read is not None
    other.load_state_dict(read.weights)
    resumed.load_state_dict(read.optimizer)
    for seed in range(3, 6):
        step(layer, adam, seed)
        step(other, resumed, seed)
    for ours, theirs in zip(layer.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
def test_a_flipped_byte_is_noticed_and_the_copy_before_it_is_used(
    tmp_path: Path, name: str
) -> None:
    save(tmp_path, 1)
    damaged = save(tmp_path, 2) / name
    content = bytearray(damaged.read_bytes())
    content[-3] ^= 1
    damaged.write_bytes(content)
    read = checkpoints.latest(tmp_path)
    assert read is not None and read.step == 1


def test_a_checkpoint_without_its_manifest_does_not_count(tmp_path: Path) -> None:
    (save(tmp_path, 1) / disk.MANIFEST).unlink()
    assert checkpoints.latest(tmp_path) is None


def test_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000002", "step-000003"]


def test_a_failed_save_leaves_the_older_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        save(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]
    assert checkpoints.latest(tmp_path) is not None
