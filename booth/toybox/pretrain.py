"""Draws the world, learns it and writes Toybox: `python -m booth.toybox.pretrain`.

Every stage picks up where it stopped, so an interrupted run loses at most a few minutes; a stage
whose checkpoint says its minutes are used up is not trained again, only read. With `--start
assets/toybox` and a new `--work` folder the stages draw, latents, unet and export train the
shipped model further; words new to it become new tokens behind its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from booth import catalogue, disk
from booth.prompts import unknown_words
from booth.toybox import autoencoder, dataset, denoiser, export
from booth.toybox.samples import write_samples
from booth.toybox.scene import draw, random_scene
from booth.toybox.training import load_state, save_state
from booth.toybox.vocabulary import build_tokenizer, caption_sample, extend_tokenizer


@dataclass(frozen=True)
class Settings:
    """Sizes and budgets of one Toybox; the model card says what the shipped one was given."""

    work: Path = Path(".work/toybox")
    out: Path = Path("assets/toybox")
    start: Path | None = None  # a finished Toybox to go on from, instead of from nothing
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
    unet_channels: tuple[int, int, int] = (64, 96, 160)
    unet_minutes: float = 75.0
    batch: int = 32

    @property
    def latent_size(self) -> int:
        """Rows of latents per picture."""
        return int(self.size // 2 ** (len(self.vae_channels) - 1))


def draw_stage(s: Settings) -> None:
    """Draw training pictures and textures."""
    dataset.textures(s.work, s.textures, s.size)
    dataset.draw_scenes(s.work, s.scenes, s.size)
    print(f"{dataset.drawn(s.work)} scenes drawn")


def new_autoencoder(s: Settings) -> AutoencoderKL:
    """An untrained autoencoder of the right size."""
    return autoencoder.build_autoencoder(s.vae_channels, s.latent_channels, s.size)


def vae_stage(s: Settings) -> None:
    """Train the autoencoder on textures and scenes, then fix the scale of its latents."""
    if (s.work / "vae_final.pt").exists():
        return
    torch.manual_seed(0)
    vae = new_autoencoder(s)
    pools = [dataset.textures(s.work, s.textures, s.size), dataset.scenes(s.work)]
    plan = autoencoder.Plan(s.vae_minutes, crop=s.crop)
    autoencoder.train_autoencoder(vae, pools, [0.3, 0.7], s.work / "vae.pt", plan)
    autoencoder.standardise(vae, np.asarray(pools[1][:512]))
    save_state(s.work / "vae_final.pt", {"vae": vae.state_dict()})


def load_autoencoder(s: Settings) -> AutoencoderKL:
    """The trained autoencoder, with the later decoder if there is one."""
    vae = new_autoencoder(s)
    state = load_state(s.work / "decoder.pt") or load_state(s.work / "vae_final.pt")
    if state is None and s.start:
        return AutoencoderKL.from_pretrained(s.start / "vae", dtype=torch.float32).eval()
    if state is None:
        raise SystemExit("There is no autoencoder yet: run --stage vae first.")
    vae.load_state_dict(state["vae"])
    vae.register_to_config(scaling_factor=1.0)
    return vae.eval()


def decoder_stage(s: Settings) -> None:
    """Go on training the decoder alone; cached latents stay valid."""
    vae = load_autoencoder(s)
    autoencoder.freeze_encoder(vae)
    pools = [dataset.textures(s.work, s.textures, s.size), dataset.scenes(s.work)]
    plan = autoencoder.Plan(s.decoder_minutes, crop=s.crop, peak=1e-3)
    autoencoder.train_autoencoder(vae, pools, [0.2, 0.8], s.work / "decoder.pt", plan)


def latents_stage(s: Settings) -> None:
    """Cache the latents of all pictures drawn so far."""
    vae = load_autoencoder(s)
    count = dataset.encode_scenes(s.work, lambda pictures: autoencoder.encode(vae, pictures))
    print(f"{count} scenes encoded")


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
    """A text encoder and a UNet: untrained, or those of the Toybox to go on from."""
    if s.start:
        full = {"dtype": torch.float32}
        text_encoder = CLIPTextModel.from_pretrained(s.start / "text_encoder", **full)
        denoiser.grow_vocabulary(text_encoder, len(tokenizer))
        return denoiser.Denoiser(
            text_encoder,
            UNet2DConditionModel.from_pretrained(s.start / "unet", **full),
        )
    torch.manual_seed(1)
    text_encoder = denoiser.build_text_encoder(tokenizer, s.width, s.layers)
    unet = denoiser.build_unet(s.unet_channels, s.width, s.latent_channels, s.latent_size)
    return denoiser.Denoiser(text_encoder, unet)


def unet_stage(s: Settings) -> None:
    """Train text encoder and UNet together."""
    tokenizer = load_tokenizer(s)
    data = denoiser.CaptionedLatents(lambda: dataset.latents(s.work), tokenizer)
    denoiser.train_denoiser(
        new_denoiser(s, tokenizer),
        data,
        denoiser.build_scheduler(),
        s.work / "unet.pt",
        denoiser.Plan(s.unet_minutes, s.batch),
    )


def export_stage(s: Settings) -> None:
    """Write the averaged weights as a diffusers folder, and the sample photos beside it."""
    tokenizer = load_tokenizer(s)
    net = new_denoiser(s, tokenizer)
    state = load_state(s.work / "unet.pt")
    if state is None:
        raise SystemExit("There is no UNet yet: run --stage unet first.")
    net.load_state_dict(state["average"])
    captions = caption_sample(min(4000, s.scenes))
    seen = tokenizer(captions).input_ids
    export.level_unseen(net, {token for ids in seen for token in ids})
    size = export.export(load_autoencoder(s), tokenizer, net.eval(), s.out)
    disk.write_json(s.out / catalogue.WORDS, unknown_words(sorted(captions), known=()))
    print(f"{s.out}: {size / 2**20:.1f} MB after {state['step']} steps")


def check_stage(s: Settings) -> None:
    """Say how well the autoencoder carries scenes it never saw."""
    unseen = np.stack([draw(random_scene(dataset.UNSEEN + i), s.size) for i in range(48)])
    print(f"PSNR on unseen scenes: {autoencoder.psnr(load_autoencoder(s), unseen):.1f} dB")


def samples_stage(s: Settings) -> None:
    """Draw the sample subjects' photos into `samples` beside the model."""
    write_samples(s.out.parent / "samples")


