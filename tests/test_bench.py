"""The benchmark: ratios, the stopwatch, the gate, and processes of their own. Nothing is timed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from booth import cli, models, passages
from booth.bench import command, gate, ours, plan, report, scene, stopwatch
from booth.bench.plan import Plan, Variant
from booth.bench.stopwatch import Mark
from booth.errors import BoothError
from tests import tiny

TINY = Plan(False, 64, 1, 1, 2, "fp32", learning_rate=1e-4, gate_steps=3, threads=1)
PEER = """
import os, sys, time
assert "--with_prior_preservation" in sys.argv and "--flag" in sys.argv
assert not any(a.startswith("--validation") or a == "--push_to_hub" for a in sys.argv)
from torchvision import transforms
from PIL import Image
shown = transforms.Compose([transforms.Resize(8), transforms.CenterCrop(8),
    transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])(Image.new("RGB", (16, 24), "white"))
assert shown.shape == (3, 8, 8) and shown.min() == 1
for step in range(10**6):
    sys.stderr.write(f"\\rSteps:   0%| | {step}/1000000 [00:00<00:00, 1.0it/s, loss=1]")
    sys.stderr.flush()
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with the tests' tiny model."""
    folder = tmp_path_factory.mktemp("scene")
    tiny.save(folder / "model")
    scene._images(folder / "photos", 3, 64, first_seed=0)
    scene._images(folder / "priors", 4, 64, first_seed=9)
    return folder


def visits(rate: float, memory: int = 100) -> list[dict[str, Any]]:
    one = {"windows": [rate, rate * 2, rate], "cpu_windows": [rate] * 3, "first_step": 4.0}
    return [{**one, "rss": memory, "pid": 1}]


def told(cuda: bool = False, numerics: str = "ok") -> dict[str, Any]:
    facts = {"cuda": cuda, "device": "a device", "versions": {"torch": "2"}}
    facts |= {"unet_operations": 10.0, "matmul_ceiling": 400.0}
    passed = {"numerics": numerics, "steps": 3, "loss_difference": 0.0, "weights_difference": 0.0}
    return {"facts": facts, "plan": {}, "peer": None, "gate": passed}


def built(found: dict[str, Any], **how: Any) -> dict[str, Any]:
    return report.build(found, told(**how), {name: {"kind": "loop"} for name in found})


def test_a_ratio_is_ours_divided_by_the_peers_quickest_way() -> None:
    found = {plan.PEER_DEFAULT: visits(1), plan.PEER_BEST: visits(2), "ours": visits(6, 50)}
    result = built({**found, plan.REFERENCE.name: visits(3)})
    assert result["steps_per_second_ratio"] == 3
    assert result["peak_memory_ratio"] == 0.5
    assert result["baseline"] == plan.PEER_BEST
    found[plan.PEER_DEFAULT] = visits(3)  # as where data workers take the processor away
    result = built(found)
    assert (result["baseline"], result["steps_per_second_ratio"]) == (plan.PEER_DEFAULT, 2)


def test_without_a_peer_the_reference_semantics_are_the_baseline() -> None:
    result = built({plan.REFERENCE.name: visits(3), "ours": visits(6)})
    assert (result["baseline"], result["steps_per_second_ratio"]) == (plan.REFERENCE.name, 2)


def test_failed_numerics_void_our_row() -> None:
    result = built({plan.REFERENCE.name: visits(3), "ours": visits(6)}, numerics="failed: the loss")
    summary = report.summary(result)
    assert summary["steps_per_second_ratio"] is None and summary["numerics"].startswith("failed")
    assert re.search(r"\| ours \| void \|", report.table(result))
    assert "2.00" not in re.findall(r"\| ours .*", report.table(result))[0]


def test_a_trial_that_computes_something_else_is_void_and_brings_nothing() -> None:
    good, bad = plan.TRIALS
    found = {plan.REFERENCE.name: visits(1), "ours": visits(2)}
    found |= {good.name: visits(4), bad.name: visits(8)}
    facts = told(cuda=True)
    facts["gate"]["trials"] = {good.name: "ok", bad.name: "failed: the loss"}
    result = report.build(found, facts, {name: {"kind": "ours"} for name in found})
    assert [line["step"] for line in result["ladder"]] == ["ours", good.name]
    assert f"| {bad.name} | void |" in report.table(result)


