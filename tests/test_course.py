"""A whole training: when memory runs out it goes on in a smaller way; an adapter is saved alone."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from booth import (
    adapters,
    course,
    disk,
    generation,
    jobs,
    machine,
    models,
    priors,
    training,
)
from booth.config import TrainingConfig, to_dict
from booth.errors import OutOfMemory, for_people, out_of_memory
from booth.events import Done, Event, Loss, Notice, Picture, Saved
from booth.examples import Examples
from booth.learner import Learner
from booth.library import Library, Subject


def config(base: Path, **more: Any) -> TrainingConfig:
    numbers: dict[str, Any] = {"steps": 4, "prior_images": 2, "resolution": 64}
    numbers |= {"checkpoint_every": 1, "preview_every": 0, "learning_rate": 1e-3}
    return TrainingConfig(base=str(base), **{**numbers, **more})


def taught(subject: Subject, library: Library, asked: TrainingConfig) -> Iterator[Event]:
    return course.teach(subject, asked, subject.run("run"), library.root / "priors")


class Card:
    """A card on which a step fits only in the ways of `fits`; `words` say that it does not."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        fits: Any,
        after: int = 2,
        words: str = "CUDA out of memory.",
    ) -> None:
        self.fits, self.after, self.steps, self.words = fits, after, 0, words
        self._learn = training.learn
        monkeypatch.setattr(training, "learn", self.learn)

    def learn(self, learner: Learner, batch: Any) -> torch.Tensor:
        self.steps += 1
        if self.steps > self.after and not self.fits(learner.config):
            raise RuntimeError(self.words)
        return self._learn(learner, batch)


@pytest.mark.parametrize("words", ["CUDA out of memory.", "CUBLAS_STATUS_ALLOC_FAILED when ..."])
def test_when_memory_runs_out_it_goes_on_from_the_last_good_step_and_says_so(
    base_folder: Path,
    subject: Subject,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
) -> None:
    Card(monkeypatch, fits=lambda config: config.gradient_checkpointing, words=words)
    told = list(taught(subject, library, config(base_folder)))
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert any("memory ran out" in text and "checkpointing" in text for text in notices)
    assert [event.step for event in told if isinstance(event, Loss)] == [1, 2, 3, 4]
    assert [event.step for event in told if isinstance(event, Saved)] == [1, 2, 3, 4]
    assert isinstance(told[-1], Done)
    kept = disk.read_json(subject.run("run") / "config.json")
    assert kept["gradient_checkpointing"] and kept["steps"] == 4 and kept["batch_size"] == 1


@pytest.mark.parametrize(
    "room", [(models, "load"), (generation, "denoise"), (Examples, "encode")], ids=lambda r: r[1]
)
def test_memory_that_runs_out_while_getting_ready_is_said_at_once(
    base_folder: Path,
    subject: Subject,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    room: tuple[Any, str],
) -> None:
    tries = []

    def full(*args: Any, **more: Any) -> Any:
        tries.append(args)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(*room, full)
    monkeypatch.setitem(priors.BATCH, "cpu", 1)
    with pytest.raises(OutOfMemory, match="even to get ready"):
        list(taught(subject, library, config(base_folder, precision="bf16")))
    assert len(tries) == 1
    kept = disk.read_json(subject.run("run") / "config.json")
    assert not kept["gradient_checkpointing"] and kept["optimizer"] == "adamw"


