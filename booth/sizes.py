"""How large each model family is: weights and activations, counted and not estimated.

Counted on torch's meta device from the published configs by `python -m tests.counting`, which
prints these constants; tests/test_memory.py holds them to it. Parameters are exact. Activations
are what autograd keeps in half precision with flash attention: exact as a count, but a real
allocator rounds up by some percent.
"""

from __future__ import annotations

from dataclasses import dataclass

TILE = 512  # pixels per side: a larger picture is decoded in tiles where it does not fit whole


@dataclass(frozen=True)
class Stage:
    """One level of the UNet on its way down, the middle, or one level on its way up.

    Bytes are for one image at the family's resolution, in half precision.
    """

    parameters: int
    largest: int  # parameters of its largest tensor
    saved: int  # bytes kept for the backward pass
    edges: int  # the same with gradient checkpointing: what goes into each block
    block: int  # bytes that the largest block keeps: made again, one block at a time


@dataclass(frozen=True)
class Size:
    """A model family. Tensors count by how 8-bit Adam treats them: by 256 elements, or whole."""

    stages: tuple[Stage, ...]  # of the UNet, in the order of the forward pass
    resolution: int  # pixels per side that the bytes are for
    small: int  # UNet parameters in tensors under 4096 elements
    blocks: int  # groups of 256 parameters in the UNet's other tensors
    largest_block: int  # parameters of the UNet's largest residual or attention block
    lora_per_rank: int  # adapter parameters per rank, on the attention's four projections
    text: int  # parameters of the text encoder, or encoders
    text_small: int
    text_blocks: int
    text_saved: int  # bytes kept for one prompt, half precision
    vae: int  # parameters
    full_vae: bool  # whether the VAE computes in float32 always
    lora_saved: int  # bytes of a LoRA step for one image under autocast, beside the weights
    lora_edges: int  # the same with gradient checkpointing
    denoising: int  # bytes beside the weights while denoising 4 guided pictures
    decoding: int  # the same of decoding one, in tiles of 512 pixels if it is larger
    encoding: int  # the same of encoding one photo

    @property
    def unet(self) -> int:
        """Parameters of the UNet."""
        return sum(stage.parameters for stage in self.stages)

    @property
    def largest(self) -> int:
        """Parameters of the UNet's largest tensor."""
        return max(stage.largest for stage in self.stages)


SIZE_TOYBOX = Size(
    stages=(
        Stage(828_992, 262_144, 1_937_920, 322_048, 1_437_824),
        Stage(847_552, 147_456, 654_528, 94_272, 501_760),
        Stage(1_074_656, 230_400, 237_888, 24_640, 193_664),
        Stage(1_644_000, 230_400, 272_832, 57_536, 193_664),
        Stage(2_943_776, 460_800, 530_048, 81_024, 193_664),
        Stage(1_957_760, 331_776, 1_464_704, 262_272, 501_760),
        Stage(1_094_472, 193_536, 4_214_976, 753_856, 1_418_112),
    ),
    resolution=128,
    small=42_152,
    blocks=40_426,
    largest_block=825_920,
    lora_per_rank=20_928,
    text=1_014_400,
    text_small=5_248,
    text_blocks=3_942,
    text_saved=503_568,
    vae=2_607_099,
    full_vae=False,
    lora_saved=11_875_464,
    lora_edges=4_125_640,
    denoising=10_161_696,
    decoding=5_251_392,
    encoding=3_244_224,
)

SIZE_SD15 = Size(
    stages=(
        Stage(12_586_880, 1_638_400, 197_691_264, 28_995_456, 73_977_600),
        Stage(36_818_560, 3_686_400, 96_918_272, 13_762_816, 36_987_392),
        Stage(139_992_320, 14_745_600, 49_008_384, 6_881_536, 18_766_848),
        Stage(62_277_120, 14_745_600, 1_971_712, 327_680, 985_856),
        Stage(97_038_080, 14_745_600, 7_450_752, 1_805_184, 4_987_392),
        Stage(162_241_280, 29_491_200, 5_087_488, 1_638_400, 1_477_376),
        Stage(258_330_880, 29_491_200, 81_540_736, 14_090_624, 18_766_848),
        Stage(71_413_120, 11_059_200, 165_365_888, 29_491_584, 36_987_392),
        Stage(18_822_724, 2_764_800, 331_687_424, 57_672_192, 73_859_328),
    ),
    resolution=512,
    small=356_804,
    blocks=3_356_110,
    largest_block=49_164_800,
    lora_per_rank=199_296,
    text=123_060_480,
    text_small=121_344,
    text_blocks=480_231,
    text_saved=28_564_552,
    vae=83_653_863,
    full_vae=False,
    lora_saved=1_166_251_140,
    lora_edges=274_500_936,
    denoising=567_464_992,
    decoding=671_156_480,
    encoding=471_336_192,
)

SIZE_SD21 = Size(
    stages=(
        Stage(12_914_560, 1_638_400, 443_990_400, 65_120_640, 165_996_800),
        Stage(37_473_920, 3_686_400, 217_639_680, 30_966_016, 83_012_096),
        Stage(141_303_040, 14_745_600, 109_386_496, 15_483_136, 41_787_904),
        Stage(62_277_120, 14_745_600, 4_429_312, 737_280, 2_214_656),
        Stage(97_693_440, 14_745_600, 16_278_016, 4_057_984, 10_742_656),
        Stage(162_241_280, 29_491_200, 11_436_288, 3_686_400, 3_320_576),
        Stage(260_296_960, 29_491_200, 182_143_104, 31_703_424, 41_787_904),
        Stage(72_396_160, 11_059_200, 371_433_600, 66_355_584, 83_012_096),
        Stage(19_314_244, 2_764_800, 745_252_352, 129_761_792, 165_839_104),
    ),
    resolution=768,
    small=356_804,
    blocks=3_381_070,
    largest_block=49_164_800,
    lora_per_rank=207_488,
    text=340_387_840,
    text_small=214_016,
    text_blocks=1_328_804,
    text_saved=72_841_400,
    vae=83_653_863,
    full_vae=False,
    lora_saved=2_522_092_036,
    lora_edges=524_475_208,
    denoising=1_275_896_864,
    decoding=671_197_440,
    encoding=1_060_504_832,
)

SIZE_SDXL = Size(
    stages=(
        Stage(12_739_840, 3_604_480, 136_470_656, 31_607_424, 62_919_936),
        Stage(60_105_600, 3_686_400, 681_766_656, 65_851_648, 147_739_136),
        Stage(757_404_160, 14_745_600, 1_522_919_168, 72_089_856, 73_982_976),
        Stage(413_117_440, 14_745_600, 779_157_120, 52_431_744, 73_982_976),
        Stage(1_206_568_960, 29_491_200, 2_320_423_552, 127_140_224, 73_982_976),
        Stage(106_343_680, 11_059_200, 1_102_130_816, 133_693_824, 147_423_744),
        Stage(11_184_004, 2_764_800, 346_038_656, 104_857_728, 125_831_936),
    ),
    resolution=1_024,
    small=917_764,
    blocks=10_025_570,
    largest_block=49_164_800,
    lora_per_rank=1_451_520,
    text=817_720_320,
    text_small=492_544,
    text_blocks=3_192_296,
    text_saved=155_159_440,
    vae=83_653_863,
    full_vae=True,
    lora_saved=7_762_677_008,
    lora_edges=721_272_328,
    denoising=1_681_369_728,
    decoding=816_381_952,
    encoding=2_684_354_560,
)
