"""A whole visit in a real browser: sample, training, a closed tab, pictures; on a phone too."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from booth import catalogue, disk
from booth.library import Library

ROOT = Path(__file__).parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 300_000  # milliseconds; a busy machine is slow, not wrong
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NASTY = "<img src=x onerror=globalThis.PWN=1> ${globalThis.PWN=2}"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        not (catalogue.assets() / "toybox" / "model_index.json").exists(),
        reason="assets/toybox is missing",
    ),
]


class Booth:
    """The app in a process of its own."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.home = home
        environment = {**os.environ, "BOOTH_HOME": str(home), "BOOTH_PORT": str(self.port),
                       "BOOTH_NO_BROWSER": "1", "OMP_NUM_THREADS": "1"}  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            try:
                urlopen(self.address, timeout=30).read()
                return
            except OSError:
                assert self.process.poll() is None, self.process.stdout.read()  # type: ignore[union-attr]
                time.sleep(0.3)
        self.close()
        raise AssertionError("the booth did not open")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def booth(tmp_path: Path) -> Iterator[Booth]:
    """A booth on a fresh library."""
    booth = Booth(tmp_path / "home")
    yield booth
    booth.close()


@pytest.fixture
def browser() -> Iterator[Any]:
    """Chromium, with nothing from anywhere else."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """One tab, and what went wrong in it."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self._asked(request.url, address))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: self.errors.append(dialog.message))
        self.page.goto(address)
        self.see("#new-subject")

    def see(self, selector: str) -> Any:
        """Wait until something is there to see."""
        found = self.page.locator(selector).first
        found.wait_for(state="visible")
        return found

    def press(self, selector: str) -> None:
        self.see(selector).click()

    def press_until(self, selector: str, wanted: str) -> None:
        """Press again when nothing comes of it, as a person would: a page may still be loading."""
        from playwright.sync_api import TimeoutError as TooLong

        self.see(selector)
        for _ in range(20):
            if self.page.locator(selector).first.is_visible():
                self.page.locator(selector).first.click()
            with contextlib.suppress(TooLong):
                self.page.locator(wanted).first.wait_for(state="visible", timeout=15_000)
                return
        raise AssertionError(f"{selector} leads nowhere")

    def fill(self, name: str, value: object) -> None:
        """Type once, and see it stay; a field that has just opened is given time to get there."""
        field = self.page.locator(f"#{name} input, #{name} textarea").first
        field.wait_for(state="visible")
        self.page.wait_for_timeout(1000)
        field.fill(str(value))
        field.blur()
        self.page.wait_for_timeout(300)
        assert field.input_value() == str(value)

    def close(self) -> None:
        """Close the tab; it must have loaded nothing foreign and run nothing it should not."""
        assert self.page.evaluate("globalThis.PWN === undefined")
        self.context.close()
        assert not self.foreign and not self.errors

    def _asked(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.foreign.append(url)


def start_training(visit: Visit, steps: int, name: str) -> None:
    """From the library to a running training of the first sample."""
    visit.press(".sample")
    visit.see("#squares img")
    visit.press("#photos-next")
    visit.see("#subject-name")
    visit.fill("subject-name", name)
    visit.press("#kind-next")
    visit.see("#start-training")
    visit.page.wait_for_timeout(500)
    visit.press("#details .label-wrap")
    for field, value in {"steps": steps, "prior_images": 2, "preview_every": steps,
                         "checkpoint_every": 2}.items():  # fmt: skip
        visit.fill(f"field-{field}", value)
    visit.page.wait_for_timeout(2500)  # until the worker has looked at the computer
    visit.press("#start-training")
    visit.see("#training-state .progress-line, #training-state .note")


def wait_for(check: Any, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.3)


def test_a_caption_is_kept_with_its_photo_even_when_it_is_pasted(
    booth: Booth, browser: Any
) -> None:
    visit = Visit(browser, booth.address, viewport={"width": 1280, "height": 800})
    visit.press_until(".sample", "#caption")
    caption = visit.page.locator("#caption textarea, #caption input").first

    def choose(number: int, wanted: str) -> None:
        visit.page.locator("#squares button.thumbnail-item, #squares .grid-container button").nth(
            number
        ).click()
        wait_for(lambda: caption.input_value() == wanted)

    known = disk.read_json(catalogue.assets() / "samples" / "domino" / "subject.json")["captions"]
    choose(1, known[1])
    caption.click()
    visit.page.keyboard.press("Control+A")
    visit.page.keyboard.insert_text(NASTY)  # no key is pressed for it
    choose(2, known[2])
    choose(1, NASTY)
    visit.close()


def test_a_whole_visit_with_the_tab_closed_in_the_middle(booth: Booth, browser: Any) -> None:
    first = Visit(browser, booth.address, viewport={"width": 1280, "height": 800})
    start_training(first, steps=4, name=NASTY)
    first.close()

    again = Visit(browser, booth.address, viewport={"width": 1280, "height": 800})
    # leads to the training, or to the booth once it is done
    again.press_until(".open-subject", "#to-booth:visible, #see-training:visible")
    if again.page.locator("#see-training:visible").count():
        again.press("#see-training")
    again.see("#to-booth")
    assert "It practised 4 steps" in again.page.inner_text("#training-state")
    assert again.page.locator("#proof-sheet img").count() == 6
    assert NASTY in again.page.inner_text(".question:visible h2")
    again.press("#to-booth")
    again.see("#idea")
    again.press("#booth-details .label-wrap")
    again.fill("count", 1)
    again.press("#cards-places button.gallery-item")
    again.see("#tray img")
    again.press("#tray button.thumbnail-item")
    again.see("#chosen textarea")
    assert "in the jungle" in again.page.locator("#chosen textarea").input_value()
    loaded = again.page.locator("#tray img").first.evaluate("img => img.naturalWidth")
    assert loaded == 128
    again.page.reload()
    again.see("#tray img")
    again.close()
    assert len(Library(booth.home).subjects()[0].pictures) == 1


def test_a_training_survives_the_end_of_the_app(booth: Booth, browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, booth.address)
    start_training(visit, steps=1000, name="Rex")
    ledger = Library(booth.home).ledger

    def has_learnt() -> bool:
        job = ledger.active()
        return job is not None and any(r["event"] == "loss" for r in ledger.events(job))

    wait_for(has_learnt)
    visit.close()
    booth.close()

    second = Booth(booth.home)
    try:
        visit = Visit(browser, second.address)
        assert "Paused at step" in visit.see(".subject-card .chip").inner_text()
        visit.press_until(".open-subject", "#resume")
        for button in ("#resume", "#finish", "#discard"):
            visit.see(button)
        visit.press("#finish")
        visit.see("#to-booth")
        visit.close()
    finally:
        second.close()
    assert Library(booth.home).subjects()[0].weights is not None


def test_a_phone_sees_every_screen_without_scrolling_sideways(booth: Booth, browser: Any) -> None:
    visit = Visit(
        browser, booth.address, viewport={"width": 390, "height": 844}, color_scheme="dark"
    )

    def fits() -> bool:
        visit.page.wait_for_timeout(400)
        return bool(visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    def fingers_fit() -> bool:
        heights = visit.page.locator("button.lg:visible, button.sm:visible").evaluate_all(
            "all => all.map(b => b.getBoundingClientRect().height)"
        )
        return all(height >= 44 for height in heights)

    for leads_on, next_sight in (
        (".sample", "#squares img"),
        ("#photos-next", "#subject-name"),
        ("#kind-next", "#start-training"),
        ("#home", "#new-subject"),
    ):
        assert fits() and fingers_fit(), leads_on
        visit.press(leads_on)
        visit.see(next_sight)
    visit.close()


def test_bad_files_are_named_and_nothing_is_lost(
    booth: Booth, browser: Any, photo_files: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "notes.txt"
    bad.write_text("not a photo")
    visit = Visit(browser, booth.address)
    visit.press("#new-subject")
    visit.see("#drop")
    visit.page.locator("#drop input[type=file]").set_input_files([bad, *photo_files])
    visit.see("#squares img")
    assert visit.page.locator("#squares img").count() == 3
    assert '"notes.txt" is not a photo' in visit.see(".note.bad").inner_text()
    visit.press("#photos-next")
    visit.see("#subject-name")
    visit.fill("subject-name", "Rex")
    visit.press("#kind-next")
    toast = visit.see(".toast-body")
    assert "kind of subject" in toast.inner_text() and "null" not in toast.inner_text()
    assert visit.page.locator("#subject-name textarea, #subject-name input").input_value() == "Rex"
    visit.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)],
)
def test_strangers_stay_outside(booth: Booth, headers: dict[str, str], status: int) -> None:
    from urllib.error import HTTPError

    with pytest.raises(HTTPError) as caught:
        urlopen(Request(booth.address, headers=headers))
    assert caught.value.code == status


def test_nothing_of_the_ledger_is_served(booth: Booth) -> None:
    from urllib.error import HTTPError

    for path in (booth.home / "owner.json", booth.home / "worker.log", Path("/etc/passwd")):
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{booth.address}/gradio_api/file={path}")
        assert caught.value.code == 403
