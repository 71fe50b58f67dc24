"""Turns whatever a person drops in into upright, sRGB, nameless photos to learn from.

Image files are hostile until proven otherwise: only five formats are tried, by content and never
by file name, and nothing is decoded before its header has told how large it is.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import imagehash
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from booth.crops import Crop, suggest_crop
from booth.errors import PhotoError

MOST_PHOTOS = 30
LONGEST_SIDE = 1536
SHORTEST_SIDE = 64
MOST_PIXELS = 50_000_000
MOST_BYTES = 200_000_000

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
_BACKGROUND = (240, 240, 240)
_FEW, _MANY = 3, 5
_SAME_PHOTO = 6
_TILE = 64
_BLURRED = 100.0
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_USE = "Use JPG, PNG, WEBP, AVIF or HEIC photos."


@dataclass(frozen=True)
class Photo:
    """One readable photo: RGB and upright, with its file's name and what to tell about it."""

    image: Image.Image
    name: str
    crop: Crop
    warnings: list[str] = field(default_factory=list)
    caption: str = ""  # where the subject is in it, "on the beach"; nothing is fine


@dataclass(frozen=True)
class Intake:
    """What came of the files a person dropped in; at least one photo, none of the refused."""

    photos: list[Photo]
    refused: list[PhotoError] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)


def prepare(paths: Sequence[Path], resolution: int = 512) -> Intake:
    """The photos among `paths`, folders opened, with warnings for training at `resolution` px.

    A bad file is named in `refused` and does not stop the others. Raises PhotoError for no files,
    more than 30, or none that can be read.
    """
    files = _files(paths)
    if not files:
        raise PhotoError("There are no photos yet.", "Choose 3 to 5 photos of your subject.")
    if len(files) > MOST_PHOTOS:
        raise PhotoError(
            f"{len(files)} photos are more than we can use.",
            f"Choose the best ones, {MOST_PHOTOS} at most; 3 to 5 are enough.",
        )
    images: list[tuple[str, Image.Image]] = []
    refused: list[PhotoError] = []
    for path in files:
        try:
            images.append((path.name, open_photo(path)))
        except PhotoError as error:
            refused.append(error)
    if not images:
        raise _none_readable(refused)
    return Intake(_photos(images, resolution), refused, _advice(len(images)))


def captioned(taken: Sequence[Photo], captions: Sequence[str]) -> list[Photo]:
    """The photos with a caption for each, in order; no captions at all leave them as they are.

    Raises PhotoError when there are fewer or more captions than photos.
    """
    if not captions:
        return list(taken)
    if len(captions) != len(taken):
        raise PhotoError(
            f"The number of captions is {len(captions)}, that of photos {len(taken)}.",
            'Give one for each photo that can be used, in their order; "" for none.',
        )
    pairs = zip(taken, captions, strict=True)
    return [replace(photo, caption=caption) for photo, caption in pairs]


def open_photo(path: Path) -> Image.Image:
    """The upright first frame of an image file: RGB, 8 bit, sRGB, 1536 px at most, no metadata.

    Raises PhotoError naming the file when it is missing, empty, cut off, no regular file, not of
    an allowed format, above 50 megapixels or under 64 px.
    """
    with _regular_file(path) as stream:
        try:
            with _sniffed(stream, path.name) as image:
                _check_size(image.size, path.name)
                return _normal(image)
        except (PhotoError, MemoryError):
            raise
        except Exception as error:
            raise PhotoError(
                f'"{path.name}" is cut off or damaged.',
                "Copy it again from your phone or camera.",
            ) from error


def _files(paths: Sequence[Path]) -> list[Path]:
    """The given files, each folder replaced by the visible files in it, nothing twice."""
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_inside(path) if path.is_dir() else [path]))
    return list(found)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _is_visible(path))
    except OSError as error:
        raise _cannot_open(folder.name, error) from error


def _is_visible(path: Path) -> bool:
    is_system = path.name.startswith(".") or path.name.lower() in {"thumbs.db", "desktop.ini"}
    return not is_system and not path.is_dir()


def _none_readable(refused: Sequence[PhotoError]) -> PhotoError:
    if len(refused) == 1:
        return refused[0]
    first = refused[0]
    return PhotoError(
        f"None of the {len(refused)} files is a usable photo. {first.problem}", first.remedy
    )


def _advice(count: int) -> list[str]:
    if count < _FEW:
        return [f"You have {count}. 3 to 5 different photos give the best likeness."]
    if count > _MANY:
        return [f"You have {count}. 3 to 5 are enough; keep those that differ the most."]
    return []


def _photos(images: Sequence[tuple[str, Image.Image]], resolution: int) -> list[Photo]:
    hashes = [_hashes(image) for _, image in images]
    photos = []
    for index, (name, image) in enumerate(images):
        notes = _warnings(name, image, resolution)
        twin = _twin(hashes, index)
        if twin is not None:
            notes.append(
                f'"{name}" is almost the same photo as "{images[twin][0]}". '
                "Keep one; a different pose teaches more."
            )
        photos.append(Photo(image, name, suggest_crop(image), notes))
    return photos


