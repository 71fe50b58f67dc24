"""The library keeps what it is given, under any name, for one writer at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from booth import disk, photos
from booth.errors import Busy, DiskError, PromptError, SubjectError
from booth.library import Library, Subject

NAMES = [
    "Rex", "Ünïcödé", "犬のポチ", "🐕‍🦺", "../../etc/passwd", "a/b\\c", "CON", "--help",
    "{0.__class__}", "${alert(1)}", "<img onerror=x>", "x" * 60, "%s%n", ".hidden",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_free_text_and_never_a_path(
    library: Library, subject: Subject, name: str
) -> None:
    before = {path.parent for path in library.root.rglob("subject.json")}
    made = library.create(name, "dog", [photos.Photo(Image.new("RGB", (64, 64)), "p", CROP)])
    assert made.name == (name if name != "Rex" else "Rex 2")
    assert library.find(made.name) == made
    assert made.folder.parent == subject.folder.parent and made.folder not in before
    assert made.folder.name.isalnum()


CROP = photos.suggest_crop(Image.new("RGB", (64, 64)))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=80))
def test_any_text_is_a_name_or_a_clear_refusal(library: Library, name: str) -> None:
    photo = photos.Photo(Image.new("RGB", (8, 8)), "p", CROP)
    try:
        made = library.create(name, "dog", [photo])
    except SubjectError as error:
        assert error.remedy
    else:
        assert library.find(made.name).id == made.id


def test_photos_are_kept_upright_and_cut_to_their_crops(subject: Subject) -> None:
    images = [views[0][0] for views in subject.instance_views(48)]
    assert [image.size for image in images] == [(48, 48)] * 3
    assert all(image.mode == "RGB" for image in images)


def test_captions_are_kept_and_older_subjects_have_none(library: Library) -> None:
    photo = photos.Photo(Image.new("RGB", (64, 64)), "p", CROP, caption="  on the\nbeach\0 ")
    bare = replace(photo, caption="")
    made = library.create("Max", "dog", [photo, bare])
    assert library.find("Max").captions == made.captions == ("on the beach", "")
    values = disk.read_json(made.folder / "subject.json")
    del values["captions"]
    disk.write_json(made.folder / "subject.json", values)
    assert library.find("Max").captions == ("", "")
    disk.write_json(made.folder / "subject.json", {**values, "captions": ["one of two"]})
    with pytest.raises(SubjectError):
        library.find("Max")


def test_a_caption_that_is_a_story_is_refused_and_nothing_is_stored(library: Library) -> None:
    photo = photos.Photo(Image.new("RGB", (64, 64)), "p", CROP, caption="very " * 40)
    with pytest.raises(PromptError, match="characters"):
        library.create("Max", "dog", [photo])
    assert library.subjects() == [] and not list(library.root.glob("subjects/*"))


def test_a_subject_needs_photos(library: Library) -> None:
    with pytest.raises(SubjectError, match="no photos"):
        library.create("Rex", "dog", [])
    assert library.subjects() == []


def test_rename_and_remove(library: Library, subject: Subject) -> None:
    renamed = library.rename(subject, "Max")
    assert library.find("max").id == subject.id and renamed.photos == subject.photos
    library.ask("take", renamed, {})
    library.ledger.reconcile()
    library.remove(renamed)
    assert library.subjects() == [] and library.ledger.jobs() == []
    with pytest.raises(SubjectError, match="no subject"):
        library.find("Max")


def test_what_is_being_worked_on_is_not_deleted(library: Library, subject: Subject) -> None:
    library.ask("train", subject, {})
    with pytest.raises(Busy):
        library.remove(subject)
    assert library.find("Rex") == subject


def test_only_one_process_may_write(library: Library, subject: Subject) -> None:
    second = Library()
    with pytest.raises(Busy, match="the tests"):
        second.claim("another")
    assert second.find("Rex") == subject, "looking is allowed"
    with pytest.raises(Busy, match="in use by the tests"):
        second.rename(subject, "Max")
    with pytest.raises(Busy):
        second.ask("take", subject, {})
    assert library.find("Rex") == subject


def test_a_writer_that_was_killed_does_not_keep_the_library(own_library: Path) -> None:
    code = "import os; from booth.library import Library; Library().claim('x'); os._exit(9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    library = Library()
    library.claim("me")
    assert library.writable
    library.release()


def test_crash_leftovers_are_swept_when_the_library_is_claimed(own_library: Path) -> None:
    leftover = own_library / "subjects" / ".birdie-unfinished-abc"
    leftover.mkdir(parents=True)
    stranger = own_library / "notes" / ".tmp-of-another-program"
    stranger.mkdir(parents=True)
    library = Library()
    library.claim("me")
    assert not leftover.exists() and stranger.exists()
    library.release()


def test_a_worker_that_is_still_saving_is_not_disturbed(own_library: Path) -> None:
    own_library.mkdir()
    half_written = own_library / "subjects" / ".birdie-unfinished-abc"
    half_written.mkdir(parents=True)
    with Library(trusted=True).working():
        library = Library()
        with pytest.raises(Busy, match="still saving"):
            library.claim("me", patience=0)
        assert half_written.exists() and not library.writable
    library.claim("me", patience=0)
    library.release()


def test_a_running_job_nobody_runs_is_interrupted_and_can_go_on(
    library: Library, subject: Subject
) -> None:
    job = library.ledger.change(library.ask("train", subject, {}), "running")
    library.release()
    again = Library()
    again.claim("after the crash")
    told = again.ledger.find(job.id)
    assert told.state == "interrupted" and "Continue" in told.remedy
    again.release()


def test_a_damaged_subject_file_hides_that_subject_only(library: Library, subject: Subject) -> None:
    photo = photos.Photo(Image.new("RGB", (64, 64)), "p", CROP)
    other = library.create("Max", "dog", [photo])
    (other.folder / "subject.json").write_bytes(b"{")
    assert library.subjects() == [subject]


@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_read_only_library_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DiskError, match="somebody else"):
        Library(tmp_path / "home").claim("me")


def test_a_read_only_file_system_says_so(
    own_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DiskError, match="read-only") as caught:
        Library().claim("me")
    assert "BOOTH_HOME" in caught.value.remedy


def test_a_full_disk_while_storing_photos_loses_nothing(
    library: Library, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_json", full)
    with pytest.raises(OSError, match="No space"):
        library.create("Max", "dog", [photos.Photo(Image.new("RGB", (64, 64)), "p", CROP)])
    monkeypatch.undo()
    assert [s.name for s in Library(library.root).subjects()] == ["Rex"]
    assert len(list((library.root / "subjects").iterdir())) == 1


def test_a_line_torn_by_a_crash_is_left_out_of_what_a_job_said(
    library: Library, subject: Subject
) -> None:
    job = library.ask("train", subject, {})
    library.ledger.say(job, {"event": "notice", "text": "ä"})
    with (library.ledger.folder / job.id / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "los')
    library.ledger.say(job, {"event": "notice", "text": "ö"})
    assert [e["text"] for e in library.ledger.events(job)] == ["ä", "ö"]
