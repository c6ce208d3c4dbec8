"""One field in the encodings that cameras and programs write: the same pixels or advice, never others."""

from __future__ import annotations

import io
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageCms
from tests.imaging.files.encoded import (
    assert_same,
    deep,
    jpeg,
    smear,
    textured,
    tiff,
)

from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import DecodeLimits, decode

COMPRESSIONS = [None, "lzw", "deflate", "packbits", "zstd", "lzma"]


@pytest.mark.parametrize(
    ("bits", "compression", "order", "planar"),
    list(product([8, 12, 14, 16], COMPRESSIONS, "<>", [False, True])),
)
def test_rgb_of_every_depth_compression_order_and_layout(
    bits: int, compression: str | None, order: str, planar: bool
) -> None:
    values: npt.NDArray[Any] = smear() if bits == 8 else deep(smear(), bits)
    if planar:
        values = np.ascontiguousarray(values.transpose(2, 0, 1))
    data = tiff(
        values, photometric="rgb", compression=compression, byteorder=order,
        planarconfig="separate" if planar else "contig",
    )  # fmt: skip
    notes = assert_same(data, smear())
    assert bool(notes) == (bits != 8)


@pytest.mark.parametrize(
    "options", [{"predictor": True, "compression": "lzw"}, {"tile": (32, 48)}, {"bigtiff": True}]
)
def test_predictor_tiles_and_big_files(options: dict[str, Any]) -> None:
    for bits in (8, 16):
        values = smear() if bits == 8 else deep(smear(), 16)
        assert_same(tiff(values, photometric="rgb", **options), smear())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("white", [1.0, 255.0])
def test_floating_point(dtype: type, white: float) -> None:
    values: npt.NDArray[Any] = (smear().astype(np.float64) / 255 * white).astype(dtype)
    assert_same(tiff(values, photometric="rgb"), smear())


@pytest.mark.parametrize("compression", ["jpeg2000", "jpegxl", "webp", "png"])
def test_modern_compressions(compression: str) -> None:
    options: dict[str, Any] = {"compressionargs": {"lossless": True}} if compression == "webp" else {}
    assert_same(tiff(smear(), photometric="rgb", compression=compression, **options), smear())


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_gray_either_way_round(bits: int, white_is_zero: bool) -> None:
    grey = smear()[..., 0]
    values = grey if bits == 8 else deep(grey, bits)
    if white_is_zero:
        values = (2**bits - 1 - values).astype(values.dtype)
    data = tiff(values, photometric="miniswhite" if white_is_zero else "minisblack")
    notes = assert_same(data, np.repeat(grey[..., None], 3, axis=-1))
    assert any("grayscale" in note for note in notes)


def test_one_bit_a_pixel() -> None:
    marks = smear()[..., 0] > 128
    expected = np.repeat((255 * marks[..., None]).astype(np.uint8), 3, axis=-1)
    assert_same(tiff(marks, photometric="minisblack"), expected, tolerance=0)


