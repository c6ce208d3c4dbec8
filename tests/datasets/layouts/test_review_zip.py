"""Reviewed cells from the service: read as a folder per type, refused when they are something else."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from marrowscope.datasets.layouts.review_zip import read_review_zips
from marrowscope.errors import DatasetError


def picture(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(stream, "PNG")
    return stream.getvalue()


def packed(path: Path, *members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, picture())
    return path


def test_cells_keep_their_type_and_their_patient(tmp_path: Path) -> None:
    one = packed(tmp_path / "a.zip", "blast/p1@f_0.png", "monocyte/p1@f_1.png")
    two = packed(tmp_path / "b.zip", "blast/p2@f_0.png", "blast/p1@f_0.png")
    cells = read_review_zips([one, two], tmp_path / "unpacked")
    assert sorted((cell.cell_type, cell.group) for cell in cells) == [
        ("blast", "reviews/p1"),
        ("blast", "reviews/p2"),
        ("monocyte", "reviews/p1"),
    ]


@pytest.mark.parametrize(
    "member", ["../blast/x.png", "blast/deep/x.png", "x.png", "unicorn/x.png", "blast/x.exe", "/blast/x.png"]
)
def test_what_is_no_reviewed_cell_is_refused(tmp_path: Path, member: str) -> None:
    archive = packed(tmp_path / "a.zip", "blast/p1@f_0.png", member)
    with pytest.raises(DatasetError):
        read_review_zips([archive], tmp_path / "unpacked")
    assert not (tmp_path / "blast").exists()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(DatasetError, match=r"a\.zip"):
        read_review_zips([tmp_path / "a.zip"], tmp_path / "unpacked")
    with pytest.raises(DatasetError, match="no reviewed cell"):
        read_review_zips([packed(tmp_path / "b.zip")], tmp_path / "unpacked")
