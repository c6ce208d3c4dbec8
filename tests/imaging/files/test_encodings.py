"""One field in the encodings that cameras and programs write: the same pixels or advice, never others."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngImageFile
from scipy.ndimage import gaussian_filter

from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import DecodeLimits, decode, fields_of

Pixels = npt.NDArray[np.uint8]


def smear(seed: int = 0, height: int = 96, width: int = 112) -> Pixels:
    """A bright field with dark smooth spots, full range in every channel."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    blurred = gaussian_filter(noise, (5, 5, 0))
    low, high = blurred.min(axis=(0, 1)), blurred.max(axis=(0, 1))
    return np.asarray(np.rint(255 * (blurred - low) / (high - low)), np.uint8)


def deep(pixels: Pixels, bits: int) -> npt.NDArray[np.uint16]:
    return np.asarray(np.rint(pixels.astype(np.float64) * (2**bits - 1) / 255), np.uint16)


def tiff(values: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **{"metadata": None, **options})
    return stream.getvalue()


def assert_same(data: bytes, expected: Pixels, tolerance: int = 2) -> tuple[str, ...]:
    field = decode(data)
    assert field.pixels.shape == expected.shape
    assert np.abs(field.pixels.astype(int) - expected).max() <= tolerance
    return field.notes


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


def test_png_of_sixteen_bits_with_transparency() -> None:
    alpha = np.full((*smear().shape[:2], 1), 65535, np.uint16)
    values = np.ascontiguousarray(np.concatenate([deep(smear(), 16), alpha], axis=-1))
    assert_same(bytes(imagecodecs.png_encode(values)), smear())


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


def jpeg(pixels: Pixels, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **{"quality": 95, **options})
    return stream.getvalue()


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


# Several images in one file


def out_of_focus(pixels: Pixels, sigma: float) -> Pixels:
    return np.asarray(np.rint(gaussian_filter(pixels.astype(np.float32), (sigma, sigma, 0))), np.uint8)


def stack_of(*planes: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for plane in planes:
            writer.write(plane, photometric="rgb", metadata=None, **options)
    return stream.getvalue()


def textured(seed: int, height: int = 200, width: int = 240) -> Pixels:
    """A field with fine detail, so that sharpness can be told."""
    grain = np.random.default_rng(seed).normal(0, 12, (height, width, 1))
    return np.clip(smear(seed, height, width) + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sharp", [0, 1, 2])
def test_of_a_focus_stack_the_sharpest_plane_is_read(sharp: int) -> None:
    field = textured(1)
    planes = [field if i == sharp else out_of_focus(field, 1 + abs(i - sharp)) for i in range(3)]
    contiguous = tiff(np.stack(planes), photometric="rgb", metadata={"axes": "ZYXS"})
    for data in (stack_of(*planes), contiguous):
        notes = assert_same(data, field, tolerance=0)
        assert "of several images in the file, the sharpest of 3 planes was read" in notes
        assert not list(fields_of(data))


def test_an_imagej_stack_with_one_directory_is_read_plane_by_plane() -> None:
    """ImageJ writes large stacks as one image followed by bare samples."""
    fields = [textured(1), textured(2)]
    data = tiff(np.stack(fields), photometric="rgb", truncate=True, metadata={"axes": "TYXS"})
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        assert len(opened.pages) == 1
    for part, field in zip(fields_of(data), fields, strict=True):
        assert_same(part, field, tolerance=0)


def test_a_thumbnail_before_the_image_is_passed_over() -> None:
    field = textured(2)
    small = np.asarray(Image.fromarray(field).resize((60, 50)))
    for reduced in (0, 1):
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream) as writer:
            writer.write(small, photometric="rgb", metadata=None, subfiletype=reduced)
            writer.write(field, photometric="rgb", metadata=None)
        notes = assert_same(stream.getvalue(), field, tolerance=0)
        assert "of several images in the file, 1 smaller copy was passed over" in notes


def test_a_file_of_several_fields_is_taken_apart() -> None:
    fields = [textured(seed) for seed in (3, 4, 5)]
    scale: dict[str, Any] = {"resolution": (100_000, 100_000), "resolutionunit": 3}
    data = stack_of(fields[0], fields[1], out_of_focus(fields[1], 3), fields[2], **scale)
    parts = list(fields_of(data))
    assert len(parts) == 3
    for part, field in zip(parts, fields, strict=True):
        assert_same(part, field, tolerance=0)
        assert decode(part).mpp == pytest.approx(0.1)
    assert "of several images in the file, the sharpest of 2 planes was read" in decode(parts[1]).notes
    assert list(fields_of(data)) == parts  # the same bytes, so that digests hold
    assert any("first of 3 fields" in note for note in decode(data).notes)


@pytest.mark.parametrize("bits", [8, 16])
def test_fields_taken_apart_keep_their_depth_and_layout(bits: int) -> None:
    fields = [textured(seed) for seed in (6, 7)]
    values = [field if bits == 8 else deep(field, 16) for field in fields]
    for planar in (False, True):
        pages = [np.ascontiguousarray(v.transpose(2, 0, 1)) if planar else v for v in values]
        data = stack_of(*pages, planarconfig="separate" if planar else "contig")
        for part, field in zip(fields_of(data), fields, strict=True):
            assert_same(part, field)


def test_fields_of_three_gray_pages_keep_their_colours_taken_apart() -> None:
    fields = [textured(seed) for seed in (6, 7)]
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, ome=True) as writer:
        for field in fields:
            pages = np.ascontiguousarray(field.transpose(2, 0, 1))
            writer.write(pages, photometric="minisblack", metadata={"axes": "CYX"})
    for part, field in zip(fields_of(stream.getvalue()), fields, strict=True):
        assert_same(part, field, tolerance=0)


