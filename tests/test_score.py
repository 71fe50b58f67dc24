"""The score measures what it says, at toy scale: metrics by hand, judges and model untrained."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from booth import catalogue, disk, generation, training
from booth.config import SamplingConfig
from booth.errors import BoothError
from booth.events import Picture
from booth.toybox import (
    autoencoder,
    dataset,
    denoiser,
    exam,
    export,
    metrics,
    pretrain,
    samples,
    score,
    scorecard,
    takes,
    trials,
)
from booth.toybox.captions import STYLE_WORDS
from booth.toybox.extras import ACCESSORIES
from booth.toybox.judges import checker, clip, eye, labels, lessons, likeness, shelf
from booth.toybox.judges.panel import Judges
from booth.toybox.looks import CLASSES, COLOURS, RECOLOURED, make_look, random_look
from booth.toybox.places import PLACES
from booth.toybox.pretrain import Settings, run
from booth.toybox.questions import EXTRAS, HEADS, LOOKED_AT, TURNABLE, questions, walk
from booth.toybox.scene import (
    HELD_BACK,
    MATERIALS,
    PROPERTIES,
    VIEWS,
    Scene,
    draw,
    random_scene,
    worn_by,
)
from booth.toybox.training import Plan, load_state
from booth.toybox.vocabulary import build_tokenizer, caption_sample

SIZE = 32


def test_fidelity_is_the_mean_cosine_of_all_pairs() -> None:
    generated = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    real = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    assert metrics.fidelity(generated, real) == pytest.approx((1 + 0.6 + 0 + 0.8) / 4)


def test_prompt_fidelity_compares_each_picture_with_its_own_prompt() -> None:
    pictures = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    prompts = torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    assert metrics.prompt_fidelity(pictures, prompts) == pytest.approx(0.8)


def test_diversity_is_the_mean_distance_of_all_pairs_and_zero_for_copies() -> None:
    def distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return (one - other).abs()

    assert metrics.diversity(torch.tensor([0.0, 1.0, 3.0]), distance) == pytest.approx(2)
    assert metrics.diversity(torch.ones(4), distance) == 0


def test_the_interval_of_a_few_subjects_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    for subjects in (2, 4, 14):
        bands = [metrics.interval(rng.normal(0.6, 0.1, subjects).tolist()) for _ in range(2000)]
        covered = sum(band is not None and band[0] <= 0.6 <= band[1] for band in bands)
        assert 1870 <= covered <= 1930, subjects


def test_the_interval_of_two_figures_by_hand() -> None:
    assert metrics.interval([0.4, 0.6]) == pytest.approx((0.5 - 1.2706, 0.5 + 1.2706), abs=1e-4)
    assert metrics.interval([0.5] * 5) == (0.5, 0.5)
    assert metrics.interval([0.5]) is None


@pytest.mark.parametrize(
    ("more", "less", "verdict"),
    [
        ([0.8, 0.9, 0.7, 0.8], [0.5, 0.5, 0.5, 0.5], "holds"),
        ([0.5, 0.5, 0.5, 0.5], [0.8, 0.9, 0.7, 0.8], "does not hold"),
        ([0.5, 0.6, 0.5, 0.6], [0.6, 0.5, 0.6, 0.5], "undecided"),
        ([0.8, 0.9], [0.5, 0.5], "undecided"),
        ([0.9], [0.1], "undecided"),
    ],
)
def test_an_ordering_holds_only_where_the_whole_interval_says_so(
    more: list[float], less: list[float], verdict: str
) -> None:
    ordering = metrics.Ordering("x", "dino", "a", "b")
    assert ordering.verdict({"a": more, "b": less})[0] == verdict


def test_a_margin_moves_the_line() -> None:
    near = metrics.Ordering("x", "dino", "a", "b", margin=-0.08)
    figures = {"a": [0.60, 0.61, 0.60, 0.61], "b": [0.65, 0.65, 0.65, 0.65]}
    assert near.verdict(figures)[0] == "holds"
    assert dataclasses.replace(near, margin=0.0).verdict(figures)[0] == "does not hold"


def test_the_area_under_roc_counts_pairs() -> None:
    assert likeness.area_under_roc(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 2.0])) == 0.875


def test_the_checkers_labels_are_the_worlds_tables() -> None:
    heads = {name: set(head.labels) for name, head in labels.heads().items()}
    none = {labels.NONE}
    assert heads["class"] == set(CLASSES) and heads["place"] == set(PLACES)
    assert heads["colour"] == set(COLOURS)
    assert heads["accessory"] == {*ACCESSORIES} | none and heads["style"] == {*STYLE_WORDS} | none
    assert heads["view"] == {*VIEWS} | none and heads["material"] == {*MATERIALS} | none
    assert heads["property"] == {*PROPERTIES} - {*RECOLOURED} | none


def test_training_teaches_every_label_of_the_checker() -> None:
    truth = labels.answers(random_scene(seed) for seed in range(1500))
    for column, (name, head) in zip(truth.T, labels.heads().items(), strict=True):
        taught = set(column.tolist()) - {labels.UNASKED}
        assert taught == set(range(len(head.labels))), name


def test_practice_shows_what_is_rare_and_never_an_unseen_scene() -> None:
    scenes = [checker.practice(number) for number in range(4 * len(checker.RARE))]
    for number, scene in enumerate(scenes):
        assert getattr(scene, checker.RARE[number % len(checker.RARE)])
        assert checker.PRACTICE_SEEDS <= scene.seed < dataset.UNSEEN
    last = checker.practice(checker.PRACTICE - 1)
    assert last.seed < dataset.UNSEEN
    assert len({scene.seed for scene in scenes}) > 0.9 * len(scenes), "a scene may show two of them"


def test_colour_is_asked_of_plain_subjects_only() -> None:
    spotted = Scene(make_look("dog", 1, ("red", "blue", "green"), "spots"))
    plain = Scene(make_look("dog", 1, ("red", "blue", "green"), "plain"))
    assert labels.main_colour(plain) == "red" and labels.main_colour(spotted) is None
    assert labels.main_colour(dataclasses.replace(plain, material="gold")) is None


def test_what_is_not_asked_teaches_nothing() -> None:
    told = [torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 4, requires_grad=True)]
    checker.loss_of(told, torch.tensor([[1, labels.UNASKED], [2, labels.UNASKED]])).backward()
    assert told[0].grad is not None and told[0].grad.abs().sum() > 0
    assert told[1].grad is not None and told[1].grad.abs().sum() == 0


def test_accuracy_counts_named_things_only() -> None:
    scenes = [Scene(random_look("dog", 1), accessory=worn) for worn in ("", "", "", "red hat")]
    blind = {name: [labels.NONE] * 4 for name in labels.heads()}
    assert checker.accuracies(blind, scenes)["accessory"] == 0


def test_questions_are_built_around_what_was_held_back() -> None:
    heads = labels.heads()
    asked = questions(90)
    assert asked == questions(90)
    for question in asked:
        others = {question.expected.get("place"), question.expected.get("accessory")}
        pairs = {(question.expected["class"], other) for other in others}
        assert pairs & HELD_BACK or question.expected["view"] == "above"
        assert all(answer in heads[head].labels for head, answer in question.expected.items())
        assert question.expected["class"] in question.prompt
        assert question.expected.get("colour", "") in question.prompt
    turned = {question.expected["class"] for question in asked if "view" in question.expected}
    assert turned == set(TURNABLE)
    assert {head for question in asked for head in question.expected} == set(HEADS)


def test_every_value_of_every_table_is_asked_for() -> None:
    asked = questions(exam.Plan.questions)
    for kind, values in EXTRAS.items():
        assert {question.expected.get(kind) for question in asked} >= set(values), kind


def test_the_quick_score_asks_of_every_head() -> None:
    every = questions(exam.Plan.questions)
    asked = exam.spread(every, exam.QUICK.questions)
    assert {head for question in asked for head in question.expected} == set(HEADS)


def test_nothing_is_asked_that_the_usual_picture_shows_as_well() -> None:
    for question in questions(exam.Plan.questions):
        view = question.expected.get("view", "")
        assert view != "front" and question.expected.get("property") not in RECOLOURED
        assert view != "side" or question.expected["class"] not in ("sneaker", "boot", "toy")


def test_nothing_is_asked_that_clothes_cannot_show() -> None:
    asked = questions(exam.Plan.questions)
    dressed = [question for question in asked if "accessory" in question.said]
    assert len(dressed) > 40
    for question in dressed:
        said = question.said
        assert said.get("property") != "cube" and said.get("style") != "statue"
        on_the_face = said["accessory"] in ("pink glasses", "top hat and monocle")
        assert not (on_the_face and said.get("view") == "behind")


def test_the_world_draws_what_a_question_says() -> None:
    for number, question in enumerate(questions(60)):
        shown = question.scene(number)
        assert shown.class_noun == question.class_noun and shown.seed == number
        fields = {name: value for name, value in question.said.items() if name != "colour"}
        assert all(getattr(shown, name) == value for name, value in fields.items())
        assert question.said.get("colour", shown.look.main) == shown.look.main
        if "accessory" in question.said:
            bare = dataclasses.replace(shown, accessory="")
            assert not np.array_equal(draw(shown, SIZE), draw(bare, SIZE)), question.prompt


def test_nothing_is_asked_twice_or_was_read_before() -> None:
    read = {question.prompt for question in itertools.islice(walk(), LOOKED_AT)}
    asked = [question.prompt for question in questions(exam.Plan.questions)]
    assert len(asked) == exam.Plan.questions == len(set(asked)) and read.isdisjoint(asked)


def test_few_subjects_are_spread_over_the_classes() -> None:
    few = exam.sitters(exam.Plan(subjects=6))
    assert len(few) == 6 and few[0] == 0 and few[-1] > len(CLASSES) / 2
    assert len(set(exam.sitters(exam.Plan(subjects=20)))) == 20


def test_no_subject_of_the_score_was_tuned_on_and_classes_still_take_turns() -> None:
    numbers = exam.sitters(exam.Plan(subjects=40))
    assert trials.TUNED.isdisjoint(numbers)
    assert [n % len(CLASSES) for n in numbers] == [n % len(CLASSES) for n in range(40)]


def test_the_class_is_asked_for_by_its_own_noun_whatever_was_taught(tmp_path: Path) -> None:
    booth, who = toy_booth(tmp_path), trials.sitter(0, SIZE)
    for condition in trials.CONDITIONS:
        config = trials.settings(condition, booth.base, who, 1.0)
        course = trials.Training(condition, who, config, booth.base, booth.fingerprint)
        _, of_class = exam.asked_of(course, ["a [V] {class}"], PLAN)
        assert {prompt for prompt, _ in of_class} == {"a dog"}


def test_the_checker_is_not_asked_what_a_picture_hides() -> None:
    heads, dog, boot = labels.heads(), random_look("dog", 1), random_look("boot", 1)
    hidden = {
        "view": [Scene(dog, view="front"), Scene(boot, view="side")],
        "property": [Scene(dog, property="red")],
        "place": [Scene(dog, place="city", view="above")],
        "mood": [Scene(dog, mood="sad", view="behind")],
        "accessory": [
            Scene(dog, accessory="yellow shirt", property="cube"),
            Scene(dog, accessory="yellow shirt", dye="blue"),
        ],
    }
    shown = {
        "view": [Scene(dog, view="side"), Scene(boot, view="front")],
        "property": [Scene(dog, property="wet")],
        "place": [Scene(dog, place="beach", view="above"), Scene(dog, place="city")],
        "mood": [Scene(dog, mood="sad", view="above")],
        "accessory": [
            Scene(dog, accessory="yellow shirt"),
            Scene(dog, accessory="red hat", view="behind"),
        ],
    }
    assert heads["accessory"].answer(Scene(dog, property="cube")) == labels.NONE
    assert all(heads[name].answer(scene) is None for name in hidden for scene in hidden[name])
    assert all(
        heads[name].answer(scene) == getattr(scene, name) for name in shown for scene in shown[name]
    )


def test_diversity_compares_pictures_of_one_prompt_only() -> None:
    black, white = (Image.new("RGB", (SIZE, SIZE), colour) for colour in ("black", "white"))
    who = trials.sitter(0, SIZE)
    templates = ["a [V] {class} on the beach", "a red [V] {class}"]
    judge = Judges(untrained_checker(), untrained_clip(), likeness.Likeness(SIZE).eval(), "f", {})
    same = exam.judged(judge, who, templates, ([black, black, white, white], [white]))
    other = exam.judged(judge, who, templates, ([black, white, black, white], [white]))
    assert same["div"] == 0 < other["div"]
    assert exam.judged(judge, who, templates, ([black, white], [white]))["div"] == 0


def test_only_prompts_of_known_words_are_asked() -> None:
    known = frozenset("a in the jungle on top of pink fabric red".split())
    assert trials.paper_prompts("vase", known) == [
        "a [V] {class} in the jungle",
        "a [V] {class} on top of pink fabric",
        "a red [V] {class}",
    ]
    assert len(trials.paper_prompts("dog", frozenset())) == 25


@pytest.mark.parametrize("class_noun", ["dog", "teapot"])
def test_the_world_draws_what_each_of_the_papers_prompts_asks(class_noun: str) -> None:
    who = trials.sitter(CLASSES.index(class_noun), SIZE)
    templates = trials.paper_prompts(class_noun, frozenset())
    scenes = [trials.asked_scene(who, template, 1) for template in templates]
    shown = [(s.property, s.accessory, s.place) for s in scenes]
    assert len(set(shown)) == len(templates), "each asks for something else"
    assert all(scene.look == who.look for scene in scenes)
    of = dict(zip(templates, shown, strict=True))
    assert of["a [V] {class} in the jungle"] == ("", "", "jungle")
    assert of["a cube shaped [V] {class}"] == ("cube", "", "studio")
    if class_noun == "dog":
        assert of["a [V] {class} wearing a santa hat"] == ("", "santa hat", "studio")
        assert of["a [V] {class} in a police outfit"] == ("", "police outfit", "studio")
    with pytest.raises(ValueError, match="cannot draw"):
        trials.asked_scene(who, "a [V] {class} on the moon", 1)


def test_renders_of_the_prompts_come_prompt_by_prompt() -> None:
    who = trials.sitter(0, SIZE)
    templates = ["a [V] {class} in the jungle", "a red [V] {class}"]
    plan = dataclasses.replace(PLAN, pictures=2, class_pictures=3)
    mine, of_class = exam.drawn_for(who, templates, plan)
    scenes = [trials.asked_scene(who, text, exam.RENDERS + n) for text in templates for n in (0, 1)]
    for image, scene in zip(mine, scenes, strict=True):
        assert np.array_equal(np.asarray(image), draw(scene, SIZE))
    assert len({image.tobytes() for image in of_class}) == 3


def test_the_base_model_is_given_the_subjects_colours_and_marking() -> None:
    spotted = make_look("dog", 1, ("orange", "blue", "green"), "spots")
    words = trials.description(spotted, frozenset())
    assert words == "orange dog with blue spots"
    assert trials.filled("a [V] {class} on the beach", words) == f"an {words} on the beach"
    assert trials.filled("a red [V] {class}", words) == "a red dog with blue spots"
    two_tone = trials.description(
        make_look("dog", 1, ("orange", "blue", "green"), "two tone"), frozenset()
    )
    assert trials.filled("a red [V] {class}", two_tone) == "a red dog"


def test_a_toy_is_called_by_its_kind_where_the_base_model_knows_the_word() -> None:
    looks = [random_look("toy", seed) for seed in range(30)]
    toys = {look.kind: dataclasses.replace(look, marking="plain") for look in looks}
    for kind, noun in trials.KIND_NOUNS.items():
        assert trials.description(toys[kind], frozenset()).endswith(noun)
    older = frozenset("rubber duck toy".split())
    said = {kind: trials.description(toys[kind], older) for kind in toys}
    assert said["duck"].endswith("rubber duck")
    assert said["car"].endswith(" toy") and said["robot"].endswith(" toy")


def test_a_picture_looks_like_itself_and_unlike_others() -> None:
    judge = untrained_checker()
    pixels = eye.pixels_of(np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE, 3), np.uint8))
    assert judge.distance(pixels, pixels).abs().max() == 0
    assert judge.distance(pixels[:2], pixels[1:]).min() > 0.01


def test_rough_pictures_keep_their_shape_and_change() -> None:
    pixels = torch.rand(4, 3, SIZE, SIZE)
    rough = eye.rough_up(pixels, torch.Generator().manual_seed(0))
    again = eye.rough_up(pixels, torch.Generator().manual_seed(0))
    assert rough.shape == pixels.shape and torch.equal(rough, again)
    assert (rough - pixels).abs().mean() > 0.01


@pytest.mark.parametrize("judge", [checker, clip, likeness], ids=shelf.NAMES)
def test_a_judge_that_is_not_there_says_how_to_train_it(judge: Any, tmp_path: Path) -> None:
    name = judge.__name__.rpartition(".")[2]
    with pytest.raises(BoothError, match=f"--stage {name}"):
        judge.load(tmp_path / name)


def test_judges_are_other_judges_with_other_words_and_none_without_weights(tmp_path: Path) -> None:
    root = save_judges(tmp_path / "judges")
    before = shelf.fingerprint(root)
    words = root / "clip" / "tokenizer" / "tokenizer.json"
    words.write_text(words.read_text() + " ")
    assert shelf.fingerprint(root) != before
    (root / "clip" / "model.safetensors").unlink()
    with pytest.raises(BoothError, match="--stage clip"):
        shelf.fingerprint(root)


SHIPPED = catalogue.assets() / "toybox_judges"


@pytest.mark.skipif(not SHIPPED.exists(), reason="no trained judges here")
def test_the_shipped_judges_are_small_and_know_this_world() -> None:
    assert export.folder_size(SHIPPED) <= shelf.LIMIT
    judges = Judges.load(SHIPPED)
    assert set(judges.figures) == set(shelf.NAMES)
    scenes = [lessons.unseen_scene(number) for number in range(12)]
    told = judges.checker.read([draw(scene, judges.checker.size) for scene in scenes])
    right = [noun == scene.class_noun for noun, scene in zip(told["class"], scenes, strict=True)]
    assert sum(right) > 9


def test_readme_shows_the_score_that_was_measured() -> None:
    told = scorecard.tables(disk.read_json(SHIPPED / "score.json"))
    assert told in (catalogue.assets().parent / "README.md").read_text()


def test_a_checker_of_another_world_is_refused(tmp_path: Path) -> None:
    checker.save(untrained_checker(), tmp_path / "checker")
    config = disk.read_json(tmp_path / "checker" / "config.json")
    config["labels"]["class"][0] = "unicorn"
    disk.write_json(tmp_path / "checker" / "config.json", config)
    with pytest.raises(BoothError, match="another version of the world"):
        checker.load(tmp_path / "checker")


def test_pictures_of_another_world_are_refused(tmp_path: Path) -> None:
    dataset.draw_scenes(tmp_path, 2, SIZE)
    store = np.lib.format.open_memmap(tmp_path / "scenes.npy", mode="r+")
    store[0] = 0
    store.flush()
    with pytest.raises(BoothError, match="another version of the world"):
        lessons.training_pictures(tmp_path)
    with pytest.raises(BoothError, match="--stage draw"):
        lessons.training_pictures(tmp_path / "empty")


@pytest.mark.parametrize("stage", ["draw", "latents", "unet"])
def test_no_stage_goes_on_with_pictures_of_another_world(stage: str, tmp_path: Path) -> None:
    dataset.draw_scenes(tmp_path, 8, SIZE, scene_of=lambda number: random_scene(number + 50))
    with pytest.raises(BoothError, match="another version of the world"):
        run(Settings(tmp_path, tmp_path / "out", size=SIZE, scenes=12, textures=1), stage)
    assert dataset.drawn(tmp_path) == 8 and not dataset.drawn(tmp_path, "latents")


def test_the_judges_are_trained_written_and_examined_by_their_stages(tmp_path: Path) -> None:
    settings = Settings(
        work=tmp_path / "work",
        out=tmp_path / "toybox",
        size=SIZE,
        scenes=24,
        textures=1,
        checker_minutes=0.01,
        clip_minutes=0.01,
        likeness_minutes=0.01,
        judge_batch=8,
        unseen=12,
        strangers=2,
        selective=False,
    )
    for stage in ("draw", *shelf.NAMES):
        run(settings, stage)
    figures = disk.read_json(settings.judges / "figures.json")
    assert set(figures) == set(shelf.NAMES)
    assert all(figures[name]["steps"] > 0 for name in shelf.NAMES)
    assert set(figures["checker"]["accuracy"]) == set(labels.heads())
    judges = Judges.load(settings.judges)
    assert judges.checker.read(np.zeros((2, SIZE, SIZE, 3), np.uint8))["class"][0] in CLASSES
    first = load_state(settings.work / "checker.pt")
    run(dataclasses.replace(settings, checker_minutes=0.02), "checker")
    second = load_state(settings.work / "checker.pt")
    assert first is not None and second is not None and second["step"] > first["step"]
    assert Judges.load(settings.judges).fingerprint != judges.fingerprint


@pytest.mark.parametrize("judge", [checker, clip, likeness], ids=shelf.NAMES)
def test_a_judge_goes_on_from_a_shipped_one(
    judge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_judges(tmp_path / "judges")
    name = judge.__name__.rpartition(".")[2]
    start, work = tmp_path / "judges" / name, tmp_path / "work"
    dataset.draw_scenes(work, 24, SIZE)
    first = next(judge.load(start).parameters()).detach().clone()
    begun: list[torch.Tensor] = []

    def learn(net: torch.nn.Module, *_: Any) -> int:
        begun.append(next(net.parameters()))
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(lessons, "learn", learn)
        judge.train(work, Plan(1.0, 8, peak=0.01), start)
    assert torch.equal(first, begun[0]) and begun[0].requires_grad
    moved, steps = judge.train(work, Plan(0.005, 8, peak=0.01), start)
    assert steps > 0 and not torch.equal(first, next(moved.parameters()))


def test_judges_of_another_world_are_not_gone_on_from(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "work", tmp_path / "new", tmp_path / "old", size=SIZE)
    assert pretrain.earlier(settings, checker) is None
    root = save_judges(tmp_path / "old_judges")
    assert pretrain.earlier(settings, checker) == root / "checker"
    assert pretrain.earlier(dataclasses.replace(settings, size=2 * SIZE), checker) is None
    assert pretrain.earlier(dataclasses.replace(settings, start=None), checker) is None
    config = disk.read_json(root / "checker" / "config.json")
    config["labels"]["class"].append("whale")
    disk.write_json(root / "checker" / "config.json", config)
    assert pretrain.earlier(settings, checker) is None


def test_the_last_stage_scores_the_model_that_was_written_and_keeps_the_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    booth = toy_booth(tmp_path)
    save_judges(tmp_path / "model_judges")
    seen: list[tuple[str, int]] = []

    def scored(scored_booth: exam.Booth, judges: Judges, plan: exam.Plan) -> dict[str, Any]:
        seen.append((scored_booth.fingerprint, plan.questions))
        return {"class": 0.5}

    monkeypatch.setattr(pretrain, "score_of", scored)
    monkeypatch.setattr(pretrain, "report", str)
    run(Settings(work=tmp_path / "work", out=tmp_path / "model", asked=PLAN), "score")
    assert seen == [(booth.fingerprint, PLAN.questions)]
    assert disk.read_json(tmp_path / "model_judges" / "score.json") == {"class": 0.5}


def test_a_partner_shows_the_same_subject_elsewhere_and_never_an_unseen_scene() -> None:
    plain = list(likeness.plain_scenes(300))
    partners = [likeness.partner(number, scene) for number, scene in plain]
    for (_, scene), other in zip(plain, partners, strict=True):
        assert other.look == scene.look and other.place != scene.place
        assert not (scene.style or scene.material or scene.cross or scene.property)
        assert (scene.look.class_noun, other.accessory) not in HELD_BACK
        assert Settings().scenes < other.seed < dataset.UNSEEN
    wearers = [other for other in partners if worn_by(other.look)]
    dressed = [other for other in wearers if other.accessory]
    assert 0.15 < len(dressed) / len(wearers) < 0.45
    assert likeness.PARTNER_SEEDS + Settings().scenes < dataset.UNSEEN


def test_an_exam_shows_each_subject_in_two_places_and_no_look_twice() -> None:
    poses = [[likeness.pose(noun, s, n) for n in (0, 1)] for noun in CLASSES for s in range(8)]
    assert all(one.place != other.place and one.look == other.look for one, other in poses)
    assert len({one.look.seed for one, _ in poses}) == len(poses)
    assert min(one.look.seed for one, _ in poses) > dataset.UNSEEN


def test_a_subject_encoder_no_better_than_chance_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {likeness.AUC: 0.6, likeness.UNTRAINED: 0.7}
    monkeypatch.setattr(likeness, "train", lambda *_: (likeness.Likeness(SIZE), 1))
    monkeypatch.setattr(likeness, "examine", lambda *_: figures)
    settings = Settings(work=tmp_path / "work", out=tmp_path / "toybox", size=SIZE)
    with pytest.raises(BoothError, match="no better"):
        run(settings, "likeness")
    assert not settings.judges.exists()
    figures[likeness.AUC] = 0.9
    run(settings, "likeness")
    assert (settings.judges / "likeness" / "model.safetensors").exists()


def test_pictures_of_an_exam_are_drawn_anew_when_the_world_changes(tmp_path: Path) -> None:
    first = np.array(lessons.rendered(tmp_path, "unseen", lessons.unseen_scene, 3, SIZE))
    store = np.lib.format.open_memmap(tmp_path / "unseen_3.npy", mode="r+")
    store[1] = 0
    store.flush()
    again = lessons.rendered(tmp_path, "unseen", lessons.unseen_scene, 3, SIZE)
    assert np.array_equal(first, again)


def untrained_checker() -> checker.Checker:
    torch.manual_seed(0)
    judge = checker.Checker({name: head.labels for name, head in labels.heads().items()}, SIZE)
    return judge.requires_grad_(False).eval()


def untrained_clip() -> clip.Clip:
    return clip.Clip(build_tokenizer(caption_sample(50), rare=0), SIZE).requires_grad_(False).eval()


def save_judges(folder: Path) -> Path:
    """Three judges that have learnt nothing."""
    torch.manual_seed(0)
    checker.save(untrained_checker(), folder / "checker")
    clip.save(untrained_clip(), folder / "clip")
    likeness.save(likeness.Likeness(SIZE), folder / "likeness")
    disk.write_json(folder / "figures.json", {"checker": {}})
    return folder


def toy_booth(folder: Path) -> exam.Booth:
    """A Toybox that has learnt nothing, with a training of one step."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer(caption_sample(50), rare=720)
    net = denoiser.Denoiser(
        denoiser.build_text_encoder(tokenizer, 32, 1), denoiser.build_unet((32, 32, 32), 32, 4, 16)
    )
    vae = autoencoder.build_autoencoder((8, 8), 4, SIZE)
    export.export(vae, tokenizer, net, folder / "model")
    words = "a in the jungle on beach red".split()
    disk.write_json(folder / "model" / catalogue.WORDS, words)
    booth = exam.Booth.of(folder / "model", folder / "work")
    sampling = SamplingConfig(1, 2.0, "dpm++", SIZE)
    lesson = {"steps": 1, "prior_images": 2, "resolution": SIZE, "batch_size": 1}
    base = dataclasses.replace(
        booth.base,
        training={**booth.base.training, **lesson},
        sampling=sampling,
        prior_sampling=dataclasses.replace(sampling, sampler="ancestral"),
    )
    return dataclasses.replace(booth, base=base)


