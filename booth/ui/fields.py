"""The folded-away numbers of a training: one field for each value of `TrainingConfig`."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_type_hints

import gradio as gr
from gradio.components import Component

from booth.config import TrainingConfig
from booth.errors import SubjectError

HIDDEN = ("base", "identifier")
COMPUTER = (
    "optimizer",
    "exact_bf16",
    "in_backward",
    "offload_optimizer",
    "precision",
    "attention",
    "gradient_checkpointing",
    "cuda_graph",
    "read_loss_every",
)
"""What changes memory and speed, not what is learnt."""
_WORDS: dict[str, tuple[str, str]] = {
    "steps": ("Steps", "How often it practises. More: closer likeness, less imagination."),
    "learning_rate": ("Learning rate", "How much each step changes the model."),
    "batch_size": ("Photos per step", "As many other examples come on top."),
    "prior_images": ("Other examples", "Pictures of the kind in general; 0 switches them off."),
    "prior_loss_weight": ("Weight of the other examples", "Lambda in the paper."),
    "train_text_encoder": ("Teach the words too", "Better likeness, needs more memory."),
    "text_encoder_factor": ("Speed of the words", "Times the learning rate, if taught too."),
    "rate_schedule": ("Learning rate over the steps", "Constant, or falling to 0 at the end."),
    "resolution": ("Picture size", "Pixels per side."),
    "seed": ("Seed", "The same seed gives the same training."),
    "method": ("What is trained", "All weights as in the paper, or a small adapter (LoRA)."),
    "lora_rank": ("Adapter rank", "Larger adapters hold more detail."),
    "lora_alpha": ("Adapter alpha", "The adapter counts alpha / rank."),
    "views": ("Views of each photo", "The crop you chose, and slightly closer ones."),
    "optimizer": ("Optimizer", "The 8-bit one saves memory."),
    "in_backward": ("Update while going back", "Saves memory; steps are not clipped."),
    "precision": ("Precision", "Shorter numbers save memory and time."),
    "attention": ("Attention", "xformers saves memory on some cards; timed tries all kernels."),
    "gradient_checkpointing": ("Gradient checkpointing", "Saves memory, costs time."),
    "cuda_graph": ("Record the step", "Fewer waits on an NVIDIA card; not yet measured."),
    "exact_bf16": ("Exact 16-bit weights", "Saves memory and loses nothing; newer cards only."),
    "offload_optimizer": ("Optimizer in main memory", "For the smallest cards; slower."),
    "read_loss_every": ("Read the loss every", "Steps; a card waits while it is read."),
    "checkpoint_every": ("Save every", "Steps between checkpoints."),
    "preview_every": ("Look every", "Steps between previews; 0 switches them off."),
}
_RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, 100_000),
    "learning_rate": (1e-9, 1.0),
    "text_encoder_factor": (0.0, 1000.0),
    "batch_size": (1, 64),
    "prior_images": (0, 10_000),
    "prior_loss_weight": (0.0, 100.0),
    "resolution": (64, 2048),
    "seed": (0, 2**31),
    "lora_rank": (1, 1024),
    "lora_alpha": (1, 1024),
    "views": (1, 64),
    "read_loss_every": (1, 1000),
    "checkpoint_every": (1, 100_000),
    "preview_every": (0, 100_000),
}


def names() -> list[str]:
    """The values a person may change, in the order of the dataclass."""
    return [f.name for f in dataclasses.fields(TrainingConfig) if f.name not in HIDDEN]


def build() -> list[Component]:
    """The fields, in the order of `names`; shown in two groups."""
    kinds = get_type_hints(TrainingConfig)
    defaults = TrainingConfig()
    learning = [name for name in names() if name not in COMPUTER]
    made: dict[str, Component] = {}
    for heading, group in (
        ("How it learns", learning),
        ("Memory and speed, as fits this computer", COMPUTER),
    ):
        gr.HTML(f'<h4 class="group">{heading}</h4>')
        with gr.Row(elem_classes="fields"):
            made |= {name: _field(name, kinds[name], getattr(defaults, name)) for name in group}
    return [made[name] for name in names()]


def values(config: TrainingConfig) -> list[Any]:
    """A config as the fields show it."""
    return [getattr(config, name) for name in names()]


def read(base: str, shown: list[Any]) -> TrainingConfig:
    """The config that the fields describe; `SubjectError` for a number that makes no sense."""
    kinds = get_type_hints(TrainingConfig)
    chosen = {name: _value(name, kinds[name], v) for name, v in zip(names(), shown, strict=True)}
    return TrainingConfig(base=base, **chosen)


def _field(name: str, kind: Any, default: Any) -> Component:
    label, info = _WORDS.get(name, (name.replace("_", " "), ""))
    common: dict[str, Any] = {"label": label, "info": info, "elem_id": f"field-{name}"}
    if kind is bool:
        return gr.Checkbox(default, **common)
    if get_args(kind):
        return gr.Dropdown(list(get_args(kind)), value=default, **common)
    if kind in (int, float):
        return gr.Number(default, step=1 if kind is int else 1e-6, **common)
    return gr.Textbox(default, **common)


def _value(name: str, kind: Any, shown: Any) -> Any:
    if kind is bool:
        return bool(shown)
    if get_args(kind):
        return shown if shown in get_args(kind) else get_args(kind)[0]
    if kind not in (int, float):
        return str(shown)
    low, high = _RANGES.get(name, (float("-inf"), float("inf")))
    return number(_WORDS.get(name, (name, ""))[0], shown, kind, (low, high))


def number(label: str, shown: Any, kind: type, bounds: tuple[float, float]) -> Any:
    """What stands in a number field as `kind`; `SubjectError` when it is out of bounds."""
    low, high = bounds
    if shown is None or not low <= shown <= high or (kind is int and shown != int(shown)):
        whole = "a whole number" if kind is int else "a number"
        raise SubjectError(
            f'"{label}" cannot be {"empty" if shown is None else f"{shown:g}"}.',
            f"Use {whole} from {low:g} to {high:g}.",
        )
    return kind(shown)
