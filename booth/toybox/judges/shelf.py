"""Judges on disk: one folder each with a config and float16 safetensors, nothing else is read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors import torch as tensors
from torch import nn

from booth import disk
from booth.errors import BoothError

NAMES = ("checker", "clip", "likeness")
LIMIT = 6 * 2**20  # bytes, all judges together


def put(net: nn.Module, folder: Path, config: dict[str, Any]) -> None:
    """Write a judge's weights, halved, and its config into `folder`."""
    state = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in net.state_dict().items()
    }
    disk.write_bytes(folder / "model.safetensors", tensors.save(state))
    disk.write_json(folder / "config.json", config)


def config_of(folder: Path) -> dict[str, Any]:
    """A judge's config. Raises `BoothError` when there is no judge in `folder`."""
    try:
        return dict(disk.read_json(folder / "config.json"))
    except (OSError, ValueError) as error:
        raise _missing(folder) from error


def fill(net: nn.Module, folder: Path) -> None:
    """Load the weights in `folder` into a new judge and make it ready to look at pictures."""
    try:
        state = tensors.load((folder / "model.safetensors").read_bytes())
        net.load_state_dict({name: value.to(_wide(value)) for name, value in state.items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _missing(folder) from error
    net.requires_grad_(False).eval()


def fingerprint(root: Path) -> str:
    """What the judges in `root` are, in 16 hexadecimal digits: a digest of all that they know."""
    digest = hashlib.sha256()
    for name in NAMES:
        folder = root / name
        words = sorted((folder / "tokenizer").glob("*.json"))
        try:
            for file in (folder / "config.json", folder / "model.safetensors", *words):
                digest.update(disk.sha256(file).encode())
        except OSError as error:
            raise _missing(folder) from error
    return digest.hexdigest()[:16]


def _wide(value: torch.Tensor) -> torch.dtype:
    return torch.float32 if value.is_floating_point() else value.dtype


def _missing(folder: Path) -> BoothError:
    return BoothError(
        f'There is no whole judge "{folder.name}" in {folder.parent}.',
        f"Train it: python -m booth.toybox.pretrain --stage {folder.name} (after --stage draw).",
    )
