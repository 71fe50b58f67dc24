"""A base model that comes as one .safetensors file, unpacked once into diffusers' layout.

<home>/unpacked/<key>/    a model folder like any other; see `key`

The file holds weights only. Its configs and tokenizers are those of the catalogue's model of the
same family: a few megabytes, from the Hub's cache or downloaded once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch

from booth import catalogue, disk, headers, hub
from booth.errors import BaseModelError, DiskError, OutOfMemory, for_people
from booth.events import Event, Progress
from booth.families import Family, family_of

_HALF = {"F16": torch.float16, "BF16": torch.bfloat16}
_HALF |= dict.fromkeys(("F8_E4M3", "F8_E5M2"), torch.float16)  # holds every 8-bit number exactly
_TOKENIZER = ({"tokenizer.json"}, {"vocab.json", "merges.txt"})  # either is enough


def unpack(file: Path, root: Path) -> Generator[Event, None, Path]:
    """The folder under `root` with the model of `file`; made on the first call, then only found.

    Raises `BaseModelError` when the file is not a whole model that we train, or when its configs
    are not here and cannot be downloaded.
    """
    folder = root / key(file)
    if (folder / disk.MANIFEST).exists():
        return folder
    header = headers.read(file)
    configs = yield from donor(header.family, file.name)
    yield Progress(f"Unpacking {file.name}", 0, 1)
    pipeline = _pipeline(file, configs, header)
    with disk.new_folder(folder) as staging:
        pipeline.save_pretrained(staging)
    yield Progress(f"Unpacking {file.name}", 1, 1)
    return folder


def key(file: Path) -> str:
    """The name of the unpacked folder: another one when the file is another or was changed."""
    try:
        facts = file.stat()
    except OSError as error:
        raise BaseModelError(f"{file} is not there any more.", "Put the file back.") from error
    told = json.dumps([file.name, facts.st_size, facts.st_mtime_ns])
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def donor(family: str, name: str) -> Generator[Event, None, Path]:
    """A folder with the configs and tokenizers of a family; `name` is the file's, for the message.

    Raises `BaseModelError` when they are not here and the Hub cannot be reached.
    """
    hub_id = catalogue.find(family).hub_id
    assert hub_id is not None
    try:
        return (yield from hub.fetch(hub_id, _check, weights=False))
    except BaseModelError as error:
        raise BaseModelError(
            f'"{name}" holds weights only. A few megabytes of configs are needed once, from '
            f"{hub_id}, and could not be fetched.",
            "Connect to the internet and try again; after that it works without a network.",
        ) from error


def _check(folder: Path) -> None:
    """Raise `BaseModelError` unless `folder` has every config and tokenizer of its family."""
    try:
        family = family_of(disk.read_json(folder / "model_index.json"), folder.name)
        found = [disk.read_json(folder / part / "config.json") for part in family.parts]
        found.append(disk.read_json(folder / "scheduler" / "scheduler_config.json"))
    except (OSError, ValueError) as error:
        raise _incomplete(folder) from error
    for tokenizer in family.tokenizers:
        there = {path.name for path in (folder / tokenizer).glob("*")}
        if "tokenizer_config.json" not in there or not any(it <= there for it in _TOKENIZER):
            raise _incomplete(folder)


def _incomplete(folder: Path) -> BaseModelError:
    return BaseModelError(f'"{folder.name}" lacks some of its configs.', "Download them again.")


def _pipeline(file: Path, configs: Path, header: headers.Header) -> Any:
    """The model of `file` as a diffusers pipeline, every part in the precision it has there."""
    family = family_of(disk.read_json(configs / "model_index.json"), file.name)
    try:
        pipeline = _loaded(file, configs, header, family)
    except Exception as error:  # diffusers, transformers and torch each raise their own
        if isinstance(for_people(error), (DiskError, OutOfMemory)):
            raise
        raise _refused(file, f"its weights are not those of {family.title}") from error
    for part in family.parts:
        lacking = sum(weight.is_meta for weight in getattr(pipeline, part).parameters())
        if lacking:
            raise _refused(file, f"{lacking} weights of its {part} are not in it")
    return pipeline


def _loaded(file: Path, configs: Path, header: headers.Header, family: Family) -> Any:
    """UNet and VAE on their own, since a pipeline is loaded in one precision; then the rest."""
    place: dict[str, Any] = {"config": str(configs), "local_files_only": True}
    types = {part: _HALF.get(kind, torch.float32) for part, kind in header.types.items()}
    alone = {
        part: family.parts[part].from_single_file(
            str(file), subfolder=part, torch_dtype=types[part], **place
        )
        for part in ("unet", "vae")
    }
    absent = dict.fromkeys(family.empty)  # the safety checker
    return family.pipeline.from_single_file(
        str(file), torch_dtype=types["text"], **place, **alone, **absent
    )


def _refused(file: Path, reason: str) -> BaseModelError:
    return BaseModelError(
        f'"{file.name}" could not be unpacked: {reason}.',
        "Copy or download it again, or choose another model.",
    )
