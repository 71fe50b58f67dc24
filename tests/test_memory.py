"""What fits on a card: the ladder, the words, and the arithmetic held to real tensors."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel

from booth import catalogue, cli, learner, memory, models, needs, optimizers
from booth.config import TrainingConfig
from booth.machine import GB, Machine
from booth.sizes import SIZE_SD15, SIZE_SD21, SIZE_SDXL, SIZE_TOYBOX, Size
from tests import counting
from tests.architectures import CLIP_L, OPENCLIP_G, OPENCLIP_H, SD15, SD21, SDXL, VAE

BASE = catalogue.find("sd15")
CONFIG = BASE.training_config("live")
CARD = Machine("test", 8, 32.0, "cuda", "card", 8.0, bf16=True, adam8bit=True)
MEMORY = {
    "optimizer", "precision", "attention", "gradient_checkpointing", "method", "exact_bf16",
    "in_backward", "offload_optimizer",
}  # fmt: skip
TINY: dict[str, Any] = {
    "sample_size": 8,
    "layers_per_block": 2,
    "block_out_channels": (16, 32, 32, 32),
    "cross_attention_dim": 32,
    "attention_head_dim": 4,
    "norm_num_groups": 8,
}


def others(config: TrainingConfig) -> dict[str, Any]:
    return {f.name: getattr(config, f.name) for f in fields(config) if f.name not in MEMORY}


def peak(config: TrainingConfig, size: Size = SIZE_SD15) -> int:
    return memory.needs(size, config).peak


# The ladder


def test_the_ladder_goes_from_the_fastest_to_the_smallest() -> None:
    rungs = memory.rungs(BASE, CONFIG, CARD)
    assert [len(memory.savings(rung)) for rung in rungs] == [0, 1, 2, 3, 4, 5, 1]
    assert [rung.method for rung in rungs] == ["full"] * 6 + ["lora"]
    peaks = [peak(rung) for rung in rungs]
    assert peaks == sorted(peaks, reverse=True)


@pytest.mark.parametrize("size", [SIZE_TOYBOX, SIZE_SD21, SIZE_SDXL])
def test_every_step_down_needs_less_for_every_family(size: Size) -> None:
    rungs = memory.rungs(BASE, replace(CONFIG, resolution=size.resolution), CARD)
    peaks = [peak(rung, size) for rung in rungs]
    rounding = 1.001  # Toybox is so small that its rungs differ by less than an allocator rounds
    assert all(below <= above * rounding for above, below in itertools.pairwise(peaks))


def test_only_memory_settings_change_and_an_adapter_gets_its_own_learning_rate() -> None:
    *full, adapter = memory.rungs(BASE, CONFIG, CARD)
    for rung in full:
        assert others(rung) == others(CONFIG)
    assert adapter.learning_rate == BASE.lora["learning_rate"] > CONFIG.learning_rate
    assert others(replace(adapter, learning_rate=CONFIG.learning_rate)) == others(CONFIG)


def test_a_card_that_cannot_make_the_prior_images_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert on(4).fits
    monkeypatch.setattr(memory, "preparing", lambda size, config: 3.9 * GB)
    assert not on(4).fits


@pytest.mark.parametrize("size", [SIZE_SD15, SIZE_SD21, SIZE_SDXL])
def test_preparing_never_holds_a_whole_copy_of_the_model(size: Size) -> None:
    config = replace(CONFIG, resolution=size.resolution)
    taken = needs.preparing(size, config) - needs.CONTEXT - needs.WORKSPACE
    assert taken < 2 * (size.unet + size.text) + max(size.denoising, size.decoding)
    large = replace(size, encoding=10**11)
    assert needs.preparing(large, config) > 10**11
    alone = replace(config, prior_images=0)
    assert needs.preparing(large, alone) == needs.preparing(large, config)
    assert needs.preparing(size, alone) < needs.preparing(size, config)


def test_several_processes_never_update_in_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(rung.in_backward for rung in memory.rungs(BASE, CONFIG, CARD))
    monkeypatch.setenv("WORLD_SIZE", "2")
    together = memory.rungs(BASE, replace(CONFIG, in_backward=True), CARD)
    assert not any(rung.in_backward for rung in together)
    assert together[-2].offload_optimizer


def test_a_card_without_bf16_gets_fp16_and_no_exact_weights() -> None:
    rungs = memory.rungs(BASE, replace(CONFIG, exact_bf16=True), replace(CARD, bf16=False))
    assert {rung.precision for rung in rungs} == {"fp16"}
    assert not any(rung.exact_bf16 or rung.in_backward for rung in rungs)


def test_without_bitsandbytes_no_rung_uses_it() -> None:
    rungs = memory.rungs(BASE, CONFIG, replace(CARD, adam8bit=False))
    assert {rung.optimizer for rung in rungs} == {"adamw"}
    assert [rung.gradient_checkpointing for rung in rungs] == [False, True, True]


def test_what_was_asked_for_is_kept_on_every_rung() -> None:
    rungs = memory.rungs(BASE, replace(CONFIG, gradient_checkpointing=True), CARD)
    assert all(rung.gradient_checkpointing for rung in rungs)


def test_lora_asked_for_stays_lora() -> None:
    rungs = memory.rungs(BASE, replace(CONFIG, method="lora"), CARD)
    assert [(rung.method, rung.gradient_checkpointing) for rung in rungs] == [
        ("lora", False),
        ("lora", True),
    ]


def test_stepping_down_walks_the_ladder_and_stops_before_lora() -> None:
    rungs = memory.rungs(BASE, CONFIG, CARD)
    walked = [rungs[0]]
    while (below := memory.step_down(walked[-1])) is not None:
        walked.append(below)
    assert walked == rungs[:-1]


def test_stepping_down_keeps_training_the_same_thing() -> None:
    start = TrainingConfig(steps=7, learning_rate=3e-6, batch_size=3, precision="bf16")
    below = memory.step_down(start)
    assert below is not None and others(below) == others(start) and below.method == "full"


def test_stepping_down_from_a_way_of_ones_own_saves_more_and_forgets_nothing() -> None:
    own = replace(CONFIG, precision="bf16", gradient_checkpointing=True)
    below = memory.step_down(own)
    assert below == replace(own, optimizer="adamw8bit")


def test_on_a_processor_there_is_one_step_down() -> None:
    below = memory.step_down(replace(CONFIG, precision="fp32"))
    assert below == replace(CONFIG, precision="fp32", gradient_checkpointing=True)
    assert memory.step_down(below) is None


# The plan


def on(gigabytes: float, **more: Any) -> memory.Plan:
    return memory.plan(BASE, CONFIG, replace(CARD, card_gb=gigabytes, **more))


def test_a_larger_card_never_gets_a_slower_plan() -> None:
    saved = [len(memory.savings(on(gb).config)) for gb in (4, 6, 8, 12, 16, 24, 80)]
    assert saved == sorted(saved, reverse=True) and saved[-1] == 0


def test_the_plan_is_said_in_words() -> None:
    assert on(12).sentence == "Fits: full training, 8-bit Adam, 9.8 of 12.0 GB."
    assert on(24).sentence == "Fits: full training, 14.6 of 24.0 GB."
    assert on(6, bf16=False).sentence == "Fits as LoRA: checkpointing, 3.2 of 6.0 GB."
    assert on(3).sentence.startswith("Does not fit: even LoRA needs 3.2 GB")


def test_an_adapter_for_sdxl_fits_8_gb() -> None:
    base = catalogue.find("sdxl")
    plan = memory.plan(base, base.training_config("live"), CARD)
    assert CARD.card_gb == 8 and plan.fits and plan.config.method == "lora"


def test_what_fits_leaves_a_margin() -> None:
    for gb in (6, 8, 12, 16, 24):
        assert on(gb).gigabytes <= gb * (1 - memory.MARGIN)


def test_what_others_use_of_the_card_is_not_ours() -> None:
    assert on(24, card_free_gb=11.0).config == on(11 + needs.CONTEXT / GB).config


def test_streaming_needs_main_memory() -> None:
    assert on(6).config.offload_optimizer
    assert on(6, memory_gb=4.0).config.method == "lora"


def test_without_a_card_it_is_plain_float32() -> None:
    here = Machine("test", 2, 16.0, "cpu")
    toybox = catalogue.find("toybox")
    plan = memory.plan(toybox, toybox.training_config("live"), here)
    assert toybox.seconds_per_step is not None
    assert plan.fits and plan.minutes == pytest.approx(345 * toybox.seconds_per_step / 60)
    assert (plan.config.precision, plan.config.optimizer) == ("fp32", "adamw")
    slow = memory.plan(BASE, CONFIG, here)
    assert slow.fits and slow.config.gradient_checkpointing and "hours" in slow.sentence
    assert not memory.plan(BASE, CONFIG, replace(here, memory_gb=8.0)).fits


# The arithmetic


def test_activations_grow_with_pixels_and_images() -> None:
    config = replace(CONFIG, precision="bf16")
    one = memory.needs(SIZE_SD15, config).activations
    assert memory.needs(SIZE_SD15, replace(config, resolution=1024)).activations == 4 * one
    assert memory.needs(SIZE_SD15, replace(config, batch_size=3)).activations == 3 * one
    assert memory.needs(SIZE_SD15, replace(config, prior_images=0)).activations == one // 2


def test_a_text_encoder_that_learns_takes_more() -> None:
    for rung in memory.rungs(BASE, CONFIG, CARD)[:-1]:
        assert peak(replace(rung, train_text_encoder=True)) > peak(rung)


def test_the_peak_is_less_than_the_sum_since_gradients_follow_activations() -> None:
    for rung in memory.rungs(BASE, CONFIG, CARD):
        need = memory.needs(SIZE_SD15, rung)
        resident = need.weights + need.optimizer + need.reserve
        passing = need.gradients + need.activations + need.copies + need.step + need.picture
        assert resident < need.peak < resident + passing


def test_the_floors_of_the_literature_are_met() -> None:
    """ShivamShrirao's README measures 11.17 GB, and 9.92 with checkpointing, on a T4."""
    config = replace(CONFIG, precision="fp16", optimizer="adamw8bit")
    assert peak(config) / 1e9 == pytest.approx(11.17, rel=0.1)
    assert peak(replace(config, gradient_checkpointing=True)) / 1e9 == pytest.approx(9.92, rel=0.1)