def _warnings(name: str, image: Image.Image, resolution: int) -> list[str]:
    short = min(image.size)
    if short * 2 < resolution:
        return [f'"{name}" is only {short} pixels on its short side. It will look blurred.']
    notes = []
    if short < resolution:
        notes.append(f'"{name}" is {short} pixels on its short side. It will work, but softly.')
    if _sharpness(image) < _BLURRED:
        notes.append(f'"{name}" looks blurred. A sharper photo gives a better likeness.')
    return notes


def _hashes(image: Image.Image) -> tuple[imagehash.ImageHash, imagehash.ImageHash]:
    """Perceptual hashes of the picture and of its mirror image."""
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return imagehash.phash(image), imagehash.phash(mirrored)


def _twin(
    hashes: Sequence[tuple[imagehash.ImageHash, imagehash.ImageHash]], index: int
) -> int | None:
    """The index of an earlier photo that looks the same, mirrored or not."""
    distances = (min(mine - other for mine in hashes[index]) for other, _ in hashes[:index])
    return next((i for i, distance in enumerate(distances) if distance <= _SAME_PHOTO), None)


def _sharpness(image: Image.Image) -> float:
    """Variance of the Laplacian (grey levels squared) of the sharpest tile, at 512 px.

    The sharpest tile and not the whole, because a good portrait has a soft background.
    """
    scale = min(1.0, 512 / min(image.size))
    size = (round(image.width * scale), round(image.height * scale))
    grey = np.asarray(image.convert("L").resize(size, Image.Resampling.LANCZOS), np.float32)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    laplacian = around - 4 * grey[1:-1, 1:-1]
    tile = min(_TILE, *laplacian.shape)
    rows, columns = (length // tile for length in laplacian.shape)
    tiles = laplacian[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile)
    return float(tiles.var(axis=(1, 3)).max())


@contextmanager
def _regular_file(path: Path) -> Iterator[BinaryIO]:
    """The opened file; a pipe, a device or a link in its place can neither hang nor mislead."""
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise _cannot_open(path.name, error) from error
    try:
        _check_status(os.fstat(descriptor), path.name)
    except PhotoError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def _check_status(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _not_a_photo(name)
    if status.st_size == 0:
        raise PhotoError(f'"{name}" is empty.', "Pick it again, or copy it once more.")
    if status.st_size > MOST_BYTES:
        raise _enormous(name, f"{status.st_size // 1_000_000} MB")


def _sniffed(stream: BinaryIO, name: str) -> Image.Image:
    """The image with only its header read."""
    has_heif = _register_heif()
    Image.init()
    formats = [known for known in _FORMATS if known in Image.OPEN]
    try:
        return Image.open(stream, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _enormous(name, "far more than 50 megapixels") from error
    except UnidentifiedImageError as error:
        stream.seek(4)
        if not has_heif and stream.read(8) in (b"ftypheic", b"ftypheix", b"ftypmif1"):
            raise PhotoError(
                f'"{name}" is a HEIC photo, and support for those is not installed.',
                "On the phone choose Settings, Camera, Formats, Most Compatible; or save as JPG.",
            ) from error
        raise _not_a_photo(name) from error


def _register_heif() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise _enormous(name, f"{width} x {height} pixels")
    if min(_shrunk(size, LONGEST_SIDE)) < SHORTEST_SIDE:
        raise PhotoError(
            f'"{name}" is too small to learn from: {width} x {height} pixels.',
            "Use one with at least 512 pixels on the short side.",
        )


def _normal(image: Image.Image) -> Image.Image:
    """The decoded image upright, in sRGB, without alpha or anything else that came with it."""
    image.load()
    turn = _TURNS.get(_orientation(image))
    profile = image.info.get("icc_profile")
    plain = _plain(image)
    plain = plain.resize(_shrunk(plain.size, LONGEST_SIDE), Image.Resampling.LANCZOS)
    opaque = plain.convert("RGB") if plain.mode == "RGBA" else plain
    colours = _srgb(opaque, profile)
    if plain.mode == "RGBA":
        backdrop = Image.new("RGB", plain.size, _BACKGROUND)
        colours = Image.composite(colours, backdrop, plain.getchannel("A"))
    upright = colours.transpose(turn) if turn is not None else colours
    return Image.fromarray(np.array(upright))


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 when the EXIF cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """The image in a mode of 8 bits that can be resized: L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) / 257 + 0.5).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "CMYK") else image.convert("RGB")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in the sRGB colour space; a profile that is garbage or of another mode is ignored."""
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            changed = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            return changed or image.convert("RGB")
    return image.convert("RGB")


def _shrunk(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _cannot_open(name: str, error: Exception) -> PhotoError:
    if getattr(error, "errno", None) == errno.ELOOP:
        return PhotoError(f'"{name}" is a link to another file.', "Choose the photo itself.")
    return PhotoError(f'"{name}" cannot be opened.', "Check that it is still there, and readable.")


def _not_a_photo(name: str) -> PhotoError:
    return PhotoError(f'"{name}" is not a photo we can open.', _USE)


def _enormous(name: str, size: str) -> PhotoError:
    return PhotoError(
        f'"{name}" is enormous: {size}.', "Use one under 50 megapixels; 12 are plenty."
    )
