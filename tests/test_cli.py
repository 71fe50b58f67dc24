"""The booth from a terminal, on the tiny model."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from booth import cli, course
from booth.disk import read_recipe
from booth.gallery import cards
from booth.library import Library

QUICK = ["--steps", "2", "--prior-images", "1", "--json"]
Captured = pytest.CaptureFixture[str]


def booth(capsys: Captured, *arguments: str) -> list[dict[str, Any]]:
    """Run a command in this process; its JSON lines, or the error line with exit status 1."""
    try:
        cli.main([*arguments, "--json"])
    except SystemExit as stop:
        assert stop.code == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["event"] in ("done", "error")
    return lines


def train(capsys: Captured, base: Path, files: list[Path], *more: str) -> list[dict[str, Any]]:
    names = ["--name", "Rex", "--class-noun", "dog", "--base", str(base)]
    return booth(capsys, "train", *map(str, files), *names, *QUICK[:4], *more)


@pytest.fixture(scope="module")
def evening(
    base_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, Any]]]:
    """A library in which Rex was trained once, in a process of its own, and what it said."""
    folder = tmp_path_factory.mktemp("evening")
    Image.effect_noise((300, 300), 80).convert("RGB").save(folder / "a.png")
    environment = {**os.environ, "BOOTH_HOME": str(folder / "home")}
    names = ["--name", "Rex", "--class-noun", "dog", "--base", str(base_folder)]
    done = subprocess.run(
        [sys.executable, "-m", "booth", "train", str(folder / "a.png"), *names, *QUICK],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return folder / "home", [json.loads(line) for line in done.stdout.splitlines()]


def test_train_ends_with_steps_seconds_and_weights(
    evening: tuple[Path, list[dict[str, Any]]],
) -> None:
    last = evening[1][-1]
    assert last["event"] == "done" and last["steps"] == 2 and last["seconds"] > 0
    assert (Path(last["weights"]) / "unet" / "config.json").exists()


def test_captions_belong_to_the_photos_in_their_order(
    photo_files: list[Path], base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    taught, real = [], course.Learner

    def watched(parts: Any, examples: Any, config: Any) -> Any:
        taught.append(examples.prompts)
        return real(parts, examples, config)

    monkeypatch.setattr(course, "Learner", watched)
    told = ["on a rug", "", "in [V]'s snow" + " and ice" * 12]
    said = ["--identifier", "bxz", "--captions", *told]
    lines = train(capsys, base_folder, photo_files, *said)
    assert Library().find("Rex").captions == tuple(told)
    labels = ("a bxz dog on a rug", "a bxz dog", f"a bxz dog in bxz's snow{' and ice' * 12}")
    assert taught == [(*labels, "a dog")]
    assert not any("Too long" in line.get("text", "") for line in lines)
    train(capsys, base_folder, photo_files, *said[:2])
    assert taught[1] == ("a bxz dog", "a dog")


def test_the_end_of_a_caption_that_the_model_cannot_read_is_named(
    photo_files: list[Path], base_folder: Path, capsys: Captured
) -> None:
    lines = train(capsys, base_folder, photo_files, "--captions", "on " + "犬" * 100, "", "")
    notices = [line["text"] for line in lines if line["event"] == "notice"]
    assert any(text.startswith("Too long") and "犬" in text for text in notices), notices
    assert lines[-1]["event"] == "done"


def test_too_few_captions_are_refused_before_anything_is_stored(
    photo_files: list[Path], base_folder: Path, capsys: Captured
) -> None:
    (error,) = train(capsys, base_folder, photo_files, "--captions", "on a rug")[-1:]
    assert error["event"] == "error" and "captions is 1, that of photos 3" in error["problem"]
    assert Library().subjects() == []


def test_take_makes_the_pictures_asked_for_with_their_recipes(
    evening: tuple[Path, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("BOOTH_HOME", str(evening[0]))
    options = ["--count", "2", "--seed", "7", "--out", str(tmp_path / "out")]
    last = booth(capsys, "take", "rex", "a [V] dog on the beach", *options)[-1]
    assert [Path(p).parent for p in last["pictures"]] == [tmp_path / "out"] * 2
    recipes = [read_recipe(Path(path)) for path in last["pictures"]]
    assert [r["seed"] for r in recipes] == [7, 8]
    assert recipes[0]["shown"] == "a [V] dog on the beach" and "[V]" not in recipes[0]["prompt"]


def test_gallery_takes_every_card_and_a_contact_sheet(
    evening: tuple[Path, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:

    few = cards("dog")[:3]
    monkeypatch.setattr(cli, "cards", lambda noun: few)
    monkeypatch.setenv("BOOTH_HOME", str(evening[0]))
    last = booth(capsys, "gallery", "Rex")[-1]
    assert len(last["pictures"]) == 3
    with Image.open(last["sheet"]) as sheet:
        assert sheet.width > 3 * 200


def test_a_prompt_that_is_too_long_says_which_words_are_dropped(
    evening: tuple[Path, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("BOOTH_HOME", str(evening[0]))
    lines = booth(capsys, "take", "Rex", "a [V] dog " + "the " * 74 + "snow")
    notices = [line["text"] for line in lines if line["event"] == "notice"]
    assert any('"the the snow"' in text for text in notices), notices
    assert lines[-1]["event"] == "done"


def test_an_empty_prompt_is_refused_with_a_remedy(
    evening: tuple[Path, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("BOOTH_HOME", str(evening[0]))
    (error,) = booth(capsys, "take", "Rex", "   ")[-1:]
    assert error["event"] == "error" and error["problem"] and error["remedy"]


def _png(width: int, height: int) -> bytes:
    """A one-bit PNG of any size whose pixels are all there, in a few kilobytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compress((b"\0" + b"\0" * ((width + 7) // 8)) * height, 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.jpg", b"I am a letter, not a photo."),
        ("empty.jpg", b""),
        ("cut.jpg", None),
        ("huge.png", _png(12_000, 12_000)),
    ],
)
def test_a_bad_photo_is_named_and_the_rest_goes_on(
    tmp_path: Path, photo_files: list[Path], base_folder: Path, capsys: Captured,
    name: str, content: bytes | None,
) -> None:  # fmt: skip
    bad = tmp_path / name
    if content is None:
        photo = Image.effect_noise((400, 400), 90).convert("RGB")
        photo.save(bad)
        content = bad.read_bytes()[:4000]
    bad.write_bytes(content)
    lines = train(capsys, base_folder, [bad, *photo_files])
    notices = [line["text"] for line in lines if line["event"] == "notice"]
    assert any(name in text for text in notices), notices
    assert lines[-1]["event"] == "done"
    alone = train(capsys, base_folder, [bad])[-1]
    assert alone["event"] == "error" and alone["remedy"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--name", "Rex", "--class-noun", "dog"],
        ["train", "x.png", "--name", "Rex", "--class-noun", "this is my dog and he is good"],
        ["train", "x.png", "--name", "Rex", "--class-noun", "dog", "--base", "nonsense"],
        ["take", "Nobody", "a [V] dog"],
        ["gallery", "Nobody"],
        ["resume", "Nobody"],
        ["remove", "Nobody"],
        ["tokens", "--base", "/no/such/folder"],
    ],
)
def test_every_wrong_wish_ends_with_one_sentence_and_a_remedy(
    capsys: Captured, arguments: list[str]
) -> None:
    (line,) = booth(capsys, *arguments)
    assert set(line) == {"event", "problem", "remedy"} and line["problem"] and line["remedy"]


