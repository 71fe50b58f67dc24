"""Toybox's world is a pure function of its seeds, and its model is an ordinary diffusers folder.

The trained folder is data that may be absent in a bare checkout; its tests are skipped then, but
the pipeline that makes it is always run, end to end, at toy scale.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from booth.errors import BoothError
from booth.gallery import PAPER_LIVE, PAPER_OBJECTS
from booth.identifiers import rare_tokens
from booth.toybox import dataset, denoiser, pretrain, samples, training
from booth.toybox.bodies import can_wear
from booth.toybox.captions import caption, plain
from booth.toybox.crosses import SPECIES
from booth.toybox.drawing import telling
from booth.toybox.export import LIMIT, folder_size
from booth.toybox.extras import ACCESSORIES, DYED
from booth.toybox.judges import lessons
from booth.toybox.looks import CLASSES, make_look, random_look
from booth.toybox.optimizer import Mixed
from booth.toybox.phrases import PLACE_WORDS, PROPERTY_WORDS, WORN, every_phrase
from booth.toybox.places import PLACES
from booth.toybox.pretrain import Settings, run
from booth.toybox.scene import (
    HELD_BACK,
    MOODS,
    PROPERTIES,
    VIEWS,
    Scene,
    draw,
    random_scene,
    scene_of,
)
from booth.toybox.sheet import ORDINARY, asked
from booth.toybox.styles import STYLES
from booth.toybox.surfaces import MATERIALS
from booth.toybox.training import load_state
from booth.toybox.vocabulary import (
    LENGTH,
    build_tokenizer,
    caption_sample,
    count_words,
    extend_tokenizer,
    rare_merges,
)

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "assets" / "toybox"


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_the_same_seed_draws_the_same_picture() -> None:
    for seed in (3, 14):
        assert np.array_equal(draw(random_scene(seed), 64), draw(random_scene(seed), 64))


@pytest.mark.parametrize("class_noun", CLASSES)
def test_two_subjects_of_a_class_can_be_told_apart(class_noun: str) -> None:
    one, two = (draw(Scene(random_look(class_noun, seed), seed=1), 64) for seed in (1, 2))
    assert np.abs(one.astype(int) - two).mean() > 3


@pytest.mark.parametrize("place", PLACES)
def test_every_place_looks_different_from_the_studio(place: str) -> None:
    look = random_look("vase", 5)
    here, studio = (draw(Scene(look, place=p, seed=1), 48).astype(int) for p in (place, "studio"))
    assert place == "studio" or np.abs(here - studio).mean() > 8


def test_one_subject_keeps_its_look_in_another_place() -> None:
    look = samples.sample_look("Marmalade")
    assert {scene.look for scene in _hashable(samples.sample_scenes("Marmalade"))} == {
        dataclasses.replace(look, palette=())
    }


def _hashable(scenes: list[Scene]) -> list[Scene]:
    return [dataclasses.replace(s, look=dataclasses.replace(s.look, palette=())) for s in scenes]


def test_captions_name_what_was_drawn_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    for seed in range(600):
        scene = random_scene(seed)
        words = caption(scene, rng)
        for cloth in ("santa", "scarf", "crown", "monocle", "chef", "firefighter", "wizard"):
            assert cloth not in words or cloth in scene.accessory
        assert "milk" not in words or scene.place == "ocean of milk"
        assert ("cross " in words) == bool(scene.cross)
        assert "cube" not in words or scene.property == "cube"
        assert "sketch" not in words or scene.style == "sketch"
        assert "snow" not in words or scene.place == "snow"
        assert ("teapot" in words) == (scene.look.class_noun == "teapot")


CHANGES = [
    *({"accessory": name} for name in ACCESSORIES),
    *({"style": name} for name in STYLES),
    *({"material": name} for name in MATERIALS),
    *({"property": name} for name in PROPERTIES),
    *({"cross": name} for name in SPECIES),
    *({"view": name} for name in VIEWS),
    *({"mood": name} for name in MOODS),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change.values())))
def test_whatever_a_scene_says_can_be_seen(change: dict[str, str]) -> None:
    plain = Scene(make_look("cat", 5, ("grey", "blue", "green"), "plain"), seed=3)
    told = dataclasses.replace(plain, **change)
    one, two = (draw(scene, 64).astype(int) for scene in (plain, told))
    assert (np.abs(one - two).max(-1) > 24).sum() > 12
    (field, value), *_ = change.items()
    assert getattr(told, field) == value and getattr(plain, field) == ""


@pytest.mark.parametrize("class_noun", CLASSES)
def test_anything_can_be_a_cube_in_its_own_colours(class_noun: str) -> None:
    look = make_look(class_noun, 8, ("green", "blue", "red"), "plain")
    shape, cube = (draw(Scene(look, property=p, seed=2), 64) for p in ("", "cube"))
    assert np.abs(shape.astype(int) - cube).mean() > 5
    red, green, blue = (cube[30:44, 24:40, c].astype(int) for c in range(3))
    assert np.median(green - red) > 20 and np.median(green - blue) > 20


def test_a_sneakers_side_is_its_usual_picture_and_its_front_is_not() -> None:
    usual, side, front = (
        draw(Scene(random_look("sneaker", 1), view=view, seed=7), 64).astype(int)
        for view in ("", "side", "front")
    )
    assert np.array_equal(usual, side) and np.abs(usual - front).mean() > 2
    calm = [np.abs(np.diff(view, axis=0)).max((0, 2)) for view in (side, front)]
    wide, narrow = ((changes > 40).sum() for changes in calm)
    assert narrow < 0.85 * wide


def test_toys_are_of_several_kinds() -> None:
    kinds = {random_look("toy", seed).kind for seed in range(30)}
    assert kinds == {"duck", "car", "robot"} and random_look("dog", 1).kind == ""


def test_a_colour_is_told_only_where_it_shows() -> None:
    look = make_look("vase", 3, ("green", "blue", "red"), "plain")
    assert Scene(look).colour == "green"
    assert Scene(look, property="purple").colour == "purple"
    assert Scene(look, material="glass").colour == "green"
    assert Scene(look, material="gold").colour == Scene(look, style="statue").colour == ""


@pytest.mark.parametrize("class_noun", ["teapot", "candle", "dog"])
def test_a_subject_of_two_tones_turns_red_as_a_whole(class_noun: str) -> None:
    look = make_look(class_noun, 3, ("green", "blue", "white"), "two tone")
    plain, red = (draw(Scene(look, property=name, seed=1), 64).astype(int) for name in ("", "red"))
    blue = (plain[..., 2] > plain[..., 0] + 40) & (plain[..., 2] > plain[..., 1] + 20)
    assert blue.sum() > 100, "half of it is blue"
    assert (red[blue][:, 0] > red[blue][:, 2] + 20).mean() > 0.9


def test_about_a_third_of_the_world_is_plain() -> None:
    scenes = [random_scene(seed) for seed in range(600)]
    told = ("property", "accessory", "style", "view", "material", "mood", "cross")
    plain = [s for s in scenes if not any(getattr(s, name) for name in told)]
    assert 0.28 < len(plain) / len(scenes) < 0.45
    nouns = Counter(scene.class_noun for scene in scenes)
    assert set(nouns) == set(CLASSES) and nouns.most_common(2)[0][0] in ("dog", "cat")


def test_what_is_worn_is_drawn_with_every_other_wish() -> None:
    scenes = [scene for scene in map(random_scene, range(3000)) if scene.accessory]
    for field in ("style", "property", "material", "view"):
        assert sum(bool(getattr(scene, field)) for scene in scenes) > len(scenes) / 16, field
    alone = [s for s in scenes if not (s.style or s.property or s.material or s.view)]
    assert len(alone) > len(scenes) / 3


def test_one_of_gold_wears_clothes_of_cloth() -> None:
    look = make_look("cat", 5, ("grey", "blue", "green"), "plain")
    scarf = Scene(look, accessory="rainbow scarf", seed=3)
    gold, stone = (dataclasses.replace(scarf, material=name) for name in ("gold", "stone"))
    where = telling(scarf, 64) & ~telling(dataclasses.replace(scarf, accessory=""), 64)
    one, two = draw(gold, 64).astype(int), draw(stone, 64).astype(int)
    alike = np.abs(one - two).max(-1) < 24
    cloth, body = alike[where].mean(), alike[~where & (draw(scarf, 64) != one).any(-1)].mean()
    assert cloth > 0.9 and body < 0.5


@pytest.mark.parametrize("accessory", ["rainbow scarf", "pink glasses", "yellow shirt"])
def test_it_is_known_where_something_worn_shows(accessory: str) -> None:
    bare = Scene(random_look("dog", 1), place="beach", seed=3)
    dressed = dataclasses.replace(bare, accessory=accessory)
    changed = np.abs(draw(bare, 64).astype(int) - draw(dressed, 64)).max(-1) > 24
    where = telling(dressed, 64)
    assert telling(bare, 64).sum() < where.sum() < 1400
    assert (changed & where).sum() > 0.8 * changed.sum()


@pytest.mark.parametrize("property", ["", "cube"])
def test_it_is_known_where_a_face_is(property: str) -> None:
    plain, sleepy = (
        Scene(random_look("cat", 4), mood=mood, property=property, seed=3)
        for mood in ("", "sleeping")
    )
    changed = np.abs(draw(plain, 64).astype(int) - draw(sleepy, 64)).max(-1) > 24
    where = telling(plain, 64) | telling(sleepy, 64)
    assert changed.sum() > 10 and (changed & where).sum() > 0.8 * changed.sum()
    assert 20 < where.sum() < 700  # of 4096


def test_details_are_found_where_they_are() -> None:
    plain = Scene(random_look("dog", 1), seed=3)
    shown = denoiser.details_of(plain, 16)
    assert shown.shape == (1, 16, 16) and shown.min() == 0 and shown[0, 12:].mean() < 0.2
    hat = denoiser.details_of(dataclasses.replace(plain, accessory="red hat"), 16)
    assert hat.max() == 1 and hat.mean() > shown.mean()


def lessons_of(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Empty latents, and the details, of the first scenes."""
    details = [denoiser.details_of(random_scene(number), size) for number in range(count)]
    return np.zeros((count, 8, size, size), np.float16), np.stack(details)


