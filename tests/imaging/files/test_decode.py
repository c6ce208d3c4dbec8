"""Decoding: what every kind of file becomes, and the one line a bad one gets."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageFile
from tests.imaging.files.encoded import png, png_chunk

from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import DecodeLimits, decode


def picture(height: int = 48, width: int = 64) -> npt.NDArray[np.uint8]:
    """A smooth colour picture whose corners all differ."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, 255 - x * 100 // width], axis=-1).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_sixteen_bits(values: npt.NDArray[np.uint16], colour: int) -> bytes:
    rows = [b"\0" + row.astype(">u2").tobytes() for row in values]
    return png(values.shape[1], values.shape[0], 16, colour, b"".join(rows))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_same_pixels(kind: str) -> None:
    field = decode(encoded(Image.fromarray(picture()), kind))
    np.testing.assert_array_equal(field.pixels, picture())
    assert (field.mpp, field.notes) == (None, ())
    assert not field.pixels.flags.writeable


def test_jpeg_gives_nearly_the_same_pixels() -> None:
    field = decode(encoded(Image.fromarray(picture()), "JPEG", quality=95))
    assert np.abs(field.pixels.astype(int) - picture()).mean() < 3


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_compressed_tiff(compression: str) -> None:
    field = decode(encoded(Image.fromarray(picture()), "TIFF", compression=compression))
    assert np.abs(field.pixels.astype(int) - picture()).mean() < 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    upright = picture()
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1], 8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 95} if kind == "JPEG" else {}
    field = decode(encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options))
    assert field.pixels.shape == upright.shape
    assert np.abs(field.pixels.astype(int) - upright).mean() < 3
    assert bool(field.notes) == (orientation != 1)
    assert field.orientation == orientation


def test_grayscale_palette_and_one_bit() -> None:
    grey = decode(encoded(Image.fromarray(picture()).convert("L")))
    assert grey.pixels.shape == (48, 64, 3)
    assert any("grayscale" in note for note in grey.notes)
    palette = decode(encoded(Image.fromarray(picture()).convert("P", palette=Image.Palette.ADAPTIVE)))
    assert np.abs(palette.pixels.astype(int) - picture()).mean() < 12
    assert decode(encoded(Image.fromarray(picture()).convert("1"))).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(mode: str) -> None:
    image = Image.new("RGBA", (40, 40), (10, 10, 10, 255))
    image.paste((10, 10, 10, 0), (0, 0, 20, 40))
    data = encoded(image.convert(mode)) if mode != "P" else encoded(image.quantize(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        field = decode(data)
    assert field.pixels[20, 5].tolist() == [255, 255, 255]
    assert field.pixels[20, 30].max() < 30
    assert any("white" in note for note in field.notes)


def test_opaque_alpha_is_dropped_silently() -> None:
    field = decode(encoded(Image.fromarray(picture()).convert("RGBA")))
    np.testing.assert_array_equal(field.pixels, picture())
    assert field.notes == ()


def test_cmyk_jpeg_is_converted() -> None:
    field = decode(encoded(Image.new("CMYK", (40, 40), (0, 0, 0, 0)), "JPEG"))
    assert field.pixels.min() > 245
    assert any("CMYK" in note for note in field.notes)


@pytest.mark.parametrize(("bits", "said"), [(10, "10-bit"), (12, "12-bit"), (14, "14-bit"), (16, "16 bits")])
def test_deep_grayscale_is_scaled_by_its_actual_depth(bits: int, said: str) -> None:
    values = np.linspace(0, 2**bits - 1, 64 * 48).reshape(48, 64).astype(np.uint16)
    field = decode(png_sixteen_bits(values, 0))
    expected = np.rint(values * 255.0 / (2**bits - 1))
    np.testing.assert_allclose(field.pixels[..., 0], expected, atol=1)
    assert any(said in note for note in field.notes)


@pytest.mark.parametrize("bits", [12, 16])
def test_deep_colour_png_keeps_its_low_bytes(bits: int) -> None:
    values = (picture().astype(np.uint16) << (bits - 8)) | (2 ** (bits - 8) - 1)
    values[0, 0] = 2**bits - 1
    field = decode(png_sixteen_bits(values.reshape(48, -1).reshape(48, 64, 3), 2))
    assert np.abs(field.pixels[1:].astype(int) - picture()[1:]).max() <= 1
    assert any("8 bits" in note for note in field.notes)


def tiff_sixteen_bits(values: npt.NDArray[np.uint16], order: str) -> bytes:
    """A minimal uncompressed 16-bit RGB TIFF, little (`<`) or big (`>`) endian."""
    height, width, _ = values.shape
    raw = values.astype(order + "u2").tobytes()
    entries = [(256, width), (257, height), (259, 1), (262, 2), (277, 3), (278, height), (279, len(raw))]
    count = len(entries) + 2
    bits_at = 8 + 2 + 12 * count + 4
    pixels_at = bits_at + 6
    body = [struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in entries]
    body.insert(2, struct.pack(order + "HHII", 258, 3, 3, bits_at))
    body.insert(5, struct.pack(order + "HHII", 273, 4, 1, pixels_at))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, count)
    return head + b"".join(body) + struct.pack(order + "I", 0) + struct.pack(order + "HHH", 16, 16, 16) + raw


@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_colour_tiff_keeps_its_low_bytes(order: str) -> None:
    values = (picture().astype(np.uint16) << 4 | 15).astype(np.uint16)
    values[0, 0] = 4095
    field = decode(tiff_sixteen_bits(values, order))
    assert np.abs(field.pixels[1:].astype(int) - picture()[1:]).max() <= 1


def test_dim_deep_image_is_scaled_by_percentile() -> None:
    values = np.full((48, 64), 17_000, np.uint16)
    values[10:20, 10:20] = 4_000
    field = decode(png_sixteen_bits(values, 0))
    assert field.pixels[0, 0, 0] > 230
    assert any("percentile" in note for note in field.notes)


def test_floating_point_tiff() -> None:
    values = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)
    field = decode(encoded(Image.fromarray(values), "TIFF"))
    assert field.pixels.max() == 255
    assert field.pixels.min() == 0