def test_adapters_of_rank_8_have_the_parameters_of_peft() -> None:
    assert 8 * SIZE_SD15.lora_per_rank == 1_594_368
    assert 8 * SIZE_SDXL.lora_per_rank == 11_612_160


@pytest.mark.parametrize(
    ("size", "unet", "words", "parameters", "text"),
    [
        (SIZE_SD15, SD15, [CLIP_L], 859_520_964, 123_060_480),
        (SIZE_SD21, SD21, [OPENCLIP_H], 865_910_724, 340_387_840),
        (SIZE_SDXL, SDXL, [CLIP_L, OPENCLIP_G], 2_567_463_684, 123_060_480 + 694_659_840),
    ],
    ids=["sd15", "sd21", "sdxl"],
)
def test_the_sizes_are_those_of_the_real_architectures(
    size: Size, unet: dict[str, Any], words: list[dict[str, Any]], parameters: int, text: int
) -> None:
    assert counting.size(unet, words) == size
    assert (size.unet, size.text, size.vae) == (parameters, text, 83_653_863)


def test_toyboxs_size_is_that_of_its_weights() -> None:
    assert counting.toybox(catalogue.assets() / "toybox") == SIZE_TOYBOX


@pytest.mark.parametrize("unet", [SD15, SDXL], ids=["sd15", "sdxl"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_autocast_keeps_little_more(unet: dict[str, Any], checkpointing: bool) -> None:
    half, mixed = (sum(counting.saved(unet, a, checkpointing).values()) for a in (False, True))
    assert half < mixed <= needs.AUTOCAST * half


def nbytes(tensors: Iterable[torch.Tensor]) -> int:
    """What tensors take, once each."""
    return sum({t.untyped_storage()._cdata: t.nbytes for t in tensors}.values())


@pytest.fixture(scope="module")
def small() -> Size:
    weights = counting.tensors(counting.unet(TINY))
    return replace(
        SIZE_SD15, stages=counting.stages(TINY), small=weights[0], blocks=weights[1], resolution=64
    )


def learned(dtype: torch.dtype, optimizer: Any) -> tuple[UNet2DConditionModel, Any]:
    """A small UNet after one real step."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_config(TINY).to(dtype)
    latents, words = torch.randn(1, 4, 8, 8, dtype=dtype), torch.randn(1, 7, 32, dtype=dtype)
    unet(latents, torch.tensor([3]), words).sample.float().square().mean().backward()
    done = optimizer(list(unet.parameters()))
    done.step()
    return unet, done


@pytest.mark.parametrize("name", ["adamw", "adamw8bit"])
def test_weights_gradients_and_moments_take_what_their_tensors_take(name: str, small: Size) -> None:
    bnb = pytest.importorskip("bitsandbytes")
    kind = {"adamw": torch.optim.AdamW, "adamw8bit": bnb.optim.AdamW8bit}[name]
    unet, optimizer = learned(torch.float32, kind)
    need = memory.needs(small, TrainingConfig(resolution=64, precision="bf16", optimizer=name))
    weights = list(unet.parameters())
    moments = [
        tensor
        for state in optimizer.state.values()
        for key, tensor in state.items()
        if isinstance(tensor, torch.Tensor) and key != "step"  # a number, in main memory
    ]
    assert need.weights == nbytes(weights)
    assert need.gradients == nbytes(w.grad for w in weights if w.grad is not None)
    assert need.optimizer == nbytes(moments)


def test_exact_bf16_weights_take_what_their_two_halves_take(small: Size) -> None:
    unet, _ = learned(torch.bfloat16, torch.optim.SGD)
    weights = list(unet.parameters())
    missing = [torch.empty_like(w, dtype=torch.int16) for w in weights]
    config = TrainingConfig(resolution=64, precision="bf16", exact_bf16=True)
    need = memory.needs(small, config)
    assert need.weights == nbytes([*weights, *missing])
    assert need.gradients == nbytes(w.grad for w in weights if w.grad is not None)
    streamed = memory.needs(small, replace(config, offload_optimizer=True))
    assert streamed.weights == nbytes(weights)
    assert streamed.host == nbytes(missing) + need.optimizer


@pytest.mark.parametrize("family", ["base_folder", "xl_folder"])
@pytest.mark.parametrize(
    "how",
    [
        {"precision": "bf16"},
        {"precision": "fp16", "method": "lora", "train_text_encoder": True},
        {"precision": "bf16", "train_text_encoder": True},
        {"precision": "fp32"},
    ],
    ids=lambda how: "+".join(map(str, how.values())),
)
def test_parts_that_wait_take_what_their_tensors_take(
    request: pytest.FixtureRequest, family: str, how: dict[str, Any]
) -> None:
    parts, config = models.load(request.getfixturevalue(family)), TrainingConfig(**how)
    learner._lighten(parts, config)
    words = [w for encoder in parts.text_encoders for w in encoder.parameters()]
    vision = list(parts.vae.parameters())
    size = replace(
        SIZE_SD15,
        text=sum(w.numel() for w in words),
        vae=sum(w.numel() for w in vision),
        full_vae=parts.full_vae,
    )
    need = memory.needs(size, config)
    assert need.waiting == nbytes([*vision, *([] if config.train_text_encoder else words)])
    if config.method == "lora":
        beside = need.weights - memory.needs(replace(size, text=0), config).weights
        assert beside == nbytes(words)  # adapters learn on them


@pytest.mark.parametrize("exact", [False, True])
def test_a_step_makes_what_the_arithmetic_says(exact: bool) -> None:
    weight = torch.nn.Parameter(torch.ones(512, 256))
    config = TrainingConfig(precision="bf16", exact_bf16=exact)
    optimizer = optimizers.build([weight], config)
    for _ in range(2):  # the first one makes the moments
        weight.grad = torch.ones_like(weight)
        made = counting.live(optimizer.step, autocast=False)
    stage = replace(SIZE_SD15.stages[0], largest=weight.numel())
    assert made == pytest.approx(needs._step(stage, config), rel=0.01, abs=100)


def test_a_large_picture_in_tiles_takes_little_more_than_one_tile() -> None:
    tile, large = (counting.decoding(side, VAE, True) for side in (64, 128))
    assert tile < large < 1.05 * tile
    config = replace(CONFIG, resolution=1024)
    assert needs._picture(replace(SIZE_SD15, denoising=0), config, 2) == pytest.approx(
        2 * SIZE_SD15.vae + SIZE_SD15.decoding
    )


def test_a_step_of_lora_makes_what_the_arithmetic_says() -> None:
    config = replace(CONFIG, method="lora", precision="bf16", gradient_checkpointing=True)
    counted = counting.adapting(SD15, checkpointing=True, images=2)
    assert counted <= needs._learning(SIZE_SD15, config) <= 1.1 * counted


def test_what_does_not_learn_takes_no_room_while_learning() -> None:
    config = replace(CONFIG, method="lora", precision="bf16", preview_every=0)
    larger = replace(SIZE_SD15, vae=10**9, text=2 * SIZE_SD15.text)
    assert peak(config, larger) == peak(config)
    assert peak(config, replace(SIZE_SD15, text=10**10)) > 2 * 10**10  # read once all the same


def test_a_recorded_step_keeps_its_memory_while_pictures_are_taken() -> None:
    config = replace(CONFIG, precision="bf16")
    plain, recorded = (
        memory.needs(SIZE_SD15, replace(config, cuda_graph=on)) for on in (False, True)
    )
    assert recorded.peak - plain.peak == plain.picture + needs._held_for_pictures(SIZE_SD15, config)


# The room, the command and the page


def test_planning_needs_no_torch() -> None:
    code = "import sys, booth.memory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_table_in_the_readme_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli.main(["plan"])
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- booth plan -->\n(.*?)<!-- /booth plan -->", readme, re.DOTALL)
    assert shown is not None and shown.group(1).strip() == capsys.readouterr().out.strip()


def test_the_command_tells_programs_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["plan", "--base", "sd15", "--json"])
    *plans, table = map(json.loads, capsys.readouterr().out.splitlines())
    assert len(plans) == 7 and table["event"] == "table"
    assert {line["base"] for line in plans} == {"sd15"}
    assert all(line["config"]["base"] == "sd15" for line in plans)
