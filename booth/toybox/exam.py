"""What the score asks of Toybox, and what its judges make of the pictures.

Two parts: `words` that never came together in training, and `dreambooth` on unseen subjects.
Every picture Toybox takes and every result of one is kept, under a key of all it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from PIL import Image

from booth import catalogue, disk, models, prompts
from booth.catalogue import BaseModel
from booth.config import to_dict
from booth.models import Parts
from booth.toybox import metrics, trials
from booth.toybox.dataset import UNSEEN
from booth.toybox.judges import checker, lessons
from booth.toybox.judges.eye import pixels_of
from booth.toybox.judges.panel import Judges
from booth.toybox.looks import CLASSES, random_look
from booth.toybox.questions import HEADS, Question, questions
from booth.toybox.scene import Scene, draw
from booth.toybox.takes import digest, seconds_per_picture, take

RENDERS = UNSEEN + 70_000  # seeds of what the world draws for questions and prompts
VERSION = 4  # of how figures are made from pictures; results of another version are not reused


@dataclass(frozen=True)
class Plan:
    """How much is asked."""

    questions: int = 216
    subjects: int = len(CLASSES)
    prompts: int = 25  # of the paper's; fewer where Toybox knows fewer, or a photo answers one
    pictures: int = 4  # per prompt; DIV needs two
    class_pictures: int = 8  # of "a [class noun]", for PRES
    steps: float = 1.0  # share of the catalogue's training steps


QUICK = Plan(43, 1, 2, 2, 3, 0.4)
"""A little of everything, with shorter trainings, to see that all runs: not the score."""


@dataclass(frozen=True)
class Booth:
    """The model that is scored: its row in the catalogue, its fingerprint, where work is kept."""

    base: BaseModel
    fingerprint: str
    work: Path

    @staticmethod
    def of(model: Path, work: Path) -> Booth:
        """Toybox's row of the catalogue with the weights in `model`."""
        models.check(model)
        base = replace(catalogue.find("toybox"), folder=model)
        fingerprint = models.fingerprint(model)
        return Booth(base, fingerprint, work / fingerprint)

    def parts(self) -> Parts:
        """The untrained model, fresh from disk."""
        assert self.base.folder is not None
        return models.load(self.base.folder)