def test_first_page_and_first_frame() -> None:
    other = Image.fromarray(255 - picture())
    for data in (
        encoded(Image.fromarray(picture()), "TIFF", save_all=True, append_images=[other]),
        encoded(Image.fromarray(picture()), "PNG", save_all=True, append_images=[other]),
    ):
        field = decode(data)
        np.testing.assert_array_equal(field.pixels, picture())
        assert any("first" in note for note in field.notes)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"resolution": 10_000 / 0.2, "resolution_unit": 3}, 0.2),
        ({"resolution": 25_400 / 0.1, "resolution_unit": 2}, 0.1),
        ({"resolution": 72, "resolution_unit": 2}, None),
        ({"description": '<OME><Pixels PhysicalSizeX="125" PhysicalSizeXUnit="nm"/></OME>'}, 0.125),
        ({"description": "Aperio Image Library|AppMag = 40|MPP = 0.2520"}, 0.252),
        ({"description": "ImageJ=1.53\nunit=micron\n", "resolution": 8.0, "resolution_unit": 1}, 0.125),
    ],
)
def test_pixel_size_from_tiff(options: dict[str, Any], expected: float | None) -> None:
    mpp = decode(encoded(Image.fromarray(picture()), "TIFF", **options)).mpp
    assert mpp == (None if expected is None else pytest.approx(expected, rel=1e-3))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize(
    "description",
    [
        '<OME><Pixels PhysicalSizeX="0.125" PhysicalSizeXUnit="µm"/></OME>',
        '<OME><Pixels PhysicalSizeX="0.125" PhysicalSizeXUnit="&#181;m"/></OME>',
        "ImageJ=1.53\nunit=µm\n",
    ],
)
def test_micro_sign_survives_the_tag(description: str, encoding: str) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        picture(),
        description=description.encode(encoding),
        resolution=(8.0, 8.0),
        resolutionunit="NONE",
        metadata=None,
        photometric="rgb",
    )
    assert decode(stream.getvalue()).mpp == pytest.approx(0.125)


def test_ome_xml_without_its_required_parts_does_not_hide_the_image() -> None:
    stream = io.BytesIO()
    ome = '<?xml version="1.0"?><OME><Image><Pixels PhysicalSizeX="0.125"/></Image></OME>'
    tifffile.imwrite(stream, picture(), description=ome, metadata=None, photometric="rgb")
    field = decode(stream.getvalue())
    assert np.array_equal(field.pixels, picture())
    assert field.mpp == pytest.approx(0.125)


