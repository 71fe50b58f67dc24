"""Durable writing: whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from booth import disk
from booth.errors import CheckpointError, DiskError, for_people


def test_a_failed_write_leaves_the_old_file_and_no_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    disk.write_json(path, {"old": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        disk.write_json(path, {"new": 2})
    assert disk.read_json(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    code = (
        "import sys; from pathlib import Path; from booth import disk\n"
        "n = 0\n"
        "while True:\n"
        "    n = (n + 1) % 256\n"
        f"    disk.write_bytes(Path({str(path)!r}), bytes([n]) * 3_000_000)\n"
    )
    for pause in (0.02, 0.05, 0.09, 0.13):
        process = subprocess.Popen([sys.executable, "-c", code])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = path.read_bytes()
        assert len(content) == 3_000_000 and len(set(content)) == 1
    disk.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), disk.new_folder(tmp_path / "f") as staging:
        (staging / "half").write_text("x")
        raise RuntimeError("stopped in the middle")
    assert list(tmp_path.iterdir()) == []
    with disk.new_folder(tmp_path / "f") as staging:
        (staging / "whole").write_text("x")
    disk.verify(tmp_path / "f")


def test_a_changed_file_in_a_folder_is_noticed(tmp_path: Path) -> None:
    with disk.new_folder(tmp_path / "f") as staging:
        (staging / "a").write_text("one")
    (tmp_path / "f" / "a").write_text("two")
    with pytest.raises(CheckpointError):
        disk.verify(tmp_path / "f")


def test_a_picture_carries_its_recipe(tmp_path: Path) -> None:
    recipe = {"prompt": "a [V] dog 🐕 <b>\n${x}", "seed": 3}
    disk.write_image(tmp_path / "a.png", Image.new("RGB", (4, 4)), recipe)
    assert disk.read_recipe(tmp_path / "a.png") == recipe


@pytest.mark.parametrize(
    ("number", "words"), [(28, "disk is full"), (30, "read-only"), (13, "belongs to somebody")]
)
def test_disk_trouble_is_told_in_plain_words(number: int, words: str) -> None:
    told = for_people(OSError(number, "x"))
    assert isinstance(told, DiskError) and words in told.problem and told.remedy


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root"
)
def test_a_really_full_disk_loses_nothing(tmp_path: Path) -> None:
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path)], capture_output=True
    )
    if mount.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        disk.write_bytes(tmp_path / "a", b"x" * 600_000)
        with pytest.raises(OSError) as caught:
            disk.write_bytes(tmp_path / "a", b"y" * 600_000)
        assert "full" in for_people(caught.value).problem
        assert (tmp_path / "a").read_bytes() == b"x" * 600_000
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