PLAN = exam.Plan(questions=12, subjects=2, prompts=1, pictures=1, class_pictures=2)


def test_the_score_has_its_shape_and_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judges = Judges.load(save_judges(tmp_path / "judges"))
    booth = toy_booth(tmp_path)
    result = score.score_of(booth, judges, PLAN)
    assert json.loads(json.dumps(result, allow_nan=False)) is not None
    assert {"seconds_per_picture", "seconds_training", *HEADS} <= set(result)
    assert 0 <= result["class"] <= 1
    conditions = result["dreambooth"]
    assert set(conditions) == {"ceiling", "drawn", *(c.name for c in trials.CONDITIONS)}
    for name, figures in conditions.items():
        assert {"dino", "clip_i"} <= set(figures)
        assert ("clip_t" in figures) == (name != "ceiling")
    assert set(result["orderings"]) == {ordering.words for ordering in metrics.ORDERINGS}
    assert "DreamBooth on 2 unseen subjects" in scorecard.report(result)
    rows = [line.split(" | ") for line in scorecard.tables(result).splitlines() if "|" in line]
    assert {len(row) for row in rows[:7]} == {1 + len(HEADS)}
    named = {row[0].strip("| ") for row in rows}
    assert set(scorecard.CALLED.values()) < named, "no condition is left out"

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("everything is there already")

    monkeypatch.setattr(training, "train", refuse)
    monkeypatch.setattr(generation, "denoise", refuse)
    assert score.score_of(booth, judges, PLAN) == result
    fewer = dataclasses.replace(PLAN, subjects=1)
    single = score.score_of(booth, judges, fewer)
    assert single["subjects"] == 1, "a smaller score reuses parts"
    assert single["dreambooth"]["base"]["dino_interval"] is None
    assert "[one subject]" in scorecard.report(single)
    spread = re.compile(r"\d ± \d")
    assert spread.search(scorecard.tables(result)) and not spread.search(scorecard.tables(single))
    torch.manual_seed(1)
    blind = likeness.Likeness(SIZE).requires_grad_(False).eval()
    others = dataclasses.replace(judges, likeness=blind, fingerprint="trained again")
    again = score.score_of(booth, others, PLAN)["dreambooth"]
    assert again["dreambooth"]["clip_t"] == conditions["dreambooth"]["clip_t"], "same pictures"
    assert again["dreambooth"]["dino"] != conditions["dreambooth"]["dino"], "seen anew"


