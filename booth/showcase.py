"""The pictures of the README, made by the booth itself: `python -m booth.showcase`.

Trains Toybox on each sample subject with the default settings, in a library of its own. One page
puts the photos and a few prompts with and without the training side by side; another every card of
the gallery, the paper's prompts among them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from booth import catalogue, disk, gallery, jobs, photos, sheets
from booth.config import to_dict
from booth.events import Picture, Preview
from booth.library import Library, Subject
from booth.prompts import kind_of, with_class

FEW = (
    "a [V] {class}",
    "a [V] {class} on the beach",
    "a [V] {class} in the snow",
    "a [V] {class} with a mountain in the background",
    "a [V] {class} on top of pink fabric",
    "a [V] {class} wearing a red hat",
)
COLUMNS = 8  # of the page with every card
Row = tuple[str, Sequence[sheets.Labelled]]


def main() -> None:
    """Make both pages and say how long each subject took."""
    parser = argparse.ArgumentParser(prog="python -m booth.showcase", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("assets/pictures"))
    parser.add_argument("--samples", nargs="*", help="names of folders in assets/samples")
    options = parser.parse_args()
    few: list[Row] = []
    every: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        library.claim("the showcase")
        for sample in sorted((catalogue.assets() / "samples").iterdir()):
            if sample.is_dir() and (not options.samples or sample.name in options.samples):
                subject = _trained(library, sample)
                cards = [card.template for card in gallery.cards(subject.class_noun)]
                few += [_photos(subject), *_pictures(library, subject, FEW)]
                every += [_photos(subject), *_pictures(library, subject, cards, words=True)]
        library.release()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("showcase", few), ("gallery", every)):
        path = options.out / f"{name}.webp"
        sheets.page(rows, cell=sheets.SMALL).save(path, quality=85, method=6)
        print(f"wrote {path}")


def _trained(library: Library, sample: Path) -> Subject:
    facts = disk.read_json(sample / "subject.json")
    intake = photos.prepare(sorted(sample.glob("*.png")))
    taken = photos.captioned(intake.photos, facts["captions"])
    subject = library.create(facts["name"], facts["class_noun"], taken)
    started = time.perf_counter()
    config = catalogue.find("toybox").training_config(kind_of(subject.class_noun))
    _do(library, subject, jobs.TrainSubject(to_dict(config)))
    print(f"{subject.name}: trained in {time.perf_counter() - started:.0f} s")
    return subject


def _photos(subject: Subject) -> Row:
    taken = [(views[0][0], "") for views in subject.instance_views(sheets.SMALL)]
    return f"{subject.name}:\nthe photos", taken


def _pictures(
    library: Library, subject: Subject, templates: Sequence[str], words: bool = False
) -> list[Row]:
    """The prompts without and with the training, one row above the other."""
    prompts = tuple(with_class(template, subject.class_noun) for template in templates)
    before = _do(library, subject, jobs.TakePictures(prompts, untrained=True))
    after = _do(library, subject, jobs.TakePictures(prompts))
    said = prompts if words else ("",) * len(prompts)
    without = sheets.in_rows([(picture, "") for picture in before], COLUMNS)
    trained = sheets.in_rows(list(zip(after, said, strict=True)), COLUMNS)
    rows: list[Row] = []
    for upper, lower in zip(without, trained, strict=True):
        rows += [("without\ntraining", upper), ("with\nDreamBooth", lower)]
    return rows


def _do(library: Library, subject: Subject, work: jobs.Work) -> list[Image.Image]:
    """Run a job to its end; the pictures it took."""
    taken = []
    for event in jobs.perform(library, jobs.ask(library, subject, work)):
        if isinstance(event, Picture) and not isinstance(event, Preview):
            taken.append(Image.open(event.path).convert("RGB"))
    return taken


if __name__ == "__main__":
    main()
