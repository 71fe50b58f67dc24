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
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import torch

from booth import catalogue, disk, passages
from booth.errors import BoothError
from booth.toybox.exam import QUICK, Booth, Plan, dreambooth, sitters, subject, words
from booth.toybox.judges.panel import Judges
from booth.toybox.scorecard import report, summary, tables

SMALLER = {
    "questions": "how many prompts the checker reads",
    "subjects": "how many unseen subjects to train on",
    "prompts": "how many of the paper's prompts to ask for each",
    "pictures": "how many pictures to take of each prompt",
}
"""What may be asked less of than the whole, by the plan's field."""


def score_of(booth: Booth, judges: Judges, plan: Plan) -> dict[str, Any]:
    """The whole score, going on from what is under the booth's `work`."""
    own = judges.figures.get("checker", {}).get("accuracy", {})
    told = summary(words(booth, judges, plan), dreambooth(booth, judges, plan), own)
    return {**told, "prompts": plan.prompts, "pictures": plan.pictures}


def ahead(booth: Booth, judges: Path, plan: Plan, processes: int) -> None:
    """Make the results of all subjects in several processes; the score then trains nothing."""
    threads = max(1, torch.get_num_threads() // processes)
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, _begin, (threads,)) as pool:
        list(pool.map(partial(_subject, booth, judges, plan), sitters(plan)))


def _begin(threads: int) -> None:
    """A process of several begins; it ends with the one that began it, however that ended."""
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # whatever it was at; its pictures are written whole or not at all


def _subject(booth: Booth, judges: Path, plan: Plan, number: int) -> None:
    subject(booth, Judges.load(judges), plan, number)


def choices() -> argparse.Namespace:
    """What the command line asks for."""
    assets = catalogue.assets()
    parser = argparse.ArgumentParser(prog="python -m booth.toybox.score", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--quick", action="store_true", help="a little of all, to see that it runs")
    for name, meaning in SMALLER.items():
        parser.add_argument(f"--{name}", type=int, help=meaning)
    parser.add_argument("--processes", type=int, default=1, help="subjects trained side by side")
    parser.add_argument("--model", type=Path, default=assets / "toybox")
    parser.add_argument("--judges", type=Path, default=assets / "toybox_judges")
    parser.add_argument("--work", type=Path, default=Path(".work/score"))
    parser.add_argument("--out", type=Path, help="a file to write the score to as well, as JSON")
    parser.add_argument("--readme", type=Path, help="put the tables into this Markdown file")
    chosen = parser.parse_args()
    if min(getattr(chosen, name) or 1 for name in (*SMALLER, "processes")) < 1:
        parser.error("ask for at least one of everything")
    return chosen


def main() -> None:
    """Read the command line and print the score."""
    chosen = choices()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    asked = {name: getattr(chosen, name) for name in SMALLER if getattr(chosen, name)}
    plan = replace(QUICK if chosen.quick else Plan(), **asked)
    try:
        if chosen.readme:
            passages.check(chosen.readme, "score")
        judges = Judges.load(chosen.judges)
        booth = Booth.of(chosen.model, chosen.work)
        if chosen.processes > 1:
            ahead(booth, chosen.judges, plan, chosen.processes)
        score = score_of(booth, judges, plan)
        print(report(score))
        if chosen.out:
            disk.write_json(chosen.out, score)
        if chosen.readme:
            passages.write(chosen.readme, "score", tables(score))
    except BoothError as error:
        sys.exit(str(error))
    if chosen.json:
        print(json.dumps(score))


if __name__ == "__main__":
    main()
