"""Draws the world, learns it, writes Toybox and scores it: `python -m booth.toybox.pretrain`.

Every stage picks up where it stopped, so an interrupted run loses at most a few minutes; a stage
whose checkpoint says its minutes are used up is not trained again, only read. With `--start
assets/toybox` and a new `--work` folder it trains the shipped model and its judges further, its
autoencoder only if `--stage vae` is asked for; words new to it become new tokens behind its own.
The stages checker, clip and likeness train the judges of `booth.toybox.score` on the pictures that
draw has drawn. All train on a card where there is one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from numpy.typing import NDArray
from transformers import CLIPTextModel, CLIPTokenizer

from booth import catalogue, crops, disk, models, photos
from booth.errors import BoothError
from booth.prompts import unknown_words
from booth.toybox import autoencoder, dataset, denoiser, exam, export
from booth.toybox.judges import checker, clip, lessons, likeness, shelf
from booth.toybox.judges.panel import Judges
from booth.toybox.samples import write_samples
from booth.toybox.scene import draw, random_scene
from booth.toybox.score import score_of
from booth.toybox.scorecard import report
from booth.toybox.training import Plan, load_state, save_state
from booth.toybox.vocabulary import build_tokenizer, caption_sample, extend_tokenizer

PHOTOS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Settings:
    """Sizes and budgets of one Toybox; the model card says what the shipped one was given."""

    work: Path = Path(".work/toybox")
    out: Path = Path("assets/toybox")
    start: Path | None = None  # a finished Toybox to go on from, instead of from nothing
    photos: Path | None = None  # a folder of real photos to check the autoencoder with
    size: int = 128
    scenes: int = 40_000
    textures: int = 4_000
    vae_channels: tuple[int, ...] = (16, 32, 64, 128)
    latent_channels: int = 8
    vae_minutes: float = 42.0
    decoder_minutes: float = 50.0
    crop: int = 64
    width: int = 128
    layers: int = 3
    rare: int = 2200
    unet_channels: tuple[int, int, int] = (96, 128, 160)
    unet_minutes: float = 75.0
    unet_peak: float = 1e-3  # learning rate
    batch: int = 32
    checker_minutes: float = 15.0
    clip_minutes: float = 20.0
    likeness_minutes: float = 15.0
    judge_batch: int = 64
    unseen: int = 600  # renders that a judge is examined on
    strangers: int = 8  # unseen subjects of each class that the subject encoder is to tell apart
    asked: exam.Plan = field(default_factory=exam.Plan)  # by the score
    selective: bool = True  # whether a subject encoder must beat an untrained net to be written

    @property
    def judges(self) -> Path:
        """Where the judges are written: beside the model."""
        return judges_of(self.out)

    @property
    def latent_size(self) -> int:
        """Rows of latents per picture."""
        return int(self.size // 2 ** (len(self.vae_channels) - 1))


def judges_of(model: Path) -> Path:
    """Where the judges of a model lie: beside it."""
    return model.with_name(f"{model.name}_judges")


def draw_stage(s: Settings) -> None:
    """Draw training pictures and textures."""
    if dataset.drawn(s.work):
        lessons.training_pictures(s.work)
    dataset.textures(s.work, s.textures, s.size)
    dataset.draw_scenes(s.work, s.scenes, s.size)
    print(f"{dataset.drawn(s.work)} scenes drawn")


def new_autoencoder(s: Settings) -> AutoencoderKL:
    """An autoencoder on the best device: untrained, or of the Toybox to go on from."""
    if s.start:
        shipped = AutoencoderKL.from_pretrained(s.start / "vae", dtype=torch.float32)
        return shipped.to(models.device())
    vae = autoencoder.build_autoencoder(s.vae_channels, s.latent_channels, s.size)
    return vae.to(models.device())


def vae_stage(s: Settings) -> None:
    """Train the autoencoder on textures and scenes, then fix the scale of its latents.

    Latents and a decoder from before are forgotten: they belong to another autoencoder.
    """
    if (s.work / "vae_final.pt").exists():
        return
    torch.manual_seed(0)
    vae = new_autoencoder(s)
    pools = [dataset.textures(s.work, s.textures, s.size), dataset.scenes(s.work)]
    plan = Plan(s.vae_minutes, batch=16, peak=0.008 if s.start else 0.012)
    autoencoder.train_autoencoder(vae, pools, [0.35, 0.65], s.crop, s.work / "vae.pt", plan)
    autoencoder.standardise(vae, np.asarray(pools[1][:512]))
    dataset.forget(s.work, "latents")
    (s.work / "decoder.pt").unlink(missing_ok=True)
    save_state(s.work / "vae_final.pt", {"vae": vae.state_dict()})


def load_autoencoder(s: Settings) -> AutoencoderKL:
    """The trained autoencoder, with the later decoder if there is one."""
    vae = new_autoencoder(s)
    state = load_state(s.work / "decoder.pt") or load_state(s.work / "vae_final.pt")
    if state is None and not s.start:
        raise BoothError("There is no autoencoder yet.", "Run --stage vae first.")
    if state is not None:
        vae.load_state_dict(state["vae"])
    vae.register_to_config(scaling_factor=1.0)
    return vae.eval()


def decoder_stage(s: Settings) -> None:
    """Go on training the decoder alone; cached latents stay valid."""
    vae = load_autoencoder(s)
    autoencoder.freeze_encoder(vae)
    pools = [dataset.textures(s.work, s.textures, s.size), dataset.scenes(s.work)]
    plan = Plan(s.decoder_minutes, batch=16, peak=1e-3)
    autoencoder.train_autoencoder(vae, pools, [0.2, 0.8], s.crop, s.work / "decoder.pt", plan)


def latents_stage(s: Settings) -> None:
    """Cache the latents of all pictures drawn so far, and where their details are."""
    pictures = lessons.training_pictures(s.work)
    vae = load_autoencoder(s)

    def latents(numbers: range) -> NDArray[np.float16]:
        return autoencoder.encode(vae, np.asarray(pictures[numbers.start : numbers.stop]))

    def details(numbers: range) -> NDArray[np.float16]:
        return np.stack([denoiser.details_of(random_scene(n), s.latent_size) for n in numbers])

    dataset.extend(s.work, "latents", len(pictures), latents)
    dataset.extend(s.work, "details", len(pictures), details)
    print(f"{len(pictures)} scenes encoded")


def load_tokenizer(s: Settings) -> CLIPTokenizer:
    """The tokenizer, learnt on first use: anew, or as a longer one of the Toybox to go on from."""
    folder = s.work / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        captions = caption_sample(min(4000, s.scenes))
        if s.start:
            shipped = CLIPTokenizer.from_pretrained(s.start / "tokenizer")
            extend_tokenizer(shipped, captions).save_pretrained(folder)
        else:
            build_tokenizer(captions, s.rare).save_pretrained(folder)
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
    return tokenizer


def new_denoiser(s: Settings, tokenizer: CLIPTokenizer) -> denoiser.Denoiser:
    """A text encoder and a UNet on the best device: untrained, or of the Toybox to go on from."""
    torch.manual_seed(1)
    unet = denoiser.build_unet(s.unet_channels, s.width, s.latent_channels, s.latent_size)
    if s.start:
        full = {"dtype": torch.float32}
        text_encoder = CLIPTextModel.from_pretrained(s.start / "text_encoder", **full)
        denoiser.grow_vocabulary(text_encoder, len(tokenizer))
        earlier = UNet2DConditionModel.from_pretrained(s.start / "unet", **full)
        denoiser.take_over(unet, earlier)
    else:
        text_encoder = denoiser.build_text_encoder(tokenizer, s.width, s.layers)
    return denoiser.Denoiser(text_encoder, unet).to(models.device())


def cached_lessons(s: Settings) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """The latents and the details that are cached so far."""
    return dataset.cached(s.work, "latents"), dataset.cached(s.work, "details")


def unet_stage(s: Settings) -> None:
    """Train text encoder and UNet together, if the pictures are still what their captions say."""
    lessons.training_pictures(s.work)
    tokenizer = load_tokenizer(s)
    data = denoiser.CaptionedLatents(lambda: cached_lessons(s), tokenizer)
    plan = Plan(s.unet_minutes, s.batch, peak=s.unet_peak, warmup=300)
    net, scheduler = new_denoiser(s, tokenizer), denoiser.build_scheduler()
    denoiser.train_denoiser(net, data, scheduler, s.work / "unet.pt", plan)


def export_stage(s: Settings) -> None:
    """Write the averaged weights as a diffusers folder, and the sample photos beside it."""
    tokenizer = load_tokenizer(s)
    net = new_denoiser(s, tokenizer)
    state = load_state(s.work / "unet.pt")
    if state is None:
        raise BoothError("There is no UNet yet.", "Run --stage unet first.")
    net.load_state_dict(state["average"])
    captions = caption_sample(min(4000, s.scenes))
    seen = tokenizer(captions).input_ids
    export.level_unseen(net, {token for ids in seen for token in ids})
    size = export.export(load_autoencoder(s), tokenizer, net.eval(), s.out)
    disk.write_json(s.out / catalogue.WORDS, unknown_words(sorted(captions), known=()))
    print(f"{s.out}: {size / 2**20:.1f} MB after {state['step']} steps")


def check_stage(s: Settings) -> None:
    """Say how well the autoencoder carries scenes it never saw, and photos if there are any."""
    vae = load_autoencoder(s)
    unseen = np.stack([draw(random_scene(dataset.UNSEEN + i), s.size) for i in range(48)])
    print(f"PSNR on 48 unseen scenes: {autoencoder.psnr(vae, unseen):.1f} dB")
    if s.photos:
        files = sorted(path for path in s.photos.rglob("*") if path.suffix.lower() in PHOTOS)
        middles = [crops.cut(photos.open_photo(path), crops.Crop(), s.size) for path in files]
        real = np.stack([np.asarray(image) for image in middles])
        print(f"PSNR on {len(real)} photos: {autoencoder.psnr(vae, real):.1f} dB")


def samples_stage(s: Settings) -> None:
    """Draw the sample subjects' photos into `samples` beside the model."""
    write_samples(s.out.parent / "samples")


