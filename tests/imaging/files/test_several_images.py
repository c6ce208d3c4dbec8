"""Several images in one file: of a focus stack the sharpest is read, different fields are taken apart."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.imaging.files.encoded import (
    assert_same,
    deep,
    jpeg,
    out_of_focus,
    smear,
    stack_of,
    textured,
    tiff,
)

from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import decode, fields_of


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
