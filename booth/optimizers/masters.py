"""Exact float32 masters in four bytes: a bfloat16 weight and the 16 bits it had no room for.

A float32 is a bfloat16 (its upper 16 bits) and 16 more bits. Cut in the middle of the mantissa
with round-half-up, the upper part is the nearest bfloat16 and what is left over, counted in units
of the float32's last place, lies in -32768..32767: an int16. Put together again they are the same
float32 bit for bit, so a model can compute in bfloat16 and still learn with float32 steps, which
bfloat16 alone swallows (at DreamBooth's learning rates nearly all of them).

The pair is a bijection on all 2^32 patterns: signed zeros, denormals, infinities and NaNs with
their payloads come back as they were. What the bfloat16 shows of the rare ones: a finite master
within half a step of float32's largest (above 3.3961775e38) shows as infinity, as with every
rounding to bfloat16, and so does a NaN whose payload lies in the lower 16 bits only. The NaNs that
arithmetic makes (0x7fc00000 and 0xffc00000) show as NaN.
"""

from __future__ import annotations

import torch


def split(master: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A float32 tensor as (bfloat16 weight, int16 remainder), in its shape and memory format."""
    bits = master.view(torch.int32)
    remainder = bits.to(torch.int16)  # the lower half, read as a signed number
    upper = (bits >> 16).sub_(remainder >> 15)  # one more where the lower half is 0x8000 or above
    return upper.to(torch.int16).view(torch.bfloat16), remainder


def join(weight: torch.Tensor, remainder: torch.Tensor) -> torch.Tensor:
    """The float32 tensor that `split` took apart, bit for bit; a new tensor."""
    upper = weight.view(torch.int16).to(torch.int32)
    return upper.bitwise_left_shift_(16).add_(remainder).view(torch.float32)
