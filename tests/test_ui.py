"""The front desk: what is shown, what can be done with it, and what happens when it cannot."""

from __future__ import annotations

import html
import json
import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from booth import catalogue, disk, gallery, jobs, machine
from booth.config import TrainingConfig, to_dict
from booth.errors import BoothError, Busy, PhotoError, SubjectError
from booth.ledger import Job, State
from booth.library import Library, Subject
from booth.ui import build, fields, forecast, manners, opening, tray, words
from booth.ui.booth_screen import BoothScreen
from booth.ui.desk import HOME, Desk, changed, place
from booth.ui.door import Door
from booth.ui.drafts import Draft, Drafts
from booth.ui.frame import Frame, look_only
from booth.ui.kind_screen import KindScreen, is_person
from booth.ui.library_screen import LibraryScreen, card, card_facts, samples, state_words
from booth.ui.photos_screen import PhotosScreen, framed, notes
from booth.ui.previews import proof_sheet, spread
from booth.ui.ready_screen import ReadyScreen
from booth.ui.report import Report, curve, tell
from booth.ui.training_screen import TrainingScreen, choices, state
from booth.worker import Runner

NASTY = [
    "<img src=x onerror=alert(1)>",
    "${alert(1)}",
    "{{name}}",
    "C:\\users\\x",
    "`${1}`",
    "Ünï 🐕",
]


class Recorder(Runner):
    """A runner that only remembers what it was asked."""

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self.orders: list[dict[str, Any]] = []

    def _order(self, order: dict[str, Any]) -> None:
        self.orders.append(order)


@pytest.fixture
def desk(library: Library) -> Iterator[Desk]:
    """A front desk on a library of its own, with a runner that runs nothing."""
    here = machine.Machine("test", 2, 16.0, "cpu")
    disk.write_json(library.root / "machine.json", to_dict_of(here))
    with gr.Blocks():
        yield Desk(library, Recorder(library), gr.State(HOME), gr.State({}), gr.State(""))


def to_dict_of(here: machine.Machine) -> dict[str, Any]:
    return {name: getattr(here, name) for name in here.__dataclass_fields__}


def train(desk: Desk, subject: Subject, upto: int = 0, total: int = 20) -> Job:
    """A training in the ledger that has said `upto` losses."""
    config = to_dict(TrainingConfig(steps=total))
    job = jobs.ask(desk.library, subject, jobs.TrainSubject(config))
    for step in range(1, upto + 1):
        desk.library.ledger.say(job, loss(step, total))
    return job


def loss(step: int, total: int = 20) -> dict[str, Any]:
    return {"event": "loss", "step": step, "total": total, "instance": 1.0 / step, "prior": 0.5,
            "seconds": 0.1}  # fmt: skip


def shown(updates: dict[Any, Any]) -> str:
    """All text of an update, as a browser would show it."""
    texts = []
    for value in updates.values():
        inner = value.constructor_args.get("value") if isinstance(value, gr.blocks.Block) else value
        texts.append(str(inner))
    return html.unescape(" ".join(texts))


def visible(updates: dict[Any, Any], *buttons: gr.Button) -> list[bool]:
    return [updates[button].constructor_args["visible"] for button in buttons]


# --- the whole page ---------------------------------------------------------------------------


def test_the_page_builds_and_hides_its_handlers_from_the_api(library: Library) -> None:
    page = build(library, Recorder(library))
    config = page.get_config_file()
    assert {d["api_visibility"] for d in config["dependencies"]} <= {"private", "undocumented"}


def test_every_component_an_arrival_updates_is_one_of_its_outputs(
    desk: Desk, subject: Subject
) -> None:
    drafts = desk.drafts.new()
    for screen_type in (LibraryScreen, PhotosScreen, KindScreen, ReadyScreen, TrainingScreen,
                        BoothScreen, Frame):  # fmt: skip
        screen = screen_type(desk)
        updates = screen.arrive(place("library", subject.id, drafts.id))
        assert set(updates) <= set(screen.parts()), screen_type.__name__


def test_what_the_page_shows_already_is_not_sent_again() -> None:
    with gr.Blocks():
        text, column = gr.HTML(), gr.Column()
    fresh, seen = changed({text: "a", column: gr.Column(visible=True)}, {})
    assert set(fresh) == {text, column}
    fresh, seen = changed({text: "b", column: gr.Column(visible=True)}, seen)
    assert fresh == {text: "b"}