def test_a_result_of_prompts_that_are_worded_otherwise_now_is_not_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judges = Judges.load(save_judges(tmp_path / "judges"))
    booth, who = toy_booth(tmp_path), trials.sitter(0, SIZE)
    untrained = next(each for each in trials.CONDITIONS if not each.trained)
    asked, take = [], exam.take
    monkeypatch.setattr(exam, "take", lambda *given: asked.append(given[1]) or take(*given))
    for _ in range(2):
        exam.trial(booth, judges, PLAN, untrained, who)
    assert len(asked) == 1
    monkeypatch.setattr(trials, "filled", lambda template, subject: f"{subject} anew")
    exam.trial(booth, judges, PLAN, untrained, who)
    assert len(asked) == 2 and asked[1][0][0].endswith("anew")


def test_the_tables_say_what_was_measured() -> None:
    band = (0.1, 0.2)
    finding = {"verdict": "holds", "metric": "clip_t", "margin": -0.05, "difference_interval": band,
               "more": "dreambooth", "less": "base"}  # fmt: skip
    rows = {name: [{"dino": 0.5}, {"dino": 0.7}] for name in scorecard.CALLED}
    score = {
        **dict.fromkeys(HEADS),
        "class": 0.876,
        "asked": dict.fromkeys(HEADS, 8),
        "renders": {"class": 0.99},
        "checker": {},
        "subjects": 2,
        "dreambooth": {name: scorecard.over_subjects(figures) for name, figures in rows.items()},
        "prompts": 3,
        "pictures": 4,
        "orderings": {"all is well": finding},
    }
    told = scorecard.tables(score)
    assert "| Toybox, % right | 88 |  |" in told and "| renders of the same prompts | 99 |" in told
    assert "| **DreamBooth** | 0.60 ± 1.27 |" in told
    assert "2 unseen subjects with up to 3 of the paper's prompts and 4 pictures of each" in told
    assert "| its 95 % interval | 53-98 |" in told
    finding = "CLIP-T of dreambooth minus base: [+0.10, +0.20], above -0.05 asked"
    assert f"- holds: all is well ({finding})" in told


