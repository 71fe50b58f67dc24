"""One task in a process of its own: `python -m booth.bench.child TASK FOLDER [RESULT JSON]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from booth.bench.plan import Plan


def main(arguments: Sequence[str]) -> None:
    """Prepare the scene, pass the gate, or time a variant of ours."""
    task, folder = arguments[0], Path(arguments[1])
    if task == "prepare":
        from booth.bench import scene

        scene.prepare(folder)
        return
    told = json.loads(arguments[3])
    plan, result = Plan(**told["plan"]), Path(arguments[2])
    if task == "gate":
        from booth.bench import gate

        gate.prove(folder, plan)
        return
    from booth.bench import measure

    if task == "ours":
        from booth.bench import ours

        measure.run(ours.train(folder, plan, told["options"]), plan, result)
    else:
        from booth.bench import loop

        measure.run(loop.Loop(folder, plan, told["options"]).steps(), plan, result)


if __name__ == "__main__":
    main(sys.argv[1:])