# --- words and errors -------------------------------------------------------------------------


@pytest.mark.parametrize("text", NASTY)
def test_a_name_with_markup_stays_text(library: Library, desk: Desk, text: str) -> None:
    safe = words.plain(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9 ]|&#\d+;)*", safe)
    assert html.unescape(safe) == text


@pytest.mark.parametrize("text", NASTY)
def test_every_place_that_shows_a_name_shows_it_as_text(
    desk: Desk, photo_files: list[Path], text: str
) -> None:
    from booth import photos

    subject = desk.library.create(text, "dog", photos.prepare(photo_files).photos)
    train(desk, subject, 3)
    here = place("training", subject.id)
    markup = card(card_facts(desk, subject))
    for screen in (TrainingScreen(desk), BoothScreen(desk), ReadyScreen(desk), Frame(desk)):
        for part, value in screen.arrive(here).items():
            inner = value.constructor_args.get("value") if isinstance(value, gr.HTML) else value
            markup += inner if isinstance(part, gr.HTML) and isinstance(inner, str) else ""
    assert text in html.unescape(markup)
    assert "<img src=x" not in markup and "${" not in markup and "{{" not in markup


def test_an_error_is_shown_as_problem_and_remedy() -> None:
    def fails() -> None:
        raise SubjectError("The <b>dog</b> ran off.", "Call <it>.")

    with pytest.raises(gr.Error) as caught:
        manners.kindly(fails)()
    assert caught.value.title == "The <b>dog</b> ran off."
    assert html.unescape(caught.value.message) == "<b>The <b>dog</b> ran off.</b><br>Call <it>."
    assert "<it>" not in caught.value.message
    assert not caught.value.print_exception


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("secret"), OSError(28, "full")])
def test_a_surprise_is_never_a_traceback_or_an_empty_box(error: Exception) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(gr.Error) as caught:
        manners.kindly(fails)()
    assert caught.value.title and caught.value.message
    assert "Traceback" not in caught.value.message and "secret" not in caught.value.message
    assert manners.quietly(fails)() == gr.skip()


def test_durations_are_said_as_people_say_them() -> None:
    said = [words.duration(seconds) for seconds in (0, 49, 60, 400, 7200, 400_000)]
    assert said == [
        "less than a minute", "less than a minute", "about a minute", "about 7 minutes",
        "about 2 hours", "about 5 days",
    ]  # fmt: skip


# --- two windows ------------------------------------------------------------------------------


def test_the_second_app_only_looks(desk: Desk, subject: Subject) -> None:
    second = Library(desk.library.root)
    with pytest.raises(Busy):
        second.claim("another booth")
    other = Desk(second, Recorder(second), desk.place, desk.seen, desk.looking)
    assert "the tests" in html.unescape(look_only(other)) and look_only(desk) == ""
    job = train(desk, subject, 2)
    for act in (
        lambda: other.stop(job, "pause"),
        lambda: other.start(subject, jobs.TrainSubject(to_dict(TrainingConfig()))),
        lambda: LibraryScreen(other)._rename(subject.id, "Bello"),
        lambda: LibraryScreen(other)._delete(subject.id),
        lambda: ReadyScreen(other)._start(
            place("ready", subject.id), "toybox", "", *fields.values(TrainingConfig())
        ),
    ):
        with pytest.raises(Busy) as caught:
            act()
        assert caught.value.remedy
    assert isinstance(other.runner, Recorder) and not other.runner.orders


def test_every_thread_of_the_app_that_holds_the_library_may_write(library: Library) -> None:
    import threading

    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(library.writable))
    thread.start()
    thread.join()
    assert found == [True]


# --- photos -----------------------------------------------------------------------------------