def test_a_trial_that_cannot_run_is_left_out_and_anything_else_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = {"cuda": True, "bf16": True, "device": "a card", "versions": {}}
    facts |= {"unet_operations": 1.0, "matmul_ceiling": 1.0}
    broken = plan.TRIALS[1].name

    def visit(variant: Variant, *_: Any) -> dict[str, Any]:
        if variant.name == broken:
            raise BoothError("It stopped early.", "Run it alone.")
        return visits(1)[0]

    passed = told()["gate"]
    monkeypatch.setattr(command, "_task", lambda task, *_: facts if task == "prepare" else passed)
    monkeypatch.setattr(command, "visit", visit)
    *lines, last = command.run()
    assert broken not in last["variants"] and plan.TRIALS[0].name in last["variants"]
    assert any(line["event"] == "notice" and broken in line["text"] for line in lines)
    broken = plan.OURS.name
    with pytest.raises(BoothError, match="stopped early"):
        list(command.run())


def test_the_last_line_for_programs_has_its_keys() -> None:
    summary = report.summary(built({plan.REFERENCE.name: visits(3), "ours": visits(6)}))
    keys = {"device", "steps_per_second_ratio", "peak_memory_ratio", "numerics"}
    assert keys <= summary.keys() and json.loads(json.dumps(summary)) == summary


def test_without_a_card_only_ratios_are_told() -> None:
    result = built({plan.REFERENCE.name: visits(3.25, 777), "ours": visits(6.5, 777)})
    baseline = result["variants"][plan.REFERENCE.name]
    assert baseline["steps_per_second"]["median"] == baseline["peak_memory"] == 1
    assert baseline["visits"][0]["windows"] == [1, 2, 1] and baseline["first_step"] == 1
    text = report.table(result) + json.dumps(result["variants"])
    for word in ("it/s", "GiB", "share", "3.25", "777"):
        assert word not in text


def test_with_a_card_the_share_of_its_matmul_ceiling_is_told() -> None:
    result = built({plan.REFERENCE.name: visits(4), "ours": visits(8)}, cuda=True)
    assert result["variants"]["ours"]["share_of_ceiling"] == pytest.approx(0.2)
    assert "it/s" in report.table(result) and "20.0%" in report.table(result)


def test_every_rung_is_compared_with_the_one_below() -> None:
    rungs = plan.ladder()
    assert [len(rung.options) for rung in rungs] == list(range(1, len(plan.RUNGS) + 1))
    assert plan.ladder(cuda=True) == [*rungs, *plan.TRIALS]
    found = {plan.REFERENCE.name: visits(1)}
    found |= {rung.name: visits(2.0**n) for n, rung in enumerate(rungs, 1)}
    result = built({**found, "ours": visits(2.0 ** len(rungs))})
    assert [line["gain"] for line in result["ladder"]] == [2] * len(rungs) + [1]


def test_the_main_variants_are_visited_forward_and_backward() -> None:
    main = plan.main_variants(TINY, Path("peer.py"), 2)
    order = [variant.name for variant in plan.visits(main, plan.ladder())]
    assert order[: len(main)] == order[: -len(main) - 1 : -1]
    assert len(order) == 2 * len(main) + len(plan.RUNGS)


def test_steps_are_read_from_bars_however_their_output_is_cut() -> None:
    said = b"Loading: 3/36 [00:00\rSteps: 0%| 1/1000000 [00:01<, loss=2]\rSteps: 2/1000000 ["
    for cut in range(len(said)):
        assert list(stopwatch.steps_done([said[:cut], said[cut:]]))[-1] == 2
        assert set(stopwatch.steps_done([said[:cut], said[cut:]])) == {1, 2}


def test_windows_lie_between_the_last_moments_of_their_ends() -> None:
    ticks = iter([(1.0, 0.0), (1.5, 0.5), (3.0, 1.0), (7.0, 2.0)])
    marks = stopwatch.timed([1, 1, 2, 3, 4], lambda: next(ticks), until=3)
    assert marks == {1: Mark(1.5, 0.5), 2: Mark(3.0, 1.0), 3: Mark(7.0, 2.0)}
    assert stopwatch.windows(marks, TINY) == ([1 / 1.5, 1 / 4.0], [2.0, 1.0])


def test_our_loop_passes_the_gate(folder: Path) -> None:
    verdict = gate.prove(folder, TINY)
    assert verdict["numerics"] == "ok" and verdict["loss_difference"] < 1e-5


