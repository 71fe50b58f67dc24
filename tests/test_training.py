"""The DreamBooth loss and the loop around it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from PIL import Image

from booth import models, training
from booth.config import RateSchedule, SamplingConfig, TrainingConfig, to_dict
from booth.errors import BoothError
from booth.events import Loss, Notice, Preview, Saved
from booth.examples import Examples, View, draw, turn
from booth.learner import Learner
from booth.training import Rehearsal, dreambooth_loss, learn
from tests import tiny

CONFIG = TrainingConfig(
    steps=4, learning_rate=1e-3, batch_size=2, prior_images=3, resolution=64,
    checkpoint_every=2, preview_every=2,
)  # fmt: skip
FACTS = {"photos": "p", "base model": "b"}
FACTORS = (0.18215, 1000)


def pictures(count: int, hue: int = 0) -> list[Image.Image]:
    return [Image.new("RGB", (64, 64), (40 * n + hue, 90, 200 - 30 * n)) for n in range(count)]


def learner(folder: Path, config: TrainingConfig = CONFIG) -> Learner:
    parts = models.load(folder)
    prior = pictures(3, 60) if config.uses_priors else []
    prompts = ("a bxz dog", "a dog")
    photos = [[View.of(image)] for image in pictures(4)]
    examples = Examples.encode(parts, photos, prior, prompts)
    return Learner(parts, examples, config)


def rehearsal(*texts: str) -> Rehearsal:
    return Rehearsal([(t, t) for t in texts], SamplingConfig(2, 2.0, "ddim", 64))


def test_the_loss_is_equation_two_on_four_numbers_worked_out_by_hand() -> None:
    prediction = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(4, 1, 1, 1)
    target = torch.tensor([0.0, 0.0, 1.0, 1.0]).reshape(4, 1, 1, 1)
    is_prior = torch.tensor([False, False, True, True])
    instance, prior = dreambooth_loss(prediction, target, is_prior, 0.5)
    assert instance.item() == (1 + 4) / 2
    assert prior.item() == 0.5 * (4 + 9) / 2


def test_without_prior_images_only_the_instance_term_is_left() -> None:
    ones = torch.ones(2, 1, 1, 1)
    instance, prior = dreambooth_loss(ones, 0 * ones, torch.zeros(2, dtype=torch.bool), 1.0)
    assert (instance.item(), prior.item()) == (1.0, 0.0)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_a_step_has_the_loss_of_diffusers_own_formulas(
    tmp_path: Path, prediction_type: str
) -> None:
    pupil = learner(tiny.save(tmp_path / "m", prediction_type))
    batch = draw(pupil.examples, CONFIG, 0, FACTORS)
    schedule = DDPMScheduler.from_pretrained(tmp_path / "m" / "scheduler")
    with torch.no_grad():
        noisy = schedule.add_noise(batch.latents, batch.noise, batch.timesteps)
        text = pupil.parts.tokenizer(
            ["a bxz dog", "a bxz dog", "a dog", "a dog"],
            padding="max_length", max_length=77, return_tensors="pt",
        )  # fmt: skip
        context = pupil.parts.text_encoder(text.input_ids)[0]
        guess = pupil.parts.unet(noisy, batch.timesteps, context).sample
        wanted = batch.noise
        if prediction_type == "v_prediction":
            wanted = schedule.get_velocity(batch.latents, batch.noise, batch.timesteps)
        expected = [torch.nn.functional.mse_loss(a, b).item() for a, b in
                    zip(guess.chunk(2), wanted.chunk(2), strict=True)]  # fmt: skip
    assert learn(pupil, batch).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_batch_depends_on_seed_and_step_alone(base_folder: Path) -> None:
    examples = learner(base_folder).examples
    first, again = (draw(examples, CONFIG, 7, FACTORS) for _ in range(2))
    later = draw(examples, CONFIG, 8, FACTORS)
    other = draw(examples, replace(CONFIG, seed=1), 7, FACTORS)
    assert torch.equal(first.noise, again.noise) and torch.equal(first.latents, again.latents)
    assert not torch.equal(first.noise, later.noise)
    assert not torch.equal(first.noise, other.noise)


def test_latents_are_sampled_anew_and_the_two_halves_have_their_own_timesteps(
    base_folder: Path,
) -> None:
    examples = learner(base_folder).examples
    round_one = draw(examples, replace(CONFIG, batch_size=4), 0, FACTORS)
    round_two = draw(examples, replace(CONFIG, batch_size=4), 1, FACTORS)
    assert not torch.equal(round_one.latents[:4].sort(0)[0], round_two.latents[:4].sort(0)[0])
    assert not torch.equal(round_one.timesteps[:4], round_one.timesteps[4:])
    assert round_one.is_prior.tolist() == [False] * 4 + [True] * 4


def test_every_photo_goes_by_its_own_label_and_prior_images_by_the_class(
    base_folder: Path,
) -> None:
    parts = models.load(base_folder)
    photos = [[View.of(image)] for image in pictures(4)]
    labels = [f"a bxz dog in place {n}" for n in range(4)]
    examples = Examples.encode(parts, photos, pictures(3, 60), (*labels, "a dog"))
    for step in range(4):
        batch = draw(examples, CONFIG, step, FACTORS)
        assert batch.prompts.tolist() == [*turn(4, 2, step, CONFIG.seed).tolist(), 4, 4]
    alike = draw(learner(base_folder).examples, CONFIG, 0, FACTORS)
    assert alike.prompts.tolist() == [0, 0, 1, 1]


def test_a_wrong_number_of_labels_is_never_spread_over_the_photos(base_folder: Path) -> None:
    parts, photos = models.load(base_folder), [[View.of(image)] for image in pictures(4)]
    with pytest.raises(ValueError, match="3 labels for 4 photos"):
        Examples.encode(parts, photos, [], ("a bxz a", "a bxz b", "a bxz c", "a dog"))


def test_photos_are_known_again_by_their_pixels_alone(base_folder: Path) -> None:
    told = hashlib.sha256(b"".join(image.tobytes() for image in pictures(4))).hexdigest()
    assert learner(base_folder).examples.fingerprint == told[:16]  # as in older checkpoints


def test_every_photo_has_its_turn_once_a_round() -> None:
    turns = [turn(5, 2, step, 0).tolist() for step in range(10)]
    seen = [n for turn in turns for n in turn]
    assert all(sorted(seen[i : i + 5]) == [0, 1, 2, 3, 4] for i in range(0, 20, 5))
    assert seen[:5] != seen[5:10] or seen[5:10] != seen[10:15]


def test_training_learns_previews_and_saves_when_due(base_folder: Path, tmp_path: Path) -> None:
    pupil = learner(base_folder)
    before = pupil.parts.unet.conv_in.weight.detach().clone()
    events = list(training.train(pupil, tmp_path, FACTS, rehearsal("a bxz dog")))
    assert [e.step for e in events if isinstance(e, Loss)] == [1, 2, 3, 4]
    assert [e.step for e in events if isinstance(e, Preview)] == [0, 2, 4]
    assert [e.step for e in events if isinstance(e, Saved)] == [2, 4]
    assert not torch.equal(before, pupil.parts.unet.conv_in.weight)


def test_the_loss_falls_when_the_same_batch_is_learnt_again_and_again(base_folder: Path) -> None:
    pupil = learner(base_folder)
    batch = draw(pupil.examples, CONFIG, 0, FACTORS)
    losses = [learn(pupil, batch).sum().item() for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_text_encoder_learns_only_when_asked(base_folder: Path) -> None:
    for asked in (False, True):
        pupil = learner(base_folder, replace(CONFIG, train_text_encoder=asked))
        before = {k: v.clone() for k, v in pupil.parts.text_encoder.state_dict().items()}
        vae = {k: v.clone() for k, v in pupil.parts.vae.state_dict().items()}
        learn(pupil, draw(pupil.examples, pupil.config, 0, FACTORS))
        after = pupil.parts.text_encoder.state_dict()
        assert any(not torch.equal(before[k], after[k]) for k in before) == asked
        assert all(torch.equal(vae[k], v) for k, v in pupil.parts.vae.state_dict().items())


def test_the_text_encoder_learns_at_a_rate_of_its_own(base_folder: Path) -> None:
    moved = {}
    for factor in (1.0, 5.0):
        config = replace(CONFIG, train_text_encoder=True, text_encoder_factor=factor)
        pupil = learner(base_folder, config)
        before = {name: weight.detach().clone() for name, weight in pupil.named.items()}
        pupil.learning_rate /= 2  # as after it went astray
        pupil.approach(0)
        learn(pupil, draw(pupil.examples, config, 0, FACTORS))
        steps = {
            name: float((w.detach() - before[name]).abs().max()) for name, w in pupil.named.items()
        }
        moved[factor] = [max(s for n, s in steps.items() if n.startswith(p)) for p in ("unet", "t")]
    (unet, text), (unet_too, quick) = moved.values()
    assert unet == unet_too
    assert quick / text == pytest.approx(5, rel=0.05)  # the first step of Adam is its rate


def test_a_linear_schedule_takes_steps_that_shrink_towards_nothing(
    base_folder: Path, tmp_path: Path
) -> None:
    words = replace(CONFIG, train_text_encoder=True, text_encoder_factor=8.0)
    config = replace(words, rate_schedule="linear", preview_every=0)
    pupil, rates = learner(base_folder, config), []
    for event in training.train(pupil, tmp_path, FACTS, rehearsal()):
        if isinstance(event, Loss):
            rates.append([group["lr"] for group in pupil.optimizer.param_groups])
    shares = [1 - step / config.steps for step in range(config.steps)]
    assert [unet for unet, _ in rates] == pytest.approx([config.learning_rate * s for s in shares])
    assert [text for _, text in rates] == pytest.approx([8 * unet for unet, _ in rates])


def test_gradient_checkpointing_changes_memory_not_mathematics(base_folder: Path) -> None:
    losses = []
    for checkpointing in (False, True):
        config = replace(CONFIG, gradient_checkpointing=checkpointing)
        pupil = learner(base_folder, config)
        steps = [learn(pupil, draw(pupil.examples, config, s, FACTORS)) for s in range(2)]
        losses.append([step.tolist() for step in steps])
    assert losses[0] == losses[1]


def test_trainings_of_different_precision_follow_each_other(base_folder: Path) -> None:
    for precision in ("fp32", "bf16", "fp32"):
        config = replace(CONFIG, precision=precision)  # type: ignore[arg-type]
        pupil = learner(base_folder, config)
        assert learn(pupil, draw(pupil.examples, config, 0, FACTORS)).sum() < 10
        assert pupil.parts.unet.dtype == torch.float32


def test_a_loss_that_is_no_number_stops_the_training_with_a_remedy(
    base_folder: Path, tmp_path: Path
) -> None:
    pupil = learner(base_folder)
    with torch.no_grad():
        pupil.parts.unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(Exception, match="no longer a number"):
        list(training.train(pupil, tmp_path, FACTS, rehearsal()))


def test_closing_the_loop_saves_a_checkpoint_of_the_very_step(
    base_folder: Path, tmp_path: Path
) -> None:
    events = training.train(learner(base_folder), tmp_path, FACTS, rehearsal())
    for event in events:
        if isinstance(event, Loss) and event.step == 3:
            events.close()  # type: ignore[attr-defined]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000002", "step-000003"]


@pytest.mark.parametrize(
    ("stop_at", "factor", "schedule"),
    [(1, 1.0, "constant"), (2, 3.0, "linear"), (3, 1.0, "linear")],
)
def test_a_stopped_and_resumed_run_ends_in_the_same_weights_bit_for_bit(
    base_folder: Path, tmp_path: Path, stop_at: int, factor: float, schedule: RateSchedule
) -> None:
    config = replace(
        CONFIG, train_text_encoder=True, text_encoder_factor=factor, rate_schedule=schedule
    )
    whole = learner(base_folder, config)
    list(training.train(whole, tmp_path / "whole", FACTS, rehearsal()))
    first = learner(base_folder, config)
    events = training.train(first, tmp_path / "parts", FACTS, rehearsal("a bxz dog"))
    for event in events:
        if isinstance(event, Loss) and event.step == stop_at:
            events.close()  # type: ignore[attr-defined]
    second = learner(base_folder, config)
    list(training.train(second, tmp_path / "parts", FACTS, rehearsal()))
    ours, theirs = second.state()[0], whole.state()[0]
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_checkpoint_of_other_photos_is_refused(base_folder: Path, tmp_path: Path) -> None:
    list(training.train(learner(base_folder), tmp_path, FACTS, rehearsal()))
    with pytest.raises(Exception, match="other photos"):
        list(training.train(learner(base_folder), tmp_path, {**FACTS, "photos": "q"}, rehearsal()))


def test_a_checkpoint_is_older_than_a_setting_and_goes_on(
    base_folder: Path, tmp_path: Path
) -> None:
    known = to_dict(CONFIG)
    younger = dict(known)
    del younger["cuda_graph"]  # still off, as it is by default
    list(training.train(learner(base_folder), tmp_path, {"settings": younger}, rehearsal()))
    list(training.train(learner(base_folder), tmp_path, {"settings": known}, rehearsal()))
    with pytest.raises(Exception, match="other settings"):
        other = {"settings": {**known, "cuda_graph": True}}
        list(training.train(learner(base_folder), tmp_path, other, rehearsal()))


MEMORY_SAVERS: list[dict[str, object]] = [
    {"optimizer": "adamw8bit"},
    {"exact_bf16": True},
    {"exact_bf16": True, "optimizer": "adamw8bit"},
    {"in_backward": True},
    {"offload_optimizer": True},
    {"precision": "fp16"},
    {"exact_bf16": True, "in_backward": True, "optimizer": "adamw8bit", "offload_optimizer": True},
]


@pytest.mark.parametrize("saver", MEMORY_SAVERS, ids=lambda saver: "+".join(saver))
def test_every_kind_of_optimizer_resumes_bit_for_bit(
    base_folder: Path, tmp_path: Path, saver: dict[str, object]
) -> None:
    both = replace(CONFIG, train_text_encoder=True, text_encoder_factor=3.0, preview_every=0)
    config = replace(both, rate_schedule="linear", **saver)  # type: ignore[arg-type]
    whole = learner(base_folder, config)
    list(training.train(whole, tmp_path / "whole", FACTS, rehearsal()))
    events = training.train(learner(base_folder, config), tmp_path / "parts", FACTS, rehearsal())
    for event in events:
        if isinstance(event, Loss) and event.step == 3:
            events.close()
    second = learner(base_folder, config)
    list(training.train(second, tmp_path / "parts", FACTS, rehearsal()))
    ours, theirs = second.state()[0], whole.state()[0]
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_another_kind_of_optimizer_goes_on_from_the_same_weights(
    base_folder: Path, tmp_path: Path
) -> None:
    first = learner(base_folder)
    events = training.train(first, tmp_path, FACTS, rehearsal())
    for event in events:
        if isinstance(event, Saved):
            events.close()
    small = learner(base_folder, replace(CONFIG, optimizer="adamw8bit", exact_bf16=True))
    assert training._resume(small, tmp_path, FACTS) == 2
    ours, theirs = small.state()[0], first.state()[0]
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_exact_half_size_weights_learn_nearly_what_full_ones_learn(base_folder: Path) -> None:
    losses = []
    for exact in (False, True):
        config = replace(CONFIG, exact_bf16=exact, learning_rate=1e-4)
        pupil = learner(base_folder, config)
        batches = [draw(pupil.examples, config, step, FACTORS) for step in range(8)]
        losses.append(torch.stack([learn(pupil, batch) for batch in batches]))
    assert torch.allclose(*losses, rtol=0.03)


def test_weights_that_are_no_numbers_send_it_back_once_at_half_the_speed(
    base_folder: Path, tmp_path: Path
) -> None:
    pupil = learner(base_folder, replace(CONFIG, steps=6, preview_every=0))
    events, told = training.train(pupil, tmp_path, FACTS, rehearsal()), []
    for event in events:
        told.append(event)
        if isinstance(event, Saved) and event.step == 2:
            with torch.no_grad():
                pupil.parts.unet.conv_out.bias.fill_(float("nan"))
    notices = [event for event in told if isinstance(event, Notice)]
    assert len(notices) == 1 and "step 2" in notices[0].text
    assert [event.step for event in told if isinstance(event, Loss)] == [1, 2, 3, 4, 5, 6]
    later = learner(base_folder, pupil.config)
    assert training._resume(later, tmp_path, FACTS) == 6
    assert later.learning_rate == pupil.learning_rate == CONFIG.learning_rate / 2
    assert pupil.sound()


def test_a_second_time_it_stops_and_says_so(base_folder: Path, tmp_path: Path) -> None:
    pupil = learner(base_folder, replace(CONFIG, steps=6, preview_every=0))
    with pytest.raises(BoothError, match="no longer a number"):
        for event in training.train(pupil, tmp_path, FACTS, rehearsal()):
            if isinstance(event, Saved):
                with torch.no_grad():
                    pupil.parts.unet.conv_out.bias.fill_(float("nan"))


def test_the_loss_may_be_read_seldom_and_nothing_else_changes(
    base_folder: Path, tmp_path: Path
) -> None:
    often = learner(base_folder, replace(CONFIG, preview_every=0))
    seldom = learner(base_folder, replace(CONFIG, preview_every=0, read_loss_every=2))
    one = list(training.train(often, tmp_path / "a", FACTS, rehearsal()))
    two = list(training.train(seldom, tmp_path / "b", FACTS, rehearsal()))
    singles = [e.instance for e in one if isinstance(e, Loss)]
    pairs = [e.instance for e in two if isinstance(e, Loss)]
    assert pairs == pytest.approx([sum(singles[:2]) / 2, sum(singles[2:]) / 2])
    ours, theirs = seldom.state()[0], often.state()[0]
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
