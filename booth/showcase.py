"""The README's pictures, made by the booth itself: `python -m booth.showcase`.

Trains Toybox on each sample subject with the default settings, in a library of its own, and
puts the photos and the same prompts with and without the training side by side.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from booth import catalogue, disk, jobs, photos
from booth.config import to_dict
from booth.events import Picture, Preview
from booth.library import Library, Subject

PROMPTS = (
    "a [V] {class}",
    "a [V] {class} on the beach",
    "a [V] {class} in the snow",
    "a [V] {class} with a mountain in the background",
    "a [V] {class} on top of pink fabric",
    "a [V] {class} wearing a red hat",
)
PAPER, INK = "#FFFAF5", "#2B2118"
CELL, GAP, LABEL = 128, 6, 110  # pixels


def main() -> None:
    """Make the page and say how long each subject took."""
    parser = argparse.ArgumentParser(prog="python -m booth.showcase", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("assets/pictures/showcase.webp"))
    parser.add_argument("--samples", nargs="*", help="names of folders in assets/samples")
    options = parser.parse_args()
    rows: list[tuple[str, list[Image.Image]]] = []
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        library.claim("the showcase")
        for sample in sorted((catalogue.assets() / "samples").iterdir()):
            if sample.is_dir() and (not options.samples or sample.name in options.samples):
                rows += _rows(library, sample)
        library.release()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    page(rows).save(options.out, quality=88)
    print(f"wrote {options.out}")


def page(rows: list[tuple[str, list[Image.Image]]]) -> Image.Image:
    """An RGB page of labelled rows of square pictures."""
    columns = max(len(pictures) for _, pictures in rows)
    size = (LABEL + columns * (CELL + GAP) + GAP, len(rows) * (CELL + GAP) + GAP)
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (label, pictures) in enumerate(rows):
        y = GAP + number * (CELL + GAP)
        pen.multiline_text((GAP, y + CELL // 2 - 20), label, INK, font)
        for column, picture in enumerate(pictures):
            scaled = picture.resize((CELL, CELL), Image.Resampling.LANCZOS)
            sheet.paste(scaled, (LABEL + column * (CELL + GAP), y))
    return sheet


def _rows(library: Library, sample: Path) -> Iterator[tuple[str, list[Image.Image]]]:
    facts = disk.read_json(sample / "subject.json")
    intake = photos.prepare(sorted(sample.glob("*.png")))
    subject = library.create(facts["name"], facts["class_noun"], intake.photos)
    started = time.perf_counter()
    config = catalogue.find("toybox").training_config("live")
    _do(library, subject, jobs.TrainSubject(to_dict(config)))
    trained = time.perf_counter() - started
    prompts = tuple(text.replace("{class}", subject.class_noun) for text in PROMPTS)
    with_training = _do(library, subject, jobs.TakePictures(prompts))
    taken = time.perf_counter() - started
    print(f"{subject.name}: trained in {trained:.0f} s, {len(prompts)} pictures at {taken:.0f} s")
    without = _do(library, subject, jobs.TakePictures(prompts, untrained=True))
    yield f"{subject.name}:\nthe photos", [views[0][0] for views in subject.instance_views(CELL)]
    yield "without\ntraining", without
    yield "with\nDreamBooth", with_training


def _do(library: Library, subject: Subject, work: jobs.Work) -> list[Image.Image]:
    """Run a job to its end; the pictures it took."""
    taken = []
    for event in jobs.perform(library, jobs.ask(library, subject, work)):
        if isinstance(event, Picture) and not isinstance(event, Preview):
            taken.append(Image.open(event.path).convert("RGB"))
    return taken


if __name__ == "__main__":
    main()
