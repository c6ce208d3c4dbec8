"""Files that announce more than they hold: refused before that is believed, in one sentence."""

import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import tifffile
from PIL import Image
from tests import costly
from tests.imaging.files.encoded import stack_of, textured

from marrowscope.engines.pool import WorkerPool
from marrowscope.errors import ImageError
from marrowscope.imaging.files.archives import list_members, read_member
from marrowscope.imaging.files.decode import DEFAULT_LIMITS, DecodeLimits, decode, fields_of
from marrowscope.imaging.files.sources import discover
from marrowscope.planning import Seen, Unreadable, look

GOOD = costly.saved(costly.field(320, 240, cells=3), "PNG")


def archive(folder: Path, data: bytes) -> Path:
    path = folder / "a.zip"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["9" * 5000 + ".png", "a/" * 3000 + "b.png"], ids=["digits", "folders"])
def test_an_absurd_name_in_an_archive_costs_the_others_nothing(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path, costly.packed((name, GOOD), ("good.png", GOOD)))
    fields = [field for patient in discover([path]) for field in patient.fields]
    found = {field.name: look(DEFAULT_LIMITS, tmp_path, field)[0] for field in fields}
    assert isinstance(found.pop("good.png"), Seen)
    (refused,) = found.values()
    assert isinstance(refused, Unreadable)
    assert "characters, more than the limit of 400" in refused.reason
    assert len(refused.source.name) < 200


def test_a_list_of_too_many_members_is_not_read(tmp_path: Path) -> None:
    listing = list_members(archive(tmp_path, costly.many_members(400_000)))
    assert listing.members == ()
    assert "its list of members has" in listing.problems[0]
    assert list_members(archive(tmp_path, costly.many_members(1000))).problems == ()


def test_a_list_of_members_is_read_once_and_again_when_the_archive_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []
    made = zipfile.ZipInfo.__init__

    def count(entry: zipfile.ZipInfo, *arguments: Any, **more: Any) -> None:
        listed.append(entry)
        made(entry, *arguments, **more)

    monkeypatch.setattr(zipfile.ZipInfo, "__init__", count)
    path = archive(tmp_path, costly.packed(*((f"{number}.png", GOOD) for number in range(3))))
    listed.clear()
    (patient,) = discover([path])
    assert [field.read(DEFAULT_LIMITS) for field in patient.fields] == [GOOD] * 3
    assert len(listed) == 3
    archive(tmp_path, costly.packed(("other.png", GOOD)))
    assert list_members(path).members == ("other.png",)


def test_a_dictionary_of_gigabytes_is_not_made(tmp_path: Path) -> None:
    path = archive(tmp_path, costly.large_dictionary())
    with pytest.raises(ImageError, match="dictionary of 4,294,967,295 bytes"):
        read_member(path, "a.png", 2**24)
    path = archive(tmp_path, costly.packed(("a.png", GOOD), method=14))
    assert read_member(path, "a.png", 2**24) == GOOD


def test_kilobytes_that_announce_hundreds_of_megapixels_are_no_photograph() -> None:
    with pytest.raises(ImageError, match="not a photograph"):
        decode(costly.huge_png(), limits=DecodeLimits(max_pixels=250_000_000))


def test_a_blank_field_is_one() -> None:
    white = Image.new("RGB", (4000, 3000), "white")
    assert decode(costly.saved(white, "JPEG", quality=95)).pixels.min() == 255


def test_scans_within_a_tiff_are_counted_too() -> None:
    with pytest.raises(ImageError, match="500 scans"):
        decode(costly.scans_in_tiff(160, 120))


def test_the_images_of_one_file_are_limited_together() -> None:
    data = stack_of(textured(1), textured(2), textured(3))
    height, width = textured(1).shape[:2]
    enough = DecodeLimits(max_file_pixels=3 * width * height)
    assert len(list(fields_of(data, limits=enough))) == 3
    limits = DecodeLimits(max_file_pixels=3 * width * height - 1)
    for read in (lambda: decode(data, limits=limits), lambda: list(fields_of(data, limits=limits))):
        with pytest.raises(ImageError, match="3 images of this file"):
            read()


def test_planes_of_one_grey_that_unpack_to_gigabytes_are_refused() -> None:
    data = costly.planes(number=3, side=4000)
    with pytest.raises(ImageError, match="not a photograph"):
        decode(data)


def test_a_strip_that_unpacks_to_more_than_its_image_is_refused() -> None:
    packed = zlib.compress(bytes(2**26), 9)
    stream = io.BytesIO()
    tifffile.imwrite(stream, textured(1), photometric="rgb", compression="zlib", metadata=None)
    data = bytearray(stream.getvalue())
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as opened:
        tags = opened.pages.first.tags
        for code, value in ((273, len(data)), (279, len(packed))):
            at = tags[code].offset
            data[at + 2 : at + 4] = struct.pack("<H", 4)
            data[at + 8 : at + 12] = struct.pack("<I", value)
    with pytest.raises(ImageError, match="cannot be read"):
        decode(bytes(data) + packed)


def test_a_png_in_splinters_is_refused() -> None:
    splinter = struct.pack(">I", 0) + b"tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))
    with pytest.raises(ImageError, match="chunks"):
        decode(GOOD[:33] + splinter * 200_001 + GOOD[33:])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_sixteen_bits_take_no_more_memory_than_they_must() -> None:
    pool = WorkerPool(1)
    try:
        data = costly.deep_png(6000, 3000)
        used = pool.submit(costly.bytes_per_pixel, data, DecodeLimits()).result()
    finally:
        pool.close()
    # 6 as stored, 3 as read, and less than one more copy of either.
    assert used < 15
    assert DEFAULT_LIMITS.memory_bytes > used * DEFAULT_LIMITS.max_pixels