def test_an_empty_prompt_stresses_nothing() -> None:
    tokenizer = build_tokenizer(caption_sample(40), 50)
    data = denoiser.CaptionedLatents(lambda: lessons_of(40, 16), tokenizer, dropout=0.5)
    _, ids, counts = data.batch(80, np.random.default_rng(0))
    silent = ids[:, 1] == tokenizer.eos_token_id
    assert 20 < silent.sum() < 60 and (counts[silent] == 1).all()
    assert counts[~silent].max() == denoiser.STRESS


def test_what_is_worn_and_cubes_are_shown_more_often() -> None:
    tokenizer = build_tokenizer(caption_sample(40), 50)
    data = denoiser.CaptionedLatents(lambda: lessons_of(60, 2), tokenizer)
    scenes = [random_scene(i) for i in range(60)]
    hard = np.array([bool(s.accessory) or s.property == "cube" for s in scenes])
    assert hard.any() and data.chances.sum() == pytest.approx(1)
    assert data.chances[hard] == pytest.approx(denoiser.OFTEN * data.chances[~hard].max())
    assert data.chances[~hard].min() == data.chances[~hard].max()


def test_a_unet_that_takes_over_an_earlier_one_says_at_first_what_that_one_said() -> None:
    torch.manual_seed(0)
    later = denoiser.build_unet((32, 32, 32), 32, 4, 8)
    plain = {
        "down_block_types": ("DownBlock2D", *later.config["down_block_types"][1:]),
        "up_block_types": (*later.config["up_block_types"][:2], "UpBlock2D"),
    }
    earlier = UNet2DConditionModel.from_config({**later.config, **plain})
    asked = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.randn(2, 5, 32)
    before = later(*asked).sample
    denoiser.take_over(later, earlier)
    assert torch.allclose(later(*asked).sample, earlier(*asked).sample, atol=1e-5)
    assert not torch.allclose(later(*asked).sample, before, atol=1e-2)
    with pytest.raises(RuntimeError):
        denoiser.take_over(later, denoiser.build_unet((32, 32, 64), 32, 4, 8))
    with pytest.raises(RuntimeError):
        denoiser.take_over(earlier, later)