def remembered(path: Path, key: Any, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result kept at `path`, if it was made with the same `key`; else it is made and kept."""
    try:
        kept = disk.read_json(path)
        if kept["key"] == digest(key):
            return dict(kept["result"])
    except (OSError, ValueError, KeyError):
        pass
    result = work()
    disk.write_json(path, {"key": digest(key), "result": result})
    return result


def words(booth: Booth, judges: Judges, plan: Plan) -> dict[str, Any]:
    """Part one: the share of pictures that show what was asked for, by head.

    Beside it the share of renders of the same questions: how far the checker can be trusted.
    """
    asked = spread(questions(max(Plan.questions, plan.questions)), plan.questions)
    said = [question.prompt for question in asked]
    folder = booth.work / "words"

    def work() -> dict[str, Any]:
        print(f"words: {len(said)} pictures", flush=True)
        pairs = [(prompt, seed) for seed, prompt in enumerate(said)]
        taken = take(booth.parts, pairs, booth.base.sampling, folder)
        return {**graded(asked, judges.checker.read(taken)), "seconds": seconds_per_picture(folder)}

    expected = [question.expected for question in asked]
    key = [VERSION, judges.fingerprint, said, expected, to_dict(booth.base.sampling)]
    told = remembered(folder / f"result_{len(said)}.json", key, work)
    scenes = [question.scene(RENDERS + n) for n, question in enumerate(asked)]
    renders = judges.checker.read([draw(scene, judges.checker.size) for scene in scenes])
    return {**told, "renders": graded(asked, renders)["accuracy"]}


def graded(asked: Sequence[Question], told: checker.Readings) -> dict[str, Any]:
    """The share of right answers and how many were asked, by head; None where none was asked."""
    shares, counts = {}, {}
    for head in HEADS:
        right = [
            told[head][n] == question.expected[head]
            for n, question in enumerate(asked)
            if head in question.expected
        ]
        shares[head], counts[head] = (sum(right) / len(right) if right else None), len(right)
    return {"accuracy": shares, "asked": counts}


def dreambooth(booth: Booth, judges: Judges, plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Part two: the figures of every condition, subject by subject."""
    figures = [subject(booth, judges, plan, number) for number in sitters(plan)]
    return {name: [row[name] for row in figures] for name in figures[0]}


def sitters(plan: Plan) -> list[int]:
    """The numbers of the subjects: few are spread over all classes."""
    return spread(trials.strangers(max(len(CLASSES), plan.subjects)), plan.subjects)


def subject(booth: Booth, judges: Judges, plan: Plan, number: int) -> dict[str, dict[str, Any]]:
    """The figures of one subject by condition, and of what the world draws.

    The ceiling is other renders of the subject as it is in its photos; "drawn" is renders of it
    as the same prompts want it, which may be red or in a police outfit.
    """
    who = trials.sitter(number, booth.base.sampling.resolution)
    photos = judges.likeness.look(who.photos), judges.clip.look(who.photos)
    others = judges.likeness.look(who.others), judges.clip.look(who.others)
    pairs = zip(("dino", "clip_i"), others, photos, strict=True)
    ceiling = {name: metrics.fidelity(other, photo) for name, other, photo in pairs}
    templates = templates_of(booth, plan, who)
    drawn = judged(judges, who, templates, drawn_for(who, templates, plan))
    rest = {each.name: trial(booth, judges, plan, each, who) for each in trials.CONDITIONS}
    return {"ceiling": ceiling, "drawn": drawn, **rest}


def templates_of(booth: Booth, plan: Plan, who: trials.Sitter) -> list[str]:
    """Which of the paper's prompts are asked for a subject: if possible, of no place it was in."""
    chosen = spread(trials.paper_prompts(who.class_noun, booth.base.words), plan.prompts)
    return [template for template in chosen if not who.was_seen(template)] or chosen


def trial(
    booth: Booth, judges: Judges, plan: Plan, condition: trials.Condition, who: trials.Sitter
) -> dict[str, Any]:
    """One condition's figures for one subject: trained, photographed and judged, or remembered."""
    config = trials.settings(condition, booth.base, who, plan.steps)
    course = trials.Training(condition, who, config, booth.base, booth.fingerprint)
    facts = {**course.facts(), "trained": condition.trained}
    home = booth.work / f"{who.number:02d} {who.class_noun}"
    folder = home / f"{condition.name} {digest(facts)[:8]}"
    templates = templates_of(booth, plan, who)
    asked = asked_of(course, templates, plan)

    def work() -> dict[str, Any]:
        print(f"{who.number:02d} {who.class_noun}: {condition.name}", flush=True)
        taken = taken_of(booth, course, asked, folder)
        seconds = folder / "training.json"
        trained = disk.read_json(seconds) if seconds.exists() else {}
        return {**judged(judges, who, templates, taken), **trained}

    key = [VERSION, judges.fingerprint, facts, templates, asked]
    return remembered(folder / "result.json", [key, to_dict(booth.base.sampling)], work)


Item = TypeVar("Item")


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of the items, evenly spread."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


Asked = list[tuple[str, int]]
"""Prompts with their seeds."""


def asked_of(course: trials.Training, templates: Sequence[str], plan: Plan) -> tuple[Asked, Asked]:
    """What is asked of a trained model: its subject in every template, and its true class."""
    mine = [
        (trials.filled(template, course.called), seed)
        for template in templates
        for seed in range(plan.pictures)
    ]
    of_class = prompts.class_prompt(course.who.class_noun)
    return mine, [(of_class, 1000 + seed) for seed in range(plan.class_pictures)]


Taken = tuple[list[Image.Image], list[Image.Image]]
"""Pictures of the subject, prompt by prompt, and pictures of its class."""


def drawn_for(who: trials.Sitter, templates: Sequence[str], plan: Plan) -> Taken:
    """Renders in place of pictures: the subject in every template, and others of its class."""
    size = who.photos[0].width
    mine = [
        trials.asked_scene(who, template, RENDERS + seed)
        for template in templates
        for seed in range(plan.pictures)
    ]
    of_class = [
        Scene(random_look(who.class_noun, RENDERS + seed), seed=RENDERS + seed)
        for seed in range(plan.class_pictures)
    ]
    images = [Image.fromarray(draw(scene, size)) for scene in mine + of_class]
    return images[: len(mine)], images[len(mine) :]


def taken_of(
    booth: Booth, course: trials.Training, asked: tuple[Asked, Asked], folder: Path
) -> Taken:
    """Pictures of the subject and of its class, by a model that is trained if one is missing."""

    def parts() -> Parts:
        loaded = booth.parts()
        if course.condition.trained:
            course.run(loaded, folder, booth.work / "priors")
        return loaded

    mine, of_class = asked
    taken = take(parts, mine + of_class, booth.base.sampling, folder / "pictures")
    disk.remove_folder(folder / "checkpoints")
    return taken[: len(mine)], taken[len(mine) :]


def judged(
    judges: Judges, who: trials.Sitter, templates: Sequence[str], taken: Taken
) -> dict[str, float]:
    """DINO, CLIP-I, CLIP-T, PRES and DIV of pictures; DIV compares pictures of one prompt.

    CLIP-T compares with the prompt under the right class noun and without the identifier, in
    every condition: that is what a person wants to see, and the judge has no word for [V].
    """
    mine, of_class = taken
    each = len(mine) // len(templates)
    by_prompt = [mine[start : start + each] for start in range(0, len(mine), each)]
    said = [trials.filled(text, who.class_noun) for text in templates for _ in range(each)]
    seen = judges.clip.look(mine)
    photos = judges.likeness.look(who.photos)
    device = lessons.device_of(judges.checker)
    with torch.no_grad():
        spread_out = [
            metrics.diversity(
                pixels_of(alike, judges.checker.size).to(device), judges.checker.distance
            )
            for alike in by_prompt
        ]
    return {
        "dino": metrics.fidelity(judges.likeness.look(mine), photos),
        "clip_i": metrics.fidelity(seen, judges.clip.look(who.photos)),
        "clip_t": metrics.prompt_fidelity(seen, judges.clip.read(said)),
        "pres": metrics.fidelity(judges.likeness.look(of_class), photos),
        "div": sum(spread_out) / len(spread_out),
    }
