"""Several processes that train one subject together, as `accelerate launch` starts them.

The leader runs the command as if it were alone: it alone writes to the library, makes the prior
images and saves. The followers wait until it is ready to train, read from the library what it
has written, and take their share of every batch.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any


def size() -> int:
    """How many processes there are; 1 unless a launcher started more."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Whether this process is the leader, which a process alone always is."""
    return size() == 1 or int(os.environ.get("RANK", "0")) == 0


def tell(order: dict[str, Any]) -> None:
    """The leader's order to its followers; nothing when it is alone, or is said by a follower."""
    if size() > 1 and leads():
        _share(order)


def listen() -> dict[str, Any]:
    """What the leader orders; waits for it."""
    return _share({})


def _share(order: dict[str, Any]) -> dict[str, Any]:
    """The leader's `order`, in every process."""
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    # a download or a thousand prior images may keep the leader for hours
    PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(days=1))
    (told,) = broadcast_object_list([order])
    return dict(told)
