"""Two processes that train together learn what one with twice the batch learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

OPTIONS = ["--class-noun", "dog", "--steps", "3", "--prior-images", "4", "--resolution", "64",
           "--learning-rate", "1e-3", "--seed", "3", "--json"]  # fmt: skip


def trained(home: Path, launcher: list[str], photos: list[Path], *more: str) -> list[dict]:
    """The lines that `booth train` says, started by `launcher` in a library of its own."""
    command = [*launcher, "-m", "booth", "train", *map(str, photos), "--name", "Rex"]
    told = subprocess.run(
        [*command, *OPTIONS, *more],
        env={**os.environ, "BOOTH_HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    return [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]


def test_two_processes_learn_what_one_learns_with_twice_the_batch(
    tmp_path: Path, base_folder: Path, photo_files: list[Path]
) -> None:
    python = [sys.executable]
    # torchrun's way, which a launch on cards takes; without cards the processes talk by gloo
    launch = [*python, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
              "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
              "--main_process_port", "0"]  # fmt: skip
    options = ("--base", str(base_folder), "--train-text-encoder", "--batch-size")
    alone = trained(tmp_path / "alone", python, photo_files, *options, "2")
    both = trained(tmp_path / "both", launch, photo_files, *options, "1")
    one, two = (
        [line for line in lines if line["event"] in ("loss", "saved", "done")]
        for lines in (alone, both)
    )
    assert [line["event"] for line in one] == [line["event"] for line in two]
    assert two[0]["instance"] == pytest.approx(one[0]["instance"], rel=1e-5)
    assert two[0]["prior"] == pytest.approx(one[0]["prior"], rel=1e-5)
    ours, theirs = (
        load_file(f"{lines[-1]['weights']}/unet/diffusion_pytorch_model.safetensors")
        for lines in (both, alone)
    )
    assert max((ours[name].float() - theirs[name].float()).abs().max() for name in ours) < 2e-3
