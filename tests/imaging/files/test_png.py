"""PNG images: the same pixels as another reader's, and no damage passed over."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from tests.imaging.files.encoded import (
    assert_same,
    deep,
    png,
    smear,
)

from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import decode


def test_png_of_sixteen_bits_with_transparency() -> None:
    alpha = np.full((*smear().shape[:2], 1), 65535, np.uint16)
    values = np.ascontiguousarray(np.concatenate([deep(smear(), 16), alpha], axis=-1))
    assert_same(bytes(imagecodecs.png_encode(values)), smear())


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
    return png(width, height, 8, 2, rows)


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
