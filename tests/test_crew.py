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
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    return [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("more", [[], ["--train-text-encoder"]])
def test_two_processes_learn_what_one_learns_with_twice_the_batch(
    tmp_path: Path, base_folder: Path, photo_files: list[Path], more: list[str]
) -> None:
    python, base = [sys.executable], ["--base", str(base_folder), *more]
    launch = [*python, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2",
              "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
              "--main_process_port", "0"]  # fmt: skip
    alone = trained(tmp_path / "alone", python, photo_files, "--batch-size", "2", *base)
    both = trained(tmp_path / "both", launch, photo_files, "--batch-size", "1", *base)
    one, two = ([line for line in lines if line["event"] == "loss"] for lines in (alone, both))
    assert [line["step"] for line in one] == [line["step"] for line in two] == [1, 2, 3]
    for left, right in zip(one, two, strict=True):
        assert right["instance"] == pytest.approx(left["instance"], rel=1e-4)
        assert right["prior"] == pytest.approx(left["prior"], rel=1e-4)
    assert both[-1]["event"] == "done"
    ours, theirs = (
        load_file(f"{lines[-1]['weights']}/unet/diffusion_pytorch_model.safetensors")
        for lines in (both, alone)
    )
    assert max((ours[n].float() - theirs[n].float()).abs().max() for n in ours) < 2e-3
