"""What every test gets: a library of its own, no network, one thread, and a tiny base model."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import pytest
from PIL import Image, ImageDraw

from booth import photos
from booth.library import Library, Subject
from tests import tiny


@pytest.fixture(autouse=True)
def own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a library folder of its own."""
    monkeypatch.setenv("BOOTH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine can be reached."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in ("127.0.0.1", "localhost", "::1", "local"):
            raise OSError("no network in tests")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two OpenMP jobs on few cores stall each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real Stable Diffusion 1.5 topology at small width, with random weights."""
    return tiny.save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real SDXL topology at small width, with random weights."""
    return tiny.save_xl(tmp_path_factory.mktemp("models") / "tiny-xl")


@pytest.fixture
def library(own_library: Path) -> Iterator[Library]:
    """A library this process may write to."""
    library = Library()
    library.claim("the tests")
    yield library
    library.release()


@pytest.fixture
def photo_files(tmp_path: Path) -> list[Path]:
    """Three different drawn photos."""
    files = []
    for number in range(3):
        image = Image.effect_noise((600, 640), 60).convert("RGB")
        ImageDraw.Draw(image).ellipse(
            (100 + 60 * number, 90, 400, 500 - 40 * number), ("red", "orange", "blue")[number]
        )
        files.append(tmp_path / f"photo{number}.png")
        image.save(files[-1])
    return files


@pytest.fixture
def subject(library: Library, photo_files: list[Path]) -> Subject:
    """A dog called Rex with three photos."""
    return library.create("Rex", "dog", photos.prepare(photo_files).photos)
