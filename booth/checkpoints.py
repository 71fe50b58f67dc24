"""A training run's state on disk, saved so that resuming is exact.

    checkpoints/step-000100/ weights.safetensors    every trained tensor, float32
                             optimizer.safetensors  the optimizer's tensors
                             state.json             step, config, fingerprints, optimizer's numbers
                             manifest.json          SHA-256 of each, written last

There is no random state to save: noise, timesteps and the order of the images are drawn from
generators seeded with (seed, step).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from booth import disk
from booth.errors import CheckpointError

KEEP = 2

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """One saved state, read back."""

    step: int
    weights: Tensors
    optimizer: dict[str, Any]  # as torch's `Optimizer.load_state_dict` wants it
    facts: dict[str, Any]


def save(
    folder: Path, step: int, weights: Tensors, optimizer: dict[str, Any], facts: dict[str, Any]
) -> Path:
    """Write the state after `step` steps; older ones go only after it re-reads clean."""
    final = folder / f"step-{step:06d}"
    tensors, numbers = _split(optimizer)
    with disk.new_folder(final) as staging:
        _save_tensors(staging / "weights.safetensors", weights)
        _save_tensors(staging / "optimizer.safetensors", tensors)
        state = {"step": step, "optimizer": numbers, "facts": facts}
        disk.write_json(staging / "state.json", state)
    disk.verify(final)
    for old in _folders(folder)[:-KEEP]:
        disk.remove_folder(old)
    return final


def latest(folder: Path) -> Checkpoint | None:
    """The newest state that reads back whole, or None; damaged ones are passed over."""
    for candidate in reversed(_folders(folder)):
        try:
            disk.verify(candidate)
            return _load(candidate)
        except CheckpointError:
            continue
    return None


def newest_step(folder: Path) -> int:
    """The step of the newest saved state, 0 when there is none; does not check it."""
    return max((int(path.name.removeprefix("step-")) for path in _folders(folder)), default=0)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.is_dir())


def _load(folder: Path) -> Checkpoint:
    state = disk.read_json(folder / "state.json")
    tensors = load_file(folder / "optimizer.safetensors")
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}  # let go of the file
    return Checkpoint(
        step=state["step"],
        weights=load_file(folder / "weights.safetensors"),
        optimizer=_join(tensors, state["optimizer"]),
        facts=state["facts"],
    )


def _save_tensors(path: Path, tensors: Tensors) -> None:
    ours = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    seen: set[int] = set()
    for name, tensor in ours.items():  # 8-bit Adam shares its tables; a file may not
        if tensor.data_ptr() in seen:
            ours[name] = tensor.clone()
        seen.add(tensor.data_ptr())
    save_file(ours, path)


def _split(optimizer: dict[str, Any]) -> tuple[Tensors, dict[str, Any]]:
    """An optimizer's state dict as flat tensors and JSON-ready numbers, both named by path."""
    tensors: Tensors = {}
    numbers: dict[str, Any] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{path}/{name}" if path else str(name), inner)
        elif isinstance(value, torch.Tensor):
            tensors[path] = value
        else:
            numbers[path] = value

    walk("", optimizer["state"])
    return tensors, {"state": numbers, "param_groups": optimizer["param_groups"]}


def _join(tensors: Tensors, numbers: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `_split`."""
    state: dict[Any, Any] = {}
    for path, value in {**tensors, **numbers["state"]}.items():
        index, *names, last = path.split("/")
        place = state.setdefault(int(index), {})
        for name in names:
            place = place.setdefault(name, {})
        place[last] = value
    return {"state": state, "param_groups": numbers["param_groups"]}