def judge_stage(s: Settings, judge: Any, minutes: float, count: int) -> None:
    """Train a judge on the renders, examine it as it is written, and put it beside the others."""
    name = judge.__name__.rpartition(".")[2]
    plan = Plan(minutes, s.judge_batch, peak=2e-3, save_every=50, clip=3.0)
    start = earlier(s, judge)
    net, steps = judge.train(s.work, plan, start)
    judge.save(net, s.work / name)
    figures = judge.examine(judge.load(s.work / name), s.work, count)
    if s.selective and figures.get(likeness.UNTRAINED, 0) >= figures.get(likeness.AUC, 1):
        raise BoothError(
            f"This {name} tells subjects apart no better than a net that has learnt nothing, "
            f"and is not written: {figures}",
            "Give it more minutes or more scenes.",
        )
    judge.save(net, s.judges / name)
    learnt = {"minutes": minutes, "steps": steps, "went on from an earlier one": bool(start)}
    lessons.note_figures(s.judges, name, {**learnt, **figures})
    size = export.folder_size(s.judges)
    print(f"{name} after {steps} steps: {figures}\nall judges: {size / 2**20:.1f} MB")
    if size > shelf.LIMIT:
        raise BoothError(
            f"The judges may take {shelf.LIMIT / 2**20:.0f} MB together.", "Make them smaller."
        )