def test_subjects_trained_side_by_side_are_all_there_for_the_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, booth = save_judges(tmp_path / "judges"), toy_booth(tmp_path)
    score.ahead(booth, root, PLAN, 2)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the other processes have trained")

    monkeypatch.setattr(training, "train", refuse)
    figures = exam.dreambooth(booth, Judges.load(root), PLAN)
    assert all(len(rows) == PLAN.subjects for rows in figures.values())


KILLED = """
import sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from booth.toybox import score

def work():
    print("at work", flush=True)
    time.sleep(300)

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, get_context("spawn"), score._begin, (1,))
    pool.submit(work).result()
"""


def test_no_process_of_a_killed_score_works_on(tmp_path: Path) -> None:
    program = tmp_path / "killed.py"
    program.write_text(KILLED, encoding="utf-8")
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as scoring:
        assert scoring.stdout is not None
        assert scoring.stdout.readline() == "at work\n"
        scoring.kill()
        rest, _ = scoring.communicate(timeout=60)  # until all who could write have ended
        assert not rest


def test_a_stopped_score_keeps_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    booth = toy_booth(tmp_path)
    asked = [("a dog", seed) for seed in range(4)]
    real, made = generation.generate, []

    def counted(*arguments: Any) -> Iterator[Any]:
        for event in real(*arguments):
            if isinstance(event, Picture):
                made.append(event.recipe["seed"])
            yield event

    def stopped(*arguments: Any) -> Iterator[Any]:
        for event in counted(*arguments):
            yield event
            if len(made) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(generation, "generate", stopped)
    with pytest.raises(KeyboardInterrupt):
        takes.take(booth.parts, asked, booth.base.sampling, tmp_path / "taken")
    monkeypatch.setattr(generation, "generate", counted)
    pictures = takes.take(booth.parts, asked, booth.base.sampling, tmp_path / "taken")
    assert made == [0, 1, 2, 3] and len(pictures) == 4
    assert takes.seconds_per_picture(tmp_path / "taken") > 0