def test_each_refused_file_is_named_and_the_rest_goes_on(
    desk: Desk, photo_files: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "<b>notes.jpg"
    bad.write_text("hello")
    screen, draft = PhotosScreen(desk), desk.drafts.new()
    updates = screen._add([str(bad), *map(str, photo_files)], place("photos", draft=draft.id))
    assert len(draft.photos) == len(draft.paths) == 3
    assert '"<b>notes.jpg"' in shown({screen.notes: updates[screen.notes]})
    assert "<b>notes" not in updates[screen.notes]


def test_a_folder_s_hidden_files_are_not_photos(
    desk: Desk, photo_files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"x")
    draft = desk.drafts.new()
    files = [str(tmp_path / ".DS_Store"), *map(str, photo_files)]
    PhotosScreen(desk)._add(files, place("photos", draft=draft.id))
    assert len(draft.photos) == 3 and not draft.refused


def test_crops_that_were_moved_stay_when_photos_come_and_go(
    desk: Desk, photo_files: list[Path]
) -> None:
    screen, draft = PhotosScreen(desk), desk.drafts.new()
    here = place("photos", draft=draft.id)
    screen._add([str(photo_files[0]), str(photo_files[1])], here)
    draft.chosen = 1
    screen._move(50, 20, 2.0, here)
    moved = draft.photos[1].crop
    assert (moved.y, moved.size) == (0.2, 0.5)
    screen._add([str(photo_files[2])], here)
    assert draft.photos[1].crop == moved
    draft.chosen = 0
    screen._remove(here)
    assert draft.photos[0].crop == moved and len(draft.photos) == 2


def test_a_caption_stays_with_its_photo_when_photos_come_and_go(
    desk: Desk, photo_files: list[Path]
) -> None:
    screen, draft = PhotosScreen(desk), desk.drafts.new()
    here = place("photos", draft=draft.id)
    screen._add([str(photo_files[0]), str(photo_files[1])], here)
    told = screen._show(draft)
    draft.chosen = 0  # the caption is still on its way
    screen._describe(" on the beach ", told[screen.described], here)
    screen._describe("anywhere", "/no/such/photo.png", here)
    assert screen._show(draft)[screen.caption] == ""
    screen._add([str(photo_files[2])], here)
    draft.chosen = 0
    updates = screen._remove(here)
    assert [photo.caption for photo in draft.captioned] == ["on the beach", ""]
    assert updates[screen.caption] == "on the beach"


def test_a_photo_dropped_twice_shifts_no_caption(desk: Desk, photo_files: list[Path]) -> None:
    screen, draft = PhotosScreen(desk), desk.drafts.new()
    here = place("photos", draft=draft.id)
    first, second, third = map(str, photo_files)
    for files in ([first, second], [first], [third]):
        screen._add(files, here)
    screen._describe("last", screen._show(draft)[screen.described], here)
    assert [photo.caption for photo in draft.captioned] == ["", "", "last"]


def test_a_borrowed_model_comes_with_its_captions(desk: Desk) -> None:
    for folder in samples():
        here = LibraryScreen(desk)._borrow(folder)
        told = [photo.caption for photo in desk.drafts.open(here["draft"]).captioned]
        assert told == disk.read_json(folder / "subject.json")["captions"]


def test_all_bad_files_leave_the_draft_as_it_was(
    desk: Desk, photo_files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_text("no")
    screen, draft = PhotosScreen(desk), desk.drafts.new()
    here = place("photos", draft=draft.id)
    with pytest.raises(PhotoError):
        screen._add([str(tmp_path / "a.jpg")], here)
    with pytest.raises(PhotoError):
        screen._next(here)
    screen._add([str(photo_files[0])], here)
    assert len(draft.photos) == 1


def test_taking_out_the_last_photo_leaves_an_empty_draft(
    desk: Desk, photo_files: list[Path]
) -> None:
    screen, draft = PhotosScreen(desk), desk.drafts.new()
    here = place("photos", draft=draft.id)
    screen._add([str(photo_files[0])], here)
    updates = screen._remove(here)
    assert not draft.photos
    assert updates[screen.next].constructor_args["interactive"] is False


def test_the_frame_shows_what_is_kept_bright(photo_files: list[Path]) -> None:
    draft = Draft("x")
    draft.add([photo_files[0]], 64)
    photo = draft.photos[0]
    dark = framed(photo)
    assert dark.size == photo.image.size
    assert dark.getpixel((0, 0)) != photo.image.getpixel((0, 0))


def test_old_drafts_are_forgotten_and_a_lost_one_is_explained() -> None:
    drafts = Drafts()
    first = drafts.new()
    for _ in range(40):
        drafts.new()
    with pytest.raises(PhotoError) as caught:
        drafts.open(first.id)
    assert "library" in caught.value.remedy


def test_notes_have_every_warning() -> None:
    draft = Draft("x", refused=[PhotoError("bad", "do this")], advice=["more"])
    assert all(text in notes(draft) for text in ("bad", "do this", "more"))


# --- name and kind ----------------------------------------------------------------------------


def test_what_was_typed_survives_a_mistake(desk: Desk, photo_files: list[Path]) -> None:
    screen, draft = KindScreen(desk), desk.drafts.new()
    draft.add(photo_files, 64)
    here = place("kind", draft=draft.id)
    with pytest.raises(BoothError):
        screen._next("Rex", "my 3 dogs!", False, here)
    assert (draft.name, draft.class_noun) == ("Rex", "my 3 dogs!")
    with pytest.raises(SubjectError):
        screen._next("   ", "dog", False, here)
    assert screen._next("Rex", "a Dog", False, here)["screen"] == "ready"
    assert draft.class_noun == "dog"


def test_a_person_is_asked_for_consent(desk: Desk, photo_files: list[Path]) -> None:
    screen, draft = KindScreen(desk), desk.drafts.new()
    draft.add(photo_files, 64)
    here = place("kind", draft=draft.id)
    with pytest.raises(SubjectError):
        screen._next("Ann", "person", False, here)
    assert screen._next("Ann", "person", True, here)["screen"] == "ready"
    assert is_person("old man") and not is_person("mandrill")


# --- ready ------------------------------------------------------------------------------------


def test_the_fields_say_every_number_of_a_training_and_read_it_back() -> None:
    for config in (TrainingConfig(), catalogue.find("sd21").training_config("live")):
        assert fields.read(config.base, fields.values(config)) == config
    known = set(TrainingConfig.__dataclass_fields__)
    assert set(fields.names()) == known - {"base", "identifier"}
    assert known - {"base", "identifier"} == set(fields._WORDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("steps", None), ("steps", 1.5), ("learning_rate", -1), ("resolution", 9e9)],
)
def test_a_number_that_makes_no_sense_is_refused_by_its_label(name: str, value: Any) -> None:
    values = fields.values(TrainingConfig())
    values[fields.names().index(name)] = value
    with pytest.raises(SubjectError) as caught:
        fields.read("toybox", values)
    assert fields._WORDS[name][0] in caught.value.problem and "Use" in caught.value.remedy


def test_starting_makes_the_subject_and_its_job(desk: Desk, photo_files: list[Path]) -> None:
    screen, draft = ReadyScreen(desk), desk.drafts.new()
    draft.add(photo_files, 64)
    draft.name, draft.class_noun = "Rex", "dog"
    config = catalogue.find("toybox").training_config("live", steps=7)
    there = screen._start(place("ready", draft=draft.id), "toybox", "", *fields.values(config))
    subject = desk.subject(there)
    job = desk.library.training(subject)
    assert there["screen"] == "training" and subject.name == "Rex"
    assert job is not None and job.spec["config"] == to_dict(config)
    assert isinstance(desk.runner, Recorder) and desk.runner.orders == [{"run": job.id}]
    assert desk.drafts.find(draft.id) is None


def test_own_photos_in_the_drawn_world_get_an_honest_sentence(
    desk: Desk, photo_files: list[Path]
) -> None:
    screen, draft = ReadyScreen(desk), desk.drafts.new()
    draft.add(photo_files, 64)
    draft.name, draft.class_noun = "Rex", "dog"
    updates = screen.arrive(place("ready", draft=draft.id))
    assert forecast.DRAWN_WORLD in shown({screen.summary: updates[screen.summary]})


def test_a_model_that_does_not_exist_is_explained(desk: Desk, subject: Subject) -> None:
    screen, here = ReadyScreen(desk), place("ready", subject.id)
    with pytest.raises(BoothError) as caught:
        screen._chosen(here, "another", "no such thing", "")
    assert caught.value.remedy
    edited = screen._edited(here, "another", None, *fields.values(TrainingConfig()))
    assert "No model is chosen" in shown(edited)


def test_choosing_the_same_model_again_keeps_what_was_typed(desk: Desk, subject: Subject) -> None:
    screen, here = ReadyScreen(desk), place("ready", subject.id)
    first = screen._chosen(here, "sd15", "", "toybox")
    assert set(screen.fields) <= set(first)
    again = screen._chosen(here, "sd15", "", "sd15")
    assert not set(screen.fields) & set(again)


def test_a_download_says_how_large_and_where_to(desk: Desk) -> None:
    rows = forecast.rows(
        catalogue.find("sd15"), TrainingConfig(), None, desk.library.ledger, desk.library.root
    )
    text = " ".join(f"{row.title} {row.text}" for row in rows)
    assert "2.1 GB" in text and str(forecast.hub_cache()) in text


def test_the_forecast_learns_from_earlier_trainings(desk: Desk, subject: Subject) -> None:
    config = TrainingConfig(steps=100)
    ledger = desk.library.ledger
    assert forecast.seconds_per_step(ledger, config) is None
    job = jobs.ask(desk.library, subject, jobs.TrainSubject(to_dict(config)))
    path = ledger.folder / job.id / "events.jsonl"
    said = [{**loss(step), "at": 3.0 * step} for step in range(1, 9)]
    path.write_text("\n".join(map(json.dumps, said)))
    ledger.change(job, "done")
    assert forecast.seconds_per_step(ledger, config) == pytest.approx(3.0)


# --- training ---------------------------------------------------------------------------------

STATES: list[tuple[State, int, set[str]]] = [
    ("queued", 0, {"pause", "stop"}),
    ("running", 5, {"pause", "stop"}),
    ("paused", 5, {"resume", "finish", "discard"}),
    ("paused", 0, {"resume", "discard"}),
    ("interrupted", 5, {"resume", "discard"}),
    ("failed", 0, {"resume", "discard"}),
    ("done", 20, {"pictures", "again"}),
]


@pytest.mark.parametrize(("state_now", "upto", "can"), STATES)
def test_every_state_of_a_training_is_shown_with_what_can_be_done(
    desk: Desk, subject: Subject, state_now: State, upto: int, can: set[str]
) -> None:
    job = train(desk, subject, upto)
    reason = BoothError("The cat sat on it.", "Press Continue.")
    failed = state_now in ("failed", "interrupted")
    job = desk.library.ledger.change(job, state_now, reason if failed else None)
    report = tell(desk.library.ledger.events(job))
    offered = choices(job, report)
    assert {name for name in offered.__dataclass_fields__ if getattr(offered, name)} == can
    text = html.unescape(state(job, subject, report))
    assert text and (not upto or state_now == "done" or f"step {upto} of 20" in text)
    assert not failed or ("The cat sat on it." in text and "Press Continue." in text)
    assert state_words(desk, subject)[0]


def test_an_interrupted_training_with_a_checkpoint_can_be_finished() -> None:
    report = tell([loss(1), {"event": "saved", "step": 1, "path": "x"}])
    job = Job("1", "train", "s", {}, 0.0, "interrupted")
    assert choices(job, report).finish


def test_continue_twice_is_continue_once(desk: Desk, subject: Subject) -> None:
    job = desk.library.ledger.change(train(desk, subject, 3), "paused")
    desk.resume(job)
    desk.resume(job)
    assert isinstance(desk.runner, Recorder) and len(desk.runner.orders) == 1
    assert desk.library.ledger.find(job.id).state == "queued"


def test_a_resumed_training_replaces_the_steps_it_repeats() -> None:
    report = tell([*map(loss, (1, 2, 3, 4)), *map(loss, (3, 4, 5))])
    assert [record["step"] for record in report.losses] == [1, 2, 3, 4, 5]
    assert [row["step"] for row in curve(report) if row["what"] == "your photos"] == [1, 2, 3, 4, 5]


def test_time_left_is_the_pace_times_what_is_left() -> None:
    report = tell({**loss(n), "at": 100 + 2.0 * n} for n in range(1, 11))
    assert report.seconds_left == pytest.approx(20.0)
    assert tell([loss(1)]).seconds_left is None


def test_a_curve_is_never_too_long_to_draw() -> None:
    rows = curve(tell(loss(n, 5000) for n in range(1, 5001)))
    assert len(rows) < 700 and rows[-1]["step"] == 5000


def test_events_of_another_version_are_left_out() -> None:
    assert tell([{"event": "fireworks"}, {}]) == Report()


def test_the_proof_sheet_has_a_row_for_each_prompt_and_a_column_for_each_look() -> None:
    looks = [
        {"event": "preview", "path": f"/x/{step}-{n}.png", "step": step,
         "recipe": {"index": n, "shown": f"a [V] <dog> {n}"}}
        for step in (0, 75, 150) for n in range(3)
    ]  # fmt: skip
    sheet = proof_sheet(tell(looks))
    assert sheet.count("<img") == 9 and sheet.count('scope="col"') == 3
    assert sheet.count('scope="row"') == 3 and "<dog>" not in sheet
    assert proof_sheet(tell(looks[:3])) == ""
    assert spread(list(range(100)), 12)[::11] == [0, 99]


def test_opening_a_subject_leads_to_what_is_unfinished(desk: Desk, subject: Subject) -> None:
    assert desk.home_of(subject)["screen"] == "ready"
    job = train(desk, subject, 2)
    for now in ("queued", "running", "paused", "interrupted", "failed"):
        desk.library.ledger.change(job, now)  # type: ignore[arg-type]
        assert desk.home_of(subject)["screen"] == "training"


def test_the_ribbon_tells_about_the_run_on_every_other_screen(desk: Desk, subject: Subject) -> None:
    frame = Frame(desk)
    assert visible(frame.tick(HOME), frame.ribbon) == [False]  # type: ignore[arg-type]
    job = train(desk, subject, 5)
    desk.library.ledger.change(job, "running")
    updates = frame.tick(HOME)
    assert visible(updates, frame.ribbon) == [True]  # type: ignore[arg-type]
    assert subject.name in shown(updates) and "25%" in shown(updates)
    own = frame.tick(place("training", subject.id))
    assert visible(own, frame.ribbon) == [False]  # type: ignore[arg-type]


# --- the booth --------------------------------------------------------------------------------


@pytest.fixture
def trained(desk: Desk, subject: Subject) -> Subject:
    """A subject with (empty) finished weights."""
    job = desk.library.ledger.change(train(desk, subject, 20), "done")
    with disk.new_folder(subject.run(job.id) / "weights") as staging:
        (staging / "model_index.json").write_text("{}")
    disk.write_json(subject.run(job.id) / "config.json", to_dict(TrainingConfig(identifier="xyz")))
    return subject


def asked(desk: Desk, subject: Subject) -> dict[str, Any]:
    return desk.library.ledger.jobs(subject.id, "take")[0].spec


def test_a_card_asks_for_its_prompt(desk: Desk, trained: Subject) -> None:
    screen, here = BoothScreen(desk), place("booth", trained.id)
    screen._card_taker("places")(here, 0, 4, "", 7.5, 25)
    spec = asked(desk, trained)
    first = next(card for card in gallery.cards("dog") if card.application == "places")
    assert spec["prompts"] == [gallery.card_prompt(first, "dog")] and spec["count"] == 4


def test_every_card_is_on_the_screen_once(desk: Desk, trained: Subject) -> None:
    from booth.ui.booth_screen import samples

    for noun in ("dog", "teapot"):
        all_of = [p for key in gallery.APPLICATIONS for _, p in samples(noun, key)]
        assert sorted(all_of) == sorted(gallery.card_prompt(c, noun) for c in gallery.cards(noun))


def test_an_own_idea_is_taken_as_typed(desk: Desk, trained: Subject) -> None:
    screen, here = BoothScreen(desk), place("booth", trained.id)
    idea = "a [V] dog {0} ${x} <b>"
    screen._own_idea(here, idea, 2, "42", 5, 10)
    spec = asked(desk, trained)
    assert (spec["prompts"], spec["seed"], spec["count"]) == ([idea], 42, 2)
    for bad in ("", "   "):
        with pytest.raises(BoothError):
            screen._own_idea(here, bad, 2, "42", 5, 10)


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "99999999999", "²"])
def test_a_seed_that_is_none_is_refused(seed: str) -> None:
    with pytest.raises(BoothError):
        tray.chosen_seed(seed)


