"""Every kind of AdamW takes the very steps of the plain one, and goes on exactly where it was."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from booth import checkpoints, memory, optimizers
from booth.config import Optimizer, TrainingConfig
from booth.errors import BoothError, CheckpointError
from booth.optimizers import LossScale, Stepper, masters
from booth.optimizers.lending import Lender

PLAIN = TrainingConfig(learning_rate=1e-3)
KINDS = [
    replace(PLAIN, optimizer=optimizer, exact_bf16=e, in_backward=b, offload_optimizer=o)
    for optimizer, e, b, o in itertools.product(
        ("adamw", "adamw8bit"), (False, True), (False, True), (False, True)
    )
]
EIGHT_OR_NOT = pytest.mark.parametrize("optimizer", ["adamw", "adamw8bit"])


def name(config: TrainingConfig) -> str:
    return "+".join(memory.savings(config)).replace(" ", "-") or "adamw"


EVERY_KIND = pytest.mark.parametrize("config", KINDS, ids=name)


@pytest.fixture(autouse=True)
def eight_bits_are_there(request: pytest.FixtureRequest) -> None:
    params = getattr(request.node, "callspec", None)
    chosen = params.params if params else {}
    if chosen.get("optimizer", getattr(chosen.get("config"), "optimizer", "")) == "adamw8bit":
        pytest.importorskip("bitsandbytes")


def net(config: TrainingConfig, layout: torch.memory_format) -> torch.nn.Sequential:
    """A small conv net with weights above and below the size that gets 8-bit moments."""
    torch.manual_seed(1)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 24, 3, padding=1),
        torch.nn.GroupNorm(4, 24),
        torch.nn.SiLU(),
        torch.nn.Conv2d(24, 24, 3, padding=1),
        torch.nn.Conv2d(24, 12, 3, padding=1),
    ).to(memory_format=layout)
    return layers.bfloat16() if config.exact_bf16 else layers


class Pupil:
    """A small conv net and its optimizer; batches follow from the step's number."""

    def __init__(
        self, config: TrainingConfig, layout: torch.memory_format = torch.contiguous_format
    ) -> None:
        self.net = net(config, layout)
        self.weights = list(self.net.parameters())
        self.optimizer = optimizers.build(self.weights, config)

    def learn(self, steps: range) -> Pupil:
        for step in steps:
            generator = torch.Generator().manual_seed(step)
            images = torch.randn(2, 3, 8, 8, generator=generator).to(self.weights[0].dtype)
            self.net(images).float().square().mean().backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
        return self

    def masters(self) -> list[torch.Tensor]:
        """The weights in float32, exact where the optimizer knows them so."""
        if isinstance(self.optimizer, Stepper):
            return [self.optimizer.master(weight) for weight in self.weights]
        return [weight.detach().clone() for weight in self.weights]


def same(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    """Whether two lists of float32 tensors are the same bit for bit."""
    return all(
        torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))
        for a, b in zip(ours, theirs, strict=True)
    )


@EVERY_KIND
def test_words_take_steps_of_their_own_size(config: TrainingConfig) -> None:
    config = replace(config, text_encoder_factor=4.0)
    dtype = torch.bfloat16 if config.exact_bf16 else torch.float32
    others, words = ([torch.nn.Parameter(torch.zeros(8, dtype=dtype))] for _ in range(2))
    optimizer = optimizers.build(others, config, words=words)
    (others[0].float().sum() + words[0].float().sum()).backward()
    optimizer.step()
    steps = [optimizers.master(optimizer, group[0]).abs().max().item() for group in (others, words)]
    assert steps == pytest.approx([config.learning_rate, 4 * config.learning_rate], rel=1e-3)
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        group["lr"] = 0.0
    optimizer.load_state_dict(state)
    before = [optimizers.master(optimizer, group[0]).clone() for group in (others, words)]
    (others[0].float().sum() + words[0].float().sum()).backward()
    optimizer.step()
    assert same(before, [optimizers.master(optimizer, group[0]) for group in (others, words)])


# masters


def whole(bits: torch.Tensor) -> torch.Tensor:
    return masters.join(*masters.split(bits.view(torch.float32))).view(torch.int32)