def test_fields_taken_apart_stand_upright() -> None:
    fields = [textured(seed) for seed in (6, 7)]
    data = stack_of(*fields, extratags=[(274, "H", 1, 6, True)])
    for part, field in zip(fields_of(data), fields, strict=True):
        assert_same(part, np.rot90(field, -1), tolerance=0)


def test_damage_is_still_told_of_a_field_taken_apart() -> None:
    data = stack_of(textured(6), textured(7), compression="jpeg")
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        (start,), (length,) = opened.pages[0].dataoffsets, opened.pages[0].databytecounts
    told = 0
    for at in range(start + length // 4, start + length * 3 // 4, 97):
        damaged = bytearray(data)
        damaged[at] ^= 16
        try:
            whole, parts = decode(bytes(damaged)).notes, list(fields_of(bytes(damaged)))
        except ImageError:
            continue
        if len(parts) == 2 and any("damaged" in note for note in whole):
            assert any("damaged" in note for note in decode(parts[0]).notes)
            told += 1
    assert told


def test_red_green_and_blue_as_three_pages_are_one_field() -> None:
    field = textured(8)
    data = tiff(
        np.ascontiguousarray(field.transpose(2, 0, 1)),
        photometric="minisblack",
        imagej=True,
        metadata={"axes": "CYX"},
    )
    notes = assert_same(data, field)
    assert any("red, green and blue" in note for note in notes)


def test_other_formats_hold_one_field() -> None:
    assert not list(fields_of(jpeg(smear())))


@pytest.mark.parametrize("at", [0.2, 0.5, 0.8])
def test_a_damaged_png_is_refused(at: float) -> None:
    stream = io.BytesIO()
    Image.fromarray(smear()).save(stream, "PNG")
    data = bytearray(stream.getvalue())
    data[int(at * len(data))] ^= 0x40
    with pytest.raises(ImageError, match="a checksum does not match"):
        decode(bytes(data))
    with pytest.raises(ImageError, match="truncated"):
        decode(stream.getvalue()[: int(at * len(data))])


def _with_rows(rows: bytes) -> bytes:
    """A PNG of the smear whose rows are these, every checksum right."""
    height, width = smear().shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def test_png_pixels_that_end_early_or_are_coded_in_no_way_are_refused() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in smear())
    assert_same(_with_rows(rows), smear(), tolerance=0)
    with pytest.raises(ImageError, match="this PNG image is truncated"):
        decode(_with_rows(rows[: len(rows) // 2]))
    with pytest.raises(ImageError, match="bad adaptive filter value"):
        decode(_with_rows(rows.replace(b"\0" + smear()[40].tobytes(), b"\x09" + smear()[40].tobytes())))


def test_png_pixels_are_decoded_once_and_not_to_look_for_exif(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow decodes a whole image to see whether EXIF data comes behind its pixels."""
    stream, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6  # a quarter turn
    Image.fromarray(smear()).save(stream, "PNG", exif=exif)
    data = stream.getvalue()
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4])
    behind = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    monkeypatch.setattr(PngImageFile, "load", pytest.fail)
    for each in (data, behind):
        notes = assert_same(each, np.rot90(smear(), -1), tolerance=0)
        assert "turned upright as its EXIF orientation says" in notes


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "P with a transparent colour", "RGBA"])
def test_png_of_every_mode_is_as_another_reader_reads_it(mode: str) -> None:
    stream = io.BytesIO()
    image = Image.fromarray(smear()).convert("RGBA" if mode == "RGBA" else "RGB")
    if mode.startswith("P"):
        image = image.quantize(64)
        image.save(stream, "PNG", **({"transparency": 3} if len(mode) > 1 else {}))
    else:
        image.convert(mode).save(stream, "PNG")
    read = Image.open(stream).convert("RGBA")
    on_white = Image.alpha_composite(Image.new("RGBA", read.size, "white"), read).convert("RGB")
    notes = assert_same(stream.getvalue(), np.asarray(on_white), tolerance=0)
    assert ("transparent parts laid on white" in notes) is (len(mode) > 4)


def test_half_the_jpeg_data_within_a_tiff_is_refused() -> None:
    data = tiff(textured(1), photometric="rgb", compression="jpeg")
    assert_same(data, decode(data).pixels)
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        (start,), (length,) = opened.pages[0].dataoffsets, opened.pages[0].databytecounts
    damaged = bytearray(data)
    damaged[start + length // 2 : start + length // 2 + 2] = b"\xff\xd9"
    with pytest.raises(ImageError, match="damaged"):
        decode(bytes(damaged))