def test_an_empty_seed_is_a_new_one_each_time() -> None:
    assert len({tray.chosen_seed("") for _ in range(8)}) == 8


def test_the_whole_gallery_is_every_card_once_with_a_sheet(desk: Desk, trained: Subject) -> None:
    BoothScreen(desk)._whole_gallery(place("booth", trained.id), 4, "", 7.5, 25)
    spec = asked(desk, trained)
    assert len(spec["prompts"]) == len(gallery.cards("dog")) and spec["sheet"]
    assert spec["count"] == 1


def picture(subject: Subject, **made: Any) -> Path:
    recipe = {"shown": "a [V] dog", "seed": 7, "num_inference_steps": 5, "guidance_scale": 2.0,
              "sampler": "ddim", "resolution": 64, "base": "toybox", **made}  # fmt: skip
    path = subject.picture_path()
    disk.write_image(path, Image.new("RGB", (8, 8)), recipe)
    return path


def test_a_picture_and_its_twin_before_training_find_each_other(
    desk: Desk, trained: Subject
) -> None:
    after, other = picture(trained), picture(trained, seed=8)
    before = picture(trained, untrained=True)
    among = tray.pictures(trained)
    assert tray.twin(after, among) == before and tray.twin(before, among) == after
    assert tray.twin(other, among) is None
    assert among[0] == before and "before training" in tray.caption(tray.recipe(before))