def test_split_and_joined_every_kind_of_float32_is_itself_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    lowest, highest = -(2**31), 2**31
    bits = torch.randint(lowest, highest, (2_000_000,), generator=generator).to(torch.int32)
    assert torch.equal(whole(bits), bits)
    denormals = bits & -0x7F800001  # all exponent bits cleared
    assert torch.equal(whole(denormals), denormals)


def test_every_lower_half_under_every_edge_of_the_upper_half_comes_back() -> None:
    lower = torch.arange(2**16)
    for upper in (0x0000, 0x0001, 0x007F, 0x3F80, 0x7F7F, 0x7F80, 0x7FC0, 0x7FFF):
        for sign in (0, 0x8000):
            bits = ((upper | sign) << 16) + lower
            bits = torch.where(bits >= 2**31, bits - 2**32, bits).to(torch.int32)
            assert torch.equal(whole(bits), bits)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_bfloat16_shown_is_the_nearest_one_and_half_rounds_away_from_zero(value: float) -> None:
    master = torch.tensor([value])
    shown = masters.split(master)[0].double()
    bits = master.view(torch.int32)
    below = (bits & -0x10000).view(torch.float32).double()  # towards zero
    above = ((bits & -0x10000) + 0x10000).view(torch.float32).double()  # away from zero
    near, far = (master.double() - below).abs(), (above - master.double()).abs()
    if above.isfinite():
        assert torch.equal(shown, below if near < far else above)


def test_a_nan_that_arithmetic_made_shows_and_so_does_infinity() -> None:
    infinity = torch.tensor([float("inf"), float("-inf")])
    assert masters.split(infinity - infinity)[0].isnan().all()
    assert torch.equal(masters.split(infinity)[0].float(), infinity)


def test_masters_keep_their_memory_format() -> None:
    master = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    for part in (*masters.split(master), masters.join(*masters.split(master))):
        assert part.stride() == master.stride()


# the kinds against each other