def earlier(s: Settings, judge: Any) -> Path | None:
    """The judge beside the Toybox to go on from, if it knows this world and this size."""
    if s.start is None:
        return None
    folder = judges_of(s.start) / judge.__name__.rpartition(".")[2]
    try:
        return folder if judge.load(folder).size == s.size else None
    except BoothError:
        return None


def score_stage(s: Settings) -> None:
    """Score the model that was written by the judges beside it, and keep the score with them."""
    booth = exam.Booth.of(s.out, s.work / "score")
    score = score_of(booth, Judges.load(s.judges), s.asked)
    disk.write_json(s.judges / "score.json", score)
    print(report(score))


STAGES: dict[str, Callable[[Settings], None]] = {
    "draw": draw_stage,
    "vae": vae_stage,
    "latents": latents_stage,
    "unet": unet_stage,
    "decoder": decoder_stage,
    "export": export_stage,
    "check": check_stage,
    "samples": samples_stage,
    "checker": lambda s: judge_stage(s, checker, s.checker_minutes, s.unseen),
    "clip": lambda s: judge_stage(s, clip, s.clip_minutes, s.unseen),
    "likeness": lambda s: judge_stage(s, likeness, s.likeness_minutes, s.strangers),
    "score": score_stage,
}


KEPT = ("vae", "decoder")
"""What a Toybox to go on from brings along: trained further only when asked for by name."""


def run(settings: Settings, stage: str = "all") -> None:
    """Run one stage, or all in order."""
    for name, work in STAGES.items():
        if name == stage or (stage == "all" and not (settings.start and name in KEPT)):
            work(settings)


def main() -> None:
    """Read the command line and run."""
    base = Settings()
    parser = argparse.ArgumentParser(prog="python -m booth.toybox.pretrain", description=__doc__)
    parser.add_argument("--stage", choices=["all", *STAGES], default="all")
    parser.add_argument("--work", type=Path, default=base.work, help="where state is kept")
    parser.add_argument("--out", type=Path, default=base.out, help="where the model is written")
    parser.add_argument("--start", type=Path, help="a finished Toybox to go on from")
    parser.add_argument("--photos", type=Path, help="a folder of photos for the stage check")
    parser.add_argument("--scenes", type=int, default=base.scenes, help="pictures to draw")
    parser.add_argument("--vae-minutes", type=float, default=base.vae_minutes)
    parser.add_argument("--decoder-minutes", type=float, default=base.decoder_minutes)
    parser.add_argument("--unet-minutes", type=float, default=base.unet_minutes)
    parser.add_argument("--unet-peak", type=float, default=base.unet_peak, help="learning rate")
    parser.add_argument("--batch", type=int, default=base.batch, help="scenes per step of the UNet")
    parser.add_argument("--checker-minutes", type=float, default=base.checker_minutes)
    parser.add_argument("--clip-minutes", type=float, default=base.clip_minutes)
    parser.add_argument("--likeness-minutes", type=float, default=base.likeness_minutes)
    parser.add_argument("--threads", type=int, default=1)
    choices = vars(parser.parse_args())
    torch.set_num_threads(choices.pop("threads"))
    stage = choices.pop("stage")
    try:
        run(Settings(**choices), stage)
    except BoothError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
