"""What a model needs, counted on torch's meta device: shapes and types without numbers.

`python -m tests.counting` prints the constants of booth/sizes.py.

The counts follow the rules of autograd: every tensor a backward formula keeps, once per storage,
without the weights themselves. Attention is counted as a flash kernel keeps it (q, k, v, the
output, and one float32 per row), and autocast as CUDA does it: norms in float32, convolutions
and matrix products in half precision, each with a half-precision copy of its weights.
"""

from __future__ import annotations

import json
import weakref
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from booth import adapters
from booth.config import TrainingConfig
from booth.generation import BATCH
from booth.sizes import TILE, Size, Stage
from tests.architectures import CLIP_L, OPENCLIP_G, OPENCLIP_H, SD15, SD21, SDXL, VAE

HALF = torch.bfloat16
BLOCKS = ("ResnetBlock2D", "BasicTransformerBlock")  # what diffusers recomputes as one
LORA = ("to_q", "to_k", "to_v", "to_out.0")  # where adapters go


class _Flash(torch.autograd.Function):
    """Attention that keeps what a flash kernel keeps."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(q)
        ctx.save_for_backward(q, k, v, out, q.new_empty(q.shape[:-1], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx: Any, _: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(torch.empty_like(tensor) for tensor in ctx.saved_tensors[:3])


class _OnACard(TorchFunctionMode):
    """Flash attention, and CUDA's autocast where `autocast`; `copies` are the weights it casts."""

    def __init__(self, autocast: bool) -> None:
        super().__init__()
        self.autocast = autocast
        self.copies: dict[int, torch.Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            q, k, v = args[:3] if len(args) >= 3 else [kwargs[n] for n in ("query", "key", "value")]
            return _Flash.apply(*(self._half(t) if self.autocast else t for t in (q, k, v)))
        if self.autocast and func in (functional.linear, torch.conv2d):
            args = [self._half(value) for value in args]
        if self.autocast and func in (functional.group_norm, functional.layer_norm):
            args = [_float(value) for value in args]
            kwargs = {key: _float(value) for key, value in kwargs.items()}
        return func(*args, **kwargs)

    def _half(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        half = value.to(HALF)
        if isinstance(value, torch.nn.Parameter) and value.dtype != HALF:
            self.copies[storage(half)] = half
        return half


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) else value


def storage(tensor: torch.Tensor) -> int:
    """The memory a tensor lies in; views share it."""
    return tensor.untyped_storage()._cdata


class Live(TorchDispatchMode):
    """The most bytes that results of operations took at any one moment."""

    def __init__(self) -> None:
        super().__init__()
        self.users: Counter[int] = Counter()
        self.now = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        known = {storage(t) for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                where = storage(tensor)
                if self.users[where] or where not in known:
                    self._born(where, tensor)
        return result

    def _born(self, where: int, tensor: torch.Tensor) -> None:
        size = tensor.untyped_storage().nbytes()
        self.now += 0 if self.users[where] else size
        self.most = max(self.most, self.now)
        self.users[where] += 1
        weakref.finalize(tensor, self._gone, where, size)

    def _gone(self, where: int, size: int) -> None:
        self.users[where] -= 1
        self.now -= 0 if self.users[where] else size


class Saved:
    """Bytes that autograd keeps for the backward pass, by the module that asked for them."""

    def __init__(self, model: torch.nn.Module, places: dict[str, torch.nn.Module]) -> None:
        self.own = {storage(p) for p in model.parameters()}
        self.kept: dict[int, tuple[str, torch.Tensor]] = {}
        self.path: list[str] = [""]
        for name, module in places.items():
            module.register_forward_pre_hook(lambda *_, name=name: self.path.append(name))
            module.register_forward_hook(lambda *_: self.path.pop() and None)

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        if storage(tensor) not in self.own:
            self.kept.setdefault(storage(tensor), ("/".join(self.path[1:]), tensor))
        return tensor

    def bytes(self, copies: dict[int, torch.Tensor]) -> Counter[str]:
        found: Counter[str] = Counter()
        for where, (path, tensor) in self.kept.items():
            if where not in copies:
                found[path] += tensor.untyped_storage().nbytes()
        return found


def unet(config: dict[str, Any]) -> UNet2DConditionModel:
    with torch.device("meta"):
        return UNet2DConditionModel.from_config(config)


def text_encoder(config: dict[str, Any]) -> Any:
    with torch.device("meta"):
        projected = config.get("architectures") == ["CLIPTextModelWithProjection"]
        kind = CLIPTextModelWithProjection if projected else CLIPTextModel
        return kind(CLIPTextConfig(**config))


def vae(config: dict[str, Any]) -> AutoencoderKL:
    with torch.device("meta"):
        return AutoencoderKL.from_config(config)


def forward(model: UNet2DConditionModel, images: int = 1) -> torch.Tensor:
    """One forward pass at the model's own resolution."""
    config, dtype = model.config, model.dtype
    side = config.sample_size
    more: dict[str, Any] = {}
    if config.addition_embed_type:
        pooled = torch.empty(images, 1280, device="meta", dtype=dtype)
        times = torch.empty(images, 6, device="meta", dtype=dtype)
        more["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": times}
    latents = torch.empty(images, config.in_channels, side, side, device="meta", dtype=dtype)
    context = torch.empty(images, 77, config.cross_attention_dim, device="meta", dtype=dtype)
    told: torch.Tensor = model(latents, torch.empty(images, device="meta"), context, **more).sample
    return told


def stage_of(name: str, levels: int) -> int:
    """Which stage of the forward pass a weight belongs to: down, mid, up."""
    kind, _, rest = name.partition(".")
    if kind in ("down_blocks", "up_blocks"):
        return int(rest.split(".")[0]) + (levels + 1 if kind == "up_blocks" else 0)
    return {"mid_block": levels, "conv_norm_out": 2 * levels, "conv_out": 2 * levels}.get(kind, 0)


def saved(config: dict[str, Any], autocast: bool, checkpointing: bool) -> Counter[str]:
    """Bytes kept for one image, by stage and block ("6/up_blocks.1.resnets.0")."""
    model = unet(config).to(torch.float32 if autocast else HALF).train()
    levels = len(model.config.block_out_channels)
    if checkpointing:
        model.enable_gradient_checkpointing()
    places = {}
    for name, module in model.named_modules():
        top = name.count(".") == (1 if name.startswith(("down_blocks", "up_blocks")) else 0)
        if type(module).__name__ in BLOCKS:
            places[name] = module
        elif name and top and name not in ("down_blocks", "up_blocks", "conv_act"):
            places[str(stage_of(name, levels)) + "#" + name] = module
    book = Saved(model, places)
    with (
        _OnACard(autocast) as card,
        torch.autograd.graph.saved_tensors_hooks(book.pack, lambda tensor: tensor),
    ):
        forward(model)
    found: Counter[str] = Counter()
    for path, size in book.bytes(card.copies).items():
        stage, _, block = path.partition("/")
        found[f"{stage.split('#')[0] or 2 * levels}/{block}"] += size
    return found


def stages(config: dict[str, Any]) -> tuple[Stage, ...]:
    """The UNet's stages in the order of the forward pass, activations in half precision."""
    model = unet(config)
    levels = len(model.config.block_out_channels)
    parameters: Counter[int] = Counter()
    largest: Counter[int] = Counter()
    for name, weight in model.named_parameters():
        stage = stage_of(name, levels)
        parameters[stage] += weight.numel()
        largest[stage] = max(largest[stage], weight.numel())
    plain, edges = saved(config, False, False), saved(config, False, True)
    return tuple(
        Stage(
            parameters[n],
            largest[n],
            _within(plain, n),
            _within(edges, n),
            _largest_block(plain, n),
        )
        for n in range(2 * levels + 1)
    )


def _within(found: Counter[str], stage: int) -> int:
    return sum(size for path, size in found.items() if path.split("/")[0] == str(stage))


def _largest_block(found: Counter[str], stage: int) -> int:
    return max(s for path, s in found.items() if path.startswith(f"{stage}/") and path[-1] != "/")


def tensors(model: torch.nn.Module) -> tuple[int, int]:
    """Elements in tensors under 4096, and blocks of 256 elements in all others."""
    sizes = [p.numel() for p in model.parameters()]
    return sum(n for n in sizes if n < 4096), sum(-(-n // 256) for n in sizes if n >= 4096)


def largest_block(model: torch.nn.Module) -> int:
    """Parameters of the largest block."""
    blocks = [m for m in model.modules() if type(m).__name__ in BLOCKS]
    return max(sum(p.numel() for p in block.parameters()) for block in blocks)


def per_rank(model: torch.nn.Module) -> int:
    """Parameters of adapters of rank 1 on the attention's projections."""
    found = [m for name, m in model.named_modules() if name.endswith(LORA)]
    return sum(m.in_features + m.out_features for m in found)


def words_saved(config: dict[str, Any]) -> int:
    """Bytes a text encoder keeps for the backward pass of one prompt, in half precision."""
    model = text_encoder(config).to(HALF).train()
    book = Saved(model, {})
    ids = torch.zeros(1, model.config.max_position_embeddings, dtype=torch.long, device="meta")
    with (
        _OnACard(False),
        torch.autograd.graph.saved_tensors_hooks(book.pack, lambda tensor: tensor),
    ):
        model(ids)
    return sum(book.bytes({}).values())


def adapting(config: dict[str, Any], checkpointing: bool, images: int = 1) -> int:
    """The most bytes that a step of LoRA takes at any moment, gradients and copies included."""
    model, card = adapted(config), _OnACard(True)
    if checkpointing:  # what is made again in backward is made on the same card

        def again(module: Any, *args: Any) -> Any:
            there = {"use_reentrant": False, "context_fn": lambda: (nullcontext(), card)}
            return checkpoint(module.__call__, *args, **there)

        model.enable_gradient_checkpointing(again)
    with card, Live() as seen:
        torch.autograd.backward(forward(model, images).float().square().mean())
    return seen.most


def adapted(config: dict[str, Any]) -> UNet2DConditionModel:
    """A UNet in half precision with adapters of the usual rank."""
    model = unet(config).to(HALF).requires_grad_(False).train()
    with torch.device("meta"):
        adapters.add({"unet": model}, TrainingConfig(method="lora"))
    return model


def lora(config: dict[str, Any], checkpointing: bool) -> int:
    """What `adapting` takes for one image, without the copies of the adapters' weights."""
    learns = sum(w.numel() for w in adapted(config).parameters() if w.requires_grad)
    return adapting(config, checkpointing) - 2 * learns


@torch.no_grad()
def denoising(config: dict[str, Any]) -> int:
    """Bytes beside the weights of denoising a batch of guided pictures."""
    painter = unet(config).to(HALF)
    return live(lambda: forward(painter, 2 * BATCH["cuda"]))


@torch.no_grad()
def decoding(side: int, decoder: dict[str, Any], full: bool) -> int:
    """The same of decoding one picture of latents `side` by `side`, in tiles if it is large.

    `full`: the VAE computes in float32.
    """
    vision = vae(decoder).to(torch.float32 if full else HALF)
    vision.tile_sample_min_size = TILE
    vision.tile_latent_min_size = TILE // 2 ** (len(vision.config.block_out_channels) - 1)
    vision.enable_tiling()
    latents = torch.empty(1, vision.config.latent_channels, side, side, device="meta")
    return live(lambda: vision.decode(latents.to(vision.dtype)), not full)


@torch.no_grad()
def encoding(side: int, decoder: dict[str, Any], full: bool) -> int:
    """The same of encoding one picture."""
    vision = vae(decoder).to(torch.float32 if full else HALF)
    pixels = side * 2 ** (len(vision.config.block_out_channels) - 1)
    image = torch.empty(1, 3, pixels, pixels, device="meta")
    return live(lambda: vision.encode(image.to(vision.dtype)), not full)


def live(work: Any, autocast: bool = True) -> int:
    """The most bytes that what `work` makes takes at any one moment."""
    with _OnACard(autocast), Live() as seen:
        work()
    return seen.most


def size(
    config: dict[str, Any], words: list[dict[str, Any]], decoder: dict[str, Any] = VAE
) -> Size:
    """Everything booth/sizes.py says about a family."""
    model, encoders = unet(config), [text_encoder(each) for each in words]
    small, blocks = tensors(model)
    text = [tensors(each) for each in encoders]
    vision = vae(decoder)
    factor = 2 ** (len(vision.config.block_out_channels) - 1)
    full = model.config.addition_embed_type is not None  # SDXL's overflows float16
    return Size(
        resolution=model.config.sample_size * factor,
        stages=stages(config),
        small=small,
        blocks=blocks,
        largest_block=largest_block(model),
        lora_per_rank=per_rank(model),
        text=sum(p.numel() for each in encoders for p in each.parameters()),
        text_small=sum(pair[0] for pair in text),
        text_blocks=sum(pair[1] for pair in text),
        text_saved=sum(words_saved(each) for each in words),
        vae=sum(p.numel() for p in vision.parameters()),
        full_vae=full,
        lora_saved=lora(config, False),
        lora_edges=lora(config, True),
        denoising=denoising(config),
        decoding=decoding(model.config.sample_size, decoder, full),
        encoding=encoding(model.config.sample_size, decoder, full),
    )


def toybox(folder: Path) -> Size:
    """The size of a model in diffusers' layout."""
    parts = [
        json.loads((folder / part / "config.json").read_bytes())
        for part in ("unet", "text_encoder", "vae")
    ]
    return size(parts[0], [parts[1]], parts[2])


def source(name: str, size: Size) -> str:
    """A `Size` as booth/sizes.py writes it."""
    rows = "".join(
        f"        Stage({', '.join(f'{value:_}' for value in vars(s).values())}),\n"
        for s in size.stages
    )
    others = "".join(
        f"    {key}={value if isinstance(value, bool) else format(value, '_')},\n"
        for key, value in vars(size).items()
        if isinstance(value, int)
    )
    return f"{name} = Size(\n    stages=(\n{rows}    ),\n{others})"


if __name__ == "__main__":
    from booth.catalogue import assets

    print(source("SIZE_TOYBOX", toybox(assets() / "toybox")))
    print(source("SIZE_SD15", size(SD15, [CLIP_L])))
    print(source("SIZE_SD21", size(SD21, [OPENCLIP_H])))
    print(source("SIZE_SDXL", size(SDXL, [CLIP_L, OPENCLIP_G])))