def test_fused_steps_are_the_unfused_ones_to_rounding() -> None:
    fused, unfused = Pupil(PLAIN), Pupil(PLAIN)
    unfused.optimizer = torch.optim.AdamW(unfused.weights, lr=1e-3)
    assert fused.optimizer.param_groups[0]["fused"]
    for ours, theirs in zip(
        fused.learn(range(20)).weights, unfused.learn(range(20)).weights, strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


FORMATS = [torch.contiguous_format, torch.channels_last]
LAYOUTS = pytest.mark.parametrize("layout", FORMATS, ids=["nchw", "nhwc"])


def published(weights: list[torch.nn.Parameter], config: TrainingConfig) -> Any:
    """The optimizer as its own library offers it."""
    if config.optimizer == "adamw8bit":
        from bitsandbytes.optim import AdamW8bit

        return AdamW8bit(weights, lr=config.learning_rate)
    return torch.optim.AdamW(weights, lr=config.learning_rate, fused=True)


@LAYOUTS
@EIGHT_OR_NOT
def test_a_hundred_steps_with_the_same_gradients_give_the_masters_of_float32_weights(
    optimizer: Optimizer, layout: torch.memory_format
) -> None:
    config = replace(PLAIN, optimizer=optimizer, exact_bf16=True)
    exact = [torch.nn.Parameter(w.detach().clone()) for w in net(PLAIN, layout).parameters()]
    plain = [torch.nn.Parameter(w.detach().clone().contiguous()) for w in exact]
    ours = optimizers.build(exact, config)
    theirs = published(plain, config)
    assert isinstance(ours, Stepper)
    assert all(weight.dtype == torch.bfloat16 for weight in exact)
    generator = torch.Generator().manual_seed(2)
    for step in range(101):
        assert same([ours.master(w) for w in exact], [w.detach() for w in plain]), step
        for one, other in zip(exact, plain, strict=True):
            gradient = torch.randn(one.shape, generator=generator).bfloat16()
            one.grad, other.grad = gradient, gradient.float()
        ours.step()
        theirs.step()


def test_steps_too_small_for_bfloat16_are_not_lost() -> None:
    weight = torch.nn.Parameter(torch.full((8,), 0.05))
    exact = optimizers.build([weight], replace(PLAIN, learning_rate=5e-6, exact_bf16=True))
    assert isinstance(exact, Stepper)
    before = weight.detach().clone()
    for _ in range(5):
        weight.grad = torch.ones_like(weight)
        exact.step()
    assert torch.equal(weight, before)  # what bfloat16 alone would have kept: nothing
    torch.testing.assert_close(exact.master(weight), torch.full((8,), 0.05 - 5 * 5e-6))


@EVERY_KIND
def test_every_kind_takes_the_steps_of_the_plain_one_bit_for_bit(config: TrainingConfig) -> None:
    plain = replace(config, in_backward=False, offload_optimizer=False)
    ours = Pupil(config).learn(range(6)).masters()
    assert same(ours, Pupil(plain).learn(range(6)).masters())
    assert not same(ours, Pupil(plain).masters())


@EVERY_KIND
def test_every_kind_learns_the_same_in_channels_last(config: TrainingConfig) -> None:
    if not (config.exact_bf16 or config.in_backward or config.offload_optimizer):
        pytest.skip("the libraries' own optimizers")
    pupils = [Pupil(config), Pupil(config, torch.channels_last)]
    generator = torch.Generator().manual_seed(3)
    for _ in range(3):
        for weights in zip(*(p.weights for p in pupils), strict=True):
            pushed = torch.randn(weights[0].shape, generator=generator).to(weights[0].dtype)
            for weight in weights:
                (weight * pushed).sum().backward()
        for pupil in pupils:
            pupil.optimizer.step()
            pupil.optimizer.zero_grad()
    assert same(pupils[0].masters(), pupils[1].masters())
    assert pupils[1].weights[4].is_contiguous(memory_format=torch.channels_last)


def test_a_gradient_of_another_memory_format_than_its_weight_is_understood() -> None:
    pupils = [Pupil(replace(PLAIN, offload_optimizer=True), f) for f in FORMATS]
    for pupil in pupils:
        weight = pupil.weights[4]
        weight.grad = (torch.arange(float(weight.numel())) - 99).reshape(weight.shape)
        pupil.optimizer.step()
    assert same(pupils[0].masters(), pupils[1].masters())


# in backward


@pytest.mark.parametrize("config", [k for k in KINDS if k.in_backward], ids=name)
def test_in_backward_every_gradient_is_gone_before_the_next_one_is_there(
    config: TrainingConfig,
) -> None:
    pupil = Pupil(config)
    alive: list[int] = []
    for weight in pupil.weights:
        weight.register_hook(
            lambda grad: alive.append(sum(w.grad is not None for w in pupil.weights))
        )
    pupil.net(torch.randn(1, 3, 8, 8, dtype=pupil.weights[0].dtype)).float().sum().backward()
    assert len(alive) == len(pupil.weights) and max(alive) == 0
    assert all(weight.grad is None for weight in pupil.weights)
    learnt = pupil.masters()
    pupil.optimizer.step()
    pupil.optimizer.zero_grad()
    assert same(pupil.masters(), learnt)
    assert optimizers.clip(pupil.weights, 1.0) is None


# lending


def test_lent_states_are_copies_and_all_come_home() -> None:
    config = replace(PLAIN, exact_bf16=True, offload_optimizer=True)
    pupil = Pupil(config).learn(range(2))
    assert isinstance(pupil.optimizer, Stepper)
    home = pupil.optimizer.state
    lender = Lender(torch.device("cpu"), home)
    first, second = pupil.weights[:2]
    lent = lender.lend(first)
    kept = home[first]["exp_avg"].clone()
    lent["exp_avg"].add_(1)
    assert torch.equal(home[first]["exp_avg"], kept)
    lender.take_back(first, lent)
    assert torch.equal(home[first]["exp_avg"], kept + 1)
    lender.lend(second)
    assert not lender._coming  # who follows the second is not known yet
    lender.lend(first)
    assert list(lender._coming) == [second]  # sent ahead: it followed the first last time


def test_a_state_sent_ahead_is_forgotten_when_another_is_loaded() -> None:
    config = replace(PLAIN, offload_optimizer=True)
    pupil = Pupil(config).learn(range(2))
    saved = {n: w.clone() for n, w in pupil.net.state_dict().items()}
    state = Pupil(config).optimizer.state_dict()  # of no steps at all
    fresh = Pupil(config)
    for each in (pupil, fresh):
        each.net.load_state_dict(saved)
        each.optimizer.load_state_dict(state)
        each.learn(range(2, 5))
    assert same(pupil.masters(), fresh.masters())


# saving


@EVERY_KIND
def test_every_kind_goes_on_exactly_from_a_checkpoint(
    tmp_path: Path, config: TrainingConfig
) -> None:
    pupil = Pupil(config).learn(range(3))
    checkpoints.save(tmp_path, 3, pupil.net.state_dict(), pupil.optimizer.state_dict(), {})
    read = checkpoints.latest(tmp_path)
    assert read is not None
    resumed = Pupil(config).learn(range(50, 52))  # a state of its own that must vanish
    resumed.net.load_state_dict(read.weights)
    resumed.optimizer.load_state_dict(read.optimizer)
    assert same(resumed.masters(), pupil.masters())
    assert same(resumed.learn(range(3, 6)).masters(), pupil.learn(range(3, 6)).masters())


@EIGHT_OR_NOT
def test_a_checkpoint_goes_on_exactly_in_another_memory_format(
    tmp_path: Path, optimizer: Optimizer
) -> None:
    config = replace(PLAIN, optimizer=optimizer, exact_bf16=True)
    pupil = Pupil(config).learn(range(3))
    checkpoints.save(tmp_path, 3, pupil.net.state_dict(), pupil.optimizer.state_dict(), {})
    read = checkpoints.latest(tmp_path)
    assert read is not None
    resumed = Pupil(config, torch.channels_last)
    resumed.net.load_state_dict(read.weights)
    resumed.optimizer.load_state_dict(read.optimizer)
    for each in (pupil, resumed):
        for weight in each.weights:
            weight.grad = torch.full_like(weight, 0.5)
        each.optimizer.step()
    assert same(resumed.masters(), pupil.masters())


def test_a_state_of_another_kind_or_another_model_is_refused_and_nothing_changes() -> None:
    exact = Pupil(replace(PLAIN, exact_bf16=True)).learn(range(1))
    before = exact.masters()
    plain = Pupil(PLAIN).learn(range(1)).optimizer.state_dict()
    small = optimizers.build([torch.nn.Parameter(torch.ones(3))], replace(PLAIN, exact_bf16=True))
    for foreign in (plain, small.state_dict()):
        with pytest.raises(CheckpointError):
            exact.optimizer.load_state_dict(foreign)
    assert same(exact.masters(), before)


# clipping


def gradients(dtype: torch.dtype) -> list[torch.nn.Parameter]:
    torch.manual_seed(4)
    weights = [torch.nn.Parameter(torch.zeros(n, 7, dtype=dtype)) for n in (5, 1, 90)]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    return [*weights, torch.nn.Parameter(torch.zeros(3))]  # one without a gradient


@pytest.mark.parametrize("max_norm", [1.0, 1e4])
def test_clipping_is_torchs(max_norm: float) -> None:
    ours, theirs = gradients(torch.float32), gradients(torch.float32)
    norm = optimizers.clip(ours, max_norm)
    assert norm is not None
    assert torch.equal(norm, torch.nn.utils.clip_grad_norm_(theirs, max_norm))
    for one, other in zip(ours[:3], theirs[:3], strict=True):
        assert one.grad is not None and other.grad is not None
        assert torch.equal(one.grad, other.grad)


def test_the_norm_of_bfloat16_gradients_is_not_rounded_to_bfloat16() -> None:
    weights = gradients(torch.bfloat16)
    exact = torch.cat([w.grad.double().flatten() for w in weights[:3] if w.grad is not None]).norm()
    norm = optimizers.clip(weights, 1.0)
    assert norm is not None and abs(norm.item() / exact.item() - 1) < 1e-6


# the loss scale of float16


def scaled_step(pupil: Pupil, scale: LossScale, factor: float = 1.0) -> None:
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    scale.scaled(pupil.net(images).square().mean() * factor).backward()
    scale.unscale(pupil.weights)
    optimizers.clip(pupil.weights, 1.0)
    scale.step(pupil.optimizer)
    pupil.optimizer.zero_grad()


FP16_KINDS = pytest.mark.parametrize(
    "config", [k for k in KINDS if not (k.in_backward or k.exact_bf16)], ids=name
)


@FP16_KINDS
def test_an_overflow_skips_the_step_wholly_and_halves_the_scale(config: TrainingConfig) -> None:
    pupil, undisturbed = Pupil(config), Pupil(config)
    scale, other = LossScale("cpu", 1024.0), LossScale("cpu", 512.0)
    scaled_step(pupil, scale, float("inf"))
    assert same(pupil.masters(), Pupil(config).masters())
    assert scale.state_dict() == {"scale": 512.0, "good": 0}
    for _ in range(3):
        scaled_step(pupil, scale)
        scaled_step(undisturbed, other)
    assert same(pupil.masters(), undisturbed.masters())


@FP16_KINDS
def test_scaled_steps_are_the_unscaled_ones(config: TrainingConfig) -> None:
    pupils = [Pupil(config), Pupil(config)]
    for _ in range(3):
        for pupil, initial in zip(pupils, (1.0, 2.0**16), strict=True):
            scaled_step(pupil, LossScale("cpu", initial))
    assert same(pupils[0].masters(), pupils[1].masters())  # powers of two round nothing


def test_the_scale_doubles_after_so_many_good_steps_in_a_row() -> None:
    pupil, scale = Pupil(PLAIN), LossScale("cpu", 8.0, patience=3)
    seen = []
    for factor in (1.0, 1.0, float("nan"), 1.0, 1.0, 1.0, 1.0):
        scaled_step(pupil, scale, factor)
        seen.append(scale.scale.item())
    assert seen == [8, 8, 4, 4, 4, 8, 8]


def test_the_scale_stays_within_what_float32_gradients_can_bear() -> None:
    pupil, scale = Pupil(PLAIN), LossScale("cpu", 2.0**24, patience=1)
    scaled_step(pupil, scale)
    assert scale.scale.item() == 2.0**24
    small = LossScale("cpu", 1.0)
    scaled_step(pupil, small, float("inf"))
    assert small.scale.item() == 1.0


def test_the_scale_and_its_counter_come_back_from_a_checkpoint(tmp_path: Path) -> None:
    pupil, scale = Pupil(PLAIN), LossScale("cpu", 64.0, patience=5)
    for _ in range(3):
        scaled_step(pupil, scale)
    state = pupil.optimizer.state_dict()
    state["param_groups"][0]["loss_scale"] = scale.state_dict()
    checkpoints.save(tmp_path, 3, pupil.net.state_dict(), state, {})
    read = checkpoints.latest(tmp_path)
    assert read is not None
    other = LossScale("cpu", patience=5)
    other.load_state_dict(read.optimizer["param_groups"][0]["loss_scale"])
    assert other.state_dict() == {"scale": 64.0, "good": 3}
    for _ in range(2):
        scaled_step(pupil, other)
    assert other.scale.item() == 128.0


def test_nothing_of_a_fused_step_asks_the_device_for_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pupils = [Pupil(replace(PLAIN, offload_optimizer=offload)) for offload in (False, True)]

    def asked(*_: object) -> None:
        raise AssertionError("a host sync")

    for method in ("item", "__bool__", "__float__", "__int__", "tolist"):
        monkeypatch.setattr(torch.Tensor, method, asked)
    for pupil in pupils:
        scaled_step(pupil, LossScale("cpu"))


# in words


@pytest.mark.parametrize("settings", [{"in_backward": True}, {"exact_bf16": True}])
def test_fp16_refuses_what_would_update_before_all_gradients_are_seen(
    settings: dict[str, bool],
) -> None:
    with pytest.raises(BoothError, match="fp16"):
        optimizers.build(
            [torch.nn.Parameter(torch.ones(3))],
            replace(PLAIN, precision="fp16", **settings),  # type: ignore[arg-type]
        )
