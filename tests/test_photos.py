"""Photo intake, on small pictures made here."""

from __future__ import annotations

import io
import json
import os
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageFilter, features

from booth import photos
from booth.crops import Crop, cut, suggest_crop
from booth.errors import PhotoError
from booth.photos import open_photo, prepare

FORMATS = ["jpg", "png", "webp", "heic"] + ["avif"] * bool(features.check("avif"))


def _picture(width: int = 160, height: int = 128, seed: int = 0) -> Image.Image:
    """Sharp coloured shapes, different for every seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(rng.integers(60, 200, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = (int(rng.integers(0, limit)) for limit in (width, height))
        radius = int(rng.integers(4, max(5, min(width, height) // 4)))
        colour = tuple(rng.integers(0, 256, 3).tolist())
        draw.rectangle((x - radius, y - radius, x + radius, y + radius // 2), fill=colour)
    return image


def _save(image: Image.Image, path: Path, **options: object) -> Path:
    if path.suffix == ".heic":
        pillow_heif = pytest.importorskip("pillow_heif")
        pillow_heif.register_heif_opener()
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def _difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference in 8-bit steps."""
    assert one.size == other.size
    arrays = (np.asarray(image.convert("RGB"), np.float64) for image in (one, other))
    return float(np.abs(np.subtract(*arrays)).mean())


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(4096)))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(3):
        _picture(600, 560, seed).save(tmp_path / f"rex{seed}.png")
    return tmp_path


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_allowed_format_opens_with_its_colours(tmp_path: Path, suffix: str) -> None:
    original = _picture().filter(ImageFilter.GaussianBlur(2))
    opened = open_photo(_save(original, tmp_path / f"rex.{suffix}", quality=95))
    assert opened.mode == "RGB"
    assert _difference(opened, original) < 4


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("orientation", [0, *range(1, 9), 9, 99])
def test_a_sideways_phone_photo_is_turned_upright(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    stored = Image.new("RGB", (160, 96), "black")
    stored.paste((255, 255, 255), (0, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_photo(_save(stored, tmp_path / f"rex.{suffix}", exif=exif.tobytes()))
    # Where the stored top left corner belongs: EXIF table "row 0 is the ..., column 0 is the ...".
    right = orientation in (2, 3, 6, 7)
    bottom = orientation in (3, 4, 7, 8)
    assert opened.size == ((96, 160) if orientation in (5, 6, 7, 8) else (160, 96))
    x = opened.width - 10 if right else 10
    y = opened.height - 10 if bottom else 10
    assert min(opened.getpixel((x, y))) > 200  # type: ignore[arg-type]
    assert np.asarray(opened).mean() < 60


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_lose_the_photo(tmp_path: Path) -> None:
    original = _picture()
    path = _save(original, tmp_path / "rex.jpg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    assert open_photo(path).size == original.size


def test_nothing_but_pixels_is_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825)[1] = "N"
    path = _save(_picture(), tmp_path / "rex.jpg", exif=exif, comment=b"Secret Street 1")
    opened = open_photo(path)
    assert opened.info == {}
    assert not opened.getexif()
    stored = io.BytesIO()
    opened.save(stored, "PNG")
    assert b"Secret" not in stored.getvalue()


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 128 * 128).reshape(128, 128).astype(np.uint16)
    path = tmp_path / "rex.png"
    Image.fromarray(ramp).save(path)
    opened = np.asarray(open_photo(path), np.float64)
    assert np.abs(opened - ramp[..., None] / 257).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_a_light_background(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (100, 100), (200, 0, 0, 0))
    image.paste((20, 20, 20, 255), (0, 0, 50, 100))
    path = tmp_path / "rex.png"
    (image.quantize() if mode == "P" else image.convert(mode)).save(path)
    opened = open_photo(path)
    assert opened.getpixel((90, 50)) == (240, 240, 240)
    assert max(opened.getpixel((10, 50))) <= 22  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_unusual_colour_modes_keep_their_picture(tmp_path: Path, mode: str) -> None:
    original = _picture().filter(ImageFilter.GaussianBlur(2)).convert(mode)
    path = tmp_path / ("rex.jpg" if mode == "CMYK" else "rex.png")
    original.save(path, quality=95)
    assert _difference(open_photo(path), original) < 3


def _swapped_profile() -> bytes:
    """sRGB with its red and green primaries exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    entries = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, green = entries[b"rXYZ"] + 4, entries[b"gXYZ"] + 4
    profile[red : red + 8], profile[green : green + 8] = (
        profile[green : green + 8],
        profile[red : red + 8],
    )
    return bytes(profile)


def test_an_embedded_profile_is_followed(tmp_path: Path) -> None:
    image = Image.new("RGB", (100, 100), (250, 10, 10))
    path = _save(image, tmp_path / "rex.png", icc_profile=_swapped_profile())
    red, green, _ = open_photo(path).getpixel((50, 50))  # type: ignore[misc]
    assert green > 200 and red < 60


@pytest.mark.parametrize("profile", [b"garbage", b"\x00" * 200, b""])
def test_a_garbage_profile_is_ignored(tmp_path: Path, profile: bytes) -> None:
    path = _save(_picture(), tmp_path / "rex.png", icc_profile=profile)
    assert _difference(open_photo(path), _picture()) == 0


def test_a_large_photo_is_made_smaller_in_proportion(tmp_path: Path) -> None:
    opened = open_photo(_save(_picture(3200, 1600), tmp_path / "rex.jpg"))
    assert opened.size == (1536, 768)


def test_only_the_first_frame_counts(tmp_path: Path) -> None:
    path = tmp_path / "rex.webp"
    first, second = (_picture(seed=seed) for seed in (1, 2))
    first.save(path, save_all=True, append_images=[second], lossless=True)
    assert _difference(open_photo(path), first) < 1


@pytest.mark.parametrize("size", [(10_000, 5_001), (65_535, 65_535), (2**31 - 1, 2**31 - 1)])
def test_a_huge_picture_is_refused_from_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_header(*size))
    started = time.monotonic()
    with pytest.raises(PhotoError) as caught:
        open_photo(path)
    assert time.monotonic() - started < 1
    assert "bomb.png" in caught.value.problem and "megapixels" in str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_photo_that_is_cut_off_is_named(tmp_path: Path, suffix: str, share: float) -> None:
    data = _save(_picture(400, 400), tmp_path / f"whole.{suffix}").read_bytes()
    path = tmp_path / f"half.{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PhotoError) as caught:
        open_photo(path)
    assert f'"half.{suffix}"' in caught.value.problem and caught.value.remedy


def _as(kind: str, **options: object) -> Callable[[Path], None]:
    return lambda path: _picture().save(path, kind, **options)


REFUSED: dict[str, Callable[[Path], object]] = {
    "empty.jpg": lambda path: path.write_bytes(b""),
    "text.jpg": lambda path: path.write_text("hello"),
    "page.png": lambda path: path.write_text("<svg onload='alert(1)'/>"),
    "archive.jpg": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(64)),
    "tiff.jpg": _as("TIFF"),
    "eps.jpg": _as("EPS"),
    "gif.jpg": _as("GIF"),
    "bmp.png": _as("BMP"),
    "ico.png": _as("ICO"),
    "missing.jpg": lambda path: None,
    "folder.jpg": lambda path: path.mkdir(),
    "tiny.png": lambda path: _picture(63, 300).save(path),
    "ribbon.png": lambda path: _picture(4000, 100).save(path),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_photo_is_refused_by_name(tmp_path: Path, name: str) -> None:
    REFUSED[name](tmp_path / name)
    with pytest.raises(PhotoError) as caught:
        open_photo(tmp_path / name)
    assert f'"{name}"' in caught.value.problem
    assert str(tmp_path) not in str(caught.value)


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "rex.png"
    _picture().save(path, "JPEG")
    assert open_photo(path).size == (160, 128)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_hang_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    started = time.monotonic()
    with pytest.raises(PhotoError):
        open_photo(tmp_path / "pipe.jpg")
    assert time.monotonic() - started < 1


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are not told apart here")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = _save(_picture(), tmp_path / "target.png")
    (tmp_path / "link.png").symlink_to(target)
    with pytest.raises(PhotoError, match="link"):
        open_photo(tmp_path / "link.png")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mangled_file_opens_or_is_named(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    stored = io.BytesIO()
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    _picture(80, 80).save(stored, kind)
    content = bytearray(stored.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mangled") / "rex.img"
    path.write_bytes(content)
    try:
        opened = open_photo(path)
    except PhotoError as error:
        assert "rex.img" in error.problem
    else:
        assert opened.mode == "RGB" and max(opened.size) <= photos.LONGEST_SIDE


def test_good_photos_go_on_without_the_bad_ones(folder: Path) -> None:
    bad = folder / "notes.txt"
    bad.write_text("hello")
    intake = prepare([folder / "rex0.png", bad, folder / "rex1.png", folder / "rex2.png"])
    assert [photo.name for photo in intake.photos] == ["rex0.png", "rex1.png", "rex2.png"]
    assert ["notes.txt" in error.problem for error in intake.refused] == [True]
    assert intake.advice == []
    assert all(photo.warnings == [] for photo in intake.photos)


def test_a_folder_stands_for_its_visible_files(folder: Path) -> None:
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / "deeper").mkdir()
    intake = prepare([folder, folder / "rex1.png"])
    assert [photo.name for photo in intake.photos] == ["rex0.png", "rex1.png", "rex2.png"]
    assert intake.refused == []


def test_no_photos_at_all_is_an_error(tmp_path: Path) -> None:
    for nothing in ([], [tmp_path]):
        with pytest.raises(PhotoError):
            prepare(nothing)


def test_if_none_can_be_read_the_reason_is_told(tmp_path: Path) -> None:
    for name in ("one.jpg", "two.jpg"):
        (tmp_path / name).write_text("hello")
    with pytest.raises(PhotoError, match="not a photo"):
        prepare([tmp_path / "one.jpg"])
    with pytest.raises(PhotoError, match=r"None of the 2.*one\.jpg"):
        prepare([tmp_path])


def test_thirty_photos_are_enough(tmp_path: Path) -> None:
    for seed in range(31):
        _picture(64, 64, seed).save(tmp_path / f"{seed:02}.png")
    with pytest.raises(PhotoError, match="31"):
        prepare([tmp_path])
    (tmp_path / "30.png").unlink()
    assert len(prepare([tmp_path]).photos) == 30


@pytest.mark.parametrize(("count", "advised"), [(1, True), (2, True), (3, False), (6, True)])
def test_too_few_and_too_many_photos_get_advice(tmp_path: Path, count: int, advised: bool) -> None:
    for seed in range(count):
        _picture(520, 520, seed).save(tmp_path / f"{seed}.png")
    assert bool(prepare([tmp_path]).advice) == advised


@pytest.mark.parametrize(
    ("side", "resolution", "word"),
    [(300, 512, "softly"), (200, 512, "blurred"), (520, 1024, "softly"), (520, 256, "")],
)
def test_a_small_photo_is_measured_against_the_resolution(
    tmp_path: Path, side: int, resolution: int, word: str
) -> None:
    path = _save(_picture(side + 40, side), tmp_path / "rex.png")
    (photo,) = prepare([path], resolution).photos
    assert [word in warning for warning in photo.warnings] == ([True] if word else [])


def test_a_blurred_photo_is_told_from_a_sharp_one(tmp_path: Path) -> None:
    sharp = _picture(600, 600)
    _save(sharp, tmp_path / "sharp.png")
    _save(sharp.rotate(90).filter(ImageFilter.GaussianBlur(4)), tmp_path / "soft.png")
    soft_background = sharp.filter(ImageFilter.GaussianBlur(8))
    soft_background.paste(_picture(200, 200, 7), (200, 200))
    _save(soft_background.rotate(180), tmp_path / "portrait.png")
    blurred = [
        photo.name
        for photo in prepare([tmp_path]).photos
        if any("blurred" in warning for warning in photo.warnings)
    ]
    assert blurred == ["soft.png"]


@pytest.mark.parametrize(
    "again",
    [
        lambda image: image,
        lambda image: image.resize((560, 560)),
        lambda image: image.point(lambda value: min(255, value * 1.1)),
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    ],
    ids=["identical", "resized", "brighter", "mirrored"],
)
def test_the_same_photo_twice_is_noticed(
    tmp_path: Path, again: Callable[[Image.Image], Image.Image]
) -> None:
    first = _picture(600, 600)
    _save(first, tmp_path / "a.png")
    _save(again(first), tmp_path / "b.jpg", quality=60)
    _save(_picture(600, 600, 5), tmp_path / "c.png")
    warned = {photo.name: photo.warnings for photo in prepare([tmp_path]).photos}
    assert warned["a.png"] == warned["c.png"] == []
    (warning,) = warned["b.jpg"]
    assert '"a.png"' in warning and '"b.jpg"' in warning


fractions = st.floats(0, 1)
sides = st.integers(1, 3000)


@given(fractions, fractions, st.floats(0, 1, exclude_min=True), sides, sides)
def test_a_crop_is_a_square_inside_any_picture(
    x: float, y: float, size: float, width: int, height: int
) -> None:
    left, top, right, bottom = Crop(x, y, size).box(width, height)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert right - left == bottom - top
    assert abs(right - left - size * min(width, height)) <= 1


@given(fractions, fractions, st.floats(0, 1, exclude_min=True))
def test_a_crop_survives_json(x: float, y: float, size: float) -> None:
    crop = Crop(x, y, size)
    assert Crop(**json.loads(json.dumps(asdict(crop)))) == crop


@pytest.mark.parametrize(
    "values", [(-0.1, 0.5, 1), (0.5, 1.1, 1), (0.5, 0.5, 0), (0.5, 0.5, 2), (float("nan"), 0, 1)]
)
def test_a_crop_outside_the_picture_cannot_be_made(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError):
        Crop(*values)


@pytest.mark.parametrize("spot", [(60, 100), (300, 100), (540, 100), (100, 60), (100, 540)])
def test_the_suggested_crop_keeps_the_subject(spot: tuple[int, int]) -> None:
    size = (600, 200) if spot[1] == 100 else (200, 600)
    image = Image.new("RGB", size, (90, 140, 80))
    x, y = spot
    ImageDraw.Draw(image).ellipse((x - 50, y - 50, x + 50, y + 50), fill=(220, 90, 40))
    left, top, right, bottom = suggest_crop(image).box(*size)
    assert left <= x - 50 and x + 50 <= right and top <= y - 50 and y + 50 <= bottom
    assert right - left == 200


def test_a_plain_picture_is_cropped_near_its_middle() -> None:
    crop = suggest_crop(Image.new("RGB", (900, 300), "grey"))
    assert abs(crop.x - 0.5) < 0.05 and crop.size == 1


def test_a_cut_is_the_chosen_square_at_the_chosen_size() -> None:
    image = Image.new("RGB", (300, 100), "black")
    image.paste((255, 255, 255), (200, 0, 300, 100))
    piece = cut(image, Crop(x=1, y=0.5, size=1), 32)
    assert piece.size == (32, 32) and piece.mode == "RGB"
    assert np.asarray(piece).min() == 255


def test_captions_are_one_for_each_photo_or_none_at_all() -> None:
    taken = [photos.Photo(_picture(seed=n), str(n), Crop(), caption="here") for n in range(2)]
    told = photos.captioned(taken, ["on the beach", ""])
    assert [photo.caption for photo in told] == ["on the beach", ""]
    assert [photo.caption for photo in photos.captioned(taken, [])] == ["here", "here"]
    for wrong in (["on the beach"], ["a", "b", "c"]):
        with pytest.raises(PhotoError, match="number of captions"):
            photos.captioned(taken, wrong)


def test_the_papers_photos_are_neither_blurred_nor_alike() -> None:
    root = os.environ.get("BOOTH_PHOTOS")
    if not root or not Path(root).is_dir():
        pytest.skip("BOOTH_PHOTOS names no folder with one folder of photos per subject")
    warnings = [
        photo.warnings
        for subject in sorted(path for path in Path(root).iterdir() if path.is_dir())
        for photo in prepare([subject]).photos
    ]
    assert sum(map(bool, warnings)) <= 0.05 * len(warnings)
