"""The rendered training pictures on disk, drawn once and in order of their seeds.

Picture i is `random_scene(i)`, so captions need no file: they are written anew from the seed each
time a picture is shown, and a half-drawn set is picked up where it stopped.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from booth.errors import BoothError
from booth.toybox.scene import Scene, draw, random_scene
from booth.toybox.textures import dead_leaves

UNSEEN = 900_000
"""Scene seeds from here on are never trained on."""
BLOCK = 250
"""Pictures between two notes of how many are done."""
ENOUGH = 1_000
"""Pictures that are worth the start of more processes."""


def drawn(folder: Path, name: str = "scenes") -> int:
    """How many pictures of this name are on disk already."""
    count = folder / f"{name}.count"
    return int(count.read_text()) if count.exists() else 0


def draw_scenes(
    folder: Path,
    count: int,
    size: int = 128,
    name: str = "scenes",
    scene_of: Callable[[int], Scene] = random_scene,
) -> None:
    """Draw scenes, training ones by default, up to `count`, going on from what is there.

    `ENOUGH` of them are drawn on all cores. The script that asks for so many must be importable
    without doing its work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = drawn(folder, name)
    pictures = _room(folder / f"{name}.npy", np.uint8, (count, size, size, 3))
    with _artists(count - done) as each:
        for start in range(done, count, BLOCK):
            numbers = range(start, min(start + BLOCK, count))
            drawings = each(partial(draw, size=size), map(scene_of, numbers))
            for number, picture in zip(numbers, drawings, strict=True):
                pictures[number] = picture
            pictures.flush()
            _note(folder / f"{name}.count", numbers.stop)


def _room(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """The array at `path`, open to be filled; one with fewer rows is copied into a longer one."""
    before = np.load(path, mmap_mode="r") if path.exists() else None
    if before is None or len(before) < shape[0]:
        longer = path.with_name(f"{path.name}.part")
        room = np.lib.format.open_memmap(longer, "w+", dtype, shape)
        if before is not None:
            room[: len(before)] = before
        room.flush()
        del room, before  # a file that is mapped cannot be renamed everywhere
        os.replace(longer, path)
    return np.lib.format.open_memmap(path, mode="r+")


@contextmanager
def _artists(count: int) -> Iterator[Callable[..., Iterable[NDArray[np.uint8]]]]:
    """`map` in this process, or for very many pictures `map` in a process for every core.

    The processes leave Ctrl-C to this one, and end with it.
    """
    if count < ENOUGH:
        yield map
        return
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with get_context("spawn").Pool(os.cpu_count(), signal.signal, ignore) as pool:
        yield partial(pool.imap, chunksize=4)


def _note(path: Path, number: int) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(str(number))
    os.replace(temporary, path)


def scenes(folder: Path, name: str = "scenes") -> NDArray[np.uint8]:
    """The pictures of this name drawn so far: the training pictures."""
    pictures: NDArray[np.uint8] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return pictures[: drawn(folder, name)]


def forget(folder: Path, name: str) -> None:
    """Remove the pictures of this name."""
    for end in ("count", "npy"):
        (folder / f"{name}.{end}").unlink(missing_ok=True)


def extend(
    folder: Path,
    name: str,
    count: int,
    rows_of: Callable[[range], NDArray[np.float16]],
    chunk: int = 256,
) -> None:
    """Cache a row about each of the first `count` pictures, going on from what is there.

    `rows_of` gives the rows of the pictures with those numbers.
    """
    path = folder / f"{name}.npy"
    for start in range(drawn(folder, name), count, chunk):
        numbers = range(start, min(start + chunk, count))
        fresh = rows_of(numbers)
        store = _room(path, np.float16, (count, *fresh.shape[1:]))
        for number, row in zip(numbers, fresh, strict=True):
            store[number] = row
        store.flush()
        _note(folder / f"{name}.count", numbers.stop)


def cached(folder: Path, name: str) -> NDArray[np.float16]:
    """The rows cached so far, in the order of their pictures.

    Raises `BoothError` when there are none.
    """
    count = drawn(folder, name)
    if not count:
        raise BoothError(
            f"There are no {name} in {folder} yet.",
            "Run python -m booth.toybox.pretrain --stage latents first, with the same --work.",
        )
    store: NDArray[np.float16] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return np.array(store[:count])


def textures(folder: Path, count: int, size: int = 128) -> NDArray[np.uint8]:
    """The texture pictures, drawn on first use."""
    path = folder / "textures.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / "textures.part.npy"
        np.save(temporary, np.stack([dead_leaves(seed, size) for seed in range(count)]))
        os.replace(temporary, path)
    leaves: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return leaves
