"""What a training takes, in bytes, item by item: arithmetic on booth/sizes.py, no torch.

An error to expect: an allocator rounds up and leaves gaps, some 5 to 10 percent in practice
(booth/memory.py keeps a margin for it), and a card without a flash attention kernel takes more.
tests/test_memory.py holds weights, gradients and moments to what real tensors take, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from booth.config import TrainingConfig
from booth.sizes import TILE, Size, Stage

CONTEXT, WORKSPACE = 500_000_000, 300_000_000  # bytes: CUDA itself; cuDNN, cuBLAS and the gaps
AUTOCAST = 1.35  # activations, against half precision throughout: norms work in float32
FLOAT32 = 2.0
SPLITTING = 12  # bytes per weight while a master is joined, updated and split again


@dataclass(frozen=True)
class Need:
    """Memory of a training in bytes, item by item, and `peak`, the most at any one moment.

    Gradients, activations, copies, step and picture are each at their largest, which they are
    not together: the peak is less than the sum.
    """

    weights: int  # trained ones with their missing bits, and frozen ones beside LoRA's adapters
    gradients: int  # of all trained weights, or of one block when updated in backward
    optimizer: int  # moments on the card
    activations: int  # kept for the backward pass
    copies: int  # half-precision weights that autocast makes
    step: int  # what the optimizer's step makes and drops
    picture: int  # what a preview makes and drops, parts that come for its sake included
    reserve: int  # CUDA's context and workspaces
    peak: int
    waiting: int  # VAE, and text encoders that do not learn: in main memory until needed
    host: int = 0  # page-locked main memory


def needs(size: Size, config: TrainingConfig) -> Need:
    """The memory that training takes.

    peak = weights + optimizer + reserve + the larger of
      learning: the most, over the moments of one step, of activations still kept + gradients
                already there + half-precision copies of weights that autocast still holds
      a picture: the previews between steps, when there are no gradients; the text encoders and
                the VAE come to the card one after the other, and go
    or their sum with a CUDA graph, which keeps the memory of its step.

    Backward goes through the stages from last to first. While a stage is worked on, its own
    activations and its own gradients both count; activations of stages behind it are freed, and
    their gradients stay until the optimizer's step, or, with the optimizer in backward, until
    their block is done. With checkpointing, one block's activations are made again at a time.
    """
    weights, host_weights = _weights(size, config)
    moments = _moments(size, config)
    on_card = _in_flight(size, moments) if config.offload_optimizer else moments
    reserve = CONTEXT + WORKSPACE
    copies = _copies(size, config, size.unet)
    half = _half(config)
    words = 0 if config.train_text_encoder else half * size.text  # read before the first step
    picture = max(words, _picture(size, config, half) if config.preview_every else 0)
    held = _held_for_pictures(size, config)
    both = sum if config.recorded else max
    moment = both((_learning(size, config), held + picture))
    return Need(
        weights=weights,
        gradients=_gradients(size, config),
        optimizer=on_card,
        activations=_activations(size, config),
        copies=max(copies, held),
        step=_step(size, config),
        picture=picture,
        reserve=reserve,
        peak=weights + on_card + reserve + moment,
        waiting=words + _vae(size, half),
        host=host_weights + (moments if config.offload_optimizer else 0),
    )


def preparing(size: Size, config: TrainingConfig) -> int:
    """Bytes before anything learns: of a half-precision copy, its VAE looks at the photos alone.

    Then its UNet makes the prior images. The model that learns comes when the copy is gone, piece
    by piece and already small: on its way it never takes more than in the end.
    """
    looking = _vae(size, 2) + round(_pixels(size, config) * size.encoding)
    making = 2 * size.unet + max(2 * size.text, _picture(size, config, 2))
    return max(looking, making if config.uses_priors else 0) + CONTEXT + WORKSPACE


def _trained(size: Size, config: TrainingConfig) -> int:
    """Parameters that learn."""
    if config.method == "lora":
        return size.lora_per_rank * config.lora_rank
    return size.unet + (size.text if config.train_text_encoder else 0)


def _weights(size: Size, config: TrainingConfig) -> tuple[int, int]:
    """Bytes of trained weights, and of frozen ones beside adapters: on the card, on the host."""
    trained = _trained(size, config)
    if config.method == "lora":
        read = size.text if config.train_text_encoder else 0
        return 4 * trained + _half(config) * (size.unet + read), 0
    if not config.exact_bf16:
        return 4 * trained, 0
    return (2 * trained, 2 * trained) if config.offload_optimizer else (4 * trained, 0)


def _vae(size: Size, half: int) -> int:
    return (4 if size.full_vae else half) * size.vae


def _half(config: TrainingConfig) -> int:
    """Bytes of a weight that does not learn: half precision wherever that computes."""
    return 4 if config.precision == "fp32" else 2


def _moments(size: Size, config: TrainingConfig) -> int:
    """Bytes of Adam's two moments.

    8-bit: one byte each and one float32 scale per 256 elements, tensors under 4096 elements in
    float32, and two shared tables of 256 numbers (bitsandbytes 0.50).
    """
    trained = _trained(size, config)
    if config.optimizer == "adamw" or config.method == "lora":
        return 8 * trained
    text = config.train_text_encoder
    small = size.small + (size.text_small if text else 0)
    blocks = size.blocks + (size.text_blocks if text else 0)
    return 2 * (trained - small) + 8 * blocks + 8 * small + 2048


def _in_flight(size: Size, moments: int) -> int:
    """Bytes on the card of states that live in main memory: two blocks of them at a time."""
    share = size.largest_block / size.unet
    return min(moments, round(2 * share * (moments + 2 * size.unet)))


def _gradients(size: Size, config: TrainingConfig) -> int:
    """Bytes of gradients that are there at once."""
    together = size.largest_block if config.in_backward else _trained(size, config)
    return (2 if config.exact_bf16 else 4) * together


def _activations(size: Size, config: TrainingConfig) -> int:
    """Bytes kept for the backward pass; LoRA's are counted with all that its step makes."""
    scale = _scale(size, config)
    if config.method == "lora":
        kept = size.lora_edges if config.gradient_checkpointing else size.lora_saved
    elif config.gradient_checkpointing:
        kept = sum(s.edges for s in size.stages) + max(s.block for s in size.stages)
    else:
        kept = sum(s.saved for s in size.stages)
    return round(scale * kept) + _words(size, config)


