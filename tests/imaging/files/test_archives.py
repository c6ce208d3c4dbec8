"""ZIP archives of images: found as folders are, opened with distrust."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.imaging.files.folders import layout, put, zipped

from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import DEFAULT_LIMITS, DecodeLimits, decode
from marrowscope.imaging.files.sources import discover


def test_a_zip_is_one_patient(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "Anna.zip", "b.png", "a.png", "__MACOSX/._a.png", ".DS_Store", "readme.txt")
    found = discover([archive])
    assert layout(found) == {"Anna": ["a.png", "b.png"]}
    assert decode(found[0].fields[0].read(DEFAULT_LIMITS)).pixels.shape == (40, 40, 3)


def test_a_zip_of_patients(tmp_path: Path) -> None:
    plain = zipped(tmp_path / "plain.zip", "P1/a.png", "P2/b.png", "P2/slide/c.png")
    assert layout(discover([plain])) == {"P1": ["a.png"], "P2": ["b.png", "slide/c.png"]}
    wrapped = zipped(tmp_path / "wrapped.zip", "cohort/P1/a.png", "cohort/P2/b.png")
    assert layout(discover([wrapped])) == {"P1": ["a.png"], "P2": ["b.png"]}


def test_zips_at_the_level_of_the_cohort_and_inside_a_patient(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png")
    zipped(tmp_path / "P1" / "scan.zip", "x.png", "more/y.png")
    zipped(tmp_path / "P2.zip", "z.png")
    assert layout(discover([tmp_path])) == {
        "P1": ["a.png", "scan.zip/more/y.png", "scan.zip/x.png"],
        "P2": ["z.png"],
    }
    assert layout(discover([tmp_path / "P1"]))["P1"] == ["a.png", "scan.zip/more/y.png", "scan.zip/x.png"]


def test_zip_names_leading_outside_are_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "bad.zip", "../a.png", "/etc/b.png", "C:\\c.png", "x/../../d.png", "good.png")
    found = discover([archive])
    assert layout(found) == {"bad": ["good.png"]}
    assert found[0].problems == (
        "bad.zip: '../a.png' and 3 more points outside the archive and was left out",
    )


def test_nested_zips_are_not_opened(tmp_path: Path) -> None:
    found = discover([zipped(tmp_path / "outer.zip", "a.png", "inner.zip")])
    assert layout(found) == {"outer": ["a.png"]}
    assert "inside it was not opened" in found[0].problems[0]


def test_a_broken_zip_is_told_on_its_row(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png")
    (tmp_path / "P2.zip").write_bytes(b"not a zip at all")
    found = discover([tmp_path])
    assert layout(found) == {"P1": ["a.png"], "P2": []}
    assert "not a readable ZIP archive" in found[1].problems[0]


def test_zip_bombs_are_not_unpacked(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "bomb.zip", "bomb.png", data=bytes(40 * 2**20))
    (field,) = discover([archive])[0].fields
    with pytest.raises(ImageError, match="compressed more than"):
        field.read(DEFAULT_LIMITS)
    with pytest.raises(ImageError, match=r"the limit is 1,000"):
        field.read(DecodeLimits(max_bytes=1_000))


def test_a_zip_lying_about_sizes_is_bounded(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "liar.zip", "a.png", data=bytes(range(256)) * 400)
    raw = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(signature) + offset
        raw[at : at + 4] = (50).to_bytes(4, "little")
    archive.write_bytes(raw)
    (field,) = discover([archive])[0].fields
    with pytest.raises(ImageError):
        field.read(DEFAULT_LIMITS)


def test_encrypted_and_damaged_members_fail_when_read(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "secret.zip", "a.png")
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    with pytest.raises(ImageError, match="encrypted"):
        discover([archive])[0].fields[0].read(DEFAULT_LIMITS)
    damaged = zipped(tmp_path / "damaged.zip", "a.png")
    raw = bytearray(damaged.read_bytes())
    raw[45:55] = bytes(10)
    damaged.write_bytes(raw)
    with pytest.raises(ImageError, match=r"cannot be read from damaged\.zip"):
        discover([damaged])[0].fields[0].read(DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("stored", "meant"),
    [
        ("Mu\u0308ller/Präparat 1.png".encode(), "Müller/Präparat 1.png"),  # macOS composes no letters
        ("Müller/Präparat 1.png".encode("cp850"), "Müller/Präparat 1.png"),  # Windows in Western Europe
        ("Петров/мазок.png".encode(), "Петров/мазок.png"),
    ],
)
def test_names_without_the_flag_of_utf_8_are_read_as_meant(stored: bytes, meant: str, tmp_path: Path) -> None:
    placeholder = "x" * (len(stored) - 4) + ".png"
    archive = zipped(tmp_path / "cohort.zip", placeholder, "ASCII/a.png")
    archive.write_bytes(archive.read_bytes().replace(placeholder.encode(), stored))
    patient, name = meant.split("/")
    found = discover([archive])
    assert layout(found) == {"ASCII": ["a.png"], patient: [name]}
    for each in found:
        assert each.fields[0].head(4) == b"\x89PNG"
        assert each.fields[0].read(DEFAULT_LIMITS).startswith(b"\x89PNG")


@pytest.mark.parametrize("wrapped", ["", "cohort/"])
def test_an_archive_inside_an_archive_is_told_of_on_its_own_patient(tmp_path: Path, wrapped: str) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("A/1.png", "B/1.png", "B/more.zip"):
            archive.writestr(wrapped + name, b"\x89PNG")
    first, second = discover([tmp_path / "all.zip"])
    assert (first.patient, first.problems) == ("A", ())
    assert second.problems == (f"all.zip: the archive '{wrapped}B/more.zip' inside it was not opened",)
