"""How good Toybox is, read by judges that have only seen renders: `python -m booth.toybox.score`.

Two parts. Words: prompts whose words never came together in training, read by the checker.
DreamBooth: unseen subjects in the paper's conditions, compared by Toybox's own CLIP and by a
subject encoder in DINO's place, whose figures keep the paper's name "dino".
Every picture and every result is kept under --work, so the score goes on where it was stopped;
other weights, judges, settings or prompts are never mixed with it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from booth import catalogue
from booth.errors import BoothError
from booth.toybox.exam import QUICK, Booth, Plan, dreambooth, words
from booth.toybox.judges.panel import Judges
from booth.toybox.scorecard import report, summary


def score_of(booth: Booth, judges: Judges, plan: Plan) -> dict[str, Any]:
    """The whole score, going on from what is under the booth's `work`."""
    own = judges.figures.get("checker", {}).get("accuracy", {})
    return summary(words(booth, judges, plan), dreambooth(booth, judges, plan), own)


def choices() -> argparse.Namespace:
    """What the command line asks for."""
    assets = catalogue.assets()
    parser = argparse.ArgumentParser(prog="python -m booth.toybox.score", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--quick", action="store_true", help="a tenth, to see that all runs")
    parser.add_argument("--subjects", type=int, help="how many unseen subjects to train on")
    parser.add_argument("--model", type=Path, default=assets / "toybox")
    parser.add_argument("--judges", type=Path, default=assets / "toybox_judges")
    parser.add_argument("--work", type=Path, default=Path(".work/score"))
    return parser.parse_args()


def main() -> None:
    """Read the command line and print the score."""
    chosen = choices()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    plan = QUICK if chosen.quick else Plan()
    plan = replace(plan, subjects=chosen.subjects or plan.subjects)
    try:
        judges = Judges.load(chosen.judges)
        score = score_of(Booth.of(chosen.model, chosen.work), judges, plan)
    except BoothError as error:
        sys.exit(str(error))
    print(report(score))
    if chosen.json:
        print(json.dumps(score))


if __name__ == "__main__":
    main()
