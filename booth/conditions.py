"""What the UNet is told beside the noisy picture: embedded prompts and, for SDXL, picture sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from booth import prompts
from booth.catalogue import BaseModel
from booth.models import Parts

Size = tuple[int, int, int, int, int, int]
"""SDXL's micro-conditioning in pixels: original height, width, crop top, left, target height,
width (Podell et al. 2023, section 2.2)."""


def whole(side: int) -> Size:
    """The size of a square picture that was neither scaled nor cropped."""
    return (side, side, 0, 0, side, side)


@dataclass(frozen=True)
class Conditions:
    """Conditions of n pictures, on the model's device."""

    context: torch.Tensor  # (n, tokens, width), what cross-attention reads
    pooled: torch.Tensor | None = None  # (n, width of the last text encoder); SDXL only
    sizes: torch.Tensor | None = None  # (n, 6) float32, see `Size`; SDXL only

    def __getitem__(self, chosen: torch.Tensor) -> Conditions:
        """Those at the indices `chosen` (m,)."""
        rows = (self.context, self.pooled, self.sizes)
        return Conditions(*(None if row is None else row[chosen] for row in rows))  # type: ignore[arg-type]

    def at(self, sizes: Sequence[Size] | torch.Tensor) -> Conditions:
        """The same words for pictures of these sizes; models without sizes ignore them."""
        if self.pooled is None:
            return self
        # float32 always: bfloat16 would turn 1019 pixels into 1020
        table = torch.as_tensor(sizes, dtype=torch.float32, device=self.pooled.device)
        return replace(self, sizes=table)

    @property
    def arguments(self) -> dict[str, Any]:
        """They as the UNet's keyword arguments."""
        told: dict[str, Any] = {"encoder_hidden_states": self.context}
        if self.pooled is not None:
            told["added_cond_kwargs"] = {"text_embeds": self.pooled, "time_ids": self.sizes}
        return told


def encode(parts: Parts, words: Sequence[str]) -> Conditions:
    """The prompts `words` as the text encoders stand, with gradients if they are trained."""
    with parts.at_hand(*parts.text_encoders), parts.autocast():
        if len(parts.text_encoders) > 1:
            return _encode_xl(parts, words)
        hidden = parts.text_encoder(_ids(parts.tokenizer, words, parts))[0]
        return Conditions(hidden.to(parts.unet.dtype))


def _encode_xl(parts: Parts, words: Sequence[str]) -> Conditions:
    """SDXL reads the last layer but one of both encoders, and the second one's pooled output."""
    layers, pooled = [], None
    for reader, encoder in zip(parts.tokenizers, parts.text_encoders, strict=True):
        told = encoder(_ids(reader, words, parts), output_hidden_states=True)
        layers.append(told.hidden_states[-2])
        pooled = told[0]
    assert pooled is not None
    context = torch.cat(layers, dim=-1)
    if parts.blank_is_zero:
        said = torch.tensor([bool(text) for text in words], device=context.device)
        context, pooled = context * said[:, None, None], pooled * said[:, None]
    return Conditions(context.to(parts.unet.dtype), pooled.to(parts.unet.dtype))


def _ids(tokenizer: Any, words: Sequence[str], parts: Parts) -> torch.Tensor:
    """Token ids (prompts, tokens), padded and cut to the tokenizer's length."""
    ids: torch.Tensor = tokenizer(
        list(words),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids
    return ids.to(parts.device)


def unread(parts: Parts, shown: Mapping[str, str]) -> Iterator[str]:
    """Which of the prompts (filled -> as typed) are too long to be read to their end."""
    for prompt, text in shown.items():
        if unseen := dropped(parts, prompt):
            yield f'Too long: the end of "{text[:60]}..." is not seen: "{unseen}".'


def never_learnt(base: BaseModel, texts: Iterable[str]) -> Iterator[str]:
    """Which words of these texts a model of a small world has never learnt, in one sentence."""
    strange = prompts.unknown_words(texts, base.words) if base.words else []
    if strange:
        told = ", ".join(strange[:12]) + (" ..." if len(strange) > 12 else "")
        yield f"{base.title} never learnt: {told}. It shows what it does know."


def dropped(parts: Parts, prompt: str) -> str:
    """The last words of a prompt that the text encoder will not see; empty when it sees all."""
    limit = parts.tokenizer.model_max_length - 2  # start and end take one each

    def ids(text: str) -> list[int]:
        return list(parts.tokenizer(text, add_special_tokens=False, verbose=False).input_ids)

    return prompts.dropped_words(prompt, ids, limit)
