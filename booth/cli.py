"""The booth from a terminal: the same verbs, thin over the same jobs."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, get_args

from booth import catalogue, crew, jobs, machine, memory, photos, prompts
from booth.config import Attention, Method, RateSchedule, to_dict
from booth.errors import BoothError, for_people
from booth.events import Done, Event, record
from booth.gallery import card_prompt, cards
from booth.ledger import Job
from booth.library import Library, Subject

Line = dict[str, Any]
_TRAINING_OPTIONS = (
    "steps", "learning_rate", "batch_size", "resolution", "prior_images", "prior_loss_weight",
    "train_text_encoder", "text_encoder_factor", "identifier", "seed", "method",
    "lora_rank", "lora_alpha", "views", "cuda_graph", "attention", "rate_schedule",
)  # fmt: skip
_TOLD = (
    "steps", "seconds", "weights", "sheet", "steps_per_second_ratio", "peak_memory_ratio",
    "numerics",
)  # fmt: skip
_BASE_HELP = "catalogue key, folder, .safetensors file or Hub id"
_PAUSED = {
    "train": "Paused, with a checkpoint. Go on with: booth resume NAME",
    "take": "Stopped. The pictures taken so far are kept.",
}


def main(arguments: list[str] | None = None) -> None:
    """Run one command; exit with status 1 and one clear sentence when it cannot be done."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        if not crew.leads():
            return _follow()
        for line in options.command(options, Library()):
            _print(line, options.json)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("BOOTH_DEBUG"):
            raise
        _complain(for_people(error), options.json)
        sys.exit(1)


def _follow() -> None:
    """What all processes but the first do under `accelerate launch`: train along, in silence."""
    from booth import course

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the leader stops, and needs us until it has
    course.follow(Library())