def test_conditions_change_only_what_they_are_about(tmp_path: Path) -> None:
    booth = toy_booth(tmp_path)
    who = trials.sitter(0, SIZE)
    courses = {
        condition.name: trials.Training(
            condition, who, trials.settings(condition, booth.base, who, 1.0), booth.base, "f"
        )
        for condition in trials.CONDITIONS
    }
    right, wrong = courses["dreambooth"], courses["wrong_noun"]
    token = right.config.identifier
    assert right.prompts() == (f"a {token} {who.class_noun}", f"a {who.class_noun}")
    assert wrong.prompts() == (f"a {token} {who.wrong_noun}", f"a {who.wrong_noun}")
    assert courses["no_noun"].prompts() == (f"a {token}", f"a {who.class_noun}")
    assert courses["captioned"].prompts() == (
        *(f"a {token} {who.class_noun} {words}".rstrip() for words in who.captions),
        f"a {who.class_noun}",
    )
    assert len(set(who.captions)) == trials.PHOTOS and courses["captioned"].config == right.config
    assert courses["captioned"].called == right.called
    assert who.wrong_noun != who.class_noun
    assert right.config == wrong.config == courses["no_noun"].config
    assert courses["no_prior"].config == dataclasses.replace(right.config, prior_images=0)


def test_no_prompt_can_be_answered_with_a_copy_of_a_photo(tmp_path: Path) -> None:
    booth, dropped = toy_booth(tmp_path), 0
    for number in exam.sitters(exam.Plan(subjects=12)):
        who = trials.sitter(number, SIZE)
        asked = exam.templates_of(booth, exam.Plan(), who)
        every = trials.paper_prompts(who.class_noun, booth.base.words)
        dropped += len(every) - len(asked)
        assert not any(text.endswith(words) for text in asked for words in who.captions if words)
        assert set(asked) <= set(every) and len(asked) >= len(every) - trials.PHOTOS
    assert dropped > 0


def test_sitters_are_strangers_and_their_photos_differ() -> None:
    one, again, other = trials.sitter(0, SIZE), trials.sitter(0, SIZE), trials.sitter(1, SIZE)
    seeds = {trials.sitter(number, SIZE).look.seed for number in range(3)}
    assert len(seeds) == 3 and one.look != other.look
    assert seeds.isdisjoint(samples.sample_look(name).seed for name in samples.SUBJECTS)
    exam = (
        likeness.pose(CLASSES[-1], 999, 1).look.seed,
        checker.turned(CLASSES[-1], "", 999).look.seed,
    )
    assert min(seeds) > max(*exam, samples.FIRST_SEED, dataset.UNSEEN)
    photos = [photo.tobytes() for photo in (*one.photos, *one.others)]
    assert len(set(photos)) == 2 * trials.PHOTOS
    assert photos == [photo.tobytes() for photo in (*again.photos, *again.others)]
