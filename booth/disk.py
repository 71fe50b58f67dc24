"""Durable writing: whatever is on disk under its final name is whole.

Everything is written under a temporary name beside its goal, flushed to the disk, read back,
and only then renamed. A crash leaves at worst a leftover, which `sweep` removes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from booth.errors import CheckpointError

MANIFEST = "manifest.json"
_UNFINISHED = ".birdie-unfinished-"


def write_bytes(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all, replacing what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if temporary.read_bytes() != content:
            raise OSError(f"{path.name} did not read back as it was written")
        _rename(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Put `value` at `path` as JSON, whole or not at all."""
    write_bytes(path, json.dumps(value, indent=2, ensure_ascii=False).encode())


def read_json(path: Path) -> Any:
    """The JSON value stored at `path`."""
    return json.loads(path.read_bytes())


def write_image(path: Path, image: Image.Image, recipe: dict[str, Any] | None = None) -> None:
    """Put a PNG at `path`, with `recipe` (how it was made) as JSON in its text chunk."""
    info = PngImagePlugin.PngInfo()
    if recipe is not None:
        info.add_itxt("recipe", json.dumps(recipe, ensure_ascii=False))
        info.add_itxt("Software", "Birdie photo booth; made with AI")
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    write_bytes(path, buffer.getvalue())


def read_recipe(path: Path) -> dict[str, Any]:
    """How the PNG at `path` was made; empty when it does not say."""
    with Image.open(path, formats=["PNG"]) as image:
        text = image.info.get("recipe", "{}")
    return dict(json.loads(text))


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Fill a temporary folder; when the block ends well it becomes `final`, with a manifest.

    The manifest lists every file's SHA-256, taken from the flushed files, and is written last,
    so its presence means "complete". An older folder of that name is deleted only afterwards.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    staging = _beside(final)
    staging.mkdir()
    try:
        yield staging
        files = sorted(path for path in staging.rglob("*") if path.is_file())
        for path in files:
            _sync_file(path)
        sums = {path.relative_to(staging).as_posix(): sha256(path) for path in files}
        write_json(staging / MANIFEST, sums)
        for folder in [path for path in staging.rglob("*") if path.is_dir()]:
            sync_folder(folder)
        _promote(staging, final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def verify(folder: Path) -> None:
    """Raise `CheckpointError` unless every file of `folder` is as its manifest says."""
    try:
        sums = read_json(folder / MANIFEST)
        whole = all(sha256(folder / name) == digest for name, digest in sums.items())
    except (OSError, ValueError):
        whole = False
    if not whole:
        raise CheckpointError(
            f'The saved folder "{folder.name}" is damaged.',
            "The booth falls back to the copy before it; if there is none, train again.",
        )


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def remove_folder(folder: Path) -> None:
    """Delete a folder so that a crash in the middle never leaves half of it under its name."""
    if folder.exists():
        doomed = _beside(folder)
        _rename(folder, doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def sweep(root: Path) -> None:
    """Delete what crashed writers left under `root`. Only for whoever holds the library's lock."""
    for leftover in list(root.rglob(f"{_UNFINISHED}*")):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut (a no-op on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    """A name nobody has, in the same folder, that `sweep` knows as unfinished."""
    return path.with_name(f"{_UNFINISHED}{uuid.uuid4().hex}")


def _rename(old: Path, new: Path) -> None:
    """`os.replace`, patient with Windows, where a file somebody reads cannot be replaced."""
    for pause in (0.05, 0.2, 0.75):
        try:
            return os.replace(old, new)
        except PermissionError:
            time.sleep(pause)
    os.replace(old, new)


def _sync_file(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _promote(staging: Path, final: Path) -> None:
    old = None
    if final.exists():
        old = _beside(final)
        _rename(final, old)
    _rename(staging, final)
    sync_folder(final.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