def train(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth train: store the photos as a new subject and train it."""
    noun = prompts.check_class_noun(options.class_noun)
    base = catalogue.find(options.base)
    chosen = {
        key: value
        for key, value in vars(options).items()
        if key in _TRAINING_OPTIONS and value is not None
    }
    config = base.training_config(prompts.kind_of(noun), **chosen)
    intake = photos.prepare(options.photos, config.resolution)
    taken = photos.captioned(intake.photos, options.captions)
    with _claimed(library):
        fitted = memory.plan(base, config, machine.look())
        yield from _intake_notices(intake)
        yield {"event": "notice", "text": fitted.sentence}
        subject = library.create(options.name, noun, taken)
        work = jobs.TrainSubject(to_dict(fitted.config))
        yield from _perform(library, jobs.ask(library, subject, work))


def resume(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth resume: go on with the newest interrupted training of a subject."""
    with _claimed(library):
        yield from _perform(library, jobs.resumable(library, library.find(options.name)))


def take(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth take: pictures of one prompt."""
    asked = {"num_inference_steps": options.steps, "guidance_scale": options.guidance}
    sampling = {key: value for key, value in asked.items() if value is not None}
    work = jobs.TakePictures(
        (options.prompt,), options.count, options.seed, sampling, options.untrained
    )
    yield from _take(options, library, library.find(options.name), work)


def gallery(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth gallery: one picture of every card, and a contact sheet."""
    subject = library.find(options.name)
    texts = [card_prompt(c, subject.class_noun) for c in cards(subject.class_noun)]
    work = jobs.TakePictures(tuple(texts), 1, options.seed, sheet=True)
    yield from _take(options, library, subject, work)


def finish(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth finish: end an interrupted training early, with what it has learnt so far."""
    with _claimed(library):
        job = jobs.resumable(library, library.find(options.name))
        yield from _perform(library, job, jobs.finish)


def subjects(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth subjects: who is in the library, and how each stands."""
    library.catch_up()
    found = library.subjects()
    for subject in found:
        job = library.training(subject)
        yield {
            "event": "subject",
            "name": subject.name,
            "class_noun": subject.class_noun,
            "photos": len(subject.photos),
            "pictures": len(subject.pictures),
            "training": job.state if job else "not yet",
        }
    yield {"event": "done", "subjects": [subject.name for subject in found]}


def remove(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth remove: delete a subject with everything that belongs to it."""
    with _claimed(library):
        subject = library.find(options.name)
        library.remove(subject)
        yield {"event": "done", "removed": subject.name}


def tokens(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth tokens: rare tokens of a base model that could name a subject."""
    from booth import course

    found = course.rare_tokens(options.base, options.count, options.seed)
    for token in found:
        yield {"event": "token", "token": token}
    yield {"event": "done", "tokens": found}


def doctor(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth doctor: what this computer can do."""
    report = machine.describe(machine.look(), library.root)
    for key, value in report.items():
        yield {"event": "fact", "name": key, "value": value}
    yield {"event": "done", **report}


def plan(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth plan: which machine gives what, by arithmetic."""
    bases = [catalogue.find(options.base)] if options.base else catalogue.CATALOGUE
    for base in bases:
        for here in memory.examples():
            found = memory.plan(base, base.training_config("live"), here)
            yield {
                "event": "plan",
                "base": base.key,
                "machine": here.title,
                "fits": found.fits,
                "gigabytes": round(found.gigabytes, 2),
                "text": found.sentence,
                "config": to_dict(found.config),
            }
    yield {"event": "table", "text": memory.table(bases)}


def bench(options: argparse.Namespace, library: Library) -> Iterator[Line]:
    """booth bench: how quick the training is here, beside diffusers' script"""
    from booth.bench import command

    yield from command.verb(options.peer, options.out, options.readme, not options.no_ladder)


def _take(
    options: argparse.Namespace, library: Library, subject: Subject, work: jobs.TakePictures
) -> Iterator[Line]:
    with _claimed(library):
        for line in _perform(library, jobs.ask(library, subject, work)):
            if line["event"] == "done" and options.out:
                line = _copied(line, options.out)
            yield line


def _copied(line: Line, out: Path) -> Line:
    """Copy the pictures of a finished job into a folder of the person's choice."""
    out.mkdir(parents=True, exist_ok=True)
    copies = [shutil.copy(path, out / Path(path).name) for path in line["pictures"]]
    line = {**line, "pictures": [str(path) for path in copies]}
    if "sheet" in line:
        sheet = Path(line["sheet"])
        line["sheet"] = str(shutil.copy(sheet, out / f"contact-sheet-{sheet.name}"))
    return line


def _perform(
    library: Library, job: Job, how: Callable[..., Generator[Event]] = jobs.perform
) -> Generator[Line]:
    """Run a job here and now; Ctrl-C stops it, which saves a checkpoint; twice, at once."""
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        stopped.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        with closing(how(library, job)) as events:
            for event in events:
                yield record(event)
                if stopped:
                    break
        if stopped and not isinstance(event, Done):
            yield {"event": "paused", "text": _PAUSED[job.kind]}
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _claimed(library: Library) -> Iterator[None]:
    library.claim("a booth command in a terminal")
    try:
        yield
    finally:
        library.release()


def _intake_notices(intake: photos.Intake) -> Iterator[Line]:
    for error in intake.refused:
        yield {"event": "notice", "text": str(error)}
    warnings = [warning for photo in intake.photos for warning in photo.warnings]
    for text in (*warnings, *intake.advice):
        yield {"event": "notice", "text": text}


def _print(line: Line, as_json: bool) -> None:
    """One JSON object per line, or progress on stderr and results on stdout for people."""
    if as_json:
        print(json.dumps(line, ensure_ascii=False), flush=True)
        return
    kind = line["event"]
    if kind == "progress":
        _bar(line["stage"], line["done"], line["total"])
    elif kind == "loss":
        prior = "" if line["prior"] is None else f", prior {line['prior']:.3f}"
        _bar(f"Training (instance {line['instance']:.3f}{prior})", line["step"], line["total"])
    elif kind in ("notice", "paused"):
        print(f"\n{line['text']}", file=sys.stderr)
    elif kind in ("preview", "saved", "plan"):
        return
    else:
        print(_sentence(line), flush=True)


def _sentence(line: Line) -> str:
    """A result line for people."""
    kind = line["event"]
    if kind == "subject":
        return (
            f"{line['name']} ({line['class_noun']}): {line['photos']} photos, "
            f"{line['pictures']} pictures, training {line['training']}"
        )
    if kind == "done":
        kept = {k: v for k, v in line.items() if k in _TOLD}
        return "\nDone. " + ", ".join(f"{key}: {value}" for key, value in kept.items())
    if kind == "fact":
        return f"{line['name']}: {line['value']}"
    return str(line.get("path") or line.get("token") or line.get("text") or line)


def _bar(words: str, done: int, total: int) -> None:
    filled = 24 * done // max(total, 1)
    bar = "#" * filled + "." * (24 - filled)
    print(f"\r[{bar}] {done}/{total} {words}\033[K", end="", file=sys.stderr, flush=True)


def _complain(error: BoothError, as_json: bool) -> None:
    if as_json:
        told = {"event": "error", "problem": error.problem, "remedy": error.remedy}
        print(json.dumps(told, ensure_ascii=False), flush=True)
    else:
        print(f"\n{error.problem} {error.remedy}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="booth", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def verb(command: Any, *names: str) -> argparse.ArgumentParser:
        words = command.__doc__.split(": ", 1)[1]
        sub = commands.add_parser(command.__name__, help=words, description=words)
        sub.add_argument("--json", action="store_true", help="one JSON object per line on stdout")
        sub.set_defaults(command=command)
        for name in names:
            sub.add_argument(name)
        return sub

    _train_options(verb(train))
    verb(resume, "name")
    verb(finish, "name")
    taking = verb(take, "name")
    taking.add_argument("prompt", help='for example "a [V] dog on the beach"')
    taking.add_argument("--count", type=_whole(1, 1000), default=1, help="pictures")
    taking.add_argument("--steps", type=_whole(1, 1000), help="denoising steps")
    taking.add_argument("--guidance", type=_number, help="how closely to follow the words")
    taking.add_argument(
        "--untrained", action="store_true", help="from the base model as it was, to compare"
    )
    for sub in (taking, verb(gallery, "name")):
        sub.add_argument("--seed", type=_whole(0), default=0)
        sub.add_argument("--out", type=Path, help="copy the pictures into this folder")
    verb(subjects)
    verb(remove, "name")
    rare = verb(tokens)
    rare.add_argument("--base", default="toybox", help=_BASE_HELP)
    rare.add_argument("--count", type=_whole(1), default=10)
    rare.add_argument("--seed", type=_whole(0), default=0)
    verb(doctor)
    verb(plan).add_argument("--base", help="one base model only: catalogue key, folder or Hub id")
    _bench_options(verb(bench))
    return parser


def _train_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("photos", nargs="*", type=Path, help="3 to 5 photos, or a folder of them")
    sub.add_argument("--name", required=True, help="what the subject is called, free text")
    sub.add_argument("--class-noun", required=True, help='what it is: "dog", "teapot"')
    sub.add_argument(
        "--captions", nargs="+", default=[], metavar="WORDS",
        help='where it is in each photo, in order, after the photos: "on the beach" "" "on a rug"',
    )  # fmt: skip
    sub.add_argument("--base", default="toybox", help=_BASE_HELP)
    sub.add_argument("--steps", type=_whole(1))
    sub.add_argument("--learning-rate", type=_number)
    sub.add_argument("--batch-size", type=_whole(1, 64), help="photos per step")
    sub.add_argument("--resolution", type=_whole(64, 2048), help="pixels per side")
    sub.add_argument("--prior-images", type=_whole(0), help="0: no prior preservation")
    sub.add_argument("--prior-loss-weight", type=_number, help="lambda of Eq. 2")
    sub.add_argument("--train-text-encoder", action="store_true", default=None)
    sub.add_argument(
        "--text-encoder-factor", type=_number, help="times --learning-rate, if trained"
    )
    sub.add_argument("--rate-schedule", choices=get_args(RateSchedule), help="linear: down to 0")
    sub.add_argument("--identifier", help="rare token(s) to use, instead of choosing by seed")
    sub.add_argument("--seed", type=_whole(0))
    sub.add_argument("--method", choices=get_args(Method), help="all weights, or an adapter")
    sub.add_argument("--lora-rank", type=_whole(1, 1024), help="of the adapter's matrices")
    sub.add_argument("--lora-alpha", type=_whole(1, 1024), help="the adapter counts alpha / rank")
    sub.add_argument("--views", type=_whole(1, 64), help="crops of each photo to learn from")
    sub.add_argument("--attention", choices=get_args(Attention), help="which kernels compute it")
    sub.add_argument(
        "--cuda-graph", action="store_true", default=None,
        help="record the whole step on a card and replay it (not yet measured)",
    )  # fmt: skip


def _bench_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--peer", type=Path, help="diffusers' examples/dreambooth/train_dreambooth.py")
    sub.add_argument("--out", type=Path, help="write everything that was measured there, as JSON")
    sub.add_argument("--readme", type=Path, help="put the table into this Markdown file")
    sub.add_argument("--no-ladder", action="store_true", help="only the variants compared")


def _whole(smallest: int, largest: int = 2**31 - 1) -> Any:
    """An argument type: a whole number in a range."""

    def whole_number(text: str) -> int:
        if not smallest <= int(text) <= largest:
            raise argparse.ArgumentTypeError(f"must be between {smallest} and {largest}")
        return int(text)

    return whole_number


def _number(text: str) -> float:
    """An argument type: a number that is not negative."""
    if not 0 <= float(text) < float("inf"):
        raise argparse.ArgumentTypeError("must be a number of at least 0")
    return float(text)