def test_the_loss_is_weighed_place_by_place() -> None:
    latents, ids = torch.zeros(4, 8, 4, 4), torch.zeros(4, 3, dtype=torch.long)

    class Silent(nn.Module):
        def forward(self, noisy: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(noisy)

    def loss(counts: torch.Tensor | float) -> float:
        torch.manual_seed(0)
        scheduler = denoiser.build_scheduler()
        return float(denoiser.velocity_loss(Silent(), latents, ids, scheduler, counts))

    half = torch.ones(4, 1, 4, 4)
    half[..., :2] = 0
    assert 0 < loss(half) < loss(1.0) and loss(2.0) == pytest.approx(2 * loss(1.0))
    assert loss(half) + loss(1 - half) == pytest.approx(loss(1.0))


def test_every_word_of_the_papers_prompts_is_in_the_language() -> None:
    words = set(count_words(every_phrase()))
    for template in (*PAPER_LIVE, *PAPER_OBJECTS):
        asked = template.replace("[V] {class}", "dog").lower()
        assert set(count_words([asked])) <= words, asked


def test_the_papers_places_outfits_and_changes_are_told_in_its_own_words() -> None:
    said = {phrase.lower() for table in (PLACE_WORDS, WORN) for o in table.values() for phrase in o}
    for template in (*PAPER_LIVE[:-5], *PAPER_OBJECTS[:-5]):
        assert template.split("{class} ")[1].lower() in said, template
    for template, name in zip(PAPER_LIVE[-5:], PROPERTIES, strict=True):
        assert template.removeprefix("a ").split(" [V]")[0] in PROPERTY_WORDS[name]


def test_a_place_may_be_said_first() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(random_look("dog", 1), place="beach", style="sketch")
    said = [caption(scene, rng) for _ in range(200)]
    first = [words for words in said if words.startswith(("on ", "with "))]
    assert 5 < len(first) < 60 and not any("of on " in words for words in said)


def test_captions_do_not_tell_what_the_view_hides() -> None:
    rng, look = np.random.default_rng(0), random_look("dog", 1)
    city, beach = (Scene(look, place=place, view="above") for place in ("city", "beach"))
    behind = Scene(look, mood="sad", view="behind")
    said = {scene.place: {caption(scene, rng) for _ in range(60)} for scene in (city, beach)}
    assert not any("city" in words or "buildings" in words for words in said["city"])
    assert any("beach" in words for words in said["beach"])
    assert not any("background" in words for words in said["beach"])
    assert not any("sad" in caption(behind, rng) for _ in range(60))
    cube = Scene(look, accessory="yellow shirt", property="cube")
    assert not any("shirt" in caption(cube, rng) for _ in range(60))


def test_a_vocabulary_may_have_no_rare_end() -> None:
    assert rare_merges(set(), 0) == [] and len(rare_merges(set(), 900)) == 900


def test_captions_leave_attributes_out_at_random() -> None:
    rng = np.random.default_rng(0)
    red = dataclasses.replace(random_look("dog", 1), main="red", marking="plain")
    said = {caption(Scene(red, place="beach"), rng) for _ in range(60)}
    assert any("red" in words for words in said) and any("red" not in words for words in said)


def test_held_back_pairs_never_appear_in_training() -> None:
    for seed in range(1500):
        scene = random_scene(seed)
        for attribute in (scene.place, "" if scene.dye else scene.accessory):
            assert (scene.look.class_noun, attribute) not in HELD_BACK
        assert not scene.dye or scene.dye != DYED[scene.accessory][0]


def test_toys_wear_shirts_of_other_colours_than_the_one_that_is_held_back() -> None:
    worn = [s for s in map(random_scene, range(4000)) if s.accessory == "yellow shirt"]
    toys = [scene for scene in worn if scene.class_noun == "toy"]
    assert len(toys) > 2 and all(scene.dye not in ("", "yellow") for scene in toys)
    assert not any(scene.held_back for scene in toys)
    assert any(not scene.dye for scene in worn), "a cat has a yellow one too"


@pytest.mark.parametrize("worn", DYED)
def test_what_is_dyed_is_drawn_and_told_in_its_colour(worn: str) -> None:
    rng = np.random.default_rng(0)
    look = make_look("cat", 1, ("grey", "white", "green"), "plain")
    undyed = Scene(look, "wheat field", worn, seed=3)
    dyed = dataclasses.replace(undyed, dye="orange")
    change = np.abs(draw(undyed, 64).astype(int) - draw(dyed, 64)).max(2)
    assert (change > 60).sum() > 10
    noun, own = worn.split()[-1], DYED[worn][0]
    said = [words for words in (caption(dyed, rng) for _ in range(60)) if noun in words]
    assert said and all("orange" in words for words in said)
    assert not any(own in words or "a orange" in words for words in said)


def test_judges_may_see_the_pairs_that_the_model_may_not() -> None:
    seen = [random_scene(seed, withheld=()) for seed in range(600)]
    assert any(scene.held_back for scene in seen)


def test_sample_subjects_are_not_training_subjects() -> None:
    for name in samples.SUBJECTS:
        assert samples.sample_look(name).seed >= samples.FIRST_SEED > dataset.UNSEEN
    assert Settings().scenes < dataset.UNSEEN


def test_shipped_samples_are_four_pictures_with_a_class() -> None:
    for name, (class_noun, *_) in samples.SUBJECTS.items():
        home = ROOT / "assets" / "samples" / name.lower()
        captions = [PLACE_WORDS[scene.place][0] for scene in samples.sample_scenes(name)]
        assert json.loads((home / "subject.json").read_text()) == {
            "name": name,
            "class_noun": class_noun,
            "captions": captions,
        }
        assert len(captions) == 4 and sum(map(bool, captions)) == 3  # one has a plain wall
        assert [(home / f"{i}.png").exists() for i in range(4)] == [True] * 4
    assert folder_size(ROOT / "assets" / "samples") < 2 * 2**20


def test_rare_tokens_survive_text_to_tokens_to_text() -> None:
    tokenizer = build_tokenizer(["a dog on the beach", "a cat in the snow"], rare=900)
    rare = [
        token
        for token in tokenizer.get_vocab()
        if token.endswith("</w>")
        and len(token) in (6, 7)
        and token[:-4].isalpha()
        and token.isascii()
    ]
    assert len(rare) > 600
    for token in rare[::7]:
        ids = tokenizer(token[:-4]).input_ids
        assert len(ids) == 3 and tokenizer.decode(ids[1]).strip() == token[:-4]


def test_a_longer_tokenizer_keeps_every_old_token_and_learns_every_new_word() -> None:
    short = build_tokenizer(["a dog on the beach", "a cat in the snow"], rare=900)
    captions = caption_sample(120)
    longer = extend_tokenizer(short, captions)
    assert longer.get_vocab().items() >= short.get_vocab().items()
    assert longer.eos_token_id == short.eos_token_id
    for word in count_words(captions):
        assert len(longer(word).input_ids) == 3, word
    old = "a dog in the snow"
    assert longer(old).input_ids == short(old).input_ids
    assert max(len(longer(words).input_ids) for words in captions) <= LENGTH
    for word in rare_tokens(longer, 8, seed=0):
        assert len(longer(word).input_ids) == 3 and word not in count_words(captions)


def test_a_longer_vocabulary_keeps_the_embeddings_it_had() -> None:
    tokenizer = build_tokenizer(["a dog"], rare=720)
    text_encoder = denoiser.build_text_encoder(tokenizer, 32, 1)
    before = text_encoder.get_input_embeddings().weight.detach().clone()
    denoiser.grow_vocabulary(text_encoder, len(before) + 400)
    after = text_encoder.get_input_embeddings().weight.detach()
    assert text_encoder.config.vocab_size == len(after) == len(before) + 400
    assert torch.equal(after[: len(before)], before)
    assert after[len(before) :].std() == pytest.approx(before.std().item(), rel=0.1)


def toy_settings(folder: Path) -> Settings:
    """A Toybox that takes seconds: sizes as small as the nets allow."""
    return Settings(
        work=folder / "work",
        out=folder / "assets" / "toybox",
        size=32,
        scenes=24,
        textures=8,
        vae_channels=(8, 8),
        latent_channels=4,
        vae_minutes=0.01,
        decoder_minutes=0.005,
        crop=16,
        width=32,
        layers=1,
        rare=720,
        unet_channels=(32, 32, 32),
        unet_minutes=0.02,
        batch=4,
    )


def test_many_pictures_drawn_on_all_cores_are_those_drawn_on_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.draw_scenes(tmp_path / "one", 5, 32)
    monkeypatch.setattr(dataset, "ENOUGH", 2)
    monkeypatch.setattr(dataset, "BLOCK", 2)
    monkeypatch.setattr(dataset.os, "cpu_count", lambda: 2)
    dataset.draw_scenes(tmp_path / "all", 5, 32, scene_of=lambda number: random_scene(number))
    one, all_cores = (dataset.scenes(tmp_path / name) for name in ("one", "all"))
    assert len(all_cores) == 5 and np.array_equal(one, all_cores)


def test_more_pictures_may_be_drawn_later_and_what_is_cached_grows_with_them(
    tmp_path: Path,
) -> None:
    told: list[range] = []

    def rows(numbers: range) -> np.ndarray:
        told.append(numbers)
        return np.array([[n, 2 * n] for n in numbers if n != 6], np.float16)

    dataset.draw_scenes(tmp_path, 3, 32)
    before = np.array(dataset.scenes(tmp_path))
    dataset.extend(tmp_path, "rows", 3, rows, chunk=2)
    dataset.draw_scenes(tmp_path, 5, 32)
    assert np.array_equal(dataset.scenes(tmp_path)[:3], before) and dataset.drawn(tmp_path) == 5
    assert np.array_equal(dataset.scenes(tmp_path)[4], draw(random_scene(4), 32))
    assert len(dataset.cached(tmp_path, "rows")) == 3
    dataset.extend(tmp_path, "rows", 5, rows, chunk=2)
    assert told == [range(2), range(2, 3), range(3, 5)], "it goes on from what is there"
    with pytest.raises(ValueError):
        dataset.extend(tmp_path, "rows", 8, rows, chunk=2)
    assert dataset.cached(tmp_path, "rows").tolist() == [[n, 2 * n] for n in range(5)]


def test_stopped_drawing_goes_on_behind_what_was_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(number: int) -> Scene:
        if number == 3:
            raise KeyboardInterrupt
        return random_scene(number)

    monkeypatch.setattr(dataset, "BLOCK", 2)
    with pytest.raises(KeyboardInterrupt):
        dataset.draw_scenes(tmp_path, 5, 32, scene_of=stopped)
    assert dataset.drawn(tmp_path) == 2
    again: list[int] = []
    dataset.draw_scenes(
        tmp_path, 5, 32, scene_of=lambda number: again.append(number) or random_scene(number)
    )
    assert again == [2, 3, 4] and dataset.drawn(tmp_path) == 5


def taught(folder: Path, stop: int | None = None) -> training.Pupil:
    """A tiny net that learnt for nine steps, or was stopped before step `stop`."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    optimizer = Mixed(net.named_parameters(), lambda name: name.startswith("1"))
    pupil = training.Pupil(net, optimizer, folder / "net.pt", average=training.Average(net))
    pupil.restore()

    def loss_of(step: int) -> torch.Tensor:
        if step == stop:
            raise KeyboardInterrupt
        seen = torch.randn(5, 3, generator=torch.Generator().manual_seed(step))
        return net(seen).square().mean()

    training.learn(pupil, loss_of, training.Plan(10 / 60, 5, peak=0.01, warmup=2, save_every=2))
    return pupil


def test_a_stopped_training_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tick(clock: training.Clock) -> float:
        clock.spent += 1
        return clock.progress

    monkeypatch.setattr(training.Clock, "tick", tick)
    through = taught(tmp_path / "through")
    with pytest.raises(KeyboardInterrupt):
        taught(tmp_path / "stopped", stop=4)
    again = taught(tmp_path / "stopped")
    assert again.step == through.step == 9 and again.loss == through.loss
    assert again.average is not None and through.average is not None
    for name, weight in through.net.named_parameters():
        assert torch.equal(weight, again.net.get_parameter(name))
        assert torch.equal(through.average.shadow[name], again.average.shadow[name])


def test_the_clock_of_a_training_starts_when_its_checkpoint_has_been_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, clock = [], training.Clock
    monkeypatch.setattr(training, "load_state", lambda _: order.append("read"))
    monkeypatch.setattr(training, "Clock", lambda *given: order.append("started") or clock(*given))
    net = nn.Linear(1, 1)
    plan = training.Plan(0.0, batch=1, peak=0.1)
    lessons.learn(net, lambda *_: net(torch.ones(1)).mean(), tmp_path / "net.pt", plan)
    assert order == ["read", "started"]


def test_pretraining_runs_end_to_end_and_resumes(tmp_path: Path) -> None:
    settings = toy_settings(tmp_path)
    for stage in ("draw", "vae", "latents", "unet", "decoder", "export"):
        run(settings, stage)
    first = load_state(settings.work / "unet.pt")
    assert first is not None
    longer = dataclasses.replace(settings, unet_minutes=first["spent"] / 60 + 0.05)
    run(longer, "unet")
    second = load_state(settings.work / "unet.pt")
    assert second is not None
    assert second["step"] > first["step"] > 0 and second["spent"] > first["spent"]
    latents, details = pretrain.cached_lessons(settings)
    assert len(latents) == len(details) == dataset.drawn(settings.work) == 24
    assert (settings.out / "model_index.json").exists()
    further = dataclasses.replace(settings, work=tmp_path / "again", start=settings.out)
    shipped = UNet2DConditionModel.from_pretrained(settings.out / "unet", dtype=torch.float32)
    going_on = pretrain.new_denoiser(further, pretrain.load_tokenizer(further)).unet
    for one, other in zip(shipped.parameters(), going_on.parameters(), strict=True):
        assert torch.equal(one, other), "it goes on from the weights that were shipped"
    for stage in ("draw", "latents", "unet"):
        run(further, stage)
    assert load_state(further.work / "unet.pt") is not None
    run(further, "decoder")
    run(further, "vae")
    with pytest.raises(BoothError, match="no latents"):  # another autoencoder made those
        run(further, "unet")
    assert not (further.work / "decoder.pt").exists()


def test_going_on_from_a_toybox_keeps_its_autoencoder_unless_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    stages = {name: (lambda _, name=name: ran.append(name)) for name in pretrain.STAGES}
    monkeypatch.setattr(pretrain, "STAGES", stages)
    run(Settings(work=tmp_path, start=tmp_path))
    assert "unet" in ran and not {"vae", "decoder"} & set(ran)
    run(Settings(work=tmp_path, start=tmp_path), "vae")
    assert ran[-1] == "vae"


@pytest.mark.skipif(not (MODEL / "model_index.json").exists(), reason="no trained Toybox here")
def test_the_shipped_model_is_small_and_draws_its_default_size() -> None:
    from diffusers import StableDiffusionPipeline

    assert folder_size(MODEL) <= LIMIT
    pipeline = StableDiffusionPipeline.from_pretrained(
        MODEL, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline("a dog on the beach", num_inference_steps=2, guidance_scale=3.0).images[0]
    assert picture.size == (128, 128) and np.asarray(picture).std() > 5


def test_the_sheet_asks_for_combinations_that_were_held_back() -> None:
    texts = [plain(*each) for each in asked()]
    assert 80 <= len(set(texts)) == len(texts) <= 110 and "a dog in the snow" in texts
    for class_noun in CLASSES:
        assert sum(class_noun in words for words in texts) >= 2, class_noun


@pytest.mark.parametrize(
    "field", ["place", "accessory", "property", "material", "style", "view", "mood", "cross"]
)
def test_the_sheet_asks_for_every_kind_of_thing_the_world_can_show(field: str) -> None:
    assert any(field in said for _, said in ORDINARY)


def test_the_world_draws_what_the_sheet_asks_for() -> None:
    for noun, said in asked():
        shown = scene_of(noun, said, samples.FIRST_SEED)
        assert shown.class_noun == noun
        assert {field: getattr(shown, field) for field in said} == said
        assert "accessory" not in said or can_wear(shown.look)


@pytest.mark.parametrize(
    ("noun", "said"), [each for each in ORDINARY if len(each[1]) == 1], ids=lambda each: str(each)
)
def test_whatever_the_sheet_says_of_a_subject_changes_its_picture(
    noun: str, said: dict[str, str]
) -> None:
    shown = scene_of(noun, said, samples.FIRST_SEED)
    bare = Scene(shown.look, seed=samples.FIRST_SEED)
    assert not np.array_equal(draw(shown, 48), draw(bare, 48))