STAGES: dict[str, Callable[[Settings], None]] = {
    "draw": draw_stage,
    "vae": vae_stage,
    "latents": latents_stage,
    "unet": unet_stage,
    "decoder": decoder_stage,
    "export": export_stage,
    "check": check_stage,
    "samples": samples_stage,
}


def run(settings: Settings, stage: str = "all") -> None:
    """Run one stage, or all in order."""
    for name, work in STAGES.items():
        if stage in (name, "all"):
            work(settings)


def main() -> None:
    """Read the command line and run."""
    base = Settings()
    parser = argparse.ArgumentParser(prog="python -m booth.toybox.pretrain", description=__doc__)
    parser.add_argument("--stage", choices=["all", *STAGES], default="all")
    parser.add_argument("--work", type=Path, default=base.work, help="where state is kept")
    parser.add_argument("--out", type=Path, default=base.out, help="where the model is written")
    parser.add_argument("--start", type=Path, help="a finished Toybox to go on from")
    parser.add_argument("--scenes", type=int, default=base.scenes, help="pictures to draw")
    parser.add_argument("--vae-minutes", type=float, default=base.vae_minutes)
    parser.add_argument("--decoder-minutes", type=float, default=base.decoder_minutes)
    parser.add_argument("--unet-minutes", type=float, default=base.unet_minutes)
    parser.add_argument("--threads", type=int, default=1)
    choices = parser.parse_args()
    torch.set_num_threads(choices.threads)
    run(
        Settings(
            work=choices.work,
            out=choices.out,
            start=choices.start,
            scenes=choices.scenes,
            vae_minutes=choices.vae_minutes,
            decoder_minutes=choices.decoder_minutes,
            unet_minutes=choices.unet_minutes,
        ),
        choices.stage,
    )


if __name__ == "__main__":
    main()