def test_loops_that_compute_something_else_fail_the_gate(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = gate.traced(folder, 3, lambda: gate.plainly(folder, ours.config(TINY)))

    def verdict(**options: Any) -> str:
        config = replace(ours.config(TINY), **options)
        mine = gate.traced(folder, 3, lambda: ours.begun(folder, config))
        return str(gate.compare(reference, mine, gate.TOLERANCES["fp32"])["numerics"])

    assert verdict() == "ok"
    assert verdict(prior_loss_weight=0.99).startswith("failed: the loss of step")
    assert "weights" in verdict(learning_rate=1.01e-4)
    once = ours.draw
    monkeypatch.setattr(  # one noise for ever
        ours, "draw", lambda e, c, step, f: once(e, c, min(step, 1), f)
    )
    assert verdict().startswith("failed")


def test_behind_a_copy_in_half_precision_the_gate_asks_for_exact_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = replace(TINY, precision="bf16")
    monkeypatch.setattr(models, "quick", lambda: torch.bfloat16)  # as on a card
    exact, seen = ours.exact, []

    def watched(copy: models.Parts, config: Any) -> models.Parts:
        parts = exact(copy, config)
        seen.append((copy.vae.dtype, copy.unet.dtype, parts.unet.dtype))
        return parts

    monkeypatch.setattr(ours, "exact", watched)
    assert gate.prove(folder, halves)["numerics"] == "ok"
    assert seen == [(torch.bfloat16, torch.bfloat16, torch.float32)]
    monkeypatch.setattr(ours, "exact", lambda copy, config: copy)  # the copy itself learns
    assert "weights" in gate.prove(folder, halves)["numerics"]


def test_a_loss_that_is_no_number_fails_the_gate() -> None:
    still = {"w": torch.ones(2)}
    verdict = gate.compare(
        gate.Trace([1.0, 1.0], still),
        gate.Trace([float("nan"), 1.0], still),
        gate.TOLERANCES["fp32"],
    )
    assert verdict["numerics"].startswith("failed: the loss of step 1")


def test_the_gate_knows_which_image_ours_has_drawn(folder: Path) -> None:
    parts = models.load(folder / "model")
    examples, config = ours.encoded(parts, folder), ours.config(TINY)
    for step in range(5):
        chosen, blank = ours.drawn(parts, examples, config, step)
        batch = ours.draw(examples, config, step, (1.0, 1000))
        assert examples.prior is not None
        moments = torch.stack([examples.instance[chosen[0], 0], examples.prior[chosen[1], 0]])
        mean, log_variance = moments.chunk(2, dim=1)
        torch.testing.assert_close(mean + (log_variance / 2).exp() * blank.latents, batch.latents)


def test_every_variant_runs_in_a_process_of_its_own(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "peer.py"
    script.write_text(PEER)
    all_rungs = dict.fromkeys(plan.RUNGS, True)
    variants = [
        plan.OURS,
        Variant("all", "loop", all_rungs),
        Variant("peer", "peer", {"script": str(script), "flags": ["--flag"]}),
    ]
    seen = [command.visit(v, TINY, folder, tmp_path / v.kind / v.name) for v in variants]
    assert len({visit["pid"] for visit in seen} | {os.getpid()}) == len(variants) + 1
    for visit in seen:
        assert len(visit["windows"]) == TINY.windows and visit["rss"] > 2**20


def test_a_peer_that_breaks_is_told_with_its_last_words(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "peer.py"
    script.write_text("raise SystemExit('no such flag')")
    broken = Variant("peer", "peer", {"script": str(script), "flags": []})
    with pytest.raises(BoothError, match="no such flag"):
        command.visit(broken, TINY, folder, tmp_path / "own")


def test_the_command_ends_with_the_numbers_and_writes_what_it_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {plan.REFERENCE.name: visits(3), "ours": visits(6)}

    def measured(peer: Path | None, with_ladder: bool) -> Iterator[dict[str, Any]]:
        yield {"event": "progress", "stage": "Timing", "done": 0, "total": 1}
        yield {"event": "report", **built(found)}

    monkeypatch.setattr(command, "run", measured)
    readme, out = tmp_path / "README.md", tmp_path / "all.json"
    readme.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n")
    cli.main(["bench", "--json", "--readme", str(readme), "--out", str(out)])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["steps_per_second_ratio"] == 2 and last["numerics"] == "ok"
    assert json.loads(out.read_text())["variants"]["ours"]["visits"][0]["windows"]
    text = readme.read_text()
    assert "old" not in text and "| ours |" in text
    assert text.startswith("before") and text.endswith("after\n")


def test_a_readme_without_a_place_is_refused(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(BoothError, match="no place"):
        passages.write(readme, "bench", "table")