def test_comparing_asks_the_base_model_with_the_same_seed(desk: Desk, trained: Subject) -> None:
    path = picture(trained)
    BoothScreen(desk).table._untrained(place("booth", trained.id), str(path))
    spec = asked(desk, trained)
    assert spec["untrained"] and spec["seed"] == 7
    assert spec["sampling"]["num_inference_steps"] == 5


def test_pictures_that_were_not_finished_can_be_retried_or_dismissed(
    desk: Desk, trained: Subject
) -> None:
    screen, here = BoothScreen(desk), place("booth", trained.id)
    screen._own_idea(here, "a [V] dog", 1, "1", 5, 5)
    job = desk.library.ledger.jobs(trained.id, "take")[0]
    desk.library.ledger.change(job, "failed", BoothError("No light.", "Switch it on."))
    updates = screen.tick(here)
    assert "No light." in shown(updates) and "Switch it on." in shown(updates)
    assert visible(updates, screen.retry) == [True]
    screen._stop(here)
    assert isinstance(desk.runner, Recorder)
    assert desk.runner.orders[-1] == {"stop": job.id, "how": "discard"}


def test_a_subject_without_training_cannot_be_photographed(desk: Desk, subject: Subject) -> None:
    with pytest.raises(SubjectError):
        BoothScreen(desk)._own_idea(place("booth", subject.id), "a [V] dog", 1, "1", 5, 5)