def _words(size: Size, config: TrainingConfig) -> int:
    """Bytes that the text encoder keeps, which gradient checkpointing does not touch.

    At each step it reads "a dog" and the label of every photo in the batch.
    """
    prompts = config.batch_size + 1 if config.train_text_encoder else 0
    return round(_wide(config) * size.text_saved * prompts)


def _wide(config: TrainingConfig) -> float:
    if config.precision == "fp32":
        return FLOAT32
    return 1.0 if config.exact_bf16 else AUTOCAST


def _scale(size: Size, config: TrainingConfig) -> float:
    """How much more than one image at the reference resolution, in half precision or LoRA's."""
    images = config.batch_size * (2 if config.uses_priors else 1)
    adapted = config.method == "lora" and config.precision != "fp32"
    return images * _pixels(size, config) * (1.0 if adapted else _wide(config))


def _pixels(size: Size, config: TrainingConfig) -> float:
    return (config.resolution / size.resolution) ** 2


def _learning(size: Size, config: TrainingConfig) -> int:
    """The most bytes of activations, gradients and autocast's copies at any moment of a step."""
    scale, kept = _scale(size, config), _activations(size, config)
    checkpointing, each = config.gradient_checkpointing, 2 if config.exact_bf16 else 4
    left, done, most = size.unet, 0, 0
    for stage in reversed(size.stages):
        done += stage.parameters
        step = _step(stage, config) if config.in_backward else 0
        most = max(most, kept + _so_far(size, config, done) + _copies(size, config, left) + step)
        left -= stage.parameters
        kept -= round(scale * (stage.edges if checkpointing else stage.saved))
    step = _gradients(size, config) + _step(size, config)
    words = _words(size, config) + each * _trained(size, config) * (not config.in_backward)
    return max(most, step, words)


def _step(part: Size | Stage, config: TrainingConfig) -> int:
    """Bytes that a step makes and drops: fused AdamW none, exact bfloat16 for one weight a time."""
    return SPLITTING * part.largest if config.exact_bf16 else 0


def _so_far(size: Size, config: TrainingConfig, done: int) -> int:
    """Bytes of gradients when backward has come through `done` of the UNet's parameters."""
    if config.method == "lora":
        return _gradients(size, config)
    return min(_gradients(size, config), (2 if config.exact_bf16 else 4) * done)


def _copies(size: Size, config: TrainingConfig, left: int) -> int:
    """Bytes of the half-precision weights that autocast made and backward still needs."""
    if config.precision == "fp32" or config.exact_bf16:
        return 0
    if config.method == "lora":
        return 2 * _trained(size, config)
    return 2 * (min(left, size.largest_block) if config.gradient_checkpointing else left)


def _held_for_pictures(size: Size, config: TrainingConfig) -> int:
    """Bytes of the copy of the whole UNet that autocast holds while previews are denoised."""
    if config.method == "lora" or not config.preview_every:
        return 0
    return _copies(size, replace(config, gradient_checkpointing=False), size.unet)


def _picture(size: Size, config: TrainingConfig, half: int) -> int:
    """Bytes of denoising pictures, or of decoding one with the VAE there for it."""
    tile = (min(config.resolution, TILE) / min(size.resolution, TILE)) ** 2
    decoding = _vae(size, half) + round(tile * size.decoding)
    return max(round(_pixels(size, config) * size.denoising), decoding)