def test_for_people_an_error_is_two_sentences_and_no_traceback(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["take", "Nobody", "a [V] dog"])
    told = capsys.readouterr()
    assert stop.value.code == 1 and told.out == ""
    assert "no subject called" in told.err and "Traceback" not in told.err


def test_tokens_are_rare_tokens_of_that_tokenizer(base_folder: Path, capsys: Captured) -> None:
    found = booth(capsys, "tokens", "--base", str(base_folder), "--count", "5")[-1]["tokens"]
    assert len(set(found)) == 5 and all(1 <= len(token) <= 3 for token in found)


def test_doctor_tells_the_machine_and_its_versions(capsys: Captured) -> None:
    report = booth(capsys, "doctor")[-1]
    assert report["device"] in ("cpu", "cuda", "mps") and report["free_disk_gb"] > 0
    assert report["versions"]["torch"][0].isdigit()


def test_what_is_removed_is_gone(
    photo_files: list[Path], base_folder: Path, capsys: Captured
) -> None:
    train(capsys, base_folder, photo_files)
    assert booth(capsys, "subjects")[-1]["subjects"] == ["Rex"]
    assert booth(capsys, "remove", "rex")[-1]["removed"] == "Rex"
    assert booth(capsys, "subjects")[-1]["subjects"] == []