# --- the door ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:7860"}, 200),
        ({"host": "localhost:7860", "origin": "http://localhost:7860"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "127.0.0.1", "origin": "https://evil.example"}, 403),
        ({"host": "127.0.0.1", "origin": "null"}, 403),
    ],
)
def test_only_pages_of_this_computer_come_in(headers: dict[str, str], status: int) -> None:
    inside = Starlette(routes=[Route("/", lambda request: PlainTextResponse("hi"))])
    client = TestClient(Door(inside))
    assert client.get("/", headers=headers).status_code == status


def test_the_booth_is_served_to_this_computer_alone(library: Library) -> None:
    options = opening.options_of(library, "127.0.0.1", 7860)
    assert options["share"] is False and options["server_name"] == "127.0.0.1"
    assert not options["run_history"] and not options["enable_monitoring"]
    assert str(library.root / "jobs") in options["blocked_paths"]


def test_what_the_browser_sent_last_time_is_gone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "restored afterwards")
    inbox = library.root / "inbox"
    inbox.mkdir()
    (inbox / "original-with-place.jpg").write_bytes(b"x")
    opening._prepare(library)
    logging.getLogger("booth").handlers.pop().close()
    assert inbox.is_dir() and not list(inbox.iterdir())
    assert inbox.stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_a_port_in_use_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("BOOTH_PORT", str(taken.getsockname()[1]))
        with pytest.raises(Busy) as caught:
            opening.free_port()
    assert "BOOTH_PORT" in caught.value.remedy


def test_the_page_loads_nothing_from_elsewhere() -> None:
    from booth.ui.theme import SCRIPT, STYLE, theme

    everything = STYLE.read_text(encoding="utf-8") + SCRIPT + theme()._get_theme_css()
    assert not re.search(r"url\(['\"]?(?:https?:)?//|@import|src=", everything)
