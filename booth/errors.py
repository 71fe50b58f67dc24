"""What can go wrong that a person can put right, and how."""

from __future__ import annotations

import errno


class BoothError(Exception):
    """A problem a person can act on: what happened, and what to do now.

    Both sentences go to `Exception.__init__`, so the error crosses a process wall unchanged.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class PhotoError(BoothError):
    """A photo cannot be read or is not fit to learn from."""


class PromptError(BoothError):
    """A class noun or a prompt cannot be used as it stands."""


class SubjectError(BoothError):
    """A subject or one of its runs is missing or not in the right state."""


class BaseModelError(BoothError):
    """A base model is missing, incomplete, unsafe or of a kind we do not train."""


class CheckpointError(BoothError):
    """A saved training state is damaged or belongs to another run."""


class OutOfMemory(BoothError):
    """The graphics card or the computer ran out of memory."""


class Busy(BoothError):
    """Somebody else holds the library, or a job is already running."""


class DiskError(BoothError):
    """The disk is full, read-only or not ours to write."""


def for_people(error: BaseException) -> BoothError:
    """The person-readable form of any error; a `BoothError` comes back as it is.

    Whatever we did not foresee is a bug: it gets one honest sentence, and its traceback
    belongs in the log.
    """
    if isinstance(error, BoothError):
        return error
    if isinstance(error, OSError) and error.errno in _DISK_PROBLEMS:
        problem, remedy = _DISK_PROBLEMS[error.errno]
        return DiskError(problem, remedy)
    if out_of_memory(error):
        return OutOfMemory(
            "The computer ran out of memory.",
            "Close other programs and try again, or choose a smaller base model.",
        )
    return BoothError(
        f"Something unexpected happened ({type(error).__name__}).",
        "Your photos and checkpoints are safe. The log in the library folder says more.",
    )


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: the card's or the computer's, in the words of all who may say so."""
    return main_memory(error) or any(words in str(error).lower() for words in _CARD_IS_FULL)


def main_memory(error: BaseException) -> bool:
    """Whether it was the computer's memory, and not a card's, that ran out."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in _MAIN_IS_FULL)


_CARD_IS_FULL = ("out of memory", "status_alloc_failed")  # torch and CUDA; cuBLAS and cuDNN
_MAIN_IS_FULL = ("not enough memory", "t allocate memory")  # torch

_KEPT = "Nothing that was already saved is lost."
_DISK_PROBLEMS = {
    errno.ENOSPC: ("The disk is full.", f"Free some space, then try again. {_KEPT}"),
    errno.EDQUOT: ("Your disk quota is used up.", f"Free some space, then try again. {_KEPT}"),
    errno.EFBIG: ("The disk refuses a file this large.", f"Choose another folder. {_KEPT}"),
    errno.EROFS: (
        "The library folder is read-only.",
        "Set BOOTH_HOME to a folder you can write to, then start again.",
    ),
    errno.EACCES: (
        "The booth may not write in that folder: it belongs to somebody else.",
        "Choose another folder; BOOTH_HOME changes where the library lies.",
    ),
}
_DISK_PROBLEMS[errno.EPERM] = _DISK_PROBLEMS[errno.EACCES]