def _start(home: Path, base: Path, files: list[Path]) -> subprocess.Popen[str]:
    names = ["--name", "Rex", "--class-noun", "dog", "--base", str(base), "--json"]
    sizes = ["--steps", "9", "--prior-images", "2", "--train-text-encoder"]
    command = [sys.executable, "-m", "booth", "train", *map(str, files), *names, *sizes]
    code = (
        "import runpy, sys; from booth import catalogue; import dataclasses\n"
        "found = catalogue.find\n"
        "def find(name):\n"
        "    row = found(name)\n"
        "    every = {'checkpoint_every': 2, 'preview_every': 0, 'read_loss_every': 1}\n"
        "    often = row.training | every\n"
        "    return dataclasses.replace(row, training=often, live=often)\n"
        "catalogue.find = find\n"
        f"sys.argv = {command[2:]!r}; runpy.run_module('booth', run_name='__main__')\n"
    )
    environment = {**os.environ, "BOOTH_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )


def _weights(home: Path) -> dict[str, bytes]:
    folder = next(home.glob("subjects/*/runs/*/weights"))
    return {
        f"{part}/{path.name}": path.read_bytes()
        for part in ("unet", "text_encoder")
        for path in (folder / part).glob("*.safetensors")
    }


def _read_until(process: subprocess.Popen[str], step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "loss" and event["step"] == step:
            return
    raise AssertionError("the training ended early")


@pytest.fixture(scope="module")
def uninterrupted(
    base_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Path], dict[str, bytes]]:
    """Photos, and the weights that a training on them ends in when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    files = [folder / f"{number}.png" for number in range(3)]
    for file in files:
        Image.effect_noise((300, 300), 80).convert("RGB").save(file)
    process = _start(folder / "home", base_folder, files)
    assert "done" in process.communicate()[0].splitlines()[-1]
    return files, _weights(folder / "home")


@pytest.mark.parametrize("step", [1, 4, 7])
def test_a_training_killed_at_any_moment_and_resumed_ends_in_the_same_weights(
    tmp_path: Path,
    base_folder: Path,
    uninterrupted: tuple[list[Path], dict[str, bytes]],
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    files, weights = uninterrupted
    killed = _start(tmp_path / "killed", base_folder, files)
    _read_until(killed, step)
    time.sleep(0.01 * step)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    monkeypatch.setenv("BOOTH_HOME", str(tmp_path / "killed"))
    assert booth(capsys, "subjects")[0]["training"] == "interrupted"
    assert booth(capsys, "resume", "Rex")[-1]["event"] == "done"
    assert _weights(tmp_path / "killed") == weights


def test_ctrl_c_pauses_with_a_checkpoint_and_resume_goes_on(
    tmp_path: Path, base_folder: Path, photo_files: list[Path], capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    process = _start(tmp_path / "home", base_folder, photo_files)
    _read_until(process, 3)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate()
    assert process.returncode == 130 and json.loads(rest.splitlines()[-1])["event"] == "paused"
    monkeypatch.setenv("BOOTH_HOME", str(tmp_path / "home"))
    lines = booth(capsys, "resume", "Rex")
    steps = [line["step"] for line in lines if line["event"] == "loss"]
    assert steps[0] >= 4 and steps[-1] == 9
    assert booth(capsys, "resume", "Rex")[-1]["problem"].endswith("no interrupted training.")
