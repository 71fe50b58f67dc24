"""Runs diffusers' `train_dreambooth.py`, unmodified, and says how much memory it took.

`python -m booth.bench.peer RESULT SCRIPT FLAGS...`: the script runs in this process as it would
on its own. It is stopped (SIGTERM) when its last measured step is done, before it would save a
pipeline; what it took until then goes to RESULT.
"""

from __future__ import annotations

import importlib.util
import runpy
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from booth.bench import measure
from booth.bench.plan import ENDLESS, PRIORS, PROMPTS, Plan


def flags(folder: Path, output: Path, plan: Plan) -> list[str]:
    """What the script must be told to train on the scene and to do nothing else.

    The prior images lie there already, so it makes none; there is no validation and no upload.
    Its default reporter, TensorBoard, is passed over in silence where it is not installed.
    """
    told: dict[str, Any] = {
        "pretrained_model_name_or_path": folder / "model",
        "instance_data_dir": folder / "photos",
        "class_data_dir": folder / "priors",
        "instance_prompt": PROMPTS[0],
        "class_prompt": PROMPTS[1],
        "num_class_images": PRIORS,
        "resolution": plan.resolution,
        "train_batch_size": 1,
        "learning_rate": plan.learning_rate,
        "max_train_steps": ENDLESS,
        "checkpointing_steps": ENDLESS,
        "output_dir": output,
    }
    return ["--with_prior_preservation", *(f"--{name}={value}" for name, value in told.items())]


def main(arguments: Sequence[str]) -> None:
    """Run the script until it ends or is stopped."""
    result, script = Path(arguments[0]), arguments[1]

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        measure.finish(result)
        raise SystemExit(0)

    if importlib.util.find_spec("torchvision") is None:
        from booth.bench import standin

        standin.install()
    signal.signal(signal.SIGTERM, stop)
    sys.argv = [script, *arguments[2:]]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
