"""A base model from one .safetensors file: unpacked once, and then like any other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file, save_file

from booth import catalogue, disk, generation, headers, hub, jobs, machine, models, single_file
from booth.config import SamplingConfig, to_dict
from booth.errors import BaseModelError
from booth.events import Done, Picture, Progress
from booth.library import Library, Subject
from booth.ui import forecast
from tests import ldm

PROMPTS = [("a dog", 5), ("the beach", 6)]
SAMPLING = SamplingConfig(3, 4.0, "dpm++", 64)
WORLDS = {"sd15": "base_folder", "sd21": "base_folder", "sdxl": "xl_folder"}
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, base_folder: Path, xl_folder: Path
) -> dict[str, Path]:
    """The tiny models as one file each; "sd21" has its text encoder named as in OpenCLIP."""
    folder = tmp_path_factory.mktemp("files")
    small, large = map(DiffusionPipeline.from_pretrained, (base_folder, xl_folder))
    return {
        "sd15": ldm.write(small, folder / "sd15.safetensors"),
        "sd21": ldm.write(small, folder / "sd21.safetensors", open_clip=True),
        "sdxl": ldm.write(large, folder / "sdxl.safetensors"),
    }


@pytest.fixture(autouse=True)
def donors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base_folder: Path, xl_folder: Path
) -> None:
    """The configs of a family are those of the tiny models; there are no weights beside them."""
    folders = {"base_folder": base_folder, "xl_folder": xl_folder}

    def donor(family: str, name: str) -> Generator[Any, None, Path]:
        bare = tmp_path / "donors" / family
        leave = shutil.ignore_patterns("*.safetensors")
        shutil.copytree(folders[WORLDS[family]], bare, ignore=leave, dirs_exist_ok=True)
        yield from ()
        return bare

    monkeypatch.setattr(single_file, "donor", donor)


def fetched(file: Path) -> tuple[list[Any], Path]:
    fetching, told = models.fetch(catalogue.find(str(file))), []
    while True:
        try:
            told.append(next(fetching))
        except StopIteration as finished:
            return told, finished.value


def pictures(folder: Path) -> list[bytes]:
    told = generation.generate(models.load(folder), PROMPTS, SAMPLING)
    return [event.image.tobytes() for event in told if isinstance(event, Picture) and event.image]


@pytest.mark.parametrize("family", list(WORLDS))
def test_the_unpacked_model_makes_the_pictures_of_the_folder_it_came_from(
    family: str, files: dict[str, Path], request: pytest.FixtureRequest
) -> None:
    original = request.getfixturevalue(WORLDS[family])
    told, folder = fetched(files[family])
    assert pictures(folder) == pictures(original)
    assert told and all(isinstance(event, Progress) for event in told)
    for part, module in models.load(original).modules.items():
        same = models.load(folder).modules[part].state_dict()
        assert all(torch.equal(w, same[name]) for name, w in module.state_dict().items()), part


def test_a_file_is_unpacked_once_and_then_nothing_of_it_is_read(
    files: dict[str, Path], own_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = catalogue.find(str(files["sd15"]))
    first = fetched(files["sd15"])[1]
    assert first.parent == own_library / "unpacked"

    def never(*_: object) -> None:
        raise AssertionError("the file was opened again")

    monkeypatch.setattr(headers, "safe_open", never)
    monkeypatch.setattr(single_file, "_pipeline", never)
    with pytest.raises(StopIteration) as finished:
        next(models.fetch(base))
    assert finished.value.value == first


def test_a_file_that_was_changed_is_another_model(files: dict[str, Path], tmp_path: Path) -> None:
    file = Path(shutil.copy(files["sd15"], tmp_path / "model.safetensors"))
    before = single_file.key(file)
    os.utime(file, (1, 1))
    assert single_file.key(file) != before


def test_an_unpacking_that_fails_leaves_nothing_and_a_crash_is_tidied_up(
    files: dict[str, Path], own_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_json", full)
    with pytest.raises(OSError, match="No space"):
        fetched(files["sd15"])
    assert list((own_library / "unpacked").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setenv("BOOTH_HOME", str(own_library))
    (own_library / "unpacked" / ".birdie-unfinished-1").mkdir()
    library = Library()
    library.claim("the tests")
    library.release()
    assert list((own_library / "unpacked").iterdir()) == []


def test_every_part_keeps_the_precision_it_has_in_the_file(
    files: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "mixed.safetensors"
    half = {
        name: weight if name.startswith("first_stage") else weight.half()
        for name, weight in load_file(files["sdxl"]).items()
    }
    save_file(half, file)
    folder = fetched(file)[1]
    found = {
        part: {weight.dtype for path in (folder / part).glob("*.safetensors")
               for weight in load_file(path).values()}
        for part in models.load(folder).modules
    }  # fmt: skip
    assert found.pop("vae") == {torch.float32}
    assert len(found) == 3 and all(kinds == {torch.float16} for kinds in found.values())


@pytest.mark.parametrize(("family", "size"), [("sd15", 512), ("sd21", 768), ("sdxl", 1024)])
def test_a_file_has_the_numbers_of_its_family(
    files: dict[str, Path], family: str, size: int
) -> None:
    row, found = catalogue.find(family), catalogue.find(str(files[family]))
    assert (found.key, found.title) == (str(files[family]), family)
    assert (found.file, found.hub_id, found.folder) == (files[family], None, None)
    config = found.training_config("live")
    assert config.resolution == size and config.base == found.key
    assert config.method == row.training_config("live").method


def test_a_link_without_an_ending_behind_it_is_followed(
    files: dict[str, Path], tmp_path: Path
) -> None:
    blob = Path(shutil.copy(files["sd15"], tmp_path / "0123abc"))
    link = tmp_path / "model.safetensors"
    link.symlink_to(blob)
    assert models.load(fetched(link)[1]).unet is not None


def test_what_else_lies_in_such_files_is_no_hindrance(
    files: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "ema.safetensors"
    more = {f"model_ema.w{n}": torch.zeros(2) for n in range(120)}
    more["alphas_cumprod"] = torch.zeros(1000)
    more["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.ones(1, 77)
    save_file({**load_file(files["sd15"]), **more}, file)
    assert pictures(fetched(file)[1]) == pictures(fetched(files["sd15"])[1])


def test_eight_bits_a_weight_are_unpacked_to_half_precision_without_loss(
    files: dict[str, Path], tmp_path: Path
) -> None:
    eight = {n: w.to(torch.float8_e4m3fn) for n, w in load_file(files["sd15"]).items()}
    save_file(eight, tmp_path / "eight.safetensors")
    folder = fetched(tmp_path / "eight.safetensors")[1]
    found = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")["conv_in.weight"]
    assert found.dtype == torch.float16 and torch.equal(found, eight[headers.UNET].half())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_subject_is_trained_and_photographed_with_a_file(
    files: dict[str, Path], library: Library, subject: Subject, method: str
) -> None:
    config = catalogue.find(str(files["sd15"])).training_config(
        "live", method=method, steps=2, prior_images=1, resolution=64, views=1, preview_every=0
    )
    work = jobs.TrainSubject(to_dict(config))
    assert isinstance(list(jobs.perform(library, jobs.ask(library, subject, work)))[-1], Done)
    work = jobs.TakePictures(("a [V] dog",), sampling={"num_inference_steps": 2})
    list(jobs.perform(library, jobs.ask(library, subject, work)))
    assert len(subject.pictures) == 1
    assert disk.read_recipe(subject.pictures[0])["base"] == str(files["sd15"])


def test_the_forecast_says_that_a_file_is_here_and_counts_its_copy(
    files: dict[str, Path], library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "free_disk_gb", lambda _: 0.001)
    monkeypatch.setattr(forecast, "LARGE_ROOM_GB", 0.0)
    base = catalogue.find(str(files["sd15"]))
    rows = forecast.rows(base, base.training_config("live"), None, library.ledger, library.root)
    assert rows[1].sign == "ok" and "unpacked into the library" in rows[1].text
    assert rows[2].sign == "warn", "its copy needs 4 MB, and 1 is free"


def only(beginning: str) -> Callable[[Weights], Weights]:
    return lambda weights: {n: w for n, w in weights.items() if n.startswith(beginning)}


def without(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {n: w for n, w in weights.items() if part not in n}


def renamed(old: str, new: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name.replace(old, new): w for name, w in weights.items()}


def named(*names: str) -> Callable[[Weights], Weights]:
    return lambda _: {name: torch.zeros(2) for name in names}


def plus(name: str) -> Callable[[Weights], Weights]:
    return lambda weights: {**weights, name: torch.zeros(2)}


def inpainting(weights: Weights) -> Weights:
    return {**weights, headers.UNET: torch.zeros(16, 9, 3, 3)}


@pytest.mark.parametrize(
    ("family", "damage", "words"),
    [
        ("sd15", named("lora_unet_mid_block_attentions_0.lora_up.weight"), "is a LoRA"),
        ("sd15", named("transformer.blocks.0.attn.to_q.lora_A.weight"), "is a LoRA"),
        ("sd15", named("double_blocks.0.img_attn.norm.key_norm.scale"), "is a Flux model"),
        ("sd15", named("model.diffusion_model.double_blocks.0.img_mod.lin.bias"), "is a Flux"),
        ("sd15", named("joint_blocks.0.context_block.mlp.fc1.bias"), "Stable Diffusion 3"),
        ("sd15", named("control_model.time_embed.0.weight"), "is a ControlNet"),
        ("sd15", named("emb_params"), "is a textual inversion"),
        ("sd15", named("encoder.conv_in.weight", "decoder.conv_in.weight"), "only a VAE"),
        ("sd15", only("first_stage_model."), "only a VAE"),
        ("sd15", named("down_blocks.0.resnets.0.conv1.weight"), "one part of a model"),
        ("sd15", named("something.else"), "is not a Stable Diffusion model"),
        ("sd15", only("model.diffusion_model."), "has no text encoder"),
        ("sdxl", without("first_stage_model."), "has no VAE"),
        ("sdxl", without("conditioner.embedders.0."), "text encoder in a way"),
        ("sdxl", renamed("embedders.1.", "embedders.0."), "refiner"),
        ("sd15", renamed(".text_model.", "."), "text encoder in a way"),
        ("sd15", inpainting, "inpainting"),
        ("sdxl", plus("v_pred"), "predicts velocity"),
        ("sdxl", plus("edm_mean"), "noise schedule of its own"),
        ("sd15", plus("scaled_fp8"), "8-bit format"),
    ],
)
def test_what_is_not_a_model_we_train_is_named_before_any_weights_are_read(
    files: dict[str, Path], tmp_path: Path, family: str, damage: Callable[[Weights], Weights],
    words: str,
) -> None:  # fmt: skip
    file = tmp_path / "bad.safetensors"
    save_file(damage(load_file(files[family])), file)
    with pytest.raises(BaseModelError, match=words) as caught:
        catalogue.find(str(file))
    assert '"bad.safetensors"' in caught.value.problem and caught.value.remedy


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda whole: whole[:-1], "is cut short"),
        (lambda whole: whole[: len(whole) // 2], "is cut short"),
        (lambda whole: whole[:50], "is cut short"),
        (lambda whole: b"", "is not a safetensors file"),
        (lambda whole: b"<html>Please log in to download</html>", "is not a safetensors file"),
        (lambda whole: b"PK\x03\x04" + whole[:900], "is not a safetensors file"),
    ],
)
def test_a_file_cut_short_or_of_another_kind_is_refused(
    files: dict[str, Path], tmp_path: Path, cut: Callable[[bytes], bytes], words: str
) -> None:
    file = tmp_path / "bad.safetensors"
    file.write_bytes(cut(files["sd15"].read_bytes()))
    with pytest.raises(BaseModelError, match=words):
        catalogue.find(str(file))


@pytest.mark.parametrize("ending", ["ckpt", "pt", "pth", "bin"])
def test_a_pickle_is_refused_unopened(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"model.{ending}"
    file.write_bytes(b"cos\nsystem\n")
    with pytest.raises(BaseModelError, match="can run code") as caught:
        catalogue.find(str(file))
    assert ".safetensors" in caught.value.remedy


def test_a_file_that_is_not_there_is_not_taken_for_a_hub_name() -> None:
    with pytest.raises(BaseModelError, match="There is no file"):
        catalogue.find("models/gone.safetensors")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without("output_blocks.3."), "could not be unpacked"),
        (without("resblocks.1.mlp.c_fc"), "2 weights of its text_encoder_2 are not in it"),
        (renamed("first_stage_model.encoder", "first_stage_model.coder"), "could not be unpacked"),
    ],
)
def test_a_file_that_lacks_weights_is_refused_and_nothing_is_kept(
    files: dict[str, Path], own_library: Path, tmp_path: Path,
    damage: Callable[[Weights], Weights], words: str,
) -> None:  # fmt: skip
    file = tmp_path / "holes.safetensors"
    save_file(damage(load_file(files["sdxl"])), file)
    with pytest.raises(BaseModelError, match=words) as caught:
        fetched(file)
    assert "holes.safetensors" in caught.value.problem
    assert not list((own_library / "unpacked").glob("*"))


def test_a_file_of_other_sizes_than_its_family_is_refused(
    files: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "wide.safetensors"
    weights = load_file(files["sd15"])
    wide = {headers.UNET: torch.zeros(24, 4, 3, 3)}
    save_file({**weights, **wide}, file)
    with pytest.raises(BaseModelError, match="could not be unpacked"):
        fetched(file)


class TestConfigs:
    """Where the configs and tokenizers come from."""

    @pytest.fixture(autouse=True)
    def donors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The real ones: no stand-in here."""

    def fetched(self, family: str) -> tuple[list[Any], Path]:
        fetching, told = single_file.donor(family, "model.safetensors"), []
        while True:
            try:
                told.append(next(fetching))
            except StopIteration as finished:
                return told, finished.value

    def test_without_a_network_it_says_that_configs_are_needed_once(
        self, files: dict[str, Path]
    ) -> None:
        with pytest.raises(BaseModelError, match="few megabytes of configs are needed once") as e:
            fetched(files["sd15"])
        assert '"sd15.safetensors"' in e.value.problem and "internet" in e.value.remedy

    def test_only_configs_are_downloaded_and_the_next_time_nothing(
        self, xl_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        snapshot, asked = tmp_path / "snapshot", []

        def download(hub_id: str, name: str, local_files_only: bool = False) -> str:
            path = snapshot / name
            if local_files_only and not path.exists():
                raise hub.LocalEntryNotFoundError("not here")
            if not local_files_only:
                asked.append(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(xl_folder / name, path)
            return str(path)

        there = [path for path in xl_folder.rglob("*") if path.is_file()]
        sizes = {path.relative_to(xl_folder).as_posix(): path.stat().st_size for path in there}
        monkeypatch.setattr(hub, "hf_hub_download", download)
        monkeypatch.setattr(hub, "_files", lambda hub_id: hub.needed(hub_id, sizes))
        told, folder = self.fetched("sdxl")
        assert folder == snapshot and told and "configs" in told[0].stage
        assert not [name for name in asked if not name.endswith((".json", ".txt"))]
        assert {"text_encoder_2/config.json", "tokenizer_2/tokenizer.json"} <= set(asked)
        assert self.fetched("sdxl") == ([], snapshot)
        (snapshot / "tokenizer_2" / "tokenizer.json").unlink()
        assert self.fetched("sdxl")[0], "what is missing is fetched again"

    def test_configs_alone_are_not_taken_for_the_model(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub_id = catalogue.find("sd15").hub_id or ""
        snapshot = tmp_path / f"models--{hub_id.replace('/', '--')}" / "snapshots" / "0123"
        monkeypatch.setattr(forecast, "hub_cache", lambda: tmp_path)
        disk.write_json(snapshot / "model_index.json", {})
        disk.write_json(snapshot / "unet" / "config.json", {})
        assert not forecast._in_cache(hub_id)
        (snapshot / "unet" / "diffusion_pytorch_model.fp16.safetensors").touch()
        assert forecast._in_cache(hub_id)