def test_a_scale_in_ome_xml_comes_before_the_resolution() -> None:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        picture(),
        ome=True,
        photometric="rgb",
        resolution=(100_000, 100_000),
        metadata={f"PhysicalSize{what}": 0.25 for what in "XY"}
        | {f"PhysicalSize{what}Unit": "µm" for what in "XY"},
    )
    assert decode(stream.getvalue()).mpp == pytest.approx(0.25)


def test_bomb_is_refused_from_its_header() -> None:
    rows = zlib.compressobj()
    line = b"\0" * (40_000 * 3 + 1)
    body = b"".join(rows.compress(line) for _ in range(20)) + rows.flush()
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    )
    with pytest.raises(ImageError, match=r"40,000 x 40,000 pixels, more than the limit of 120,000,000"):
        decode(data)


def test_between_pillows_limit_and_ours_nothing_is_warned() -> None:
    """Pillow would warn about 12,000 x 9,000 pixels."""
    data = png(12_000, 9_000, 1, 0, b"\0" * 100)
    data = data[:33] + png_chunk(b"tEXt", bytes(700_000)) + data[33:]
    before = list(warnings.filters)
    with pytest.raises(ImageError, match=r"truncated|cannot be read"):
        decode(data)
    assert warnings.filters == before


def jpeg() -> bytes:
    rng = np.random.default_rng(0)
    return encoded(Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)), "JPEG")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"patient 7, good smear\n", "not a JPEG.*text"),
        (b"GIF89a" + b"\0" * 60, "a GIF image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP image"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 60, "a HEIC image"),
        (b"\0\1\2\3" * 20, "begins with the bytes 00 01 02 03"),
        (jpeg()[: len(jpeg()) // 2], "truncated"),
        (jpeg()[:-40], "truncated"),
        (jpeg()[:30], "JPEG image"),
        (b"\xff\xd8\xff", "JPEG image"),
        (b"\x89PNG\r\n\x1a\n", "PNG image"),
        (encoded(Image.fromarray(picture()))[:-60], "PNG image"),
        (b"BM" + b"\0" * 60, "BMP image"),
        (b"II*\0" + b"\xff" * 60, "TIFF image"),
        (b"MM\0*" + b"\0" * 3, "TIFF image"),
        (encoded(Image.fromarray(picture()), "TIFF")[:500], "TIFF image"),
        (encoded(Image.new("RGB", (1, 1))), "1 x 1 pixels; at least 32"),
        (encoded(Image.new("RGB", (500, 10))), "500 x 10 pixels"),
    ],
)
def test_bad_bytes_get_one_clear_line(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        decode(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 220


def test_a_library_that_lets_half_images_pass_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageError, match="truncated"):
        decode(jpeg()[: len(jpeg()) // 2])


def test_limits_are_the_callers() -> None:
    data = encoded(Image.fromarray(picture()))
    with pytest.raises(ImageError, match="limit is 100"):
        decode(data, limits=DecodeLimits(max_bytes=100))
    with pytest.raises(ImageError, match="limit of 1,000 pixels"):
        decode(data, limits=DecodeLimits(max_pixels=1_000))
    assert decode(encoded(Image.new("RGB", (1, 1))), limits=DecodeLimits(min_side_px=1)).pixels.shape == (
        1,
        1,
        3,
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_damaged_bytes_never_raise_anything_else(kind: str) -> None:
    good = encoded(Image.fromarray(picture()), kind)
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(150):
            damaged = bytearray(good)
            for place in rng.integers(0, min(len(good), 600), 6):
                damaged[place] = rng.integers(0, 256)
            try:
                field = decode(bytes(damaged), limits=DecodeLimits(max_pixels=10**6))
            except ImageError:
                continue
            assert field.pixels.dtype == np.uint8


def test_threads_may_decode_at_once() -> None:
    data = [
        encoded(Image.fromarray(np.roll(picture(), k, axis=1)), k_kind)
        for k, k_kind in enumerate(["PNG", "TIFF"] * 4)
    ]
    wrong: list[int] = []
    before = list(warnings.filters)

    def work(k: int) -> None:
        for _ in range(20):
            is_right = np.array_equal(decode(data[k]).pixels, np.roll(picture(), k, axis=1))
            wrong.extend([] if is_right else [k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert warnings.filters == before


def test_real_fields(shared_data: Path) -> None:
    for name, size in {"apml": (608, 808), "allidb_validation/images": (1368, 1712)}.items():
        path = sorted((shared_data / "fields" / name).glob("*.jpg"))[0]
        field = decode(path.read_bytes())
        assert field.pixels.shape == (*size, 3)
        assert field.mpp is None