def test_prior_images_that_do_not_fit_together_are_made_one_by_one(
    base_folder: Path, subject: Subject, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoise, tries = generation.denoise, []

    def narrow(parts: Any, batch: Any, *rest: Any) -> Any:
        tries.append(len(batch))
        if len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return denoise(parts, batch, *rest)

    monkeypatch.setattr(generation, "denoise", narrow)
    told = list(taught(subject, library, config(base_folder, steps=1)))
    assert isinstance(told[-1], Done) and tries == [2, 1, 1]
    kept = disk.read_json(subject.run("run") / "config.json")
    assert not kept["gradient_checkpointing"]


def test_beside_a_card_main_memory_that_ran_out_changes_nothing_and_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = TrainingConfig(precision="bf16")
    card = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    main = (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: ..."))
    assert all(course._smaller(asked, error) for error in (card, *main))  # no card: all one memory
    monkeypatch.setattr(models, "device", lambda: torch.device("cuda", 0))
    assert course._smaller(asked, card) is not None
    assert "card's memory" in course._too_large(card, "").problem
    for error in main:
        assert course._smaller(asked, error) is None
        told = course._too_large(error, "")
        assert "main memory" in told.problem and "LoRA" not in told.remedy


def test_memory_that_runs_out_while_the_exact_model_is_taken_in_steps_down(
    base_folder: Path, subject: Subject, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def full(*args: Any) -> Learner:
        tries.append(args)
        if len(tries) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return Learner(*args)

    monkeypatch.setattr(course, "Learner", full)
    told = list(taught(subject, library, config(base_folder, steps=1)))
    assert isinstance(told[-1], Done)
    kept = disk.read_json(subject.run("run") / "config.json")
    assert kept["gradient_checkpointing"] and kept["identifier"]


def test_another_error_is_not_taken_for_a_full_card(
    base_folder: Path, subject: Subject, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    Card(monkeypatch, fits=lambda config: False, words="a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        list(taught(subject, library, config(base_folder)))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
    ids=str,
)
def test_memory_that_ran_out_is_known_by_all_its_names(error: Exception) -> None:
    assert out_of_memory(error) and isinstance(for_people(error), OutOfMemory)
    assert not out_of_memory(RuntimeError("CUDNN_STATUS_NOT_SUPPORTED"))


def test_8_bit_adam_is_tried_once_while_the_card_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(asked.append(True)))
    machine.adam8bit_runs.cache_clear()
    assert machine.adam8bit_runs() is machine.adam8bit_runs() is False
    assert len(asked) == 1


def test_when_nothing_smaller_is_left_it_says_what_to_do(
    base_folder: Path, subject: Subject, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    Card(monkeypatch, fits=lambda config: False, after=0)
    with pytest.raises(OutOfMemory, match="LoRA"):
        list(taught(subject, library, config(base_folder)))


def test_an_adapter_is_all_that_is_kept_of_a_lora_training_and_it_takes_pictures(
    base_folder: Path, subject: Subject, library: Library
) -> None:
    asked = config(base_folder, method="lora", lora_rank=2, train_text_encoder=True)
    job = jobs.ask(library, subject, jobs.TrainSubject(to_dict(asked)))
    done = list(jobs.perform(library, job))[-1]
    assert isinstance(done, Done)
    names = {path.name for path in Path(done.result["weights"]).iterdir()}
    assert names == {adapters.FILE, "training.json", disk.MANIFEST}
    takes = [
        jobs.TakePictures(("a [V] dog",), 1, 3, {"num_inference_steps": 2}, untrained)
        for untrained in (False, True)
    ]
    shots = []
    for work in takes:
        events = list(jobs.perform(library, jobs.ask(library, subject, work)))
        shots.append(next(e for e in events if isinstance(e, Picture)).image)
    assert shots[0] is not None and shots[1] is not None
    assert shots[0].tobytes() != shots[1].tobytes()


def test_a_lora_training_can_be_finished_early(
    base_folder: Path, subject: Subject, library: Library
) -> None:
    events = taught(subject, library, config(base_folder, method="lora", lora_rank=2))
    for event in events:
        if isinstance(event, Saved):
            events.close()  # type: ignore[attr-defined]
    done = list(course.finish(subject.run("run")))[-1]
    assert isinstance(done, Done) and done.result["steps"] == 1
    assert (Path(done.result["weights"]) / adapters.FILE).exists()


def test_the_copy_that_prepares_is_gone_before_the_exact_model_learns(
    base_folder: Path, subject: Subject, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[Any] = []
    load = models.load

    def watched(*args: Any, **more: Any) -> models.Parts:
        parts = load(*args, **more)
        copies.append(weakref.ref(parts.unet))
        return parts

    def begun(parts: models.Parts, *rest: Any) -> Learner:
        assert [copy() is None for copy in copies] == [True, False]
        assert parts.unet.dtype == torch.float32 and parts.vae.dtype == torch.bfloat16
        return Learner(parts, *rest)

    monkeypatch.setattr(models, "quick", lambda: torch.bfloat16)  # as on a card
    monkeypatch.setattr(models, "load", watched)
    monkeypatch.setattr(course, "Learner", begun)
    told = list(taught(subject, library, config(base_folder, precision="bf16", steps=1)))
    assert isinstance(told[-1], Done) and len(copies) == 2