def test_palette() -> None:
    indices = smear()[..., 0] // 16
    palette = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    expected = np.moveaxis(palette[:, indices] // 257, 0, -1).astype(np.uint8)
    assert_same(tiff(indices, photometric="palette", colormap=palette), expected, tolerance=0)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_transparency_has_a_depth_of_its_own(bits: int, kind: str) -> None:
    """Colours of 12 bits beside an alpha of 16: judged together they would come out black."""
    colours: npt.NDArray[Any] = smear() if bits == 8 else deep(smear(), bits)
    opaque = np.iinfo(colours.dtype).max
    alpha = np.full((*colours.shape[:2], 1), opaque, colours.dtype)
    data = tiff(np.concatenate([colours, alpha], axis=-1), photometric="rgb", extrasamples=[kind])
    assert_same(data, smear())
    alpha[:40] = 0
    if kind == "assocalpha":
        colours = np.where(alpha == 0, 0, colours).astype(colours.dtype)
    clear = tiff(np.concatenate([colours, alpha], axis=-1), photometric="rgb", extrasamples=[kind])
    expected = smear().copy()
    expected[:40] = 255
    notes = assert_same(clear, expected)
    assert any("white" in note for note in notes)


def test_a_fourth_channel_that_is_no_transparency_is_left_out_and_noted() -> None:
    values = np.concatenate([smear(), smear(5)[..., :1]], axis=-1)
    notes = assert_same(tiff(values, photometric="rgb", extrasamples=["unspecified"]), smear())
    assert any("left out" in note for note in notes)


def test_cmyk() -> None:
    inks = Image.fromarray(smear()).convert("CMYK")
    data = tiff(np.asarray(inks), photometric="separated")
    assert_same(data, np.asarray(inks.convert("RGB")))


@pytest.mark.parametrize("photometric", ["cielab", "logluv", "cfa"])
def test_colours_that_are_not_read_are_refused_with_advice(photometric: str) -> None:
    values = smear()[..., 0] if photometric == "cfa" else smear()
    with pytest.raises(ImageError, match="save it as RGB"):
        decode(tiff(values, photometric=photometric))


def display_p3() -> bytes:
    """A profile with other primaries than sRGB, built here: a wide gamut swaps no channel but shifts all."""
    profile = ImageCms.createProfile("sRGB")
    raw = bytearray(ImageCms.ImageCmsProfile(profile).tobytes())
    red, green = raw.index(b"rXYZ") + 4, raw.index(b"gXYZ") + 4
    # Exchange where red's and green's primaries are found: colours then come out exchanged, unmistakably.
    raw[red : red + 8], raw[green : green + 8] = raw[green : green + 8], raw[red : red + 8]
    return bytes(raw.replace(b"sRGB", b"wide").replace(b"s\0R\0G\0B", b"w\0i\0d\0e"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_colours_of_another_colour_space_become_srgb(kind: str) -> None:
    stream = io.BytesIO()
    best: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    options = best.get(kind, {})
    Image.fromarray(smear()).save(stream, kind, icc_profile=display_p3(), **options)
    field = decode(stream.getvalue())
    exchanged = smear()[..., [1, 0, 2]]
    assert np.abs(field.pixels.astype(int) - exchanged).mean() < 4
    assert any("converted from" in note for note in field.notes)


def test_a_profile_of_srgb_changes_nothing() -> None:
    stream = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(smear()).save(stream, "PNG", icc_profile=profile)
    assert assert_same(stream.getvalue(), smear(), tolerance=0) == ()


def test_a_broken_profile_is_noted() -> None:
    stream = io.BytesIO()
    Image.fromarray(smear()).save(stream, "PNG", icc_profile=b"no profile at all")
    assert any("profile" in note for note in assert_same(stream.getvalue(), smear(), tolerance=0))


@pytest.mark.parametrize(("kind", "options"), [("WEBP", {"lossless": True}), ("JPEG2000", {})])
def test_webp_and_jpeg_2000_are_read(kind: str, options: dict[str, Any]) -> None:
    stream = io.BytesIO()
    Image.fromarray(smear()).save(stream, kind, **options)
    assert_same(stream.getvalue(), smear(), tolerance=0)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_jpeg_is_refused_whatever_end_mark_it_carries(progressive: bool, share: float) -> None:
    data = jpeg(smear(3, 300, 400), progressive=progressive)
    cut = data[: int(share * len(data))] + b"\xff\xd9"
    with pytest.raises(ImageError, match="truncated or damaged"):
        decode(cut)


def test_the_pixels_of_a_whole_jpeg_are_pillows() -> None:
    data = jpeg(smear(3, 300, 400))
    np.testing.assert_array_equal(decode(data).pixels, np.asarray(Image.open(io.BytesIO(data))))
    grey = jpeg(smear()[..., 0])
    np.testing.assert_array_equal(decode(grey).pixels[..., 0], np.asarray(Image.open(io.BytesIO(grey))))


def test_a_jpeg_of_hundreds_of_scans_is_refused() -> None:
    data = jpeg(smear(), progressive=True)
    start = data.index(b"\xff\xda")
    with pytest.raises(ImageError, match="scans, more than the limit of 100"):
        decode(data[:start] + data[start:-2] * 200 + b"\xff\xd9")


def test_a_large_run_length_coded_bitmap_is_refused() -> None:
    header = b"BM" + (54 + 1024 + 2).to_bytes(4, "little") + bytes(4) + (54 + 1024).to_bytes(4, "little")
    info = (40).to_bytes(4, "little") + (9000).to_bytes(4, "little") * 2
    info += (1).to_bytes(2, "little") + (8).to_bytes(2, "little") + (1).to_bytes(4, "little") + bytes(20)
    with pytest.raises(ImageError, match="run-length"):
        decode(header + info + bytes(1024) + b"\0\1")


def test_deep_images_are_limited_by_what_they_need_in_memory() -> None:
    values = deep(smear(), 16)
    limits = DecodeLimits(max_pixels=values.shape[0] * values.shape[1])
    assert decode(tiff(smear(), photometric="rgb"), limits=limits).pixels.shape == smear().shape
    with pytest.raises(ImageError, match="8 bits a channel"):
        decode(tiff(values, photometric="rgb"), limits=limits)


def test_half_the_jpeg_data_within_a_tiff_is_refused() -> None:
    data = tiff(textured(1), photometric="rgb", compression="jpeg")
    assert_same(data, decode(data).pixels)
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        (start,), (length,) = opened.pages[0].dataoffsets, opened.pages[0].databytecounts
    damaged = bytearray(data)
    damaged[start + length // 2 : start + length // 2 + 2] = b"\xff\xd9"
    with pytest.raises(ImageError, match="damaged"):
        decode(bytes(damaged))
